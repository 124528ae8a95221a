"""Worlds on a straight street: two ways, each with a motorbikes' lane outside, a pavement, a camera on a pole.

y  7  ------------------------------------------   <- westward: motorbikes
   3.5 - - - - - - - - - - - - - - - - - - - - -   <- westward
   0  ==========================================
 -3.5 - - - - - - - - - - - - - - - - - - - - -   -> eastward
  -7  ------------------------------------------   -> eastward: motorbikes; no parking
 -10.5 pavement        camera (0, -9) looks east
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bench.worlds import truths
from bench.worlds.camera import PinholeCamera
from bench.worlds.demand import mixed, ride, stand
from bench.worlds.sumo import Stop, Vehicle, drive
from bench.worlds.truths import Area, Motion, rectangle
from bench.worlds.world import NOON, SITE, Disturbance, Trajectory, Truth, World, camera_file, known, read_config
from contract.rules.base import MOTOR_VEHICLE_CLASSES, VEHICLE_CLASSES

VIEW = PinholeCamera((0.0, -9.0, 7.0), yaw_rad=0.265, tilt_deg=11.0, focal=1.42)
"""A lens of 39 degrees: a motorbike is 35 to 64 rows high in the model's 384 where zones begin and end."""
X = (24.0, 44.0)
"""From where to where along the street zones reach ..."""
LONG_X = (24.0, 66.0)
"""... and that of speeds: who drives at 90 km/h is in it for less than 2 s."""
LIMIT_KMH = 50.0
MAX_STAY_S = 60.0
"""Of parking in these worlds; the default of 300 s takes longer to simulate and decides the same way."""
LANE_CLASSES = ("car", "truck", "bus")
"""Who must not use the motorbikes' lane."""

EASTWARD = rectangle("lan_di", X, (-7.0, 0.0), 0.0)
WESTWARD = rectangle("lan_ve", X, (0.0, 7.0), math.pi)
ROAD = rectangle("long_duong", LONG_X, (-7.0, 7.0))
OUTER = rectangle("lan_xe_may", X, (-7.0, -3.5), 0.0)
NO_PARKING = rectangle("cam_do", X, (-7.0, -3.5))
PAVEMENT = rectangle("via_he", X, (-10.5, -7.2))


def _zones() -> dict[str, Any]:
    kinds = {"lan_di": "lane", "lan_ve": "lane", "lan_xe_may": "lane", "via_he": "pavement", "cam_do": "area"}
    zones: dict[str, Any] = {}
    for area in (EASTWARD, WESTWARD, ROAD, OUTER, NO_PARKING, PAVEMENT):
        zone: dict[str, Any] = {
            "name": area.zone,
            "kind": kinds.get(area.zone, "carriageway"),
            "coordinates": VIEW.polygon(area.corners_m),
        }
        if area.heading_rad is not None:
            middle = (area.corners_m[0][1] + area.corners_m[2][1]) / 2.0
            ends = ((26.0, middle), (42.0, middle))
            zone["direction"] = VIEW.line(*(ends if area.heading_rad == 0.0 else ends[::-1]))
        zones[area.zone] = zone
    return zones


def _rules() -> list[dict[str, Any]]:
    return known(
        [
            {"kind": "wrong_way", "zones": ["lan_di", "lan_ve"]},
            {"kind": "speeding", "zones": ["long_duong"], "limit_kmh": LIMIT_KMH},
            {"kind": "illegal_parking", "zones": ["cam_do"], "max_stay_s": MAX_STAY_S},
            {"kind": "pavement_driving", "zones": ["via_he"]},
            {"kind": "lane_misuse", "zones": ["lan_xe_may"], "banned": list(LANE_CLASSES)},
        ]
    )


def _world(
    name: str,
    seed: int,
    duration_s: float,
    trajectories: Sequence[Trajectory],
    *,
    ordinary: bool = False,
    disturbances: tuple[Disturbance, ...] = (),
) -> World:
    rng = np.random.default_rng([seed, 1])
    near, far = LONG_X[0] + 1.0, LONG_X[1] - 6.0
    corners = [(near, -7.0), (near, 7.0), (far, 7.0), (far, -7.0)]
    site, camera = read_config(
        SITE,
        camera_file("duong", calibration=VIEW.calibration(corners, rng), zones=_zones(), rules=_rules()),
    )
    ways = truths.motions(trajectories, VEHICLE_CLASSES)
    return World(
        name=name,
        seed=seed,
        site=site,
        camera=camera,
        view=VIEW,
        duration_s=duration_s,
        trajectories=tuple(trajectories),
        truths=tuple(truths.shown(_truths(ways), trajectories, VIEW, disturbances)),
        start=NOON,
        disturbances=disturbances,
        ordinary=ordinary,
    )


