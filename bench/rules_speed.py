"""What tracking and rules together cost on one core: 50 tracks, 10 zones. Two tables, then one JSON line.

    python -m bench.rules_speed [--tracks 50] [--frames 600] [--rounds 3] [--setting ordinary] [--profile KIND]

People, motorbikes and cars go through a calibrated street at 5 searches a second; three in ten stand, one in twenty
goes against its lane, detections tremble, one in ten is missing. Two settings, the same ten zones:

    ordinary   a junction with lights on a market street: the rules of both presets (`configs/presets/`) as they are
               there, over the zones that they are meant for, and what the zones left over are drawn for: no parking on
               the crossing, no driving on the pavements. Nine rules; every zone is watched by one to four of them.
    every      every rule of the registry, each watching all ten zones: nobody does that.

Every round sees the same frames: of each frame the quickest round counts, so that a machine that does other things
besides adds little, and of these times the mean after a minute is told. Target: 1 ms for tracking and rules together.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.camera_config import CameraConfig
from contract.rules import RULES as CONTRACTS
from contract.site_config import SiteConfig
from edge.picture import ArrayPicture
from edge.rules import Rule, build_rules
from edge.scene import Scene
from edge.tracking import ByteTracker
from edge.types import Detections, Frame, Observation, Part, SignalState, StaticRegion, ViewReading

Array = NDArray[np.float64]
FPS = 5.0
WIDTH, HEIGHT = 1280, 720
WARM_FRAMES = 300
"""A minute: every rule's windows are full."""
TARGET_MS = 1.0
SETTINGS = ("ordinary", "every")
START = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
KINDS = ("lane",) * 4 + ("carriageway", "carriageway", "pavement", "pavement", "crossing", "junction")
NEEDED: Mapping[str, Mapping[str, Any]] = {
    "forbidden_turn": {"zones": ["z0", "z9"]},
    "lane_misuse": {"banned": ["truck"]},
    "red_light": {"line": "vach", "signal": "den"},
    "speeding": {"limit_kmh": 40},
    "stop_line": {"line": "vach", "signal": "den"},
}
"""What a kind cannot be without, and what it takes instead of all zones."""
ORDINARY: Sequence[Mapping[str, Any]] = (
    # junction_lights
    {"kind": "red_light", "line": "vach", "signal": "den", "zones": ["z0", "z1"]},
    {"kind": "stop_line", "line": "vach", "signal": "den", "zones": ["z0", "z1"]},
    {"kind": "illegal_parking", "zones": ["z8", "z9"], "max_stay_s": 60},
    {"kind": "illegal_parking", "zones": ["z0", "z1"], "max_stay_s": 180, "signal": "den"},
    {"kind": "wrong_way", "zones": ["z0", "z1", "z2", "z3"]},
    # market_street
    {"kind": "street_market", "zones": ["z4", "z5"]},
    {
        "kind": "crowding",
        "zones": ["z4", "z5"],
        "min_people": 10,
        "min_duration_s": 60,
        "after_hours": {"min_people": 5},
    },
    {"kind": "illegal_parking", "zones": ["z4", "z5"], "objects": ["car", "bus", "truck"], "max_stay_s": 300},
    # pavements
    {"kind": "pavement_driving", "zones": ["z6", "z7"]},
)
"""The zones are, in order: two lanes in, two lanes out, the carriageway before the market in two parts, two pavements,
the crossing, the junction."""
SITE = SiteConfig.model_validate(
    {
        "site": {"name": "Site"},
        "places": [
            {"id": "c", "kind": "commune", "name": "Commune"},
            {"id": "v", "kind": "village", "name": "Village", "parent": "c"},
        ],
    }
)
SHARES = (("person", 0.4), ("motorcycle", 0.3), ("car", 0.2), ("bicycle", 0.05), ("truck", 0.05))
SIZES = {"person": (0.02, 0.1), "motorcycle": (0.03, 0.09), "car": (0.09, 0.1), "bicycle": (0.03, 0.08)}
"""Width and height, shares of the picture."""


