"""What rules about ways ask of zones beyond their being there. Part of `config_checks`."""

from __future__ import annotations

from contract.axis import CLEAR_RATIO, NOMINAL_ASPECT, long_axis
from contract.camera_config import CameraConfig
from contract.geometry import isotropic
from contract.issues import Report
from contract.messages import Text, one_of
from contract.rules import RULES, RuleParams
from contract.rules.base import OBJECT_CLASSES
from contract.rules.forbidden_turn import ForbiddenTurnParams
from contract.rules.lane_misuse import LaneMisuseParams
from contract.yaml_tree import Path


def check_ways(camera: CameraConfig, rule: RuleParams, path: Path, report: Report) -> None:
    """Check that it is clear which way zones run, in which order they are forbidden, and for whom lanes are."""
    if isinstance(rule, ForbiddenTurnParams):
        _check_turn(camera, rule, path, report)
    if isinstance(rule, LaneMisuseParams):
        _check_lanes(camera, rule, path, report)
    if RULES[rule.kind].requires_zone_axis and camera.calibration is None:  # with one, the ground's shape decides
        for index, zone_id in enumerate(rule.zones):
            zone = camera.zones.get(zone_id)
            if zone is None or zone.direction is not None:
                continue
            _, ratio = long_axis([isotropic(corner, NOMINAL_ASPECT) for corner in zone.coordinates])
            if ratio < CLEAR_RATIO:
                report(
                    (*path, "zones", index),
                    Text("{zone!r} is about as wide as long: which way does it run?", zone=zone_id),
                    Text("add `direction: [[x, y], [x, y]]` (from, to) to zones.{zone}", zone=zone_id),
                )


def _check_turn(camera: CameraConfig, rule: ForbiddenTurnParams, path: Path, report: Report) -> None:
    for key, zone_id in (("from_zone", rule.from_zone), ("to_zone", rule.to_zone)):
        if zone_id is not None and zone_id not in camera.zones:
            report((*path, key), Text("unknown zone {zone!r}", zone=zone_id), one_of(camera.zones))
    only = camera.zones.get(rule.order[0]) if len(rule.order) == 1 else None
    if only is not None and only.direction is None:
        report(
            (*path, "zones", 0),
            Text("{rule} needs the direction of {zone!r}", rule=rule.kind, zone=rule.order[0]),
            Text("add `direction: [[x, y], [x, y]]` (from, to) to zones.{zone}", zone=rule.order[0]),
        )


def _check_lanes(camera: CameraConfig, rule: LaneMisuseParams, path: Path, report: Report) -> None:
    for index, name in enumerate(rule.banned):
        if name not in OBJECT_CLASSES:
            report((*path, "banned", index), Text("unknown class {name!r}", name=name), one_of(OBJECT_CLASSES))
        elif name not in rule.object_classes:
            report(
                (*path, "banned", index),
                Text("the rule does not look at the class {name!r}", name=name),
                Text("add it to the rule's objects"),
            )
        elif name not in camera.objects.track:
            report(
                (*path, "banned", index),
                Text("the class {name!r} is not tracked", name=name),
                Text("add it to objects.track"),
            )
    for index, zone_id in enumerate(rule.zones):
        zone = camera.zones.get(zone_id)
        if zone is not None and not zone.allowed and not rule.banned:
            report(
                (*path, "zones", index),
                Text("for which classes is {zone!r}?", zone=zone_id),
                Text("add `allowed: [car]` to zones.{zone}, or `banned:` to the rule", zone=zone_id),
            )
