"""A simulated world: a camera with its rules, what truly moves before it, and what its rules ought to say.

    trajectories --camera.py--> true boxes --noise.py--> detections --tracker--> observations --rules--> alerts
         |                                                                                                  |
      truths  ------------------------------- score.py compares ---------------------------------------------

Coordinates: metres on flat ground, x to the east, y to the north; headings in radians anticlockwise from x. Times:
seconds since the world's start.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.worlds.camera import PinholeCamera
from contract.camera_config import CameraConfig
from contract.config_loader import load_camera, load_site
from contract.issues import ConfigIssue
from contract.rules import RULES
from contract.site_config import SiteConfig

Array = NDArray[np.float64]

SITE: dict[str, Any] = {
    "site": {"name": "Xã thử nghiệm", "timezone": "Asia/Ho_Chi_Minh"},
    "places": [
        {"id": "tinh", "kind": "province", "name": "Tỉnh"},
        {"id": "xa", "kind": "commune", "name": "Xã", "parent": "tinh"},
        {"id": "thon", "kind": "village", "name": "Thôn", "parent": "xa"},
    ],
}
"""A site for worlds that need no schedules; copy it and add `schedules`."""

NOON = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
"""Monday, 12:00 in Vietnam: where a world starts when the hour does not matter."""

SIZES_M: dict[str, tuple[float, float, float]] = {
    "person": (0.4, 0.55, 1.65),
    "bicycle": (1.75, 0.6, 1.6),
    "motorcycle": (1.9, 0.75, 1.55),
    "car": (4.4, 1.75, 1.5),
    "bus": (11.0, 2.5, 3.2),
    "truck": (7.5, 2.4, 3.0),
}
"""Length, width and height of usual objects; two-wheelers with their rider's shoulders, as detectors box them."""


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Where one object truly is, from its first to its last moment; between the moments on a straight line.

    Attributes:
        object_id: Unique in its world.
        class_name: As detectors name it (COCO), or `thing`: something that no detector knows (a bag, rubbish), which
            reaches the rules as a static region alone.
        size_m: Length along the heading, width, height.
        times_s: (N,) strictly increasing, N >= 2; 0.04 s apart or less where the object turns or changes speed.
        xy_m: (N, 2) centre on the ground.
        heading_rad: (N,); need not be unwrapped.
        lift_m: Height of its lower edge over the ground: 0 but for a rider who is boxed apart from the motorbike.
    """

    object_id: str
    class_name: str
    size_m: tuple[float, float, float]
    times_s: Array
    xy_m: Array
    heading_rad: Array
    lift_m: float = 0.0

    def __post_init__(self) -> None:
        count = len(self.times_s)
        if count < 2 or self.xy_m.shape != (count, 2) or self.heading_rad.shape != (count,):
            raise ValueError(f"{self.object_id}: two or more moments with as many places and headings are needed")
        if not (np.diff(self.times_s) > 0.0).all():
            raise ValueError(f"{self.object_id}: times must increase")

    def at(self, times_s: Array) -> tuple[Array, Array]:
        """(M, 2) places and (M,) headings at times within its life."""
        turned = np.unwrap(self.heading_rad)
        places = np.column_stack([np.interp(times_s, self.times_s, self.xy_m[:, axis]) for axis in (0, 1)])
        return places, np.interp(times_s, self.times_s, turned)


@dataclass(frozen=True, slots=True)
class Truth:
    """Something that a rule ought to report."""

    kind: str
    zone: str | None
    """None where the rule's events name no zone, or any will do."""
    object_ids: tuple[str, ...]
    """Whom it is about; empty: not asked for."""
    start_s: float
    """From when on the rule's condition holds: what the delay is measured from."""
    end_s: float
    optional: bool = False
    """A borderline case (exactly at the limit, half outside the picture): an alert is right, and so is none."""
    values: Mapping[str, float] = field(default_factory=dict)
    """True values of facts, by their name (`speed_kmh`): the report gives the error."""


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Something that happens to the stream at a time."""

    at_s: float
    stall_s: float = 0.0
    """No frame for so long."""
    utc_step_s: float = 0.0
    """The wall clock is set by so much."""
    stream_step_s: float = 0.0
    """The stream's own clock jumps: below 0, its time runs backwards, and the rules begin anew."""


@dataclass(frozen=True, slots=True)
class World:
    """Everything about one simulated camera."""

    name: str
    seed: int
    site: SiteConfig
    camera: CameraConfig
    view: PinholeCamera
    duration_s: float
    trajectories: tuple[Trajectory, ...]
    truths: tuple[Truth, ...]
    start: datetime = NOON
    disturbances: tuple[Disturbance, ...] = ()
    ordinary: bool = False
    """Everyday traffic or life, in which hardly anything happens: its hours tell the rate of false alerts."""


def read_config(site: Mapping[str, Any], camera: Mapping[str, Any]) -> tuple[SiteConfig, CameraConfig]:
    """Put configuration through the loader that reads an admin's files.

    Args:
        site: What site.yaml would hold.
        camera: What the camera file would hold.

    Raises:
        ValueError: The loader refuses it; says all that it says.
    """
    site_read = load_site(json.dumps(site), "site.yaml")  # JSON is YAML
    if site_read.config is None:
        raise ValueError(_lines(site_read.errors))
    camera_read = load_camera(json.dumps(camera), "camera.yaml", site_read.config)
    if camera_read.config is None:
        raise ValueError(_lines(camera_read.errors))
    return site_read.config, camera_read.config


def camera_file(camera_id: str, **sections: Any) -> dict[str, Any]:
    """What a camera file needs beside the sections that a world is about (`zones=...`, `rules=[...]`)."""
    return {
        "camera": {"id": camera_id, "name": camera_id, "village": "thon"},
        "inputs": [{"path": "rtsp://192.0.2.1/stream"}],
        **sections,
    }


def known(rules: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those entries whose kind exists: a world may ask for rules that are still to come."""
    return [rule for rule in rules if rule["kind"] in RULES]


def _lines(errors: Sequence[ConfigIssue]) -> str:
    return "\n".join(str(error) for error in errors)
