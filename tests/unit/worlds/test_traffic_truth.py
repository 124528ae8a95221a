"""What happens after a world's end is no truth, and nobody can tell a stop right past the line from one on it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.worlds.demand import stand
from bench.worlds.truths import Area, StopLine, motions, stop_line, wrong_way
from bench.worlds.world import SIZES_M, Trajectory

LANE = Area("lan", ((0.0, -50.0), (7.0, -50.0), (7.0, 50.0), (0.0, 50.0)), math.pi / 2)


def backwards(begins_s: float) -> Trajectory:
    """Drives 20 m down a lane that runs up, in four seconds."""
    times, places = np.array([begins_s, begins_s + 4.0]), np.array([(3.0, 10.0), (3.0, -10.0)])
    return Trajectory("xe1", "motorcycle", SIZES_M["motorcycle"], times, places, np.full(2, -math.pi / 2))


@pytest.mark.parametrize(("begins_s", "told"), [(90.0, 1), (98.0, 1), (99.7, 0), (120.0, 0)])
def test_a_truth_lies_within_its_world(begins_s: float, told: int) -> None:
    found = wrong_way(motions([backwards(begins_s)], ("motorcycle",), 100.0), (LANE,))
    assert len(found) == told
    assert all(truth.end_s <= 100.0 for truth in found)


@pytest.mark.parametrize(("past_m", "optional"), [(0.4, True), (0.8, True), (1.0, False), (2.0, False)])
def test_who_stands_hardly_past_the_line_is_borderline(past_m: float, optional: bool) -> None:
    line = StopLine(None, (0.0, 7.0), 0.0, 3.0, (("red", 60.0), ("green", 60.0)))
    bike = stand("xe1", "motorcycle", (3.0, past_m - 0.95), math.pi / 2, 5.0, 40.0)
    (truth,) = stop_line(motions([bike], ("motorcycle",)), line)
    assert truth.optional is optional
