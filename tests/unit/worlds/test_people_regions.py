"""What stands in for the search for static regions keeps to that search's own habits."""

from __future__ import annotations

import numpy as np

from bench.worlds.camera import PinholeCamera
from bench.worlds.noise import Sight
from bench.worlds.people_regions import SURE_S, RegionMaker
from bench.worlds.people_scenes import make_world
from bench.worlds.truths import rectangle
from bench.worlds.world import Trajectory, World
from edge.types import StaticRegion

OFFSET_S = 1000.0
VIEW = PinholeCamera((0.0, -15.0, 6.0), np.pi / 2.0, 20.0)


def world(*things: Trajectory, seed: int = 1) -> World:
    area = rectangle("san", (-5.0, 5.0), (-4.0, 6.0))
    return make_world("things", seed, VIEW, [area], [], things, [], 300.0)


def bag(born_s: float, dies_s: float, name: str = "bag", x: float = 0.0) -> Trajectory:
    return Trajectory(
        name, "thing", (0.5, 0.4, 0.5), np.array([born_s, dies_s]), np.array([[x, 1.0], [x, 1.0]]), np.zeros(2)
    )


def looks(
    maker: RegionMaker, until_s: float, hidden: tuple[float, float] = (0.0, 0.0)
) -> dict[float, list[StaticRegion]]:
    """Regions five times a second, while somebody stands before everything for a time."""
    seen = {}
    for index in range(int(until_s * 5)):
        time_s = index / 5.0
        somebody = [[0.0, 0.0, 1280.0, 720.0]] if hidden[0] <= time_s < hidden[1] else []
        boxes = np.array(somebody, np.float64).reshape(-1, 4)
        sight = Sight(time_s, np.arange(len(boxes)), ("person",) * len(boxes), boxes, np.ones(len(boxes)), (1280, 720))
        seen[time_s] = list(maker.look(sight, time_s + OFFSET_S))
    return seen


def test_a_thing_is_told_late_and_dated_back() -> None:
    seen = looks(RegionMaker(world(bag(20.0, 100.0)), 0.0), 130.0)
    first = next(time_s for time_s, regions in seen.items() if regions)
    assert 20.0 + SURE_S[0] - 0.3 <= first <= 20.0 + SURE_S[1] + 0.5
    assert seen[first][0].appeared_s == 20.0 + OFFSET_S
    assert seen[90.0][0].last_seen_s == 90.0 + OFFSET_S
    assert seen[110.0] == []


def test_a_hidden_thing_is_not_forgotten_and_not_seen() -> None:
    seen = looks(RegionMaker(world(bag(10.0, 200.0)), 0.0), 100.0, hidden=(50.0, 70.0))
    assert 49.0 + OFFSET_S < seen[65.0][0].last_seen_s < 50.5 + OFFSET_S
    assert seen[75.0][0].last_seen_s == 75.0 + OFFSET_S
    assert seen[65.0][0].region_id == seen[75.0][0].region_id


def test_a_thing_that_is_hidden_at_first_is_told_once_it_shows() -> None:
    seen = looks(RegionMaker(world(bag(10.0, 200.0)), 0.0), 100.0, hidden=(10.0, 50.0))
    assert seen[49.0] == []
    assert seen[70.0] != []


def test_without_errors_there_is_nothing_but_things() -> None:
    seen = looks(RegionMaker(world(bag(10.0, 200.0), bag(30.0, 200.0, "other", 3.0)), 0.0), 100.0)
    assert {region.region_id for regions in seen.values() for region in regions} == {1, 2}


def test_errors_tell_things_that_are_not_there() -> None:
    found = sum(len(looks(RegionMaker(world(seed=seed), 60.0), 300.0)[200.0]) for seed in range(3))
    assert found > 0
