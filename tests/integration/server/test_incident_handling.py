"""What officers do to incidents, on both databases: assign, merge, split, take back; who was too slow is told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from server.audit.queries import list_entries
from server.db.engine import LOCK_VILLAGE, lock
from server.db.models import Alert, EventRecord, Incident
from server.domain.incident import IncidentAction, IncidentState
from server.errors import Conflict, Forbidden, InvalidInput, NotFound, StaleVersion
from server.incidents import by_hand, detail, related, service
from tests.support.postgres import Cluster
from tests.support.village import NOW, Village, event, running_village


def incident_of(village: Village, body: dict[str, Any], device: str = "box-a") -> UUID:
    return UUID(village.post([body], device=device).get_json()["results"][0]["incident_id"])


def row(village: Village, incident_id: UUID) -> Incident:
    with village.parts.database.read() as session:
        return session.get_one(Incident, incident_id)


def act(village: Village, incident_id: UUID, action: str, *, by: str = "officer_a", note: str = "") -> Incident:
    version = row(village, incident_id).version
    with village.parts.database.write() as session:
        return service.act(
            session,
            village.clock,
            village.principal(by),
            incident_id,
            IncidentAction(action),
            version=version,
            note=note,
        )


def merge(village: Village, one: UUID, other: UUID, *, by: str = "officer_a", reason: str = "một vụ") -> Incident:
    versions = row(village, one).version, row(village, other).version
    with village.parts.database.write() as session:
        return by_hand.merge(
            session,
            village.clock,
            village.parts.settings.zone,
            village.principal(by),
            one,
            other,
            version=versions[0],
            other_version=versions[1],
            reason=reason,
        )


def split(village: Village, incident_id: UUID, event_ids: list[UUID], *, reason: str = "hai vụ") -> Incident:
    version = row(village, incident_id).version
    with village.parts.database.write() as session:
        return by_hand.split(
            session,
            village.clock,
            village.parts.settings.zone,
            village.principal("officer_a"),
            incident_id,
            version=version,
            reason=reason,
            event_ids=event_ids,
        )


def unmerge(village: Village, kept: UUID, taken: UUID) -> Incident:
    version = row(village, kept).version
    with village.parts.database.write() as session:
        return by_hand.unmerge(
            session,
            village.clock,
            village.parts.settings.zone,
            village.principal("officer_a"),
            kept,
            taken,
            version=version,
            reason="gộp nhầm",
        )


def events_of(village: Village, incident_id: UUID) -> list[UUID]:
    with village.parts.database.read() as session:
        query = select(EventRecord.event_id).where(EventRecord.incident_id == incident_id)
        return list(session.scalars(query.order_by(EventRecord.started_at)))


def audited(village: Village) -> list[str]:
    with village.parts.database.read() as session:
        return [entry.action for entry in list_entries(session)]


def page(village: Village, incident_id: UUID, name: str = "officer_a") -> str:
    answer = village.browser(name).get(f"/incidents/{incident_id}?lang=en")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_who_acknowledges_has_the_incident_and_times_are_kept(village: Village) -> None:
    incident_id = incident_of(village, event(3590))
    village.clock.advance(minutes=2)
    act(village, incident_id, "acknowledge")
    village.clock.advance(minutes=3)
    act(village, incident_id, "dispatch", by="officer_a2")
    village.clock.advance(minutes=25)
    act(village, incident_id, "resolve")
    with village.parts.database.read() as session:
        found = detail.incident_detail(session, village.principal("officer_a"), incident_id)
    assert found.card.assigned_to == "officer_a"
    assert found.times.to_acknowledged == timedelta(minutes=2)
    assert found.times.to_dispatched == timedelta(minutes=5)
    assert found.times.to_closed == timedelta(minutes=30)
    assert "30 minutes" in page(village, incident_id)
    act(village, incident_id, "reopen")
    assert row(village, incident_id).closed_at is None


def test_a_false_alarm_without_a_reason_is_refused(village: Village) -> None:
    incident_id = incident_of(village, event())
    with pytest.raises(InvalidInput):
        act(village, incident_id, "false_alarm")
    assert row(village, incident_id).state is IncidentState.NEW


def test_an_incident_is_given_to_officers_of_its_place_only(village: Village) -> None:
    incident_id = incident_of(village, event())
    browser = village.browser("officer_a")
    with village.parts.database.read() as session:
        names = [name for _, name in service.assignees(session, "village-a")]
    assert "officer_b" not in names
    assert {"officer_a", "officer_a2", "officer_commune", "admin"} <= set(names)
    with village.parts.database.write() as session, pytest.raises(NotFound):
        service.assign(
            session,
            village.clock,
            village.principal("officer_a"),
            incident_id,
            village.user_ids["officer_b"],
            version=1,
        )
    token = csrf(browser.get(f"/incidents/{incident_id}").get_data(as_text=True))
    form = {"who": str(village.user_ids["officer_a2"]), "version": "1", "csrf_token": token}
    assert browser.post(f"/incidents/{incident_id}/assign", data=form).status_code == 303
    assert row(village, incident_id).assigned_to_id == village.user_ids["officer_a2"]
    assert "incident.assign" in audited(village)
    assert "officer_a assigned it to officer_a2" in page(village, incident_id)


def csrf(text: str) -> str:
    return text.split('name="csrf_token" value="')[1].split('"', maxsplit=1)[0]


def test_threat_18_the_slower_of_two_officers_sees_what_the_other_did(village: Village) -> None:
    incident_id = incident_of(village, event())
    slow = village.browser("officer_a2")
    token = csrf(slow.get(f"/incidents/{incident_id}").get_data(as_text=True))
    act(village, incident_id, "dispatch", note="tổ tự quản đang đến")
    for address, form in (
        ("act", {"action": "false_alarm", "note": "bóng cây"}),
        ("assign", {"who": "me"}),
        ("split", {"reason": "x", "since": NOW.isoformat()}),
    ):
        answer = slow.post(
            f"/incidents/{incident_id}/{address}?lang=en", data=form | {"version": "1", "csrf_token": token}
        )
        text = answer.get_data(as_text=True)
        assert answer.status_code == 409, address
        assert "Somebody else changed this: officer_a" in text
        assert "officer_a dispatched somebody" in text.split('role="alert"')[1].split("live-snapshot")[0]
        assert "tổ tự quản đang đến" in text
    assert row(village, incident_id).state is IncidentState.DISPATCHED


def test_threat_18_a_merge_on_an_old_look_at_either_side_changes_nothing(village: Village) -> None:
    one, other = incident_of(village, event()), incident_of(village, event(60, spot="other"))
    act(village, other, "acknowledge", by="officer_a2")
    with village.parts.database.write() as session, pytest.raises(StaleVersion):
        by_hand.merge(
            session,
            village.clock,
            village.parts.settings.zone,
            village.principal("officer_a"),
            one,
            other,
            version=1,
            other_version=1,
            reason="x",
        )
    assert (row(village, one).event_count, row(village, other).event_count) == (1, 1)


def test_a_merge_moves_events_and_both_pages_tell_where_they_went(village: Village) -> None:
    one = incident_of(village, event(0))
    village.clock.advance(minutes=1)
    other = incident_of(village, event(60, spot="other", kind="intrusion"))
    act(village, other, "dispatch", by="officer_a2", note="đã gọi")
    kept = merge(village, other, one)  # from either page: the one heard of first stays
    assert kept.id == one
    assert (kept.event_count, kept.kind, kept.state) == (2, "intrusion", IncidentState.DISPATCHED)
    gone = row(village, other)
    assert (gone.merged_into_id, gone.open_key) == (one, None)
    assert f"/incidents/{other}" in page(village, one)
    assert "đã gọi" in page(village, one)  # what people did to it before is not lost
    assert f"/incidents/{one}" in page(village, other)
    assert audited(village).count("incident.merge") == 2
    village.settle()
    with village.parts.database.read() as session:
        changes = set(session.scalars(select(Alert.change).where(Alert.incident_id == other)))
    assert "merged" in changes


def test_what_comes_for_a_merged_incident_goes_on_in_the_other_one_until_it_is_taken_out_again(
    village: Village,
) -> None:
    one = incident_of(village, event(0))
    village.clock.advance(minutes=1)
    other = incident_of(village, event(60, spot="other"))
    merge(village, one, other)
    assert incident_of(village, event(120, spot="other")) == one
    assert incident_of(village, event(20, spot="other")) == one
    assert incident_of(village, event(130)) == one
    back = unmerge(village, one, other)
    assert (back.id, back.event_count, back.merged_into_id) == (other, 3, None)
    assert row(village, one).event_count == 2
    assert incident_of(village, event(180, spot="other")) == other
    assert incident_of(village, event(190)) == one
    assert "Taken out" not in page(village, one)
    assert f"/incidents/{other}" in page(village, one)


def test_grouping_never_undoes_a_split(village: Village) -> None:
    first = incident_of(village, event(0))
    village.post([event(100), event(200)])
    events = events_of(village, first)
    fresh = split(village, first, events[1:])
    assert events_of(village, fresh.id) == events[1:]
    assert (row(village, first).open_key, fresh.open_key is not None) == (None, True)
    # They lie within one gap of each other: without the officer's word they would be one.
    later = incident_of(village, event(300))
    assert later == fresh.id
    assert incident_of(village, event(50)) in {first, fresh.id}
    village.post([event(0, event_id=events[0], revision=1, lasts_s=400)])
    assert row(village, first).merged_into_id is None
    assert row(village, first).last_at > fresh.first_at
    assert f"/incidents/{fresh.id}" in page(village, first)
    assert f"/incidents/{first}" in page(village, fresh.id)
    with village.parts.database.read() as session:
        keys = session.scalars(select(Incident.open_key).where(Incident.open_key.is_not(None))).all()
    assert len(keys) == len(set(keys)) == 1


def test_a_split_is_taken_back_by_a_merge(village: Village) -> None:
    first = incident_of(village, event(0))
    village.post([event(100)])
    fresh = split(village, first, events_of(village, first)[1:])
    again = merge(village, first, fresh.id)
    assert (again.id, again.event_count) == (first, 2)
    assert again.open_key is not None


@pytest.mark.parametrize("chosen", ["none", "all", "foreign"])
def test_a_split_leaves_something_on_both_sides(village: Village, chosen: str) -> None:
    incident_id, other = incident_of(village, event(0)), incident_of(village, event(0, spot="other"))
    village.post([event(60)])
    events = {"none": [], "all": events_of(village, incident_id), "foreign": events_of(village, other)}[chosen]
    with pytest.raises((InvalidInput, Conflict, NotFound)):
        split(village, incident_id, events)
    assert row(village, incident_id).event_count == 2


def test_incidents_of_two_villages_never_become_one(village: Village) -> None:
    one = incident_of(village, event())
    other = incident_of(village, event(village="village-b"), device="box-b")
    with pytest.raises(NotFound):
        merge(village, one, other)
    with pytest.raises(Conflict):
        merge(village, one, other, by="officer_commune")
    with pytest.raises((Forbidden, NotFound)):
        merge(village, one, incident_of(village, event(10, spot="x")), by="resident_a")


def test_a_merge_into_what_was_decided_opens_it_again(village: Village) -> None:
    one = incident_of(village, event(0))
    act(village, one, "resolve")
    village.clock.advance(minutes=1)
    other = incident_of(village, event(3660))
    kept = merge(village, other, one)
    assert (kept.id, kept.state, kept.decided_at, kept.closed_at) == (one, IncidentState.ACKNOWLEDGED, None, None)


def test_likely_errors_of_grouping_are_offered_with_one_tap(village: Village) -> None:
    one = incident_of(village, event(0))
    act(village, one, "resolve")
    village.clock.advance(minutes=10)
    other = incident_of(village, event(480))
    text = page(village, other)
    assert "May be one happening: same spot and kind" in text
    browser = village.browser("officer_a")
    form = {
        "other": f"{one}:{row(village, one).version}",
        "version": "1",
        "reason": "cùng điểm",
        "csrf_token": csrf(browser.get(f"/incidents/{other}").get_data(as_text=True)),
    }
    answer = browser.post(f"/incidents/{other}/merge", data=form)
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith(str(one))
    assert row(village, one).event_count == 2


def test_neighbouring_cameras_that_see_something_at_once_are_offered_as_one(village: Village) -> None:
    one = incident_of(village, event(0, lasts_s=300, camera="cam-1"))
    other = incident_of(village, event(60, camera="cam-2"))
    officer = village.principal("officer_a")
    with village.parts.database.write() as session:
        from server.db.models import Camera

        session.get_one(Camera, "cam-2").near = ["cam-1"]
    for incident_id, expected in ((one, other), (other, one)):
        with village.parts.database.read() as session:
            card = detail.incident_detail(session, officer, incident_id).card
            merges, _ = related.suggestions(session, card)
        assert [(item.card.id, item.reason) for item in merges] == [(expected, "overlaps")]


def test_a_change_of_severity_is_told_audited_and_in_the_timeline(village: Village) -> None:
    incident_id = incident_of(village, event(0))
    village.post([event(second) for second in range(10, 60, 10)])
    assert row(village, incident_id).severity.value == "high"
    assert audited(village).count("incident.escalate") == 1
    assert "Severity changed from Medium to High" in page(village, incident_id)


def test_school_hours_of_the_site_make_what_happens_there_more_urgent(village: Village) -> None:
    from server.places import service as places
    from tests.support.village import SITE

    more = 'hours: {school: ["08:30-10:30"], school_spots: [school]}\n'
    with village.parts.database.write() as session:
        places.sync(session, village.clock, SITE + more, "site.yaml")
    at_school = incident_of(village, event(0, spot="school", camera="cam-1"))
    elsewhere = incident_of(village, event(0, spot="market", camera="cam-1"))
    loose = {at_school: True, elsewhere: False}
    assert {incident_id: row(village, incident_id).school_hours for incident_id in loose} == loose


def test_the_feed_says_who_has_an_incident(village: Village) -> None:
    incident_id = incident_of(village, event())
    act(village, incident_id, "acknowledge")
    assert "In the hands of officer_a" in village.browser("officer_a2").get("/live?lang=en").get_data(as_text=True)


def test_a_reopened_incident_takes_new_events_again(village: Village) -> None:
    incident_id = incident_of(village, event(3590))
    act(village, incident_id, "resolve")
    village.clock.advance(minutes=1)
    act(village, incident_id, "reopen")
    assert row(village, incident_id).open_key is not None
    assert incident_of(village, event(3660)) == incident_id


def test_threat_09_an_alert_that_comes_late_is_marked_on_every_page(village: Village) -> None:
    late, fresh = incident_of(village, event(0)), incident_of(village, event(3595, lasts_s=5, spot="other"))
    wall = village.browser("officer_a").get("/live?lang=en").get_data(as_text=True)
    cards = {item.split('"', 1)[0]: item for item in wall.split('<article class="card" id="incident-')[1:]}
    assert "Late" in cards[str(late)]
    assert "Late" not in cards[str(fresh)]
    with village.parts.database.read() as session:
        officer = village.principal("officer_a")
        marked = {item: detail.incident_detail(session, officer, item).card.late for item in (late, fresh)}
    assert marked == {late: True, fresh: False}


@pytest.mark.postgres
def test_threat_17_a_village_in_a_flood_holds_up_no_other_village(cluster: Cluster, tmp_path: Path) -> None:
    with cluster.database() as url, running_village(tmp_path / "data", url) as village:
        village.post([event(0), event(10)])
        village.post([event(0, village="village-b")], device="box-b")
        with village.parts.database.write() as session:
            lock(session, LOCK_VILLAGE, ["village-a"])  # a long batch of the flooded village is being stored
            answer = village.post([event(60, village="village-b")], device="box-b")
        assert answer.get_json()["results"][0]["status"] == "created"
