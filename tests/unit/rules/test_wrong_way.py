"""`wrong_way` by lists of observations. The lanes run to the right; picture heights are 0.5625 of the width."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any, cast

import pytest

from contract.rules.wrong_way import WrongWayFacts
from edge.types import RuleEvent, Sighting, Track
from tests.support.scenes import (
    CALIBRATION,
    NIGHT,
    STREAM_START_S,
    box,
    make_rule,
    person,
    raised_at_s,
    run,
    states,
    vehicle,
    watch,
)

RULE: dict[str, Any] = {"kind": "wrong_way", "zones": ["het"]}
METRIC: dict[str, Any] = {"calibration": CALIBRATION}


def facts(event: RuleEvent) -> WrongWayFacts:
    return cast("WrongWayFacts", event.facts)


def drive(at_s: float, *, from_x: float = 0.9, speed: float = -0.1, track_id: int = 1) -> list[Track]:
    """One car; speed in picture widths a second: 0.1 are 4 m/s, or 0.74 box lengths a second."""
    x = from_x + speed * at_s
    return [vehicle(track_id, x, 0.5)] if 0.02 < x < 0.98 else []


@pytest.mark.parametrize("fps", [2, 5, 12.5, 30])
def test_against_the_lane_raises_one_event_at_any_frame_rate(fps: float) -> None:
    events = run(make_rule(**RULE), watch(drive, 15.0, fps=fps), finish=False)
    assert states(events) == ["start", "end"]
    assert raised_at_s(events) == [pytest.approx(2.1, abs=0.6)]  # 1.5 box lengths
    assert facts(events[0]).angle_deg == pytest.approx(180.0, abs=0.1)
    assert facts(events[0]).distance_boxes >= 1.5
    assert facts(events[0]).distance_m is None
    assert facts(events[-1]).distance_boxes == pytest.approx(6.4, abs=0.6)
    assert events[0].zone == "het"
    assert events[0].track_ids == (1,)


def test_metres_decide_with_a_homography() -> None:
    events = run(make_rule(**RULE, camera=METRIC), watch(drive, 15.0))
    assert raised_at_s(events) == [pytest.approx(1.2, abs=0.3)]  # 0.75 lengths of the box are 4.8 m here
    assert facts(events[0]).distance_m == pytest.approx(4.8, abs=0.5)
    assert facts(events[-1]).distance_m == pytest.approx(32.0, abs=1.5)  # up to where the picture cuts it off
    assert facts(events[0]).calibration_error_m is None  # four points always fit: their error is unknown


def test_the_calibrations_error_is_told_where_more_than_four_points_give_one() -> None:
    six = {
        "image": [*CALIBRATION["image"], [0.5, 0.0], [0.5, 1.0]],
        "ground_m": [*CALIBRATION["ground_m"], [20.5, 0], [20, 20]],
    }
    events = run(make_rule(**RULE, camera={"calibration": six}), watch(drive, 15.0))
    assert facts(events[0]).calibration_error_m == pytest.approx(0.1, abs=0.1)
    assert facts(events[0]).calibration_error_m != 0.0


def test_one_frame_a_second_suffices_with_a_homography() -> None:
    events = run(make_rule(**RULE, camera=METRIC), watch(drive, 9.0, fps=1.0))
    assert raised_at_s(events) == [pytest.approx(2.0)]


def test_the_right_way_across_and_a_slant_raise_nothing() -> None:
    along = run(make_rule(**RULE), watch(lambda t: drive(t, from_x=0.1, speed=0.1), 10.0))
    across = run(make_rule(**RULE), watch(lambda t: [vehicle(1, 0.5, 0.9 - 0.08 * t)], 10.0))
    slant = run(make_rule(**RULE), watch(lambda t: [vehicle(1, 0.5 - 0.02 * t, 0.9 - 0.08 * t)], 10.0))
    assert along == across == slant == []


@pytest.mark.parametrize("camera", [{}, METRIC])
def test_a_standing_vehicle_whose_box_trembles_raises_nothing(camera: dict[str, Any]) -> None:
    rng = random.Random(7)

    def trembling(_: float) -> list[Track]:
        return [vehicle(1, 0.5 + rng.gauss(0, 0.005), 0.5 + rng.gauss(0, 0.01))]

    assert run(make_rule(**RULE, camera=camera), watch(trembling, 300.0)) == []


def test_a_box_that_jumps_back_raises_nothing() -> None:
    assert run(make_rule(**RULE), watch(lambda t: [vehicle(1, 0.7 if t < 5 else 0.4, 0.5)], 20.0)) == []


def test_an_impossible_speed_is_rejected_and_counted() -> None:
    rule = make_rule(**RULE, camera=METRIC)
    assert run(rule, watch(lambda t: [vehicle(1, 0.9 if round(t * 5) % 2 == 0 else 0.1, 0.5)], 5.0)) == []
    assert rule.rejected["speed"] > 10


def test_what_was_seen_before_a_track_was_known_to_be_somebody_counts() -> None:
    def known_late(at_s: float) -> list[Track]:
        """In the picture for 2 s, reported for the last second of it."""
        early = tuple(Sighting(STREAM_START_S + step / 5.0, drive(step / 5.0)[0].xyxy) for step in range(5))
        return [replace(track, before=early if at_s < 1.1 else ()) for track in drive(at_s) if 0.9 < at_s < 1.9]

    events = run(make_rule(**RULE, camera=METRIC), watch(known_late, 3.0))
    assert facts(events[0]).duration_s > 1.0
    assert events[0].started_s == pytest.approx(STREAM_START_S, abs=0.01)
    unaware = [[replace(track, before=()) for track in known_late(index / 5.0)] for index in range(16)]
    assert run(make_rule(**RULE, camera=METRIC), watch(lambda t: unaware[round(t * 5.0)], 3.0)) == []


def test_setting_off_after_a_long_stop_is_judged_by_the_travel_alone() -> None:
    events = run(make_rule(**RULE), watch(lambda t: drive(max(0.0, t - 60.0)), 70.0))
    assert raised_at_s(events) == [pytest.approx(62.1, abs=0.8)]


@pytest.mark.parametrize("seed", [1, 5])
def test_trembling_before_setting_off_does_not_delay_the_event(seed: int) -> None:
    rng = random.Random(seed)

    def sets_off(at_s: float) -> list[Track]:
        return drive(max(0.0, at_s - 60.0) + rng.gauss(0, 0.05))

    assert raised_at_s(run(make_rule(**RULE), watch(sets_off, 70.0))) == [pytest.approx(62.1, abs=0.8)]


def lane_down(left: float, right: float) -> dict[str, Any]:
    """A lane between two sides of the picture; it runs down."""
    corners = [[left, 0.1], [right, 0.1], [right, 0.95], [left, 0.95]]
    middle = (left + right) / 2.0
    return {"name": "Làn", "kind": "lane", "coordinates": corners, "direction": [[middle, 0.1], [middle, 0.9]]}


def test_a_wandering_foot_of_a_standing_truck_raises_nothing() -> None:
    camera = {**METRIC, "zones": {"het": lane_down(0.3, 0.7)}}

    def truck(at_s: float) -> list[Track]:
        # 8 m high in the picture; its foot rises by 4 m and sinks again within 3 s, as an unsteady detector has it.
        return [box(1, "truck", 0.5, 0.7 + 0.1 * math.cos(2.0 * math.pi * at_s / 3.0), width=0.1, height=0.4)]

    assert run(make_rule(**RULE, camera=camera), watch(truck, 30.0)) == []


def test_a_bus_in_the_next_lane_whose_foot_reaches_over_raises_nothing() -> None:
    camera = {"zones": {"het": lane_down(0.4, 0.5)}}

    def rises(class_name: str, x: float, width: float, height: float) -> list[RuleEvent]:
        path = watch(lambda t: [box(1, class_name, x, 0.9 - 0.1 * t, width=width, height=height)], 7.0)
        return run(make_rule(**RULE, camera=camera), path)

    assert rises("bus", 0.42, 0.2, 0.3) == []
    assert states(rises("bicycle", 0.42, 0.02, 0.15)) == ["start", "end"]


def test_a_box_cut_off_by_the_pictures_edge_is_no_evidence() -> None:
    def leaving(at_s: float) -> list[Track]:  # its right end moves on, the picture cuts off its left one
        right = 0.3 - 0.08 * at_s
        return [box(1, "car", right / 2.0, 0.5, width=right, height=0.1)] if right > 0.02 else []

    def whole(at_s: float) -> list[Track]:
        return [box(1, "car", 0.5 - 0.04 * at_s, 0.5, width=0.1, height=0.1)]

    assert run(make_rule(**RULE, camera=METRIC), watch(leaving, 5.0)) == []
    assert states(run(make_rule(**RULE, camera=METRIC), watch(whole, 5.0), finish=False)) == ["start"]


def test_turning_round_ends_the_event() -> None:
    events = run(
        make_rule(**RULE),
        watch(lambda t: drive(t) if t < 5 else drive(t - 5, from_x=0.4, speed=0.1), 10.0),
        finish=False,
    )
    assert states(events) == ["start", "end"]


def test_stopping_for_long_ends_the_event() -> None:
    events = run(make_rule(**RULE), watch(lambda t: drive(min(t, 4.0)), 60.0), finish=False)
    assert states(events) == ["start", "end"]


def test_an_id_switch_continues_the_event() -> None:
    events = run(
        make_rule(**RULE),
        watch(lambda t: [] if 4 < t < 5 else drive(t, track_id=1 if t < 4.5 else 2), 8.0),
        finish=False,
    )
    assert states(events) == ["start"]
    ended = run(
        make_rule(**RULE),
        watch(lambda t: [] if 4 < t < 5 else drive(t, track_id=1 if t < 4.5 else 2), 15.0),
        finish=False,
    )
    assert states(ended) == ["start", "end"]
    assert ended[-1].track_ids == (1, 2)


def test_two_vehicles_are_two_events() -> None:
    def both(at_s: float) -> list[Track]:
        return [*drive(at_s), vehicle(2, 0.9 - 0.1 * at_s, 0.8)]

    events = run(make_rule(**RULE), watch(both, 5.0), finish=False)
    assert states(events) == ["start", "start"]
    assert len({event.key for event in events}) == 2


def test_two_lanes_are_one_event() -> None:
    events = run(make_rule("wrong_way", zones=["trai", "phai"]), watch(drive, 15.0), finish=False)
    assert states(events) == ["start", "end"]
    assert events[0].zone == "phai"


def test_predicted_boxes_are_no_evidence() -> None:
    def coasting(at_s: float) -> list[Track]:
        return [vehicle(1, 0.9 - 0.1 * at_s, 0.5, detected=at_s < 0.5)]

    assert run(make_rule(**RULE), watch(coasting, 6.0)) == []


def test_people_are_not_vehicles_and_the_schedule_holds() -> None:
    assert run(make_rule(**RULE), watch(lambda t: [person(1, 0.9 - 0.1 * t, 0.5)], 8.0)) == []
    assert run(make_rule(**RULE, schedule=["06:00-18:00"]), watch(drive, 8.0, start=NIGHT)) == []


def test_a_gap_in_the_stream_ends_the_event() -> None:
    events = run(make_rule(**RULE), watch(drive, 5.0), watch(lambda _: [], 10.0, from_s=65.0), finish=False)
    assert states(events) == ["start", "end"]


def test_two_cameras_interleaved_do_not_mix() -> None:
    rules = {name: make_rule(**RULE, camera={"camera_id": name}) for name in ("a", "b")}
    events: dict[str, list[RuleEvent]] = {"a": [], "b": []}
    ways = {"a": -0.1, "b": 0.1}
    streams = {
        name: watch(lambda t, name=name: drive(t, from_x=0.5 - 4 * ways[name], speed=ways[name]), 6.0, camera_id=name)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        for name in rules
    }
    for pair in zip(*streams.values(), strict=True):
        for seen in pair:
            events[seen.camera_id] += rules[seen.camera_id].observe(seen)
    assert states(events["a"]) == ["start"]
    assert events["b"] == []


def test_a_lane_without_direction_is_refused() -> None:
    with pytest.raises(ValueError, match="no direction"):
        make_rule(
            "wrong_way",
            zones=["san"],
            camera={"zones": {"san": {"name": "Sân", "coordinates": [[0, 0], [1, 0], [1, 1]]}}},
        )
