"""`street_market` by lists of observations."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from contract.event import EventState
from contract.rules.street_market import StreetMarketFacts
from edge.types import Observation, RuleEvent, StaticRegion, Track
from tests.support.scenes import (
    ASPECT,
    CALIBRATION,
    STREAM_START_S,
    box,
    make_rule,
    observation,
    person,
    raised_at_s,
    run,
    states,
)

RULE: dict[str, Any] = {"kind": "street_market", "zones": ["trai"]}
METRES: dict[str, Any] = {**RULE, "camera": {"calibration": CALIBRATION}}


def goods(number: int, x: float, y: float, width: float = 0.14, height: float = 0.2, **extra: Any) -> StaticRegion:
    """A heap of goods with its lower edge at (x, y), sizes in shares of the picture."""
    xyxy = (x - width / 2, y - height, x + width / 2, y)
    return StaticRegion(number, xyxy, width * height, STREAM_START_S, STREAM_START_S, **extra)


def lorry(track_id: int, x: float, y: float) -> Track:
    return box(track_id, "truck", x, y, width=0.3, height=0.5)


def sellers(count: int = 3, first_id: int = 1) -> list[Track]:
    return [person(first_id + index, 0.1 + 0.12 * index, 0.7) for index in range(count)]


HEAPS = (goods(1, 0.1, 0.9), goods(2, 0.3, 0.9), goods(3, 0.42, 0.5))
NONE: Callable[[float], tuple[StaticRegion, ...]] = lambda _: ()  # noqa: E731 - a default


def shows(
    seconds: float,
    people: Callable[[float], Iterable[Track]] = lambda _: sellers(),
    left: Callable[[float], Iterable[StaticRegion]] = lambda _: HEAPS,
    *,
    fps: float = 1.0,
    from_s: float = 0.0,
    **extra: Any,
) -> Iterator[Observation]:
    for index in range(round(seconds * fps) + 1):
        at_s = from_s + index / fps
        yield replace(observation(at_s, people(at_s), **extra), static_regions=tuple(left(at_s)))


def told(parts: Iterable[Observation], rule: dict[str, Any] = RULE, **params: Any) -> list[RuleEvent]:
    return run(make_rule(**rule, **params), parts, finish=False)


def facts(event: RuleEvent) -> StreetMarketFacts:
    return cast("StreetMarketFacts", event.facts)


@pytest.mark.parametrize("fps", [1, 2, 5, 30])
def test_a_market_that_stood_before_we_looked_is_told_after_five_minutes(fps: float) -> None:
    events = told(shows(360.0, fps=fps))
    assert states(events) == ["start"]
    assert raised_at_s(events) == [pytest.approx(332.0, abs=4.0)]  # who stands there is known after 30 s
    start = facts(events[0])
    assert (start.stationary_people, start.stationary_vehicles, start.goods) == (3, 0, 3)
    assert 0.15 < start.blocked_share < 0.3
    assert all(share == pytest.approx(start.blocked_share, abs=0.02) for share in start.blocked_shares)
    assert 6 <= len(start.blocked_shares) <= 12
    assert start.zone_area_m2 is None


def test_with_a_homography_shares_are_of_square_metres() -> None:
    (event,) = [event for event in told(shows(360.0), METRES) if event.state is EventState.START]
    assert facts(event).zone_area_m2 == pytest.approx(20 * 20, rel=0.02)
    heaps_m2 = 3 * 0.14 * 40 * 0.2 * 20
    assert facts(event).blocked_share == pytest.approx(heaps_m2 / 400, abs=0.03)


def test_perspective_makes_far_ground_count_as_much_as_near() -> None:
    """Without a homography the far half of a road is as large as its people are small there."""

    def crowd(at_s: float) -> list[Track]:
        return [
            person(1, 0.1, 0.95, 0.4),
            person(2, 0.2, 0.95, 0.4),
            person(3, 0.3, 0.4, 0.1),
            person(4, 0.4, 0.4, 0.1),
        ]

    far = facts(told(shows(400.0, crowd, lambda _: [goods(1, 0.25, 0.4, 0.5, 0.15)]))[0]).blocked_share
    near = told(shows(400.0, crowd, lambda _: [goods(1, 0.25, 0.98, 0.5, 0.15)]))
    assert far > 0.3
    assert near == []


def test_people_alone_goods_alone_and_passers_by_are_no_market() -> None:
    assert told(shows(500.0, left=NONE)) == []
    assert told(shows(500.0, lambda _: [])) == []
    assert told(shows(500.0, lambda _: sellers(2))) == []
    stream = told(
        shows(900.0, lambda t: [person(int(t // 8) * 9 + i, (0.06 * (t % 8)), 0.6 + 0.1 * i) for i in range(4)])
    )
    assert stream == []


def test_vehicles_that_stand_count_and_those_that_drive_do_not() -> None:
    events = told(shows(450.0, lambda _: [*sellers(), lorry(8, 0.25, 0.9)], NONE))
    assert raised_at_s(events) == [pytest.approx(422.0, abs=4.0)]  # it is known to be parked after two minutes
    assert (facts(events[0]).stationary_vehicles, facts(events[0]).goods) == (1, 0)
    assert told(shows(500.0, lambda t: [*sellers(), lorry(8 + int(t // 20), 0.02 * (t % 20), 0.9)], NONE)) == []


def test_riders_on_their_motorbikes_do_not_stand() -> None:
    def queue(_: float) -> list[Track]:
        bikes = [box(10 + i, "motorcycle", 0.1 + 0.12 * i, 0.7, width=0.08, height=0.2) for i in range(3)]
        return [*sellers(), *bikes, lorry(8, 0.25, 0.9)]

    assert told(shows(500.0, queue, NONE)) == []


def test_a_jam_that_moves_up_is_no_market_whoever_stands_beside_it() -> None:
    """A lorry's length each minute; three people talk on the road all the while."""

    def jam(at_s: float) -> list[Track]:
        step = int(at_s // 60)
        return [*sellers(), *(lorry(20 + n, 0.35 * (n - step) + 0.1, 0.9) for n in range(step, step + 2))]

    assert told(shows(900.0, jam, NONE)) == []


def test_riders_whose_motorbikes_are_missed_now_and_then_do_not_stand_either() -> None:
    rng = random.Random(7)

    def queue(_: float) -> list[Track]:
        bikes = [box(10 + i, "motorcycle", 0.1 + 0.12 * i, 0.7, width=0.08, height=0.16) for i in range(4)]
        riders = [person(i + 1, 0.1 + 0.12 * i, 0.65, 0.18) for i in range(4)]
        return [*riders, *(bike for bike in bikes if rng.random() > 0.5), lorry(8, 0.25, 0.95)]

    assert told(shows(1800.0, queue, NONE)) == []


def test_passers_by_who_are_lost_behind_something_one_after_the_other_do_not_stand() -> None:
    def stream(at_s: float) -> list[Track]:
        number, since_s = int(at_s // 12), at_s % 12
        return [person(3 * number + i, 0.1 + 0.12 * i, 0.6 + 0.03 * since_s) for i in range(3) if since_s < 2.0]

    assert told(shows(900.0, stream, fps=5.0)) == []


def test_holes_and_fixtures_are_no_goods() -> None:
    holes = tuple(replace(heap, is_hole=True) for heap in HEAPS)
    assert told(shows(500.0, left=lambda _: holes)) == []
    assert told(shows(500.0), fixtures=[[0.1, 0.9], [0.3, 0.9], [0.42, 0.5]]) == []


def test_other_zones_do_not_count() -> None:
    assert told(shows(500.0), {**RULE, "zones": ["phai"]}) == []


def test_sellers_who_are_lost_and_found_under_other_numbers_and_tremble_still_stand() -> None:
    rng = random.Random(4)

    def restless(at_s: float) -> list[Track]:
        people = []
        for index, seller in enumerate(sellers()):
            if rng.random() < 0.2:
                continue  # missed
            number = index + 1 + 10 * int(at_s // 60)
            people.append(person(number, seller.ground[0] + rng.gauss(0, 0.003), 0.7 + rng.gauss(0, 0.006)))
        return people

    assert states(told(shows(420.0, restless, fps=2.0))) == ["start"]


def test_it_ends_a_minute_after_it_cleared_and_says_how_it_shrank() -> None:
    def left(at_s: float) -> tuple[StaticRegion, ...]:
        return HEAPS if at_s < 500 else HEAPS[:2] if at_s < 600 else ()

    def people(at_s: float) -> list[Track]:
        return sellers() if at_s < 600 else []

    events = told(shows(800.0, people, left))
    assert states(events) == ["start", "end"]
    end = facts(events[-1])
    assert events[-1].observed_s == pytest.approx(STREAM_START_S + 605.0, abs=15.0)
    assert end.blocked_shares[0] > end.blocked_shares[-1]
    assert end.stay_s == pytest.approx(575.0, abs=20.0)
    assert len(events) < 10


def test_a_short_break_does_not_start_the_time_anew_and_a_long_one_does() -> None:
    def breaks(length_s: float) -> Callable[[float], list[Track]]:
        return lambda t: [] if 200 <= t < 200 + length_s else sellers(first_id=1 if t < 200 else 20)

    assert raised_at_s(told(shows(420.0, breaks(20.0)))) == [pytest.approx(345.0, abs=15.0)]
    assert raised_at_s(told(shows(800.0, breaks(150.0))))[0] > 600.0


def test_schedules_gaps_and_cameras() -> None:
    assert told(shows(500.0), schedule=["22:00-05:00"]) == []
    assert states(told([*shows(250.0), *shows(250.0, from_s=500.0)])) == ["start"]
    assert told([*shows(250.0), *shows(250.0, from_s=2000.0)]) == []
    one, two = make_rule(**RULE), make_rule(**RULE, camera={"camera_id": "cam2"})
    events = []
    for mine, others in zip(shows(360.0), shows(360.0, left=NONE, camera_id="cam2"), strict=True):
        events += one.observe(mine)
        assert two.observe(others) == []
    assert states(events) == ["start"]
    assert ASPECT > 1
