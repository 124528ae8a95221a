"""A bare Flask app that answers a POST with its body, on gunicorn with the server's own settings: what `single` of
`bench/server_all.py` compares with. `/signed` checks the signature and the body's digest first, as the server does.

    python -m bench.server_echo PORT PUBLIC_KEY_HEX
"""

from __future__ import annotations

import hashlib
import sys
from typing import Any, Final

from flask import Flask, Response, request
from gunicorn.app.base import BaseApplication

from contract.device_api import content_digest
from server.devices.signatures import Message, check, key_id_of
from server.run import KEEPALIVE_S
from server.settings import Settings

BARE: Final = "/bare"
SIGNED: Final = "/signed"
HEALTH: Final = "/healthz"


def make_app(public_key: bytes) -> Flask:
    """The app. It keeps nothing."""
    app = Flask(__name__)

    @app.get(HEALTH)
    def health() -> str:
        return "ok"

    @app.post(BARE)
    def bare() -> Response:
        return Response(request.get_data(), mimetype="application/json")

    @app.post(SIGNED)
    def signed() -> Response:
        message = Message("POST", f"http://device{request.path}", dict(request.headers))
        signature = check(message, key_id_of(message), public_key)
        body = request.get_data()
        assert signature.content_digest == content_digest(hashlib.sha256(body).digest())
        return Response(body, mimetype="application/json")

    return app


class _Application(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, port: int, public_key: bytes) -> None:
        self._options: dict[str, Any] = {
            "bind": f"127.0.0.1:{port}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": Settings().threads,
            "keepalive": KEEPALIVE_S,
            "accesslog": None,
            "loglevel": "warning",
            "control_socket_disable": True,
        }
        self._public_key = public_key
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        return make_app(self._public_key)


if __name__ == "__main__":
    _Application(int(sys.argv[1]), bytes.fromhex(sys.argv[2])).run()
