"""`littering` by lists of observations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

import pytest

from contract.rules.littering import LitteringFacts
from edge.types import Observation, RuleEvent, StaticRegion, Track
from tests.support import left_things
from tests.support.left_things import KNOWN_S, X, Y, lies_there, thing, visitor
from tests.support.scenes import (
    ASPECT,
    CALIBRATION,
    STREAM_START_S,
    make_rule,
    person,
    raised_at_s,
    states,
    vehicle,
)

RULE: dict[str, Any] = {"kind": "littering"}
METRES: dict[str, Any] = {"kind": "littering", "camera": {"calibration": CALIBRATION}}
ONE = lies_there()


def facts(event: RuleEvent) -> LitteringFacts:
    return cast("LitteringFacts", event.facts)


def walker(at_s: float, track_id: int = 1, speed: float = 0.05) -> list[Track]:
    """Puts the thing down while standing there for two seconds."""
    return visitor(at_s, 10.0, track_id, speed)


def shows(
    seconds: float, left: left_things.Things = ONE, people: left_things.People = walker, **extra: Any
) -> Iterator[Observation]:
    return left_things.shows(seconds, left, people, **extra)


def told(parts: Iterable[Observation], rule: dict[str, Any] = RULE, **params: Any) -> list[RuleEvent]:
    return left_things.told(rule, parts, **params)


@pytest.mark.parametrize("fps", [1, 2, 5, 12.5, 30])
def test_what_somebody_leaves_is_told_once_they_are_gone_for_ten_seconds(fps: float) -> None:
    events = told(shows(60.0, fps=fps))
    assert states(events) == ["start"]
    assert raised_at_s(events) == [pytest.approx(29.0, abs=2.1)]  # 20 s after it appeared; away since about 13 s
    start = facts(events[0])
    assert (start.object_class, start.owner_track, start.ended_by) == ("person", 1, None)
    assert start.owner_distance_m < 1.0
    assert start.size_m == pytest.approx(0.04 / 0.2 / 0.6, rel=0.2)
    assert events[0].track_ids == (1,)
    assert events[0].started_s == STREAM_START_S + 9.0  # when it appeared
    assert (events[0].observed_utc - events[0].started_utc).total_seconds() == pytest.approx(20.0, abs=2.1)


def test_with_a_homography_lengths_are_metres() -> None:
    small = lies_there(size=0.02)
    events = told(shows(60.0, left=small), METRES)
    assert states(events) == ["start"]
    assert facts(events[0]).size_m == pytest.approx(0.02 * 40 / ASPECT, rel=0.2)
    assert told(shows(60.0, left=small), METRES, min_size_m=1.0) == []
    assert told(shows(60.0, left=small), METRES, max_size_m=0.2) == []


def test_who_stays_with_their_bag_throws_nothing_away() -> None:
    assert told(shows(300.0, people=lambda _: [person(1, X - 0.03, Y)])) == []


def test_who_waits_three_metres_off_has_not_gone() -> None:
    def waits(at_s: float) -> list[Track]:
        return [person(1, min(X + 3.0 * 0.12 / ASPECT, walker(min(at_s, 11.0))[0].ground[0]), Y)]

    assert told(shows(200.0, people=waits)) == []


def test_what_nobody_left_is_no_littering() -> None:
    assert told(shows(100.0, people=lambda _: [person(9, 0.1, Y)])) == []
    assert told(shows(100.0, people=lambda at_s: walker(at_s - 60.0))) == []


def test_the_nearest_is_the_one_who_left_it() -> None:
    def two(at_s: float) -> list[Track]:
        return [*walker(at_s), *(person(2, track.ground[0] + 0.09, Y) for track in walker(at_s))]

    assert facts(told(shows(60.0, people=two))[0]).owner_track == 1


@pytest.mark.parametrize("passes_s", [6.0, 8.5, 9.5])
@pytest.mark.parametrize("first", [True, False])
def test_who_walks_over_the_place_is_not_who_stood_there(passes_s: float, first: bool) -> None:
    """The passer-by comes as near as can be, and before or after; 0.05 picture widths a second are 0.7 m/s here."""

    def two(at_s: float) -> list[Track]:
        x = X + 0.1 * (at_s - passes_s)
        passer = [person(1 if first else 9, x, Y)] if 0.0 <= x <= 1.0 else []
        return [*passer, *(person(5, track.ground[0] - 0.04, Y) for track in walker(at_s))]

    (start,) = told(shows(30.0, people=two))
    assert facts(start).owner_track == 5
    assert facts(start).owner_distance_m == pytest.approx(0.5, abs=0.4)


def test_a_vehicle_can_throw_things_out() -> None:
    def drives(at_s: float) -> list[Track]:
        x = 0.1 * at_s - 0.4
        return [*([vehicle(4, x, Y)] if 0 < x < 1 else []), person(9, 0.1, Y)]

    events = told(shows(60.0, people=drives))
    assert facts(events[0]).object_class == "car"
    assert told(shows(60.0, people=drives), objects=["person"]) == []


def test_a_hole_is_nothing_that_was_left() -> None:
    assert told(shows(60.0, left=lies_there(is_hole=True))) == []


def test_who_is_found_again_under_another_number_beside_the_bag_still_has_it() -> None:
    def renamed(at_s: float) -> list[Track]:
        return [person(1 if at_s < 12.0 else 2, X - 0.02, Y)]

    assert told(shows(120.0, people=renamed)) == []


def test_who_is_missed_for_half_a_minute_while_they_stand_beside_it_has_not_gone() -> None:
    """Found again under another number, or under none."""

    def missed(at_s: float) -> list[Track]:
        return [] if 14.0 <= at_s < 44.0 else [person(1 if at_s < 14.0 else 2, X - 0.02, Y)]

    assert told(shows(120.0, people=missed)) == []
    for_good = told(shows(120.0, people=lambda at_s: missed(at_s) if at_s < 14.0 else []))
    assert raised_at_s(for_good) == [pytest.approx(84.0, abs=2.0)]  # a minute of patience, and away for ten seconds


def test_zones_sizes_and_fixtures() -> None:
    assert states(told(shows(60.0), zones=["het"])) == ["start"]
    assert told(shows(60.0), zones=["het"])[0].zone == "het"
    assert told(shows(60.0, left=lies_there(x=0.45)), zones=["phai"]) == []
    assert told(shows(60.0), min_size_m=0.5) == []
    assert told(shows(60.0), max_size_m=0.2) == []
    assert told(shows(60.0), fixtures=[[X, Y]]) == []
    assert states(told(shows(60.0), fixtures=[[X + 0.1, Y]])) == ["start"]


@pytest.mark.parametrize(("who", "how"), [([1], "reclaimed"), ([7], "taken"), ([], "gone")])
def test_it_ends_when_the_thing_goes_and_says_how(who: list[int], how: str) -> None:
    def people(at_s: float) -> list[Track]:
        return walker(at_s) if at_s < 95.0 else [person(track_id, X, Y) for track_id in who]

    def left(at_s: float) -> list[StaticRegion]:
        return [thing(min(at_s, 96.0))] if KNOWN_S <= at_s < 100.0 else []

    events = told(shows(130.0, left=left, people=people))
    assert states(events) == ["start", "end"]
    assert facts(events[-1]).ended_by == how
    assert events[-1].observed_s <= STREAM_START_S + 100.0


def test_what_lies_there_for_long_ends_its_event_and_is_not_told_again() -> None:
    events = told(shows(900.0, fps=1.0), ends_after_s=120.0)
    assert states(events) == ["start", "end"]
    assert facts(events[-1]).ended_by == "remains"
    assert len(events) < 8


def test_two_things_of_one_throw_are_one_event() -> None:
    def two(at_s: float) -> list[StaticRegion]:
        return [thing(at_s), thing(at_s, 10.0, number=2, x=X + 0.04)] if at_s >= KNOWN_S else []

    assert states(told(shows(100.0, left=two))) == ["start"]


def test_gated_frames_gaps_and_clock_jumps() -> None:
    assert states(told(shows(60.0, detected=False))) == ["start"]
    after_gap = told([*shows(20.0), *shows(30.0, from_s=220.0)])
    assert states(after_gap) == ["start"]
    assert raised_at_s(after_gap)[0] >= 220.0  # nobody watched in the gap: it counts for nothing
    back = [
        *shows(
            40.0, from_s=100.0, left=lambda t: [thing(t, 109.0)] if t > 116 else [], people=lambda t: walker(t - 100)
        )
    ]
    assert states(told([*back, *shows(60.0)])) == ["start", "end", "start"]


def test_cameras_do_not_disturb_each_other() -> None:
    one, two = make_rule(**RULE), make_rule(**RULE, camera={"camera_id": "cam2"})
    events = []
    for mine, others in zip(shows(60.0), shows(60.0, camera_id="cam2", left=lambda _: []), strict=True):
        events += one.observe(mine)
        assert two.observe(others) == []
    assert states(events) == ["start"]
    with pytest.raises(ValueError, match="cam2"):
        one.observe(next(iter(shows(1.0, camera_id="cam2"))))
