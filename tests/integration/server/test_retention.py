"""Retention: each kind has its period, a hold keeps, shared files stay, and the list tells what went and why."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from server.db.models import AuditEntry, EventRecord, EventRevision, EvidenceFile, EvidenceReference, Incident
from server.db.types import Base
from server.db.work_models import Deletion, LegalHold, Notification
from server.domain.incident import IncidentAction
from server.incidents import by_hand
from server.incidents import service as incidents
from server.notifications import planning
from server.retention import holds, sweep
from server.retention.service import enforce
from server.storage.service import make_room
from server.work_settings import WorkSettings
from tests.support.media import jpeg
from tests.support.notices import add_channel
from tests.support.village import NOW, Village, event, reference, running_village


def stored(village: Village) -> set[str]:
    """The files that lie in the store."""
    return {name for name, _ in village.parts.store.names()}


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def happen(village: Village, content: bytes, **more: Any) -> UUID:
    """An event with a picture that has arrived; gives its incident."""
    result = village.post([event(evidence=[reference(content)], **more)]).get_json()["results"][0]
    assert result["status"] == "created", result
    assert village.put_evidence(content).status_code in {201, 204}
    return UUID(result["incident_id"])


def act(village: Village, incident_id: UUID, action: IncidentAction) -> None:
    with village.parts.database.write() as session:
        incident = session.get_one(Incident, incident_id)
        incidents.act(
            session,
            village.clock,
            village.principal("officer_a"),
            incident_id,
            action,
            version=incident.version,
            note="x",
        )


def rows(village: Village, what: str) -> list[Deletion]:
    with village.parts.database.read() as session:
        return list(session.scalars(select(Deletion).where(Deletion.what == what).order_by(Deletion.id)))


def run(village: Village, **more: Any) -> Any:
    report = enforce(village.parts, **more)
    sweep.purge_removed(village.parts)
    return report


def test_evidence_goes_by_what_became_of_its_incident(village: Village) -> None:
    false_alarm = happen(village, jpeg(1), spot="a")
    resolved = happen(village, jpeg(2), spot="b")
    happen(village, jpeg(3), spot="c")
    act(village, false_alarm, IncidentAction.FALSE_ALARM)
    act(village, resolved, IncidentAction.RESOLVE)
    went: list[set[str]] = []
    for days in (6, 2, 23, 61):
        village.clock.advance(days=days)
        before = stored(village)
        run(village)
        went.append(before - stored(village))
    assert went == [set(), {sha(jpeg(1))}, {sha(jpeg(3))}, {sha(jpeg(2))}]
    assert [row.reason for row in rows(village, "evidence")] == ["false_alarm:7", "undecided:30", "resolved:90"]
    assert rows(village, "evidence")[0].incident_id == false_alarm
    assert rows(village, "evidence")[0].size_bytes == len(jpeg(1))
    with village.parts.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Incident)) == 3
        assert session.scalars(select(Incident.snapshot_sha256)).all() == [None] * 3
        actions = session.scalars(select(AuditEntry.action)).all()
        assert actions.count("retention.run") == 3
        assert village.parts.chain.verify(session).fault is None


def test_a_file_that_two_incidents_share_stays_until_both_are_over(village: Village) -> None:
    happen(village, jpeg(1), spot="a")
    village.clock.advance(days=20)
    happen(village, jpeg(1), spot="b", started_s=20 * 86_400.0)
    village.clock.advance(days=11)
    run(village)
    assert stored(village) == {sha(jpeg(1))}
    village.clock.advance(days=20)
    run(village)
    assert stored(village) == set()


def test_a_hold_keeps_an_incident_its_files_and_its_plates_until_it_is_released(village: Village) -> None:
    held, free = happen(village, jpeg(1), spot="a"), happen(village, jpeg(2), spot="b")
    officer = village.browser("officer_a")
    page = officer.post(f"/incidents/{held}/hold", data={"reason": "Hồ sơ 12/2026", "csrf_token": token(officer)})
    assert page.status_code == 303
    village.clock.advance(days=800)
    assert run(village).held == 1
    assert stored(village) == {sha(jpeg(1))}
    with village.parts.database.read() as session:
        assert session.scalars(select(Incident.id)).all() == [held]
        assert session.scalars(select(EventRevision.body)).one() != {}
    officer = village.browser("officer_a")
    shown = officer.get(f"/incidents/{held}").get_data(as_text=True)
    assert "Hồ sơ 12/2026" in shown
    done = officer.post(f"/incidents/{held}/hold/release", data={"reason": "xong", "csrf_token": token(officer)})
    assert done.status_code == 303
    run(village)
    assert stored(village) == set()
    with village.parts.database.read() as session:
        assert session.scalars(select(Incident.id)).all() == []
        actions = session.scalars(select(AuditEntry.action)).all()
        assert {"incident.hold", "incident.release_hold"} <= set(actions)
        assert session.scalars(select(LegalHold)).all() == []
    assert {row.subject for row in rows(village, "incident")} == {f"incident:{held}", f"incident:{free}"}


def token(browser: Any) -> str:
    """The hidden field of a page's forms."""
    text = browser.get("/notifications").get_data(as_text=True)
    return str(text.split('name="csrf_token" value="', 1)[1].split('"', 1)[0])


