"""Worlds on a straight street: two ways, each with a motorbikes' lane outside, a pavement, cameras on poles.

y  7  ------------------------------------------   <- westward: motorbikes
   3.5 - - - - - - - - - - - - - - - - - - - - -   <- westward
   0  ==========================================
 -3.5 - - - - - - - - - - - - - - - - - - - - -   -> eastward
  -7  ------------------------------------------   -> eastward: motorbikes; no parking
 -10.5 pavement        cameras about (0, -10) look east
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.worlds import truths
from bench.worlds.camera import PinholeCamera, Place, aimed
from bench.worlds.demand import mixed, ride, stand
from bench.worlds.sumo import Stop, Vehicle, drive
from bench.worlds.truths import Area, Motion, rectangle, seen
from bench.worlds.world import NOON, SITE, Disturbance, Trajectory, Truth, World, camera_file, known, read_config
from contract.rules.base import MOTOR_VEHICLE_CLASSES, VEHICLE_CLASSES

LIMIT_KMH = 50.0
MAX_STAY_S = 60.0
"""Of parking in these worlds; the default of 300 s takes longer to simulate and decides the same way."""
LANE_CLASSES = ("car", "truck", "bus")
"""Who must not use the motorbikes' lane."""
KINDS = {"lan_di": "lane", "lan_ve": "lane", "lan_xe_may": "lane", "via_he": "pavement", "long_duong": "carriageway"}
"""What zones are on the ground, where not `area`."""
RULES: dict[str, dict[str, Any]] = {
    "lan_di": {"kind": "wrong_way"},
    "lan_ve": {"kind": "wrong_way"},
    "long_duong": {"kind": "speeding", "limit_kmh": LIMIT_KMH},
    "cam_do": {"kind": "illegal_parking", "max_stay_s": MAX_STAY_S},
    "via_he": {"kind": "pavement_driving"},
    "lan_xe_may": {"kind": "lane_misuse", "banned": list(LANE_CLASSES)},
}
"""What is forbidden in each zone."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A camera and its zones, of which only what it shows is drawn and judged."""

    view: PinholeCamera
    areas: tuple[Area, ...]
    marks: tuple[Place, ...]
    """Four places whose coordinates were measured."""

    @classmethod
    def of(cls, view: PinholeCamera, areas: Sequence[Area], marks: Sequence[Place]) -> Watch:
        """Keep what the camera shows of the zones."""
        return cls(view, tuple(seen(area, view) for area in areas), tuple(marks))


def _areas(x: Place, *names: str) -> list[Area]:
    every = (
        rectangle("lan_di", x, (-7.0, 0.0), 0.0),
        rectangle("lan_ve", x, (0.0, 7.0), math.pi),
        rectangle("long_duong", x, (-7.0, 0.0)),
        rectangle("lan_xe_may", x, (-7.0, -3.5), 0.0),
        rectangle("cam_do", x, (-7.0, -3.5)),
        rectangle("via_he", x, (-10.5, -7.2)),
    )
    return [area for area in every if area.zone in names]


NEAR = Watch.of(
    aimed((0.0, -7.0, 7.5), (28.0, -6.0), 2.42, 39.5),
    _areas((16.0, 39.0), "lan_di", "cam_do", "via_he"),
    ((21.0, -9.5), (21.0, -3.0), (38.0, 1.5), (38.0, -10.5)),
)
"""As the admin's guide says: a rider at the far end is 60 rows of 384 high (14 mm lens); one side of the road shows."""
LANES = Watch.of(
    aimed((0.0, -7.0, 7.5), (38.0, -6.0), 2.42, 56.5),
    _areas((16.0, 56.0), "lan_xe_may"),
    ((25.0, -9.5), (25.0, -3.0), (54.0, 1.5), (54.0, -10.5)),
)
"""For lanes that cars must not use: the same lens tilted up; a car is 40 rows high at 56 m, and 5 s in view."""
NEAR_ALL = replace(NEAR, areas=(*NEAR.areas, *(seen(area, NEAR.view) for area in _areas((16.0, 39.0), "lan_xe_may"))))
"""With the lane too, which is too short here: for ordinary hours, in which nothing may be told."""
FAST = Watch.of(
    aimed((0.0, -9.0, 8.0), (75.0, -3.3), 5.95, 100.5),
    _areas((40.0, 100.0), "lan_di", "long_duong"),
    ((55.0, -7.3), (55.0, -1.2), (97.0, 5.0), (97.0, -9.0)),
)
"""For speeds: who drives at 90 km/h is in the zone for 1.8 s; with as many rows that takes a long lens (34 mm)."""
FAR = Watch.of(
    PinholeCamera((0.0, -9.0, 7.0), yaw_rad=0.265, tilt_deg=14.0, focal=0.87),
    _areas((24.0, 44.0), "lan_di", "lan_ve", "long_duong", "lan_xe_may", "cam_do", "via_he"),
    ((25.0, -7.0), (25.0, 7.0), (42.0, 7.0), (42.0, -7.0)),
)
"""As one often finds it and the guide advises against: the usual 5 mm lens, both sides, riders 20 to 40 rows high."""


