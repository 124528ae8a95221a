"""Heartbeats: what changes is written at once, "as before" costs nearly nothing, and nobody is silent who is heard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import event as sql_event
from sqlalchemy import select

from server.admin.camera_health import camera_row
from server.cameras.heartbeats import FLUSH_EVERY
from server.db.models import Camera, Device
from server.db.report_models import CameraState
from server.domain.watching import SILENT_AFTER
from tests.support.village import Village

EVERY_S = 15


def beat(village: Village, health: str = "ok", device: str = "box-a", cameras: tuple[str, ...] = ("cam-1",)) -> int:
    """Send a heartbeat; gives the status."""
    of_cameras = [{"camera_id": name, "health": health, "fps_in": 5.0} for name in cameras]
    body: dict[str, Any] = {
        "sent_at": village.clock.utc().isoformat(),
        "software_version": "1",
        "outbox_events": 0,
        "outbox_media": 0,
        "cameras": of_cameras,
    }
    with village.app.test_client() as client:
        return client.post("/api/v1/heartbeat", json=body, headers=village.signed(device)).status_code


def seen_at(village: Village, device: str = "box-a") -> datetime | None:
    with village.parts.database.read() as session:
        return session.get_one(Device, device).last_seen_at


def shown(village: Village, camera: str = "cam-1") -> str:
    with village.parts.database.read() as session:
        return camera_row(session, village.principal("admin"), camera, village.clock.utc()).health


@contextmanager
def writes(village: Village) -> Iterator[list[str]]:
    """Statements that write, while the block runs."""
    found: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.split(maxsplit=1)[0].upper() in {"INSERT", "UPDATE", "DELETE"}:
            found.append(statement)

    engine = village.parts.database.engine
    sql_event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sql_event.remove(engine, "before_cursor_execute", note)


def test_as_before_is_written_for_many_boxes_together(village: Village) -> None:
    beat(village)
    beat(village, device="box-b", cameras=("cam-2",))
    village.clock.advance(seconds=EVERY_S)
    beat(village)  # the first one in a while takes itself along
    with writes(village) as found:
        for _ in range(2):
            village.clock.advance(seconds=4)
            beat(village)
            beat(village, device="box-b", cameras=("cam-2",))
        assert found == []
        village.clock.advance(seconds=4)
        beat(village, device="box-b", cameras=("cam-2",))
        assert len(found) == 1
    assert seen_at(village, "box-b") == village.clock.utc()
    assert village.clock.utc() - (seen_at(village) or village.clock.utc()) <= FLUSH_EVERY


def test_who_is_heard_is_never_silent_and_its_history_has_no_hole(village: Village) -> None:
    for _ in range(40):
        assert beat(village) == 204
        assert shown(village) == "ok"
        village.clock.advance(seconds=EVERY_S)
    with village.parts.database.read() as session:
        assert [row.state for row in session.scalars(select(CameraState).order_by(CameraState.id))] == ["up"]


def test_a_change_is_written_at_once_and_a_box_that_is_gone_is_silent_as_soon_as_before(village: Village) -> None:
    beat(village)
    for health in ("reconnecting", "ok"):
        village.clock.advance(seconds=EVERY_S)
        beat(village)
        village.clock.advance(seconds=EVERY_S)
        beat(village, health)
        assert shown(village) == health
    village.clock.advance(seconds=EVERY_S)
    beat(village)
    last = village.clock.utc()
    village.clock.advance(seconds=SILENT_AFTER.total_seconds())
    assert shown(village) == "ok"
    village.clock.advance(seconds=1)
    assert shown(village) == "silent"
    village.clock.advance(minutes=5)
    beat(village)
    with village.parts.database.read() as session:
        found = [(row.state, row.since) for row in session.scalars(select(CameraState).order_by(CameraState.id))]
    assert [state for state, _ in found] == ["up", "down", "up", "silent", "up"]
    assert found[3][1] == last


def test_a_camera_that_is_no_longer_told_of_becomes_silent(village: Village) -> None:
    beat(village, cameras=("cam-1", "cam-2"))
    for _ in range(12):
        village.clock.advance(seconds=EVERY_S)
        beat(village)
    assert (shown(village, "cam-1"), shown(village, "cam-2")) == ("ok", "silent")


def test_numbers_are_written_each_minute_though_nothing_changed(village: Village) -> None:
    beat(village)
    told = village.clock.utc()
    for _ in range(5):
        village.clock.advance(seconds=EVERY_S)
        beat(village)
    with village.parts.database.read() as session:
        assert session.get_one(Camera, "cam-1").health_at > told  # type: ignore[operator]


def test_a_change_that_another_process_heard_does_not_hide_the_next_one(village: Village) -> None:
    from server import create_services

    beat(village)
    other = create_services(village.parts.settings, village.clock)
    try:
        village.clock.advance(seconds=EVERY_S)
        beat(village, "reconnecting")
        village.app.extensions["langan"] = other
        village.clock.advance(seconds=EVERY_S)
        beat(village)
        assert shown(village) == "ok"
    finally:
        other.database.close()
