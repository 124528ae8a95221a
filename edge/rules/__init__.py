"""The rules: pure code that turns the observations of one camera into events. Adding a rule adds one line here."""

from __future__ import annotations

from typing import Any, TypeVar

from contract.camera_config import CameraConfig
from edge.behaviour.watch import Watch
from edge.rules.abandoned_object import AbandonedObjectRule
from edge.rules.base import TimedRule
from edge.rules.camera_offline import CameraOfflineRule
from edge.rules.camera_tampered import CameraTamperedRule
from edge.rules.crowding import CrowdingRule
from edge.rules.forbidden_turn import ForbiddenTurnRule
from edge.rules.illegal_parking import IllegalParkingRule
from edge.rules.intrusion import IntrusionRule
from edge.rules.jaywalking import JaywalkingRule
from edge.rules.lane_misuse import LaneMisuseRule
from edge.rules.littering import LitteringRule
from edge.rules.loitering import LoiteringRule
from edge.rules.no_helmet import NoHelmetRule
from edge.rules.overloaded_motorbike import OverloadedMotorbikeRule
from edge.rules.pavement_driving import PavementDrivingRule
from edge.rules.red_light import RedLightRule
from edge.rules.speeding import SpeedingRule
from edge.rules.stop_line import StopLineRule
from edge.rules.street_market import StreetMarketRule
from edge.rules.wrong_way import WrongWayRule
from edge.scene import Scene

Rule = TimedRule[Any]
"""A rule with whatever parameters its kind has."""
RuleT = TypeVar("RuleT", bound=TimedRule[Any])

RULES: dict[str, type[Rule]] = {
    "abandoned_object": AbandonedObjectRule,
    "camera_offline": CameraOfflineRule,
    "camera_tampered": CameraTamperedRule,
    "crowding": CrowdingRule,
    "forbidden_turn": ForbiddenTurnRule,
    "illegal_parking": IllegalParkingRule,
    "intrusion": IntrusionRule,
    "jaywalking": JaywalkingRule,
    "lane_misuse": LaneMisuseRule,
    "littering": LitteringRule,
    "loitering": LoiteringRule,
    "no_helmet": NoHelmetRule,
    "overloaded_motorbike": OverloadedMotorbikeRule,
    "pavement_driving": PavementDrivingRule,
    "red_light": RedLightRule,
    "speeding": SpeedingRule,
    "stop_line": StopLineRule,
    "street_market": StreetMarketRule,
    "wrong_way": WrongWayRule,
}
"""Every rule by kind."""


def build_rules(camera: CameraConfig, scene: Scene) -> list[Rule]:
    """Build the rules that observe a camera's frames: those of its file in their order, then those about the camera.

    They share what they work out of an observation (`edge.behaviour.watch`), and are all shown every one.

    Raises:
        ValueError: A rule names a kind, zone, schedule or signal that does not exist, or a lane without a direction.
    """
    rules: list[Rule] = []
    for index, params in enumerate(camera.rules):
        rule = RULES.get(params.kind)
        if rule is None:
            raise ValueError(f"camera {camera.camera.id}: unknown rule kind {params.kind!r}; known: {', '.join(RULES)}")
        if not issubclass(rule, CameraOfflineRule | CameraTamperedRule):
            rules.append(rule(params, scene, f"{index}-{params.kind}"))
    rules += _camera_rules(camera, scene, CameraTamperedRule)
    watch = Watch(scene)
    for made in rules:
        made.share(watch)
    return rules


def build_offline_rule(camera: CameraConfig, scene: Scene) -> CameraOfflineRule | None:
    """Build the rule that watches for silence: it is asked when there is no frame, by whoever outlives the camera.

    Returns:
        None when the camera's file turns it off.
    """
    return next(iter(_camera_rules(camera, scene, CameraOfflineRule)), None)


def _camera_rules(camera: CameraConfig, scene: Scene, kind: type[RuleT]) -> list[RuleT]:
    return [kind(params, scene, kind.kind) for params in camera.camera_rules if params.kind == kind.kind]


__all__ = ["RULES", "CameraOfflineRule", "Rule", "build_offline_rule", "build_rules"]
