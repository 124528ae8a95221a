"""Worlds on a road before the camera: people who cross it, at the crossing and beside it."""

from __future__ import annotations

import numpy as np

from bench.worlds.camera import Place
from bench.worlds.people_scenes import AREA_M, ENDS_M, EVENING, make_world, pole, size_of, stream
from bench.worlds.people_truth import jaywalking
from bench.worlds.people_walk import Leg, Walker, walk
from bench.worlds.truths import rectangle, seen
from bench.worlds.world import World

ROAD_Y: Place = (0.0, 7.0)
ROAD = rectangle("long_duong", (-9.0, 9.0), ROAD_Y)
CROSSING = rectangle("vach_qua_duong", (-1.8, 1.8), ROAD_Y)
RULE = {"kind": "jaywalking", "zones": ["long_duong"]}
MARKET = {"kind": "street_market", "zones": ["long_duong"]}
"""Must stay silent where nobody sells."""
NEAR_Y, FAR_Y = -2.5, 9.5
"""The middles of both pavements."""


def crossings(seed: int) -> World:
    """People cross where they may and where they may not; some step onto the road and come back."""
    rng = np.random.default_rng(seed)
    walkers: list[Walker] = []
    start_s = 10.0
    for number in range(16):
        walkers += _cross(f"c{number}", start_s, rng, beside=number % 2 == 1)
        start_s += float(rng.uniform(8.0, 25.0))
    for number in range(4):
        walkers.append(_step_out(f"s{number}", 20.0 + 70.0 * number, rng))
    walkers += stream("p", (0.0, 380.0), 0.06, rng, (NEAR_Y - 1.0, NEAR_Y + 1.0))
    walkers += stream("q", (0.0, 380.0), 0.06, rng, (FAR_Y - 1.0, FAR_Y + 1.0))
    return _world(f"crossings_{seed}", seed, walkers, 420.0, rng)


def ordinary_road(seed: int, duration_s: float = 3600.0) -> World:
    """An hour: people walk along both pavements, and cross at the crossing only."""
    rng = np.random.default_rng(seed)
    walkers = stream("p", (0.0, duration_s - 60.0), 0.03, rng, (NEAR_Y - 1.0, NEAR_Y + 1.0))
    walkers += stream("q", (0.0, duration_s - 60.0), 0.03, rng, (FAR_Y - 1.0, FAR_Y + 1.0))
    for number, start_s in enumerate(np.arange(20.0, duration_s - 60.0, 75.0).tolist()):
        walkers += _cross(f"c{number}", start_s, rng, beside=False)
    for number, start_s in enumerate(np.arange(200.0, duration_s - 60.0, 600.0).tolist()):
        walkers.append(_step_out(f"s{number}", start_s, rng))
    return _world(f"road_{seed}", seed, walkers, duration_s, rng, ordinary=True)


def _cross(name: str, start_s: float, rng: np.random.Generator, *, beside: bool) -> list[Walker]:
    """One person, or two together, from one pavement to the other."""
    near_first = rng.random() < 0.5
    ys = (NEAR_Y, FAR_Y) if near_first else (FAR_Y, NEAR_Y)
    from_side, to_side = (1.0 if rng.random() < 0.5 else -1.0 for _ in range(2))
    x = (
        float(rng.uniform(3.6, 6.5)) * (1.0 if rng.random() < 0.5 else -1.0)
        if beside
        else float(rng.uniform(-1.0, 1.0))
    )
    slant = float(rng.uniform(-1.2, 1.2)) if beside else float(rng.uniform(-0.4, 0.4))
    walkers = []
    for number in range(1 if rng.random() < 0.7 else 2):
        aside = 0.9 * number
        legs = [
            Leg((x + aside, ys[0]), float(rng.uniform(0.0, 6.0))),
            Leg((x + aside + slant, ys[1]), 0.0),
            Leg((to_side * ENDS_M, ys[1]), 0.0),
        ]
        speed = float(np.clip(rng.normal(1.3, 0.2), 0.8, 2.0))
        begin: Place = (from_side * ENDS_M, ys[0] + aside)
        walkers.append(Walker(f"{name}-{number}", start_s, begin, legs, speed, size_of(rng)))
    return walkers


def _step_out(name: str, start_s: float, rng: np.random.Generator) -> Walker:
    """Steps onto the road (round something, to look) and comes back to the same side."""
    x = float(rng.uniform(3.0, 6.0)) * (1.0 if rng.random() < 0.5 else -1.0)
    side = 1.0 if rng.random() < 0.5 else -1.0
    legs = [
        Leg((x, NEAR_Y)),
        Leg((x + 1.0, float(rng.uniform(1.0, 3.0))), 2.0),
        Leg((x + 2.0, NEAR_Y)),
        Leg((side * ENDS_M, NEAR_Y)),
    ]
    return Walker(name, start_s, (-side * ENDS_M, NEAR_Y), legs, 1.2, size_of(rng))


def _world(
    name: str,
    seed: int,
    walkers: list[Walker],
    duration_s: float,
    rng: np.random.Generator,
    *,
    ordinary: bool = False,
) -> World:
    people = walk(walkers, AREA_M, duration_s, seed)
    view = pole(rng)
    road = seen(ROAD, view)
    return make_world(
        name,
        seed,
        view,
        [road, CROSSING],
        [RULE, MARKET] if ordinary else [RULE],
        people,
        jaywalking(people, ROAD, [CROSSING], duration_s, ROAD_Y, road),
        duration_s,
        kinds={"long_duong": "carriageway", "vach_qua_duong": "crossing"},
        start=EVENING,
        ordinary=ordinary,
    )