def street(*, ordinary: bool = False) -> CameraConfig:
    """A camera with ten zones that overlap as lanes and their carriageway do, and every rule, or the ordinary ones."""
    zones = {}
    for index, kind in enumerate(KINDS):
        left = 0.1 * index
        corners = [[left, 0.3], [left + 0.1, 0.3], [min(1.0, left + 0.25), 0.98], [max(0.0, left - 0.15), 0.98]]
        corners[2:2] = [[min(1.0, left + 0.17), 0.6], [min(1.0, left + 0.22), 0.85]]
        zones[f"z{index}"] = {
            "name": f"Zone {index}",
            "kind": kind,
            "coordinates": corners,
            "direction": [[left + 0.05, 0.9], [left + 0.05, 0.35]],
        }
    rules = [CONTRACTS[params["kind"]].params.model_validate(params) for params in (ORDINARY if ordinary else ())]
    for kind, contract in CONTRACTS.items():
        if contract.about_camera or ordinary:
            continue
        zoned = {} if kind == "crowding" else {"zones": list(zones)}
        rules.append(contract.params.model_validate({"kind": kind, **zoned, **NEEDED.get(kind, {})}))
    return CameraConfig.model_validate(
        {
            "camera": {"id": "cam", "name": "Street", "village": "v"},
            "inputs": [{"path": "clip.mp4"}],
            "calibration": {
                "image": [[0.1, 0.95], [0.9, 0.95], [0.65, 0.35], [0.35, 0.35]],
                "ground_m": [[0, 0], [14, 0], [14, 45], [0, 45]],
            },
            "zones": zones,
            "lines": {
                "vach": {"name": "Stop line", "coordinates": [[0.1, 0.6], [0.9, 0.6]], "into": "z9"},
            },
            "signals": {"den": {"kind": "plan", "phases": [["red", 20], ["green", 25]]}},
            "rules": tuple(rules),
        }
    )


class Traffic:
    """Objects that go through the picture again and again, or stand."""

    def __init__(self, count: int) -> None:
        self._rng = np.random.default_rng(7)
        chosen = self._rng.choice(len(SHARES), count, p=[share for _, share in SHARES])
        self._names = [SHARES[index][0] for index in chosen]
        self._places = self._rng.uniform((0.05, 0.35), (0.95, 0.95), (count, 2))
        moving = self._rng.random((count, 1)) > 0.3
        self._speeds = moving * self._rng.uniform((-0.005, -0.08), (0.005, -0.03), (count, 2))
        self._speeds[self._rng.random(count) < 0.05] *= -1.0
        walks = np.array([name == "person" for name in self._names])
        self._speeds[walks] = moving[walks] * self._rng.uniform(-0.02, 0.02, (int(walks.sum()), 2))
        self._sizes = np.array([SIZES.get(name, (0.1, 0.12)) for name in self._names])

    def look(self) -> tuple[Detections, tuple[Part, ...]]:
        """What a detector finds 0.2 s later, and the heads on motorbikes."""
        self._places += self._speeds / FPS
        for axis, (low, high) in enumerate(((0.05, 0.95), (0.35, 0.95))):  # who leaves comes in on the other side
            self._places[:, axis] = low + (self._places[:, axis] - low) % (high - low)
        sizes = self._sizes * (0.5 + self._places[:, 1:])
        top = np.stack((self._places[:, 0] - sizes[:, 0] / 2, self._places[:, 1] - sizes[:, 1]), axis=1)
        boxes = np.concatenate((top, top + sizes), axis=1) + self._rng.normal(0.0, 0.0006, (len(sizes), 4))
        found = np.flatnonzero(self._rng.random(len(boxes)) > 0.1)
        parts = tuple(self._head(boxes[index]) for index in found if self._names[index] == "motorcycle")
        pixels = np.clip(boxes[found], 0.0, 1.0) * (WIDTH, HEIGHT, WIDTH, HEIGHT)
        scores = self._rng.uniform(0.35, 0.95, len(found)).astype(np.float32)
        names = tuple(self._names[index] for index in found)
        return Detections(pixels.astype(np.float32), scores, names), parts

    def _head(self, box: NDArray[np.float64]) -> Part:
        x1, y1, x2, y2 = box.tolist()
        third = (x2 - x1) / 3
        kind = "helmet" if self._rng.random() > 0.3 else "no_helmet"
        return Part(kind, 0.8, (x1 + third, y1, x2 - third, y1 + (y2 - y1) / 4))


def observed(count: int, frames: int, spent_s: list[float]) -> Iterator[Observation]:
    """Observations by the real tracker; what tracking a frame costs is added to `spent_s`."""
    tracker, traffic = ByteTracker(), Traffic(count)
    image = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    view = ViewReading(5.0, 5.0, 0.4, 0.4, 0.9, 0.9, 0.9)
    for index in range(frames):
        at_s = 1000.0 + index / FPS
        utc = START + timedelta(seconds=index / FPS)
        detections, parts = traffic.look()
        frame = Frame("cam", ArrayPicture(image), at_s, utc, index)
        began = time.perf_counter()
        tracks = tuple(tracker.update(detections, frame))
        spent_s.append(time.perf_counter() - began)
        yield Observation(
            "cam",
            at_s,
            utc,
            WIDTH / HEIGHT,
            tracks,
            signals={"den": SignalState.RED if index % 225 < 100 else SignalState.GREEN},
            view=view if index % 5 == 0 else None,
            static_regions=tuple(_region(number, at_s) for number in range(5)),
            parts=parts,
        )