def _truths(ways: Sequence[Motion]) -> list[Truth]:
    motor = [way for way in ways if way.item.class_name in MOTOR_VEHICLE_CLASSES]
    banned = [way for way in ways if way.item.class_name in LANE_CLASSES]
    return [
        *truths.wrong_way(ways, (EASTWARD, WESTWARD)),
        *truths.speeding(motor, ROAD, LIMIT_KMH),
        *truths.illegal_parking(motor, NO_PARKING, MAX_STAY_S),
        *truths.pavement_driving(motor, PAVEMENT),
        *truths.lane_misuse(banned, OUTER),
    ]


def _flow(rng: np.random.Generator, per_minute: float, end_s: float) -> list[Vehicle]:
    """Everybody behaves, both ways."""
    return [
        *mixed(rng, "di", ["eastward"], per_minute, end_s),
        *mixed(rng, "ve", ["westward"], per_minute, end_s),
    ]


def _walkers(rng: np.random.Generator, per_minute: float, end_s: float) -> list[Trajectory]:
    """People along the pavement, both ways."""
    walkers = []
    for index, start_s in enumerate(np.sort(rng.uniform(0.0, end_s, int(per_minute * end_s / 60.0))).tolist()):
        y = float(rng.uniform(-10.2, -7.6))
        ends = [(4.0, y), (70.0, y)]
        way = ends if rng.random() < 0.5 else ends[::-1]
        walkers.append(ride(f"bo{index}", "person", way, float(rng.uniform(0.9, 1.6)), start_s, rng, sway_m=0.05))
    return walkers


def _until(trajectories: Sequence[Trajectory], end_s: float) -> list[Trajectory]:
    return [item for item in trajectories if item.times_s[0] < end_s]


def ordinary(seed: int, duration_s: float) -> World:
    """Everyday traffic, walkers, motorbikes parked on the pavement's edge; nobody does wrong."""
    rng = np.random.default_rng(seed)
    per_minute = float(rng.uniform(3.0, 10.0))
    traffic = drive("street", _flow(rng, per_minute, duration_s), duration_s, seed)
    parked = [
        stand(f"dung{index}", "motorcycle", (27.0 + 5.0 * index, -9.6), 1.4, 0.0, duration_s)
        for index in range(int(rng.integers(0, 4)))
    ]
    walkers = _walkers(rng, 1.5, duration_s)
    return _world("street-ordinary", seed, duration_s, _until([*traffic, *parked, *walkers], duration_s), ordinary=True)


def speeds(seed: int, duration_s: float) -> World:
    """Desired speeds from far below to far above the limit; overtaking."""
    rng = np.random.default_rng(seed)
    vehicles = []
    for vehicle in _flow(rng, 7.0, duration_s):
        factor = float(
            rng.choice([rng.uniform(0.6, 1.0), rng.uniform(1.0, 1.2), rng.uniform(1.2, 1.8)], p=[0.5, 0.2, 0.3])
        )
        vehicles.append(replace(vehicle, speed_factor=factor))
    return _world("street-speeds", seed, duration_s, drive("street", vehicles, duration_s, seed))


def wrong_way(seed: int, duration_s: float, *, disturbed: bool = False) -> World:
    """Motorbikes, bicycles and cars against the traffic along the kerb; others overtake, cross and turn round."""
    rng = np.random.default_rng(seed)
    traffic = drive("street", _flow(rng, 5.0, duration_s), duration_s, seed)
    riders = []
    for index, start_s in enumerate(np.arange(12.0, duration_s - 15.0, 24.0).tolist()):
        class_name = str(rng.choice(["motorcycle", "bicycle", "car"], p=[0.75, 0.15, 0.1]))
        kerb = float(rng.uniform(5.6, 6.5)) if class_name != "car" else 5.2
        speed = {"motorcycle": rng.uniform(3.0, 9.0), "bicycle": rng.uniform(2.0, 4.5), "car": rng.uniform(4.0, 8.0)}
        ends = [(80.0, -kerb), (2.0, -kerb)] if rng.random() < 0.5 else [(2.0, kerb), (80.0, kerb)]
        riders.append(
            ride(f"nguoc{index}", class_name, ends, float(speed[class_name]), start_s + rng.uniform(0, 8), rng)
        )
    disturbances = _disturbances(rng, duration_s) if disturbed else ()
    name = "street-wrong-way-disturbed" if disturbed else "street-wrong-way"
    return _world(name, seed, duration_s, _until([*traffic, *riders], duration_s), disturbances=disturbances)


