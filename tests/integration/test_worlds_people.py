"""Small worlds of people on foot: JuPedSim walks, the edge's tracker and rules watch, exact truth judges."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from bench.worlds import people, people_street
from bench.worlds.noise import make_noise
from bench.worlds.observe import watch
from bench.worlds.people_scenes import AREA_M, gathering
from bench.worlds.people_walk import Leg, Walker, walk
from bench.worlds.score import score

pytestmark = [
    pytest.mark.worlds,
    pytest.mark.skipif(find_spec("jupedsim") is None, reason="JuPedSim is not installed: sh tools/setup_worlds.sh"),
]


def test_a_walker_goes_stays_and_leaves_and_walks_round_who_stands() -> None:
    stands = Walker("stands", 0.0, (0.0, 0.0), [Leg((0.0, 0.0), 60.0)])
    passes = Walker("passes", 5.0, (-10.0, 0.0), [Leg((10.0, 0.0))], speed=1.2)
    found = {item.object_id: item for item in walk([stands, passes], AREA_M, 60.0, 1)}
    assert np.hypot(*found["stands"].xy_m.T).max() < 2.0
    assert found["passes"].xy_m[-1] == pytest.approx((10.0, 0.0), abs=1.0)
    times = np.arange(6.0, 20.0, 0.1)
    times = times[times < found["passes"].times_s[-1]]
    apart = np.hypot(*(found["passes"].at(times)[0] - found["stands"].at(times)[0]).T)
    assert apart.min() > 0.25
    assert 15.0 < found["passes"].times_s[-1] - found["passes"].times_s[0] < 25.0


def test_the_same_seed_walks_the_same_way() -> None:
    walkers = gathering("g", 8, 5.0, 10.0, (0.0, 0.0), np.random.default_rng(3))
    first, second = (walk(walkers, AREA_M, 60.0, 3) for _ in range(2))
    assert [item.object_id for item in first] == [item.object_id for item in second]
    assert all(np.array_equal(a.xy_m, b.xy_m) for a, b in zip(first, second, strict=True))


def test_people_who_pass_and_short_crowds_raise_nothing() -> None:
    world = people.short_crowds(2)
    found = score(world, watch(world, 2.0, make_noise("measured", world.seed)).alerts)["crowding"]
    assert (found.right, found.false, found.missed) == (0, 0, 0), found.examples


def test_people_who_gather_are_told_once() -> None:
    world = people.night_crowds(5)
    for level in ("none", "measured"):
        found = score(world, watch(world, 2.0, make_noise(level, world.seed)).alerts)["crowding"]
        assert (found.right, found.false, found.missed) == (1, 0, 0), found.examples


def test_who_crosses_beside_the_crossing_is_told_and_nobody_else() -> None:
    world = people_street.crossings(1)
    found = score(world, watch(world, 5.0, make_noise("none", world.seed)).alerts)["jaywalking"]
    assert found.right >= 8
    assert (found.false, found.missed) == (0, 0), found.examples
