"""`speeding` by lists of observations. Seen from straight above: 40 m of road over the picture's width."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from contract.rules.speeding import SpeedingFacts
from edge.types import RuleEvent, Sighting, Track
from tests.support.scenes import (
    CALIBRATION,
    STREAM_START_S,
    make_rule,
    observation,
    raised_at_s,
    run,
    states,
    vehicle,
    watch,
)

RULE: dict[str, Any] = {"kind": "speeding", "zones": ["het"], "limit_kmh": 40}
METRIC: dict[str, Any] = {"calibration": CALIBRATION}


def rule(**extra: Any) -> Any:
    return make_rule(**{**RULE, **extra}, camera=METRIC)


def facts(event: RuleEvent) -> SpeedingFacts:
    return cast("SpeedingFacts", event.facts)


def drive(kmh: float, *, track_id: int = 1, y: float = 0.5, from_x: float = 0.08) -> Callable[[float], list[Track]]:
    """A car that drives to the right at an even speed, while it is whole in the picture."""

    def at(at_s: float) -> list[Track]:
        x = from_x + kmh / 3.6 / 40.0 * at_s
        return [vehicle(track_id, x, y)] if x < 0.92 else []

    return at


@pytest.mark.parametrize("fps", [2, 5, 12.5, 30])
def test_a_fast_vehicle_is_one_event_at_any_frame_rate(fps: float) -> None:
    events = run(rule(), watch(drive(60.0), 10.0, fps=fps), finish=False)
    assert states(events) == ["start", "end"]
    said = facts(events[-1])
    assert said.speed_kmh == pytest.approx(60.0, rel=0.01)
    assert said.speed_low_kmh < 60.0 < said.speed_high_kmh
    assert said.speed_low_kmh > said.limit_kmh == 40.0
    assert said.duration_s >= 1.0
    assert said.distance_m >= 8.0
    assert said.calibration_error_kmh > 0.0
    assert said.calibration_error_m is None  # four points always fit
    assert raised_at_s(events) == [pytest.approx(1.1, abs=0.5)]
    assert events[0].zone == "het"
    assert events[0].track_ids == (1,)


@pytest.mark.parametrize("kmh", [30.0, 40.0, 44.0])
def test_up_to_the_tolerance_nothing_is_said(kmh: float) -> None:
    assert run(rule(), watch(drive(kmh), 10.0)) == []


def test_one_frame_a_second_suffices_for_a_long_road() -> None:
    assert states(run(rule(limit_kmh=20), watch(drive(32.0), 6.0, fps=1.0))) == ["start", "end"]


def test_a_calibration_that_is_too_bad_accuses_nobody() -> None:
    vague = {"calibration": {**CALIBRATION, "point_error_m": 5.0}}
    assert run(make_rule(**RULE, camera=vague), watch(drive(47.0), 10.0)) == []
    sure = {"calibration": {**CALIBRATION, "point_error_m": 0.05}}
    assert states(run(make_rule(**RULE, camera=sure), watch(drive(47.0), 10.0))) == ["start", "end"]


def test_less_than_a_second_or_eight_metres_is_no_measurement() -> None:
    short = run(rule(min_duration_s=3.0), watch(drive(60.0), 10.0))
    assert short == [], "the window holds three seconds, the picture less"
    assert run(rule(min_distance_m=45.0), watch(drive(60.0), 10.0)) == []


def test_a_speed_that_cannot_be_is_rejected_and_counted() -> None:
    impossible = rule()
    assert run(impossible, watch(drive(400.0), 10.0, fps=30.0)) == []
    assert impossible.rejected["speed"] > 0


def test_standing_boxes_that_tremble_and_jump_do_not_speed() -> None:
    rng = random.Random(3)

    def trembling(_: float) -> list[Track]:
        return [vehicle(1, 0.5 + rng.gauss(0, 0.005), 0.5 + rng.gauss(0, 0.01))]

    assert run(rule(), watch(trembling, 120.0)) == []
    assert run(rule(), watch(lambda t: [vehicle(1, 0.2 if t < 5 else 0.7, 0.5)], 20.0)) == []


def test_a_box_that_is_cut_off_at_the_border_does_not_count() -> None:
    def leaving(at_s: float) -> list[Track]:
        # Its box grows at the lower border while the vehicle stands.
        return [vehicle(1, 0.5, min(1.0, 0.6 + 0.4 * at_s))]

    assert run(rule(limit_kmh=10), watch(lambda t: leaving(t) if t > 1.0 else [], 5.0)) == []


def test_one_wrong_box_changes_little() -> None:
    def struck(at_s: float) -> list[Track]:
        x = 0.08 + 60.0 / 3.6 / 40.0 * at_s
        return [vehicle(1, x + (0.05 if abs(at_s - 1.4) < 0.05 else 0.0), 0.5)] if x < 0.92 else []

    said = facts(run(rule(), watch(struck, 6.0))[-1])
    assert said.speed_kmh == pytest.approx(60.0, rel=0.02)


def lagging(track: Track, behind: float) -> Track:
    """The same detection, by a tracker whose smoothed box lags behind."""
    x1, y1, x2, y2 = track.xyxy
    return replace(track, xyxy=(x1 - behind, y1, x2 - behind, y2), found=track.xyxy)


def test_the_detectors_own_box_tells_the_speed_not_the_smoothed_one() -> None:
    def driven_in(at_s: float) -> list[Track]:  # the smoothed box catches up over the first two seconds
        return [lagging(track, max(0.0, 0.1 - 0.05 * at_s)) for track in drive(50.0)(at_s)]

    said = facts(run(rule(), watch(driven_in, 8.0))[-1])
    assert said.speed_kmh == pytest.approx(50.0, rel=0.01)
    assert run(rule(), watch(lambda t: [lagging(each, max(0.0, 0.1 - 0.05 * t)) for each in drive(40.0)(t)], 8.0)) == []


def test_a_detection_that_the_border_cuts_does_not_count_though_the_smoothed_box_is_clear_of_it() -> None:
    def entering(at_s: float) -> list[Track]:
        y = min(1.0, 0.6 + 0.4 * at_s)
        return [replace(vehicle(1, 0.5, y - 0.05), found=(0.4, 0.8, 0.6, 1.0))]

    assert run(rule(limit_kmh=10), watch(entering, 4.0)) == []


def test_a_track_that_was_handed_from_one_vehicle_to_the_next_is_no_speed() -> None:
    def handed_on(at_s: float) -> list[Track]:
        # 35 km/h. Missed for half a second, then the track lies on the vehicle 9 m ahead.
        if 1.2 < at_s < 1.7:
            return []
        return [vehicle(1, 0.08 + (35.0 / 3.6 * at_s + (9.0 if at_s > 1.5 else 0.0)) / 40.0, 0.5)]

    assert run(rule(), watch(handed_on, 2.8)) == []


def test_a_track_that_goes_on_as_another_vehicle_does_not_disturb_the_one_it_left() -> None:
    def exchanged(at_s: float) -> list[Track]:
        first = drive(60.0, track_id=1 if at_s < 0.7 else 2)(at_s)
        other = [vehicle(1, 0.75 + 0.01 * at_s, 0.9)] if at_s > 1.0 else []  # the number came back on somebody else
        return first + other

    events = run(rule(), watch(exchanged, 8.0))
    assert states(events) == ["start", "end"]
    assert facts(events[-1]).speed_kmh == pytest.approx(60.0, rel=0.01)


def test_what_was_seen_before_a_track_was_known_to_be_somebody_counts() -> None:
    def known_late(at_s: float) -> list[Track]:
        """In the picture for 1.2 s, reported for the last half of a second of it."""
        (track,) = drive(60.0, from_x=0.3)(at_s)
        if at_s < 0.7 or at_s > 1.3:
            return []
        early = tuple(
            Sighting(STREAM_START_S + step / 5.0, drive(60.0, from_x=0.3)(step / 5.0)[0].xyxy) for step in range(4)
        )
        return [replace(track, found=track.xyxy, before=early if at_s < 0.9 else ())]

    events = run(rule(), watch(known_late, 1.3))
    assert states(events)[0] == "start"
    assert facts(events[0]).speed_kmh == pytest.approx(60.0, rel=0.01)
    unaware = [[replace(each, before=()) for each in known_late(index / 5.0)] for index in range(7)]
    assert run(rule(), watch(lambda t: unaware[round(t * 5.0)], 1.3)) == []


@pytest.mark.parametrize("looks_inside", [6, 5])
def test_who_is_known_only_past_the_zone_counts_by_what_was_seen_in_it(looks_inside: int) -> None:
    way = drive(60.0)
    early = tuple(Sighting(STREAM_START_S + step / 5.0, way(step / 5.0)[0].xyxy) for step in range(looks_inside))

    def known_late(at_s: float) -> list[Track]:
        """In the left half for the first second, reported from 1.2 s on."""
        (track,) = way(at_s)
        return [] if at_s < 1.1 else [replace(track, found=track.xyxy, before=early if at_s < 1.3 else ())]

    events = run(rule(zones=["trai"]), watch(known_late, 1.7))
    if looks_inside == 5:  # 0.8 s are no measurement, and what lies past the zone does not prolong it
        assert events == []
    else:
        assert states(events) == ["start", "end"]
        assert facts(events[0]).speed_kmh == pytest.approx(60.0, rel=0.01)
        assert facts(events[0]).duration_s == pytest.approx(1.0)


def test_an_id_switch_is_one_vehicle_and_two_vehicles_are_two() -> None:
    def switched(at_s: float) -> list[Track]:
        return drive(60.0, track_id=1 if at_s < 1.3 else 2)(at_s)

    events = run(rule(), watch(switched, 8.0))
    assert states(events) == ["start", "end"]
    assert events[-1].track_ids == (1, 2)
    both = run(rule(), watch(lambda t: [*drive(60.0)(t), *drive(65.0, track_id=2, y=0.8)(t)], 8.0))
    assert states(both).count("start") == 2
    assert len({event.key for event in both}) == 2


def test_slowing_down_ends_the_event() -> None:
    def braking(at_s: float) -> list[Track]:
        metres = 16.7 * min(at_s, 1.4) + 2.0 * max(0.0, at_s - 1.4)
        return [vehicle(1, 0.08 + metres / 40.0, 0.5)]

    events = run(rule(), watch(braking, 7.0), finish=False)
    assert states(events) == ["start", "end"]


def test_a_gap_and_a_clock_that_jumps_leave_no_speed_behind() -> None:
    seen = rule()
    fast = list(watch(drive(60.0), 1.0))
    later = list(watch(drive(60.0), 0.4, from_s=900.0))
    assert run(seen, fast[:4], later) == []
    back = rule()
    assert run(back, watch(drive(30.0), 2.0, from_s=50.0), watch(drive(30.0), 2.0)) == []


def test_the_zone_and_the_schedule_limit_it() -> None:
    assert run(rule(zones=["phai"], min_distance_m=30.0), watch(drive(60.0), 8.0)) == []
    assert states(run(rule(zones=["phai"]), watch(drive(50.0), 8.0))) == ["start", "end"]
    assert run(rule(schedule=["22:00-05:00"]), watch(drive(60.0), 8.0)) == []
    everywhere = run(rule(zones=[]), watch(drive(60.0), 8.0))
    assert everywhere[0].zone is None


def test_without_metres_it_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="camera cam: speeding decides in metres: add `calibration:`"):
        make_rule(**RULE)


def test_gated_frames_add_no_place() -> None:
    at_rest = [observation(0.2 * index, drive(60.0)(0.2 * index), detected=index % 2 == 0) for index in range(14)]
    assert states(run(rule(), at_rest)) == ["start", "end"]
