"""`abandoned_object`: a static object without an owner near it. See docs/rules/abandoned_object.md."""

from __future__ import annotations

from contract.rules.abandoned_object import AbandonedObjectFacts, AbandonedObjectParams, EndedBy
from edge.behaviour.left_objects import LeftObject
from edge.rules.base import Moment
from edge.rules.left_object_rule import LeftObjectRule, Told
from edge.scene import Scene
from edge.types import StaticRegion

SMALLEST, LARGEST = 0.0001, 0.05
"""Shares of the picture that are taken for an object as long as nobody has shown how large a metre is there."""


class AbandonedObjectRule(LeftObjectRule[AbandonedObjectParams]):
    """One event for each object."""

    kind = "abandoned_object"

    def __init__(self, params: AbandonedObjectParams, scene: Scene, name: str) -> None:
        """See `TimedRule`.

        Raises:
            ValueError: A zone or schedule does not exist.
        """
        super().__init__(
            params,
            scene,
            name,
            fixtures=params.fixtures,
            near_m=params.owner_within_m,
            away_m=params.owner_within_m,
            sizes_m=(params.min_size_m, params.max_size_m),
        )

    def _is_due(self, item: LeftObject, now: Moment) -> bool:  # noqa: ARG002 - the thing counts its own time
        return item.alone_s >= self._params.min_stay_s

    def _is_over(self, told: Told, now: Moment) -> EndedBy | None:  # noqa: ARG002 - as above
        return EndedBy.RECLAIMED if told.item.near_s >= self._params.clear_after_s else None

    def _fits(self, region: StaticRegion, size_m: float | None) -> bool:
        return SMALLEST <= region.area <= LARGEST if size_m is None else super()._fits(region, size_m)

    def _facts(self, told: Told, how: EndedBy | None) -> AbandonedObjectFacts:
        item, owner = told.item, told.item.owner
        return AbandonedObjectFacts(
            stay_s=item.stay_s(told.seen.watched_s),
            alone_s=item.alone_s,
            min_stay_s=self._params.min_stay_s,
            object_box=item.region.xyxy,
            size_m=told.size_m,
            object_class=None if owner is None else owner.class_name,
            owner_track=None if owner is None else int(next(iter(item.owner_ids))),
            ended_by=how,
            calibration_error_m=self._scene.calibration_error_m,
        )
