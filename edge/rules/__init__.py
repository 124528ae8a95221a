"""The rules: pure code that turns the observations of one camera into events. Adding a rule adds one line here."""

from __future__ import annotations

from typing import Any

from contract.camera_config import CameraConfig
from edge.rules.base import TimedRule
from edge.rules.crowding import CrowdingRule
from edge.rules.illegal_parking import IllegalParkingRule
from edge.rules.intrusion import IntrusionRule
from edge.rules.wrong_way import WrongWayRule
from edge.scene import Scene

Rule = TimedRule[Any]
"""A rule with whatever parameters its kind has."""

RULES: dict[str, type[Rule]] = {
    "crowding": CrowdingRule,
    "illegal_parking": IllegalParkingRule,
    "intrusion": IntrusionRule,
    "wrong_way": WrongWayRule,
}
"""Every rule by kind."""


def build_rules(camera: CameraConfig, scene: Scene) -> list[Rule]:
    """Build a camera's rules, in the order of its file.

    Raises:
        ValueError: A rule names a kind, zone, schedule or signal that does not exist, or a lane without a direction.
    """
    rules = []
    for index, params in enumerate(camera.rules):
        rule = RULES.get(params.kind)
        if rule is None:
            raise ValueError(f"camera {camera.camera.id}: unknown rule kind {params.kind!r}; known: {', '.join(RULES)}")
        rules.append(rule(params, scene, f"{index}-{params.kind}"))
    return rules


__all__ = ["RULES", "Rule", "build_rules"]
