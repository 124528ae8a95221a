"""Worlds in which people leave things behind: rubbish, forgotten bags; and those who take their things along."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bench.worlds.camera import Place
from bench.worlds.people_scenes import AREA_M, ENDS_M, EVENING, make_world, pole, size_of, stream
from bench.worlds.people_walk import Leg, Walker, walk
from bench.worlds.truths import rectangle, seen
from bench.worlds.world import Trajectory, Truth, World

SQUARE = rectangle("san", (-8.0, 8.0), (-5.0, 8.0))
PATH_Y: Place = (-4.5, 8.5)
LITTERING = {"kind": "littering", "zones": ["san"]}
ABANDONED = {"kind": "abandoned_object", "zones": ["san"]}
NEAR_M, AWAY_M = 2.0, 4.0
RUBBISH_M = (0.45, 0.45, 0.4)
BAG_M = (0.5, 0.3, 0.45)
AWAY_S, STAYS_S, ALONE_S = 10.0, 20.0, 120.0
"""Defaults of the rules."""


def littering(seed: int) -> World:
    """Some drop something and walk off; some pick it up again, or stand by their bag and take it along."""
    rng = np.random.default_rng(seed)
    plans = [(f"l{n}", 25.0 + 95.0 * n, kind) for n, kind in enumerate(rng.permutation(list("ddddkkbb")).tolist())]
    walkers = stream("p", (0.0, 780.0), 0.03, rng, PATH_Y)
    spots = {}
    for name, start_s, kind in plans:
        spots[name] = spot = _spot(rng)
        stay_s = {"d": float(rng.uniform(2.0, 6.0)), "k": float(rng.uniform(8.0, 12.0)), "b": 60.0}[kind]
        walkers.append(_visitor(name, start_s, spot, stay_s, rng))
    people = walk(walkers, AREA_M, 840.0, seed)
    things, truths = [], []
    for name, _, kind in plans:
        person = next(item for item in people if item.object_id == name)
        came_s, left_s = _stay(person, spots[name])
        drop_s = came_s + 1.0
        until_s = 839.0 if kind == "d" else left_s - 0.5
        if until_s - drop_s < 1.0:
            continue
        things.append(_thing(f"{name}-thing", RUBBISH_M, _beside(spots[name], rng), drop_s, until_s))
        if kind == "d":
            told_s = max(drop_s + STAYS_S, _away(person, spots[name]) + AWAY_S)
            truths.append(Truth("littering", "san", (name,), drop_s, until_s, optional=told_s > until_s - 20.0))
    view = pole(rng)
    return make_world(
        f"littering_{seed}",
        seed,
        view,
        [seen(SQUARE, view)],
        [LITTERING],
        [*people, *things],
        truths,
        840.0,
        start=EVENING,
    )


def forgotten(seed: int) -> World:
    """Bags that stand alone for minutes until somebody takes them; bags beside their owners; short absences."""
    rng = np.random.default_rng(seed)
    plans = [(f"f{n}", 25.0 + 220.0 * n, kind) for n, kind in enumerate(rng.permutation(list("aarrs")).tolist())]
    walkers = stream("p", (0.0, 1300.0), 0.03, rng, PATH_Y)
    spots = {}
    for name, start_s, kind in plans:
        spots[name] = spot = _spot(rng)
        if kind == "s":  # stays beside it
            walkers.append(_visitor(name, start_s, spot, 200.0, rng))
            continue
        walkers.append(_visitor(name, start_s, spot, float(rng.uniform(3.0, 20.0)), rng))
        back_s = start_s + (75.0 if kind == "r" else float(rng.uniform(240.0, 330.0)))
        walkers.append(_visitor(f"{name}-back", back_s, spot, 3.0, rng))
    people = walk(walkers, AREA_M, 1380.0, seed)
    things, truths = [], []
    for name, _, kind in plans:
        person = next(item for item in people if item.object_id == name)
        came_s, left_s = _stay(person, spots[name])
        if kind == "s":
            until_s = left_s - 0.5
        else:
            back = next(item for item in people if item.object_id == f"{name}-back")
            until_s = _stay(back, spots[name])[0] + 1.5
        things.append(_thing(f"{name}-thing", BAG_M, _beside(spots[name], rng), came_s + 1.0, until_s))
        start_s = _away(person, spots[name], NEAR_M)
        alone_s = until_s - start_s
        if kind != "s" and alone_s > 0.8 * ALONE_S:
            optional = alone_s < ALONE_S + 25.0
            truths.append(Truth("abandoned_object", "san", (name,), start_s, until_s, optional=optional))
    view = pole(rng)
    return make_world(
        f"forgotten_{seed}",
        seed,
        view,
        [seen(SQUARE, view)],
        [ABANDONED],
        [*people, *things],
        truths,
        1380.0,
        start=EVENING,
    )


def ordinary_square(seed: int, duration_s: float = 3600.0) -> World:
    """An hour: people pass, rest beside their bags and take them along."""
    rng = np.random.default_rng(seed)
    walkers = stream("p", (0.0, duration_s - 60.0), 0.04, rng, PATH_Y)
    resting = {}
    for number, start_s in enumerate(np.arange(60.0, duration_s - 250.0, 400.0).tolist()):
        resting[f"r{number}"] = spot = _spot(rng)
        walkers.append(_visitor(f"r{number}", start_s, spot, float(rng.uniform(30.0, 150.0)), rng))
    people = walk(walkers, AREA_M, duration_s, seed)
    things = []
    for person in people:
        spot_of = resting.get(person.object_id)
        if spot_of is not None:
            came_s, left_s = _stay(person, spot_of)
            things.append(_thing(f"{person.object_id}-bag", BAG_M, _beside(spot_of, rng), came_s + 1.0, left_s - 0.5))
    view = pole(rng)
    return make_world(
        f"square_{seed}",
        seed,
        view,
        [seen(SQUARE, view)],
        [LITTERING, ABANDONED],
        [*people, *things],
        [],
        duration_s,
        start=EVENING,
        ordinary=True,
    )


def _visitor(name: str, start_s: float, spot: Place, stay_s: float, rng: np.random.Generator) -> Walker:
    from_side, to_side = (1.0 if rng.random() < 0.5 else -1.0 for _ in range(2))
    y = float(rng.uniform(*PATH_Y))
    legs = [Leg(spot, stay_s), Leg((to_side * ENDS_M, y))]
    return Walker(name, start_s, (-from_side * ENDS_M, y), legs, float(rng.uniform(1.0, 1.4)), size_of(rng))


def _spot(rng: np.random.Generator) -> Place:
    return (float(rng.uniform(-5.5, 5.5)), float(rng.uniform(-2.5, 4.5)))


def _beside(spot: Place, rng: np.random.Generator) -> Place:
    """Half a metre from where the person stood, so that its box is not wholly theirs."""
    angle = float(rng.uniform(0.0, 2.0 * math.pi))
    return (spot[0] + 0.5 * math.cos(angle), spot[1] + 0.5 * math.sin(angle))


def _thing(name: str, size_m: tuple[float, float, float], place: Place, born_s: float, dies_s: float) -> Trajectory:
    return Trajectory(name, "thing", size_m, np.array([born_s, dies_s]), np.array([place, place]), np.zeros(2))


def _stay(person: Trajectory, spot: Place) -> tuple[float, float]:
    """When somebody came to a spot, and left it."""
    near = np.flatnonzero(np.hypot(*(person.xy_m - spot).T) < 1.2)
    if not len(near):
        return float(person.times_s[-1]), float(person.times_s[-1])
    return float(person.times_s[near[0]]), float(person.times_s[near[-1]])


def _away(person: Trajectory, spot: Place, away_m: float = AWAY_M) -> float:
    """From when on somebody is farther away than this for good."""
    near: Sequence[int] = np.flatnonzero(np.hypot(*(person.xy_m - spot).T) <= away_m).tolist()
    return float(person.times_s[near[-1]]) if near else float(person.times_s[0])
