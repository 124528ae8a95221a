"""The file below the outbox: opened, checked, set aside when it is damaged, and what SQLite's errors mean for it."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import suppress
from pathlib import Path

from edge.errors import DiskFull, OutboxError
from edge.outbox.schema import SCHEMA, SCHEMA_VERSION
from edge.ports import Clock

log = logging.getLogger(__name__)

WAL_PAGES = 100
"""The WAL is written back at this many pages (400 kB): small beside the disk of a small box."""


def open_file(path: Path) -> sqlite3.Connection:
    """Open the outbox file, made when it is missing, for this process alone.

    Raises:
        sqlite3.DatabaseError: It is damaged, in use, or there is no room; see `translated`.
        OutboxError: Another edge version wrote it.
    """
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=2.0)
    try:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        if db.execute("PRAGMA page_count").fetchone()[0] == 0:  # a new file: before anything is written
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        db.execute("BEGIN IMMEDIATE")
        _check_and_migrate(db, path)
        db.execute("COMMIT")
        if db.execute("PRAGMA auto_vacuum").fetchone()[0] == 0:  # made by an earlier edge
            with suppress(sqlite3.OperationalError):  # no room: it goes on as it was
                db.execute("PRAGMA auto_vacuum = INCREMENTAL")
                db.execute("VACUUM")
    except BaseException:
        db.close()
        raise
    return db


def _check_and_migrate(db: sqlite3.Connection, path: Path) -> None:
    verdict = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if verdict != "ok":
        raise CorruptOutbox(verdict)
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        for statement in SCHEMA.split(";\n"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    elif version != SCHEMA_VERSION:
        raise OutboxError(
            f"{path}: the outbox has format {version}, this edge reads {SCHEMA_VERSION}: "
            "run the edge version that wrote it until it is empty, or choose another folder with --data"
        )


def set_aside(path: Path, clock: Clock, cause: sqlite3.DatabaseError) -> None:
    """Rename a damaged file, never delete it: a person may recover events from it.

    Raises:
        OutboxError: It cannot be renamed.
    """
    stamp = clock.utc().strftime("%Y%m%dT%H%M%S%fZ")
    kept = path.with_name(f"{path.name}.corrupt-{stamp}")
    try:
        path.rename(kept)
        for suffix in ("-wal", "-shm"):
            side = path.with_name(path.name + suffix)
            if side.exists():
                side.rename(kept.with_name(kept.name + suffix))
    except OSError as error:
        raise OutboxError(f"{path}: the outbox is corrupt ({cause}) and cannot be set aside: {error}") from error
    log.critical(
        "outbox_corrupt outbox=%s cause=%r kept=%s remedy='a new outbox was begun; recover unsent events with "
        "sqlite3 %s .recover, and check the disk'",
        path, str(cause), kept, kept,
    )  # fmt: skip


class CorruptOutbox(sqlite3.DatabaseError):
    """The integrity check found damage."""


class AlreadyStored(OutboxError):
    """The outbox has a revision of this number: a commit that failed had come to the disk after all, or a defect."""


def is_corrupt(error: sqlite3.DatabaseError) -> bool:
    """Tell damage from everything else that SQLite complains of."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary code; extended codes refine it in the upper bits
    return isinstance(error, CorruptOutbox) or code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def translated(error: sqlite3.DatabaseError, path: Path) -> OutboxError:
    """The same as an error of ours, with the remedy."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_CONSTRAINT:
        return AlreadyStored(f"{path}: the outbox has this event or file already ({error}): report this defect")
    if code == sqlite3.SQLITE_FULL:
        return DiskFull(f"{path}: no room for an event ({error}): free space on this disk")
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return OutboxError(f"{path}: another process uses this outbox: stop it, or choose another folder with --data")
    return OutboxError(f"{path}: the outbox cannot be used ({error}): check the disk and the folder's permissions")
