"""Truth about people is told by the rules' definitions, and borderline cases are marked as such."""

from __future__ import annotations

import numpy as np
import pytest

from bench.worlds.people_truth import crowding, intrusion, jaywalking, largest_cluster, loitering
from bench.worlds.truths import rectangle
from bench.worlds.world import Trajectory

SQUARE = rectangle("san", (-10.0, 10.0), (-10.0, 10.0))
ROAD = rectangle("duong", (-10.0, 10.0), (0.0, 7.0))
CROSSING = rectangle("vach", (-2.0, 2.0), (0.0, 7.0))


def stands(number: int, from_s: float, to_s: float, x: float, y: float) -> Trajectory:
    times = np.array([from_s, to_s])
    return Trajectory(f"p{number}", "person", (0.4, 0.5, 1.6), times, np.array([[x, y], [x, y]]), np.zeros(2))


def walks(number: int, from_s: float, to_s: float, a: tuple[float, float], b: tuple[float, float]) -> Trajectory:
    times = np.array([from_s, to_s])
    return Trajectory(f"p{number}", "person", (0.4, 0.5, 1.6), times, np.array([a, b]), np.zeros(2))


def group(count: int, from_s: float, to_s: float, gap_m: float = 1.0) -> list[Trajectory]:
    return [stands(n, from_s, to_s, -8.0 + gap_m * n, 0.0) for n in range(count)]


@pytest.mark.parametrize(("gap_m", "size"), [(2.4, 5), (2.6, 1)])
def test_a_cluster_is_linked_by_neighbours(gap_m: float, size: int) -> None:
    places = np.column_stack((gap_m * np.arange(5), np.zeros(5)))
    assert largest_cluster(places, 2.5) == size


def test_nobody_is_no_cluster() -> None:
    assert largest_cluster(np.zeros((0, 2)), 2.5) == 0


def test_a_clear_crowd_must_be_told() -> None:
    (truth,) = crowding(group(12, 10.0, 110.0), SQUARE, 200.0, 10)
    assert (truth.start_s, truth.end_s) == pytest.approx((10.0, 110.0), abs=0.5)
    assert not truth.optional


@pytest.mark.parametrize(("count", "seconds"), [(10, 100.0), (9, 100.0), (12, 62.0), (12, 58.0)])
def test_a_crowd_at_the_limit_is_a_borderline_case(count: int, seconds: float) -> None:
    (truth,) = crowding(group(count, 10.0, 10.0 + seconds), SQUARE, 200.0, 10)
    assert truth.optional


@pytest.mark.parametrize(("count", "seconds", "gap_m"), [(8, 100.0, 1.0), (15, 40.0, 1.0), (5, 100.0, 3.5)])
def test_few_people_short_stays_and_people_apart_are_no_crowd(count: int, seconds: float, gap_m: float) -> None:
    assert crowding(group(count, 10.0, 10.0 + seconds, gap_m), SQUARE, 200.0, 10 if gap_m < 2 else 4) == []


def test_an_intrusion_lasts_through_short_absences() -> None:
    people = [stands(0, 10.0, 20.0, 0.0, 0.0), stands(1, 23.0, 30.0, 1.0, 0.0), stands(2, 60.0, 61.8, 0.0, 0.0)]
    first, second = intrusion(people, SQUARE, 100.0)
    assert (first.start_s, first.end_s) == pytest.approx((10.0, 30.0), abs=0.5)
    assert not first.optional
    assert second.optional  # 1.8 s


def test_who_stands_at_the_border_is_a_borderline_case() -> None:
    (truth,) = intrusion([stands(0, 10.0, 20.0, 9.8, 0.0)], SQUARE, 100.0)
    assert truth.optional


def test_loitering_counts_the_time_inside() -> None:
    stays = walks(0, 0.0, 240.0, (-5.0, 0.0), (5.0, 0.0))
    passes = walks(1, 0.0, 20.0, (-15.0, 0.0), (15.0, 0.0))
    (truth,) = loitering([stays, passes], SQUARE, 300.0)
    assert truth.object_ids == ("p0",)
    assert not truth.optional


def test_crossing_beside_the_crossing_must_be_told_and_on_it_must_not() -> None:
    beside = walks(0, 10.0, 20.0, (6.0, -2.0), (6.0, 9.0))
    on_it = walks(1, 10.0, 20.0, (0.0, -2.0), (0.0, 9.0))
    along = walks(2, 10.0, 30.0, (-12.0, 1.0), (12.0, 1.0))
    (truth,) = jaywalking([beside, on_it, along], ROAD, [CROSSING], 60.0, (0.0, 7.0))
    assert truth.object_ids == ("p0",)
    assert not truth.optional


def test_cutting_the_crossings_corner_is_a_borderline_case() -> None:
    slanted = walks(0, 10.0, 20.0, (0.0, -2.0), (4.4, 9.0))
    (truth,) = jaywalking([slanted], ROAD, [CROSSING], 60.0, (0.0, 7.0))
    assert truth.optional
