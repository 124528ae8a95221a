"""Somebody who stands still stirs; a thing does not."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from edge.background.stillness import WATCHED_S, Stillness


def watched(unlike: Iterable[float], step_s: float = 0.5) -> Stillness:
    stillness = Stillness()
    for share in unlike:
        stillness.take(share, step_s)
    return stillness


@pytest.mark.parametrize("step_s", [0.2, 0.5, 2.0])
def test_what_keeps_still_is_a_thing_once_it_was_watched(step_s: float) -> None:
    looks = round(WATCHED_S / step_s) + 1
    assert not watched([0.0] * (looks // 2), step_s).is_thing
    assert watched([0.02] * looks, step_s).is_thing


@pytest.mark.parametrize("step_s", [0.2, 0.5, 2.0])
def test_who_moves_an_arm_every_other_moment_is_none(step_s: float) -> None:
    assert not watched([0.2, 0.0] * 100, step_s).is_thing


def test_light_and_passers_by_are_no_stirring() -> None:
    cloud = [0.0, 0.0, 0.9, 0.9] * 10
    assert watched(cloud).is_thing
    foot = [0.0] * 20 + [0.3] * 4 + [0.0] * 20
    assert watched(foot).is_thing


def test_what_moved_at_first_is_a_thing_once_it_lies_still() -> None:
    stirred = [0.2] * 20
    assert not watched(stirred).is_thing
    assert watched([*stirred, *[0.0] * 60]).is_thing


def test_who_stood_like_a_post_at_first_and_then_stirs_is_never_a_thing_again() -> None:
    still, stirs = [0.0] * 40, [0.2] * 60
    assert watched(still).is_thing
    assert not watched([*still, *stirs, *still, *still]).is_thing
