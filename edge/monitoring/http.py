"""`/metrics` and `/healthz`: two pages, read only, for the box's own network.

Whoever asks slowly, or too often, waits for themselves: few requests at a time, each ended after a few seconds, and
nobody's work waits for them.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from edge.errors import EdgeError
from edge.monitoring.exposition import CONTENT_TYPE
from edge.monitoring.health import Health

log = logging.getLogger(__name__)

MAX_AT_ONCE = 8
REQUEST_S = 5.0
"""From the connection to the last byte of the answer."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `HOST:PORT`, with an IPv6 address in brackets.

        Raises:
            ValueError: It is none; the message names the remedy.
        """
        host, colon, port = text.rpartition(":")
        if not colon or not host or not port.isascii() or not port.isdigit() or not 0 <= int(port) < 1 << 16:
            raise ValueError(f"{text!r} is no address: write HOST:PORT such as 127.0.0.1:9476, or off")
        return cls(host.removeprefix("[").removesuffix("]"), int(port))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Pages:
    """What is told."""

    metrics: Callable[[], str]
    health: Callable[[], Health]


class MonitoringServer:
    """Serves the pages in threads of its own.

    Args:
        address: Where to listen; port 0 lets the system choose.
        pages: What to tell.

    Raises:
        EdgeError: The address cannot be listened on.
    """

    def __init__(self, address: Address, pages: Pages) -> None:
        try:
            self._http = _Server(address, pages)
        except OSError as error:
            raise EdgeError(
                f"--http {address}: cannot listen there ({error.strerror}): choose another port, or off"
            ) from error
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.2,), name="monitoring", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._http.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Answer no more. Requests under way end within seconds by themselves."""
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join(timeout=2.0)
        self._http.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: Address, pages: Pages) -> None:
        self.pages = pages
        self._slots = threading.BoundedSemaphore(MAX_AT_ONCE)
        self.address_family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        super().__init__((address.host, address.port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin a request in a thread of its own; one too many is turned away at once."""
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and leave the place to the next one."""
        cut = threading.Timer(REQUEST_S, _cut, args=(request,))
        cut.daemon = True
        cut.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            cut.cancel()
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class gives them
        """Log in our own way; clients that go away are no news."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            log.error("monitoring_failed", exc_info=error)


def _cut(connection: socket.socket) -> None:
    """End a connection whoever is reading or writing it."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended already


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "langan-edge"
    sys_version = ""
    timeout = REQUEST_S

    def do_GET(self) -> None:
        """Answer with a page."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer with a page's head."""
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            status, kind, text = HTTPStatus.OK, CONTENT_TYPE, self.server.pages.metrics()
        elif path == "/healthz":
            health = self.server.pages.health()
            status, kind, text = health.http_status, "application/json", json.dumps(health.as_json(), indent=1) + "\n"
        else:
            status, kind, text = HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", "try /metrics or /healthz\n"
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Keep quiet: a monitor asks every few seconds, and what a client sends is nothing for our log."""
