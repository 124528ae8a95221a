"""`pavement_driving`: a motor vehicle travels along a pavement. See docs/rules/pavement_driving.md."""

from __future__ import annotations

from contract.rules.pavement_driving import PavementDrivingFacts, PavementDrivingParams
from contract.units import kmh_to_mps, mps_to_kmh
from edge.behaviour.journey import Journey
from edge.rules.along import AlongRule, Travel


class PavementDrivingRule(AlongRule[PavementDrivingParams]):
    """One event for each vehicle."""

    kind = "pavement_driving"

    def _is_meant(self, journey: Journey, zone_id: str) -> bool:  # noqa: ARG002 - every pavement is for nobody
        return journey.class_name in self._params.object_classes

    def _is_fast_enough(self, travel: Travel) -> bool:
        return self._scene.homography is None or travel.speed >= kmh_to_mps(self._params.min_speed_kmh)

    def _facts(self, journey: Journey, zone_id: str, travel: Travel) -> PavementDrivingFacts:  # noqa: ARG002 - see above
        metric = self._scene.homography is not None
        return PavementDrivingFacts(
            object_class=journey.class_name,
            duration_s=travel.duration_s,
            distance_m=travel.length if metric else None,
            distance_boxes=travel.boxes,
            speed_kmh=mps_to_kmh(travel.speed) if metric else None,
            calibration_error_m=self._scene.calibration_error_m,
        )
