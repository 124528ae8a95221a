"""A server that speaks Triton's HTTP protocol (KServe v2 with binary tensors) for one YOLO export, run by OpenVINO.

Stands in for NVIDIA's, which comes as a container of many gigabytes only. The client that talks to it is Triton's own.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

HEADER = "Inference-Header-Content-Length"


class Handler(BaseHTTPRequestHandler):
    """Answers for the model of its server."""

    protocol_version = "HTTP/1.1"
    model: ClassVar[Any]
    lock: ClassVar[threading.Lock] = threading.Lock()
    metadata: ClassVar[dict[str, object]]
    asked: ClassVar[list[str]]

    def do_GET(self) -> None:
        self.asked.append(f"GET {self.path}")
        if self.path != "/v2/models/yolo11n/config":
            self._answer(404, json.dumps({"error": f"unknown model: {self.path}"}).encode())
            return
        config = {
            "name": "yolo11n",
            "input": [{"name": "images", "data_type": "TYPE_FP32", "dims": [3, -1, -1]}],
            "output": [{"name": "output0", "data_type": "TYPE_FP32", "dims": [84, -1]}],
            "parameters": {"metadata": {"string_value": str(self.metadata)}},
        }
        self._answer(200, json.dumps(config).encode())

    def do_POST(self) -> None:
        self.asked.append(f"POST {self.path}")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        header_bytes = int(self.headers[HEADER])
        (tensor,) = json.loads(body[:header_bytes])["inputs"]
        picture = np.frombuffer(body[header_bytes:], np.float32).reshape(tensor["shape"])
        with self.lock:
            found = np.ascontiguousarray(self.model(picture)[0], np.float32)
        output = {
            "name": "output0",
            "datatype": "FP32",
            "shape": list(found.shape),
            "parameters": {"binary_data_size": found.nbytes},
        }
        head = json.dumps({"model_name": "yolo11n", "model_version": "1", "outputs": [output]}).encode()
        self._answer(200, head + found.tobytes(), len(head))

    def _answer(self, status: int, body: bytes, header_bytes: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/octet-stream" if header_bytes else "application/json")
        if header_bytes is not None:
            self.send_header(HEADER, str(header_bytes))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@contextmanager
def triton_server(model_xml: Path, metadata: dict[str, object]) -> Iterator[tuple[str, list[str]]]:
    """Serve an export on loopback; yields `http://host:port` and the list of what was asked."""
    import openvino

    asked: list[str] = []
    compiled = openvino.Core().compile_model(str(model_xml), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    handler = type("ModelHandler", (Handler,), {"model": compiled, "metadata": metadata, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
