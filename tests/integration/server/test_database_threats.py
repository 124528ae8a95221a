"""What the databases refuse, and what the server says when they are busy, locked or gone."""

from __future__ import annotations

import threading
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError

from server.auth import service as auth
from server.db.engine import LOCK_VILLAGE, Bounds, Database, lock, unbounded
from server.db.models import EvidenceReference, User
from server.errors import Unavailable
from server.services import EXTENSION, Services
from tests.support.media import jpeg
from tests.support.postgres import Cluster
from tests.support.village import NOW, Village, event, reference, running_village


def test_the_database_refuses_a_naive_time(village: Village) -> None:
    from datetime import datetime

    from sqlalchemy.exc import StatementError

    with pytest.raises(StatementError, match="naive"), village.parts.database.write() as session:
        session.execute(update(User).values(created_at=datetime(2026, 1, 1)))  # noqa: DTZ001 (that is the point)


def test_the_models_and_the_migrations_agree(village: Village) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from server.db.types import Base

    def is_compared(_item: object, name: str | None, *_: object) -> bool:
        # On PostgreSQL `event_revisions` has partitions, and no foreign key: its rows outlive their events for a while.
        return not (name or "").startswith(("event_revisions_", "fk_event_revisions_event_id"))

    with village.parts.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": is_compared})
        assert compare_metadata(context, Base.metadata) == []


def test_evidence_references_are_kept_once(village: Village) -> None:
    body = event(evidence=[reference(jpeg())])
    village.post([body])
    village.post([event(event_id=UUID(body["event_id"]), revision=1, evidence=[reference(jpeg())])])
    with village.parts.database.read() as session:
        assert session.scalar(select(func.count()).select_from(EvidenceReference)) == 1


# A database under load


def test_threat_08_officers_read_on_when_nothing_can_be_written(
    embedded_village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    village = embedded_village
    browser = village.browser("officer_a")
    village.clock.advance(minutes=5)

    def full(*_: object, **__: object) -> None:
        raise Unavailable("the server's disk is full")

    monkeypatch.setattr(auth, "touch_session", full)
    assert browser.get("/live").status_code == 200


def test_a_writer_that_waits_too_long_is_told_to_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_village(tmp_path / "data") as village:
        monkeypatch.setattr("server.db.engine.SQLITE_BUSY_TIMEOUT_S", 0.05)
        with village.parts.database.write():
            answers: list[int] = []
            other = threading.Thread(target=lambda: answers.append(village.post([event()]).status_code))
            other.start()
            other.join()
        assert answers == [503]
        assert village.post([event()]).status_code == 200


def test_the_write_ahead_log_shrinks_again_after_a_long_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.db.engine.SQLITE_WAL_KEPT_BYTES", 1024 * 1024)
    with running_village(tmp_path / "data") as village:
        database, log = village.parts.database, tmp_path / "data" / "langan.sqlite-wal"
        with database.write() as session:
            session.execute(text("CREATE TABLE bulk (x)"))
        with database.read() as reader:
            reader.execute(select(User)).first()
            for _ in range(20):
                with database.write() as session:
                    session.execute(text("INSERT INTO bulk VALUES (zeroblob(400000))"))
            grown = log.stat().st_size
        for _ in range(3):
            with database.write() as session:
                session.execute(text("INSERT INTO bulk VALUES (zeroblob(400000))"))
        assert grown > 7 * 1024 * 1024
        assert log.stat().st_size < 3 * 1024 * 1024


def test_every_connection_in_use_is_503_not_a_bug(tmp_path: Path) -> None:
    with running_village(tmp_path / "data") as village:
        narrow = Database(village.parts.settings.database_url, pool_size=1)
        narrow.engine.pool._max_overflow = 0  # type: ignore[attr-defined]
        narrow.engine.pool._timeout = 0.01  # type: ignore[attr-defined]
        with narrow.read() as session:
            session.execute(select(User)).first()
            with pytest.raises(Unavailable), narrow.read() as second:
                second.execute(select(User)).first()
        narrow.close()


def test_threat_39_an_error_of_the_database_tells_no_row(village: Village) -> None:
    row = {"username": "officer_a", "display_name": "x", "password_hash": "$argon2id$secret", "role": "officer"}
    twin = User(**row, place_id="village-a", active=True, created_at=NOW, password_changed_at=NOW)
    with pytest.raises(IntegrityError) as error, village.parts.database.write() as session:
        session.add(twin)
    assert "$argon2id$secret" not in str(error.value)


def test_a_database_address_that_is_none_is_told_without_its_password() -> None:
    with pytest.raises(ValueError, match="LANGAN_DATABASE_URL") as error:
        Database("langan:geheim@nowhere")
    assert "geheim" not in str(error.value)


# How long PostgreSQL is waited for


@pytest.mark.postgres
def test_what_serves_requests_waits_for_a_bounded_time_and_jobs_as_long_as_they_need(
    cluster: Cluster, tmp_path: Path
) -> None:
    with cluster.database() as url, running_village(tmp_path / "data", url) as village:
        bounded = Database(url)
        bounded.bound(Bounds(statement_s=0.2, lock_s=0.1, idle_s=60))
        try:
            for _ in range(2):  # the second time on a connection that was used, and whose transaction was rolled back
                with pytest.raises(Unavailable), bounded.read() as session:
                    session.execute(text("SELECT pg_sleep(20)"))
            with village.parts.database.write() as holder:
                lock(holder, LOCK_VILLAGE, ["village-a"])
                with pytest.raises(Unavailable), bounded.write() as session:
                    lock(session, LOCK_VILLAGE, ["village-a"])
            with unbounded(), bounded.write() as session:
                session.execute(text("SELECT pg_sleep(0.5)"))
                assert session.scalar(text("SHOW lock_timeout")) == "0"
            with bounded.read() as session:
                assert session.scalar(text("SHOW lock_timeout")) == "100ms"
        finally:
            bounded.close()


@pytest.mark.postgres
def test_a_web_process_is_bounded(cluster: Cluster, tmp_path: Path) -> None:
    from server.run import Application

    with cluster.database() as url, running_village(tmp_path / "data", url, lock_timeout_s=7) as village:
        app = Application(village.parts.settings, "127.0.0.1:0", 1).load()
        parts: Services = app.extensions[EXTENSION]
        with parts.database.read() as session:
            assert session.scalar(text("SHOW lock_timeout")) == "7s"
            assert session.scalar(text("SHOW statement_timeout")) == "1min"
        parts.database.close()
