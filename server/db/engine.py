"""Engine, sessions and the one kind of write transaction.

A write transaction holds one writer's lock from its first statement (SQLite: BEGIN IMMEDIATE; PostgreSQL: advisory
locks that the use case names). What must happen in one global order (audit rows, alert rows) is collected while the
use case runs and written at the very end: every transaction takes its locks in the same order, villages, audit, feed.
"""

from __future__ import annotations

import errno
import functools
import importlib.util
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event, func, make_url, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session, sessionmaker

from server.errors import InvalidInput, Unavailable

log = logging.getLogger(__name__)

SQLITE_BUSY_TIMEOUT_S: Final = 30
SQLITE_WAL_KEPT_BYTES: Final = 64 * 1024 * 1024
"""A write-ahead log that grew while readers held it is cut back to this."""
SQLITE_WAL_BUG_FIXED: Final = (3, 51, 3)
"""SQLite 3.7.0-3.51.2 can corrupt a WAL database when it is reset while being read."""

LOCK_VILLAGE: Final = 0x1A01
LOCK_AUDIT: Final = 0x1A02
LOCK_FEED: Final = 0x1A03
LOCK_LOGIN: Final = 0x1A05
LOCK_CAMERA: Final = 0x1A06
LOCK_RELAY: Final = 0x1A07
LOCK_NOTICES: Final = 0x1A08
LOCK_REPORTS: Final = 0x1A0B
"""Classes of PostgreSQL advisory locks, taken in rising order within a transaction (audit and feed at its end)."""

_WRITE_OPTION = "langan_write"
_DISK_FULL_SQLSTATES = frozenset({"53100", "53200", "53300", "57P01", "57P02", "57P03"})

Hook = Callable[[Session], None]
_UNBOUNDED: ContextVar[bool] = ContextVar("unbounded", default=False)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a process that serves requests waits within PostgreSQL; 0: for ever. SQLite's wait is
    `SQLITE_BUSY_TIMEOUT_S`.
    """

    statement_s: float
    lock_s: float
    idle_s: float
    """Of a transaction that does nothing: it would hold its locks, and up the vacuum."""

    def settings(self, scope: str = "") -> str:
        """The statements that set them."""
        times = {
            "statement_timeout": self.statement_s,
            "lock_timeout": self.lock_s,
            "idle_in_transaction_session_timeout": self.idle_s,
        }
        return "; ".join(f"SET {scope} {name} = {int(seconds * 1000)}" for name, seconds in times.items())


@contextmanager
def unbounded() -> Iterator[None]:
    """Transactions of this thread take as long as they need: migrations, jobs, commands."""
    before = _UNBOUNDED.set(True)
    try:
        yield
    finally:
        _UNBOUNDED.reset(before)


def sqlite_module() -> ModuleType:
    """The SQLite binding with the newer library: the wheel `pysqlite3` where installed, else the standard library's."""
    if sqlite3.sqlite_version_info < SQLITE_WAL_BUG_FIXED and importlib.util.find_spec("pysqlite3") is not None:
        module: ModuleType = importlib.import_module("pysqlite3.dbapi2")
        return module
    return sqlite3


class Database:
    """Opens sessions. Created once in a process; connects on first use.

    Attributes:
        before_commit: Called with the session at the end of each write transaction, in order.
        after_commit: Called with the session after each committed write.
    """

    def __init__(self, url: str, *, pool_size: int = 16) -> None:
        self.engine = _create_engine(url, pool_size)
        self.dialect = self.engine.dialect.name
        self._read = sessionmaker(self.engine, expire_on_commit=False)
        self._write = sessionmaker(self.engine.execution_options(**{_WRITE_OPTION: True}), expire_on_commit=False)
        self.before_commit: list[Hook] = []
        self.after_commit: list[Hook] = []
        # SQLite's own waiting is a poll that is not fair: under many writers one may starve. Threads queue up here.
        self._writing = threading.Lock() if self.dialect == "sqlite" else None
        self._closed = False

    def bound(self, bounds: Bounds) -> None:
        """Bound what is asked from now on. Set once for each connection: that costs no statement later, and holds
        behind a pooler, which lends its connections to processes that want the same.
        """
        if self.dialect == "postgresql":
            event.listen(self.engine, "connect", functools.partial(_on_postgresql_connect, bounds.settings()))

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that changes nothing. On PostgreSQL each statement sees what is committed by then.

        Raises:
            Unavailable: The database is not reachable.
        """
        with self._returned(), _available(), self._read() as session:
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """The same, and all statements see one state of the database: for what compares rows with each other.

        Raises:
            Unavailable: The database is not reachable.
        """
        with self.read() as session:
            if self.dialect == "postgresql":
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A write transaction: committed at the end, rolled back by an exception.

        Raises:
            Unavailable: The disk is full, or the database is locked or not reachable. Nothing was written.
        """
        with self._returned(), _available(), self._turn(), self._write() as session:
            session.connection()  # takes SQLite's write lock before anything is read
            yield session
            session.flush()
            for hook in self.before_commit:
                hook(session)
            session.commit()
            for hook in self.after_commit:
                hook(session)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for this process's turn to write."""
        if self._writing is None:
            yield
            return
        if not self._writing.acquire(timeout=SQLITE_BUSY_TIMEOUT_S):
            raise Unavailable("the database is busy", "Try again; nothing was stored.")
        try:
            yield
        finally:
            self._writing.release()

    @contextmanager
    def _returned(self) -> Iterator[None]:
        """A connection that comes back after `close` is closed, too: the pool would keep it open for nobody."""
        try:
            yield
        finally:
            if self._closed:
                self.engine.pool.dispose()

    def close(self) -> None:
        """Close every pooled connection; those that threads still use are closed when they come back."""
        self._closed = True
        self.engine.pool.dispose()


