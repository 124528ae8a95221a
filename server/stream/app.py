"""HTTP of the stream process (ASGI): who may connect, from which position, and what they are sent."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

from server.alerts.position import read_position
from server.auth.tokens import token_hash
from server.errors import Forbidden, NotAuthenticated, NotFound, ServerError
from server.http import REQUEST_ID, SECURITY_HEADERS
from server.monitoring.metrics import Metrics
from server.monitoring.readiness import Readiness
from server.settings import Settings
from server.stream.audience import Client
from server.stream.live import Live
from server.stream.reader import Welcome, may_watch

log = logging.getLogger("server.access")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Drop = Callable[[tuple[str, int]], Callable[[], None]]
"""Gives what cuts the connection of a peer (address, port)."""

LIVE: Final = "/api/v1/live"
ROUTES: Final = frozenset({LIVE, "/healthz", "/readyz", "/metrics"})
_MAX_TOKEN: Final = 200
_STREAM_HEADERS: Final = {
    **SECURITY_HEADERS,
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}


class StreamApp:
    """The ASGI app.

    Args:
        settings: Of the server.
        live: The feed.
        metrics: What `/metrics` tells.
        readiness: What `/readyz` tells.
        drop_of: How to cut a peer's connection.
    """

    def __init__(self, settings: Settings, live: Live, metrics: Metrics, readiness: Readiness, drop_of: Drop) -> None:
        self._settings = settings
        self._live = live
        self._metrics = metrics
        self._readiness = readiness
        self._drop_of = drop_of
        self._sending: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        sent_id = headers.get("x-request-id", "")
        request_id = sent_id if REQUEST_ID.fullmatch(sent_id) else secrets.token_hex(8)
        began_s = time.monotonic()
        who = "-"
        try:
            status, body, more = await self._answer(scope, headers, receive, send, request_id)
        except ServerError as error:
            status, body, more = error.status, json.dumps(error.as_json()).encode(), {}
            if error.retry_after_s is not None:
                more["Retry-After"] = str(error.retry_after_s)
        if status:
            await _send_whole(send, status, body, {"X-Request-Id": request_id, **more})
            route = scope["path"] if scope["path"] in ROUTES else "-"
            self._metrics.request(scope["method"], route, status, time.monotonic() - began_s)
            log.info("request", extra={"fields": _log(scope, status, began_s, who, request_id)})

    async def _answer(
        self, scope: MutableMapping[str, Any], headers: dict[str, str], receive: Receive, send: Send, request_id: str
    ) -> tuple[int, bytes, dict[str, str]]:
        """The whole answer to what is no stream; status 0 after a stream, which was answered already."""
        path = scope["path"]
        if scope["method"] not in {"GET", "HEAD"} or path not in ROUTES:
            raise NotFound("nothing here but the live feed")
        json_type = {"Content-Type": "application/json"}
        if path == "/healthz":
            return HTTPStatus.OK, json.dumps({"status": "ok", "clients": len(self._live.audience)}).encode(), json_type
        if path == "/readyz":
            status, body = await asyncio.to_thread(self._readiness.look)
            return status, json.dumps(body).encode(), json_type
        if path == "/metrics":
            peer = scope["client"][0] if scope["client"] else ""
            self._metrics.refuse_strangers(self._settings, peer, headers)
            text, content_type = await asyncio.to_thread(self._metrics.page)
            return HTTPStatus.OK, text, {"Content-Type": content_type}
        await self._stream(scope, headers, receive, send, request_id)
        return 0, b"", {}

    async def _stream(
        self, scope: MutableMapping[str, Any], headers: dict[str, str], receive: Receive, send: Send, request_id: str
    ) -> None:
        began_s = time.monotonic()
        query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=20)
        position = read_position(headers.get("last-event-id") or query.get("last_event_id", [""])[0])
        token = self._token(headers)
        if not token:
            raise NotAuthenticated("nobody is signed in", "Sign in.")
        welcome, position = await self._live.welcome(token, position)
        if welcome is None:
            raise NotAuthenticated("nobody is signed in", "Sign in.")
        if not may_watch(welcome.principal):
            raise Forbidden("your role may not do this", "Ask an admin.")
        release = self._live.reserve(welcome.principal)
        try:
            fields = _log(scope, HTTPStatus.OK, began_s, welcome.principal.actor, request_id)
            log.info("request", extra={"fields": fields})
            self._metrics.request(scope["method"], LIVE, HTTPStatus.OK, time.monotonic() - began_s)
            await send(_start(HTTPStatus.OK, {**_STREAM_HEADERS, "X-Request-Id": request_id}))
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            await self._follow(scope, welcome, position, token, receive, send)
        finally:
            release()

    async def _follow(
        self,
        scope: MutableMapping[str, Any],
        welcome: Welcome,
        position: int,
        token: str,
        receive: Receive,
        send: Send,
    ) -> None:
        """Send what was missed, and then what is new, until one side ends it."""
        audience = self._live.audience

        def wake(client: Client) -> None:
            client.sending_since_s = asyncio.get_running_loop().time()
            # A task only while there is something to send: at rest a client costs one, which waits for its end.
            task = asyncio.create_task(_send_waiting(client, send))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

        cut = self._drop_of(scope["client"])

        def drop() -> None:
            self._metrics.live_drops.inc()
            cut()

        reached = max(position, welcome.reached)
        client = Client(token_hash(token), welcome.principal, reached, wake, drop)
        missed = welcome.messages
        if not welcome.is_more:
            missed = missed + audience.since(reached, welcome.villages)
            client.position = max(reached, audience.position)
        client.say(b"".join([b"retry: 2000\nid: %d\n\n" % position, *(message.payload for message in missed)]))
        if welcome.is_more or self._live.is_closing:
            client.end(b"retry: 200\nid: %d\n\n" % client.position)
        else:
            audience.admit(client)
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            client.ended = True
            audience.dismiss(client)

    def _token(self, headers: dict[str, str]) -> str:
        """The session token of the cookie: over https the one that browsers take with https only."""
        is_https = self._settings.public_url.startswith("https://") or (
            self._settings.proxy_hops > 0 and headers.get("x-forwarded-proto", "").strip().lower() == "https"
        )
        wanted = "__Host-langan_session" if is_https else "langan_session"
        for part in headers.get("cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == wanted and 0 < len(value) <= _MAX_TOKEN:
                return value
        return ""


async def _send_waiting(client: Client, send: Send) -> None:
    """Send all that waits for a client; the sending waits while its connection's buffers are full."""
    loop = asyncio.get_running_loop()
    while client.waiting:
        body = client.waiting[0] if len(client.waiting) == 1 else b"".join(client.waiting)
        client.waiting.clear()
        client.sending_since_s = loop.time()
        await send({"type": "http.response.body", "body": body, "more_body": True})
    if client.ended:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    client.sending_since_s = None


def _start(status: int, headers: dict[str, str]) -> Message:
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": int(status), "headers": encoded}


async def _send_whole(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    headers = {"Content-Type": "application/json", **SECURITY_HEADERS, "Cache-Control": "no-store", **headers}
    await send(_start(status, {**headers, "Content-Length": str(len(body))}))
    await send({"type": "http.response.body", "body": body})


def _log(scope: MutableMapping[str, Any], status: int, began_s: float, who: str, request_id: str) -> dict[str, Any]:
    return {
        "method": scope["method"],
        "path": scope["path"][:300],
        "status": int(status),
        "ms": round((time.monotonic() - began_s) * 1000, 1),
        "who": who,
        "request_id": request_id,
    }
