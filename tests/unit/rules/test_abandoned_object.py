"""`abandoned_object` by lists of observations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

import pytest

from contract.event import EventState
from contract.rules.abandoned_object import AbandonedObjectFacts
from edge.types import Observation, RuleEvent, StaticRegion, Track
from tests.support import left_things
from tests.support.left_things import KNOWN_S, X, Y, visitor
from tests.support.scenes import ASPECT, CALIBRATION, STREAM_START_S, make_rule, person, raised_at_s, states

RULE: dict[str, Any] = {"kind": "abandoned_object"}


def bag(seen_s: float, **extra: Any) -> StaticRegion:
    """Half a metre where people are 0.2 picture heights high."""
    return left_things.thing(seen_s, **{"size": 0.06, "area": 0.001, **extra})


def lies_there(**extra: Any) -> left_things.Things:
    return lambda at_s: [bag(at_s, **extra)] if at_s >= KNOWN_S else []


def nobody(_: float) -> list[Track]:
    return []


def facts(event: RuleEvent) -> AbandonedObjectFacts:
    return cast("AbandonedObjectFacts", event.facts)


ONE = lies_there()


def leaver(at_s: float) -> list[Track]:
    """Puts the thing down at 9 s and stays with it until 20 s."""
    return visitor(at_s, 20.0)


def shows(
    seconds: float, left: left_things.Things = ONE, people: left_things.People = leaver, **extra: Any
) -> Iterator[Observation]:
    return left_things.shows(seconds, left, people, **extra)


def told(parts: Iterable[Observation], rule: dict[str, Any] = RULE, **params: Any) -> list[RuleEvent]:
    return left_things.told(rule, parts, **params)


@pytest.mark.parametrize("fps", [1, 2, 5, 30])
def test_a_thing_that_is_alone_for_two_minutes_is_told(fps: float) -> None:
    events = told(shows(180.0, fps=fps))
    assert states(events) == ["start"]
    assert raised_at_s(events) == [pytest.approx(143.0, abs=3.0)]  # its owner went at about 22 s
    start = facts(events[0])
    assert (start.object_class, start.owner_track, start.min_stay_s, start.ended_by) == ("person", 1, 120.0, None)
    assert start.stay_s == pytest.approx(134.0, abs=3.0)
    assert events[0].started_s == STREAM_START_S + 9.0  # when it appeared
    assert start.alone_s == pytest.approx(120.0, abs=1.5)
    assert start.size_m == pytest.approx(0.5, rel=0.2)


def test_who_has_it_beside_them_does_not_leave_it() -> None:
    assert told(shows(600.0, people=lambda _: [person(1, X - 0.03, Y)], fps=1.0)) == []


def test_nobody_was_seen_leaving_it() -> None:
    events = told(shows(200.0, people=lambda _: [person(3, 0.9, Y)]))
    assert states(events) == ["start"]
    assert facts(events[0]).owner_track is None
    assert facts(events[0]).object_class is None


def test_while_somebody_is_with_a_thing_of_nobody_it_is_not_alone() -> None:
    def guard(at_s: float) -> list[Track]:
        return [person(3, X + 0.03, Y)] if at_s >= 30.0 else []

    assert told(shows(600.0, people=guard, fps=1.0)) == []


def test_passers_by_do_not_make_it_less_alone_when_its_owner_is_known() -> None:
    def passers(at_s: float) -> list[Track]:
        x = (at_s % 30.0) / 15.0
        return [*leaver(at_s), *([person(int(at_s // 30) + 10, x, Y + 0.02)] if at_s > 40.0 and x < 1.0 else [])]

    assert raised_at_s(told(shows(200.0, people=passers))) == [pytest.approx(143.0, abs=5.0)]


def test_its_owner_comes_back_and_the_event_ends_as_reclaimed() -> None:
    def back(at_s: float) -> list[Track]:
        return leaver(at_s) if at_s < 200.0 else [person(1, X - 0.02, Y)]

    events = told(shows(260.0, people=back))
    assert states(events) == ["start", "end"]
    assert facts(events[-1]).ended_by == "reclaimed"
    assert events[-1].observed_s == pytest.approx(STREAM_START_S + 210.0, abs=2.0)


@pytest.mark.parametrize(("who", "how"), [([1], "reclaimed"), ([7], "taken"), ([], "gone")])
def test_it_ends_when_the_thing_goes_and_says_how(who: list[int], how: str) -> None:
    def people(at_s: float) -> list[Track]:
        return leaver(at_s) if at_s < 197.0 else [person(track_id, X, Y) for track_id in who if at_s < 206.0]

    def left(at_s: float) -> list[StaticRegion]:
        return [bag(min(at_s, 200.0))] if KNOWN_S <= at_s < 203.0 else []

    events = told(shows(240.0, left=left, people=people))
    assert states(events) == ["start", "end"]
    assert facts(events[-1]).ended_by == how
    assert events[-1].observed_s == pytest.approx(STREAM_START_S + 202.5, abs=3.0)


def test_holes_sizes_zones_and_fixtures() -> None:
    assert told(shows(300.0, left=lies_there(is_hole=True))) == []
    assert told(shows(300.0), min_size_m=1.0) == []
    assert told(shows(300.0), max_size_m=0.3) == []
    assert told(shows(300.0, left=lies_there(size=0.01))) == []
    assert told(shows(300.0), zones=["trai"])[0:1] == []
    assert told(shows(300.0), zones=["trai", "het"])[0].zone == "het"
    assert told(shows(300.0), fixtures=[[X, Y]]) == []


def test_with_a_homography_sizes_are_metres_from_the_start() -> None:
    rule = {**RULE, "camera": {"calibration": CALIBRATION}}
    assert told(shows(300.0, left=lies_there(size=0.3), people=nobody), rule) == []
    (event,) = told(shows(150.0, left=lies_there(size=0.02), people=nobody), rule)
    assert facts(event).size_m == pytest.approx(0.02 / ASPECT * 40, rel=0.2)


def test_without_any_measure_only_the_share_of_the_picture_is_judged() -> None:
    def huge(at_s: float) -> list[StaticRegion]:
        return [bag(at_s, area=0.2)]

    assert told(shows(300.0, left=huge, people=nobody)) == []
    (event,) = told(shows(150.0, people=nobody))
    assert facts(event).size_m is None


def test_what_is_hidden_just_now_is_not_told_until_it_is_seen_again() -> None:
    def hidden(at_s: float) -> list[StaticRegion]:
        return [bag(at_s if not 100.0 <= at_s < 220.0 else 100.0)] if at_s >= KNOWN_S else []

    assert raised_at_s(told(shows(260.0, left=hidden))) == [pytest.approx(220.0, abs=1.0)]


def test_a_schedule_ends_what_is_open_and_a_reset_too() -> None:
    night = told(shows(300.0), schedule=["22:00-05:00"])
    assert night == []
    events = told([*shows(200.0), *shows(10.0, from_s=1000.0, left=lambda _: [])])
    assert states(events) == ["start", "end"]
    assert facts(events[-1]).ended_by == "gone"


def test_a_long_stay_brings_few_updates() -> None:
    events = told(shows(3600.0, fps=1.0))
    assert states(events) == ["start"]
    assert 2 < sum(event.state is EventState.UPDATE for event in events) < 15


def test_cameras_do_not_disturb_each_other() -> None:
    one, two = make_rule(**RULE), make_rule(**RULE, camera={"camera_id": "cam2"})
    events = []
    for mine, others in zip(shows(180.0), shows(180.0, camera_id="cam2", left=lambda _: []), strict=True):
        events += one.observe(mine)
        assert two.observe(others) == []
    assert states(events) == ["start"]
