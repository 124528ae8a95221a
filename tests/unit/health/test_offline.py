"""Silence as the main process sees it: whatever stops a camera, and over restarts of the edge."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from contract.config_loader import LoadedCamera
from contract.event import CameraHealth, CameraStatus, Event, EventState
from contract.ids import uuid7
from contract.rules.camera_offline import CameraOfflineFacts
from edge.health.offline import OfflineWatch
from tests.edge_fakes import FakeClock
from tests.support.scenes import make_camera, make_site


class Sink:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def put(self, event: Event, media: Sequence[tuple[str, Path]]) -> None:
        assert not media
        self.events.append(event)

    @property
    def told(self) -> list[EventState]:
        return [event.state for event in self.events if event.state is not EventState.UPDATE]


class House:
    """A main process whose cameras say what a test lets them say."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.sink = Sink()
        self.cameras = {"cam": loaded()}
        self.watch = self.restarted()

    def restarted(self) -> OfflineWatch:
        self.watch = OfflineWatch(self.sink, self.clock, lambda at, _content: uuid7(at))
        return self.watch

    def live(self, seconds: int, health: CameraHealth = CameraHealth.OK, *, frames: bool) -> None:
        last: datetime | None = None
        for _ in range(seconds):
            self.clock.advance(1.0)
            last = self.clock.utc() if frames else last
            status = CameraStatus(camera_id="cam", health=health, last_frame_at=last)
            self.watch.look(make_site(), self.cameras, lambda status=status: (status,))  # type: ignore[misc]


def loaded(version: str = "1", **rule: object) -> LoadedCamera:
    camera = make_camera([{"kind": "camera_offline", **rule}] if rule else [])
    return LoadedCamera(camera, "", Path("cam.yaml"), version)


@pytest.mark.parametrize("health", [CameraHealth.STARTING, CameraHealth.RECONNECTING, CameraHealth.REFUSED])
def test_whatever_keeps_frames_from_coming_it_is_told_and_taken_back(health: CameraHealth) -> None:
    """A worker that died has no report: its camera's last frame is unknown, as at the start."""
    house = House()
    house.live(10, frames=True)
    house.live(70, health, frames=False)
    assert house.sink.told == [EventState.START]
    start = house.sink.events[0]
    assert isinstance(start.facts, CameraOfflineFacts)
    assert start.facts.last_frame_at == start.started_at
    assert start.evidence == ()
    house.live(10, frames=True)
    assert house.sink.told == [EventState.START, EventState.END]


@pytest.mark.parametrize("health", [CameraHealth.ENDED, CameraHealth.DISABLED])
def test_a_camera_that_is_not_to_give_frames_is_not_offline(health: CameraHealth) -> None:
    house = House()
    house.live(10, frames=True)
    house.live(200, health, frames=False)
    assert house.sink.events == []


def test_a_camera_may_turn_it_off_and_choose_its_grace() -> None:
    house = House()
    house.cameras = {"cam": loaded(enabled=False)}
    house.live(200, frames=False)
    assert house.sink.events == []
    house.cameras = {"cam": loaded("2", grace_s=10.0)}
    house.live(12, frames=False)
    assert house.sink.told == [EventState.START]


def test_a_changed_file_gives_the_grace_again_and_goes_on_with_an_open_outage() -> None:
    house = House()
    house.live(50, frames=False)
    house.cameras = {"cam": loaded("2")}
    house.live(50, frames=False)
    assert house.sink.events == []
    house.live(20, frames=False)
    house.cameras = {"cam": loaded("3")}
    house.live(20, frames=False)
    house.live(10, frames=True)
    assert house.sink.told == [EventState.START, EventState.END]
    assert len({event.event_id for event in house.sink.events}) == 1


def test_a_kill_in_the_middle_of_an_outage_makes_no_second_event() -> None:
    house = House()
    house.live(10, frames=True)
    house.live(100, frames=False)
    left_open = house.sink.events[-1]
    assert house.restarted().adopt([left_open], house.cameras) == []
    house.live(200, frames=False)
    house.live(10, frames=True)
    assert house.sink.told == [EventState.START, EventState.END]
    assert [event.revision for event in house.sink.events] == list(range(len(house.sink.events)))
    assert {event.event_id for event in house.sink.events} == {left_open.event_id}


def test_what_nobody_can_go_on_with_is_handed_back() -> None:
    house = House()
    house.live(70, frames=False)
    (event,) = house.sink.events
    assert house.restarted().adopt([event], {}) == [event]
    assert house.restarted().adopt([event], {"cam": loaded(enabled=False)}) == [event]


def test_a_planned_stop_ends_it() -> None:
    house = House()
    house.live(70, frames=False)
    house.watch.finish()
    assert house.sink.told == [EventState.START, EventState.END]
    house.watch.finish()
    assert len(house.sink.told) == 2


def test_a_camera_that_is_removed_ends_it() -> None:
    house = House()
    house.live(70, frames=False)
    house.cameras = {}
    house.live(2, frames=False)
    assert house.sink.told == [EventState.START, EventState.END]
