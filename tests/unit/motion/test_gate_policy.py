"""When the detector runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.motion.gate_policy import GatePolicy


def searches(seconds: float, fps: float, *, moving_until_s: float = -1.0, tracks_alive: bool = False) -> list[float]:
    """Times of searches of a scene that moves until a time and stands still afterwards."""
    policy = GatePolicy()
    times = [index / fps for index in range(round(seconds * fps))]
    return [t for t in times if policy.should_detect(t, moving=t <= moving_until_s, tracks_alive=tracks_alive)]


def test_a_scene_that_moves_is_searched_in_every_frame() -> None:
    assert len(searches(10, 5, moving_until_s=10)) == 50


def test_an_idle_scene_is_searched_every_ten_seconds() -> None:
    assert searches(35, 5) == [0.0, 10.0, 20.0, 30.0]


def test_people_who_stand_still_are_searched_for_every_second() -> None:
    assert searches(5, 5, tracks_alive=True) == [pytest.approx(t) for t in (0, 1, 2, 3, 4)]


def test_after_motion_the_search_goes_on_for_a_moment() -> None:
    assert searches(5, 5, moving_until_s=1.0) == [pytest.approx(index / 5) for index in range(11)]


@given(st.floats(1, 30), st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=200))
def test_nobody_waits_longer_than_promised(fps: float, frames: list[tuple[bool, bool]]) -> None:
    policy, last_s = GatePolicy(), float("-inf")
    for index, (moving, tracks_alive) in enumerate(frames):
        now_s = index / fps
        if policy.should_detect(now_s, moving=moving, tracks_alive=tracks_alive):
            last_s = now_s
        else:
            assert not moving
            assert now_s - last_s < (1.0 if tracks_alive else 10.0)
