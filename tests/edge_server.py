"""A real HTTP server for tests of the edge: it keeps what it is sent, and fails when it is told to."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from contract.device_api import content_digest
from server.devices.signatures import Message, NotSigned, Signature, check
from tests.support.identity import SERVER_KEY, make_identity
from tests.support.ports import free_port

IDENTITY = make_identity()
"""The one device that is let in."""
PRIVATE_KEY = b64encode(IDENTITY.private_key.private_bytes_raw()).decode()
_PUBLIC_KEY = IDENTITY.private_key.public_key().public_bytes_raw()


class EdgeServer:
    """Keeps events, evidence, heartbeats and camera files in memory, as the real server does on its disk.

    Attributes:
        events: `(event_id, revision)` of each event, in the order in which they were created.
        bodies: The same keys with what was sent.
        mood: Told the number of a request and its path, says what happens to it: `well`, a status such as `500`, `drop`
            (nothing is taken, no answer) or `take_and_drop` (taken, but the edge never learns).
        pulled: What an admin wrote: camera id to YAML.
        clock: What time the server says it is.
    """

    def __init__(self, port: int = 0) -> None:
        self.events: list[tuple[str, int]] = []
        self.bodies: dict[tuple[str, int], dict[str, Any]] = {}
        self.batch_sizes: list[int] = []
        self.evidence: dict[str, bytes] = {}
        self.heartbeats: list[dict[str, Any]] = []
        self.files: dict[str, str] = {}
        self.pulled: dict[str, str] = {}
        self.requests = 0
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.sign: Callable[[dict[str, str]], dict[str, str]] = lambda headers: headers
        """Told the headers with which the server has signed an answer, gives those that are sent."""
        self.server_key = SERVER_KEY
        self.mood: Callable[[int, str], str] = lambda _number, _path: "well"
        self.max_batch = 1000
        self.poison: set[str] = set()
        self._http = _HttpServer(("127.0.0.1", port or free_port()), self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, method: str, path: str, body: bytes, etag: str) -> tuple[int, Any]:
        """What a request brings about."""
        if path == "/api/v1/events":
            return self.take_events(body)
        if path.startswith("/api/v1/evidence/"):
            return self.take_evidence(path.rsplit("/", 1)[1], body)
        if path == "/api/v1/heartbeat":
            self.heartbeats.append(json.loads(body))
            return 204, None
        if path.endswith("/config"):
            return self.configs(method, path.split("/")[-2], body, etag)
        return 404, {"error": {"code": "not_found", "message": "not found"}}

    def configs(self, method: str, camera_id: str, body: bytes, etag: str) -> tuple[int, Any]:
        if method == "PUT":
            self.files[camera_id] = body.decode()
            author = "user:1" if camera_id in self.pulled else "device:demo"
            return 200, {"camera_id": camera_id, "version": 1, "author": author}
        if etag == self.etag():
            return 304, None
        texts = {**self.files, **self.pulled}
        cameras = [
            {"camera_id": key, "version": 1, "yaml": text, "author": "user:1" if key in self.pulled else "device:demo"}
            for key, text in texts.items()
        ]
        return 200, {"version": self.etag().strip('"'), "cameras": cameras}

    def etag(self) -> str:
        return '"' + sha256(repr((self.files, self.pulled)).encode()).hexdigest() + '"'

    def take_events(self, body: bytes) -> tuple[int, Any]:
        events = json.loads(body)["events"]
        self.batch_sizes.append(len(events))
        if len(events) > self.max_batch:
            return 413, {"error": "too large"}
        if any(event["event_id"] in self.poison for event in events):
            return 400, {"error": "poison"}
        results = []
        for event in events:
            key = (event["event_id"], event["revision"])
            status = "created" if key not in self.bodies else "duplicate" if self.bodies[key] == event else "conflict"
            if status == "created":
                self.events.append(key)
                self.bodies[key] = event
            results.append({"event_id": key[0], "revision": key[1], "status": status})
        return 200, {"results": results}

    def take_evidence(self, digest: str, body: bytes) -> tuple[int, Any]:
        if sha256(body).hexdigest() != digest:
            return 422, {"error": "content does not match its sha256"}
        self.evidence[digest] = body
        return 201, {"sha256": digest}


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], house: EdgeServer) -> None:
        super().__init__(address, _Handler)
        self.house = house


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HttpServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        pass

    def do_POST(self) -> None:
        self.take()

    def do_PUT(self) -> None:
        self.take()

    def do_GET(self) -> None:
        self.take()

    def take(self) -> None:
        house = self.server.house
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        house.requests += 1
        mood = house.mood(house.requests, self.path)
        signature = self.signature(body)
        if signature is None:
            return self.say(401, {"error": {"code": "not_authenticated", "message": "not signed", "remedy": "-"}})
        now = house.clock()
        if abs(now - signature.created) > timedelta(minutes=5):
            error = {"code": "clock_off", "message": "-", "remedy": "-", "server_time": now.isoformat()}
            return self.say(401, {"error": error})
        if mood.isdigit():
            return self.say(int(mood), {"error": f"told to answer {mood}"})
        if mood == "drop":
            self.close_connection = True
            return None
        status, said = house.answer(self.command, self.path, body, self.headers["If-None-Match"] or "")
        if mood == "take_and_drop":
            self.close_connection = True
            return None
        return self.say(status, said)

    def message(self) -> Message:
        return Message(self.command, f"http://device{self.path}", dict(self.headers.items()))

    def signature(self, body: bytes) -> Signature | None:
        """What the request is signed with; None: by nobody whom we know."""
        try:
            signature = check(self.message(), IDENTITY.device_id, _PUBLIC_KEY)
        except NotSigned:
            return None
        if self.path.startswith("/api/v1/evidence/"):
            return signature  # the address is the digest, and what comes is compared with it
        is_whole = signature.content_digest in {"", content_digest(sha256(body).digest())}
        return signature if is_whole else None

    def say(self, status: int, said: Any) -> None:
        content = b"" if said is None else json.dumps(said).encode()
        self.send_response(status)
        if "Signature" in self.headers:
            signed = self.server.house.server_key.sign_answer(self.message(), status, content, datetime.now(UTC))
            for name, value in self.server.house.sign(signed).items():
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        if self.path == "/api/v1/cameras/config":
            self.send_header("ETag", self.server.house.etag())
        self.end_headers()
        self.wfile.write(content)
