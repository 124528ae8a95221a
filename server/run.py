"""Serves the app with gunicorn's threads: one worker on the embedded database, a clean end on SIGTERM.

SIGTERM --> no new connections --> live streams are told to end (clients resume) --> requests in flight finish
"""

from __future__ import annotations

import functools
import os
import selectors
import shutil
import socket
import sys
import tempfile
import time
from types import FrameType
from typing import Any, Final

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import TConn, ThreadWorker

from server import create_app
from server.auth import first_admin
from server.db.engine import Bounds
from server.jobs import worker as jobs
from server.monitoring.metrics import SHARED_FOLDER
from server.services import EXTENSION, Services
from server.settings import Settings

GRACEFUL_TIMEOUT_S: Final = 20
KEEPALIVE_S: Final = 5
"""Also the time in which a request's head must come."""
MAX_HEAD_BYTES: Final = 16 * 1024


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A threaded worker that ends its live streams when it is told to stop, and does the jobs."""

    jobs: jobs.Worker | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._half_sent: list[TConn] = []

    def accept(self, listener: socket.socket) -> None:
        """Take a connection, and wait for its request without a thread: gunicorn's own way lends one for 5 s."""
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.nr_conns += 1
        self._wait_for_head(TConn(self.cfg, client, address, listener.getsockname()))

    def on_pending_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """A new connection says something."""
        self.poller.unregister(client)
        self._half_sent.append(conn)
        self._serve_whole_heads()

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """A kept connection says something."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        conn.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        self._half_sent.append(conn)
        self._serve_whole_heads()

    def murder_pending(self) -> None:
        """Each second: serve heads that are whole by now, close connections whose time is up."""
        self._serve_whole_heads()
        super().murder_pending()

    def _wait_for_head(self, conn: TConn) -> None:
        conn.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, functools.partial(self.on_pending_socket_readable, conn))

    def _serve_whole_heads(self) -> None:
        """Lend a thread to each connection whose request line and headers have all come.

        Whoever sends them letter by letter waits here, where it costs nothing, until its time is up.
        """
        waiting, self._half_sent = self._half_sent, []
        for conn in waiting:
            if conn not in self.pending_conns:
                continue  # its time was up
            head = _peek(conn.sock)
            if head is None or (b"\r\n\r\n" not in head and 0 < len(head) < MAX_HEAD_BYTES):
                self._half_sent.append(conn)
                continue
            self.pending_conns.remove(conn)
            if b"\r\n\r\n" in head:
                conn.data_ready = True
                self.enqueue_req(conn)
            else:  # the client has gone, or sends a head without an end
                self.nr_conns -= 1
                conn.close()

    def run(self) -> None:
        """Serve until told to stop."""
        parts = _parts(self.wsgi)
        if parts.settings.jobs == "embedded":
            self.jobs = jobs.Worker(parts)
            self.jobs.start()
        parts.relay.start()
        parts.bell.listen(parts.hub.wake)
        try:
            super().run()
        finally:
            if self.jobs is not None:
                self.jobs.stop()
            parts.relay.stop()
            parts.bell.close()
            parts.hub.close()
            parts.database.close()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: streams would never finish by themselves."""
        _parts(self.wsgi).hub.closing = True
        super().handle_exit(sig, frame)


class Application(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """The app as gunicorn starts it; the app itself is made in the worker."""

    def __init__(self, settings: Settings, bind: str, workers: int, first_admin_code: str | None = None) -> None:
        self._settings = settings
        self._options: dict[str, Any] = {
            "bind": bind,
            "workers": workers,
            "worker_class": Worker,
            "threads": settings.threads,
            "timeout": 120,
            "graceful_timeout": GRACEFUL_TIMEOUT_S,
            "keepalive": KEEPALIVE_S,
            "accesslog": None,
            "loglevel": "warning",
            "proc_name": "langan-server",
            "control_socket_disable": True,
            # X-Forwarded-* count as LANGAN_PROXY_HOPS says (ProxyFix), never because the client is on this machine.
            "forwarded_allow_ips": "",
            "secure_scheme_headers": {},
            "when_ready": functools.partial(_announce, settings.public_url, first_admin_code),
            "child_exit": _forget_metrics,
        }
        super().__init__()

    def load_config(self) -> None:
        """Hand gunicorn its settings."""
        for name, value in self._options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        """Make the app, in the worker."""
        app = create_app(self._settings)
        s = self._settings
        _parts(app).database.bound(Bounds(s.statement_timeout_s, s.lock_timeout_s, s.idle_transaction_timeout_s))
        return app


def serve(settings: Settings, bind: str, workers: int, first_admin_code: str | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C; print a link for the first admin where there is none yet."""
    try:
        Application(settings, bind, workers, first_admin_code).run()
    finally:
        if SHARED_FOLDER in os.environ:
            shutil.rmtree(os.environ[SHARED_FOLDER], ignore_errors=True)


def share_metrics(workers: int) -> None:
    """Give several workers a folder for their numbers, so that whichever is asked tells those of all."""
    os.environ.pop(SHARED_FOLDER, None)
    if workers > 1:
        os.environ[SHARED_FOLDER] = tempfile.mkdtemp(prefix="langan-metrics-")


def _forget_metrics(_arbiter: Arbiter, worker: Worker) -> None:
    """What a worker that has ended still counted as open is open no more."""
    if SHARED_FOLDER in os.environ:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def _announce(public_url: str, first_admin_code: str | None, arbiter: Arbiter) -> None:
    """Print where the server listens, once it does: port 0 has become a real one."""
    host, port = arbiter.LISTENERS[0].sock.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    sys.stdout.write(f"Làng An listens on {address}\n")
    if first_admin_code is not None:
        link = first_admin.link(public_url or address, first_admin_code)
        sys.stdout.write(f"There is no admin yet. Make the first one here, within an hour: {link}\n")
    sys.stdout.flush()


def _peek(client: socket.socket) -> bytes | None:
    """What has come of a request, left where it is; None when nothing has, empty when the client has gone."""
    try:
        return client.recv(MAX_HEAD_BYTES, socket.MSG_PEEK)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _parts(wsgi: Flask) -> Services:
    parts: Services = wsgi.extensions[EXTENSION]
    return parts
