"""`jaywalking` by lists of observations. A road 7 m wide runs from left to right, with a crossing 5 m wide in it."""

from __future__ import annotations

import random
from typing import Any, cast

import pytest

from contract.rules.jaywalking import JaywalkingFacts
from edge.rules.jaywalking import Sides
from edge.types import RuleEvent, Track
from tests.support.noise import NOISES, Noise, assert_accurate, noisy, score
from tests.support.scenes import (
    CALIBRATION,
    NIGHT,
    make_rule,
    observation,
    person,
    raised_at_s,
    run,
    states,
    vehicle,
    watch,
)

RULE: dict[str, Any] = {"kind": "jaywalking", "zones": ["duong"]}
ROAD = {"name": "Lòng đường", "kind": "carriageway", "coordinates": [[0, 0.35], [1, 0.35], [1, 0.7], [0, 0.7]]}
CROSSING = {
    "name": "Vạch sang đường",
    "kind": "crossing",
    "coordinates": [[0.4, 0.3], [0.53, 0.3], [0.53, 0.75], [0.4, 0.75]],
}
ZONES = {"duong": ROAD, "vach": CROSSING}
HEIGHTS: dict[str, Any] = {"zones": ZONES}
METRES: dict[str, Any] = {"zones": ZONES, "calibration": CALIBRATION}


def facts(event: RuleEvent) -> JaywalkingFacts:
    return cast("JaywalkingFacts", event.facts)


def at(x: float, y: float, track_id: int = 1) -> list[Track]:
    return [person(track_id, x, y, height=0.09)] if 0.02 < x < 0.98 and 0.1 < y < 0.98 else []


def across(at_s: float, x: float = 0.7, track_id: int = 1, *, speed: float = 0.06, drift: float = 0.0) -> list[Track]:
    """From below the road to above it; 0.06 picture heights a second are 1.2 m/s."""
    return at(x + drift * at_s, 0.9 - speed * at_s, track_id)


def back(at_s: float, x: float = 0.7, track_id: int = 1) -> list[Track]:
    """To the middle of the road, and back again."""
    return at(x, 0.9 - 0.06 * (at_s if at_s < 6.0 else 12.0 - at_s), track_id)


def along(at_s: float, y: float = 0.5, track_id: int = 1) -> list[Track]:
    return at(0.03 + 0.03 * at_s, y, track_id)


@pytest.mark.parametrize("camera", [HEIGHTS, METRES], ids=["heights", "metres"])
@pytest.mark.parametrize("fps", [1, 2, 5, 12.5, 30])
def test_crossing_the_road_raises_one_event_at_any_frame_rate(camera: dict[str, Any], fps: float) -> None:
    events = run(make_rule(**RULE, camera=camera), watch(across, 16.0, fps=fps), finish=False)
    assert states(events) == ["start", "end"]
    assert raised_at_s(events) == [pytest.approx(9.5, abs=1.1)]
    assert facts(events[0]).outside_share == 1.0
    assert facts(events[0]).duration_s == pytest.approx(5.5, abs=1.1)
    assert (facts(events[0]).distance_m is None) == (camera is HEIGHTS)
    if camera is METRES:
        assert facts(events[0]).distance_m == pytest.approx(6.7, abs=1.3)
    assert events[0].zone == "duong"


def test_the_other_way_and_on_a_slant_count_too() -> None:
    assert states(run(make_rule(**RULE, camera=METRES), watch(lambda t: across(14.0 - t), 17.0))) == ["start", "end"]
    slant = run(make_rule(**RULE, camera=METRES), watch(lambda t: across(t, 0.6, drift=0.02), 17.0))
    assert states(slant) == ["start", "end"]


