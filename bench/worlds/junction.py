"""Worlds at a signalled crossroads. The southern approach is watched, each time as the task asks for.

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
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from bench.worlds import truths
from bench.worlds.camera import PinholeCamera, Place, aimed
from bench.worlds.demand import mixed
from bench.worlds.sumo import Vehicle, drive, signal_phases
from bench.worlds.truths import Area, Motion, StopLine, rectangle, seen
from bench.worlds.world import NOON, SITE, Trajectory, Truth, World, camera_file, known, read_config
from contract.rules.base import MOTOR_VEHICLE_CLASSES, VEHICLE_CLASSES

LINE_Y, JUNCTION_Y = -14.0, -11.0
MAX_STAY_S = 30.0
"""Of parking before the line: shorter than red, so that a queue would be told if the signal were not asked."""
NAMES = {
    "lan_vao": "Làn vào",
    "nga_tu": "Ngã tư",
    "cho_re": "Vào và chờ rẽ",
    "nhanh_tay": "Nhánh tây",
    "lan_ra": "Làn ra",
}
KINDS = {"lan_vao": "lane", "nga_tu": "junction"}
TURNS_TO = ("nhanh_tay", "lan_ra")
"""Zones into which nobody may turn who was in `cho_re`."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A camera, its zones as far as it shows them, and four places whose coordinates were measured.

    With `nga_tu`, the line and the signal are watched; with one of `TURNS_TO`, turns into it. As the admin's guide
    says, the zone from which one turns reaches into the junction, to where drivers wait for a gap, and the one into
    which one turns begins in the junction.
    """

    view: PinholeCamera
    areas: tuple[Area, ...]
    marks: tuple[Place, ...]

    def area(self, zone: str) -> Area | None:
        """A zone, if the camera has it."""
        return next((area for area in self.areas if area.zone == zone), None)


def _watch(view: PinholeCamera, marks: Sequence[Place], back_m: float, **others: tuple[Place, Place]) -> Watch:
    approach = rectangle("lan_vao", (0.0, 7.0), (-back_m, LINE_Y), math.pi / 2)
    areas = [approach, *(rectangle(zone, x, y) for zone, (x, y) in others.items())]
    return Watch(view, tuple(seen(area, view) for area in areas), tuple(marks))


FRONT = _watch(
    aimed((9.5, 20.0, 7.5), (3.5, -14.0), 2.55, 42.0),
    ((-3.5, -21.0), (9.0, -21.0), (8.5, -4.0), (1.8, -5.0)),
    22.0,
    nga_tu=((-9.0, 9.0), (JUNCTION_Y, 9.0)),
)
"""On a pole beyond the junction: it sees the fronts of those who wait, and 10 m of the junction."""
BEHIND = _watch(
    aimed((8.5, -56.0, 8.0), (3.0, -12.0), 3.28, 54.5),
    ((0.8, -25.0), (7.8, -25.0), (8.5, -4.0), (-5.0, -4.5)),
    27.0,
    nga_tu=((-9.0, 9.0), (JUNCTION_Y, -2.0)),
)
"""On a pole before the junction: it sees backs, and the queue hides the line. Lorries show whole when they cross it."""
LEFT = _watch(
    aimed((22.0, -50.0, 7.5), (-3.5, -6.0), 4.0, 65.0),
    ((1.0, -19.0), (6.0, -16.0), (-7.0, 7.0), (-14.0, 1.0)),
    20.0,
    cho_re=((0.2, 7.0), (-20.0, -5.5)),
    nhanh_tay=((-14.5, -4.5), (0.0, 7.0)),
)
"""Where a left turn comes from and goes to lie one behind the other: only so both are near enough in one picture."""
ROUND = _watch(
    aimed((0.5, 16.0, 8.0), (0.0, -16.0), 2.2, 36.5),
    ((-7.0, -19.5), (7.0, -19.5), (5.8, -12.5), (-5.5, -13.0)),
    20.0,
    cho_re=((0.2, 7.0), (-20.0, -9.5)),
    lan_ra=((-7.0, -0.5), (-20.0, -10.0)),
)
"""On a pole beyond the junction, before both lanes of the southern arm: who comes in and turns round goes out there."""
WATCHES = (FRONT, BEHIND, LEFT, ROUND)


def _line() -> StopLine:
    phases = tuple(signal_phases("junction", "from_south", "to_north"))
    return StopLine(None, (0.0, 7.0), LINE_Y, JUNCTION_Y, phases)


def _signal(line: StopLine) -> dict[str, Any]:
    """The plan counts from midnight in the site's zone; SUMO from the world's start."""
    local = NOON.astimezone(ZoneInfo(SITE["site"]["timezone"]))
    since_midnight = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second).total_seconds()
    cycle_s = sum(seconds for _, seconds in line.phases)
    return {"kind": "plan", "phases": [list(phase) for phase in line.phases], "offset_s": -since_midnight % cycle_s}


def _sections(watch: Watch, line: StopLine, seed: int) -> dict[str, Any]:
    view = watch.view
    zones = {
        area.zone: {
            "name": NAMES[area.zone],
            "kind": KINDS.get(area.zone, "area"),
            "coordinates": view.polygon(area.corners_m),
        }
        for area in watch.areas
    }
    zones["lan_vao"]["direction"] = view.line((3.5, -19.5), (3.5, -15.0))
    rules: list[dict[str, Any]] = [
        {"kind": "wrong_way", "zones": ["lan_vao"]},
        *({"kind": "forbidden_turn", "zones": ["cho_re", zone]} for zone in zones if zone in TURNS_TO),
    ]
    sections = {"calibration": view.calibration(watch.marks, np.random.default_rng([seed, 1])), "zones": zones}
    if "nga_tu" in zones:
        rules += [
            {"kind": "red_light", "line": "vach_dung", "signal": "den"},
            {"kind": "stop_line", "line": "vach_dung", "signal": "den"},
            {"kind": "illegal_parking", "zones": ["lan_vao"], "max_stay_s": MAX_STAY_S, "signal": "den"},
        ]
        ends = view.line((0.0, LINE_Y), (7.0, LINE_Y))
        stop = {"name": "Vạch dừng", "kind": "stop_line", "coordinates": ends, "into": "nga_tu"}
        sections |= {"lines": {"vach_dung": stop}, "signals": {"den": _signal(line)}}
    return {**sections, "rules": known(rules)}


def _world(
    name: str,
    watch: Watch,
    seed: int,
    duration_s: float,
    trajectories: Sequence[Trajectory],
    *,
    ordinary: bool = False,
) -> World:
    line = _line()
    site, camera = read_config(SITE, camera_file("nga_tu", **_sections(watch, line, seed)))
    ways = truths.motions(trajectories, VEHICLE_CLASSES, duration_s)
    return World(
        name=name,
        seed=seed,
        site=site,
        camera=camera,
        view=watch.view,
        duration_s=duration_s,
        trajectories=tuple(trajectories),
        truths=tuple(truths.shown(_truths(ways, line, watch), trajectories, watch.view)),
        start=NOON,
        ordinary=ordinary,
    )


def _truths(ways: Sequence[Motion], line: StopLine, watch: Watch) -> list[Truth]:
    motor = [way for way in ways if way.item.class_name in MOTOR_VEHICLE_CLASSES]
    approach = watch.areas[0]
    found = truths.wrong_way(ways, (approach,))
    if watch.area("nga_tu") is not None:
        found += truths.red_light(ways, line)
        found += truths.stop_line(ways, line)
        found += truths.illegal_parking(motor, approach, MAX_STAY_S, line.red_s)
    waits = watch.area("cho_re")
    for area in watch.areas:
        if waits is not None and area.zone in TURNS_TO:
            found += truths.forbidden_turn(ways, waits, area)
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
    trajectories = drive("junction", vehicles, duration_s, seed)
    return _world("junction-ordinary", WATCHES[seed % 2], seed, duration_s, trajectories, ordinary=True)


def ordinary_turns(seed: int, duration_s: float) -> World:
    """The same before the cameras for turns."""
    rng = np.random.default_rng(seed)
    vehicles = _flow(rng, float(rng.uniform(3.0, 8.0)), duration_s)
    trajectories = drive("junction", vehicles, duration_s, seed)
    return _world("junction-ordinary-turns", WATCHES[2 + seed % 2], seed, duration_s, trajectories, ordinary=True)


def _red(name: str, watch: Watch, seed: int, duration_s: float) -> World:
    rng = np.random.default_rng(seed)
    vehicles = [
        replace(vehicle, runs_red=bool(rng.random() < 0.2)) if vehicle.edges[0] == "from_south" else vehicle
        for vehicle in _flow(rng, 6.0, duration_s)
    ]
    return _world(name, watch, seed, duration_s, drive("junction", vehicles, duration_s, seed))


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


def left_turns(seed: int, duration_s: float) -> World:
    """Some turn left, which is forbidden here."""
    return _turns("junction-left-turns", LEFT, seed, duration_s)


def u_turns(seed: int, duration_s: float) -> World:
    """Some turn round, which is forbidden here."""
    return _turns("junction-u-turns", ROUND, seed, duration_s)


def _turns(name: str, watch: Watch, seed: int, duration_s: float) -> World:
    rng = np.random.default_rng(seed)
    vehicles = _flow(rng, 4.0, duration_s, turns=True)
    return _world(name, watch, seed, duration_s, drive("junction", vehicles, duration_s, seed))
