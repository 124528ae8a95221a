"""Tests of the server run on SQLite and on PostgreSQL wherever the database matters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server import migrations
from server.db.engine import Database
from tests.support.mailbox import Mailbox, running_mailbox
from tests.support.notices import PUBLIC_URL, mail_settings
from tests.support.postgres import Cluster, find_binaries, running_cluster
from tests.support.village import Village, running_village


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One PostgreSQL for the run."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL here: install the package postgresql")
    with running_cluster(binaries) as made:
        made.use_template("migrated", _migrate)
        yield made


def _migrate(url: str) -> None:
    database = Database(url)
    migrations.upgrade(database)
    database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.sqlite'}"
    else:
        made: Cluster = request.getfixturevalue("cluster")
        with made.database() as url:
            yield url


@pytest.fixture
def village(database_url: str, tmp_path: Path) -> Iterator[Village]:
    """A server with its cast."""
    with running_village(tmp_path / "data", database_url) as made:
        yield made


@pytest.fixture
def embedded_village(tmp_path: Path) -> Iterator[Village]:
    """A server on SQLite, for what no database decides."""
    with running_village(tmp_path / "data") as made:
        yield made


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server that keeps what it is sent."""
    with running_mailbox() as box:
        yield box


@pytest.fixture
def told_village(database_url: str, tmp_path: Path, mailbox: Mailbox) -> Iterator[Village]:
    """A server that sends mail, whose pages are read by https."""
    with running_village(tmp_path / "data", database_url, public_url=PUBLIC_URL, **mail_settings(mailbox)) as made:
        yield made
