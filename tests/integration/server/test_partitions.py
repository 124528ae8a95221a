"""Revisions of events by month, on PostgreSQL: nothing is lost or doubled whatever ids devices choose."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError

from contract.ids import uuid7
from server import migrations
from server.db import partitions
from server.db.engine import Database
from server.db.models import EventRecord, EventRevision, Incident
from server.db.partitions import Month
from server.db.work_models import Deletion
from server.retention import holds, months
from server.retention.service import enforce
from tests.support.postgres import Cluster
from tests.support.village import NOW, Village, event, running_village

pytestmark = pytest.mark.postgres
START = datetime(2027, 5, 10, 3, 0, tzinfo=UTC)
"""Of the tests: the migration made the months of the real clock, the job those up to here."""


@pytest.fixture
def divided(cluster: Cluster, tmp_path: Path) -> Iterator[Village]:
    """A server whose clock stands in May 2027, with the months that its job has made."""
    with cluster.database() as url, running_village(tmp_path / "data", url) as village:
        village.clock.advance(seconds=(START - NOW).total_seconds())
        months.keep_months(village.parts)
        yield village


def post(village: Village, event_id: UUID, revision: int = 0, **more: Any) -> str:
    """Post a revision of an event that begins now, with any id; gives the server's word."""
    began_s = (village.clock.utc() - NOW).total_seconds() + 3500
    body = event(began_s, event_id=event_id, revision=revision, **more)
    return str(village.post([body]).get_json()["results"][0]["status"])


def tables(village: Village) -> dict[UUID, str]:
    """In which partition each event's revisions lie."""
    with village.parts.database.read() as session:
        rows = session.execute(text("SELECT event_id, tableoid::regclass::text FROM event_revisions")).all()
    return {row[0]: row[1] for row in rows}


def id_of(at: datetime) -> UUID:
    return uuid7(at)


def test_an_id_decides_on_the_month_and_a_revision_is_there_once(divided: Village) -> None:
    now = divided.clock.utc()
    ids = {
        id_of(now): "event_revisions_2027_05",
        id_of(datetime(2027, 6, 1, tzinfo=UTC)): "event_revisions_2027_06",
        id_of(datetime(2027, 5, 31, 23, 59, 59, 999000, tzinfo=UTC)): "event_revisions_2027_05",
        id_of(datetime(1999, 1, 1, tzinfo=UTC)): "event_revisions_before",
        id_of(datetime(8900, 1, 1, tzinfo=UTC)): "event_revisions_other",
    }
    for event_id in ids:
        assert post(divided, event_id, spot=f"s-{event_id.hex[-8:]}") == "created"
        assert post(divided, event_id, spot=f"s-{event_id.hex[-8:]}") == "duplicate"
        assert post(divided, event_id, spot=f"s-{event_id.hex[-8:]}", lasts_s=12.0) == "conflict"
    assert tables(divided) == ids
    for event_id in ids:
        with pytest.raises(IntegrityError), divided.parts.database.write() as session:
            session.execute(
                text("INSERT INTO event_revisions SELECT * FROM event_revisions WHERE event_id = :id"), {"id": event_id}
            )


def test_rows_that_came_before_their_month_was_made_move_into_it(
    divided: Village, caplog: pytest.LogCaptureFixture
) -> None:
    early = id_of(START + timedelta(days=150))  # a device's id, or a job that never ran
    assert post(divided, early) == "created"
    assert tables(divided)[early] == "event_revisions_other"
    with caplog.at_level(logging.WARNING):
        months.keep_months(divided.parts)
    assert "revisions_outside_of_months" in caplog.text
    divided.clock.advance(days=90)
    caplog.clear()
    made = months.keep_months(divided.parts)
    assert made == [Month(2027, 9), Month(2027, 10), Month(2027, 11)]
    assert tables(divided)[early] == "event_revisions_2027_10"
    assert "revisions_outside_of_months" not in caplog.text
    assert months.keep_months(divided.parts) == []


def test_a_server_whose_months_were_not_made_says_so_and_takes_everything(divided: Village) -> None:
    browser = divided.browser(None)
    assert "partitions" not in browser.get("/readyz").get_json()
    divided.clock.advance(days=300)
    late = id_of(divided.clock.utc())
    assert post(divided, late) == "created"
    assert tables(divided)[late] == "event_revisions_other"
    answer = divided.browser(None).get("/readyz")
    assert (answer.status_code, "worker" in answer.get_json()["partitions"]) == (200, True)
    metrics = divided.browser(None).get("/metrics").get_data(as_text=True)
    assert "langan_server_partition_other_rows 1.0" in metrics
    assert "langan_server_partition_months_ahead -1.0" in metrics
    months.keep_months(divided.parts)
    assert tables(divided)[late] == Month.of(divided.clock.utc()).table
    assert "partitions" not in divided.browser(None).get("/readyz").get_json()


