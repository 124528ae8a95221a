"""HTTP of the stream process (ASGI): who may connect, from which position, and what they are sent."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final, Self
from urllib.parse import parse_qs

from server.alerts import service as alerts
from server.alerts.position import read_position
from server.auth.tokens import token_hash
from server.errors import Forbidden, NotAuthenticated, NotFound, ServerError
from server.http import REQUEST_ID, SECURITY_HEADERS
from server.monitoring.metrics import Metrics
from server.monitoring.readiness import Readiness
from server.settings import Settings
from server.stream.audience import Client
from server.stream.live import Live
from server.stream.looks import LOOK, LookDesk
from server.stream.reader import Welcome, may_watch

log = logging.getLogger("server.access")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Cut = Callable[[tuple[str, int]], None]
"""Cuts the connection of a peer (address, port) at once."""

LIVE: Final = "/api/v1/live"
ROUTES: Final = frozenset({LIVE, LOOK, "/healthz", "/readyz", "/metrics"})
_MAX_TOKEN: Final = 200
_STREAM_HEADERS: Final = {
    **SECURITY_HEADERS,
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What is looked at of a request."""

    method: str
    path: str
    headers: dict[str, str]
    """With lower-case names."""
    query_string: bytes
    peer: tuple[str, int]
    id: str
    began_s: float

    @classmethod
    def of(cls, scope: MutableMapping[str, Any]) -> Self:
        """Read it from ASGI's words."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        sent_id = headers.get("x-request-id", "")
        request_id = sent_id if REQUEST_ID.fullmatch(sent_id) else secrets.token_hex(8)
        peer = scope["client"] or ("", 0)
        return cls(scope["method"], scope["path"], headers, scope["query_string"], peer, request_id, time.monotonic())

    def query(self, name: str) -> str:
        """A value of the query; empty when it is not there."""
        try:
            return parse_qs(self.query_string.decode("latin-1"), max_num_fields=20).get(name, [""])[0]
        except ValueError:
            return ""


class StreamApp:
    """The ASGI app.

    Args:
        settings: Of the server.
        live: The feed.
        metrics: What `/metrics` tells.
        readiness: What `/readyz` tells.
        cut: How to cut a peer's connection.
        looks: The questions of boxes.
    """

    def __init__(
        self,
        settings: Settings,
        live: Live,
        metrics: Metrics,
        readiness: Readiness,
        cut: Cut,
        looks: LookDesk,
    ) -> None:
        self._settings = settings
        self._live = live
        self._metrics = metrics
        self._readiness = readiness
        self._cut = cut
        self._looks = looks
        self._sending: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request. While a stream is open this frame is all that is kept of it, beside its client."""
        if scope["type"] != "http":
            return
        request = Request.of(scope)
        if request.path == LOOK and request.method == "GET":
            await self._hold(request, receive, send)
            return
        if request.path != LIVE or request.method != "GET":
            await self._answer_whole(request, send)
            return
        client = await self._join(request, send)
        del request
        if client is None:
            return
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            client.ended = True
            self._live.audience.dismiss(client)
            self._live.audience.release(client.actor)

    async def _hold(self, request: Request, receive: Receive, send: Send) -> None:
        """Hold the question of a box until something is wished of it."""
        try:
            found = await self._looks.answer(
                request.method, request.path, request.query_string.decode("latin-1"), request.headers, receive
            )
        except ServerError as error:
            await self._refuse(request, error, send)
            return
        if found is not None:
            (status, body, more), who = found
            await _send_whole(send, status, body, {"X-Request-Id": request.id, **more})
            self._note(request, status, who)

    async def _answer_whole(self, request: Request, send: Send) -> None:
        try:
            status, body, more = await self._page(request)
        except ServerError as error:
            await self._refuse(request, error, send)
            return
        await _send_whole(send, status, body, {"X-Request-Id": request.id, **more})
        self._note(request, status, "-")

    async def _page(self, request: Request) -> tuple[HTTPStatus, bytes, dict[str, str]]:
        if request.method not in {"GET", "HEAD"} or request.path not in ROUTES - {LIVE, LOOK}:
            raise NotFound("nothing here but the live feed")
        if request.path == "/healthz":
            return HTTPStatus.OK, json.dumps({"status": "ok", "clients": len(self._live.audience)}).encode(), {}
        if request.path == "/readyz":
            status, found = await asyncio.to_thread(self._readiness.look)
            return status, json.dumps(found).encode(), {}
        self._metrics.refuse_strangers(self._settings, request.peer[0], request.headers)
        text, content_type = await asyncio.to_thread(self._metrics.page)
        return HTTPStatus.OK, text, {"Content-Type": content_type}

    async def _join(self, request: Request, send: Send) -> Client | None:
        """Check who asks, send what they missed, and let them in; None when they were refused."""
        try:
            position = read_position(request.headers.get("last-event-id") or request.query("last_event_id"))
            token = self._token(request.headers)
            if not token:
                raise NotAuthenticated("nobody is signed in", "Sign in.")
            welcome, position = await self._live.welcome(token, position)
            if welcome is None:
                raise NotAuthenticated("nobody is signed in", "Sign in.")
            if not may_watch(welcome.principal):
                raise Forbidden("your role may not do this", "Ask an admin.")
            self._live.reserve(welcome.principal)
        except ServerError as error:
            await self._refuse(request, error, send)
            return None
        self._note(request, HTTPStatus.OK, welcome.principal.actor)
        await send(_start(HTTPStatus.OK, {**_STREAM_HEADERS, "X-Request-Id": request.id}))
        return self._client(request, token_hash(token), welcome, position, send)

    def _client(self, request: Request, token: bytes, welcome: Welcome, position: int, send: Send) -> Client:
        audience = self._live.audience

        def wake(client: Client) -> None:
            client.sending_since_s = asyncio.get_running_loop().time()
            # A task only while there is something to send: at rest a client costs one, which waits for its end.
            task = asyncio.create_task(_send_waiting(client, send))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

        reached = max(position, welcome.reached)
        client = Client(token, welcome.principal, reached, wake, partial(self._drop, request.peer))
        missed = welcome.messages
        first = b"retry: 2000\nid: %d\n\n" % position
        if welcome.is_set_back:
            first += alerts.set_back_message(position).encode()
        if not welcome.is_more:
            missed = missed + audience.since(reached, welcome.villages)
            client.position = max(reached, audience.position)
        client.say(b"".join([first, *(message.payload for message in missed)]))
        if welcome.is_more or self._live.is_closing:
            client.end(b"retry: 200\nid: %d\n\n" % client.position)
        else:
            audience.admit(client)
        return client

    def _drop(self, peer: tuple[str, int]) -> None:
        self._metrics.live_drops.inc()
        self._cut(peer)

    async def _refuse(self, request: Request, error: ServerError, send: Send) -> None:
        more = {"X-Request-Id": request.id}
        if error.retry_after_s is not None:
            more["Retry-After"] = str(error.retry_after_s)
        await _send_whole(send, error.status, json.dumps(error.as_json()).encode(), more)
        self._note(request, error.status, "-")

    def _note(self, request: Request, status: int, who: str) -> None:
        took_s = time.monotonic() - request.began_s
        route = request.path if request.path in ROUTES else "-"
        self._metrics.request(request.method, route, status, took_s)
        fields = {
            "method": request.method,
            "path": request.path[:300],
            "status": int(status),
            "ms": round(took_s * 1000, 1),
            "who": who,
            "request_id": request.id,
        }
        log.info("request", extra={"fields": fields})

    def _token(self, headers: dict[str, str]) -> str:
        """The session token of the cookie: over https the one that browsers take with https only."""
        forwarded = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        is_https = self._settings.public_url.startswith("https://") or (
            self._settings.proxy_hops > 0 and forwarded == "https"
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