@pytest.mark.parametrize("camera", [HEIGHTS, METRES], ids=["heights", "metres"])
def test_on_the_crossing_along_the_road_and_back_to_the_same_side_raise_nothing(camera: dict[str, Any]) -> None:
    assert run(make_rule(**RULE, camera=camera), watch(lambda t: across(t, 0.47), 16.0)) == []
    assert run(make_rule(**RULE, camera=camera), watch(along, 40.0)) == []
    assert run(make_rule(**RULE, camera=camera), watch(back, 16.0)) == []
    assert run(make_rule(**RULE, camera=camera), watch(lambda t: along(t, 0.72), 40.0)) == []


def test_walking_in_from_the_roads_end_and_off_to_a_side_is_not_crossing() -> None:
    def turns_off(at_s: float) -> list[Track]:
        return at(0.03 + 0.03 * min(at_s, 15.0), 0.5 - 0.05 * max(0.0, at_s - 15.0))

    assert run(make_rule(**RULE, camera=METRES), watch(turns_off, 25.0)) == []


def test_cutting_the_crossings_corner_is_let_pass_and_a_little_of_it_is_not_enough() -> None:
    corner = watch(lambda t: across(t, 0.47, drift=0.008), 16.0)  # leaves it for the last part of the way
    assert run(make_rule(**RULE, camera=METRES), corner) == []
    mostly_outside = watch(lambda t: across(t, 0.46, drift=0.014), 16.0)
    events = run(make_rule(**RULE, camera=METRES), mostly_outside)
    assert states(events) == ["start", "end"]
    assert 0.5 < facts(events[0]).outside_share < 1.0


def test_waiting_at_the_kerb_is_no_part_of_it() -> None:
    def waits(at_s: float) -> list[Track]:
        return across(at_s if at_s < 3.5 else max(3.5, at_s - 90.0))  # 0.01 inside the road

    events = run(make_rule(**RULE, camera=METRES), watch(waits, 110.0))
    assert states(events) == ["start", "end"]
    assert facts(events[0]).duration_s < 8.0


def test_who_spends_minutes_on_the_road_does_not_cross_it() -> None:
    def works(at_s: float) -> list[Track]:
        return across(at_s if at_s < 6.0 else max(6.0, at_s - 90.0))

    assert run(make_rule(**RULE, camera=METRES), watch(works, 110.0)) == []
    assert states(run(make_rule(**RULE, camera=METRES, max_duration_s=200), watch(works, 110.0))) == ["start", "end"]


def test_crossing_back_later_is_another_event() -> None:
    events = run(make_rule(**RULE, camera=METRES), watch(lambda t: across(min(t, 12.0) - max(0.0, t - 20.0)), 40.0))
    assert states(events) == ["start", "end", "start", "end"]
    assert len({event.key for event in events}) == 2


def test_who_is_hidden_at_the_far_kerb_has_crossed_and_who_is_lost_in_the_middle_has_not() -> None:
    far = run(make_rule(**RULE, camera=METRES), watch(lambda t: across(t) if t < 8.7 else [], 20.0), finish=False)
    assert states(far) == ["start", "end"]
    middle = run(make_rule(**RULE, camera=METRES), watch(lambda t: across(t) if t < 6.5 else [], 20.0))
    assert middle == []


def test_riders_and_who_pushes_a_bicycle_are_no_walkers() -> None:
    def rides(at_s: float) -> list[Track]:
        return [
            bike
            for walker in across(at_s)
            for bike in (walker, vehicle(2, walker.ground[0], walker.ground[1] + 0.03, "motorcycle"))
        ]

    assert run(make_rule(**RULE, camera=METRES), watch(rides, 16.0)) == []
    past_parked = watch(lambda t: [*across(t), vehicle(2, 0.7, 0.73, "motorcycle")], 16.0)
    assert states(run(make_rule(**RULE, camera=METRES), past_parked)) == ["start", "end"]


def test_faster_than_anyone_runs_is_refused_and_counted() -> None:
    rule = make_rule(**RULE, camera=METRES)
    assert run(rule, watch(lambda t: across(t, speed=0.4), 6.0)) == []
    assert rule.rejected["speed"] == 1


