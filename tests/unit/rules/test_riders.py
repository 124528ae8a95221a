"""Persons bound to motorbikes, by lists of observations."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from edge.riders import Ride, RideBook
from edge.types import Track
from tests.support.scenes import ASPECT, box

BIKE_H = 0.12
"""Of a motorbike seen from the side; its riders' boxes end at the pegs, a quarter of it above the ground."""


def bike(track_id: int, x: float, y: float, *, detected: bool = True) -> Track:
    return box(track_id, "motorcycle", x, y, width=1.7 * BIKE_H / ASPECT, height=BIKE_H, detected=detected)


def rider(track_id: int, x: float, y: float, seat: float = 0.0, *, height: float = 1.25) -> Track:
    """Somebody on the motorbike at (x, y); `seat` from the middle to the back, in heights of the motorbike."""
    at_x = x - seat * BIKE_H / ASPECT
    return box(track_id, "person", at_x, y - 0.25 * BIKE_H, width=0.5 * BIKE_H / ASPECT, height=height * BIKE_H)


def play(
    scene: Callable[[float], Sequence[Track]], seconds: float = 4.0, fps: float = 5.0, book: RideBook | None = None
) -> list[tuple[float, list[tuple[int, set[int]]]]]:
    """For each time the rides, and who rode them then."""
    book = book or RideBook()
    out = []
    for index in range(round(seconds * fps) + 1):
        at_s = index / fps
        rides = book.observe(scene(at_s), at_s, ASPECT, searched=True)
        out.append((at_s, [(ride.number, {int(key) for key in ride.riders}) for ride in rides]))
    return out


def riders_at_end(scene: Callable[[float], Sequence[Track]], **extra: float) -> dict[int, set[int]]:
    return dict(play(scene, **extra)[-1][1])  # type: ignore[arg-type]


def forward(at_s: float, speed: float = 0.12) -> float:
    return 0.1 + speed * at_s


@pytest.mark.parametrize("fps", [2.0, 5.0, 10.0, 30.0])
def test_who_travels_with_a_motorbike_rides_it(fps: float) -> None:
    def scene(t: float) -> list[Track]:
        x = forward(t)
        return [bike(1, x, 0.6), rider(2, x, 0.6), rider(3, x, 0.6, seat=0.45)]

    assert riders_at_end(scene, fps=fps) == {1: {2, 3}}


def test_people_beside_a_parked_motorbike_do_not_ride_it() -> None:
    def scene(t: float) -> list[Track]:
        sway = 0.004 * math.sin(t)
        return [bike(1, 0.5, 0.6), rider(2, 0.5 + sway, 0.6), rider(3, 0.5, 0.61, seat=0.4)]

    assert riders_at_end(scene, seconds=20.0) == {1: set()}


def test_who_walks_past_a_parked_motorbike_does_not_ride_it() -> None:
    assert all(
        not riders
        for _, rides in play(lambda t: [bike(1, 0.5, 0.6), rider(2, 0.35 + 0.03 * t, 0.6)], seconds=10.0)
        for _, riders in rides
    )


def test_who_stands_where_a_motorbike_passes_does_not_ride_it() -> None:
    def scene(t: float) -> list[Track]:
        x = forward(t)
        return [bike(1, x, 0.6), rider(2, x, 0.6), rider(3, 0.35, 0.6), rider(4, 0.42, 0.61)]

    assert all(riders <= {2} for _, rides in play(scene, fps=15.0) for _, riders in rides)


def test_motorbikes_side_by_side_share_no_rider() -> None:
    def scene(t: float) -> list[Track]:
        x = forward(t)
        near, far = (x, 0.64), (x + 0.02, 0.6)
        return [bike(1, *near), bike(2, *far), rider(3, *near), rider(4, *far), rider(5, *far, seat=0.4)]

    rides = riders_at_end(scene)
    assert rides == {1: {3}, 2: {4, 5}}


def test_a_rider_stays_one_at_a_red_light_and_gets_off_by_walking_away() -> None:
    def scene(t: float) -> list[Track]:
        x = forward(min(t, 2.0))
        walked = max(0.0, t - 10.0) * 0.03
        return [bike(1, x, 0.6), rider(2, x, 0.6), replace_x(rider(3, x, 0.6, seat=0.4), -walked)]

    told = dict(play(scene, seconds=20.0))
    assert told[9.0] == [(1, {2, 3})]
    assert told[20.0] == [(1, {2})]


def replace_x(track: Track, by: float) -> Track:
    x1, y1, x2, y2 = track.xyxy
    return replace(track, xyxy=(x1 + by, y1, x2 + by, y2))


def test_a_motorbike_that_is_missed_and_found_as_a_new_track_is_the_same_ride() -> None:
    def scene(t: float) -> list[Track]:
        x = forward(t)
        shown = [bike(1, x, 0.6)] if t < 2.0 else [bike(9, x, 0.6)] if t > 3.1 else []
        return [*shown, rider(2, x, 0.6)]

    told = play(scene, seconds=4.0)
    assert told[-1][1] == [(1, {2})]


def test_a_missed_motorbike_is_where_its_track_says() -> None:
    """Two looks of three find no motorbike; the tracker reports where it must be."""

    def scene(t: float) -> list[Track]:
        x = forward(t)
        return [bike(1, x, 0.6, detected=round(t * 5) % 3 == 0), rider(2, x, 0.6)]

    assert riders_at_end(scene) == {1: {2}}


def test_class_flips_and_jitter_do_not_unseat_anybody() -> None:
    chance = random.Random(4)

    def shaken(track: Track) -> Track:
        by = [chance.gauss(0.0, 0.05 * BIKE_H) for _ in range(4)]
        x1, y1, x2, y2 = (value + off for value, off in zip(track.xyxy, by, strict=True))
        return replace(track, xyxy=(x1, y1, x2, y2))

    def scene(t: float) -> list[Track]:
        x = forward(t)
        name = "bicycle" if round(t * 5) % 4 == 1 else "motorcycle"
        tracks = [replace(bike(1, x, 0.6), class_name=name), rider(2, x, 0.6), rider(3, x, 0.6, seat=0.5)]
        return [shaken(track) for track in tracks]

    assert riders_at_end(scene, seconds=5.0) == {1: {2, 3}}


def test_two_boxes_of_one_head_count_once_and_one_missed_rider_counts_on() -> None:
    book = RideBook()
    rides: list[Ride] = []
    for index in range(21):
        t = index / 5
        x = forward(t)
        tracks = [bike(1, x, 0.6), rider(2, x, 0.6), rider(3, x + 0.002, 0.6, height=1.2), rider(4, x, 0.6, seat=0.5)]
        if index == 20:
            tracks = tracks[:3]
        rides = book.observe(tracks, t, ASPECT, searched=True)
        if index == 19:
            assert len(rides[0].riders_at(t)) == 2
    (ride,) = rides
    assert set(ride.riders) == {2, 3, 4}
    assert len(ride.riders_at(4.0)) == 2


def test_a_box_without_area_or_number_is_left_out() -> None:
    broken = replace(rider(2, 0.5, 0.6), xyxy=(math.nan, 0.1, 0.2, 0.3))
    flat = replace(bike(3, 0.5, 0.6), xyxy=(0.2, 0.2, 0.2, 0.4))
    assert riders_at_end(lambda t: [bike(1, forward(t), 0.6), broken, flat]) == {1: set()}
