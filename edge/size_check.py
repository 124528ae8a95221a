"""Whether people and riders are tall enough in the zones of a camera to be found: notes of `langan-edge validate`.

The limits are measured (docs/accuracy.md, "How tall is tall enough"): the embedded model misses 43 % of two-wheelers
that are 41 rows of its input high and 20 % at 54; people are found from 43 rows on.
"""

from __future__ import annotations

from collections.abc import Iterator

from contract.camera_config import CameraConfig
from contract.config_loader import LoadedConfig
from contract.geometry import Point
from contract.messages import Text
from contract.rules import RULES
from contract.rules.base import AtLineParams, RuleParams
from edge.detection.manifest import Manifest, load_manifest
from edge.errors import ModelError
from edge.scene import ground_plane
from edge.scene.heights import least_height_share

RIDER_ROWS, PERSON_ROWS = 60.0, 45.0
"""Least heights in rows of the model's input."""
ASPECT = 16.0 / 9.0
"""Of the picture: a configuration does not say it, and this is nearly every camera's."""
CLOSE = 0.95
"""The heights are estimates: what falls short by less is not told."""
RIDERS = frozenset({"motorcycle", "bicycle"})


def size_notes(loaded: LoadedConfig) -> Iterator[Text]:
    """Zones and stop lines whose far end is too far away for what their rules look for.

    Args:
        loaded: A valid configuration folder, whose ground planes can be told; cameras without one are passed over.
    """
    try:
        manifest = load_manifest()
    except ModelError:
        return  # told as a mistake already
    for camera_id, camera in loaded.cameras.items():
        config = camera.config
        if config.calibration is None:
            continue
        ground = ground_plane(config.calibration)
        rows = _rows_seen(config, manifest)
        told: set[str] = set()
        for rule in sorted(config.rules, key=lambda item: "person" in item.object_classes):  # riders need the most
            needed = _needed(rule)
            for place, points in _places(config, rule):
                if needed is None or place in told:
                    continue
                share = least_height_share(ground, points, ASPECT)
                if share * rows >= CLOSE * needed:
                    continue
                told.add(place)
                yield Text(
                    "{camera}: at the far end of {place!r} a person or rider is only {found:.0f} rows high in what the "
                    "model sees, and {needed:.0f} are needed to be found: use a longer lens, hang the camera nearer, "
                    "or end it where a person takes {share:.0%} of the picture's height",
                    camera=camera_id,
                    place=place,
                    found=share * rows,
                    needed=needed,
                    share=needed / rows,
                )


def _rows_seen(config: CameraConfig, manifest: Manifest) -> float:
    """Rows of the model's input that the picture fills."""
    try:
        wide, high = manifest.get(config.detect.model).input_wh or (640, 640)
    except ModelError:
        wide, high = 640, 640
    return min(wide / ASPECT, float(high))


def _needed(rule: RuleParams) -> float | None:
    """Rows that a rule needs; None: it is about neither people nor two-wheelers."""
    if RULES[rule.kind].about_camera:
        return None
    if "person" in rule.object_classes:
        return PERSON_ROWS
    return RIDER_ROWS if RIDERS & rule.object_classes else None


def _places(config: CameraConfig, rule: RuleParams) -> Iterator[tuple[str, tuple[Point, ...]]]:
    """Zones that the rule watches, and its line."""
    for zone in rule.zones:
        yield zone, config.zones[zone].coordinates
    if isinstance(rule, AtLineParams):
        yield rule.line, config.lines[rule.line].coordinates