def lock(session: Session, lock_class: int, names: Iterable[str] = ("",)) -> None:
    """Hold named locks until the transaction ends. SQLite's single writer holds them all already."""
    if session.get_bind().dialect.name != "postgresql":
        return
    for name in sorted(set(names)):
        session.execute(select(func.pg_advisory_xact_lock(lock_class, func.hashtext(name))))


def try_lock(session: Session, lock_class: int) -> bool:
    """Take a lock only if it is free now."""
    if session.get_bind().dialect.name != "postgresql":
        return True
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(lock_class, 0))))


def numbers_at_commit(session: Session) -> bool:
    """Whether no other transaction writes beside this one: what it numbers has its number in commit order."""
    return session.get_bind().dialect.name != "postgresql"


def is_reachable(database: Database) -> bool:
    """Whether the database answers."""
    try:
        with database.read() as session:
            session.execute(text("SELECT 1"))
    except Unavailable:
        return False
    return True


@contextmanager
def _available() -> Iterator[None]:
    """Tell the faults that pass by themselves or with more room from bugs."""
    try:
        yield
    except OperationalError as error:
        log.warning("database_unavailable", extra={"fields": {"cause": str(error.orig)[:200]}})
        raise _unavailable(error) from error
    except PoolTimeoutError as error:
        log.warning("database_unavailable", extra={"fields": {"cause": "every connection is in use"}})
        raise Unavailable("the database is busy", "Try again; nothing was stored.") from error
    except (DataError, OverflowError) as error:
        # A NUL in a text, a number beyond 64 bits: no such thing can be stored or found.
        log.warning("value_refused", extra={"fields": {"cause": type(error).__name__}})
        raise InvalidInput(
            "a value is not one that can be stored", "Shorten numbers; leave control letters out."
        ) from error
    except DBAPIError as error:
        if error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _DISK_FULL_SQLSTATES:
            log.warning("database_unavailable", extra={"fields": {"cause": str(error.orig)[:200]}})
            raise _unavailable(error) from error
        raise


def _unavailable(error: DBAPIError) -> Unavailable:
    cause = str(error.orig).lower()
    if "full" in cause or "disk i/o" in cause or getattr(error.orig, "sqlstate", None) == "53100":
        return DiskFull()
    return Unavailable("the database is busy or not reachable", "Try again; nothing was stored.")


class DiskFull(Unavailable):
    """No room is left for a row or a file. Nothing was stored."""

    code = "disk_full"
    retry_after_s = 30

    def __init__(self) -> None:
        super().__init__(
            "the server's disk is full; nothing was stored", "Free space on the server; the edge tries again."
        )


def is_disk_full(error: OSError) -> bool:
    """Whether a file could not be written for want of room."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}


def _create_engine(url: str, pool_size: int) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ValueError("LANGAN_DATABASE_URL: not an address: use sqlite:///FILE or postgresql://...") from error
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(
            parsed,
            module=sqlite_module(),
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_S, "check_same_thread": False},
            pool_size=pool_size,
            max_overflow=48,
            hide_parameters=True,  # an error's text is logged; a row may hold a password's hash
        )
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)
        return engine
    if parsed.get_backend_name() == "postgresql":
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_size=pool_size,
            max_overflow=48,
            pool_pre_ping=True,
            hide_parameters=True,
        )
        event.listen(engine, "begin", _on_postgresql_begin)
        return engine
    raise ValueError(f"LANGAN_DATABASE_URL: {parsed.get_backend_name()} is not supported: use sqlite or postgresql")


def _on_postgresql_connect(settings: str, connection: Any, _record: object) -> None:
    connection.autocommit = True  # else the settings would go with a rollback
    connection.execute(settings)
    connection.autocommit = False


def _on_postgresql_begin(connection: Connection) -> None:
    if _UNBOUNDED.get():
        connection.exec_driver_sql(Bounds(0, 0, 0).settings("LOCAL"))


def _on_sqlite_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # "committed" must survive a power cut: the edge deletes after our word
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA journal_size_limit={SQLITE_WAL_KEPT_BYTES}")
    cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_TIMEOUT_S * 1000}")
    cursor.close()


def _on_sqlite_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITE_OPTION, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