def test_retention_drops_a_month_but_what_a_hold_keeps(divided: Village) -> None:
    village = divided
    held, free, odd = id_of(START), id_of(START + timedelta(days=1)), id_of(datetime(8900, 1, 1, tzinfo=UTC))
    for number, event_id in enumerate((held, free, odd)):
        assert post(village, event_id, spot=f"spot-{number}") == "created"
    assert post(village, free, 1, spot="spot-1", ended=True) == "created"
    with village.parts.database.write() as session:
        incident = session.scalars(select(EventRecord.incident_id).where(EventRecord.event_id == held)).one()
        assert incident is not None
        holds.place(session, village.clock, village.principal("officer_a"), incident, "Hồ sơ 12/2027")
    village.clock.advance(days=405)  # June 2028: the incidents are over, May 2027 is not yet
    months.keep_months(village.parts)
    enforce(village.parts)
    assert tables(village) == {held: "event_revisions_2027_05", free: "event_revisions_2027_05"}
    with village.parts.database.read() as session:
        assert session.scalars(select(EventRecord.event_id)).all() == [held]
        rows = session.execute(select(EventRevision.event_id, EventRevision.body))
        bodies = {event_id: body for event_id, body in rows}  # noqa: C416 (a row is no pair to mypy)
    assert bodies[free] == {}
    assert bodies[held] != {}
    village.clock.advance(days=40)
    enforce(village.parts)
    assert tables(village) == {held: "event_revisions_before"}
    with village.parts.database.read() as session:
        assert partitions.months(session)[0] == Month(2027, 6)
        lines = {row.subject: row.rows for row in session.scalars(select(Deletion).where(Deletion.what == "revisions"))}
        assert lines[f"table:{Month(2027, 5).table}"] == 2
        assert session.scalars(select(Incident.id)).all() == [incident]
    assert post(village, id_of(START + timedelta(days=2)), spot="spot-9") == "created"  # an id of the dropped month
    assert set(tables(village).values()) == {"event_revisions_before"}


def test_a_month_with_much_to_keep_is_not_dropped_and_what_is_over_goes(
    divided: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, free = id_of(START), id_of(START + timedelta(days=1))
    assert post(divided, held, spot="spot-1") == "created"
    assert post(divided, free, spot="spot-2") == "created"
    monkeypatch.setattr(months, "KEPT_AT_MOST", 0)
    with divided.parts.database.write() as session:
        incident = session.scalars(select(EventRecord.incident_id).where(EventRecord.event_id == held)).one()
        assert incident is not None
        holds.place(session, divided.clock, divided.principal("officer_a"), incident, "Hồ sơ 12/2027")
    divided.clock.advance(days=500)
    months.keep_months(divided.parts)
    enforce(divided.parts)
    assert tables(divided) == {held: "event_revisions_2027_05"}


def test_a_body_that_came_after_the_others_were_emptied_does_not_stay(divided: Village) -> None:
    assert post(divided, id_of(START)) == "created"
    divided.clock.advance(days=40)
    enforce(divided.parts)
    with divided.parts.database.write() as session:  # as a revision does that touches its incident no more
        assert session.scalars(select(EventRevision.body)).all() == [{}]
        session.execute(update(EventRevision).values(body={"plate": {"text": "29A-123.45"}}))
    divided.clock.advance(days=365)
    enforce(divided.parts)
    with divided.parts.database.read() as session:
        assert session.scalar(select(func.count()).select_from(EventRecord)) == 0
        assert session.scalars(select(EventRevision.body)).all() == [{}]


def test_a_month_that_is_over_gives_its_room_back_once(divided: Village, caplog: pytest.LogCaptureFixture) -> None:
    event_id = id_of(START)
    assert post(divided, event_id) == "created"
    divided.clock.advance(days=120)
    enforce(divided.parts)
    with caplog.at_level(logging.INFO):
        months.keep_months(divided.parts)
    settled = [record.fields["month"] for record in caplog.records if record.message == "month_settled"]  # type: ignore[attr-defined]
    assert "event_revisions_2027_05" in settled
    assert "event_revisions_2027_09" not in settled
    assert tables(divided) == {event_id: "event_revisions_2027_05"}
    caplog.clear()
    months.keep_months(divided.parts)
    assert "month_settled" not in caplog.text


def test_the_migration_keeps_every_row_and_can_be_taken_back(cluster: Cluster, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    ids = [id_of(now - timedelta(days=40)), id_of(now), id_of(now + timedelta(days=70)), id_of(now.replace(year=8900))]
    with cluster.database() as url, running_village(tmp_path / "data", url) as village:
        village.clock.advance(seconds=(now - NOW).total_seconds())
        for event_id in ids:
            assert post(village, event_id, spot=f"s-{event_id.hex[-8:]}") == "created"
        _migrate(village.parts.database, "0014")
        assert tables(village) == dict.fromkeys(ids, "event_revisions")
        _migrate(village.parts.database, "head")
        found = tables(village)
        before = "event_revisions_before"
        assert [found[item] for item in ids[:2]] == [before, before]  # this month's, too: the table was in use
        assert found[ids[2]] == Month.of(now + timedelta(days=70)).table
        assert found[ids[3]] == "event_revisions_other"
        for event_id in ids:
            assert post(village, event_id, spot=f"s-{event_id.hex[-8:]}") == "duplicate"


def _migrate(database: Database, revision: str) -> None:
    made = migrations.config()
    with database.write() as session:
        made.attributes["connection"] = session.connection()
        if revision == "head":
            command.upgrade(made, revision)
        else:
            command.downgrade(made, revision)
