"""`loitering`: one person stays in a zone. See docs/rules/loitering.md."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from contract.geometry import Point, distance
from contract.rules.loitering import LoiteringFacts, LoiteringParams
from edge.behaviour.journey import SPARSE_S, Journey
from edge.rules.base import Moment
from edge.rules.journey_rule import JourneyRule
from edge.scene import Scene
from edge.types import Observation, RuleEvent

MISSED_S = 2.0
"""Not seen for so long is the detector's miss; longer, the person was hidden."""
SEEN_SHARE = 0.5
"""Of a stay, so much must have been seen: a chain of people who were each hidden for a while is nobody's stay."""
STRIDE_M = 1.0
"""A way is counted in strides of this length: less is a trembling box."""


@dataclass(slots=True)
class _Stay:
    """A person's stay in a zone."""

    started: Moment
    last: Moment
    """When the person was last in the zone."""
    stay_s: float = 0.0
    unseen_s: float = 0.0
    visits: int = 1
    away: bool = False
    """Outside when last seen."""
    way: float = 0.0
    """Metres."""
    at: Point | None = None
    """Where the last stride ended, in the plane."""


class LoiteringRule(JourneyRule[LoiteringParams, dict[str, _Stay]]):
    """One event for each person and zone."""

    kind = "loitering"

    def __init__(self, params: LoiteringParams, scene: Scene, name: str) -> None:
        """See `TimedRule`."""
        patience_s = params.reset_after_s
        super().__init__(params, scene, name, keep_s=SPARSE_S, clear_after_s=patience_s, relink_s=patience_s)

    def _judge(self, journey: Journey, observation: Observation, now: Moment) -> RuleEvent | None:
        place = journey.smooth()
        zones = self._own_zones(place.ground)
        stays = self._notes.get(journey.number)
        if stays is None:
            if not zones:
                return None
            stays = self._notes[journey.number] = {}
        patience_s = max(self._params.reset_after_s, self._step_s)
        for zone_id, stay in list(stays.items()):
            if now.watched_s - stay.last.watched_s > patience_s:
                del stays[zone_id]
            elif zone_id not in zones:
                stay.away = True
        if not journey.fresh and observation.detected:
            return None  # its track is held where it may no longer be
        event = None
        for zone_id in zones:
            known = stays.get(zone_id)
            stay = stays[zone_id] = _Stay(now, now) if known is None else known
            self._stay_on(stay, place.plane, now)
            event = event or self._say_stay(stay, journey, zone_id, now)
        return event

    def _stay_on(self, stay: _Stay, at: Point, now: Moment) -> None:
        passed_s = now.watched_s - stay.last.watched_s
        if stay.away:
            stay.visits += 1
            stay.away, stay.at = False, None
        else:
            stay.stay_s += passed_s
            if passed_s > max(MISSED_S, self._step_s):
                stay.unseen_s += passed_s
        stay.last = now
        if stay.at is None:
            stay.at = at
        elif self._scene.homography is not None and distance(stay.at, at) >= STRIDE_M:
            stay.way += distance(stay.at, at)
            stay.at = at

    def _say_stay(self, stay: _Stay, journey: Journey, zone_id: str, now: Moment) -> RuleEvent | None:
        deed = self._deeds.get(journey.number)
        if deed is None:
            if stay.stay_s < self._params.max_stay_s or stay.unseen_s > (1.0 - SEEN_SHARE) * stay.stay_s:
                return None
            return self._raise(journey, zone_id, stay.started, now, partial(self._facts, journey, stay), stay.stay_s)
        if deed.zone_id != zone_id:
            return None
        return self._go_on(deed, now, partial(self._facts, journey, stay), stay.stay_s)

    def _facts(self, journey: Journey, stay: _Stay) -> LoiteringFacts:
        return LoiteringFacts(
            object_class=journey.class_name,
            stay_s=stay.stay_s,
            max_stay_s=self._params.max_stay_s,
            visits=stay.visits,
            unseen_s=stay.unseen_s,
            distance_m=stay.way if self._scene.homography is not None else None,
            calibration_error_m=self._scene.calibration_error_m,
        )
