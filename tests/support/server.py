"""A real server process for tests: `langan-server run` on a free port with its own data folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import httpx

from edge.enrol import enrol
from edge.identity import DeviceIdentity
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).parent / "langan-server"
START_S = 120.0
STOP_S = 60.0

SITE = """\
site: {name: Xã Nhơn Lộc, timezone: Asia/Ho_Chi_Minh, language: vi}
places:
  - {id: gia-lai, kind: province, name: Gia Lai}
  - {id: nhon-loc, kind: commune, name: Xã Nhơn Lộc, parent: gia-lai}
  - {id: trang-long, kind: village, name: Thôn Tráng Long, parent: nhon-loc}
  - {id: dong-lam, kind: village, name: Thôn Đông Lâm, parent: nhon-loc}
server: {url: "http://127.0.0.1:8000"}
"""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can sign in."""

    username: str
    password: str


class RunningServer:
    """Migrates, starts and stops one server.

    Attributes:
        url: Where it listens.

    Args:
        folder: For the database, evidence and the log; made when it is not there.
        environment: More `LANGAN_*` settings.
        site: The site.yaml whose places it knows.
    """

    def __init__(self, folder: Path, environment: dict[str, str] | None = None, site: str = SITE) -> None:
        self._folder = folder
        self._site = site
        self._log: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LANGAN_")},
            "LANGAN_DATA_DIR": str(folder / "data"),
            "LANGAN_PUBLIC_URL": self.url,
            "LANGAN_PUBLIC_DELAY_S": "0",
            **(environment or {}),
        }

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "site.yaml").write_text(self._site, encoding="utf-8")
        self.command("migrate")
        self.command("places", "sync", str(self._folder / "site.yaml"))
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process and wait until it answers.

        Raises:
            RuntimeError: It ended, or did not answer in time; the message holds its log's end.
        """
        self._log = (self._folder / "server.log").open("ab")
        self._process = subprocess.Popen(
            [COMMAND, "run", "--port", str(self.port)],
            env=self._environment,
            cwd=ROOT,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}/healthz", timeout=2).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"the server did not start:\n{self.log()[-4000:]}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the process; SIGKILL is what a power cut does to it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None

    def log(self) -> str:
        """What the server has written so far."""
        return (self._folder / "server.log").read_text(encoding="utf-8", errors="replace")

    def command(self, *arguments: str, stdin: str = "") -> str:
        """Run a `langan-server` command on this server's data; returns what it printed.

        Raises:
            RuntimeError: The command failed.
        """
        done = subprocess.run(
            [COMMAND, *arguments],
            env=self._environment,
            cwd=ROOT,
            input=stdin.encode(),
            capture_output=True,
            check=False,
            timeout=START_S,
        )
        if done.returncode != 0:
            raise RuntimeError(
                f"langan-server {arguments[0]} ended with {done.returncode}: {done.stderr.decode()[-2000:]}"
            )
        return done.stdout.decode()

    def add_user(self, username: str, role: str, place: str | None) -> Account:
        """Make an account; an admin without a place has the whole site."""
        account = Account(username, f"mat-khau-cua-{username}")
        scope = [] if place is None else ["--place", place]
        self.command("user", "add", username, "--role", role, *scope, "--password-stdin", stdin=account.password)
        return account

    def enrolment_code(self, device_id: str, place: str | None = None) -> str:
        """Make a code for a device; a new one needs a place."""
        scope = [] if place is None else ["--place", place]
        return self.command("device", "enrol", device_id, *scope, "--quiet").strip()

    def enrol(self, device_id: str, place: str, data: Path | None = None) -> DeviceIdentity:
        """Make a device and let it in; its data folder is one of the server's own when None."""
        folder = data or self._folder / "devices" / device_id
        identity, _ = enrol(self.url, self.enrolment_code(device_id, place), folder)
        return identity