def test_a_hold_outweighs_want_of_room(village: Village) -> None:
    held = happen(village, jpeg(1), spot="a")
    village.clock.advance(seconds=5)
    happen(village, jpeg(2), spot="b")
    with village.parts.database.write() as session:
        holds.place(session, village.clock, village.principal("officer_a"), held, "Hồ sơ 12/2026")
    make_room(village.parts.database, village.parts.store, village.clock, 0)
    assert stored(village) == {sha(jpeg(1))}
    assert [row.reason for row in rows(village, "evidence")] == ["room"]


def test_a_hold_follows_an_incident_that_is_merged(village: Village) -> None:
    held, other = happen(village, jpeg(1), spot="a"), happen(village, jpeg(2), spot="b")
    with village.parts.database.write() as session:
        holds.place(session, village.clock, village.principal("officer_a"), held, "Hồ sơ 12/2026")
        session.get_one(Incident, held).merged_into_id = other
    with village.parts.database.read() as session:
        assert holds.held_ids(session) == {held, other}
    officer = village.browser("officer_a")
    assert "Hồ sơ 12/2026" in officer.get(f"/incidents/{other}").text
    officer.post(f"/incidents/{other}/hold/release", data={"reason": "Xong", "csrf_token": token(officer)})
    with village.parts.database.read() as session:
        assert holds.held_ids(session) == set()


def test_a_hold_follows_events_that_are_split_off(village: Village) -> None:
    held = happen(village, jpeg(1))
    second = event(30)
    village.post([second])
    officer = village.principal("officer_a")
    with village.parts.database.write() as session:
        holds.place(session, village.clock, officer, held, "Hồ sơ 12/2026")
        fresh = by_hand.split(
            session,
            village.clock,
            village.parts.settings.zone,
            officer,
            held,
            version=session.get_one(Incident, held).version,
            reason="hai vụ",
            event_ids=[UUID(second["event_id"])],
        )
    with village.parts.database.read() as session:
        assert holds.held_ids(session) == {held, fresh.id}


def test_a_hold_follows_events_that_grouping_moves_to_another_incident(village: Village) -> None:
    village.clock.advance(hours=5)
    long_s = 3600 * 3.8
    held = happen(village, jpeg(1), lasts_s=long_s)
    assert happen(village, jpeg(2), started_s=long_s + 120) == held  # within the four hours of an incident
    with village.parts.database.write() as session:
        holds.place(session, village.clock, village.principal("officer_a"), held, "Hồ sơ 12/2026")
    village.clock.advance(minutes=1)
    assert happen(village, jpeg(3), started_s=-1200, lasts_s=1200) == held  # late: the four hours begin earlier
    with village.parts.database.read() as session:
        assert session.scalar(select(func.count()).where(EventRecord.incident_id == held)) == 2
    village.clock.advance(days=500)
    run(village)
    assert stored(village) == {sha(jpeg(number)) for number in (1, 2, 3)}


