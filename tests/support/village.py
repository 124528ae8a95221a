"""A server in this process with a named cast, on either database, with a clock that tests move."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

from flask import Flask
from flask.testing import EnvironBuilder, FlaskClient
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from contract.ids import uuid7
from edge.identity import DeviceIdentity
from server import create_app, migrations
from server.alerts.relay import waiting
from server.auth import service as auth
from server.db.device_models import DeviceKey
from server.db.models import User
from server.devices import service as devices
from server.domain.access import Principal, Role
from server.places import service as places
from server.services import EXTENSION, Services
from server.settings import Settings
from tests.support.identity import SignedAuth, make_identity, signed_headers

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
"""A Monday, 10:00 in the village."""
PASSWORD = "mot mat khau dai"
SITE = """\
site: {name: Xã Nhơn Lộc, timezone: Asia/Ho_Chi_Minh, language: vi}
places:
  - {id: gia-lai, kind: province, name: Gia Lai}
  - {id: nhon-loc, kind: commune, name: Xã Nhơn Lộc, parent: gia-lai}
  - {id: village-a, kind: village, name: Thôn A, parent: nhon-loc}
  - {id: village-b, kind: village, name: Thôn B, parent: nhon-loc}
"""
CAST = {
    "officer_a": (Role.OFFICER, "village-a"),
    "officer_a2": (Role.OFFICER, "village-a"),
    "officer_b": (Role.OFFICER, "village-b"),
    "officer_commune": (Role.OFFICER, "nhon-loc"),
    "resident_a": (Role.RESIDENT, "village-a"),
    "resident_b": (Role.RESIDENT, "village-b"),
    "admin": (Role.ADMIN, None),
    "admin_b": (Role.ADMIN, "village-b"),
}
DEVICES = {"box-a": "village-a", "box-b": "village-b"}
FACTS: dict[str, dict[str, Any]] = {
    "crowding": {"peak_people": 12, "median_people": 10.5, "min_people": 10, "after_hours": False, "stay_s": 85.0},
    "intrusion": {"object_class": "person", "stay_s": 14.0, "peak_count": 2},
}


_EVIDENCE = re.compile(r"/api/v1/evidence/([0-9a-f]{64})")
_SIGN_AS = "X-Sign-As"
_VILLAGE = "village of the tests"


class Browser(FlaskClient):
    """A client that reads each answer to its end, as a browser does, so that files are closed."""

    def open(self, *args: Any, buffered: bool = True, follow_redirects: bool = False, **kwargs: Any) -> TestResponse:
        """Ask for something; as a device, where the headers are those of `Village.signed`."""
        device = (kwargs.get("headers") or {}).get(_SIGN_AS)
        if device is not None:
            builder = EnvironBuilder(self.application, *args, **kwargs)
            try:
                args, kwargs = (self.application.extensions[_VILLAGE].sign(device, builder.get_environ()),), {}
            finally:
                builder.close()
        return super().open(*args, buffered=buffered, follow_redirects=follow_redirects, **kwargs)


class MovableClock:
    """Time that stands still until a test moves it."""

    def __init__(self, at: datetime = NOW) -> None:
        self._at = at

    def utc(self) -> datetime:
        """The time it shows."""
        return self._at

    def advance(self, **by: float) -> None:
        """Move it, by `minutes=5` and the like."""
        self._at += timedelta(**by)


@dataclass
class Village:
    """A server and everybody who talks to it."""

    app: Flask
    clock: MovableClock
    identities: dict[str, DeviceIdentity] = field(default_factory=dict)
    user_ids: dict[str, int] = field(default_factory=dict)

    @property
    def parts(self) -> Services:
        """The server's parts."""
        parts: Services = self.app.extensions[EXTENSION]
        return parts

    def principal(self, name: str) -> Principal:
        """Somebody of the cast, as services see them now."""
        with self.parts.database.read() as session:
            return auth.principal_of_user(session.get_one(User, self.user_ids[name]))

    def session_token(self, name: str) -> str:
        """Sign somebody in without spending time on the password."""
        with self.parts.database.write() as session:
            user = session.get_one(User, self.user_ids[name])
            return auth.open_session(session, self.clock, self.parts.session_policy, user)

    def settle(self) -> None:
        """Wait until every committed alert is in the feed."""
        deadline = time.monotonic() + 15
        while True:
            with self.parts.database.read() as session:
                if not waiting(session).rows:
                    return
            assert time.monotonic() < deadline, "alerts wait for their number"
            time.sleep(0.01)

    def browser(self, name: str | None) -> FlaskClient:
        """A browser, signed in as somebody; None is a stranger."""
        client = self.app.test_client()
        if name is not None:
            client.set_cookie("langan_session", self.session_token(name))
        return client

    def post(self, events: list[dict[str, Any]], device: str = "box-a", **headers: str) -> TestResponse:
        """Post a batch as a device."""
        with self.app.test_client() as client:
            return client.post("/api/v1/events", json={"events": events}, headers=self.signed(device) | headers)

    def signed(self, device: str) -> dict[str, str]:
        """Headers that let the test client sign as a device."""
        return {_SIGN_AS: device}

    def sign(self, device: str, environ: dict[str, Any]) -> dict[str, Any]:
        """Sign a request of the test client, by the village's clock."""
        body = environ["wsgi.input"].read()
        environ.pop(f"HTTP_{_SIGN_AS.upper().replace('-', '_')}")
        environ["wsgi.input"] = BytesIO(body)
        target = quote(environ["PATH_INFO"].encode("latin-1"))
        if environ["QUERY_STRING"]:
            target += f"?{environ['QUERY_STRING']}"
        announced = _EVIDENCE.fullmatch(target) if environ["REQUEST_METHOD"] == "PUT" else None
        headers = signed_headers(
            self.identities[device],
            environ["REQUEST_METHOD"],
            target,
            body,
            now=self.clock.utc(),
            sha256=bytes.fromhex(announced[1]) if announced else None,  # as the edge does, which trusts its file's name
        )
        for name, value in headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_LENGTH" else f"HTTP_{key}"] = value
        return environ

    def auth(self, device: str) -> SignedAuth:
        """For httpx clients of a server process, by the real time."""
        return SignedAuth(self.identities[device])

    def enrol(self, device: str) -> None:
        """Let a device in that is known, without a code."""
        identity = make_identity(device, server=self.parts.server_key)
        with self.parts.database.write() as session:
            key = identity.private_key.public_key().public_bytes_raw()
            session.merge(DeviceKey(device_id=device, public_key=key, enrolled_at=self.clock.utc()))
        self.identities[device] = identity

    def put_evidence(self, content: bytes, device: str = "box-a", sha256: str | None = None) -> TestResponse:
        """Upload a file as a device."""
        address = sha256 or hashlib.sha256(content).hexdigest()
        with self.app.test_client() as client:
            return client.put(f"/api/v1/evidence/{address}", data=content, headers=self.signed(device))


