"""`lane_misuse`: a class travels in a lane that is not for it, or is banned from. See docs/rules/lane_misuse.md."""

from __future__ import annotations

from contract.rules.lane_misuse import LaneMisuseFacts, LaneMisuseParams
from edge.behaviour.journey import Journey
from edge.rules.along import AlongRule, Travel
from edge.scene import Scene


class LaneMisuseRule(AlongRule[LaneMisuseParams]):
    """One event for each vehicle."""

    kind = "lane_misuse"
    standing_s = 120.0  # longer than a red light: who waits in the wrong lane travels on in it

    def __init__(self, params: LaneMisuseParams, scene: Scene, name: str) -> None:
        """See `TimedRule`.

        Raises:
            ValueError: A zone or schedule does not exist, it is not clear which way a zone runs or for whom it is.
        """
        super().__init__(params, scene, name)
        for zone_id in params.zones:
            if not params.banned and not scene.zone(zone_id).allowed:
                raise ValueError(
                    f"camera {scene.camera_id}: for whom is zone {zone_id!r}? Add `allowed: [car]` to it, or `banned:` "
                    "to the rule"
                )

    def _is_meant(self, journey: Journey, zone_id: str) -> bool:
        name, allowed = journey.class_name, self._scene.zone(zone_id).allowed
        misused = name in self._params.banned or (bool(allowed) and name not in allowed)
        return misused and name in self._params.object_classes

    def _facts(self, journey: Journey, zone_id: str, travel: Travel) -> LaneMisuseFacts:
        return LaneMisuseFacts(
            object_class=journey.class_name,
            lane=self._scene.zone(zone_id).name,
            duration_s=travel.duration_s,
            distance_m=travel.length if self._scene.homography is not None else None,
            distance_boxes=travel.boxes,
            calibration_error_m=self._scene.calibration_error_m,
        )
