"""`intrusion` by lists of observations."""

from __future__ import annotations

from typing import Any, cast

import pytest

from contract.event import EventState
from contract.rules.intrusion import IntrusionFacts
from edge.types import RuleEvent, Track
from tests.support.scenes import (
    NIGHT,
    NOON,
    STREAM_START_S,
    make_rule,
    observation,
    person,
    raised_at_s,
    run,
    states,
    vehicle,
    watch,
)


def facts(event: RuleEvent) -> IntrusionFacts:
    return cast("IntrusionFacts", event.facts)


@pytest.mark.parametrize("fps", [1, 2, 5, 15, 30])
def test_two_seconds_in_the_zone_raise_one_event_at_any_frame_rate(fps: float) -> None:
    rule = make_rule("intrusion", zones=["trai"])
    events = run(rule, watch(lambda t: [person(1, 0.2, 0.5)] if t <= 20 else [], 40.0, fps=fps), finish=False)
    assert states(events) == ["start", "end"]
    assert raised_at_s(events) == [pytest.approx(2.0, abs=0.6)]
    assert facts(events[-1]).stay_s == pytest.approx(20.0, abs=1.0)
    assert events[-1].observed_s - STREAM_START_S == pytest.approx(20.0, abs=1.0)
    assert events[0].zone == "trai"
    assert events[0].track_ids == (1,)


def test_passing_within_the_minimum_raises_nothing() -> None:
    rule = make_rule("intrusion", zones=["trai"])
    assert run(rule, watch(lambda t: [person(1, 0.2, 0.5)] if 5 <= t < 6.8 else [], 20.0)) == []


def test_only_the_ground_contact_decides_who_is_inside() -> None:
    rule = make_rule("intrusion", zones=["trai"])
    assert run(rule, watch(lambda _: [person(1, 0.51, 0.5)], 20.0)) == []


def test_misses_of_half_a_second_do_not_reset_the_count() -> None:
    rule = make_rule("intrusion", zones=["trai"])
    events = run(rule, watch(lambda t: [person(1, 0.2, 0.5)] if t % 1.0 < 0.5 else [], 3.0))
    assert raised_at_s(events) == [pytest.approx(2.0, abs=0.3)]


def test_what_is_found_for_a_second_and_held_for_another_is_no_stay_of_two() -> None:
    """A spot that looked like a person; a gated camera has not searched, and keeps whom it knows."""

    def held(at_s: float) -> list[Track]:
        return [person(1, 0.2, 0.5, detected=at_s <= 1.2)] if at_s <= 2.4 else []

    assert run(make_rule("intrusion", zones=["trai"]), watch(held, 10.0)) == []
    assert states(run(make_rule("intrusion", zones=["trai"]), watch(held, 10.0, detected=False))) == ["start", "end"]


def test_a_short_absence_does_not_end_the_event_and_new_ids_do_not_begin_another() -> None:
    rule = make_rule("intrusion", zones=["trai"])
    events = run(
        rule, watch(lambda t: [] if 10 < t < 14 else [person(1 if t < 12 else 2, 0.2, 0.5)], 30.0), finish=False
    )
    assert states(events) == ["start"]
    assert events[-1].track_ids[-1] == 2


def test_the_schedule_says_when_presence_is_forbidden() -> None:
    params: dict[str, Any] = {"zones": ["trai"], "schedule": ["22:00-05:00"]}
    assert run(make_rule("intrusion", **params), watch(lambda _: [person(1, 0.2, 0.5)], 20.0, start=NOON)) == []
    events = run(make_rule("intrusion", **params), watch(lambda _: [person(1, 0.2, 0.5)], 20.0, start=NIGHT))
    assert states(events) == ["start", "end"]


def test_presence_before_the_schedule_begins_does_not_count() -> None:
    rule = make_rule("intrusion", zones=["trai"], schedule=["12:01-13:00"])
    events = run(rule, watch(lambda _: [person(1, 0.2, 0.5)], 90.0))
    assert raised_at_s(events) == [pytest.approx(62.0, abs=0.3)]


def test_zones_and_classes_are_told_apart() -> None:
    rule = make_rule("intrusion", zones=["trai", "phai"], objects=["person", "car"])
    both = [person(1, 0.2, 0.5), vehicle(2, 0.8, 0.5), person(3, 0.7, 0.5)]
    events = run(rule, watch(lambda _: both, 5.0), finish=False)
    assert {(event.zone, facts(event).object_class) for event in events} == {
        ("trai", "person"),
        ("phai", "person"),
        ("phai", "car"),
    }
    assert len({event.key for event in events}) == 3


def test_other_classes_are_ignored() -> None:
    assert run(make_rule("intrusion", zones=["trai"]), watch(lambda _: [vehicle(1, 0.2, 0.5)], 20.0)) == []


def test_more_people_are_told_in_an_update() -> None:
    rule = make_rule("intrusion", zones=["trai"])
    events = run(rule, watch(lambda t: [person(i, 0.1 * i, 0.5) for i in range(1, 2 + (t > 15))], 25.0))
    updates = [event for event in events if event.state is EventState.UPDATE]
    assert [facts(event).peak_count for event in updates][-1] == 2


def test_a_gated_scene_keeps_the_intruder_and_a_gap_is_no_stay() -> None:
    rule = make_rule("intrusion", zones=["trai"], min_duration_s=60)
    still = [person(1, 0.2, 0.5)]
    events = run(
        rule,
        watch(lambda _: still, 2.0),
        watch(lambda _: still, 40.0, from_s=3.0, fps=1.0, detected=False),
        watch(lambda _: still, 30.0, from_s=200.0),
    )
    assert raised_at_s(events) == [pytest.approx(217.0, abs=0.5)]
    assert facts(events[0]).stay_s == pytest.approx(60.0, abs=0.5)


def test_a_clock_set_back_does_not_end_an_event_before_its_start() -> None:
    rule = make_rule("intrusion", zones=["trai"])
    still = [person(1, 0.2, 0.5)]
    first = run(rule, watch(lambda _: still, 5.0), finish=False)
    later = run(rule, [observation(6.0, still, start=NOON.replace(hour=4))])
    assert later[-1].state is EventState.END
    assert later[-1].observed_utc >= first[0].started_utc == later[-1].started_utc


def test_a_fixture_is_no_intruder_but_who_walks_by_is() -> None:
    def scene(at_s: float) -> list[Track]:
        return [person(1, 0.2, 0.5), person(2, 0.4 - 0.01 * at_s, 0.9)]

    rule = make_rule("intrusion", zones=["trai"], fixtures=[[0.2, 0.5]])
    events = run(rule, watch(scene, 10.0))
    assert {event.track_ids for event in events} == {(2,)}