@contextmanager
def running_village(folder: Path, database_url: str = "", **settings: Any) -> Iterator[Village]:
    """Make a server with places, people and devices."""
    clock = MovableClock()
    values = {"data_dir": folder, "database_url": database_url, "public_delay_s": 0, "min_free_bytes": 0}
    app = create_app(Settings.model_validate(values | settings), clock)
    app.test_client_class = Browser
    village = app.extensions[_VILLAGE] = Village(app, clock)
    parts = village.parts
    migrations.upgrade(parts.database)
    with parts.database.write() as session:
        places.sync(session, clock, SITE, "site.yaml")
    with parts.database.write() as session:
        for name, (role, place) in CAST.items():
            user = User(
                username=name,
                display_name=name,
                password_hash="!",
                role=role,
                place_id=place,
                active=True,
                created_at=NOW,
                password_changed_at=NOW,
            )
            session.add(user)
            session.flush()
            village.user_ids[name] = user.id
        for name, place in DEVICES.items():
            devices.create_device(session, clock, device_id=name, place_id=place)
    for name in DEVICES:
        village.enrol(name)
    parts.relay.start()
    try:
        yield village
    finally:
        parts.relay.stop()
        parts.hub.close()
        parts.database.close()


@contextmanager
def listening(village: Village) -> Iterator[str]:
    """Serve the village over real sockets, with threads; gives the address."""
    server = make_server("127.0.0.1", 0, village.app, threaded=True)
    server.daemon_threads = True  # type: ignore[attr-defined]  # of the threaded server that make_server gives
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        village.parts.hub.closing = True
        server.shutdown()
        thread.join()
        server.server_close()


def event(
    started_s: float = 0.0,
    *,
    lasts_s: float = 10.0,
    event_id: UUID | None = None,
    revision: int = 0,
    ended: bool = False,
    kind: str = "crowding",
    village: str = "village-a",
    camera: str | None = None,
    spot: str | None = None,
    evidence: list[dict[str, Any]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """An event's body; times are seconds from 09:00 village time, one hour before the clock's."""
    started_at = NOW - timedelta(hours=1) + timedelta(seconds=started_s)
    last = started_at + timedelta(seconds=lasts_s)
    camera = camera or f"cam-{village}"
    state = "end" if ended else "update" if revision else "start"
    return {
        "event_id": str(event_id or uuid7(started_at)),
        "revision": max(revision, 1) if ended else revision,
        "kind": kind,
        "camera_id": camera,
        "village": village,
        "spot": spot or camera,
        "zone": "zone-1",
        "state": state,
        "started_at": started_at.isoformat(),
        "observed_at": last.isoformat(),
        "ended_at": last.isoformat() if ended else None,
        "confidence": 0.8,
        "facts": FACTS[kind],
        "evidence": evidence or [],
        **more,
    }


def reference(content: bytes, role: str = "snapshot", media_type: str = "image/jpeg") -> dict[str, Any]:
    """How an event names a file."""
    return {
        "role": role,
        "sha256": hashlib.sha256(content).hexdigest(),
        "media_type": media_type,
        "size_bytes": len(content),
        "codec": "h264" if media_type == "video/mp4" else None,
    }
