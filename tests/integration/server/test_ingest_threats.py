"""Events: duplicates, conflicts, disorder, wrong clocks, floods, races."""

from __future__ import annotations

import random
import threading
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select

from contract.ids import uuid7
from server.audit.queries import list_entries
from server.db.models import Alert, Camera, Device, EventRecord, EventRevision, Incident
from server.devices import service as devices
from server.domain.incident import IncidentAction, IncidentState
from server.incidents import service as incidents
from server.incidents.queries import list_incidents
from tests.support.village import NOW, Village, event


def live_incidents(village: Village) -> list[Incident]:
    with village.parts.database.read() as session:
        query = select(Incident).where(Incident.merged_into_id.is_(None)).order_by(Incident.first_at, Incident.key)
        return list(session.scalars(query))


def audited(village: Village) -> list[str]:
    with village.parts.database.read() as session:
        return [entry.action for entry in list_entries(session)]


def test_threat_01_duplicate_event_makes_one_row_and_gets_the_same_answer(village: Village) -> None:
    body = event()
    first = village.post([body]).get_json()["results"][0]
    again = village.post([body]).get_json()["results"][0]
    assert (first["status"], again["status"]) == ("created", "duplicate")
    assert first["incident_id"] == again["incident_id"] is not None
    village.settle()
    with village.parts.database.read() as session:
        assert session.scalar(select(func.count()).select_from(EventRevision)) == 1
        assert session.scalar(select(func.count()).select_from(Alert)) == 1
    assert live_incidents(village)[0].event_count == 1


def test_threat_01_duplicate_within_one_batch_is_seen(village: Village) -> None:
    body = event()
    results = village.post([body, body]).get_json()["results"]
    assert [item["status"] for item in results] == ["created", "duplicate"]


def test_threat_02_same_id_other_body_is_409_and_audited(village: Village) -> None:
    body = event()
    village.post([body])
    response = village.post([body | {"confidence": 0.1}])
    assert response.status_code == 409
    assert response.get_json()["results"][0]["status"] == "conflict"
    assert "event.conflict" in audited(village)
    with village.parts.database.read() as session:
        assert session.scalars(select(EventRecord)).one().confidence == 0.8


def test_threat_02_conflict_in_a_batch_leaves_the_others_alone(village: Village) -> None:
    body = event()
    village.post([body])
    response = village.post([body | {"confidence": 0.1}, event(20)])
    assert response.status_code == 200
    assert [item["status"] for item in response.get_json()["results"]] == ["conflict", "created"]


def story() -> list[dict[str, Any]]:
    """Events of three keys whose incidents depend on gaps that only late events bridge."""
    bodies = []
    for spot in ("spot-1", "spot-2", "spot-3"):
        for start in (0, 250, 500, 750, 1400, 1650, 2500):
            event_id = uuid7(NOW + timedelta(seconds=start))
            event_at = partial(event, start, event_id=event_id, spot=spot, camera="cam-1")
            bodies += [
                event_at(lasts_s=5),
                event_at(lasts_s=20, revision=1),
                event_at(lasts_s=30, revision=2, ended=True),
            ]
    return bodies


def outcome(village: Village) -> list[tuple[str, datetime, datetime, int, int, str]]:
    return [
        (row.key, row.first_at, row.last_at, row.event_count, row.open_event_count, row.severity.value)
        for row in live_incidents(village)
    ]


@pytest.mark.parametrize("seed", range(6))
def test_threat_03_shuffled_delayed_and_resent_events_give_the_same_incidents(village: Village, seed: int) -> None:
    bodies = story()
    # 0-780 s is one incident of four events, 1400-1680 one of two, 2500 one alone: for each spot.
    expected = [
        (f"village-a/crowding/spot-{n}", NOW + timedelta(seconds=a - 3600), NOW + timedelta(seconds=b - 3600), count, 0)
        for a, b, count in ((0, 780, 4), (1400, 1680, 2), (2500, 2530, 1))
        for n in (1, 2, 3)
    ]
    rng = random.Random(seed)
    if seed:
        bodies += rng.sample(bodies, 20)
        rng.shuffle(bodies)
    while bodies:
        size = rng.randint(1, 9)
        assert village.post(bodies[:size]).status_code == 200
        del bodies[:size]
    assert [row[:5] for row in outcome(village)] == expected


def test_threat_03_a_late_event_joins_the_incident_that_an_officer_closed(village: Village) -> None:
    village.post([event(0)])
    first = live_incidents(village)[0]
    with village.parts.database.write() as session:
        incidents.act(
            session, village.clock, village.principal("officer_a"), first.id, IncidentAction.RESOLVE, version=1
        )
    late = village.post([event(60)]).get_json()["results"][0]
    assert late["incident_id"] == str(first.id)
    village.clock.advance(minutes=2)
    later = village.post([event(3600 + 60)]).get_json()["results"][0]
    assert later["incident_id"] != str(first.id)


