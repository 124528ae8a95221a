"""A throw-away PostgreSQL cluster for tests: made with initdb in a temporary folder, on a unix socket only."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

_USER = "postgres"
_PORT = 5432
"""Only names the socket; nothing listens on TCP."""


def find_binaries() -> Path | None:
    """The folder with initdb and pg_ctl; None where PostgreSQL is not installed."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    if found is not None:
        candidates.insert(0, Path(found).resolve().parent)
    return next((item for item in candidates if (item / "initdb").exists() and (item / "pg_ctl").exists()), None)


class Cluster:
    """A running cluster.

    Args:
        folder: Its data and its socket.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._template = "template1"

    def use_template(self, name: str, prepare: Callable[[str], None]) -> None:
        """Prepare a database once; every later one begins as its copy."""
        self._admin(f"CREATE DATABASE {name}")
        prepare(self._url(name))
        self._template = name

    @contextmanager
    def database(self) -> Iterator[str]:
        """A fresh database; gives its URL and drops it at the end."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self._admin(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        try:
            yield self._url(name)
        finally:
            self._admin(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, name: str = _USER) -> str:
        """The URL of a database of the cluster; of the one that each cluster begins with."""
        return self._url(name)

    def _url(self, name: str) -> str:
        return f"postgresql://{_USER}@/{name}?host={self._folder}&port={_PORT}"

    def _admin(self, statement: str) -> None:
        with psycopg.connect(
            host=str(self._folder), port=_PORT, user=_USER, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())


@contextmanager
def running_cluster(binaries: Path) -> Iterator[Cluster]:
    """Make, start and remove a cluster. PostgreSQL refuses root, so root runs it as another user."""
    folder = Path(tempfile.mkdtemp(prefix="langan-pg-", dir="/tmp"))  # socket paths must be short
    owner = _unprivileged()
    if owner is not None:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    data = folder / "data"
    try:
        _command(
            owner,
            binaries / "initdb",
            *("--pgdata", data, "--username", _USER, "--auth", "trust", "--encoding", "UTF8"),
            *("--locale", "C", "--no-sync"),
        )
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c port={_PORT} -c fsync=off"
        _command(
            owner,
            binaries / "pg_ctl",
            *("--pgdata", data, "--log", folder / "log", "--options", f"{options} -c max_connections=120"),
            *("--wait", "start"),
        )
        try:
            yield Cluster(folder)
        finally:
            _command(owner, binaries / "pg_ctl", "--pgdata", data, "--mode", "immediate", "--wait", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("root needs a user postgres or nobody to run PostgreSQL as")


def _command(owner: pwd.struct_passwd | None, *arguments: str | Path) -> None:
    done = subprocess.run(
        [str(item) for item in arguments],
        user=None if owner is None else owner.pw_uid,
        group=None if owner is None else owner.pw_gid,
        extra_groups=None if owner is None else [],
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=150,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{arguments[0]} ended with {done.returncode}: {done.stderr.decode()[-2000:]}")
