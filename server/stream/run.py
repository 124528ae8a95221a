"""The stream process: its socket, its limits, and a graceful end.

SIGTERM --> no new connections --> every page is told to come back --> the process ends with 0
"""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Final, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from server import create_services
from server.monitoring.readiness import FEED_NUMBERS, Readiness, feed_numbers
from server.settings import Settings
from server.stream.app import StreamApp
from server.stream.live import Live
from server.stream.looks import LookDesk
from server.stream.reader import Reader

GRACEFUL_TIMEOUT_S: Final = 10
BACKLOG: Final = 4096
"""All pages come back at once after a restart (the kernel allows as many as net.core.somaxconn)."""
SEND_BUFFER_BYTES: Final = 64 * 1024
"""In the kernel, for each client; another 64 KiB wait in the process at most."""

_connections: dict[tuple[str, int], asyncio.Transport] = {}


class Protocol(HttpToolsProtocol):
    """uvicorn's, which also tells how to cut a client off: ASGI has no word for it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own signature
        """Note the connection."""
        super().connection_made(transport)
        self._peer = _peer(transport)
        _connections[self._peer] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        _connections.pop(self._peer, None)
        super().connection_lost(exc)


def _peer(transport: asyncio.Transport) -> tuple[str, int]:
    name = transport.get_extra_info("peername")
    return str(name[0]), int(name[1])


def _cut(peer: tuple[str, int]) -> None:
    """Cut the connection of a peer at once, unsent bytes and all."""
    transport = _connections.get((peer[0], peer[1]))
    if transport is not None:
        transport.abort()


class Server(uvicorn.Server):
    """uvicorn's server, which ends the streams when it is told to stop: they would never end by themselves."""

    def __init__(self, config: uvicorn.Config, close: Callable[[], None]) -> None:
        super().__init__(config)
        self._close = close

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM or Ctrl-C."""
        self._close()
        super().handle_exit(sig, frame)


def serve(settings: Settings, bind: str) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Raises:
        ValueError: The address cannot be listened on.
        Unavailable: The database is not to be had.
    """
    # uvicorn raises the signal that ended it once more, for the handler that was there before: ending is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: None)
    _allow_open_files(settings.stream_clients)
    asyncio.run(_serve(settings, _listen(bind)))


async def _serve(settings: Settings, listener: socket.socket) -> None:
    parts = create_services(settings)
    parts.metrics.look(FEED_NUMBERS, lambda: feed_numbers(parts))
    live = Live(
        Reader(parts),
        parts.bell,
        parts.metrics,
        max_clients=settings.stream_clients,
        send_timeout_s=settings.stream_send_timeout_s,
    )
    await live.start()
    looks = LookDesk(parts, settings.stream_clients, lambda: live.is_closing)
    app = StreamApp(settings, live, parts.metrics, Readiness(parts), _cut, looks)
    config = uvicorn.Config(
        cast("Any", app),
        http=Protocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        log_level="warning",
        timeout_keep_alive=5,
        timeout_graceful_shutdown=GRACEFUL_TIMEOUT_S,
        h11_max_incomplete_event_size=16 * 1024,
    )
    loop = asyncio.get_running_loop()

    def close() -> None:
        loop.call_soon_threadsafe(live.close)

    server = Server(config, close)
    host, port = listener.getsockname()[:2]
    sys.stdout.write(f"Làng An streams on http://{f'[{host}]' if ':' in host else host}:{port}\n")
    sys.stdout.flush()
    try:
        await server.serve(sockets=[listener])
    finally:
        await live.stop()
        parts.database.close()


def _listen(bind: str) -> socket.socket:
    host, _, port = bind.rpartition(":")
    host = host.strip("[]")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # its connections inherit it
        listener.bind(address)
        listener.listen(BACKLOG)
    except (OSError, ValueError, OverflowError) as error:
        raise ValueError(f"{bind}: {error}: give an address and a free port, such as 127.0.0.1:8001") from error
    return listener


def _allow_open_files(clients: int) -> None:
    """As many open files as the system allows: each client is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if 0 <= hard < clients + 100:
        sys.stderr.write(f"only {hard} open files are allowed (LimitNOFILE, ulimit -Hn): fewer clients than that fit\n")
