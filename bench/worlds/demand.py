"""Who drives: Vietnamese proportions, and rides that no simulator does by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bench.worlds.sumo import Vehicle
from bench.worlds.world import SIZES_M, Trajectory

SHARES = {"motorcycle": 0.74, "car": 0.15, "truck": 0.05, "bicycle": 0.04, "bus": 0.02}
"""Of vehicles on an urban street; there are about ten motorbikes to a car in Vietnam, and cars are used more."""
STEP_S = 0.04


def mixed(
    rng: np.random.Generator,
    name: str,
    edges: Sequence[str],
    per_minute: float,
    end_s: float,
    *,
    shares: dict[str, float] = SHARES,
    factor: tuple[float, float, float] = (0.8, 0.1, 1.0),
) -> list[Vehicle]:
    """Vehicles that arrive at random.

    Args:
        rng: Of the world.
        name: Begins their ids.
        edges: Their way.
        per_minute: How many.
        end_s: Nobody enters later.
        shares: By class.
        factor: Desired speeds as shares of the road's: mean, standard deviation, greatest.
    """
    vehicles: list[Vehicle] = []
    time_s = float(rng.exponential(60.0 / per_minute))
    while time_s < end_s:
        class_name = str(rng.choice(list(shares), p=np.array(list(shares.values())) / sum(shares.values())))
        mean, spread, most = factor
        speed = float(np.clip(rng.normal(mean, spread), 0.4, most))
        vehicles.append(Vehicle(f"{name}{len(vehicles)}", class_name, time_s, tuple(edges), speed))
        time_s += float(rng.exponential(60.0 / per_minute))
    return vehicles


def ride(
    object_id: str,
    class_name: str,
    points_m: Sequence[tuple[float, float]],
    speed_mps: float,
    start_s: float,
    rng: np.random.Generator,
    *,
    sway_m: float = 0.12,
) -> Trajectory:
    """Somebody goes along a line of points at an even speed, swaying a little as two-wheelers and walkers do."""
    points = np.array(points_m, np.float64)
    steps = np.hypot(*np.diff(points, axis=0).T)
    ways = np.concatenate([[0.0], np.cumsum(steps)])
    count = max(2, math.ceil(float(ways[-1]) / speed_mps / STEP_S))
    times = np.asarray(start_s + np.arange(count) * STEP_S, np.float64)
    way = np.minimum((times - start_s) * speed_mps, ways[-1])
    places = np.column_stack([np.interp(way, ways, points[:, axis]) for axis in (0, 1)])
    legs = np.clip(np.searchsorted(ways, way, side="right") - 1, 0, len(steps) - 1)
    across, along = np.diff(points, axis=0)[legs].T[::-1]
    heading = np.asarray(np.arctan2(across, along), np.float64)
    wave = sway_m * np.sin(2.0 * math.pi * (times - start_s) / 4.0 + rng.uniform(0.0, 2.0 * math.pi))
    places += wave[:, None] * np.column_stack([-np.sin(heading), np.cos(heading)])
    return Trajectory(object_id, class_name, SIZES_M[class_name], times, np.asarray(places, np.float64), heading)


def stand(
    object_id: str, class_name: str, place_m: tuple[float, float], heading_rad: float, start_s: float, end_s: float
) -> Trajectory:
    """Something stands from one time to another."""
    times = np.array([start_s, end_s])
    return Trajectory(
        object_id, class_name, SIZES_M[class_name], times, np.array([place_m] * 2), np.full(2, heading_rad)
    )
