"""`loitering` by lists of observations."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any, cast

import pytest

from contract.event import EventState
from contract.rules.loitering import LoiteringFacts
from edge.types import RuleEvent, Track
from tests.support.noise import NOISES, Noise, assert_accurate, noisy, score
from tests.support.scenes import (
    CALIBRATION,
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

RULE: dict[str, Any] = {"kind": "loitering", "zones": ["trai"]}
METRES: dict[str, Any] = {"calibration": CALIBRATION}


def facts(event: RuleEvent) -> LoiteringFacts:
    return cast("LoiteringFacts", event.facts)


def ended_at_s(events: list[RuleEvent]) -> list[float]:
    return [event.observed_s - STREAM_START_S for event in events if event.state is EventState.END]


def strolling(at_s: float, track_id: int = 1) -> list[Track]:
    """To and fro in the left half, at up to 1.3 m/s."""
    return [person(track_id, 0.25 + 0.1 * math.sin(at_s / 3.0), 0.5 + 0.1 * math.cos(at_s / 5.0), height=0.1)]


def away(at_s: float, from_s: float, until_s: float) -> float:
    """Stands in the zone, walks out of it within 4 s at a time, and back."""
    return 0.3 + 0.075 * min(4.0, max(0.0, at_s - from_s)) - 0.075 * min(4.0, max(0.0, at_s - until_s))


def at(x: float, track_id: int = 1) -> list[Track]:
    return [person(track_id, x, 0.5, height=0.1)]


@pytest.mark.parametrize("fps", [1, 2, 5, 12.5])
def test_staying_for_three_minutes_raises_one_event_at_any_frame_rate(fps: float) -> None:
    rule = make_rule(**RULE, camera=METRES)
    events = run(
        rule, watch(strolling, 240.0, fps=fps), watch(lambda _: at(0.8), 60.0, from_s=241.0, fps=fps), finish=False
    )
    assert states(events) == ["start", "end"]
    assert raised_at_s(events) == [pytest.approx(180.0, abs=1.1)]
    assert ended_at_s(events) == [pytest.approx(240.0, abs=1.6)]
    assert facts(events[0]).max_stay_s == 180.0
    assert facts(events[-1]).stay_s == pytest.approx(240.0, abs=1.6)
    assert facts(events[-1]).visits == 1
    assert facts(events[-1]).distance_m == pytest.approx(220.0, rel=0.25)
    assert events[0].zone == "trai"


def test_less_than_three_minutes_other_zones_and_vehicles_do_not_count() -> None:
    assert run(make_rule(**RULE), watch(strolling, 178.0)) == []
    assert run(make_rule(**RULE), watch(lambda _: at(0.8), 400.0, fps=1.0)) == []
    assert run(make_rule(**RULE), watch(lambda _: [vehicle(1, 0.25, 0.5)], 400.0, fps=1.0)) == []


def test_leaving_for_a_short_time_goes_on_and_time_away_is_no_stay() -> None:
    def steps_out(at_s: float) -> list[Track]:
        return at(away(at_s, 100.0, 125.0))

    events = run(make_rule(**RULE), watch(steps_out, 215.0))
    assert raised_at_s(events) == [pytest.approx(205.0, abs=2.0)]
    assert facts(events[0]).visits == 2


def test_leaving_for_longer_resets() -> None:
    def leaves(at_s: float) -> list[Track]:
        return at(away(at_s, 100.0, 137.0))

    events = run(make_rule(**RULE), watch(leaves, 330.0), finish=False)
    assert raised_at_s(events) == [pytest.approx(319.0, abs=2.5)]
    assert facts(events[0]).visits == 1


def test_an_event_ends_when_the_person_left_and_another_stay_is_another_event() -> None:
    def twice(at_s: float) -> list[Track]:
        return at(away(at_s, 200.0, 240.0))

    events = run(make_rule(**RULE), watch(twice, 430.0), finish=False)
    assert states(events) == ["start", "end", "start"]
    assert len({event.key for event in events}) == 2


@pytest.mark.parametrize("hidden_s", [1.0, 5.0, 25.0])
def test_who_stands_is_lost_and_found_again_stood_all_the_while(hidden_s: float) -> None:
    def hidden(at_s: float) -> list[Track]:
        return [] if 100.0 <= at_s < 100.0 + hidden_s else at(0.3, track_id=1 if at_s < 100.0 else 2)

    events = run(make_rule(**RULE), watch(hidden, 190.0), finish=False)
    assert raised_at_s(events) == [pytest.approx(180.0, abs=1.0)]
    assert events[0].track_ids == (1, 2)
    assert facts(events[0]).unseen_s == pytest.approx(hidden_s if hidden_s > 2.0 else 0.0, abs=0.5)


def test_who_is_hidden_for_longer_begins_anew() -> None:
    def hidden(at_s: float) -> list[Track]:
        return [] if 100.0 <= at_s < 140.0 else at(0.3, track_id=1 if at_s < 100.0 else 2)

    assert run(make_rule(**RULE), watch(hidden, 310.0)) == []


def test_renamed_while_strolling_is_the_same_person() -> None:
    events = run(make_rule(**RULE), watch(lambda t: strolling(t, track_id=1 + int(t // 20.0)), 200.0), finish=False)
    assert raised_at_s(events) == [pytest.approx(180.0, abs=1.0)]
    assert len(events[0].track_ids) > 5


def test_a_stream_of_passers_by_is_nobodys_stay() -> None:
    """One every 3 s walks through the left half in 12 s, each seen with misses and new ids."""

    def stream(at_s: float) -> list[Track]:
        newest = int(at_s // 3.0)
        return [
            person(number + 1, 0.02 + 0.035 * (at_s - 3.0 * number), 0.4 + 0.03 * (number % 7), height=0.1)
            for number in range(max(0, newest - 10), newest + 1)
            if 0.035 * (at_s - 3.0 * number) < 0.9
        ]

    for seed, noise in enumerate(NOISES):
        assert run(make_rule(**RULE), noisy(stream, 400.0, seed=seed, noise=noise)) == []


def test_a_queue_whose_members_take_turns_is_nobodys_stay() -> None:
    """A bench at a stop: one sits for 50 s, goes, and 4 s later another comes and sits down."""

    def bench(at_s: float) -> list[Track]:
        number, since_s = divmod(at_s, 70.0)
        x = 0.3 + (0.05 * (8.0 - since_s) if since_s < 8.0 else 0.05 * max(0.0, since_s - 58.0))
        return at(x, track_id=int(number) + 1) if since_s < 66.0 else []

    assert run(make_rule(**RULE), watch(bench, 600.0)) == []


def test_a_statue_is_a_fixture() -> None:
    rule = make_rule(**RULE, fixtures=[[0.3, 0.5]])
    events = run(rule, watch(lambda _: [*at(0.3), *at(0.4, track_id=2)], 200.0, fps=2.0), finish=False)
    assert states(events) == ["start"]
    assert events[0].track_ids == (2,)


def test_a_quiet_picture_keeps_the_person() -> None:
    still = [replace(at(0.3)[0], detected=False)]
    events = run(
        make_rule(**RULE),
        watch(lambda _: at(0.3), 5.0),
        watch(lambda _: still, 190.0, from_s=6.0, fps=0.5, detected=False),
    )
    assert raised_at_s(events) == [pytest.approx(180.0, abs=3.0)]


def test_the_schedule_counts_from_its_beginning_and_ends_the_event() -> None:
    rule = make_rule(**RULE, schedule=["12:05-12:15"])
    events = run(rule, watch(lambda _: at(0.3), 1200.0, fps=1.0), finish=False)
    assert raised_at_s(events) == [pytest.approx(480.0, abs=2.0)]
    assert ended_at_s(events) == [pytest.approx(900.0, abs=2.0)]


def test_time_without_frames_is_no_stay() -> None:
    parts = [watch(lambda _: at(0.3), 100.0, fps=2.0), watch(lambda _: at(0.3, 2), 70.0, from_s=200.0, fps=2.0)]
    assert run(make_rule(**RULE), *parts) == []


def test_two_cameras_interleaved_do_not_mix() -> None:
    rules = {name: make_rule(**RULE, camera={"camera_id": name}) for name in ("a", "b")}
    events: dict[str, list[RuleEvent]] = {"a": [], "b": []}
    for index in range(400):
        at_s = index / 2
        events["a"] += rules["a"].observe(observation(at_s, at(0.3), camera_id="a"))
        events["b"] += rules["b"].observe(observation(at_s, at(0.3 if index % 100 < 10 else 0.8), camera_id="b"))
    assert states(events["a"]) == ["start"]
    assert events["b"] == []


@pytest.mark.parametrize("noise", NOISES, ids=str)
def test_precision_and_recall_under_noise(noise: Noise) -> None:
    """In each 300 s one stays for 200-260 s, two stay for 60-150 s, and others walk through."""

    def world(at_s: float) -> list[Track]:
        number, since_s = divmod(at_s, 300.0)
        rng = random.Random(int(number))
        shown = []
        for index, stay_s in enumerate((rng.uniform(205, 260), rng.uniform(60, 150), rng.uniform(60, 150))):
            begin_s, x, y, stride = (
                rng.uniform(0, 20),
                rng.uniform(0.1, 0.4),
                0.25 + 0.25 * index,
                rng.choice([0.0, 0.03]),
            )
            if begin_s <= since_s <= begin_s + stay_s:
                place = x + stride * math.sin(since_s / 4.0)
            elif begin_s + stay_s < since_s < begin_s + stay_s + 30.0:
                place = x + 0.035 * (since_s - begin_s - stay_s)
            else:
                continue
            shown.append(person(int(number) * 100 + index + 1, place, y, height=0.1))
        passer, walked_s = divmod(since_s, 25.0)
        if 0.035 * walked_s < 0.95:
            shown.append(person(int(number) * 100 + 50 + int(passer), 0.02 + 0.035 * walked_s, 0.9, height=0.1))
        return shown

    scores = [score(run(make_rule(**RULE), noisy(world, 1200.0, seed=seed, noise=noise)), 300.0) for seed in range(2)]
    assert_accurate(scores, 2 * 4)
