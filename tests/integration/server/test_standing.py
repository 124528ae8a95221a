"""What ingest keeps between transactions is never older than the database, whoever changed that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Executable, delete, insert, select, text, update
from sqlalchemy.orm import Session

from server import create_app
from server.db.change_models import ChangeCounter
from server.db.device_models import DeviceKey
from server.db.incident_models import Incident, Silence
from server.db.models import Camera, Device, Place, SiteDocument
from server.devices import service as devices
from server.domain.silencing import AlertOutcome
from server.places import service as places
from server.services import EXTENSION, Services
from server.silences import service as silences
from tests.support.village import NOW, SITE, Village, event

SILENCE = {
    "is_maintenance": False, "place_id": "village-a", "kinds": [], "camera_ids": [], "spots": [], "starts_at": NOW,
    "ends_at": NOW + timedelta(hours=1), "reason": "x", "author": "user:1", "author_name": "x", "created_at": NOW,
}  # fmt: skip
CAMERA = {"id": "cam-x", "device_id": "box-a", "village_id": "village-a", "name": "x", "created_at": NOW}
SHOP = {"id": "village-x", "kind": "village", "name": "X", "parent_id": "nhon-loc"}
CHANGES: dict[str, tuple[str, Executable]] = {
    "a place": ("site", insert(Place).values(SHOP)),
    "a place's name": ("site", update(Place).where(Place.id == "village-a").values(name="Y")),
    "the site's document": ("site", update(SiteDocument).values(yaml=SITE + "\n")),
    "a silence": ("silences", insert(Silence).values(SILENCE)),
    "a silence that ends": ("silences", text("UPDATE silences SET ends_at = starts_at")),
    "a revocation": ("devices", update(Device).where(Device.id == "box-a").values(revoked_at=NOW)),
    "another key": ("devices", update(DeviceKey).values(public_key=b"k" * 32)),
    "a key that goes": ("devices", delete(DeviceKey).where(DeviceKey.device_id == "box-b")),
    "a camera": ("cameras", insert(Camera).values(CAMERA)),
    "a camera's device": ("cameras", update(Camera).values(device_id="box-b")),
}


@pytest.fixture
def beside(village: Village) -> Iterator[Services]:
    """The parts of another process on the same database."""
    other: Flask = create_app(village.parts.settings, village.clock)
    parts: Services = other.extensions[EXTENSION]
    yield parts
    parts.database.close()


def numbers(session: Session) -> dict[str, int]:
    return dict(session.execute(select(ChangeCounter.name, ChangeCounter.number)).all())


def rolled_back(parts: Services, change: Callable[[Session], object]) -> None:
    """Make a change in a transaction that comes to nothing."""

    def fail() -> None:
        with parts.database.write() as session:
            change(session)
            session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        fail()


def only(village: Village, body: dict[str, Any]) -> dict[str, Any]:
    response = village.post([body])
    result: dict[str, Any] = response.get_json()["results"][0]
    return result


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_every_change_is_counted_with_it(village: Village, name: str) -> None:
    counter, change = CHANGES[name]
    with village.parts.database.write() as session:
        session.execute(insert(Camera).values(CAMERA | {"id": "cam-y"}))
        session.execute(insert(Silence).values(SILENCE))
    with village.parts.database.read() as session:
        before = numbers(session)
    with village.parts.database.write() as session:
        session.execute(change)
    with village.parts.database.read() as session:
        after = numbers(session)
    assert after.pop(counter) > before.pop(counter)
    assert after == before


def test_what_is_rolled_back_is_not_counted(village: Village) -> None:
    with village.parts.database.read() as session:
        before = numbers(session)
    rolled_back(village.parts, lambda session: session.execute(insert(Place).values(SHOP)))
    with village.parts.database.read() as session:
        assert numbers(session) == before


def test_what_changes_often_is_not_counted(village: Village) -> None:
    village.post([event(camera="cam-1")])
    with village.parts.database.read() as session:
        before = numbers(session)
    body = {
        "sent_at": NOW.isoformat(), "software_version": "0.1.0", "outbox_events": 0, "outbox_media": 0,
        "cameras": [{"camera_id": "cam-1", "health": "ok", "fps_in": 25.0}],
    }  # fmt: skip
    answer = village.app.test_client().post("/api/v1/heartbeat", json=body, headers=village.signed("box-a"))
    assert answer.status_code == 204
    village.post([event(20, camera="cam-1")])
    with village.parts.database.read() as session:
        assert numbers(session) == before


def test_threat_21_a_device_that_another_process_revokes_is_refused_at_once(village: Village, beside: Services) -> None:
    assert only(village, event(0))["status"] == "created"
    with beside.database.write() as session:
        devices.revoke_device(session, village.clock, "box-a")
    response = village.post([event(20)])
    assert response.status_code == 401
    assert response.get_json()["error"]["code"] == "not_authenticated"
    with village.parts.database.read() as session:
        assert session.scalars(select(Incident)).one().event_count == 1


def test_a_device_whose_key_another_process_replaced_needs_the_new_one(village: Village, beside: Services) -> None:
    village.post([event(0)])
    with beside.database.write() as session:
        session.execute(update(DeviceKey).where(DeviceKey.device_id == "box-a").values(public_key=b"k" * 32))
    assert village.post([event(20)]).status_code == 401
    own = village.identities["box-a"].private_key.public_key().public_bytes_raw()
    with beside.database.write() as session:
        session.execute(update(DeviceKey).where(DeviceKey.device_id == "box-a").values(public_key=own))
    assert village.post([event(20)]).status_code == 200


def test_a_device_that_moved_may_post_for_its_new_place_only(village: Village, beside: Services) -> None:
    assert only(village, event(0))["status"] == "created"
    with beside.database.write() as session:
        session.execute(update(Device).where(Device.id == "box-a").values(place_id="village-b"))
    assert only(village, event(20))["status"] == "refused"
    assert only(village, event(30, village="village-b", camera="cam-n"))["status"] == "created"


def test_a_village_that_another_process_adds_is_there_at_once(village: Village, beside: Services) -> None:
    with village.parts.database.write() as session:
        session.execute(update(Device).where(Device.id == "box-a").values(place_id="nhon-loc"))
    new = event(0, village="village-c", camera="cam-c")
    assert "no village" in only(village, new)["detail"]
    with beside.database.write() as session:
        more = SITE + "  - {id: village-c, kind: village, name: Thôn C, parent: nhon-loc}\n"
        places.sync(session, village.clock, more, "site.yaml")
    assert only(village, new)["status"] == "created"


def test_a_camera_that_another_process_gave_away_is_the_others_at_once(village: Village, beside: Services) -> None:
    assert only(village, event(0, camera="cam-1"))["status"] == "created"
    assert only(village, event(10, camera="cam-1"))["status"] == "created"
    with beside.database.write() as session:
        session.execute(update(Camera).where(Camera.id == "cam-1").values(device_id="box-b"))
    assert "another device" in only(village, event(20, camera="cam-1"))["detail"]


@pytest.mark.parametrize("ends", [False, True])
def test_a_silence_of_another_process_counts_from_its_commit(village: Village, beside: Services, ends: bool) -> None:
    officer, lasts = village.principal("officer_a"), timedelta(hours=1)

    def decided(at_s: float, spot: str) -> AlertOutcome:
        incident_id = only(village, event(at_s, spot=spot))["incident_id"]
        with village.parts.database.read() as session:
            return next(row.alert_decision for row in session.scalars(select(Incident)) if str(row.id) == incident_id)

    assert decided(0, "spot-1") is AlertOutcome.ALERT
    draft = silences.SilenceDraft("village-a", NOW, NOW + lasts, "Lễ hội")
    with beside.database.write() as session:
        row = silences.create(session, village.clock, beside.settings.zone, officer, draft)
    assert decided(10, "spot-2") is AlertOutcome.SILENCED
    if ends:
        with beside.database.write() as session:
            silences.end(session, village.clock, beside.settings.zone, officer, row.id)
    else:
        village.clock.advance(hours=1)  # it ends by itself, and nobody counts that
    assert decided(3700, "spot-3") is AlertOutcome.ALERT


def test_a_change_that_was_rolled_back_leaves_nothing_behind(village: Village, beside: Services) -> None:
    only(village, event(0))
    changes: list[Callable[[Session], object]] = [
        lambda session: session.execute(insert(Silence).values(SILENCE)),
        lambda session: devices.revoke_device(session, village.clock, "box-a"),
    ]
    for change in changes:
        rolled_back(beside, change)
    result = only(village, event(20, spot="spot-2"))
    assert result["status"] == "created"
    with village.parts.database.read() as session:
        assert {row.alert_decision for row in session.scalars(select(Incident))} == {AlertOutcome.ALERT}
