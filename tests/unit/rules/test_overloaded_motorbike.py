"""`overloaded_motorbike` by lists of observations."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from contract.event import EventState
from contract.rules.overloaded_motorbike import OverloadedMotorbikeFacts
from edge.types import RuleEvent, Track, TrackId
from tests.support.scenes import NIGHT, STREAM_START_S, make_rule, observation, raised_at_s, run, states, watch
from tests.unit.rules.test_riders import bike, forward, rider

SEATS = (-0.35, 0.0, 0.35, 0.7)


def facts(event: RuleEvent) -> OverloadedMotorbikeFacts:
    return cast("OverloadedMotorbikeFacts", event.facts)


def passing(people: int, first_id: int = 1, y: float = 0.6) -> Callable[[float], list[Track]]:
    """A motorbike that crosses the picture from left to right in 6 s, with people one behind another."""

    def scene(t: float) -> list[Track]:
        if not 0.0 <= t <= 6.0:
            return []
        x = forward(t)
        return [bike(first_id, x, y), *(rider(first_id + 1 + n, x, y, seat=SEATS[n]) for n in range(people))]

    return scene


@pytest.mark.parametrize("fps", [2, 5, 10, 15, 30])
def test_three_riders_raise_one_event_at_any_frame_rate(fps: float) -> None:
    events = run(make_rule("overloaded_motorbike"), watch(passing(3), 20.0, fps=fps), finish=False)
    assert states(events) == ["start", "end"]
    told = facts(events[-1])
    assert (told.riders, told.object_class, told.min_riders) == (3, "motorcycle", 3)
    assert told.votes >= 5
    assert told.votes <= told.frames
    assert events[-1].observed_s - STREAM_START_S == pytest.approx(6.0, abs=0.6)
    assert set(events[0].track_ids) == {1, 2, 3, 4}


@pytest.mark.parametrize("people", [0, 1, 2])
def test_two_riders_raise_nothing(people: int) -> None:
    assert run(make_rule("overloaded_motorbike"), watch(passing(people), 20.0)) == []


def test_four_riders_are_told_as_four() -> None:
    events = run(make_rule("overloaded_motorbike"), watch(passing(4), 20.0))
    assert facts(events[-1]).riders == 4


def test_the_limit_is_the_admins() -> None:
    assert run(make_rule("overloaded_motorbike", min_riders=4), watch(passing(3), 20.0)) == []
    assert states(run(make_rule("overloaded_motorbike", min_riders=2), watch(passing(2), 20.0))) == ["start", "end"]


def test_people_around_a_parked_motorbike_raise_nothing() -> None:
    def scene(t: float) -> list[Track]:
        sway = 0.003 * math.sin(t)
        return [bike(1, 0.5, 0.6), *(rider(2 + n, 0.5 + sway, 0.6, seat=SEATS[n]) for n in range(3))]

    assert run(make_rule("overloaded_motorbike"), watch(scene, 60.0)) == []


def test_two_motorbikes_side_by_side_with_two_riders_each_raise_nothing() -> None:
    def scene(t: float) -> list[Track]:
        near = passing(2, 1, 0.64)(t)
        far = [replace(track, xyxy=_moved(track, 0.015)) for track in passing(2, 11, 0.6)(t)]
        return [*near, *far]

    assert run(make_rule("overloaded_motorbike"), watch(scene, 20.0)) == []


def _moved(track: Track, by: float) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = track.xyxy
    return (x1 + by, y1, x2 + by, y2)


def test_somebody_on_the_pavement_whom_two_riders_pass_is_no_third() -> None:
    def scene(t: float) -> list[Track]:
        return [*passing(2)(t), rider(20, 0.45, 0.6), rider(21, 0.5, 0.59)]

    assert run(make_rule("overloaded_motorbike"), watch(scene, 20.0, fps=15)) == []


def test_misses_jitter_and_new_ids_do_not_hide_three_riders() -> None:
    raised = 0
    for seed in range(20):
        chance = random.Random(seed)
        raised += states(run(make_rule("overloaded_motorbike"), watch(_noisy(passing(3), chance), 20.0))) == [
            "start",
            "end",
        ]
    assert raised >= 19


def test_misses_and_jitter_do_not_make_two_riders_three() -> None:
    for seed in range(20):
        chance = random.Random(seed)
        assert run(make_rule("overloaded_motorbike"), watch(_noisy(passing(2), chance), 20.0)) == []


def _noisy(scene: Callable[[float], list[Track]], chance: random.Random) -> Callable[[float], list[Track]]:
    """Every box is missed one time in four and shaken by 4 % of its height; one rider gets a new id half way."""

    def noisy(t: float) -> list[Track]:
        found = []
        for track in scene(t):
            if chance.random() < 0.25:
                continue
            x1, y1, x2, y2 = (value + chance.gauss(0.0, 0.04 * track.height) for value in track.xyxy)
            renamed = track.track_id if track.track_id != 3 or t < 3.0 else TrackId(33)
            found.append(replace(track, track_id=renamed, xyxy=(x1, y1, x2, y2)))
        return found

    return noisy


def test_a_bicycle_is_none_of_its_business() -> None:
    def scene(t: float) -> list[Track]:
        return [replace(track, class_name="bicycle") if track.track_id == 1 else track for track in passing(3)(t)]

    assert run(make_rule("overloaded_motorbike"), watch(scene, 20.0)) == []


def test_zones_and_schedule_say_where_and_when() -> None:
    left = run(make_rule("overloaded_motorbike", zones=["trai"]), watch(passing(3), 20.0))
    assert {event.zone for event in left} == {"trai"}
    assert facts(left[-1]).votes < facts(run(make_rule("overloaded_motorbike"), watch(passing(3), 20.0))[-1]).votes
    night = make_rule("overloaded_motorbike", schedule=["22:00-05:00"])
    assert run(night, watch(passing(3), 20.0)) == []
    assert states(run(night, watch(passing(3), 20.0, start=NIGHT))) == ["start", "end"]


def test_a_stop_at_a_light_is_the_same_event() -> None:
    def scene(t: float) -> list[Track]:
        return passing(3)(t if t < 3.0 else max(3.0, t - 60.0)) if t < 66.0 else []

    events = run(make_rule("overloaded_motorbike"), watch(scene, 80.0), finish=False)
    assert states(events) == ["start", "end"]


def test_gated_frames_keep_the_event_and_do_not_vote() -> None:
    rule = make_rule("overloaded_motorbike")
    scene = passing(3)
    first = run(rule, watch(scene, 3.0), finish=False)
    assert states(first) == ["start"]
    still = [replace(track, detected=False) for track in scene(3.0)]
    assert states(run(rule, watch(lambda _: still, 60.0, from_s=3.2, detected=False), finish=False)) == []
    end = run(rule, watch(lambda _: [], 10.0, from_s=64.0), finish=False)
    assert states(end) == ["end"]
    assert facts(end[-1]).frames <= 16


def test_time_that_runs_backwards_ends_the_event() -> None:
    rule = make_rule("overloaded_motorbike")
    events = run(rule, watch(passing(3), 3.0), [observation(-100.0, [])], finish=False)
    assert events[-1].state is EventState.END


def test_impossible_boxes_are_counted() -> None:
    rule = make_rule("overloaded_motorbike")
    broken = replace(bike(1, 0.5, 0.5), xyxy=(0.1, math.nan, 0.2, 0.3))
    assert run(rule, [observation(0.0, [broken])]) == []
    assert rule.rejected["box"] == 1


def test_it_is_raised_soon() -> None:
    assert raised_at_s(run(make_rule("overloaded_motorbike"), watch(passing(3), 20.0)))[0] <= 3.0
