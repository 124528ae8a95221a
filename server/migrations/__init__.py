"""Alembic migrations, run from the program: `upgrade(database)`."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from server.db.engine import Database, lock

_LOCK_MIGRATION = 0x1A00


def config() -> Config:
    """Alembic's configuration, without a file."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return made


def upgrade(database: Database) -> str:
    """Bring the database to the newest revision; gives its name. Of several processes at once one does it."""
    made = config()
    with database.write() as session:
        lock(session, _LOCK_MIGRATION)
        made.attributes["connection"] = session.connection()
        command.upgrade(made, "head")
    return head()


def current(database: Database) -> str | None:
    """The database's revision; None while it is empty."""
    with database.read() as session:
        return MigrationContext.configure(session.connection()).get_current_revision()


def head() -> str:
    """The newest revision there is."""
    return ScriptDirectory.from_config(config()).get_current_head() or ""