def _zone(area: Area, view: PinholeCamera) -> dict[str, Any]:
    zone: dict[str, Any] = {
        "name": area.zone,
        "kind": KINDS.get(area.zone, "area"),
        "coordinates": view.polygon(area.corners_m),
    }
    if area.heading_rad is not None:
        corners = np.array(area.corners_m)
        y = float(np.mean([corners[:, 1].min(), corners[:, 1].max()]))
        far = float(corners[:, 0].max()) - 2.0
        inside = [
            x for x in np.arange(corners[:, 0].min(), far, 0.5).tolist() if area.depth(np.array([[x, y]]))[0] > 0.2
        ]
        ends = ((inside[0] + 1.0, y), (far, y))
        zone["direction"] = view.line(*(ends if area.heading_rad == 0.0 else ends[::-1]))
    return zone


def _world(
    name: str,
    seed: int,
    duration_s: float,
    trajectories: Sequence[Trajectory],
    watch: Watch = NEAR,
    *,
    ordinary: bool = False,
    disturbances: tuple[Disturbance, ...] = (),
) -> World:
    rng = np.random.default_rng([seed, 1])
    sections = {
        "calibration": watch.view.calibration(watch.marks, rng),
        "zones": {area.zone: _zone(area, watch.view) for area in watch.areas},
        "rules": known([{**RULES[area.zone], "zones": [area.zone]} for area in watch.areas]),
    }
    site, camera = read_config(SITE, camera_file("duong", **sections))
    ways = truths.motions(trajectories, VEHICLE_CLASSES, duration_s)
    return World(
        name=name,
        seed=seed,
        site=site,
        camera=camera,
        view=watch.view,
        duration_s=duration_s,
        trajectories=tuple(trajectories),
        truths=tuple(truths.shown(_truths(ways, watch.areas), trajectories, watch.view, disturbances)),
        start=NOON,
        disturbances=disturbances,
        ordinary=ordinary,
    )


def _truths(ways: Sequence[Motion], areas: Sequence[Area]) -> list[Truth]:
    motor = [way for way in ways if way.item.class_name in MOTOR_VEHICLE_CLASSES]
    banned = [way for way in ways if way.item.class_name in LANE_CLASSES]
    found: list[Truth] = []
    for area in areas:
        match RULES[area.zone]["kind"]:
            case "wrong_way":
                found += truths.wrong_way(ways, (area,))
            case "speeding":
                found += truths.speeding(motor, area, LIMIT_KMH)
            case "illegal_parking":
                found += truths.illegal_parking(motor, area, MAX_STAY_S)
            case "pavement_driving":
                found += truths.pavement_driving(motor, area)
            case "lane_misuse":
                found += truths.lane_misuse(banned, area)
    return found


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
    return _world("street-ordinary", seed, duration_s, _everyday(rng, seed, duration_s), NEAR_ALL, ordinary=True)


def ordinary_fast(seed: int, duration_s: float) -> World:
    """The same before the camera for speeds."""
    rng = np.random.default_rng(seed)
    traffic = drive("street", _flow(rng, float(rng.uniform(3.0, 10.0)), duration_s), duration_s, seed)
    return _world("street-ordinary-fast", seed, duration_s, traffic, FAST, ordinary=True)


def _everyday(rng: np.random.Generator, seed: int, duration_s: float) -> list[Trajectory]:
    per_minute = float(rng.uniform(3.0, 10.0))
    traffic = drive("street", _flow(rng, per_minute, duration_s), duration_s, seed)
    parked = [
        stand(f"dung{index}", "motorcycle", (23.0 + 5.0 * index, -9.9), 1.4, 0.0, duration_s)
        for index in range(int(rng.integers(0, 4)))
    ]
    return _until([*traffic, *parked, *_walkers(rng, 1.5, duration_s)], duration_s)


def speeds(seed: int, duration_s: float) -> World:
    """Desired speeds from far below to far above the limit; overtaking."""
    rng = np.random.default_rng(seed)
    vehicles = []
    for vehicle in _flow(rng, 7.0, duration_s):
        factor = float(
            rng.choice([rng.uniform(0.6, 1.0), rng.uniform(1.0, 1.2), rng.uniform(1.2, 1.8)], p=[0.5, 0.2, 0.3])
        )
        vehicles.append(replace(vehicle, speed_factor=factor))
    return _world("street-speeds", seed, duration_s, drive("street", vehicles, duration_s, seed), FAST)


