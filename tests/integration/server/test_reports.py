"""Leaders' reports: what they say, and to whom."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from contract.event import CameraHealth
from server.db.feedback_models import Feedback
from server.db.models import Camera, CameraConfigVersion, Incident
from server.db.report_models import CameraDay, CameraState
from server.domain.access import Principal, Role
from server.domain.feedback import About, FeedbackState
from server.domain.periods import Period
from server.errors import NotFound
from server.reports import cameras, rollup
from server.retention.erasing import erase_incidents
from tests.support.reports import MARCH, ZONE, beat, happen, read
from tests.support.seed import camera_yaml
from tests.support.village import NOW, Village


def test_a_report_says_what_happened_and_how_it_was_answered(village: Village) -> None:
    happen(village)
    found = read(village)
    assert (found.total.incidents, found.total.resolved, found.total.false_alarms, found.total.open) == (5, 1, 1, 3)
    assert [(row.kind, row.outcomes.incidents) for row in found.kinds] == [("crowding", 4), ("intrusion", 1)]
    assert found.total.false_share == 0.5
    assert found.hours[9] == 5  # Monday, nine o'clock
    assert sum(found.hours) == 5
    assert (found.acknowledged.number, found.decided.number) == (2, 2)
    assert found.acknowledged.median_s == pytest.approx(600, rel=0.0201)
    assert found.acknowledged.p90_s == pytest.approx(600, rel=0.0201)  # of two, the first is 90 % of the way down
    assert found.decided.median_s == pytest.approx(1800, rel=0.0201)
    assert {row.id: row.outcomes.incidents for row in found.parts} == {"village-a": 3, "village-b": 2}
    assert found.earlier == Period(MARCH.kind, date(2026, 2, 1), date(2026, 2, 2))
    assert found.total_before.incidents == 0
    assert not found.is_over


def test_a_period_is_compared_with_the_same_before(village: Village) -> None:
    happen(village)
    february = Period.month(2026, 2)
    assert read(village, period=february).total.incidents == 1
    quarter = read(village, period=Period.quarter(2026, 1))
    assert quarter.total.incidents == 6
    week = read(village, period=Period.week(NOW.date()))
    assert (week.total.incidents, week.total_before.incidents) == (5, 0)
    free = read(village, period=Period.free(date(2026, 2, 20), date(2026, 3, 2)))
    assert free.total.incidents == 6
    assert sum(step.incidents for step in free.course) == 6
    year = read(village, period=Period.year(2026))
    assert [step.incidents for step in year.course] == [0, 1, 5]


def test_nobody_reads_of_a_place_outside_of_the_scope(village: Village) -> None:
    happen(village)
    mine = Principal(Role.LEADER, "1", "", "village-a")
    assert read(village, mine).place_id == "village-a"
    assert read(village, mine).total.incidents == 3
    for place in ("village-b", "nhon-loc", "gia-lai", "nowhere"):
        with pytest.raises(NotFound):
            read(village, mine, place)
    with pytest.raises(NotFound):
        read(village, Principal(Role.RESIDENT, "1", "", "village-a"), "village-a")
    everything = Principal(Role.ADMIN, "1", "", None)
    assert read(village, everything).place_kind == "site"
    assert read(village, everything).total.incidents == 5
    assert read(village, everything, "gia-lai").total.incidents == 5
    for name, place in (("officer_a", "village-b"), ("admin_b", "village-a"), ("officer_a", "nhon-loc")):
        for ending in ("", "/file.csv", "/file.xlsx", "/file.pdf"):
            assert village.browser(name).get(f"/reports{ending}?place={place}").status_code == 404
    assert village.browser("resident_a").get("/reports").status_code == 403
    assert village.browser(None).get("/reports/file.csv").status_code == 401


def test_a_report_holds_no_person_and_no_picture(village: Village) -> None:
    happen(village)
    for address in ("/reports", "/reports?place=village-a&period=day&at=2026-03-02"):
        text = village.browser("officer_commune").get(address).get_data(as_text=True)
        main = text[text.index("<main") : text.index("</main>")]
        assert "<img" not in main
        assert "/media/" not in main
        assert "/incidents/" not in main
        assert "officer_a2" not in main


def test_what_retention_erased_stays_counted(village: Village) -> None:
    happen(village)
    before = read(village)
    with village.parts.database.write() as session:
        erase_incidents(session, list(session.scalars(select(Incident.id))))
    rollup.catch_up(village.parts.database, ZONE)
    after = read(village)
    assert (after.total, after.kinds, after.hours, after.decided) == (
        before.total,
        before.kinds,
        before.hours,
        before.decided,
    )
    with village.parts.database.read() as session:
        assert session.scalars(select(Incident)).all() == []


def test_cameras_are_up_down_or_not_heard_of(village: Village) -> None:
    beat(village, CameraHealth.OK, 60)
    beat(village, CameraHealth.RECONNECTING, 20)
    village.clock.advance(minutes=40)  # the box is cut off
    beat(village, CameraHealth.OK, 60)
    with village.parts.database.read() as session:
        states = [row.state for row in session.scalars(select(CameraState).order_by(CameraState.since))]
    assert states == ["up", "down", "silent", "up"]
    for _ in range(2):  # once more changes nothing
        cameras.sum_up(village.parts.database, village.clock, ZONE)
        found = read(village)
        assert found.cameras.up_s == 2 * 3600
        assert found.cameras.down_s == pytest.approx(20 * 60, abs=31)
        assert found.cameras.silent_s == pytest.approx(40 * 60, abs=31)
        assert [row.name for row in found.worst_cameras] == ["cam-1"]
    village.clock.advance(hours=24)
    cameras.sum_up(village.parts.database, village.clock, ZONE)
    with village.parts.database.read() as session:
        days = session.scalars(select(CameraDay).order_by(CameraDay.day)).all()
    assert [day.day.isoformat() for day in days] == ["2026-03-02", "2026-03-03"]
    assert sum(day.up_s + day.down_s + day.silent_s for day in days) == 27 * 3600  # since it was first heard of
    assert read(village).cameras.silent_s == sum(day.silent_s for day in days)


def test_old_states_are_forgotten_and_their_days_stay(village: Village) -> None:
    beat(village, CameraHealth.OK, 2)
    beat(village, CameraHealth.RECONNECTING, 2)
    cameras.sum_up(village.parts.database, village.clock, ZONE)
    march = read(village).cameras
    village.clock.advance(days=50)
    beat(village, CameraHealth.OK, 2)
    cameras.sum_up(village.parts.database, village.clock, ZONE)
    with village.parts.database.read() as session:
        states = [row.state for row in session.scalars(select(CameraState).order_by(CameraState.since))]
    assert states == ["silent", "up"]
    assert read(village, period=Period.day(NOW.date())).cameras.up_s == march.up_s


def test_coverage_tells_what_watches_now(village: Village) -> None:
    beat(village, CameraHealth.OK, 1)
    with village.parts.database.write() as session:
        session.execute(update(Camera).values(config_number=1))
        text = camera_yaml("cam-1", village="village-a")
        version = {"number": 1, "yaml": text, "sha256": "", "author": "user:1", "author_name": ""}
        session.add(CameraConfigVersion(camera_id="cam-1", created_at=NOW, **version))
    while cameras.count_rules(village.parts.database):
        pass
    found = read(village).coverage
    assert (found.villages, found.without, found.cameras, found.enabled) == (2, ("Thôn B",), 1, 1)
    assert (found.online, found.with_rules) == (1, 1)
    village.clock.advance(minutes=5)
    assert read(village).coverage.online == 0


def test_complaints_are_counted_with_how_they_were_answered(village: Village) -> None:
    with village.parts.database.write() as session:
        for state, hours in ((FeedbackState.ANSWERED, 5), (FeedbackState.NEW, 0), (FeedbackState.DECLINED, 5)):
            answered = NOW + timedelta(hours=hours) if hours else None
            row = Feedback(village_id="village-a", about=About.CAMERA, text="x", created_at=NOW, state=state)
            row.answered_at = answered
            session.add(row)
        session.add(
            Feedback(village_id="village-b", about=About.IDEA, text="x", created_at=NOW, state=FeedbackState.NEW)
        )
    found = read(village, place="village-a")
    assert [(row.about, row.received, row.answered, row.declined, row.waiting) for row in found.complaints] == [
        ("camera", 3, 1, 1, 1)
    ]
    assert found.complaints_answered.median_s == pytest.approx(5 * 3600, rel=0.0201)
    assert sum(row.received for row in read(village).complaints) == 4
