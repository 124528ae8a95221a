"""`pavement_driving` by lists of observations. A pavement 5 m wide runs from left to right; its gateway is on top."""

from __future__ import annotations

import random
from typing import Any, cast

import pytest

from contract.rules.pavement_driving import PavementDrivingFacts
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

RULE: dict[str, Any] = {"kind": "pavement_driving", "zones": ["via_he"]}
PAVEMENT = {"via_he": {"name": "Vỉa hè", "kind": "pavement", "coordinates": [[0, 0.4], [1, 0.4], [1, 0.65], [0, 0.65]]}}
HEIGHTS: dict[str, Any] = {"zones": PAVEMENT}
METRES: dict[str, Any] = {"zones": PAVEMENT, "calibration": CALIBRATION}


def facts(event: RuleEvent) -> PavementDrivingFacts:
    return cast("PavementDrivingFacts", event.facts)


def bike(track_id: int, x: float, y: float, **extra: Any) -> list[Track]:
    return [vehicle(track_id, x, y, "motorcycle", **extra)] if 0.02 < x < 0.98 and 0.02 < y < 0.98 else []


def along(at_s: float, speed: float = 0.1, track_id: int = 1) -> list[Track]:
    """Speed in picture widths a second: 0.1 are 4 m/s, 0.74 box lengths a second."""
    return bike(track_id, (0.1 if speed > 0 else 0.9) + speed * at_s, 0.52)


def into_gateway(at_s: float, slant: float = 0.0, track_id: int = 1) -> list[Track]:
    """From the road below over the pavement to a gateway above it: at 2 m/s, 2.5 s on the pavement."""
    return bike(track_id, 0.5 + slant * at_s, 0.9 - 0.1 * at_s)


@pytest.mark.parametrize("camera", [HEIGHTS, METRES], ids=["heights", "metres"])
@pytest.mark.parametrize("fps", [2, 5, 12.5, 30])
@pytest.mark.parametrize("speed", [0.1, -0.1])
def test_driving_along_raises_one_event_either_way_at_any_frame_rate(
    camera: dict[str, Any], fps: float, speed: float
) -> None:
    events = run(make_rule(**RULE, camera=camera), watch(lambda t: along(t, speed), 16.0, fps=fps), finish=False)
    assert states(events) == ["start", "end"]
    assert raised_at_s(events) == [pytest.approx(1.5 if "calibration" in camera else 2.1, abs=0.6)]
    assert facts(events[-1]).duration_s == pytest.approx(8.5, abs=0.8)
    assert events[0].zone == "via_he"
    if "calibration" in camera:
        assert facts(events[-1]).distance_m == pytest.approx(34.0, abs=3.0)
        assert facts(events[-1]).speed_kmh == pytest.approx(14.4, abs=0.4)
    else:
        assert facts(events[-1]).distance_m is None
        assert facts(events[-1]).speed_kmh is None


def test_one_frame_a_second_suffices_for_a_slow_one() -> None:
    assert states(run(make_rule(**RULE, camera=METRES), watch(along, 9.0, fps=1.0))) == ["start", "end"]


@pytest.mark.parametrize("camera", [HEIGHTS, METRES], ids=["heights", "metres"])
@pytest.mark.parametrize("slant", [0.0, 0.03, -0.03])
def test_crossing_it_to_a_gateway_is_not_driving_along(camera: dict[str, Any], slant: float) -> None:
    assert run(make_rule(**RULE, camera=camera), watch(lambda t: into_gateway(t, slant), 9.0)) == []
    back = run(make_rule(**RULE, camera=camera), watch(lambda t: into_gateway(9.0 - t, slant), 9.0))
    assert back == []


def test_the_road_beside_it_raises_nothing() -> None:
    def road(at_s: float) -> list[Track]:
        return bike(1, 0.1 + 0.1 * at_s, 0.68)

    assert run(make_rule(**RULE, camera=METRES), watch(road, 9.0)) == []
    for seed in range(10):
        assert run(make_rule(**RULE, camera=METRES), noisy(road, 9.0, seed=seed, noise=Noise())) == []


def test_a_pushed_motorbike_is_told_by_its_speed_where_there_is_one() -> None:
    def pushed(at_s: float) -> list[Track]:
        return along(at_s, speed=0.03)  # 1.2 m/s

    assert run(make_rule(**RULE, camera=METRES), watch(pushed, 20.0)) == []
    assert states(run(make_rule(**RULE, camera=METRES, min_speed_kmh=0), watch(pushed, 20.0))) == ["start", "end"]