def test_threat_03_bridged_incidents_keep_what_officers_did_and_tell_the_wall(village: Village) -> None:
    village.post([event(0)])
    village.post([event(500)])
    early, late = live_incidents(village)
    with village.parts.database.write() as session:
        officer = village.principal("officer_a")
        incidents.act(session, village.clock, officer, late.id, IncidentAction.ACKNOWLEDGE, version=1, note="đi xem")
    village.post([event(250)])
    (one,) = live_incidents(village)
    assert (one.id, one.state, one.event_count) == (early.id, IncidentState.ACKNOWLEDGED, 3)
    village.settle()
    with village.parts.database.read() as session:
        assert session.get_one(Incident, late.id).merged_into_id == early.id
        changes = {row.change for row in session.scalars(select(Alert).where(Alert.incident_id == late.id))}
    assert "merged" in changes


def test_threat_04_wrong_clock_is_quarantined_and_kept(village: Village) -> None:
    ahead = event(24 * 3600)
    old = event(-31 * 24 * 3600)
    for body in (ahead, old):
        for _ in range(2):
            result = village.post([body]).get_json()["results"][0]
            assert result["status"] == "quarantined"
            assert "clock" in result["detail"]
    assert live_incidents(village) == []
    with village.parts.database.read() as session:
        kept = session.scalars(select(EventRecord)).all()
        assert len(kept) == 2
        assert all(row.quarantine_reason and row.incident_id is None for row in kept)


def test_threat_04_heartbeat_shows_the_clock_offset(village: Village) -> None:
    village.post([event(camera="cam-1")])
    body = {
        "sent_at": (NOW + timedelta(days=1)).isoformat(),
        "software_version": "0.1.0",
        "outbox_events": 3,
        "outbox_media": 1,
        "cameras": [{"camera_id": "cam-1", "health": "ok", "fps_in": 25.0}],
    }
    response = village.app.test_client().post("/api/v1/heartbeat", json=body, headers=village.signed("box-a"))
    assert response.status_code == 204
    with village.parts.database.read() as session:
        assert session.get_one(Device, "box-a").clock_offset_s == pytest.approx(86400)
        camera = session.get_one(Camera, "cam-1")
        assert camera.health is not None
        assert camera.fps_in == 25.0


def test_a_heartbeat_shows_a_camera_whose_file_was_wrong_from_the_first_start(village: Village) -> None:
    village.post([event(camera="cam-b", village="village-b")], device="box-b")
    body = {
        "sent_at": NOW.isoformat(),
        "software_version": "0.1.0",
        "outbox_events": 0,
        "outbox_media": 0,
        "cameras": [
            {"camera_id": "broken", "health": "refused", "message": "broken.yaml:3: inputs: is missing: add it"},
            {"camera_id": "cam-b", "health": "refused", "message": "not mine"},
        ],
    }
    for _ in range(2):
        answer = village.app.test_client().post("/api/v1/heartbeat", json=body, headers=village.signed("box-a"))
        assert answer.status_code == 204
    with village.parts.database.read() as session:
        camera = session.get_one(Camera, "broken")
        assert (camera.device_id, camera.village_id) == ("box-a", "village-a")
        assert "broken.yaml:3" in camera.health_message
        assert session.get_one(Camera, "cam-b").health is None


def test_threat_04_an_event_out_of_quarantine_is_grouped(village: Village) -> None:
    event_id = uuid7(NOW)
    village.post([event(0, lasts_s=2 * 3600 + 60, event_id=event_id, revision=1)])
    result = village.post([event(0, event_id=event_id)]).get_json()["results"][0]
    assert result["status"] == "created"
    assert live_incidents(village)[0].event_count == 1


def test_threat_17_a_flood_of_one_village_is_one_incident_and_leaves_the_other_village_alone(village: Village) -> None:
    bodies = [event(second) for second in range(0, 1280, 2)]
    for start in range(0, len(bodies), 128):
        assert village.post(bodies[start : start + 128]).status_code == 200
    village.post([event(0, village="village-b")], device="box-b")
    rows = live_incidents(village)
    assert sorted((row.village_id, row.event_count) for row in rows) == [("village-a", 640), ("village-b", 1)]
    village.settle()
    with village.parts.database.read() as session:
        # The feed tells of each transaction, not of each event.
        assert session.scalar(select(func.count()).select_from(Alert)) == 6


def test_threat_22_event_of_another_village_is_403_and_audited(village: Village) -> None:
    response = village.post([event(village="village-b")], device="box-a")
    assert response.status_code == 403
    assert response.get_json()["results"][0]["status"] == "refused"
    assert "event.refuse" in audited(village)
    assert live_incidents(village) == []