def wrong_way(seed: int, duration_s: float, *, disturbed: bool = False) -> World:
    """Motorbikes, bicycles and cars against the traffic along the kerb; others overtake, cross and turn round."""
    rng = np.random.default_rng(seed)
    traffic = drive("street", _flow(rng, 5.0, duration_s), duration_s, seed)
    riders = []
    for index, start_s in enumerate(np.arange(12.0, duration_s - 15.0, 24.0).tolist()):
        class_name = str(rng.choice(["motorcycle", "bicycle", "car"], p=[0.75, 0.15, 0.1]))
        kerb = float(rng.uniform(5.6, 6.5)) if class_name != "car" else 5.2
        speed = {"motorcycle": rng.uniform(3.0, 9.0), "bicycle": rng.uniform(2.0, 4.5), "car": rng.uniform(4.0, 8.0)}
        ends = [(80.0, -kerb), (2.0, -kerb)]
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
    traffic = drive("street", _stopping(rng, duration_s), duration_s, seed)
    disturbances = _disturbances(rng, duration_s) if disturbed else ()
    name = "street-parking-disturbed" if disturbed else "street-parking"
    return _world(name, seed, duration_s, traffic, disturbances=disturbances)


def _stopping(rng: np.random.Generator, duration_s: float) -> list[Vehicle]:
    """Traffic, of which some stop in the motorbikes' lane."""
    vehicles = _flow(rng, 4.0, duration_s)
    lane_m = 150.0  # where x = 0 lies on the eastward lane
    for index, start_s in enumerate(np.arange(5.0, duration_s - 60.0, 55.0).tolist()):
        class_name = str(rng.choice(["car", "truck", "motorcycle"], p=[0.5, 0.2, 0.3]))
        short = rng.random() < 0.4
        stay_s = float(rng.uniform(8.0, 40.0) if short else rng.uniform(80.0, 200.0))
        stop = Stop("eastward_0", lane_m + float(rng.uniform(27.0, 37.0)), stay_s)
        vehicles.append(
            Vehicle(f"do{index}", class_name, start_s, ("eastward",), 0.7, lane="0", stops=(stop,), vclass="motorcycle")
        )
    return vehicles


def pavement(seed: int, duration_s: float) -> World:
    """Motorbikes along the pavement between walkers; others cross it to a house, stand there or are bicycles."""
    rng = np.random.default_rng(seed)
    traffic = drive("street", _flow(rng, 4.0, duration_s), duration_s, seed)
    riders = []
    for index, start_s in enumerate(np.arange(8.0, duration_s - 15.0, 22.0).tolist()):
        y = float(rng.uniform(-9.6, -8.2))
        choice = rng.random()
        x = float(rng.uniform(26.0, 31.0))
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
    parked = [stand(f"dung{i}", "motorcycle", (23.0 + 5.0 * i, -10.0), 1.5, 0.0, duration_s) for i in range(3)]
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
                float(rng.uniform(0.3, 0.65)),
                lane="0",
                vclass="motorcycle",
            )
        )
    return _world("street-lanes", seed, duration_s, drive("street", vehicles, duration_s, seed), LANES)


def lanes_stopping(seed: int, duration_s: float) -> World:
    """Cars and lorries that stop in the motorbikes' lane and drive on."""
    traffic = drive("street", _stopping(np.random.default_rng(seed), duration_s), duration_s, seed)
    return _world("street-lanes-stopping", seed, duration_s, traffic, LANES)


def badly_placed(seed: int, duration_s: float) -> World:
    """Offenders of every kind before a camera with too wide a lens."""
    rng = np.random.default_rng(seed)
    vehicles = _flow(rng, 4.0, duration_s)
    factors = rng.choice([0.8, 1.5], len(vehicles), p=[0.8, 0.2]).tolist()
    vehicles = [replace(vehicle, speed_factor=factor) for vehicle, factor in zip(vehicles, factors, strict=True)]
    for index, start_s in enumerate(np.arange(10.0, duration_s - 20.0, 60.0).tolist()):
        factor = float(rng.uniform(0.3, 0.65))
        vehicles.append(Vehicle(f"sai{index}", "car", start_s, ("eastward",), factor, lane="0", vclass="motorcycle"))
    riders = []
    for index, start_s in enumerate(np.arange(12.0, duration_s - 15.0, 30.0).tolist()):
        y = float(rng.uniform(-6.5, -5.6) if index % 2 else rng.uniform(-9.6, -8.2))
        riders.append(
            ride(f"nguoc{index}", "motorcycle", [(80.0, y), (2.0, y)], float(rng.uniform(3, 8)), start_s, rng)
        )
    traffic = drive("street", vehicles, duration_s, seed)
    return _world("street-badly-placed", seed, duration_s, _until([*traffic, *riders], duration_s), FAR)


def watches() -> dict[str, Watch]:
    """Every camera of the street: for looking at, and for tests."""
    return {"near": NEAR, "fast": FAST, "far": FAR}
