"""An HTTP camera on loopback: MJPEG, and the refusals and tricks of others."""

from __future__ import annotations

import base64
import http.server
import ssl
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2

from tests.support.clips import picture

_BOUNDARY = "picture"


class HttpCamera:
    """Serves `/mjpeg` (asks for user and password when given), `/file` and a status by its number (`/404`).

    Attributes:
        file: Body of `/file`, sent as a file of known length.
        stall_after: Pictures after which `/mjpeg` falls silent; None: never.

    Args:
        certificate: And its key: speak TLS, as `localhost`.
    """

    def __init__(
        self,
        *,
        user: str = "",
        password: str = "",
        stall_after: int | None = None,
        file: bytes = b"",
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        self.stall_after, self.file = stall_after, file
        self._expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode() if user else None
        self._stopping = threading.Event()
        camera = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._origin = f"127.0.0.1:{self._server.server_address[1]}"
        self._scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self._origin, self._scheme = f"localhost:{self._server.server_address[1]}", "https"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def url(self, path: str, credentials: str = "") -> str:
        """Address of a path; `credentials` is `user:password`."""
        at = f"{credentials}@" if credentials else ""
        return f"{self._scheme}://{at}{self._origin}/{path}"

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        name = request.path.strip("/")
        if self._expected and request.headers.get("Authorization") != self._expected:
            request.send_response(401)
            request.send_header("WWW-Authenticate", 'Basic realm="camera"')
            request.end_headers()
        elif name == "mjpeg":
            self._stream(request)
        elif name == "file":
            request.send_response(200)
            request.send_header("Content-Length", str(len(self.file)))
            request.end_headers()
            request.wfile.write(self.file)
        else:
            request.send_response(int(name))
            if name == "302":
                request.send_header("Location", "/mjpeg")
            request.end_headers()

    def _stream(self, request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        request.end_headers()
        index = 0
        try:
            while not self._stopping.is_set():
                if self.stall_after is None or index < self.stall_after:
                    jpeg = cv2.imencode(".jpg", picture(index))[1].tobytes()
                    head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    request.wfile.write(head.encode() + jpeg + b"\r\n")
                    index += 1
                time.sleep(0.05)
        except OSError:
            return  # the client has gone

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