def _region(number: int, at_s: float) -> StaticRegion:
    x = 0.1 + 0.18 * number
    return StaticRegion(number + 1, (x, 0.6, x + 0.03, 0.64), 0.001, 1000.0, at_s)


@dataclass(frozen=True, slots=True)
class Round:
    """One pass over the street; a later one sees the same frames."""

    tracks: float
    zones: int
    events: int
    tracking_s: Array
    """(frames,)"""
    rules_s: dict[str, Array]
    """(frames,) by rule."""


def measure(
    count: int, frames: int, profiled: str | None = None, warm: int = WARM_FRAMES, *, ordinary: bool = False
) -> Round:
    """What tracking and each rule take for every frame, once their windows are full."""
    camera = street(ordinary=ordinary)
    rules: list[Rule] = build_rules(camera, Scene.from_config(camera, SITE))
    kinds = [rule.kind for rule in rules]
    names = [kind if kinds.count(kind) == 1 else f"{kind} {index}" for index, kind in enumerate(kinds)]
    tracking: list[float] = []
    spent: dict[str, list[float]] = {name: [] for name in names}
    tracks: list[int] = []
    events = 0
    profile = cProfile.Profile()
    for index, observation in enumerate(observed(count, warm + frames, tracking)):
        tracks.append(len(observation.tracks))
        for name, rule in zip(names, rules, strict=True):
            is_profiled = index >= warm and profiled in (rule.kind, "all")
            if is_profiled:
                profile.enable()
            began = time.perf_counter()
            events += len(rule.observe(observation))
            spent[name].append(time.perf_counter() - began)
            if is_profiled:
                profile.disable()
    if profiled is not None:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    return Round(
        tracks=statistics.fmean(tracks[warm:]),
        zones=len(camera.zones),
        events=events,
        tracking_s=np.array(tracking[warm:]),
        rules_s={name: np.array(found[warm:]) for name, found in spent.items()},
    )


def figures_of(rounds: Sequence[Round]) -> dict[str, Any]:
    """Milliseconds a frame: of every frame the quickest round, of these the mean."""

    def least(found: Iterable[Array]) -> float:
        return 1000.0 * float(np.minimum.reduce(list(found)).mean())

    first = rounds[0]
    tracking_ms = least(each.tracking_s for each in rounds)
    rules_ms = {name: least(each.rules_s[name] for each in rounds) for name in first.rules_s}
    all_ms = sum(rules_ms.values())
    return {
        "tracks": round(first.tracks, 1),
        "zones": first.zones,
        "events": first.events,
        "tracking_ms": round(tracking_ms, 3),
        "rules_ms": {name: round(value, 4) for name, value in rules_ms.items()},
        "all_rules_ms": round(all_ms, 3),
        "total_ms": round(tracking_ms + all_ms, 3),
        "target_ms": TARGET_MS,
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time tracking and rules at many tracks.")
    parser.add_argument("--tracks", type=int, default=50)
    parser.add_argument("--frames", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5, help="the settings take turns")
    parser.add_argument("--setting", choices=SETTINGS, help="only this one")
    parser.add_argument("--profile", metavar="KIND", help="a rule's kind, or `all`: print where its time goes")
    options = parser.parse_args()
    settings = SETTINGS if options.setting is None else (options.setting,)
    rounds: dict[str, list[Round]] = {name: [] for name in settings}
    for _ in range(options.rounds):
        for name in settings:
            rounds[name].append(measure(options.tracks, options.frames, options.profile, ordinary=name == "ordinary"))
    figures = {name: figures_of(found) for name, found in rounds.items()}
    for name, shown in figures.items():
        print(f"{name}: {shown['tracks']:.0f} tracks, {shown['zones']} zones, {len(shown['rules_ms'])} rules")
        print(f"  {'tracking':<22} {shown['tracking_ms']:>8.3f} ms a frame")
        for rule, value in sorted(shown["rules_ms"].items(), key=lambda item: -item[1]):
            print(f"  {rule:<22} {value:>8.3f}")
        print(f"  {'together':<22} {shown['total_ms']:>8.3f}   target {TARGET_MS}")
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
