"""`lane_misuse` by lists of observations. Two lanes, each 5 m wide, run from left to right."""

from __future__ import annotations

from typing import Any, cast

import pytest

from contract.rules.lane_misuse import LaneMisuseFacts
from edge.types import RuleEvent, Track
from tests.support.noise import NOISES, Noise, assert_accurate, noisy, score
from tests.support.scenes import CALIBRATION, NIGHT, make_rule, observation, raised_at_s, run, states, vehicle, watch

RULE: dict[str, Any] = {"kind": "lane_misuse", "zones": ["lan_o_to", "lan_xe_may"]}
LANES = {
    "lan_o_to": {
        "name": "Làn ô tô",
        "kind": "lane",
        "coordinates": [[0, 0.25], [1, 0.25], [1, 0.5], [0, 0.5]],
        "allowed": ["car", "bus", "truck"],
    },
    "lan_xe_may": {
        "name": "Làn xe máy",
        "kind": "lane",
        "coordinates": [[0, 0.5], [1, 0.5], [1, 0.75], [0, 0.75]],
        "allowed": ["motorcycle", "bicycle"],
    },
}
HEIGHTS: dict[str, Any] = {"zones": LANES}
METRES: dict[str, Any] = {"zones": LANES, "calibration": CALIBRATION}
OPEN = {"duong": {"name": "Đường", "kind": "carriageway", "coordinates": [[0, 0.25], [1, 0.25], [1, 0.75], [0, 0.75]]}}


def facts(event: RuleEvent) -> LaneMisuseFacts:
    return cast("LaneMisuseFacts", event.facts)


def drive(
    at_s: float, y: float = 0.62, class_name: str = "car", *, speed: float = 0.1, track_id: int = 1
) -> list[Track]:
    """Speed in picture widths a second: 0.1 are 4 m/s."""
    x = (0.05 if speed > 0 else 0.95) + speed * at_s
    return [vehicle(track_id, x, y, class_name)] if 0.02 < x < 0.98 else []


@pytest.mark.parametrize("camera", [HEIGHTS, METRES], ids=["heights", "metres"])
@pytest.mark.parametrize("fps", [2, 5, 12.5, 30])
@pytest.mark.parametrize("speed", [0.1, -0.1])
def test_a_car_in_the_lane_of_motorbikes_raises_one_event(camera: dict[str, Any], fps: float, speed: float) -> None:
    events = run(make_rule(**RULE, camera=camera), watch(lambda t: drive(t, speed=speed), 16.0, fps=fps), finish=False)
    assert states(events) == ["start", "end"]
    assert raised_at_s(events) == [pytest.approx(2.0 if "calibration" in camera else 2.7, abs=0.6)]
    assert events[0].zone == "lan_xe_may"
    assert facts(events[0]).lane == "Làn xe máy"
    assert facts(events[0]).object_class == "car"
    assert (facts(events[-1]).distance_m is None) == (camera is HEIGHTS)


def test_each_in_its_own_lane_raises_nothing() -> None:
    def well(at_s: float) -> list[Track]:
        return [
            *drive(at_s, 0.4),
            *drive(at_s, 0.62, "motorcycle", track_id=2),
            *drive(at_s, 0.7, "bicycle", track_id=3),
        ]

    assert run(make_rule(**RULE, camera=METRES), watch(well, 12.0)) == []


def test_a_motorbike_among_cars_is_told_and_one_that_crosses_their_lane_is_not() -> None:
    among = run(make_rule(**RULE, camera=METRES), watch(lambda t: drive(t, 0.4, "motorcycle"), 12.0))
    assert states(among) == ["start", "end"]
    across = [vehicle(1, 0.5, 0.05 + 0.1 * t / 5, "motorcycle") for t in range(50)]
    assert run(make_rule(**RULE, camera=METRES), [observation(i / 5, [seen]) for i, seen in enumerate(across)]) == []


def test_overtaking_through_it_for_less_than_two_seconds_is_not_travelling_in_it() -> None:
    def overtakes(at_s: float) -> list[Track]:
        return [vehicle(1, 0.05 + 0.12 * at_s, 0.45 if 2.0 <= at_s < 3.6 else 0.6, "motorcycle")] if at_s < 7.5 else []

    assert run(make_rule(**RULE, camera=METRES), watch(overtakes, 8.0)) == []


