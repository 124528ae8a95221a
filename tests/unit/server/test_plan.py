"""The plan keeps north up and distances true, and never lays one camera upon another."""

from __future__ import annotations

import math
import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.domain.plan import APART, HEIGHT, LEAST_APART, MOST_MARKS, WIDTH, Plan, draw_plan

SQUARE = [(13.9, 109.0), (13.902, 109.0), (13.9, 109.00206)]
"""The second 223 m north of the first, the third 223 m east of it."""
SMALLEST_SHEET_PX = 300
"""How wide the sheet is drawn on a phone of 360."""


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


def closest(plan: Plan) -> float:
    return min((math.dist((a.x, a.y), (b.x, b.y)) for a, b in combinations(plan.marks, 2)), default=math.inf)


@given(st.lists(st.tuples(st.floats(13.8, 14.0), st.floats(108.9, 109.1)), min_size=1, max_size=12))
def test_every_mark_lies_on_the_sheet_and_none_upon_another(positions: list[tuple[float, float]]) -> None:
    plan = draw_plan(positions)
    assert len(plan.marks) == len(positions)
    assert all(0 <= mark.x <= WIDTH and 0 <= mark.y <= HEIGHT for mark in plan.marks)
    assert closest(plan) > LEAST_APART - 0.2


@pytest.mark.parametrize("count", [26, MOST_MARKS])
@pytest.mark.parametrize("spread", [0.0, 1e-6, 1e-4, 3e-3])
def test_a_crowd_of_marks_leaves_each_its_target(count: int, spread: float) -> None:
    chance = random.Random(7)
    plan = draw_plan([(13.9 + chance.gauss(0, spread), 109.0 + chance.gauss(0, spread)) for _ in range(count)])
    assert all(0 <= mark.x <= WIDTH and 0 <= mark.y <= HEIGHT for mark in plan.marks)
    assert 2 * plan.reach <= closest(plan)
    assert 2 * plan.reach * SMALLEST_SHEET_PX / WIDTH >= 24, "WCAG 2.2, 2.5.8"


def test_cameras_of_one_post_are_parted() -> None:
    one, two, three = draw_plan([(13.9, 109.0)] * 3).marks
    assert min(math.dist((a.x, a.y), (b.x, b.y)) for a, b in ((one, two), (two, three), (one, three))) > APART - 2