@pytest.mark.parametrize("camera", [HEIGHTS, METRES], ids=["heights", "metres"])
def test_a_parked_motorbike_whose_box_trembles_raises_nothing(camera: dict[str, Any]) -> None:
    rng = random.Random(4)

    def parked(_: float) -> list[Track]:
        return bike(1, 0.5 + rng.gauss(0, 0.005), 0.52 + rng.gauss(0, 0.01))

    assert run(make_rule(**RULE, camera=camera), watch(parked, 300.0)) == []


@pytest.mark.parametrize("camera", [HEIGHTS, METRES], ids=["heights", "metres"])
@pytest.mark.parametrize("apart", [0.09, 0.15, 0.3])
def test_a_track_that_hops_between_parked_motorbikes_raises_nothing(camera: dict[str, Any], apart: float) -> None:
    """With a step half-way, as a box around both makes it."""
    rng = random.Random(2)

    def hops_between(at_s: float) -> list[Track]:
        since_s = at_s % 9.0
        x = 0.3 + apart * (0.0 if since_s < 3.0 else 0.4 if since_s < 3.2 else 1.0 if since_s < 6.0 else 0.0)
        return bike(1, x + rng.gauss(0, 0.003), 0.52 + rng.gauss(0, 0.005))

    assert run(make_rule(**RULE, camera=camera), watch(hops_between, 90.0)) == []


@pytest.mark.parametrize("camera", [HEIGHTS, METRES], ids=["heights", "metres"])
def test_a_track_that_slides_along_a_row_of_parked_motorbikes_raises_nothing(camera: dict[str, Any]) -> None:
    """Each is found now and then; the tracker's filter carries the box over in two steps."""
    rng = random.Random(3)
    ways = [(6.0, 0.45), (7.4, 0.6), (14.0, 0.45), (15.0, 0.3)]

    def slides(at_s: float) -> list[Track]:
        since_s, x = at_s % 20.0, 0.3
        for begin_s, place in ways:
            x += (place - x) * min(1.0, max(0.0, (since_s - begin_s) / 0.4))
        return bike(1, x + rng.gauss(0, 0.003), 0.52 + rng.gauss(0, 0.005))

    def others(at_s: float) -> list[Track]:  # the track that another one has, while it is found
        places = ((0.3, 2), (0.45, 3), (0.6, 4)) if at_s % 20.0 < 5.5 else ()
        return [track for x, number in places for track in bike(number, x, 0.52)]

    rule = make_rule(**RULE, camera=camera)
    assert run(rule, watch(lambda t: [*slides(t), *others(t)], 90.0)) == []


@pytest.mark.parametrize("camera", [HEIGHTS, METRES], ids=["heights", "metres"])
def test_who_rides_past_parked_motorbikes_is_told(camera: dict[str, Any]) -> None:
    def parked(_: float) -> list[Track]:
        return [track for x, number in ((0.3, 2), (0.45, 3), (0.6, 4)) for track in bike(number, x, 0.52)]

    events = run(make_rule(**RULE, camera=camera), watch(lambda t: [*parked(t), *along(t - 20.0)], 40.0))
    assert states(events) == ["start", "end"]
    assert 20.0 < raised_at_s(events)[0] < 25.0


def test_who_drives_up_and_parks_is_told_until_it_stands() -> None:
    rule = make_rule(**RULE, camera=METRES)
    events = run(rule, watch(lambda t: along(min(t, 4.0)), 60.0), finish=False)
    assert states(events) == ["start", "end"]
    assert facts(events[-1]).duration_s == pytest.approx(4.0, abs=0.5)


def test_an_id_switch_continues_the_event() -> None:
    def renamed(at_s: float) -> list[Track]:
        return [] if 3.0 < at_s < 4.0 else along(at_s, track_id=1 if at_s < 3.5 else 2)

    events = run(make_rule(**RULE, camera=METRES), watch(renamed, 16.0), finish=False)
    assert states(events) == ["start", "end"]
    assert events[-1].track_ids == (1, 2)


def test_a_vehicle_named_twice_is_one_event() -> None:
    def doubled(at_s: float) -> list[Track]:
        return [*along(at_s), *[vehicle(9, t.ground[0] + 0.002, t.ground[1], "bicycle") for t in along(at_s)]]

    rule = make_rule(**RULE, camera=METRES, objects=["motorcycle", "bicycle"])
    assert states(run(rule, watch(doubled, 16.0))) == ["start", "end"]


