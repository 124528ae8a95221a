"""Events with an impossible clock: an admin sees them, lets them in at a time that can be true, or deletes them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from contract.ids import uuid7
from server.cli import main
from server.db.models import AuditEntry, EventRecord, EventRevision, Incident
from server.errors import InvalidInput, NotFound
from server.ingest import quarantine
from server.ingest.quarantine import Correction
from tests.support.media import jpeg
from tests.support.village import NOW, Village, event, reference

DAY_S = 24 * 3600
BEGAN = NOW - timedelta(hours=1)


def send(village: Village, body: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = village.post([body]).get_json()["results"][0]
    return result


def release(village: Village, *ids: str, by: timedelta | None = None) -> dict[UUID, UUID]:
    with village.parts.database.write() as session:
        return quarantine.release(
            session, village.clock, village.parts.settings.zone, [UUID(name) for name in ids], Correction(by)
        )


def test_what_an_admin_releases_is_in_incidents_at_the_corrected_time(village: Village) -> None:
    picture = jpeg()
    one, two = uuid7(BEGAN), uuid7(BEGAN + timedelta(seconds=1))
    first, second = str(one), str(two)
    bodies = [
        event(DAY_S, event_id=one),
        event(DAY_S, event_id=one, revision=1, lasts_s=60, evidence=[reference(picture)]),
        event(DAY_S + 30, event_id=two),
    ]
    for body in bodies:
        assert send(village, body)["status"] == "quarantined"
    assert village.put_evidence(picture).status_code == 201
    with village.parts.database.read() as session:
        shown = quarantine.listed(session)
        assert [(str(item.event_id), item.device_id) for item in shown] == [(first, "box-a"), (second, "box-a")]
        assert quarantine.listed(session, "box-b") == []
        assert quarantine.counted(session) == 2
    placed = release(village, first, second, by=timedelta(seconds=-DAY_S))
    assert len(set(placed.values())) == 1
    with village.parts.database.read() as session:
        assert quarantine.counted(session) == 0
        incident = session.scalars(select(Incident)).one()
        assert (incident.event_count, incident.first_at) == (2, BEGAN)
        assert incident.snapshot_sha256 == reference(picture)["sha256"]
        row = session.get_one(EventRecord, UUID(first))
        assert (row.revision, row.started_at, row.ended_at) == (1, BEGAN, None)
        said = {entry.subject: json.loads(entry.detail) for entry in session.scalars(select(AuditEntry))}
        assert said[f"event:{first}"]["shift_s"] == -DAY_S
        kept = session.get_one(EventRevision, (UUID(first), 0)).body
        assert kept["started_at"] == bodies[0]["started_at"]  # the body stays as it came
    again = send(village, bodies[0])
    assert (again["status"], again["incident_id"]) == ("duplicate", str(incident.id))
    later = send(village, event(0, event_id=one, revision=2, lasts_s=90))
    assert (later["status"], later["incident_id"]) == ("created", str(incident.id))
    with pytest.raises(NotFound, match="not in quarantine"):
        release(village, first)


def test_when_it_came_can_stand_for_when_it_was_seen_and_the_future_cannot(village: Village) -> None:
    body = event(-400 * DAY_S)
    send(village, body)
    with pytest.raises(InvalidInput, match="after it came"):
        release(village, body["event_id"], by=timedelta(days=500))
    with village.parts.database.read() as session:
        assert quarantine.counted(session) == 1
    release(village, body["event_id"])
    with village.parts.database.read() as session:
        row = session.get_one(EventRecord, UUID(body["event_id"]))
        assert row.observed_at == row.received_at


def test_what_an_admin_discards_is_gone_and_audited(village: Village) -> None:
    body, other = event(DAY_S), event(DAY_S, spot="other")
    send(village, body)
    send(village, other)
    with village.parts.database.write() as session:
        with pytest.raises(InvalidInput, match="no reason"):
            quarantine.discard(session, village.clock, [UUID(body["event_id"])], " ")
        assert quarantine.discard(session, village.clock, [UUID(body["event_id"])], "đồng hồ hỏng") == 1
    with village.parts.database.read() as session:
        assert [str(row.event_id) for row in session.scalars(select(EventRecord))] == [other["event_id"]]
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "event.discard")).one()
        assert json.loads(entry.detail)["why"] == "đồng hồ hỏng"
    good = event(0, spot="good")
    send(village, good)
    with village.parts.database.write() as session, pytest.raises(NotFound):
        quarantine.discard(session, village.clock, [UUID(good["event_id"])], "x")


def test_the_command_line_lists_releases_and_discards(
    embedded_village: Village, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    village, ids = embedded_village, []
    monkeypatch.setenv("LANGAN_DATA_DIR", str(village.parts.settings.data_dir))
    for number in range(3):
        body = event(DAY_S + 600 * number, spot=f"spot-{number}")
        send(village, body)
        ids.append(body["event_id"])
    assert main(["quarantine", "list"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in ids)
    assert "24.0 h ahead" in told or "clock is ahead" in told
    assert main(["quarantine", "release", "--as-received", ids[0]]) == 0
    assert "incident" in capsys.readouterr().out
    assert main(["quarantine", "discard", "--why", "hỏng", ids[1]]) == 0
    assert main(["quarantine", "release", "--as-received"]) == 2
    assert "--device BOX" in capsys.readouterr().err
    assert main(["quarantine", "release", "--shift", f"-{DAY_S}", "--device", "box-a"]) == 0
    assert main(["quarantine", "list"]) == 0
    assert "0 of 0 events" in capsys.readouterr().out
