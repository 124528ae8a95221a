"""Traffic by SUMO (EPL-2.0): networks from `networks/*.xml`, vehicles from Python, true trajectories back.

The programs `netconvert` and `sumo` of the package `eclipse-sumo` are run as they are; a run with the same vehicles and
seed gives the same trajectories.
"""

from __future__ import annotations

import csv
import importlib.metadata
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.sax.saxutils import quoteattr

import numpy as np

from bench.worlds.store import remembered
from bench.worlds.world import SIZES_M, Trajectory

NETWORKS = Path(__file__).parent / "networks"
STEP_S = 0.1
"""Of SUMO's own clock; between steps vehicles move on straight lines (`Trajectory`), which is then the truth."""
LATERAL_M = 0.4
"""Vehicles pass each other within a lane: motorbikes filter to the front of a queue, as they do."""
STOP_GAP_M = 4.0
"""Drivers stop so far before the junction's edge: 1 m before a stop line drawn 3 m before it."""
GREEN_S, YELLOW_S, ALL_RED_S = 22, 3, 2

_VCLASS = {"person": "pedestrian", "car": "passenger"}
_DYNAMICS = {
    "motorcycle": 'accel="3.0" decel="5.0" minGap="0.8" maxSpeed="30"',
    "bicycle": 'accel="1.2" decel="3.0" minGap="0.5" maxSpeed="5"',
    "car": 'accel="2.6" decel="4.5" minGap="1.5" maxSpeed="50"',
    "truck": 'accel="1.3" decel="4.0" minGap="2.0" maxSpeed="36"',
    "bus": 'accel="1.2" decel="4.0" minGap="2.0" maxSpeed="30"',
}


@dataclass(frozen=True, slots=True)
class Stop:
    """A vehicle stands on its lane, and others drive round it."""

    lane: str
    at_m: float
    """Along the lane, where its front stands."""
    duration_s: float


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One vehicle of SUMO's demand."""

    vehicle_id: str
    class_name: str
    depart_s: float
    edges: tuple[str, ...]
    speed_factor: float = 1.0
    """Desired speed as a share of the road's."""
    lane: str = "free"
    """Where it enters: a lane's number, or what SUMO chooses (`free`, `best`, `random`)."""
    runs_red: bool = False
    stop_gap_m: float = STOP_GAP_M
    stops: tuple[Stop, ...] = ()
    vclass: str | None = None
    """What SUMO takes it for, where that is not its class (a truck in the motorbikes' lane)."""

    @property
    def size_m(self) -> tuple[float, float, float]:
        """Length, width, height."""
        return SIZES_M[self.class_name]


def is_installed() -> bool:
    """Tell whether the simulator is there."""
    return find_spec("sumo") is not None


def drive(network: str, vehicles: Sequence[Vehicle], end_s: float, seed: int) -> list[Trajectory]:
    """Let vehicles drive through a network, or remember how they did (`store`).

    Args:
        network: Name of the files in `networks/`.
        vehicles: In any order.
        end_s: The run ends then.
        seed: Of SUMO's own choices (lane changes, imperfect driving).

    Raises:
        RuntimeError: SUMO refused; says why.
    """
    version = importlib.metadata.version("eclipse-sumo") if is_installed() else "none"
    told = ("sumo", version, _sources(network), _demand(vehicles), end_s, seed, STEP_S, LATERAL_M, GREEN_S, YELLOW_S)
    return remembered(told, lambda: _drive(network, vehicles, end_s, seed))


def _sources(network: str) -> str:
    return "".join((NETWORKS / f"{network}.{part}.xml").read_text(encoding="utf-8") for part in ("nod", "edg"))


def _drive(network: str, vehicles: Sequence[Vehicle], end_s: float, seed: int) -> list[Trajectory]:
    with tempfile.TemporaryDirectory(prefix="langan-sumo-") as name:
        folder = Path(name)
        (folder / "net.xml").write_text(build(network), encoding="utf-8")
        (folder / "demand.xml").write_text(_demand(vehicles), encoding="utf-8")
        _run(
            "sumo",
            *("--net-file", "net.xml", "--route-files", "demand.xml", "--end", f"{end_s}", "--seed", f"{seed}"),
            *("--step-length", f"{STEP_S}", "--lateral-resolution", f"{LATERAL_M}", "--time-to-teleport", "-1"),
            *(
                "--collision.action",
                "none",
                "--no-step-log",
                "true",
                "--no-warnings",
                "true",
                "--xml-validation",
                "never",
            ),
            *("--fcd-output", "fcd.csv", "--fcd-output.attributes", "x,y,angle", "--precision", "3"),
            folder=folder,
        )
        return _read(folder / "fcd.csv", {vehicle.vehicle_id: vehicle for vehicle in vehicles})


