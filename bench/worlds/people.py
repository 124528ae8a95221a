"""Worlds about people on foot: gatherings, passers-by, loiterers, night visits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bench.worlds.camera import Place
from bench.worlds.people_scenes import (
    AREA_M,
    ENDS_M,
    EVENING,
    NIGHT,
    gathering,
    make_world,
    pole,
    size_of,
    stream,
)
from bench.worlds.people_truth import crowding, intrusion, loitering
from bench.worlds.people_walk import Leg, Walker, walk
from bench.worlds.truths import rectangle, seen
from bench.worlds.world import Disturbance, World

SQUARE = rectangle("san", (-8.0, 8.0), (-5.0, 8.0))
YARD = rectangle("khu_cam", (-5.0, 5.0), (2.0, 9.0))
"""Behind a fence; people pass before it."""
PATH_Y: Place = (-4.5, 8.5)
CROWDING = {"kind": "crowding", "zones": ["san"]}
MIN_PEOPLE, AFTER_HOURS = 10, 5
"""Defaults of the rule."""


def crowds(seed: int) -> World:
    """Two clear gatherings, and one that is too short or too small."""
    rng = np.random.default_rng(seed)
    walkers = [
        *gathering("a", int(rng.integers(12, 22)), 40.0, float(rng.uniform(80.0, 150.0)), _middle(rng), rng),
        *gathering("b", int(rng.integers(4, 8)), 330.0, 150.0, _middle(rng), rng),
        *gathering("c", int(rng.integers(12, 18)), 600.0, float(rng.uniform(80.0, 150.0)), _middle(rng), rng),
        *stream("p", (0.0, 880.0), 0.05, rng, PATH_Y),
    ]
    return _crowd_world(f"crowds_{seed}", seed, walkers, 900.0)


def disturbed_crowds(seed: int) -> World:
    """Clear gatherings while the stream stalls, the wall clock is set and the stream's own clock jumps back."""
    world = crowds(seed)
    return replace(
        world,
        name=f"disturbed_crowds_{seed}",
        disturbances=(
            Disturbance(95.0, stall_s=20.0),
            Disturbance(150.0, utc_step_s=-900.0),
            Disturbance(655.0, stall_s=8.0),
            Disturbance(700.0, stream_step_s=-20.0),
        ),
    )


def short_crowds(seed: int) -> World:
    """People who come together for half a minute (a bus, a school gate) and go: nothing to tell."""
    rng = np.random.default_rng(seed)
    walkers = stream("p", (0.0, 600.0), 0.05, rng, PATH_Y)
    for number in range(3):
        count = int(rng.integers(12, 18))
        walkers += gathering(f"g{number}-", count, 40.0 + 180.0 * number, 8.0, _middle(rng), rng, come_s=12, leave_s=8)
    return _crowd_world(f"short_crowds_{seed}", seed, walkers, 620.0)


def hovering_crowds(seed: int) -> World:
    """A group about as large as the limit: most of it is a borderline case."""
    rng = np.random.default_rng(seed)
    walkers = stream("p", (0.0, 600.0), 0.05, rng, PATH_Y)
    for number, count in enumerate((9, 10, 11)):
        walkers += gathering(f"g{number}-", count, 40.0 + 210.0 * number, 100.0, _middle(rng), rng)
    return _crowd_world(f"hovering_crowds_{seed}", seed, walkers, 680.0)


def streams(seed: int, per_s: float = 0.3) -> World:
    """A busy path: everybody passes, nobody stays."""
    rng = np.random.default_rng(seed)
    return _crowd_world(
        f"stream_{round(100 * per_s)}_{seed}", seed, stream("p", (0.0, 600.0), per_s, rng, PATH_Y), 600.0
    )


def night_crowds(seed: int) -> World:
    """After hours five are enough."""
    rng = np.random.default_rng(seed)
    walkers = [
        *gathering("a", int(rng.integers(7, 10)), 40.0, 120.0, _middle(rng), rng),
        *gathering("b", 3, 300.0, 150.0, _middle(rng), rng),
        *stream("p", (0.0, 580.0), 0.02, rng, PATH_Y),
    ]
    return _crowd_world(f"night_crowds_{seed}", seed, walkers, 600.0, night=True)


def loiterers(seed: int) -> World:
    """Some wander about for minutes, some wait too short, most pass."""
    rng = np.random.default_rng(seed)
    walkers = stream("p", (0.0, 1150.0), 0.05, rng, PATH_Y)
    stays = rng.permutation([240.0, 320.0, 60.0, 120.0]).tolist()
    for number, stay_s in enumerate(stays):
        walkers.append(_wanderer(f"w{number}", 20.0 + 250.0 * number, stay_s, rng))
    people = walk(walkers, AREA_M, 1200.0, seed)
    view = pole(rng)
    area = seen(SQUARE, view)
    return make_world(
        f"loiterers_{seed}",
        seed,
        view,
        [area],
        [{"kind": "loitering", "zones": ["san"]}],
        people,
        loitering(people, area, 1200.0),
        1200.0,
        start=EVENING,
    )