def test_bicycles_people_predicted_boxes_and_other_hours_do_not_count() -> None:
    rule = make_rule(**RULE, camera=METRES)
    assert run(rule, watch(lambda t: [vehicle(1, 0.1 + 0.1 * t, 0.52, "bicycle")], 8.0)) == []
    rule = make_rule(**RULE, camera=METRES)
    assert run(rule, watch(lambda t: [person(1, 0.1 + 0.1 * t, 0.52)], 8.0)) == []
    rule = make_rule(**RULE, camera=METRES)
    assert run(rule, watch(lambda t: bike(1, 0.1 + 0.1 * t, 0.52, detected=t < 0.5), 8.0)) == []
    rule = make_rule(**RULE, camera=METRES, schedule=["06:00-18:00"])
    assert run(rule, watch(along, 8.0, start=NIGHT)) == []


def test_a_fixture_is_ignored() -> None:
    rule = make_rule(**RULE, camera=METRES, fixtures=[[0.3, 0.52]])
    wobbling = watch(lambda t: bike(1, 0.3 + 0.001 * (t % 10), 0.52), 60.0)
    assert run(rule, wobbling) == []


def test_impossible_boxes_and_jumps_are_counted() -> None:
    rule = make_rule(**RULE, camera=METRES)
    jumping = watch(lambda t: bike(1, 0.95 if round(t * 5) % 2 == 0 else 0.05, 0.52), 5.0)
    assert run(rule, jumping) == []
    assert rule.rejected["speed"] > 10
    nan = bike(1, 0.5, 0.52)[0]
    broken = [
        observation(6.0 + i, [Track(nan.track_id, "motorcycle", 0.5, (0.1, float("nan"), 0.2, 0.5), 0, 0)])
        for i in range(3)
    ]
    assert run(rule, broken) == []
    assert rule.rejected["box"] == 3


def test_a_gap_and_a_clock_that_jumps_end_the_event_once() -> None:
    rule = make_rule(**RULE, camera=METRES)
    events = run(rule, watch(along, 5.0), watch(lambda _: [], 10.0, from_s=700.0), watch(along, 5.0, from_s=2.0))
    assert states(events) == ["start", "end", "start", "end"]


def test_two_cameras_interleaved_do_not_mix() -> None:
    rules = {name: make_rule(**RULE, camera={**METRES, "camera_id": name}) for name in ("a", "b")}
    events: dict[str, list[RuleEvent]] = {"a": [], "b": []}
    for index in range(40):
        at_s = index / 5
        events["a"] += rules["a"].observe(observation(at_s, along(at_s), camera_id="a"))
        events["b"] += rules["b"].observe(observation(at_s, into_gateway(at_s), camera_id="b"))
    assert states(events["a"]) == ["start"]
    assert events["b"] == []


def test_a_pavement_as_wide_as_long_needs_a_direction() -> None:
    square = {
        "via_he": {
            "name": "Vỉa hè",
            "kind": "pavement",
            "coordinates": [[0.3, 0.2], [0.6, 0.2], [0.6, 0.75], [0.3, 0.75]],
        }
    }
    with pytest.raises(ValueError, match="which way does zone 'via_he' run"):
        make_rule(**RULE, camera={"zones": square})
    square["via_he"]["direction"] = [[0.3, 0.5], [0.6, 0.5]]
    make_rule(**RULE, camera={"zones": square})


@pytest.mark.parametrize("noise", NOISES, ids=str)
@pytest.mark.parametrize("camera", [HEIGHTS, METRES], ids=["heights", "metres"])
def test_precision_and_recall_under_noise(camera: dict[str, Any], noise: Noise) -> None:
    """In each 20 s one drives along it, one beside it, and later one across it."""

    def world(at_s: float) -> list[Track]:
        number, since_s = divmod(at_s, 20.0)
        speed = (0.08 + 0.01 * (number % 8)) * (1 if number % 2 else -1)
        first = int(number) * 3
        return [
            *along(since_s, speed, first + 1),
            *bike(first + 2, 0.9 - 0.12 * since_s, 0.72),
            *(into_gateway(since_s - 10.0, 0.03 * (number % 3 - 1), first + 3) if since_s > 10.0 else []),
        ]

    scores = [
        score(run(make_rule(**RULE, camera=camera), noisy(world, 400.0, seed=seed, noise=noise)), 20.0)
        for seed in range(3)
    ]
    assert_accurate(scores, 3 * 20)
