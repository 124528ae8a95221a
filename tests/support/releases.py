"""Other versions of the program: the one before the newest migration, and the one that comes after this."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from server import migrations
from tests.support.processes import ROOT, environment_of

NEXT_REVISION = "9001"
_NEXT_MIGRATION = f'''
"""What a next release may do: add a table and a column"""
import sqlalchemy as sa
from alembic import op

revision = "{NEXT_REVISION}"
down_revision = "{migrations.head()}"


def upgrade() -> None:
    with op.batch_alter_table("incidents") as table:
        table.add_column(sa.Column("of_the_next_release", sa.Integer(), nullable=True))
    op.create_table("next_things", sa.Column("id", sa.Integer(), primary_key=True))
'''
_PACKAGES = ("contract", "server")


def next_release(folder: Path) -> Path:
    """This program with one migration more, in a folder of its own."""
    for package in _PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "node_modules")
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    versions = folder / "server" / "migrations" / "versions"
    (versions / f"{NEXT_REVISION}_do_what_a_next_release_may.py").write_text(_NEXT_MIGRATION, encoding="utf-8")
    return folder


def release_before_the_newest_migration(folder: Path) -> Path | None:
    """The program as it was then; None where git or its history is not at hand."""
    newest = _git("log", "-1", "--diff-filter=A", "--format=%H", "--", "server/migrations/versions")
    if newest is None or not newest.strip():
        return None
    archive = _git("archive", "--format=tar", f"--output={folder}.tar", f"{newest.strip()}^", *_PACKAGES)
    if archive is None:
        return None
    folder.mkdir()
    subprocess.run(["tar", "-xf", f"{folder}.tar", "-C", folder], check=True)
    return folder


def _git(*arguments: str) -> str | None:
    if shutil.which("git") is None:
        return None
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def command(program: Path, data: Path, database_url: str, *arguments: str, **settings: str) -> str:
    """Run `langan-server ARGUMENTS` of a version to its end; gives what it printed.

    Raises:
        AssertionError: It failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "server.cli", *arguments],
        env=environment_of(data, database_url, **settings),
        cwd=program,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{arguments} of {program}: {done.stderr[-2000:]}"
    return done.stdout
