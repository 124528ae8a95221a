"""Thousands of pages that follow the live feed, on bare sockets in one thread: `bench/server_stream.py` reads so."""

from __future__ import annotations

import re
import resource
import selectors
import socket
import time
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

_ID: Final = re.compile(rb"^id: (\d+)$", re.MULTILINE)
_ALERT: Final = re.compile(rb"id: (\d+)\nevent: alert\ndata: (.*)\n\n")
AT_ONCE: Final = 50
"""So many are connected before their answers are waited for."""


@dataclass(slots=True)
class LivePage:
    """One page.

    Attributes:
        last_id: What a browser would send as `Last-Event-ID`.
        ids: Of the alerts that came, where they are kept.
    """

    connection: socket.socket
    token: str
    last_id: int = 0
    rest: bytes = b""
    ids: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Arrival:
    """An alert that came to a page."""

    page: LivePage
    sequence: int
    data: bytes
    at_s: float
    """By `time.perf_counter`."""


class LivePages:
    """Opens pages and reads what comes.

    Args:
        url: Of the stream process.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._selector = selectors.DefaultSelector()
        self.pages: list[LivePage] = []
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def open(self, tokens: list[str], last_id: int | None = None) -> None:
        """Connect a page for each token, and wait until each has its first message.

        Raises:
            RuntimeError: One was refused.
        """
        for start in range(0, len(tokens), AT_ONCE):
            fresh = [self._connect(token, last_id) for token in tokens[start : start + AT_ONCE]]
            for page in fresh:
                self._begin(page)
                self.pages.append(page)

    def again(self, page: LivePage) -> None:
        """Cut a page off and connect it anew, from where it was."""
        self._selector.unregister(page.connection)
        page.connection.close()
        fresh = self._connect(page.token, page.last_id)
        page.connection, page.rest = fresh.connection, b""
        self._begin(page)

    def read(self, timeout_s: float) -> list[Arrival]:
        """Read what has come, or wait for something."""
        arrivals: list[Arrival] = []
        for key, _ in self._selector.select(timeout_s):
            page: LivePage = key.data
            data = page.connection.recv(262_144)
            at_s = time.perf_counter()
            if not data:
                raise RuntimeError("the stream process ended a page")
            page.rest += data
            end = page.rest.rfind(b"\n\n")
            if end < 0:
                continue
            whole, page.rest = page.rest[: end + 2], page.rest[end + 2 :]
            arrivals += [Arrival(page, int(found[1]), found[2], at_s) for found in _ALERT.finditer(whole)]
            page.last_id = max([page.last_id, *(int(number) for number in _ID.findall(whole))])
        return arrivals

    def close(self) -> None:
        """Leave."""
        for page in self.pages:
            page.connection.close()
        self._selector.close()

    def _connect(self, token: str, last_id: int | None) -> LivePage:
        connection = socket.create_connection(self._address, 30)
        position = "" if last_id is None else f"Last-Event-ID: {last_id}\r\n"
        # As a browser asks; HTTP/1.0, so that no chunk heads lie between the bytes.
        head = (
            "GET /api/v1/live HTTP/1.0\r\nHost: 127.0.0.1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/140\r\n"
            f"Accept: text/event-stream\r\nAccept-Language: vi\r\nCookie: langan_session={token}\r\n{position}\r\n"
        )
        connection.sendall(head.encode())
        return LivePage(connection, token)

    def _begin(self, page: LivePage) -> None:
        received = b""
        while b"retry: " not in received or b"\n\n" not in received.partition(b"\r\n\r\n")[2]:
            data = page.connection.recv(65_536)
            if not data:
                raise RuntimeError(f"a page was refused: {received[:300]!r}")
            received += data
        body = received.partition(b"\r\n\r\n")[2]
        first = _ID.search(body)
        page.last_id = max(page.last_id, int(first[1]) if first else 0)
        page.rest = body[body.index(b"\n\n") + 2 :]
        page.connection.setblocking(False)
        self._selector.register(page.connection, selectors.EVENT_READ, page)
