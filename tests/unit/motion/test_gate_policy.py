"""When the detector runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.motion.gate_policy import Followed, GatePolicy, Reason

NOBODY = Followed()
STANDING = Followed(any=True)
RESTLESS = Followed(any=True, restless=True)


def searches(
    seconds: float, *, moving_until_s: float = -1.0, followed: Followed = NOBODY, doubtful: bool = False
) -> list[float]:
    """Times of searches, five frames a second, of a scene that moves until a time and stands still afterwards."""
    policy = GatePolicy()
    times = [index / 5 for index in range(round(seconds * 5))]
    return [t for t in times if policy.decide(t, followed, moving=t <= moving_until_s, doubtful=doubtful) is not None]


def test_a_scene_that_moves_is_searched_in_every_frame() -> None:
    assert len(searches(10, moving_until_s=10)) == 50


def test_an_empty_scene_is_searched_every_ten_seconds() -> None:
    assert searches(35) == [0.0, 10.0, 20.0, 30.0]


def test_people_who_stand_still_are_looked_at_every_few_seconds() -> None:
    assert searches(10, followed=STANDING) == [pytest.approx(t) for t in (0, 2.6, 5.2, 7.8)]


def test_whoever_moves_is_new_or_was_not_found_is_searched_for_in_every_frame() -> None:
    assert len(searches(5, followed=RESTLESS)) == 25


def test_rain_and_trees_are_looked_at_every_two_seconds() -> None:
    assert searches(7, doubtful=True) == [pytest.approx(t) for t in (0, 2, 4, 6)]


def test_what_flickers_on_somebody_who_stands_is_looked_at_every_second() -> None:
    policy = GatePolicy()
    found = [policy.decide(i / 5, STANDING, moving=False, doubtful=True, doubtful_on_track=True) for i in range(16)]
    assert [index for index, reason in enumerate(found) if reason is Reason.RECHECK] == [0, 5, 10, 15]


def test_after_motion_the_search_goes_on_for_a_moment() -> None:
    assert searches(5, moving_until_s=1.0) == [pytest.approx(index / 5) for index in range(11)]


def test_the_reason_is_told() -> None:
    policy = GatePolicy()
    assert policy.decide(0.0, NOBODY, moving=True, warmup=True) is Reason.WARMUP
    assert policy.decide(5.0, NOBODY, moving=True) is Reason.MOTION
    assert policy.decide(7.0, RESTLESS, moving=False) is Reason.TRACK
    assert policy.decide(8.0, NOBODY, moving=False) is None
    assert policy.decide(17.0, NOBODY, moving=False) is Reason.RECHECK


def test_a_camera_rests_once_nothing_has_changed_for_a_while() -> None:
    policy = GatePolicy()
    policy.decide(0.0, NOBODY, moving=True)
    policy.decide(4.0, NOBODY, moving=False, doubtful=True)
    assert not policy.may_rest(6.0, NOBODY)
    assert policy.may_rest(6.2, NOBODY)
    assert policy.may_rest(6.2, STANDING)
    assert not policy.may_rest(6.2, RESTLESS)
    policy.stay_awake(6.2, 3.0)
    assert not policy.may_rest(9.0, NOBODY)
    assert policy.may_rest(9.4, NOBODY)


@given(st.floats(1, 30), st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=200))
def test_nobody_waits_longer_than_promised(fps: float, frames: list[tuple[bool, bool, bool]]) -> None:
    policy, last_s = GatePolicy(), float("-inf")
    for index, (moving, any_track, doubtful) in enumerate(frames):
        now_s = index / fps
        reason = policy.decide(now_s, Followed(any=any_track), moving=moving, doubtful=doubtful)
        if reason is not None:
            last_s = now_s
        else:
            assert not moving
            assert now_s - last_s < (2.0 if doubtful else 2.5 if any_track else 10.0)