@pytest.mark.parametrize("name", ["officer_b", "resident_a"])
def test_threat_23_nobody_else_places_a_hold(embedded_village: Village, name: str) -> None:
    village = embedded_village
    incident_id = happen(village, jpeg(1))
    browser = village.browser(name)
    data = {"reason": "Hồ sơ 12/2026", "csrf_token": "x"}
    assert browser.post(f"/incidents/{incident_id}/hold", data=data).status_code in {403, 404}
    with village.parts.database.read() as session:
        assert session.scalars(select(LegalHold)).all() == []


def test_what_tells_of_persons_goes_with_the_evidence(village: Village) -> None:
    plate = {"text": "51F-123.45", "confidence": 0.9}
    path = {"track_id": 1, "points": [{"t_s": 0.0, "x": 0.5, "y": 0.5}]}
    happen(village, jpeg(1))
    with village.parts.database.write() as session:
        record = session.scalars(select(EventRecord)).one()
        record.plate, record.paths = plate, [path]
    village.clock.advance(days=31)
    report = run(village)
    assert report.counts["detail"] == 1
    with village.parts.database.read() as session:
        record = session.scalars(select(EventRecord)).one()
        assert (record.plate, record.paths) == (None, [])
        assert record.facts["peak_people"] == 12
        assert session.scalars(select(EventRevision.body)).all() == [{}]
    assert run(village).counts["detail"] == 0


def test_an_incident_goes_with_everything_that_names_it(village: Village) -> None:
    happen(village, jpeg(1))
    happen(village, jpeg(2), spot="b")
    village.clock.advance(days=401)
    run(village)
    planning.plan(village.parts.database, village.clock)
    kept = {"audit_log", "audit_head", "deletions", "places", "site_documents", "users", "devices", "device_keys"}
    kept |= {"cameras", "login_sessions", "evidence_files", "jobs"}
    kept |= {"report_marks", "change_counters"}  # which days and tables changed: they name nobody
    with village.parts.database.read() as session:
        left = {
            table.name: session.scalar(select(func.count()).select_from(table))
            for table in Base.metadata.sorted_tables
            if table.name not in kept
        }
        assert {name: count for name, count in left.items() if count} == {}
        files = session.scalars(select(EvidenceFile)).all()
        assert all(file.removed_at is not None and file.purged_at is not None for file in files)


def test_a_dry_run_deletes_nothing_and_tells_the_same(village: Village) -> None:
    happen(village, jpeg(1))
    village.clock.advance(days=401)
    dry = enforce(village.parts, dry_run=True)
    assert stored(village) == {sha(jpeg(1))}
    assert rows(village, "evidence") == []
    with village.parts.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Incident)) == 1
    real = enforce(village.parts)
    assert dry.counts == real.counts
    assert dry.bytes == real.bytes == len(jpeg(1))


def test_nothing_goes_that_is_kept_for_ever(database_url: str, tmp_path: Path) -> None:
    forever = {name: 0 for name in WorkSettings.model_fields if name.startswith("keep_")}
    with running_village(tmp_path / "data", database_url, **forever) as village:
        happen(village, jpeg(1))
        village.clock.advance(days=10_000)
        assert enforce(village.parts).counts.total() == 0


def test_a_crash_between_database_and_store_leaves_nothing_behind(village: Village) -> None:
    happen(village, jpeg(1))
    village.clock.advance(days=31)
    enforce(village.parts)  # and the process is killed here
    assert stored(village) == {sha(jpeg(1))}
    assert village.put_evidence(jpeg(1)).status_code == 503  # not while the old one is about to go
    sweep.purge_removed(village.parts)
    assert stored(village) == set()
    assert village.put_evidence(jpeg(1)).status_code == 201


