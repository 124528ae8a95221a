"""The plan keeps north up and distances true, and never lays one camera upon another."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.domain.plan import APART, HEIGHT, WIDTH, draw_plan

SQUARE = [(13.9, 109.0), (13.902, 109.0), (13.9, 109.00206)]
"""The second 223 m north of the first, the third 223 m east of it."""


def test_north_is_up_east_is_right_and_both_are_as_long() -> None:
    home, north, east = draw_plan(SQUARE).marks
    assert north.x == pytest.approx(home.x, abs=0.2)
    assert east.y == pytest.approx(home.y, abs=0.2)
    assert home.y - north.y == pytest.approx(east.x - home.x, rel=0.01)
    assert home.y - north.y > 100


def test_the_scale_says_how_long_a_way_is() -> None:
    plan = draw_plan(SQUARE)
    home, north, _ = plan.marks
    assert plan.scale_m in {1, 2, 5, 10, 20, 50, 100, 200, 500}
    assert (home.y - north.y) / plan.scale_length * plan.scale_m == pytest.approx(222.6, rel=0.01)


def test_one_camera_stands_in_the_middle() -> None:
    (mark,) = draw_plan([(13.9, 109.0)]).marks
    assert (mark.x, mark.y) == (WIDTH / 2, HEIGHT / 2)


@given(st.lists(st.tuples(st.floats(13.8, 14.0), st.floats(108.9, 109.1)), min_size=1, max_size=12))
def test_every_mark_lies_on_the_sheet_and_none_upon_another(positions: list[tuple[float, float]]) -> None:
    marks = draw_plan(positions).marks
    assert len(marks) == len(positions)
    assert all(0 <= mark.x <= WIDTH and 0 <= mark.y <= HEIGHT for mark in marks)
    pairs = [(a, b) for index, a in enumerate(marks) for b in marks[:index]]
    assert all(math.hypot(a.x - b.x, a.y - b.y) > APART / 2 for a, b in pairs)


def test_cameras_of_one_post_are_parted() -> None:
    one, two, three = draw_plan([(13.9, 109.0)] * 3).marks
    assert min(math.dist((a.x, a.y), (b.x, b.y)) for a, b in ((one, two), (two, three), (one, three))) > APART - 2
