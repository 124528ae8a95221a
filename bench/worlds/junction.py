"""Worlds at a signalled crossroads. The southern approach is watched, from the front or from behind.

             |       |
    ---------+       +---------
y=0   west        middle        east
    ---------+       +---------
             |   A   |   y = -11: the junction begins; y = -14: stop line
             |<---   |
             |  |    |   southern approach, x from 0 to 7, northward
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from bench.worlds import truths
from bench.worlds.camera import PinholeCamera
from bench.worlds.demand import mixed
from bench.worlds.sumo import Vehicle, drive, signal_phases
from bench.worlds.truths import Motion, StopLine, rectangle
from bench.worlds.world import NOON, SITE, Trajectory, Truth, World, camera_file, known, read_config
from contract.rules.base import MOTOR_VEHICLE_CLASSES, VEHICLE_CLASSES

FRONT = PinholeCamera((9.5, 9.0, 7.5), yaw_rad=math.radians(-107.0), tilt_deg=18.0, focal=1.45)
"""On a pole beyond the junction: it sees the fronts of those who wait."""
BEHIND = PinholeCamera((8.5, -34.0, 8.0), yaw_rad=math.radians(105.0), tilt_deg=16.0, focal=0.8)
"""On a pole before the junction: it sees backs, and where they turn to."""

LINE_Y, JUNCTION_Y = -14.0, -11.0
MAX_STAY_S = 30.0
"""Of parking before the line: shorter than red, so that a queue would be told if the signal were not asked."""
APPROACH = rectangle("lan_vao", (0.0, 7.0), (-26.0, LINE_Y), math.pi / 2)
MIDDLE = rectangle("nga_tu", (-9.0, 9.0), (JUNCTION_Y, 9.0))
LEFT = rectangle("nhanh_tay", (-16.0, -9.5), (0.0, 7.0))
BACK = rectangle("lan_ra", (-7.0, 0.0), (-22.0, JUNCTION_Y), -math.pi / 2)


def _line() -> StopLine:
    phases = tuple(signal_phases("junction", "from_south", "to_north"))
    return StopLine(None, (0.0, 7.0), LINE_Y, JUNCTION_Y, phases)


def _signal(line: StopLine) -> dict[str, Any]:
    """The plan counts from midnight in the site's zone; SUMO from the world's start."""
    local = NOON.astimezone(ZoneInfo(SITE["site"]["timezone"]))
    since_midnight = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second).total_seconds()
    cycle_s = sum(seconds for _, seconds in line.phases)
    return {"kind": "plan", "phases": [list(phase) for phase in line.phases], "offset_s": -since_midnight % cycle_s}


def _sections(view: PinholeCamera, line: StopLine, seed: int) -> dict[str, Any]:
    zones: dict[str, Any] = {
        "lan_vao": {"name": "Làn vào", "kind": "lane", "direction": view.line((3.5, -22.0), (3.5, -15.0))},
        "nga_tu": {"name": "Ngã tư", "kind": "junction"},
    }
    corners = [(0.0, -24.0), (7.0, -24.0), (7.0, -11.0), (-2.0, -11.0)]
    rules: list[dict[str, Any]] = [
        {"kind": "wrong_way", "zones": ["lan_vao"]},
        {"kind": "red_light", "line": "vach_dung", "signal": "den"},
        {"kind": "stop_line", "line": "vach_dung", "signal": "den"},
        {"kind": "illegal_parking", "zones": ["lan_vao"], "max_stay_s": MAX_STAY_S, "signal": "den"},
    ]
    if view is BEHIND:
        zones |= {"nhanh_tay": {"name": "Nhánh tây"}, "lan_ra": {"name": "Làn ra"}}
        rules += [
            {"kind": "forbidden_turn", "zones": ["lan_vao", "nhanh_tay"]},
            {"kind": "forbidden_turn", "zones": ["lan_vao", "lan_ra"]},
        ]
        corners = [(0.0, -18.0), (7.0, -18.0), (7.0, 6.0), (-9.0, 6.0)]
    for area in (APPROACH, MIDDLE, LEFT, BACK):
        if area.zone in zones:
            zones[area.zone]["coordinates"] = view.polygon(area.corners_m)
    return {
        "calibration": view.calibration(corners, np.random.default_rng([seed, 1])),
        "zones": zones,
        "lines": {
            "vach_dung": {
                "name": "Vạch dừng",
                "kind": "stop_line",
                "coordinates": view.line((0.0, LINE_Y), (7.0, LINE_Y)),
                "into": "nga_tu",
            }
        },
        "signals": {"den": _signal(line)},
        "rules": known(rules),
    }


def _world(
    name: str,
    view: PinholeCamera,
    seed: int,
    duration_s: float,
    trajectories: Sequence[Trajectory],
    *,
    ordinary: bool = False,
) -> World:
    line = _line()
    site, camera = read_config(SITE, camera_file("nga_tu", **_sections(view, line, seed)))
    ways = truths.motions(trajectories, VEHICLE_CLASSES)
    return World(
        name=name,
        seed=seed,
        site=site,
        camera=camera,
        view=view,
        duration_s=duration_s,
        trajectories=tuple(trajectories),
        truths=tuple(truths.shown(_truths(ways, line, turns=view is BEHIND), trajectories, view)),
        start=NOON,
        ordinary=ordinary,
    )


def _truths(ways: Sequence[Motion], line: StopLine, *, turns: bool) -> list[Truth]:
    motor = [way for way in ways if way.item.class_name in MOTOR_VEHICLE_CLASSES]
    found = [
        *truths.wrong_way(ways, (APPROACH,)),
        *truths.red_light(ways, line),
        *truths.stop_line(ways, line),
        *truths.illegal_parking(motor, APPROACH, MAX_STAY_S, line.red_s),
    ]
    if turns:
        found += truths.forbidden_turn(motor, APPROACH, LEFT)
        found += truths.forbidden_turn(motor, APPROACH, BACK)
    return found


def _flow(rng: np.random.Generator, per_minute: float, end_s: float, *, turns: bool = False) -> list[Vehicle]:
    """From everywhere to everywhere; from the south straight on and right, with `turns` also left and back."""
    shares = {
        ("from_south", "to_north"): 0.8,
        ("from_south", "to_east"): 0.2,
        ("from_north", "to_south"): 0.5,
        ("from_north", "to_west"): 0.1,
        ("from_west", "to_east"): 0.4,
        ("from_east", "to_west"): 0.4,
        ("from_east", "to_south"): 0.05,
    }
    if turns:
        shares |= {("from_south", "to_west"): 0.15, ("from_south", "to_south"): 0.12}
    vehicles = []
    for number, (edges, share) in enumerate(shares.items()):
        vehicles += mixed(rng, f"x{number}_", edges, per_minute * share, end_s)
    return vehicles


def ordinary(seed: int, duration_s: float) -> World:
    """Everybody stops at red before the line, and nobody turns where it is forbidden."""
    rng = np.random.default_rng(seed)
    vehicles = _flow(rng, float(rng.uniform(3.0, 8.0)), duration_s)
    view = FRONT if seed % 2 else BEHIND
    trajectories = drive("junction", vehicles, duration_s, seed)
    return _world("junction-ordinary", view, seed, duration_s, trajectories, ordinary=True)


def _red(name: str, view: PinholeCamera, seed: int, duration_s: float) -> World:
    rng = np.random.default_rng(seed)
    vehicles = [
        replace(vehicle, runs_red=bool(rng.random() < 0.2)) if vehicle.edges[0] == "from_south" else vehicle
        for vehicle in _flow(rng, 6.0, duration_s)
    ]
    return _world(name, view, seed, duration_s, drive("junction", vehicles, duration_s, seed))


def red_light(seed: int, duration_s: float) -> World:
    """One in five runs the red light, if nobody stands before it; seen from the front."""
    return _red("junction-red-light", FRONT, seed, duration_s)


def red_light_behind(seed: int, duration_s: float) -> World:
    """The same from behind, where the queue hides the line."""
    return _red("junction-red-light-behind", BEHIND, seed, duration_s)


def stop_line(seed: int, duration_s: float) -> World:
    """A quarter stops with its front 0.3 to 2 m past the line."""
    rng = np.random.default_rng(seed)
    vehicles = []
    for vehicle in _flow(rng, 6.0, duration_s):
        past = vehicle.edges[0] == "from_south" and rng.random() < 0.25
        vehicles.append(replace(vehicle, stop_gap_m=float(rng.uniform(1.0, 2.7))) if past else vehicle)
    return _world("junction-stop-line", FRONT, seed, duration_s, drive("junction", vehicles, duration_s, seed))


def turns(seed: int, duration_s: float) -> World:
    """Some turn left or round, both forbidden here."""
    rng = np.random.default_rng(seed)
    vehicles = _flow(rng, 4.0, duration_s, turns=True)
    return _world("junction-turns", BEHIND, seed, duration_s, drive("junction", vehicles, duration_s, seed))
