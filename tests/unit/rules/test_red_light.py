"""`red_light` by lists of observations. The line stands across the middle; vehicles drive to the right over it."""

from __future__ import annotations

import random
from typing import Any, cast

import pytest

from contract.rules.red_light import RedLightFacts
from edge.types import RuleEvent, SignalState, Track
from tests.support.scenes import NOON, STREAM_START_S, box, observation, run, states, vehicle
from tests.support.stop_lines import (
    GREEN,
    RED,
    UNKNOWN,
    YELLOW,
    line_camera,
    line_rule,
    motorbike_at,
    red_from,
    seen,
    with_metres,
)

CAMERA = line_camera("phai")
METRIC = with_metres(CAMERA)


def rule(camera: dict[str, Any] = METRIC, **extra: Any) -> Any:
    return line_rule("red_light", camera, **extra)


def facts(event: RuleEvent) -> RedLightFacts:
    return cast("RedLightFacts", event.facts)


def drive(at_s: float, *, crosses_s: float = 5.0, mps: float = 6.0, track_id: int = 1, y: float = 0.5) -> list[Track]:
    return motorbike_at(mps * (at_s - crosses_s), y, track_id)


@pytest.mark.parametrize("fps", [2, 5, 12.5, 30])
@pytest.mark.parametrize("camera", [METRIC, CAMERA], ids=["metres", "boxes"])
def test_who_crosses_on_red_is_one_event_at_any_frame_rate(fps: float, camera: dict[str, Any]) -> None:
    events = run(rule(camera), seen(drive, red_from(3.5), 12.0, fps=fps), finish=False)
    assert states(events) == ["start", "end"]
    said = facts(events[0])
    assert events[0].started_s - STREAM_START_S == pytest.approx(5.0, abs=0.3)
    assert said.crossed_at == events[0].started_utc
    assert (said.crossed_at - NOON).total_seconds() == pytest.approx(events[0].started_s - STREAM_START_S)
    assert said.red_for_s == pytest.approx(1.5, abs=0.3 + 1.0 / fps)
    assert said.yellow_for_s == pytest.approx(3.0, abs=1.0 / fps + 0.01)
    assert (said.beyond_m is None) is (camera is CAMERA)
    assert events[0].zone == "phai"
    assert events[0].track_ids == (1,)


def test_one_frame_a_second_suffices_for_a_slow_vehicle() -> None:
    slow = seen(lambda t: drive(t, mps=3.0), red_from(0.0), 12.0, fps=1.0)
    assert states(run(rule(), slow)) == ["start", "end"]


@pytest.mark.parametrize("signal", [GREEN, YELLOW, UNKNOWN])
def test_only_red_is_red(signal: SignalState) -> None:
    assert run(rule(), seen(drive, lambda _: signal, 12.0)) == []


def test_a_signal_that_the_observation_does_not_carry_is_not_red() -> None:
    assert run(rule(), (observation(0.2 * i, drive(0.2 * i)) for i in range(60))) == []


@pytest.mark.parametrize(
    ("red_s", "told"), [(4.9, False), (4.6, False), (4.2, True), (5.1, False)], ids=["just", "0.4 s", "0.8 s", "later"]
)
def test_red_must_have_shown_for_half_a_second(red_s: float, told: bool) -> None:
    events = run(rule(), seen(drive, red_from(red_s), 12.0, fps=20.0))
    assert bool(events) is told


def test_red_must_last_until_the_vehicle_has_entered() -> None:
    def over(at_s: float) -> SignalState:
        return RED if at_s < 5.1 else GREEN

    assert run(rule(), seen(drive, over, 12.0)) == []


def test_a_moment_in_which_the_light_cannot_be_read_is_not_red() -> None:
    def broken(at_s: float) -> SignalState:
        return UNKNOWN if 4.75 < at_s < 4.85 else RED

    assert run(rule(), seen(drive, broken, 12.0)) == []


