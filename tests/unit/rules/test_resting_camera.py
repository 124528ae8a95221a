"""The rules while the camera rests: an observation with each keyframe, every two seconds and a half.

Watched as usual for 10 s, at rest afterwards; what the rules say must be what they say of the same scene at full rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from edge.track_history import TrackHistory
from edge.types import Observation, RuleEvent, Track, TrackId
from tests.support.scenes import crowd, make_rule, observation, person, raised_at_s, run, states, vehicle, watch

KEYFRAME_S = 2.5


def rests(tracks_at: Callable[[float], Iterable[Track]], until_s: float) -> Iterator[Observation]:
    """Full rate for 10 s, then keyframes; every second one is searched."""
    yield from watch(tracks_at, 10.0)
    for index in range(1, round((until_s - 10.0) / KEYFRAME_S) + 1):
        at_s = 10.0 + index * KEYFRAME_S
        yield observation(at_s, tracks_at(at_s), detected=index % 2 == 0)


def stays(event: RuleEvent) -> float:
    return float(event.facts.model_dump()["stay_s"])


def test_who_stands_where_nobody_may_raises_one_event_after_its_time() -> None:
    rule = make_rule("intrusion", zones=["trai"], min_duration_s=30.0, clear_after_s=2.0)
    events = run(rule, rests(lambda _: [person(1, 0.2, 0.5)], 90.0))
    assert states(events)[0] == "start"
    assert states(events)[-1] == "end"
    assert len({event.key for event in events}) == 1
    assert states(events).count("start") == 1
    assert raised_at_s(events)[0] == pytest.approx(30.0, abs=KEYFRAME_S)
    assert stays(events[-1]) == pytest.approx(90.0, abs=KEYFRAME_S)


def test_who_leaves_while_the_camera_rests_ends_the_event() -> None:
    rule = make_rule("intrusion", zones=["trai"], clear_after_s=5.0)
    events = run(rule, rests(lambda t: [person(1, 0.2, 0.5)] if t <= 40.0 else [], 90.0), finish=False)
    assert states(events)[-1] == "end"
    assert stays(events[-1]) == pytest.approx(40.0, abs=KEYFRAME_S)


def test_a_short_presence_is_not_stretched_by_the_time_between_two_keyframes() -> None:
    rule = make_rule("intrusion", zones=["trai"], min_duration_s=4.0)
    assert run(rule, rests(lambda t: [person(1, 0.2, 0.5)] if 19.0 < t < 21.0 else [], 60.0)) == []


@pytest.mark.parametrize("max_stay_s", [60.0, 300.0])
def test_a_car_that_stands_is_told_once_after_its_time(max_stay_s: float) -> None:
    rule = make_rule("illegal_parking", zones=["het"], max_stay_s=max_stay_s)
    events = run(rule, rests(lambda _: [vehicle(1, 0.5, 0.5)], max_stay_s + 100.0))
    assert states(events).count("start") == 1
    assert raised_at_s(events)[0] == pytest.approx(max_stay_s, abs=2 * KEYFRAME_S)
    assert stays(events[-1]) == pytest.approx(max_stay_s + 100.0, abs=2 * KEYFRAME_S)


def test_one_wrong_box_of_a_parked_car_does_not_reset_its_stay() -> None:
    rule = make_rule("illegal_parking", zones=["het"], max_stay_s=60.0)
    wrong_s = 30.0
    events = run(rule, rests(lambda t: [vehicle(1, 0.7 if t == wrong_s else 0.5, 0.5)], 100.0), finish=False)
    assert raised_at_s(events)[0] == pytest.approx(60.0, abs=2 * KEYFRAME_S)


def test_people_who_stand_together_are_a_crowd_for_as_long_as_they_stand() -> None:
    rule = make_rule("crowding", min_people=4, min_duration_s=30.0, clear_after_s=10.0, after_hours=None)
    events = run(rule, rests(lambda t: crowd(6) if t <= 80.0 else crowd(1), 140.0), finish=False)
    assert states(events).count("start") == 1
    assert states(events)[-1] == "end"
    assert raised_at_s(events)[0] == pytest.approx(30.0, abs=2 * KEYFRAME_S)
    assert stays(events[-1]) == pytest.approx(80.0, abs=3 * KEYFRAME_S)


def test_nobody_drives_the_wrong_way_by_standing() -> None:
    rule = make_rule("wrong_way", zones=["het"])
    assert run(rule, rests(lambda _: [vehicle(1, 0.5, 0.5)], 60.0)) == []


def test_the_path_of_who_stands_still_is_kept() -> None:
    history = TrackHistory()
    for seen in rests(lambda _: [person(1, 0.2, 0.5)], 600.0):
        history.observe(seen)
    path = history.path(TrackId(1), 0.0)
    assert path is not None
    assert path.points[-1] == (0.2, 0.5)