def _disturbances(rng: np.random.Generator, duration_s: float) -> tuple[Disturbance, ...]:
    """Stalls of seconds, a wall clock that is set, and a stream whose clock runs back once."""
    stalls = [
        Disturbance(float(at_s), stall_s=float(rng.uniform(1.0, 8.0)))
        for at_s in np.arange(60.0, duration_s - 30.0, 75.0).tolist()
    ]
    return (
        *stalls,
        Disturbance(duration_s * 0.33, utc_step_s=-3600.0),
        Disturbance(duration_s * 0.5, stream_step_s=-20.0),
        Disturbance(duration_s * 0.66, utc_step_s=7200.0),
    )


def parking(seed: int, duration_s: float, *, disturbed: bool = False) -> World:
    """Vehicles stop in the no-parking lane for seconds (setting down) or minutes, and traffic passes them."""
    rng = np.random.default_rng(seed)
    vehicles = _flow(rng, 4.0, duration_s)
    lane_m = 150.0  # where x = 0 lies on the eastward lane
    for index, start_s in enumerate(np.arange(5.0, duration_s - 60.0, 55.0).tolist()):
        class_name = str(rng.choice(["car", "truck", "motorcycle"], p=[0.5, 0.2, 0.3]))
        short = rng.random() < 0.4
        stay_s = float(rng.uniform(8.0, 40.0) if short else rng.uniform(80.0, 200.0))
        stop = Stop("eastward_0", lane_m + float(rng.uniform(X[0] + 8.0, X[1] - 3.0)), stay_s)
        vehicles.append(
            Vehicle(f"do{index}", class_name, start_s, ("eastward",), 0.7, lane="0", stops=(stop,), vclass="motorcycle")
        )
    disturbances = _disturbances(rng, duration_s) if disturbed else ()
    name = "street-parking-disturbed" if disturbed else "street-parking"
    return _world(name, seed, duration_s, drive("street", vehicles, duration_s, seed), disturbances=disturbances)


def pavement(seed: int, duration_s: float) -> World:
    """Motorbikes along the pavement between walkers; others cross it to a house, stand there or are bicycles."""
    rng = np.random.default_rng(seed)
    traffic = drive("street", _flow(rng, 4.0, duration_s), duration_s, seed)
    riders = []
    for index, start_s in enumerate(np.arange(8.0, duration_s - 15.0, 22.0).tolist()):
        y = float(rng.uniform(-9.6, -8.2))
        choice = rng.random()
        x = float(rng.uniform(30.0, 38.0))
        way: list[tuple[float, float]]
        if choice < 0.5:
            way = [(3.0, y), (70.0, y)] if rng.random() < 0.5 else [(70.0, y), (3.0, y)]
        elif choice < 0.75:  # from the road along the pavement and back
            way = [(3.0, -6.2), (x - 6.0, -6.2), (x - 3.0, y), (x + 6.0, y), (x + 9.0, -6.2), (75.0, -6.2)]
        else:  # straight across it to a gate: allowed
            way = [(3.0, -6.2), (x - 1.0, -6.2), (x, -7.2), (x + 0.3, -13.5)]
        class_name = "bicycle" if rng.random() < 0.1 else "motorcycle"
        riders.append(ride(f"he{index}", class_name, way, float(rng.uniform(2.5, 6.0)), start_s, rng))
    walkers = _walkers(rng, 4.0, duration_s)
    parked = [stand(f"dung{i}", "motorcycle", (27.0 + 6.0 * i, -10.0), 1.5, 0.0, duration_s) for i in range(3)]
    return _world("street-pavement", seed, duration_s, _until([*traffic, *riders, *walkers, *parked], duration_s))


def lanes(seed: int, duration_s: float) -> World:
    """Cars and trucks in the motorbikes' lane beside those that keep to theirs."""
    rng = np.random.default_rng(seed)
    vehicles = _flow(rng, 6.0, duration_s)
    for index, start_s in enumerate(np.arange(6.0, duration_s - 20.0, 20.0).tolist()):
        class_name = str(rng.choice(["car", "truck", "bus"], p=[0.6, 0.3, 0.1]))
        vehicles.append(
            Vehicle(
                f"sai{index}",
                class_name,
                start_s + float(rng.uniform(0, 8)),
                ("eastward",),
                float(rng.uniform(0.5, 0.9)),
                lane="0",
                vclass="motorcycle",
            )
        )
    return _world("street-lanes", seed, duration_s, drive("street", vehicles, duration_s, seed))


def areas() -> tuple[Area, ...]:
    """Every zone of the street: for looking at."""
    return (EASTWARD, WESTWARD, ROAD, OUTER, NO_PARKING, PAVEMENT)
