"""The places that people worlds play in: a square before a camera on a pole; how people come, stand about and go."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from bench.worlds.camera import PinholeCamera, Place, aimed
from bench.worlds.people_walk import Leg, Walker
from bench.worlds.truths import Area
from bench.worlds.world import NOON, SITE, SIZES_M, Trajectory, Truth, World, camera_file, read_config
from edge.rules import RULES

AREA_M: list[Place] = [(-30.0, -12.0), (30.0, -12.0), (30.0, 22.0), (-30.0, 22.0)]
"""Where people can be."""
ENDS_M = 26.0
"""They come and go this far to the left and right of the middle: outside the picture."""
NIGHT = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)
"""22:30 in Vietnam."""
EVENING = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
"""18:00 in Vietnam."""
FAR_Y, LEAST_ROWS = 9.5, 46.0
"""Zones reach so far from the camera's side, and people there are so many of the model's 384 rows high."""
SPACING_M = 0.75
"""People who stand together keep this far apart at least."""


def pole(rng: np.random.Generator) -> PinholeCamera:
    """A camera on a pole south of the middle, 4.5 to 7.5 m high, as the guide says: people are 45 rows high or more."""
    height, back = float(rng.uniform(4.5, 7.5)), float(rng.uniform(15.0, 22.0))
    aside = float(rng.uniform(-4.0, 4.0))
    far = math.dist((aside, -back), (0.0, FAR_Y))
    focal = LEAST_ROWS * math.hypot(far, height) / (1.6 * 640.0) * float(rng.uniform(1.03, 1.2))
    return aimed((aside, -back, height), (0.0, FAR_Y), focal, far + 0.5)


def size_of(rng: np.random.Generator) -> tuple[float, float, float]:
    """Grown-ups and some children."""
    length, width, _ = SIZES_M["person"]
    height = float(rng.normal(1.62, 0.08)) if rng.random() > 0.12 else float(rng.uniform(1.0, 1.4))
    return length, width, height


def passer(name: str, start_s: float, rng: np.random.Generator, y_m: Place, speed: float | None = None) -> Walker:
    """Somebody who walks through from one end to the other."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    a, b = rng.uniform(*y_m, 2).tolist()
    pace = float(np.clip(rng.normal(1.25, 0.2), 0.7, 1.8)) if speed is None else speed
    return Walker(name, start_s, (-side * ENDS_M, a), [Leg((side * ENDS_M, b))], pace, size_of(rng))


def stream(name: str, span_s: Place, per_s: float, rng: np.random.Generator, y_m: Place) -> list[Walker]:
    """Passers-by at random moments."""
    count = int(rng.poisson(per_s * (span_s[1] - span_s[0])))
    starts = np.sort(rng.uniform(*span_s, count)).tolist()
    return [passer(f"{name}{index}", start, rng, y_m) for index, start in enumerate(starts)]


def spots(count: int, middle_m: Place, rng: np.random.Generator, spacing_m: float = SPACING_M) -> list[Place]:
    """Places of people who stand together: no two nearer than the spacing, everybody near somebody."""
    found: list[Place] = [middle_m]
    reach = spacing_m * math.sqrt(count) * 0.9
    while len(found) < count:
        angle, away = rng.uniform(0.0, 2.0 * math.pi), reach * math.sqrt(rng.random())
        spot = (middle_m[0] + away * math.cos(angle), middle_m[1] + away * math.sin(angle))
        near = min(math.dist(spot, other) for other in found)
        if spacing_m <= near <= 1.7:
            found.append(spot)
        else:
            reach *= 1.002
    return found


def gathering(
    name: str,
    count: int,
    start_s: float,
    stay_s: float,
    middle_m: Place,
    rng: np.random.Generator,
    *,
    come_s: float = 40.0,
    leave_s: float = 20.0,
) -> list[Walker]:
    """People who come one by one, stand together and go again."""
    walkers = []
    for index, spot in enumerate(spots(count, middle_m, rng)):
        side = 1.0 if rng.random() < 0.5 else -1.0
        speed = float(np.clip(rng.normal(1.25, 0.15), 0.8, 1.7))
        y = float(rng.uniform(-3.0, 8.0))
        there_s = start_s + float(rng.uniform(0.0, come_s))
        begin_s = max(0.0, there_s - math.dist((-side * ENDS_M, y), spot) / speed)
        until_s = start_s + come_s + stay_s + float(rng.uniform(0.0, leave_s))
        legs = [Leg(spot, until_s - there_s), Leg((side * ENDS_M, y))]
        walkers.append(Walker(f"{name}{index}", begin_s, (-side * ENDS_M, y), legs, speed, size_of(rng)))
    return walkers


def make_world(
    name: str,
    seed: int,
    view: PinholeCamera,
    areas: Sequence[Area],
    rules: Sequence[Mapping[str, Any]],
    people: Sequence[Trajectory],
    truths: Sequence[Truth],
    duration_s: float,
    *,
    kinds: Mapping[str, str] | None = None,
    start: datetime = NOON,
    ordinary: bool = False,
) -> World:
    """Put a world together: zones as the camera sees them, a calibration measured with tape.

    Args:
        name: Of the world.
        seed: Of the calibration's errors and of the noise.
        view: The camera.
        areas: Its zones.
        rules: As in a camera file; those of a kind that does not exist yet are left out, with their truths.
        people: Who and what moves.
        truths: What ought to be told.
        duration_s: Of the world.
        kinds: What zones are on the ground, where not `area`.
        start: Of the world.
        ordinary: See `World`.

    Raises:
        ValueError: The configuration is refused.
    """
    rng = np.random.default_rng(seed)
    marks = [mark for mark in CALIBRATION_M if _shows(view, mark)]
    zones = {
        area.zone: {
            "name": area.zone,
            "kind": (kinds or {}).get(area.zone, "area"),
            "coordinates": view.polygon(area.corners_m),
        }
        for area in areas
    }
    camera = camera_file(
        name.replace("_", "-"),
        calibration=view.calibration(marks, rng),
        zones=zones,
        rules=[dict(rule) for rule in rules if rule["kind"] in RULES],
    )
    known = tuple(truth for truth in truths if truth.kind in RULES)
    site, config = read_config(SITE, camera)
    return World(name, seed, site, config, view, duration_s, tuple(people), known, start=start, ordinary=ordinary)


CALIBRATION_M: tuple[Place, ...] = (
    (-3.5, -3.5),
    (4.0, -3.0),
    (7.0, 2.0),
    (6.5, 8.5),
    (-4.0, 9.0),
    (-6.5, 4.0),
    (0.5, 2.5),
)
"""Marks on the ground whose places were measured; no three on a line."""


def _shows(view: PinholeCamera, place_m: Place) -> bool:
    x, y = view.to_picture(place_m)
    return 0.02 < x < 0.98 and 0.02 < y < 0.98
