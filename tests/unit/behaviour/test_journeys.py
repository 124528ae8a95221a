"""Following objects over tracks that break: a street seen from above, 40 m wide and 20 m deep."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from edge.behaviour.journey import Journey
from edge.behaviour.watch import Watch
from edge.scene import Scene
from edge.types import Observation, Sighting, Track
from tests.support.scenes import CALIBRATION, STREAM_START_S, box, make_camera, make_site, observation, vehicle, watch

METRES: dict[str, Any] = {"calibration": CALIBRATION}


def follow(parts: Iterable[Observation], camera: dict[str, Any]) -> list[Journey]:
    """Every journey that there ever was and is nobody's sequel, in order of birth."""
    watching = Watch(Scene.from_config(make_camera(**camera), make_site()))
    watching.journeys(30.0).need(frozenset({"motorcycle", "car"}), 60.0)
    found: dict[int, Journey] = {}
    for part in parts:
        now = watching.take(part)
        journeys = watching.follow(30.0)
        found |= {journey.number: journey for journey in journeys.of(watching.plausible, now)}
        for sequel in journeys.sequels:
            found.pop(sequel.number, None)
    return list(found.values())


def tracks_of(journeys: list[Journey]) -> list[list[int]]:
    return [list(journey.track_ids) for journey in journeys]


def seen(*ways: Callable[[float], Track | None]) -> Callable[[float], list[Track]]:
    return lambda at_s: [track for way in ways if (track := way(at_s)) is not None]


def motorcycle(track_id: int, x_m: float, y_m: float) -> Track:
    return vehicle(track_id, x_m / 40.0, y_m / 20.0, "motorcycle")


def sets_off(at_s: float, *, lost_s: float = 2.0, found_s: float = 4.2) -> Track | None:
    """It stands at 5 m, sets off at 2.2 s with 3 m/s2 up to 6 m/s, and is not seen meanwhile."""
    if lost_s < at_s < found_s:
        return None
    since_s = max(0.0, at_s - 2.2)
    way_m = 1.5 * since_s**2 if since_s < 2.0 else 6.0 + 6.0 * (since_s - 2.0)
    return motorcycle(1 if at_s <= lost_s else 2, 5.0 + way_m, 10.0)


@pytest.mark.parametrize("camera", [{}, METRES], ids=["heights", "metres"])
def test_who_stood_and_sets_off_unseen_is_the_same(camera: dict[str, Any]) -> None:
    assert tracks_of(follow(watch(seen(sets_off), 6.0), camera)) == [[1, 2]]


@pytest.mark.parametrize("camera", [{}, METRES], ids=["heights", "metres"])
def test_who_passes_a_place_at_speed_is_not_who_stood_there(camera: dict[str, Any]) -> None:
    """It is first seen 5 m beyond, at 10 m/s, 0.6 s after the other was seen last: nobody sets off like that."""

    def passes(at_s: float) -> Track | None:
        return motorcycle(2, 10.0 + 10.0 * (at_s - 2.6), 10.5) if at_s >= 2.6 else None

    stood = follow(watch(seen(lambda t: motorcycle(1, 5.0, 10.0) if t <= 2.0 else None, passes), 5.0), camera)
    assert tracks_of(stood) == [[1], [2]]


def test_who_begins_beside_two_that_are_missed_goes_on_with_neither() -> None:
    """One was lost a while ago and fits; the other is missed just now, fits as well and is still waited for."""

    def missed(at_s: float) -> Track:
        return replace(motorcycle(3, 5.0, 10.4), detected=at_s <= 2.0)

    both = follow(watch(seen(sets_off, missed), 4.6), METRES)
    assert tracks_of(both)[:2] == [[1], [3]]


@pytest.mark.parametrize(("first_y", "tracks"), [(0.26, [[1], [2]]), (0.36, [[1, 2]])], ids=["71 m", "44 m"])
def test_a_place_in_the_picture_that_is_too_far_on_the_road_is_no_sequel(
    first_y: float, tracks: list[list[int]]
) -> None:
    """Both places are about a box from where the vehicle must be; it drives at 5 m/s, was 37 m away and unseen for
    1.4 s."""
    low = {"image": [[0, 1], [1, 1], [0.6, 0.2], [0.4, 0.2]], "ground_m": [[0, 0], [12, 0], [12, 100], [0, 100]]}

    def small(track_id: int, y: float) -> Track:
        return box(track_id, "motorcycle", 0.5, y, width=0.03, height=0.1)

    def near(at_s: float) -> Track | None:
        return small(1, 0.48 - 0.04 * at_s) if at_s <= 2.0 else None

    def far(at_s: float) -> Track | None:
        return small(2, first_y - 0.01 * (at_s - 3.4)) if at_s >= 3.39 else None

    assert tracks_of(follow(watch(seen(near, far), 4.6), {"calibration": low})) == tracks


@pytest.mark.parametrize(("speed", "tracks"), [(-6.0, [[1], [2]]), (6.0, [[1, 2]])], ids=["towards", "away"])
def test_who_comes_towards_where_somebody_stood_is_not_who_stood_there(speed: float, tracks: list[list[int]]) -> None:
    """It is first seen 3 m beyond, less than a box's length in the picture."""

    def drives(at_s: float) -> Track | None:
        if at_s < 3.3:
            return None
        places = [motorcycle(2, 8.0 + speed * (then_s - 3.0), 10.0) for then_s in (3.0, 3.2, at_s)]
        early = [Sighting(STREAM_START_S + 3.0 + 0.2 * n, place.xyxy) for n, place in enumerate(places[:2])]
        return replace(places[2], before=tuple(early) if at_s < 3.5 else ())

    parts = watch(seen(lambda t: motorcycle(1, 5.0, 10.0) if t <= 2.0 else None, drives), 4.6)
    assert tracks_of(follow(parts, METRES)) == tracks


def test_a_journey_begins_where_its_track_was_found_first() -> None:
    """A track is known from its third detection on and then tells of those before."""

    def told(at_s: float) -> Track | None:
        if at_s < 0.9:
            return None
        track = motorcycle(1, 5.0 + 5.0 * at_s, 10.0)
        if at_s > 1.1:
            return track
        early = [
            Sighting(STREAM_START_S + then_s, motorcycle(1, 5.0 + 5.0 * then_s, 10.0).xyxy) for then_s in (0.6, 0.8)
        ]
        return replace(track, before=tuple(early))

    (journey,) = follow(watch(seen(told), 1.4), METRES)
    assert [sample.moment.monotonic_s - STREAM_START_S for sample in journey.samples] == pytest.approx(
        [0.6, 0.8, 1.0, 1.2, 1.4]
    )
    assert [sample.plane[0] for sample in journey.samples] == pytest.approx([8.0, 9.0, 10.0, 11.0, 12.0], abs=0.1)
    assert journey.born_at is journey.samples[0]


def test_observations_without_any_vehicle_are_nothing() -> None:
    assert follow([observation(0.0, []), observation(0.2, [])], METRES) == []