def test_threat_22_event_of_another_devices_camera_is_403(village: Village) -> None:
    with village.parts.database.write() as session:
        session.get_one(Device, "box-b").place_id = "nhon-loc"
    village.post([event(camera="cam-1")], device="box-a")
    assert village.post([event(20, camera="cam-1")], device="box-b").status_code == 403


def test_threat_21_revoked_device_is_refused_at_once(village: Village) -> None:
    with village.parts.database.write() as session:
        devices.revoke_device(session, village.clock, "box-a")
    response = village.post([event()])
    assert response.status_code == 401
    assert response.get_json()["error"]["remedy"]


def test_one_bad_event_does_not_hold_up_the_rest(village: Village) -> None:
    bad: list[dict[str, Any]] = [
        event() | {"facts": {"nonsense": 1}},
        event() | {"started_at": "2026-03-02T03:00:00"},
        event() | {"kind": "teleportation"},
        {"event_id": 7},
    ]
    results = village.post([*bad, event()]).get_json()["results"]
    assert [item["status"] for item in results] == ["refused"] * 4 + ["created"]
    assert all("Remedy" in item["detail"] for item in results[:4])


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"not json", 422), (b"[]", 422), (b'{"events": []}', 422), (b"[" * 100_000, 422), (b'{"events": [1]}', 422)],
)
def test_broken_bodies_are_told_what_is_wrong(village: Village, data: bytes, status: int) -> None:
    response = village.app.test_client().post(
        "/api/v1/events", data=data, headers=village.signed("box-a"), content_type="application/json"
    )
    assert response.status_code == status
    assert response.get_json()["error"]["remedy"]


def test_eight_threads_posting_events_of_twelve_keys_make_exactly_twelve_incidents(village: Village) -> None:
    keys = [f"spot-{n}" for n in range(12)]
    failures: list[int] = []
    barrier = threading.Barrier(8)

    def post(thread: int) -> None:
        rng = random.Random(thread)
        bodies = [event(rng.randint(0, 200), spot=key, camera="cam-1") for key in keys for _ in range(3)]
        rng.shuffle(bodies)
        barrier.wait()
        for start in range(0, len(bodies), 4):
            status = village.post(bodies[start : start + 4]).status_code
            if status != 200:
                failures.append(status)

    village.post([event(100, spot="spot-0", camera="cam-1")])
    threads = [threading.Thread(target=post, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    rows = live_incidents(village)
    assert sorted(row.spot for row in rows) == sorted(keys)
    assert sum(row.event_count for row in rows) == 8 * 36 + 1


def test_a_gap_or_the_longest_length_starts_a_new_incident(village: Village) -> None:
    # An event of 10 s, then one 300 s after its end (joins), then one 301 s after that (does not).
    village.post([event(0), event(310), event(621)])
    assert [row.event_count for row in live_incidents(village)] == [2, 1]
    village.clock.advance(hours=6)
    village.post([event(10_000 + n * 200) for n in range(80)])
    assert [row.event_count for row in live_incidents(village)] == [2, 1, 72, 8]


def test_open_key_is_held_by_the_newest_incident_only(village: Village) -> None:
    village.post([event(0)])
    village.post([event(1000)])
    village.post([event(500, spot="other")])
    held = [(row.first_at - NOW).total_seconds() + 3600 for row in live_incidents(village) if row.open_key]
    assert held == [500, 1000]


def test_untouched_incidents_expire_after_a_day(village: Village) -> None:
    from server.maintenance import maintain

    village.post([event(0)])
    village.clock.advance(hours=23)
    maintain(village.parts)
    assert live_incidents(village)[0].state is IncidentState.NEW
    assert live_incidents(village)[0].open_key is None
    village.clock.advance(hours=2)
    maintain(village.parts)
    assert live_incidents(village)[0].state is IncidentState.EXPIRED


def test_severity_rises_with_the_number_of_events(village: Village) -> None:
    village.post([event(0)])
    before = live_incidents(village)[0].severity
    village.post([event(second) for second in range(10, 250, 10)])
    assert (before.value, live_incidents(village)[0].severity.value) == ("medium", "critical")


def test_list_pages_by_cursor_without_a_gap_or_a_double(village: Village) -> None:
    village.post([event(n * 100, spot=f"spot-{n}", camera="cam-1") for n in range(11)])
    officer = village.principal("officer_a")
    seen, cursor = [], None
    with village.parts.database.read() as session:
        while True:
            page = list_incidents(session, officer, cursor=cursor, limit=4)
            seen += [card.spot for card in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
    assert seen == [f"spot-{n}" for n in reversed(range(11))]
