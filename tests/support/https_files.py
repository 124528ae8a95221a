"""A real HTTPS server of files on loopback, which can be told to misbehave as servers and networks do."""

from __future__ import annotations

import http.server
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast


@dataclass
class HttpsFiles:
    """What the server has and does. Change it while it runs."""

    port: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    """Content by path."""
    redirects: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    cut_after: list[int] = field(default_factory=list)
    """For each coming answer: send so many bytes of the body, then break the connection."""
    statuses: list[int] = field(default_factory=list)
    """For each coming answer: only this status."""
    asked: list[str] = field(default_factory=list)
    """Range of each request; empty: the whole."""

    def url(self, path: str) -> str:
        """The address of a file."""
        return f"https://localhost:{self.port}{path}"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        files = cast("_Server", self.server).files
        wanted = self.headers.get("Range", "")
        files.asked.append(wanted)
        self.close_connection = True
        if files.statuses:
            return self._answer(files.statuses.pop(0), {}, b"")
        if self.path in files.redirects:
            return self._answer(302, {"Location": files.redirects[self.path]}, b"")
        content = files.files.get(self.path)
        if content is None:
            return self._answer(404, {}, b"")
        match = re.fullmatch(r"bytes=(\d+)-", wanted) if files.ranges else None
        if match is None:
            return self._answer(200, {}, content)
        start = int(match[1])
        if start >= len(content):
            return self._answer(416, {"Content-Range": f"bytes */{len(content)}"}, b"")
        about = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        return self._answer(206, about, content[start:])

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body)), "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
        cuts = cast("_Server", self.server).files.cut_after
        if cuts and body:
            self.wfile.write(body[: cuts.pop(0)])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


class _Server(http.server.ThreadingHTTPServer):
    files: HttpsFiles


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost, and its key."""
    certificate, key = folder / "localhost.crt", folder / "localhost.key"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key,
            "-out", certificate,
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


@contextmanager
def serving(server: http.server.HTTPServer, certificate: Path, key: Path) -> Iterator[None]:
    """Serve with TLS until the end of the block."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def https_files(certificate: Path, key: Path) -> Iterator[HttpsFiles]:
    """Serve until the end of the block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.files = HttpsFiles(port=server.server_address[1])
    with serving(server, certificate, key):
        yield server.files
