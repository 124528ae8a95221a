"""What the parts of `bench/server_all.py` share: a site, databases, real processes of the server, signed requests."""

from __future__ import annotations

import http.client
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

import httpx
import psutil

from contract.ids import uuid7
from edge.identity import DeviceIdentity
from server import create_services, migrations
from server.db.device_models import DeviceKey
from server.devices import service as devices
from server.places import service as places
from server.services import Services
from server.settings import Settings
from tests.support.identity import make_identity, signed_headers
from tests.support.ports import free_port
from tests.support.postgres import Cluster, find_binaries

ROOT: Final = Path(__file__).parents[1]
EVENTS: Final = "/api/v1/events"
VILLAGES: Final = 16
SPOTS: Final = 4
DATABASES: Final = ("sqlite", "postgresql")
START_S: Final = 120.0


def check_database(name: str) -> None:
    """Say at once what is missing.

    Raises:
        SystemExit: PostgreSQL is asked for and is not installed.
    """
    if name == "postgresql" and find_binaries() is None:
        raise SystemExit("no PostgreSQL here: install the package postgresql, or give --database sqlite")


@contextmanager
def cluster(kept: Path | None = None) -> Iterator[Cluster]:
    """A PostgreSQL of our own that waits for the disk at each commit, as a real one: that of the tests does not.

    Args:
        kept: Where its data lie, or will, and stay; None: in a temporary folder.
    """
    binaries = find_binaries()
    if binaries is None:
        raise SystemExit("no PostgreSQL here: install the package postgresql")
    folder = Path(tempfile.mkdtemp(prefix="langan-pg-", dir="/tmp"))  # socket paths must be short
    data = kept or folder / "data"
    is_new = not (data / "PG_VERSION").exists()
    owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    for place in (folder, data) if kept is not None else (folder,):
        place.mkdir(parents=True, exist_ok=True)
        if owner is not None:
            os.chown(place, owner.pw_uid, owner.pw_gid)

    def run(name: str, *arguments: str | Path) -> None:
        subprocess.run(
            [str(binaries / name), "--pgdata", str(data), *map(str, arguments)],
            user=None if owner is None else owner.pw_uid, group=None if owner is None else owner.pw_gid,
            extra_groups=None if owner is None else [], env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, timeout=150,
        )  # fmt: skip

    try:
        if is_new:
            locale = ("--encoding", "UTF8", "--locale", "C")
            run("initdb", "--username", "postgres", "--auth", "trust", *locale, "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c max_connections=120"
        run("pg_ctl", "--log", folder / "log", "--options", options, "--wait", "start")
        try:
            yield Cluster(folder)
        finally:
            run("pg_ctl", "--mode", "immediate" if kept is None else "fast", "--wait", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Site:
    """A prepared, empty database and a device that may post for all of its villages."""

    settings: Settings
    identity: DeviceIdentity

    @property
    def environment(self) -> dict[str, str]:
        """For processes of the server."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LANGAN_")}
        return kept | {
            "LANGAN_DATA_DIR": str(self.settings.data_dir),
            "LANGAN_DATABASE_URL": self.settings.database_url,
            "LANGAN_MIN_FREE_BYTES": "0",
            "LANGAN_LOG_LEVEL": "WARNING",
        }


@contextmanager
def site(database: str, folder: Path | None = None) -> Iterator[Site]:
    """Make one, in a folder of its own (kept where given), on `sqlite` or `postgresql`."""
    with ExitStack() as stack:
        where = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="langan-bench-")))
        url = "" if database == "sqlite" else stack.enter_context(stack.enter_context(cluster()).database())
        settings = Settings(data_dir=where, database_url=url, min_free_bytes=0).prepared()
        yield Site(settings, _prepare(settings))


def add_places_and_device(parts: Services, villages: int) -> DeviceIdentity:
    """Make the tables, a commune `xa` with villages `v0`, `v1` and so on, and the device `box` that serves it."""
    migrations.upgrade(parts.database)
    lines = "".join(f"  - {{id: v{n}, kind: village, name: Thôn {n}, parent: xa}}\n" for n in range(villages))
    text = (
        "site: {name: Bench}\nplaces:\n  - {id: tinh, kind: province, name: Tỉnh}\n"
        f"  - {{id: xa, kind: commune, name: Xã, parent: tinh}}\n{lines}"
    )
    with parts.database.write() as session:
        places.sync(session, parts.clock, text, "site.yaml")
    identity = make_identity("box", server=parts.server_key)
    with parts.database.write() as session:
        devices.create_device(session, parts.clock, device_id="box", place_id="xa")
        key = identity.private_key.public_key().public_bytes_raw()
        session.add(DeviceKey(device_id="box", public_key=key, enrolled_at=parts.clock.utc()))
    return identity


def _prepare(settings: Settings) -> DeviceIdentity:
    parts = create_services(settings)
    identity = add_places_and_device(parts, VILLAGES)
    parts.database.close()
    return identity


class Process:
    """A process with its children, in a group of its own, from its start until it answers no more.

    Attributes:
        port: Of 127.0.0.1.

    Args:
        arguments: Behind `python -m`; `{port}` is filled in.
        environment: Of the process.
        log: What it writes goes there.
        cpus: The cores that it may use; None leaves all.
        program: Another program than Python's `-m`.
        ready: The path that answers once it serves.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        environment: dict[str, str],
        log: Path,
        *,
        cpus: Sequence[int] | None = None,
        program: Sequence[str] = (sys.executable, "-m"),
        ready: str = "/healthz",
    ) -> None:
        self.port = free_port()
        self._command = [*program, *(argument.format(port=self.port) for argument in arguments)]
        self._environment, self._log, self._cpus, self._ready = environment, log, cpus, ready
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def start(self, *, wait: bool = True) -> None:
        """Start it and, unless told not to, wait until it answers.

        Raises:
            RuntimeError: It does not.
        """
        mine = os.sched_getaffinity(0)
        os.sched_setaffinity(0, self._cpus or mine)  # children inherit it
        try:
            with self._log.open("ab") as log:
                self.process = subprocess.Popen(
                    self._command, env=self._environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True,
                )  # fmt: skip
        finally:
            os.sched_setaffinity(0, mine)
        deadline = time.monotonic() + START_S
        while wait and not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                log_end = self._log.read_text("utf-8", "replace")[-2000:]
                raise RuntimeError(f"{self._command[:4]} did not start; see {self._log}: {log_end}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{self._ready}", timeout=5).is_success
        except httpx.TransportError:
            return False

    def all(self) -> list[psutil.Process]:
        """The process and its children; the first one is the process itself."""
        if self.process is None:
            return []
        try:
            first = psutil.Process(self.process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def processor_s(self) -> float:
        """Processor seconds used so far."""
        used = [one.cpu_times() for one in self.all()]
        return float(sum(one.user + one.system for one in used))


def server(where: Site, *, workers: int = 1, cpus: Sequence[int] | None = None) -> Process:
    """`langan-server run` on a site, not yet started."""
    arguments = ("server.cli", "run", "--port", "{port}", "--workers", str(workers))
    return Process(arguments, where.environment, where.settings.data_dir / "server.log", cpus=cpus)


@dataclass(frozen=True, slots=True)
class Request:
    """A request that is ready to be sent."""

    path: str
    body: bytes
    headers: dict[str, str]


def signed(identity: DeviceIdentity, events: Sequence[dict[str, Any]], path: str = EVENTS) -> Request:
    """A batch, signed now: good for five minutes."""
    body = json.dumps({"events": events}).encode()
    headers = signed_headers(identity, "POST", path, body)
    return Request(path, body, {"Content-Type": "application/json", **headers})


def send(connection: http.client.HTTPConnection, request: Request) -> tuple[int, bytes]:
    """Send it and read the answer: status and body."""
    connection.request("POST", request.path, request.body, request.headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def new_event(number: int, base: datetime) -> dict[str, Any]:
    """A new event of one of 16 villages with four spots each; 50 that follow each other are of one village."""
    village = number // 50 % VILLAGES
    at = base + timedelta(milliseconds=20 * number)
    return {
        "event_id": str(uuid7(at)),
        "revision": 0,
        "kind": "intrusion",
        "camera_id": f"cam-v{village}",
        "village": f"v{village}",
        "spot": f"v{village}-{number % SPOTS}",
        "state": "start",
        "started_at": at.isoformat(),
        "observed_at": at.isoformat(),
        "confidence": 0.8,
        "facts": {"object_class": "person", "stay_s": 3.0, "peak_count": 1},
    }
