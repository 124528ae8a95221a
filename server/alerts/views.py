"""The live feed (server-sent events) and the evidence that its cards show."""

from __future__ import annotations

import json
import select
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, request

from server.alerts import service as alerts
from server.alerts.position import read_position
from server.auth import service as auth
from server.auth.web import current_principal, require, session_token
from server.db.engine import Database
from server.domain import access
from server.domain.access import Permission, Principal
from server.domain.views import card_json
from server.errors import NotAuthenticated, NotFound, Unavailable
from server.incidents import queries
from server.places.service import PlaceTree
from server.services import Services, services
from server.storage.reading import send_evidence, send_thumbnail

blueprint = Blueprint("live", __name__)

HEARTBEAT_S: Final = 15.0
BATCH: Final = 200
_SEND_BUFFER_BYTES: Final = 64 * 1024
"""Small, so that a client that takes nothing is noticed after some hundred alerts, not thousands."""


@blueprint.get("/api/v1/live")
def live() -> Response:
    """Stream alerts from `Last-Event-ID` on, or from now."""
    watcher = require(Permission.WATCH_INCIDENTS)
    token = session_token()
    if token is None:
        raise NotAuthenticated("nobody is signed in", "Sign in.")
    position = read_position(request.headers.get("Last-Event-ID") or request.args.get("last_event_id") or "")
    connection = request.environ.get("gunicorn.socket")
    connection = connection if isinstance(connection, socket.socket) else None
    _bound_sending(connection)
    parts = services()
    leave = parts.hub.enter(watcher.actor)
    parts.metrics.live_clients.inc()

    def left() -> None:
        leave()
        parts.metrics.live_clients.dec()

    response = Response(_stream(parts, token, position, connection), mimetype="text/event-stream")
    response.call_on_close(left)  # also when the body is never begun: HEAD, or a client that has gone
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    response.headers["Connection"] = "close"
    return response


def _bound_sending(connection: socket.socket | None) -> None:
    """A client that takes nothing is dropped: sending to it times out. It resumes where it stopped."""
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        connection.settimeout(services().settings.stream_send_timeout_s)


def _has_gone(connection: socket.socket | None) -> bool:
    """Whether the client closed its page: the kernel knows at once, a write would only tell at the next heartbeat.

    Until then the stream held one of the person's places: who opens some incidents one after the other was told
    that too many live pages are open.
    """
    if connection is None or isinstance(connection, ssl.SSLSocket):  # TLS has no look at what waits to be read
        return False
    try:
        waiting = select.poll()
        waiting.register(connection, select.POLLIN)
        return bool(waiting.poll(0)) and connection.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):  # reset, or closed already
        return True


def _stream(
    parts: Services, token: str, position: int | None, connection: socket.socket | None = None
) -> Iterator[str]:
    if position is None:
        with parts.database.read() as session:
            position = alerts.latest_sequence(session)
    yield f"retry: 2000\nid: {position}\n\n"
    seen, said_s = 0, time.monotonic()
    while not parts.hub.closing:
        try:
            watcher = _watcher(parts, token)
            if watcher is None:
                yield "event: end\ndata: {}\n\n"
                return
            messages, position = _news(parts.database, watcher, position)
        except Unavailable:
            messages = []
        yield from messages
        if messages:
            said_s = time.monotonic()
            continue
        seen = _wait(parts, seen, said_s, connection)
        if _has_gone(connection):
            return
        if time.monotonic() - said_s >= HEARTBEAT_S:
            said_s = time.monotonic()
            yield ": still here\n\n"


def _wait(parts: Services, seen: int, said_s: float, connection: socket.socket | None) -> int:
    """Wait for the doorbell, or until a heartbeat is due or the client has gone (looked at each `hub.POLL_S`)."""
    newest = seen
    while not parts.hub.closing and newest == seen and time.monotonic() - said_s < HEARTBEAT_S:
        newest = parts.hub.wait(seen, HEARTBEAT_S)
        if _has_gone(connection):
            break
    return newest


def _watcher(parts: Services, token: str) -> Principal | None:
    """Who holds the session now, if they may still watch."""
    with parts.database.read() as session:
        found = auth.principal_of_session(session, parts.clock, parts.session_policy, token)
    if found is None or not access.may(found[0], Permission.WATCH_INCIDENTS):
        return None
    return found[0]


def _news(database: Database, watcher: Principal, position: int) -> tuple[list[str], int]:
    """The alerts after a position as this watcher may see them now, and the new position."""
    with database.read() as session:
        villages = PlaceTree.read(session).villages_of(watcher)
        items, reached = alerts.read_after(session, position, villages, BATCH)
        cards = queries.cards_by_id(session, watcher, [item.incident_id for item in items])
    if reached < position:
        return [alerts.set_back_message(reached)], reached
    messages = [_message(item, card_json(cards[item.incident_id])) for item in items if item.incident_id in cards]
    return messages, reached


def _message(item: alerts.FeedItem, card: dict[str, Any]) -> str:
    data = json.dumps({"change": item.change, **card}, ensure_ascii=False, separators=(",", ":"))
    return f"id: {item.sequence}\nevent: alert\ndata: {data}\n\n"


@blueprint.get("/media/<uuid:incident_id>/<sha256>")
def media(incident_id: UUID, sha256: str) -> Response:
    """A piece of evidence of an incident, for those who may see it now. Ranges are served."""
    principal = current_principal()
    if principal is None:
        raise NotAuthenticated("nobody is signed in", "Sign in.")
    parts = services()
    with parts.database.read() as session:
        file = queries.openable_evidence(session, principal, parts.clock, parts.public_policy, incident_id, sha256)
    try:
        small = request.args.get("size") == "card" and file.media_type == "image/jpeg"
        response = send_thumbnail(parts.store, parts.thumbnails, file) if small else send_evidence(parts.store, file)
    except FileNotFoundError as error:
        raise NotFound("this evidence was removed") from error
    # A browser may keep it, but asks each time whether it still may show it.
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Content-Disposition"] = "inline"
    response.headers["Vary"] = "Cookie"
    return response
