"""Other processes of a server whose data a `Village` has made: `langan-server stream`, `relay`, `run`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server.auth import service as auth
from server.clock import SystemClock
from server.db.models import User
from tests.support.village import Village

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0


class ServerProcess:
    """One running process.

    Attributes:
        url: Where it listens; empty for one that does not.
        child: The process.
    """

    def __init__(self, child: subprocess.Popen[bytes], log: Path, url: str) -> None:
        self.child = child
        self.url = url
        self._log = log

    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def wait_for_log(self, text: str, count: int = 1) -> None:
        """Wait until it has written something.

        Raises:
            AssertionError: It has not.
        """
        deadline = time.monotonic() + PATIENCE_S
        while self.log().count(text) < count:
            assert time.monotonic() < deadline, f"no {text!r} in:\n{self.log()[-3000:]}"
            assert self.child.poll() is None, f"it ended:\n{self.log()[-3000:]}"
            time.sleep(0.02)


@contextmanager
def server_process(village: Village, *arguments: str, **settings: str) -> Iterator[ServerProcess]:
    """Run `langan-server ARGUMENTS` on the village's data until the block ends."""
    own = village.parts.settings
    with process_of(ROOT, own.data_dir, own.database_url, *arguments, **settings) as made:
        yield made


@contextmanager
def process_of(
    program: Path, data: Path, database_url: str, *arguments: str, **settings: str
) -> Iterator[ServerProcess]:
    """Run `langan-server ARGUMENTS` of the program in a folder until the block ends."""
    log = data / f"{arguments[0]}-{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "server.cli", *arguments],
            env=environment_of(data, database_url, **settings),
            cwd=program,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    made = ServerProcess(child, log, "")
    try:
        if arguments[0] == "worker":
            made.wait_for_log("worker_started")
        elif arguments[0] != "relay":
            made.wait_for_log(" on http://")
            made.url = made.log().partition(" on ")[2].split()[0]
        yield made
    finally:
        child.kill()
        child.wait()


def environment_of(data: Path, database_url: str, **settings: str) -> dict[str, str]:
    """What a process of a server is told: nothing of what this one was."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LANGAN_")}
    return kept | {
        "LANGAN_DATA_DIR": str(data),
        "LANGAN_DATABASE_URL": database_url,
        "LANGAN_MIN_FREE_BYTES": "0",
        "PYTHONUNBUFFERED": "1",
        **settings,
    }


def real_token(village: Village, name: str) -> str:
    """A session by the real clock: other processes have no other."""
    with village.parts.database.write() as session:
        user = session.get_one(User, village.user_ids[name])
        return auth.open_session(session, SystemClock(), village.parts.session_policy, user)
