"""A real S3 server in a process of its own, on loopback: it checks signatures. Can be killed and started again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.support.ports import free_port

BUCKET = "evidence"
KEY, SECRET = "langan-tests", "only-for-tests-on-loopback"
_START_S = 60.0


@dataclass
class ObjectServer:
    """The server.

    Attributes:
        folder: Its buckets lie here, one folder each.
    """

    folder: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its endpoint."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, Any]:
        """What a server of ours needs to use it."""
        return {
            "store_url": f"s3://{BUCKET}/lang-an",
            "s3_endpoint": self.url,
            "s3_access_key_id": KEY,
            "s3_secret_access_key": SECRET,
        }

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            RuntimeError: It does not.
        """
        (self.folder / BUCKET).mkdir(parents=True, exist_ok=True)
        environment = os.environ | {"NANIO_ACCESS_KEY": KEY, "NANIO_SECRET_KEY": SECRET}
        program = Path(sys.executable).parent / "nanio"
        self._process = subprocess.Popen(
            [program, "serve", "--data-dir", self.folder, "--host", "127.0.0.1", "--port", str(self.port)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                httpx.get(self.url, timeout=2)
            except httpx.TransportError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError("the S3 server did not start")

    def stop(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def files(self) -> list[Path]:
        """What lies in the bucket."""
        root = self.folder / BUCKET
        return sorted(
            path.relative_to(root) for path in root.rglob("*") if path.is_file() and ".nanio" not in str(path)
        )


@contextmanager
def running_object_server(folder: Path) -> Iterator[ObjectServer]:
    """Run one until the end of the block."""
    server = ObjectServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
