"""Serves the app with gunicorn's threads: one worker on the embedded database, a clean end on SIGTERM.

SIGTERM --> no new connections --> live streams are told to end (clients resume) --> requests in flight finish
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, Final

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import ThreadWorker

from server import create_app
from server.maintenance import MaintenanceThread
from server.services import EXTENSION, Services
from server.settings import Settings

GRACEFUL_TIMEOUT_S: Final = 20
KEEPALIVE_S: Final = 5


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A threaded worker that ends its live streams when it is told to stop, and does the maintenance."""

    maintenance: MaintenanceThread | None = None

    def run(self) -> None:
        """Serve until told to stop."""
        parts = _parts(self.wsgi)
        self.maintenance = MaintenanceThread(parts)
        self.maintenance.start()
        try:
            super().run()
        finally:
            self.maintenance.stop()
            parts.hub.close()
            parts.database.close()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: streams would never finish by themselves."""
        _parts(self.wsgi).hub.closing = True
        super().handle_exit(sig, frame)


class Application(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """The app as gunicorn starts it; the app itself is made in the worker."""

    def __init__(self, settings: Settings, bind: str, workers: int) -> None:
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
            "when_ready": _announce,
        }
        super().__init__()

    def load_config(self) -> None:
        """Hand gunicorn its settings."""
        for name, value in self._options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        """Make the app, in the worker."""
        return create_app(self._settings)


def serve(settings: Settings, bind: str, workers: int) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    Application(settings, bind, workers).run()


def _announce(arbiter: Arbiter) -> None:
    """Print where the server listens, once it does: port 0 has become a real one."""
    host, port = arbiter.LISTENERS[0].sock.getsockname()[:2]
    sys.stdout.write(f"Làng An listens on http://{f'[{host}]' if ':' in host else host}:{port}\n")
    sys.stdout.flush()


def _parts(wsgi: Flask) -> Services:
    parts: Services = wsgi.extensions[EXTENSION]
    return parts
