"""Alembic migrations, run from the program: `upgrade(database)`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from server.db.engine import Database, lock, unbounded

_LOCK_MIGRATION = 0x1A00


class Standing(Enum):
    """How the database's schema stands to this program."""

    OLD = "old"
    """Migrations that this program needs are missing."""
    CURRENT = "current"
    NEWER = "newer"
    """A newer release migrated it. Migrations only add, so this program goes on until it is replaced, too."""

    @property
    def is_usable(self) -> bool:
        """Whether this program can work on it."""
        return self is not Standing.OLD


def config() -> Config:
    """Alembic's configuration, without a file."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return made


def upgrade(database: Database) -> str:
    """Bring the database to the newest revision; gives its name. Of several processes at once one does it.

    One that a newer release has migrated is left as it is.

    Raises:
        ValueError: Its revision is none of this program's line.
    """
    made = config()
    with unbounded(), database.write() as session:
        lock(session, _LOCK_MIGRATION)
        connection = session.connection()
        found = MigrationContext.configure(connection).get_current_revision()
        if found is not None and _standing(found) is Standing.NEWER:
            return found
        made.attributes["connection"] = connection
        command.upgrade(made, "head")
    return head()


def current(database: Database) -> str | None:
    """The database's revision; None while it is empty."""
    with database.read() as session:
        return MigrationContext.configure(session.connection()).get_current_revision()


def standing(database: Database) -> Standing:
    """How the database's schema stands to this program.

    Raises:
        Unavailable: The database is not to be had now.
        ValueError: Its revision is none of this program's line.
    """
    found = current(database)
    return Standing.OLD if found is None else _standing(found)


def _standing(found: str) -> Standing:
    known = {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}
    if found == head():
        return Standing.CURRENT
    if found in known:
        return Standing.OLD
    if found.isdigit() and int(found) > int(head()):  # revisions are counted
        return Standing.NEWER
    raise ValueError(
        f"LANGAN_DATABASE_URL: the database's revision {found[:40]!r} is unknown: is it another program's? "
        "Name the one of this program."
    )


def head() -> str:
    """The newest revision there is."""
    return ScriptDirectory.from_config(config()).get_current_head() or ""
