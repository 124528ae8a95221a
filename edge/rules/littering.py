"""`littering`: something that a person or a vehicle leaves stays when they go. See docs/rules/littering.md."""

from __future__ import annotations

from contract.rules.abandoned_object import EndedBy
from contract.rules.littering import LitteringFacts, LitteringParams
from edge.behaviour.left_objects import LeftObject
from edge.rules.base import Moment
from edge.rules.left_object_rule import LeftObjectRule, Told
from edge.scene import Scene

ONE_THROW_S, ONE_THROW_M = 15.0, 1.5
"""What the same owner left so near and so soon is one event: a bag, and what fell out of it."""


class LitteringRule(LeftObjectRule[LitteringParams]):
    """One event for what one owner leaves at one place."""

    kind = "littering"

    def __init__(self, params: LitteringParams, scene: Scene, name: str) -> None:
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
            away_m=params.away_m,
            sizes_m=(params.min_size_m, params.max_size_m),
        )

    def _is_due(self, item: LeftObject, now: Moment) -> bool:
        params = self._params
        return (
            item.owner is not None and item.away_s >= params.away_s and item.stay_s(now.watched_s) >= params.min_stay_s
        )

    def _is_over(self, told: Told, now: Moment) -> EndedBy | None:
        return EndedBy.REMAINS if now.watched_s - told.raised_s >= self._params.ends_after_s else None

    def _is_part(self, item: LeftObject, aspect: float) -> bool:
        for told in self._told.values():
            other = told.item
            if not other.owner_ids.keys() & item.owner_ids.keys():
                continue
            apart_m = self._left.yardstick.apart_m(other.region.ground, item.region.ground, aspect)
            soon = abs(other.region.appeared_s - item.region.appeared_s) <= ONE_THROW_S
            if soon and apart_m is not None and apart_m <= ONE_THROW_M:
                return True
        return False

    def _facts(self, told: Told, how: EndedBy | None) -> LitteringFacts:
        item = told.item
        assert item.owner is not None  # noqa: S101 - only then an event is raised
        return LitteringFacts(
            object_class=item.owner.class_name,
            owner_track=int(next(iter(item.owner_ids))),
            owner_distance_m=item.owner_distance_m,
            object_box=item.region.xyxy,
            size_m=told.size_m,
            stay_s=item.stay_s(told.seen.watched_s),
            away_s=item.away_s,
            ended_by=how,
            calibration_error_m=self._scene.calibration_error_m,
        )