def test_vehicles_other_hours_and_predicted_boxes_do_not_count() -> None:
    cars = watch(lambda t: [vehicle(1, 0.7, 0.9 - 0.06 * t)], 14.0)
    assert run(make_rule(**RULE, camera=METRES), cars) == []
    by_day = make_rule(**RULE, camera=METRES, schedule=["06:00-18:00"])
    assert run(by_day, watch(across, 16.0, start=NIGHT)) == []
    coasting = watch(lambda t: [person(1, 0.7, 0.9 - 0.06 * t, height=0.09, detected=t < 4.5)], 14.0)
    assert run(make_rule(**RULE, camera=METRES), coasting) == []


def test_an_id_switch_in_the_middle_is_the_same_person() -> None:
    renamed = watch(lambda t: [] if 6.0 < t < 7.0 else across(t, track_id=1 if t < 6.5 else 2), 16.0)
    events = run(make_rule(**RULE, camera=METRES), renamed)
    assert states(events) == ["start", "end"]
    assert events[-1].track_ids == (1, 2)


def test_a_gap_in_the_stream_and_two_cameras() -> None:
    parts = (watch(across, 6.0), watch(across, 9.0, from_s=700.0))
    assert run(make_rule(**RULE, camera=METRES), *parts) == []
    rules = {name: make_rule(**RULE, camera={**METRES, "camera_id": name}) for name in ("a", "b")}
    events: dict[str, list[RuleEvent]] = {"a": [], "b": []}
    for index in range(80):
        at_s = index / 5
        events["a"] += rules["a"].observe(observation(at_s, across(at_s), camera_id="a"))
        events["b"] += rules["b"].observe(observation(at_s, back(at_s), camera_id="b"))
    assert states(events["a"]) == ["start", "end"]
    assert events["b"] == []


def test_sides_follow_a_road_that_narrows() -> None:
    """As a camera above its end sees it: 4 wide below, 1 wide far away, running upwards."""
    sides = Sides([(0.0, 0.0), (4.0, 0.0), (2.5, 10.0), (1.5, 10.0)], (0.0, 1.0))
    assert sides.across((2.0, 5.0)) == pytest.approx(0.0)
    near, far = sides.across((3.6, 1.0)), sides.across((2.3, 9.0))
    assert max(abs(near), abs(far)) < 1.0
    assert near * far > 0.0
    assert abs(sides.across((2.8, 9.5))) > 1.0
    assert sides.across((2.0, 30.0)) == pytest.approx(0.0)


@pytest.mark.parametrize("noise", NOISES, ids=str)
@pytest.mark.parametrize("camera", [HEIGHTS, METRES], ids=["heights", "metres"])
def test_precision_and_recall_under_noise(camera: dict[str, Any], noise: Noise) -> None:
    """In each 30 s one crosses the road; others use the crossing, turn back, and walk along the road and beside it."""

    def world(at_s: float) -> list[Track]:
        number, since_s = divmod(at_s, 30.0)
        rng, first = random.Random(int(number)), int(number) * 6
        way = across(
            since_s if number % 2 else 14.0 - since_s, rng.uniform(0.65, 0.95), first + 1, speed=rng.uniform(0.05, 0.07)
        )
        return [
            *(way if since_s < 15.0 else []),
            *across(since_s - 14.0, 0.47, first + 2),
            *back(since_s - 15.0, 0.2, first + 3),
            *along(since_s, 0.74, first + 4),
            *along(since_s, 0.3, first + 5),
            *along(since_s - 15.0, 0.6, first + 6),
        ]

    rules = [make_rule(**RULE, camera=camera) for _ in range(2)]
    scores = [score(run(rule, noisy(world, 600.0, seed=seed, noise=noise)), 30.0) for seed, rule in enumerate(rules)]
    assert_accurate(scores, 2 * 20)