def signal_phases(network: str, from_edge: str, to_edge: str) -> list[tuple[str, float]]:
    """`(colour, seconds)` of a movement's signal from SUMO's time 0 on, neighbours of a colour put together.

    Raises:
        ValueError: The network has no such signalled movement.
    """
    root = ET.fromstring(build(network))  # noqa: S314 - our own file
    links = [
        int(item.get("linkIndex", "0"))
        for item in root.iter("connection")
        if item.get("from") == from_edge and item.get("to") == to_edge and item.get("tl")
    ]
    if not links:
        raise ValueError(f"network {network}: no signal from {from_edge} to {to_edge}")
    colours = {"g": "green", "y": "yellow", "r": "red"}
    phases: list[tuple[str, float]] = []
    for phase in root.iter("phase"):
        colour, seconds = colours[phase.get("state", "")[links[0]].lower()], float(phase.get("duration", "0"))
        if phases and phases[-1][0] == colour:
            phases[-1] = (colour, phases[-1][1] + seconds)
        else:
            phases.append((colour, seconds))
    return phases


@lru_cache
def build(network: str) -> str:
    """A network's text as SUMO reads it.

    Raises:
        RuntimeError: netconvert refused; says why.
    """
    with tempfile.TemporaryDirectory(prefix="langan-net-") as name:
        folder = Path(name)
        _run(
            "netconvert",
            *(
                "--node-files",
                str(NETWORKS / f"{network}.nod.xml"),
                "--edge-files",
                str(NETWORKS / f"{network}.edg.xml"),
            ),
            *("--output-file", "net.xml", "--offset.disable-normalization", "true", "--xml-validation", "never"),
            *("--tls.default-type", "static", "--tls.layout", "opposites", "--tls.left-green.time", "0"),
            *(
                "--tls.green.time",
                f"{GREEN_S}",
                "--tls.yellow.time",
                f"{YELLOW_S}",
                "--tls.allred.time",
                f"{ALL_RED_S}",
            ),
            folder=folder,
        )
        return (folder / "net.xml").read_text(encoding="utf-8")


def _run(program: str, *arguments: str, folder: Path) -> None:
    spec = find_spec("sumo")
    if spec is None or spec.origin is None:
        raise RuntimeError("SUMO is not installed: sh tools/setup_worlds.sh installs it into .venv")
    home = Path(spec.origin).parent
    done = subprocess.run(
        [str(home / "bin" / program), *arguments],
        cwd=folder,
        env={**os.environ, "SUMO_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{program}: {done.stderr.strip()[-2000:]}")


def _demand(vehicles: Sequence[Vehicle]) -> str:
    lines = ["<routes>"]
    for vehicle in sorted(vehicles, key=lambda item: item.depart_s):
        length, width, height = vehicle.size_m
        name = quoteattr(vehicle.vehicle_id)
        reckless = 'jmDriveAfterRedTime="1000" jmDriveRedSpeed="9" jmIgnoreFoeProb="1" ' if vehicle.runs_red else ""
        vclass = vehicle.vclass or _VCLASS.get(vehicle.class_name, vehicle.class_name)
        lines.append(
            f'<vType id={name} vClass="{vclass}" length="{length}" width="{width}" height="{height}" '
            f'{_DYNAMICS[vehicle.class_name]} {reckless}speedFactor="{vehicle.speed_factor:.4f}" speedDev="0" '
            f'jmStoplineGap="{vehicle.stop_gap_m}" minGapLat="0.3"/>'
        )
        lines.append(
            f'<vehicle id={name} type={name} depart="{vehicle.depart_s:.1f}" departSpeed="max" '
            f'departLane="{vehicle.lane}" departPosLat="random_free"><route edges="{" ".join(vehicle.edges)}"/>'
        )
        for stop in vehicle.stops:
            place = f'startPos="{stop.at_m - 2.0:.1f}" endPos="{stop.at_m:.1f}"'
            lines.append(f'<stop lane="{stop.lane}" {place} duration="{stop.duration_s:.1f}"/>')
        lines.append("</vehicle>")
    return "\n".join([*lines, "</routes>"])


def _read(path: Path, vehicles: dict[str, Vehicle]) -> list[Trajectory]:
    """SUMO tells where the middle of the front bumper is, and angles clockwise from north."""
    moments: dict[str, list[tuple[float, float, float, float]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, delimiter=";")
        columns = next(reader)
        time, name, x, y, angle = (
            columns.index(column)
            for column in ("timestep_time", "vehicle_id", "vehicle_x", "vehicle_y", "vehicle_angle")
        )
        for row in reader:
            if row[name]:
                moments.setdefault(row[name], []).append(
                    (float(row[time]), float(row[x]), float(row[y]), float(row[angle]))
                )
    trajectories = []
    for vehicle_id, found in moments.items():
        if len(found) < 2:
            continue
        values = np.array(found)
        vehicle = vehicles[vehicle_id]
        heading = np.unwrap(np.radians(90.0 - values[:, 3]))
        ahead = np.column_stack([np.cos(heading), np.sin(heading)])
        centres = values[:, 1:3] - ahead * vehicle.size_m[0] / 2.0
        trajectories.append(Trajectory(vehicle_id, vehicle.class_name, vehicle.size_m, values[:, 0], centres, heading))
    return trajectories
