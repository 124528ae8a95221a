"""`stop_line` by lists of observations. The line stands across the middle; the junction begins 4 m beyond it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, cast

import pytest

from contract.rules.stop_line import StopLineFacts
from edge.types import RuleEvent, SignalState, Track
from tests.support.scenes import ASPECT, STREAM_START_S, box, observation, run, states
from tests.support.stop_lines import (
    GREEN,
    RED,
    UNKNOWN,
    YELLOW,
    line_camera,
    line_rule,
    motorbike_at,
    red_from,
    red_until,
    seen,
    with_metres,
)

CAMERA = line_camera(
    "nga_tu",
    zones={
        "nga_tu": {"name": "Ngã tư", "kind": "junction", "coordinates": [[0.6, 0], [1, 0], [1, 1], [0.6, 1]]},
        "lan": {"name": "Làn", "kind": "lane", "coordinates": [[0, 0.4], [0.6, 0.4], [0.6, 0.6], [0, 0.6]]},
    },
)
METRIC = with_metres(CAMERA)


def rule(camera: dict[str, Any] = METRIC, **extra: Any) -> Any:
    return line_rule("stop_line", camera, **extra)


def facts(event: RuleEvent) -> StopLineFacts:
    return cast("StopLineFacts", event.facts)


def stops(
    past_m: float, *, arrives_s: float = 3.0, leaves_s: float = 20.0, y: float = 0.5, track_id: int = 1
) -> Callable[[float], list[Track]]:
    """A motorbike that stops with its front so far past the line, and drives on."""

    def at(at_s: float) -> list[Track]:
        metres = past_m + min(0.0, 5.0 * (at_s - arrives_s)) + max(0.0, 5.0 * (at_s - leaves_s))
        return motorbike_at(metres, y, track_id)

    return at


@pytest.mark.parametrize("fps", [1, 2, 5, 12.5, 30])
def test_waiting_past_the_line_on_red_is_one_event(fps: float) -> None:
    events = run(rule(), seen(stops(1.2), red_until(20.0), 25.0, fps=fps), finish=False)
    assert states(events) == ["start", "end"]
    assert facts(events[0]).crossed_on == "red"
    assert facts(events[0]).past_m == pytest.approx(1.2, abs=0.35)
    assert facts(events[0]).red_stay_s == pytest.approx(2.0, abs=1.1)
    assert facts(events[-1]).red_stay_s > 10.0
    assert events[0].started_s - STREAM_START_S == pytest.approx(3.0, abs=1.1)
    assert events[0].zone == "nga_tu"


@pytest.mark.parametrize("past_m", [-0.5, 0.1])
def test_before_the_line_and_on_it_is_right(past_m: float) -> None:
    assert run(rule(), seen(stops(past_m), red_until(20.0), 25.0)) == []


def test_without_metres_box_lengths_decide() -> None:
    def waits(at_s: float) -> list[Track]:
        x = 0.5 + 0.05 / ASPECT + min(0.0, 0.1 * (at_s - 3.0))  # its box is 0.1 long
        return [box(1, "motorcycle", x, 0.5, width=0.1 / ASPECT, height=0.1)]

    events = run(rule(CAMERA), seen(waits, red_until(20.0), 15.0))
    assert states(events) == ["start", "end"]
    assert facts(events[0]).past_m is None
    assert facts(events[0]).past_boxes == pytest.approx(0.5, abs=0.1)


def test_a_stop_that_began_on_yellow_counts_once_it_is_red() -> None:
    events = run(rule(), seen(stops(1.2), lambda t: YELLOW if t < 8.0 else RED, 18.0))
    assert facts(events[0]).crossed_on == "yellow"
    assert events[0].started_s - STREAM_START_S == pytest.approx(8.0, abs=0.01)
    assert events[0].observed_s - STREAM_START_S == pytest.approx(10.0, abs=0.3)


def test_who_came_over_on_green_and_is_stuck_did_nothing_wrong() -> None:
    assert run(rule(), seen(stops(1.2), lambda t: GREEN if t < 6.0 else RED, 18.0)) == []


@pytest.mark.parametrize("signal", [GREEN, UNKNOWN])
def test_only_red_is_red(signal: SignalState) -> None:
    assert run(rule(), seen(stops(1.2), lambda _: signal, 18.0)) == []


def test_a_short_stop_is_none() -> None:
    assert run(rule(), seen(stops(1.2, leaves_s=4.2), red_until(20.0), 10.0)) == []


def test_who_has_entered_is_another_rules() -> None:
    assert run(rule(), seen(stops(4.8), red_until(20.0), 25.0)) == []
    far = {**METRIC, "zones": {"nga_tu": {"name": "Xa", "coordinates": [[0.9, 0], [1, 0], [1, 1], [0.9, 1]]}}}
    assert run(rule(far), seen(stops(6.5), red_until(20.0), 25.0)) == [], "too far past the line"
    assert states(run(rule(far), seen(stops(3.5), red_until(20.0), 25.0))) == ["start", "end"]


def test_creeping_forward_is_no_standing() -> None:
    def creeps(at_s: float) -> list[Track]:
        return [box(1, "motorcycle", 0.45 + 1.0 / 40.0 * at_s, 0.5, width=0.05, height=0.08)]

    assert run(rule(), seen(creeps, red_until(20.0), 5.0)) == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_trembling_box_waits_all_the_same_and_before_the_line_it_is_right(seed: int) -> None:
    rng = random.Random(seed)

    def trembling(past_m: float) -> Callable[[float], list[Track]]:
        def at(at_s: float) -> list[Track]:
            return [
                box(
                    1,
                    "motorcycle",
                    t.ground[0] + rng.gauss(0, 0.002),
                    t.ground[1] + rng.gauss(0, 0.004),
                    width=0.05,
                    height=0.08,
                )
                for t in stops(past_m)(at_s)
            ]

        return at

    assert states(run(rule(), seen(trembling(1.2), red_until(20.0), 25.0))) == ["start", "end"]
    assert run(rule(), seen(trembling(-0.4), red_until(20.0), 25.0)) == []


def test_who_waits_right_before_the_line_is_right_however_its_box_wanders() -> None:
    """Its mean place is past the line, because one box in three was drawn far too low; most are before it."""

    def wanders(at_s: float) -> list[Track]:
        metres = min(-0.2, 5.0 * (at_s - 3.0)) + (2.0 if at_s > 3.0 and round(at_s * 5) % 3 == 0 else 0.0)
        return motorbike_at(metres)

    assert run(rule(), seen(wanders, red_until(20.0), 20.0)) == []


@pytest.mark.parametrize(
    ("signal_at", "told"),
    [
        (lambda _: RED, True),
        (lambda t: RED if t > 4.0 else GREEN, False),
        (lambda t: UNKNOWN if t < 4.0 else RED, False),
    ],
    ids=["red", "changed meanwhile", "unknown before"],
)
def test_a_crossing_that_nobody_saw_counts_where_red_showed_all_the_time(
    signal_at: Callable[[float], SignalState], told: bool
) -> None:
    """Found 1 m before the line, then not for three seconds, then standing past it."""

    def hidden(at_s: float) -> list[Track]:
        return stops(1.2)(at_s) if at_s < 2.7 or at_s > 5.7 else []

    assert bool(run(rule(), seen(hidden, signal_at, 15.0))) is told


def found_past(at_s: float, *, from_s: float, track_id: int = 1, until_s: float = 18.0) -> list[Track]:
    """A motorbike that is found for the first time 1.2 m past the line, and stands there."""
    return motorbike_at(1.2, track_id=track_id) if from_s <= at_s < until_s else []


def test_who_is_found_past_the_line_long_after_red_began_came_on_red() -> None:
    events = run(rule(), seen(lambda t: found_past(t, from_s=6.0), red_from(2.0), 25.0))
    assert states(events) == ["start", "end"]
    assert facts(events[0]).crossed_on == "red"
    assert facts(events[0]).red_stay_s >= 5.0


def test_who_is_found_past_the_line_soon_after_green_may_be_stuck_there() -> None:
    assert run(rule(), seen(lambda t: found_past(t, from_s=4.0), red_from(5.0), 25.0)) == []
    assert run(rule(), seen(lambda t: found_past(t, from_s=1.0), red_from(2.0), 25.0)) == []


@pytest.mark.parametrize(("goes_on_m", "told"), [(0.0, []), (1.6, ["start", "end"])])
def test_who_is_found_on_yellow_and_goes_on_came_on_yellow(goes_on_m: float, told: list[str]) -> None:
    """Found at 4.2 s; green ended at 3 s, and red begins at 6 s."""

    def at(at_s: float) -> list[Track]:
        return motorbike_at(2.0 - goes_on_m * max(0.0, 1.0 - (at_s - 4.2) / 0.6)) if at_s >= 4.2 else []

    def signal(at_s: float) -> SignalState:
        return GREEN if at_s < 3.0 else YELLOW if at_s < 6.0 else RED if at_s < 20.0 else GREEN

    events = run(rule(), seen(at, signal, 25.0))
    assert states(events) == told
    assert all(facts(event).crossed_on == "yellow" for event in events)


def test_who_was_told_is_not_told_again_in_the_same_red_when_one_box_strays_before_the_line() -> None:
    def at(at_s: float) -> list[Track]:
        stray = 11.0 <= at_s < 12.2
        return motorbike_at(min(1.2, 5.0 * (at_s - 3.0) + 1.2) - (2.6 if stray else 0.0))

    events = run(rule(), seen(at, red_until(24.0), 28.0))
    assert states(events).count("start") == 1


def test_two_boxes_of_one_motorbike_that_are_found_by_turns_are_told_once() -> None:
    def at(at_s: float) -> list[Track]:
        first = stops(1.2)(at_s)
        return first + stops(1.3, y=0.502, track_id=2)(at_s) if at_s >= 2.0 else first

    assert states(run(rule(), seen(at, red_until(20.0), 25.0))).count("start") == 1


def test_what_is_found_past_the_line_for_a_moment_is_a_detectors_mistake() -> None:
    assert run(rule(), seen(lambda t: found_past(t, from_s=6.0, until_s=10.5), red_from(2.0), 25.0)) == []


def test_a_second_track_of_a_vehicle_that_was_told_is_not_told_again() -> None:
    """Its first box lies 0.2 m before the line."""

    def appears(at_s: float) -> list[Track]:
        if at_s < 9.0:
            return stops(1.2)(at_s)
        return motorbike_at(-0.2 if at_s < 11.1 else 1.2, track_id=2, y=0.52) if at_s > 10.9 else []

    assert states(run(rule(), seen(appears, red_until(25.0), 25.0))).count("start") == 1


@pytest.mark.parametrize(("first_is_there", "told"), [(False, 1), (True, 2)])
def test_a_track_that_goes_over_to_a_vehicle_that_was_told_tells_nothing_new(first_is_there: bool, told: int) -> None:
    """The second waits before the line, and from 9 s on is seen where the first stood."""

    def at(at_s: float) -> list[Track]:
        first = stops(1.2)(at_s) if at_s < 9.0 or first_is_there else []
        metres = -2.0 + min(3.2, max(0.0, 3.2 * (at_s - 9.0)))
        return first + (motorbike_at(metres, 0.54, track_id=2) if at_s > 5.0 else [])

    events = run(rule(), seen(at, red_until(25.0), 25.0))
    assert states(events).count("start") == told


def test_held_tracks_go_on_waiting() -> None:
    frames = []
    for item in seen(stops(1.2), red_until(20.0), 18.0):
        quiet = item.monotonic_s - STREAM_START_S > 3.5
        frames.append(
            observation(item.monotonic_s - STREAM_START_S, item.tracks, detected=not quiet, signals=item.signals)
        )
    assert states(run(rule(), frames)) == ["start", "end"]


def test_an_id_switch_continues_and_two_vehicles_are_two() -> None:
    def switched(at_s: float) -> list[Track]:
        return [] if 6.0 < at_s < 6.5 else stops(1.2, track_id=1 if at_s < 6.2 else 2)(at_s)

    events = run(rule(), seen(switched, red_until(20.0), 25.0))
    assert states(events) == ["start", "end"]
    assert events[-1].track_ids == (1, 2)

    def both(at_s: float) -> list[Track]:
        return [*stops(1.2)(at_s), *stops(2.0, y=0.8, track_id=2)(at_s)]

    assert states(run(rule(), seen(both, red_until(20.0), 25.0))).count("start") == 2
    assert states(run(rule(zones=["lan"]), seen(both, red_until(20.0), 25.0))).count("start") == 1


def test_a_gap_and_a_clock_that_jumps_begin_anew() -> None:
    first = list(seen(stops(1.2), red_until(20.0), 4.0))
    later = [observation(900.0 + 0.2 * i, stops(1.2)(5.0), signals={"den": RED}) for i in range(30)]
    assert run(rule(), first, later) == []
    back = [observation(-60.0 + 0.2 * i, stops(1.2)(5.0), signals={"den": RED}) for i in range(30)]
    assert run(rule(), first, back) == []