def test_a_banned_class_is_told_in_its_banned_hours_only() -> None:
    rule: dict[str, Any] = {"kind": "lane_misuse", "zones": ["duong"], "banned": ["truck"], "schedule": ["22:00-05:00"]}
    camera = {"zones": OPEN, "calibration": CALIBRATION}
    assert run(make_rule(**rule, camera=camera), watch(lambda t: drive(t, 0.4, "truck"), 12.0)) == []
    assert run(make_rule(**rule, camera=camera), watch(lambda t: drive(t, 0.4, "car"), 12.0, start=NIGHT)) == []
    events = run(make_rule(**rule, camera=camera), watch(lambda t: drive(t, 0.4, "truck"), 12.0, start=NIGHT))
    assert states(events) == ["start", "end"]
    assert facts(events[0]).object_class == "truck"


def test_the_hours_begin_while_a_truck_is_on_the_road() -> None:
    rule = make_rule("lane_misuse", zones=["duong"], banned=["truck"], schedule=["12:00-12:01"], camera={"zones": OPEN})
    lasting = watch(lambda t: drive(t % 9.0, 0.4, "truck", track_id=1 + int(t // 9)), 90.0)
    events = run(rule, lasting, finish=False)
    assert {event.observed_s - 1000.0 <= 60.2 for event in events} == {True}
    assert states(events)[-1] == "end"


def test_what_the_detector_calls_it_most_of_the_time_decides() -> None:
    def flickering(at_s: float, mostly: str, rarely: str) -> list[Track]:
        return drive(at_s, 0.4, rarely if round(at_s * 5) % 3 == 0 else mostly)

    rule: dict[str, Any] = {"kind": "lane_misuse", "zones": ["duong"], "banned": ["truck"], "camera": {"zones": OPEN}}
    assert states(run(make_rule(**rule), watch(lambda t: flickering(t, "truck", "car"), 12.0))) == ["start", "end"]
    assert run(make_rule(**rule), watch(lambda t: flickering(t, "car", "truck"), 12.0)) == []


def test_waiting_at_a_red_light_in_the_wrong_lane_does_not_split_the_event() -> None:
    def waits(at_s: float) -> list[Track]:
        return drive(at_s if at_s < 5.0 else max(5.0, at_s - 60.0))

    events = run(make_rule(**RULE, camera=METRES), watch(waits, 80.0), finish=False)
    assert states(events) == ["start", "end"]


def test_an_id_switch_continues_the_event() -> None:
    def renamed(at_s: float) -> list[Track]:
        return [] if 4.0 < at_s < 5.0 else drive(at_s, track_id=1 if at_s < 4.5 else 2)

    events = run(make_rule(**RULE, camera=METRES), watch(renamed, 16.0), finish=False)
    assert states(events) == ["start", "end"]
    assert events[-1].track_ids == (1, 2)


def test_a_lane_for_nobody_in_particular_is_refused() -> None:
    with pytest.raises(ValueError, match="for whom is zone 'duong'"):
        make_rule("lane_misuse", zones=["duong"], camera={"zones": OPEN})


@pytest.mark.parametrize("noise", NOISES, ids=str)
@pytest.mark.parametrize("camera", [HEIGHTS, METRES], ids=["heights", "metres"])
def test_precision_and_recall_under_noise(camera: dict[str, Any], noise: Noise) -> None:
    """In each 16 s a car drives among motorbikes, others keep to their lanes."""

    def world(at_s: float) -> list[Track]:
        number, since_s = divmod(at_s, 16.0)
        first, speed = int(number) * 4, 0.08 + 0.01 * (number % 5)
        return [
            *drive(since_s, 0.62, speed=speed, track_id=first + 1),
            *drive(since_s, 0.4, speed=0.11, track_id=first + 2),
            *drive(since_s - 1.5, 0.42, "truck", speed=0.1, track_id=first + 3),
            *drive(since_s - 3.0, 0.7, "motorcycle", speed=0.1, track_id=first + 4),
        ]

    rules = [make_rule(**RULE, camera=camera) for _ in range(3)]
    scores = [score(run(rule, noisy(world, 320.0, seed=seed, noise=noise)), 16.0) for seed, rule in enumerate(rules)]
    assert_accurate(scores, 3 * 20)