def test_waiting_past_the_line_and_going_on_green_is_no_red_light() -> None:
    def creeping(at_s: float) -> list[Track]:
        metres = -6.0 + min(at_s, 4.0) * 1.75 if at_s < 15.0 else 1.0 + 6.0 * (at_s - 15.0)
        return motorbike_at(metres)

    def signal(at_s: float) -> SignalState:
        return RED if at_s < 15.0 else GREEN

    assert run(rule(), seen(creeping, signal, 20.0)) == []


@pytest.mark.parametrize("camera", [METRIC, CAMERA], ids=["metres", "boxes"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_who_waits_at_the_line_and_trembles_has_not_crossed(camera: dict[str, Any], seed: int) -> None:
    rng = random.Random(seed)

    def waiting(at_s: float) -> list[Track]:
        metres = min(-0.3, -8.0 + 5.0 * at_s) if at_s < 30.0 else -0.3 + 5.0 * (at_s - 30.0)
        x = 0.5 + (metres - 0.95) / 40.0 + rng.gauss(0, 0.003)
        return [box(1, "motorcycle", x, 0.5 + rng.gauss(0, 0.005), width=0.05, height=0.08)] if x < 0.95 else []

    assert run(rule(camera), seen(waiting, lambda t: RED if t < 30.0 else GREEN, 36.0)) == []


@pytest.mark.parametrize(
    ("later_m", "told"), [(6.5, True), (14.0, False), (2.5, False)], ids=["driven on", "jumped", "braked"]
)
def test_one_place_in_the_junction_is_enough_where_its_speed_leads_to(later_m: float, told: bool) -> None:
    """At 9 m/s to the line at 5.0 s, found once more 0.8 s later."""

    def fast(at_s: float) -> list[Track]:
        if abs(at_s - 5.8) < 0.05:
            return motorbike_at(later_m)
        return drive(at_s, mps=9.0) if at_s < 5.1 else []

    assert bool(run(rule(), seen(fast, lambda _: RED, 12.0))) is told


def test_the_other_direction_and_beside_the_line_are_no_crossing() -> None:
    back = seen(lambda t: [box(1, "car", 0.9 - 0.1 * t, 0.5, width=0.1, height=0.1)], lambda _: RED, 8.0)
    assert run(rule(), back) == []
    beside = seen(lambda t: drive(t, y=0.95), lambda _: RED, 12.0)
    assert run(rule(), beside) == []


def test_who_turns_in_cuts_the_lines_end_by_half_a_metre() -> None:
    """The line ends at 0.9 of the picture's 20 m."""
    cut = run(rule(), seen(lambda t: drive(t, y=0.9 + 0.4 / 20.0), lambda _: RED, 12.0))
    assert states(cut) == ["start", "end"]
    assert run(rule(), seen(lambda t: drive(t, y=0.9 + 0.6 / 20.0), lambda _: RED, 12.0)) == []


def test_who_appears_beyond_the_line_came_from_elsewhere() -> None:
    assert run(rule(), seen(lambda t: drive(t) if t > 5.3 else [], lambda _: RED, 12.0)) == []


def test_a_vehicle_seen_from_behind_is_judged_by_its_front() -> None:
    """The line lies across the picture, the lorry drives up and away: its back crosses 0.8 s after its front."""
    away = {
        **METRIC,
        "zones": {"xa": {"name": "Xa", "coordinates": [[0, 0], [1, 0], [1, 0.5], [0, 0.5]]}},
        "lines": {"vach": {"name": "Vạch", "coordinates": [[0.2, 0.5], [0.8, 0.5]], "into": "xa"}},
    }

    def lorry(at_s: float) -> list[Track]:
        metres = 10.0 * (at_s - 4.0)  # its back is over the line at 4.0 s, its front at 3.2 s
        y = 0.5 - metres / 20.0
        return [box(1, "truck", 0.5, y, width=0.1, height=0.2)] if 0.22 < y < 0.98 else []

    at_yellow = seen(lorry, red_from(3.3), 8.0, fps=10.0)
    assert run(rule(away), at_yellow) == [], "its front crossed on yellow, its back on red"
    at_red = run(rule(away), seen(lorry, red_from(2.0), 8.0, fps=10.0))
    assert states(at_red) == ["start", "end"]
    assert at_red[0].started_s - STREAM_START_S == pytest.approx(3.2, abs=0.25)


def test_a_car_that_is_called_a_bus_and_stops_before_the_line_is_no_runner() -> None:
    away = {
        **METRIC,
        "zones": {"xa": {"name": "Xa", "coordinates": [[0, 0], [1, 0], [1, 0.3], [0, 0.3]]}},
        "lines": {"vach": {"name": "Vạch", "coordinates": [[0.2, 0.3], [0.8, 0.3]], "into": "xa"}},
    }

    def bus(at_s: float) -> list[Track]:
        metres = min(-5.5, 8.0 * (at_s - 4.0))  # its back stands 5.5 m before the line: a car's front 1 m
        return [box(1, "bus", 0.5, 0.3 - metres / 20.0, width=0.1, height=0.2)] if metres > -13.4 else []

    assert run(rule(away), seen(bus, lambda _: RED, 12.0, fps=10.0)) == []


def test_an_id_switch_over_the_line_is_one_vehicle_and_two_lanes_are_two() -> None:
    def switched(at_s: float) -> list[Track]:
        return drive(at_s, track_id=1 if at_s < 4.7 else 2)

    events = run(rule(), seen(switched, lambda _: RED, 12.0))
    assert states(events) == ["start", "end"]
    assert events[-1].track_ids == (1, 2)

    def both(at_s: float) -> list[Track]:
        return [*drive(at_s), *drive(at_s, track_id=2, y=0.8, mps=5.0)]

    pair = run(rule(), seen(both, lambda _: RED, 14.0))
    assert states(pair).count("start") == 2
    assert len({event.key for event in pair}) == 2


def test_only_the_lanes_that_the_signal_is_for() -> None:
    lanes = {
        **METRIC,
        "zones": {
            "trong": {"name": "Trong", "kind": "lane", "coordinates": [[0, 0.4], [0.5, 0.4], [0.5, 0.6], [0, 0.6]]},
            "phai": {"name": "Phải", "coordinates": [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]},
        },
    }
    assert states(run(rule(lanes, zones=["trong"]), seen(drive, lambda _: RED, 12.0))) == ["start", "end"]
    outer = seen(lambda t: drive(t, y=0.8), lambda _: RED, 12.0)
    assert run(rule(lanes, zones=["trong"]), outer) == []


def test_a_gap_over_the_crossing_decides_nothing() -> None:
    frames = [item for item in seen(drive, lambda _: RED, 12.0) if not 3.5 < item.monotonic_s - STREAM_START_S < 6.5]
    assert run(rule(), frames) == []


def test_a_clock_that_jumps_begins_anew() -> None:
    first = list(seen(drive, lambda _: RED, 4.9))
    again = [observation(-50.0 + 0.2 * i, drive(5.0 + 0.2 * i), signals={"den": RED}) for i in range(20)]
    assert run(rule(), first, again) == []


def test_the_schedule_and_the_class_limit_it() -> None:
    assert run(rule(schedule=["22:00-05:00"]), seen(drive, lambda _: RED, 12.0)) == []
    assert run(rule(objects=["car"]), seen(drive, lambda _: RED, 12.0)) == []


def test_what_the_scene_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown signal 'den_2'"):
        rule(signal="den_2")
    with pytest.raises(ValueError, match="unknown line 'x'; lines: vach"):
        rule(line="x")
    sideless = {**METRIC, "lines": {"vach": {"name": "Vạch", "coordinates": [[0.5, 0.2], [0.5, 0.9]]}}}
    with pytest.raises(ValueError, match="has no far side"):
        rule(sideless)


def test_a_car_beside_the_camera_is_not_half_a_vehicle() -> None:
    """A box that grows over the line while the vehicle stands before it: another vehicle hid it."""

    def grows(at_s: float) -> list[Track]:
        return [vehicle(1, 0.45 if at_s < 5.0 or at_s > 5.3 else 0.56, 0.5)]

    assert run(rule(), seen(grows, lambda _: RED, 12.0)) == []
