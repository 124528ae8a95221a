"""A real HTTPS server that keeps what is posted to it, and answers as it is told."""

from __future__ import annotations

import http.server
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from tests.support.https_files import serving


@dataclass(frozen=True)
class Post:
    """What came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Webhook:
    """The receiver."""

    port: int = 0
    posts: list[Post] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """For each coming post: status and headers; then 204."""

    @property
    def url(self) -> str:
        """Where to post."""
        return f"https://localhost:{self.port}/hook"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        hook = cast("_Server", self.server).hook
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        hook.posts.append(Post(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        status, headers = hook.answers.pop(0) if hook.answers else (204, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


class _Server(http.server.ThreadingHTTPServer):
    hook: Webhook


@contextmanager
def running_webhook(certificate: Path, key: Path) -> Iterator[Webhook]:
    """Serve until the end of the block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.hook = Webhook(port=server.server_address[1])
    with serving(server, certificate, key):
        yield server.hook
