"""Worlds in which people sell on the carriageway: markets, and what only looks a little like one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bench.worlds.camera import Place
from bench.worlds.people_scenes import AREA_M, ENDS_M, gathering, make_world, pole, size_of, stream
from bench.worlds.people_truth import places_of
from bench.worlds.people_walk import Leg, Walker, walk
from bench.worlds.truths import Area, rectangle, seen
from bench.worlds.world import SIZES_M, Trajectory, Truth, World

Array = NDArray[np.float64]
ROAD_Y: Place = (0.0, 6.0)
ROAD = rectangle("long_duong", (-8.0, 8.0), ROAD_Y)
RULE = {"kind": "street_market", "zones": ["long_duong"]}
STEP_S, STILL_S, STILL_M = 2.0, 30.0, 0.8
CELL_M, AROUND_M = 0.25, 0.5
"""Whoever stands takes the ground within this of them, as the rule says."""
LEAST_PEOPLE, LEAST_SHARE, LEAST_S, CLEAR_S = 3, 0.15, 300.0, 60.0
DURATION_S = 1000.0
RIDER_M, RIDER_LIFT_M = (0.5, 0.5, 1.3), 0.35
"""As detectors box who sits on a motorbike."""


def market(seed: int) -> World:
    """Five or six sellers spread their goods; customers come and stand a while; later all go."""
    rng = np.random.default_rng(seed)
    walkers, goods = [], []
    until_s = float(rng.uniform(620.0, 780.0))
    places = rng.permutation([(x, y) for x in (-5.5, -1.8, 1.8, 5.5) for y in (1.3, 4.4)])[: int(rng.integers(5, 7))]
    for number, (x, y) in enumerate(places.tolist()):
        come_s, go_s = float(rng.uniform(10.0, 70.0)), until_s + float(rng.uniform(0.0, 60.0))
        walkers.append(_stands(f"s{number}", come_s, (x, y + 1.0), go_s - come_s - 15.0, rng))
        heap = (float(rng.uniform(2.4, 3.0)), float(rng.uniform(1.3, 1.6)), float(rng.uniform(0.2, 0.5)))
        goods.append(_lies(f"g{number}", "thing", heap, (x, y), come_s + 25.0, go_s - 5.0))
        for customer in range(int(rng.poisson(5))):
            at_s = float(rng.uniform(90.0, until_s - 120.0))
            spot = (x + float(rng.uniform(-1.0, 1.0)), y - 1.2)
            walkers.append(_stands(f"c{number}-{customer}", at_s, spot, float(rng.uniform(20.0, 100.0)), rng))
    walkers += stream("p", (0.0, DURATION_S - 60.0), 0.03, rng, (-3.0, -1.0))
    return _world(f"market_{seed}", seed, walkers, goods, rng)


def no_market(seed: int) -> World:
    """One seller with a basket, people who talk on the road, motorbikes parked at its edge without anybody."""
    rng = np.random.default_rng(seed)
    walkers = [_stands("s0", 20.0, (-5.0, 2.0), 700.0, rng)]
    goods = [_lies("g0", "thing", (0.8, 0.8, 0.4), (-5.0, 1.2), 45.0, 740.0)]
    goods += [
        _lies(f"m{n}", "motorcycle", SIZES_M["motorcycle"], (3.0 + 1.0 * n, 5.2), 0.0, DURATION_S - 1.0)
        for n in range(3)
    ]
    walkers += gathering("t", 4, 120.0, 420.0, (0.0, 3.0), rng)
    walkers += stream("p", (0.0, DURATION_S - 60.0), 0.05, rng, (-3.0, 5.0))
    return _world(f"no_market_{seed}", seed, walkers, goods, rng)


def jam(seed: int) -> World:
    """Two lanes of vehicles that move up now and then, riders with boxes of their own, people who stand and talk on the
    road, others who walk along and across: whatever they block, it is no market."""
    rng = np.random.default_rng(seed)
    walkers = gathering("t", 4, 60.0, 700.0, (float(rng.uniform(-4.0, 4.0)), 3.0), rng)
    walkers += stream("p", (0.0, DURATION_S - 60.0), 0.06, rng, (-3.0, 6.0))
    vehicles: list[Trajectory] = []
    for lane, y in enumerate((1.3, 4.6)):
        vehicles += _queue(f"v{lane}-", y, rng)
    return _world(f"jam_{seed}", seed, walkers, vehicles, rng, is_market=False)


def _queue(name: str, y: float, rng: np.random.Generator) -> list[Trajectory]:
    """Vehicles one behind the other, eastward; each move goes by a vehicle's length or two and takes some seconds."""
    times, way = [0.0], [0.0]
    while times[-1] < DURATION_S:
        stands_s, step_m = float(rng.uniform(20.0, 90.0)), float(rng.uniform(4.0, 9.0))
        times += [times[-1] + stands_s, times[-1] + stands_s + step_m / 2.0]
        way += [way[-1], way[-1] + step_m]
    vehicles: list[Trajectory] = []
    x = ENDS_M
    for number in range(200):
        if x < -ENDS_M - way[-1]:
            break
        class_name = str(rng.choice(["motorcycle", "car", "truck"], p=[0.6, 0.3, 0.1]))
        x -= SIZES_M[class_name][0] / 2.0 + 0.7
        aside = float(rng.uniform(-0.6, 0.6)) if class_name == "motorcycle" else 0.0
        places = np.column_stack([np.array(way) + x, np.full(len(way), y + aside)])
        parts = [(class_name, SIZES_M[class_name], 0.0)]
        if class_name == "motorcycle":
            parts.append(("person", RIDER_M, RIDER_LIFT_M))
        for part, size_m, lift_m in parts:
            item = Trajectory(
                f"{name}{number}-{part}", part, size_m, np.array(times), places, np.zeros(len(way)), lift_m
            )
            vehicles.append(item)
        x -= SIZES_M[class_name][0] / 2.0 + 0.3
    return vehicles