def test_a_file_that_nothing_speaks_of_is_swept_after_a_day(village: Village) -> None:
    happen(village, jpeg(1))
    with village.parts.database.write() as session:
        session.delete(session.get_one(EvidenceFile, sha(jpeg(1))))
    path = village.parts.store.path_of(sha(jpeg(1)))
    assert path is not None
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    assert sweep.sweep(village.parts) == 0
    village.clock.advance(days=2)
    assert sweep.sweep(village.parts) == 1
    assert stored(village) == set()
    assert [row.reason for row in rows(village, "orphan")] == ["orphan"]


def test_quarantined_events_go(village: Village) -> None:
    body = event(40 * 86_400.0, evidence=[reference(jpeg(1))])
    assert village.post([body]).get_json()["results"][0]["status"] == "quarantined"
    village.put_evidence(jpeg(1))
    village.clock.advance(days=31)
    report = run(village)
    assert report.counts["quarantined"] == 1
    with village.parts.database.read() as session:
        assert session.scalars(select(EventRecord)).all() == []
        assert session.scalars(select(EvidenceReference)).all() == []
    assert stored(village) == set()


def test_threat_40_an_audit_log_that_was_cut_still_proves_itself(village: Village) -> None:
    incident_id = happen(village, jpeg(1))
    act(village, incident_id, IncidentAction.ACKNOWLEDGE)
    village.clock.advance(days=1800)
    act(village, incident_id, IncidentAction.DISPATCH)
    village.clock.advance(days=60)
    with village.parts.database.read() as session:
        before = session.scalar(select(func.count()).select_from(AuditEntry)) or 0
    report = run(village)
    assert report.counts["audit"] == before - 1  # the dispatch stays
    with village.parts.database.read() as session:
        assert village.parts.chain.verify(session).fault is None
    with village.parts.database.write() as session:
        first = session.scalars(select(AuditEntry).order_by(AuditEntry.sequence).limit(1)).one()
        session.delete(first)
    with village.parts.database.read() as session:
        fault = village.parts.chain.verify(session).fault
        assert fault is not None
        assert "missing" in fault.reason


def test_notifications_go_after_their_period(village: Village) -> None:
    from server.domain.grouping import Severity
    from server.domain.notices import NoticeState

    incident_id = happen(village, jpeg(1))
    now, channel_id = village.clock.utc(), add_channel(village, "officer_a")
    with village.parts.database.write() as session:
        session.add(
            Notification(
                incident_id=incident_id,
                channel_id=channel_id,
                state=NoticeState.SENT,
                severity=Severity.LOW,
                planned_at=now,
                attempts=0,
            )
        )
    village.clock.advance(days=89)
    assert run(village).counts["notification"] == 0
    village.clock.advance(days=2)
    assert run(village).counts["notification"] == 1


def test_the_admin_sees_periods_and_what_was_deleted(embedded_village: Village) -> None:
    village = embedded_village
    happen(village, jpeg(1))
    village.clock.advance(days=31)
    admin = village.browser("admin")
    assert "30 ngày" in admin.get("/admin/retention?would=1").get_data(as_text=True)
    run(village)
    page = village.browser("admin").get("/admin/retention").get_data(as_text=True)
    assert sha(jpeg(1))[:12] in page
    assert "Chưa xử lý, quá 30 ngày" in page
    other = village.browser("admin_b").get("/admin/retention").get_data(as_text=True)
    assert sha(jpeg(1))[:12] not in other
    for name in ("officer_a", "resident_a"):
        assert village.browser(name).get("/admin/retention").status_code == 403


def test_the_periods_in_the_settings_are_used(tmp_path: Path) -> None:
    with running_village(tmp_path / "data", keep_evidence_days=2) as village:
        happen(village, jpeg(1))
        village.clock.advance(days=3)
        assert run(village).counts["evidence"] == 1
