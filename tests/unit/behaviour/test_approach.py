"""Where a vehicle's front is at a line, when its detector changes its mind."""

from __future__ import annotations

import pytest

from edge.behaviour.approach import LENGTHS_M, Approach, Step
from edge.scene.lines import DirectedLine

LINE = DirectedLine((-5.0, 0.0), (5.0, 0.0), 1.0)
"""Across the way; far is where y grows, and so does the camera look."""


def step(at_s: float, y: float, class_name: str, *, moves: bool) -> Step:
    return Step(at_s, (0.5, 0.5), (0.0, y), (0.0, 6.0 if moves else 0.0), (0.0, 1.0), class_name)


def arrive(class_name: str) -> Approach:
    """Its back comes to stand 5.5 m before the line."""
    approach = Approach(metric=True)
    for index in range(20):
        approach.take(step(index / 5.0, -5.5 - 6.0 * (19 - index) / 5.0, class_name, moves=True), LINE, 1.0)
    return approach


def test_what_was_called_a_lorry_and_stands_is_not_surely_past_once_it_is_called_a_car() -> None:
    approach = arrive("truck")
    assert approach.past == pytest.approx(LENGTHS_M["truck"] - 5.5)
    assert approach.surely_past == pytest.approx(LENGTHS_M["car"] - 5.5)
    approach.take(step(4.0, -5.5, "car", moves=False), LINE, 1.0)
    assert approach.surely_past == pytest.approx(LENGTHS_M["car"] - 5.5)
    for index in range(20):  # as it drives on, its front is that of a car
        approach.take(step(4.2 + index / 5.0, -5.5, "car", moves=True), LINE, 1.0)
    assert approach.past == pytest.approx(LENGTHS_M["car"] - 5.5, abs=0.05)
    assert approach.surely_past == pytest.approx(approach.past, abs=0.05)


def test_nothing_is_reckoned_far_from_the_line() -> None:
    approach = arrive("car")
    assert approach.deepest < -20.0
    approach.stay_far(-30.0)
    assert (approach.past, approach.surely_past, approach.crossing, approach.came) == (-30.0, -30.0, None, None)


def test_one_stray_box_of_who_stops_does_not_set_its_front_behind_it() -> None:
    towards = DirectedLine((-5.0, 0.0), (5.0, 0.0), 1.0)
    approach = Approach(metric=True)

    def take(at_s: float, y: float, speed: float, *, heads: bool) -> None:
        # It comes towards the camera: what is farther lies against its way.
        approach.take(Step(at_s, (0.5, 0.5), (0.0, y), (0.0, speed), (0.0, -1.0), "car", heads=heads), towards, 1.0)

    for index in range(20):
        take(index / 5.0, 1.0 - 6.0 * (19 - index) / 5.0, 6.0, heads=True)
    assert approach.past == pytest.approx(1.0)
    for index in range(5):  # a stray box: 2.5 m/s backwards, over a way that a box trembles
        take(4.0 + index / 5.0, 1.0, -2.5, heads=False)
    assert approach.past == pytest.approx(1.0)
    for index in range(20):  # driving back for metres counts
        take(5.0 + index / 5.0, 1.0, -2.5, heads=True)
    assert approach.past == pytest.approx(1.0 - LENGTHS_M["car"], abs=0.05)