def night_visits(seed: int) -> World:
    """People pass before a yard at night; some go in."""
    rng = np.random.default_rng(seed)
    walkers = stream("p", (0.0, 860.0), 0.03, rng, (-4.0, 0.5))
    for number in range(4):
        side = 1.0 if rng.random() < 0.5 else -1.0
        inside = (float(rng.uniform(-4.0, 4.0)), float(rng.uniform(3.5, 8.0)))
        legs = [Leg(inside, float(rng.uniform(2.0, 40.0))), Leg((side * ENDS_M, -2.0))]
        start_s = 30.0 + 210.0 * number + float(rng.uniform(0.0, 40.0))
        walkers.append(Walker(f"v{number}", start_s, (-side * ENDS_M, -2.0), legs, 1.2, size_of(rng)))
    people = walk(walkers, AREA_M, 900.0, seed)
    view = pole(rng)
    area = seen(YARD, view)
    return make_world(
        f"night_visits_{seed}",
        seed,
        view,
        [area],
        [{"kind": "intrusion", "zones": ["khu_cam"], "schedule": ["22:00-05:00"]}],
        people,
        intrusion(people, area, 900.0),
        900.0,
        start=NIGHT,
    )


def ordinary_evening(seed: int, duration_s: float = 3600.0) -> World:
    """An hour of a village street: passers-by alone and in pairs, talks of a few people, nobody stays for long."""
    rng = np.random.default_rng(seed)
    walkers = stream("p", (0.0, duration_s - 60.0), 0.04, rng, PATH_Y)
    for number, start_s in enumerate(np.arange(60.0, duration_s - 200.0, 300.0).tolist()):
        count, stay_s = int(rng.integers(2, 6)), float(rng.uniform(20.0, 100.0))
        walkers += gathering(f"t{number}-", count, start_s, stay_s, _middle(rng), rng, come_s=10.0, leave_s=5.0)
    people = walk(walkers, AREA_M, duration_s, seed)
    view = pole(rng)
    area = seen(SQUARE, view)
    return make_world(
        f"evening_{seed}",
        seed,
        view,
        [area],
        [CROWDING, {"kind": "loitering", "zones": ["san"]}],
        people,
        [*crowding(people, area, duration_s, MIN_PEOPLE), *loitering(people, area, duration_s)],
        duration_s,
        start=EVENING,
        ordinary=True,
    )


def ordinary_night(seed: int, duration_s: float = 3600.0) -> World:
    """An hour of the night: people pass before the yard, nobody goes in."""
    rng = np.random.default_rng(seed)
    people = walk(stream("p", (0.0, duration_s - 60.0), 0.01, rng, (-4.0, 0.5)), AREA_M, duration_s, seed)
    view = pole(rng)
    area = seen(YARD, view)
    return make_world(
        f"night_{seed}",
        seed,
        view,
        [area],
        [{"kind": "intrusion", "zones": ["khu_cam"], "schedule": ["22:00-05:00"]}],
        people,
        intrusion(people, area, duration_s),
        duration_s,
        start=NIGHT,
        ordinary=True,
    )


def _crowd_world(name: str, seed: int, walkers: Sequence[Walker], duration_s: float, *, night: bool = False) -> World:
    people = walk(walkers, AREA_M, duration_s, seed)
    view = pole(np.random.default_rng(seed + 1))
    area = seen(SQUARE, view)
    return make_world(
        name,
        seed,
        view,
        [area],
        [CROWDING],
        people,
        crowding(people, area, duration_s, AFTER_HOURS if night else MIN_PEOPLE),
        duration_s,
        start=NIGHT if night else EVENING,
    )


def _middle(rng: np.random.Generator) -> Place:
    """Where people gather: far enough from the zone's border."""
    return (float(rng.uniform(-4.0, 4.0)), float(rng.uniform(-1.0, 4.0)))


def _wanderer(name: str, start_s: float, stay_s: float, rng: np.random.Generator) -> Walker:
    """Somebody who walks about in the square, standing here and there."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    legs, left_s = [], stay_s
    while left_s > 0.0:
        stand_s = float(rng.uniform(5.0, 40.0))
        legs.append(Leg((float(rng.uniform(-6.0, 6.0)), float(rng.uniform(-3.0, 6.0))), stand_s, speed=0.8))
        left_s -= stand_s + 7.0
    return Walker(name, start_s, (-side * ENDS_M, 0.0), [*legs, Leg((side * ENDS_M, 0.0))], 1.2, size_of(rng))