def truths_of(items: Sequence[Trajectory], area: Area, duration_s: float) -> list[Truth]:
    """When people and goods that stand blocked the road: clear cases, and borderline ones."""
    times = np.arange(0.0, duration_s, STEP_S)
    people, share, has_goods = _blocked(items, area, times)
    cases = [
        _spans((people >= least) & has_goods & (share >= part * LEAST_SHARE), seconds * LEAST_S)
        for least, part, seconds in ((LEAST_PEOPLE + 1, 1.35, 1.1), (LEAST_PEOPLE, 1.0, 1.0), (LEAST_PEOPLE, 0.7, 0.9))
    ]
    strict, usual, loose = cases
    found = []
    for begin_s, end_s in loose:
        inner = [span for span in usual if span[0] < end_s and span[1] > begin_s]
        sure = any(span[0] < end_s and span[1] > begin_s for span in strict)
        start_s = inner[0][0] if inner else begin_s
        found.append(Truth("street_market", area.zone, (), start_s, end_s, optional=not sure))
    return found


def _blocked(items: Sequence[Trajectory], area: Area, times: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
    """How many stand at each time, which share of the ground is blocked, and whether by more than people."""
    corners = np.array(area.corners_m)
    xs = np.arange(corners[:, 0].min() + CELL_M / 2, corners[:, 0].max(), CELL_M)
    ys = np.arange(corners[:, 1].min() + CELL_M / 2, corners[:, 1].max(), CELL_M)
    grid = np.array([(x, y) for y in ys.tolist() for x in xs.tolist()])
    places = places_of(items, times)
    back = round(STILL_S / STEP_S)
    people, share, has_goods = np.zeros(len(times)), np.zeros(len(times)), np.zeros(len(times), np.bool_)
    for t in range(back, len(times)):
        blocked = np.zeros(len(grid), np.bool_)
        for row, item in enumerate(items):
            way = places[row, t - back : t + 1]
            if np.isnan(way[-1, 0]) or area.depth(way[-1:])[0] < 0.0:
                continue
            if item.class_name == "person":
                if np.isnan(way).any() or np.hypot(*(way - way[-1]).T).max() > STILL_M:
                    continue
                people[t] += 1
                blocked |= np.hypot(*(grid - way[-1]).T) <= AROUND_M
            else:
                has_goods[t] = True
                half = np.array(item.size_m[:2]) / 2.0
                blocked |= (np.abs(grid - way[-1]) <= half).all(axis=1)
        share[t] = blocked.mean()
    return people, share, has_goods


def _spans(mask: NDArray[np.bool_], least_s: float) -> list[tuple[float, float]]:
    rows = np.flatnonzero(mask)
    if not len(rows):
        return []
    breaks = (np.flatnonzero(np.diff(rows) * STEP_S > CLEAR_S) + 1).tolist()
    stays = [rows[first:last] for first, last in pairwise([0, *breaks, len(rows)])]
    return [(float(s[0]) * STEP_S, float(s[-1]) * STEP_S) for s in stays if len(s) * STEP_S >= least_s]


def _stands(name: str, at_s: float, spot: Place, stay_s: float, rng: np.random.Generator) -> Walker:
    side = 1.0 if rng.random() < 0.5 else -1.0
    begin: Place = (-side * ENDS_M, float(rng.uniform(-3.0, -1.0)))
    speed = float(rng.uniform(1.0, 1.4))
    start_s = max(0.0, at_s - float(np.hypot(spot[0] - begin[0], spot[1] - begin[1])) / speed)
    return Walker(name, start_s, begin, [Leg(spot, stay_s), Leg((side * ENDS_M, -2.0))], speed, size_of(rng))


def _lies(
    name: str, class_name: str, size_m: tuple[float, float, float], place: Place, born_s: float, dies_s: float
) -> Trajectory:
    return Trajectory(name, class_name, size_m, np.array([born_s, dies_s]), np.array([place, place]), np.zeros(2))


def _world(
    name: str,
    seed: int,
    walkers: list[Walker],
    goods: list[Trajectory],
    rng: np.random.Generator,
    *,
    is_market: bool = True,
) -> World:
    items = [*walk(walkers, AREA_M, DURATION_S, seed), *goods]
    view = pole(rng)
    road = seen(ROAD, view)
    return make_world(
        name,
        seed,
        view,
        [road],
        [RULE],
        items,
        truths_of(items, road, DURATION_S) if is_market else [],
        DURATION_S,
        kinds={"long_duong": "carriageway"},
    )
