"""`abandoned_object`: a static object without an owner near it. See docs/rules/abandoned_object.md."""

from __future__ import annotations

from dataclasses import dataclass

from contract.event import EventState
from contract.rules.abandoned_object import AbandonedObjectFacts, AbandonedObjectParams, EndedBy
from edge.behaviour.left_objects import LeftObject, LeftObjects
from edge.rules.base import Moment, Pace, TimedRule
from edge.scene import Scene
from edge.types import Observation, RuleEvent

FRESH_S = 5.0
"""The object was seen so shortly before: nobody stands in front of it."""
NO_OWNER_CONFIDENCE = 0.5
"""Nobody was seen leaving it."""
SMALLEST, LARGEST = 0.0001, 0.05
"""Shares of the picture that are taken for an object as long as nobody has shown how large a metre is there."""


@dataclass(slots=True)
class _Told:
    """An event that has not ended."""

    item: LeftObject
    zone_id: str | None
    started: Moment
    seen: Moment
    pace: Pace
    size_m: float | None


class AbandonedObjectRule(TimedRule[AbandonedObjectParams]):
    """One event for each object."""

    kind = "abandoned_object"

    def __init__(self, params: AbandonedObjectParams, scene: Scene, name: str) -> None:
        """See `TimedRule`.

        Raises:
            ValueError: A zone or schedule does not exist.
        """
        super().__init__(params, scene, name)
        near_m = params.owner_within_m
        self._left = LeftObjects(scene, self._classes, params.fixtures, near_m, near_m)
        self._told: dict[int, _Told] = {}

    def _decide(self, observation: Observation, now: Moment) -> list[RuleEvent]:
        gone = self._left.observe(observation, self._tracks(observation), now.watched_s, self._step_s)
        events = []
        for item, how in gone:
            told = self._told.pop(item.region.region_id, None)
            if told is not None:
                events.append(self._say(EventState.END, told, now, how))
        if not self._in_force(now):
            return events + self._end_open()
        for region_id, item in self._left.objects.items():
            told = self._told.get(region_id)
            event = self._raise_if(item, observation, now) if told is None else self._go_on(told, now)
            if event is not None:
                events.append(event)
        return events

    def _raise_if(self, item: LeftObject, observation: Observation, now: Moment) -> RuleEvent | None:
        params, region = self._params, item.region
        if item.alone_s < params.min_stay_s or observation.monotonic_s - region.last_seen_s > FRESH_S:
            return None
        zone_id = next((zone for zone in params.zones if self._scene.zone_contains(zone, region.ground)), None)
        if params.zones and zone_id is None:
            return None
        size_m = self._left.yardstick.size_m(region.xyxy, observation.aspect)
        fits = (
            SMALLEST <= region.area <= LARGEST if size_m is None else params.min_size_m <= size_m <= params.max_size_m
        )
        if not fits:
            self.rejected["size"] += 1
            return None
        stay_s = item.stay_s(now.watched_s)
        told = _Told(
            item,
            zone_id,
            now.ago(max(0.0, now.monotonic_s - region.appeared_s)),
            now,
            Pace(now.watched_s, 0, stay_s),
            size_m,
        )
        self._told[region.region_id] = told
        return self._say(EventState.START, told, now)

    def _go_on(self, told: _Told, now: Moment) -> RuleEvent | None:
        if now.monotonic_s - told.item.region.last_seen_s <= FRESH_S:
            told.seen = now
        if told.item.near_s >= self._params.clear_after_s:
            del self._told[told.item.region.region_id]
            return self._say(EventState.END, told, now, EndedBy.RECLAIMED)
        if told.pace.take(now.watched_s, 0, told.item.stay_s(now.watched_s)):
            return self._say(EventState.UPDATE, told, now)
        return None

    def _end_open(self) -> list[RuleEvent]:
        events = [self._say(EventState.END, told, told.seen, EndedBy.GONE) for told in self._told.values()]
        self._told.clear()
        return events

    def _end_all(self) -> list[RuleEvent]:
        events = self._end_open()
        self._left.forget()
        return events

    def _say(self, state: EventState, told: _Told, now: Moment, how: EndedBy | None = None) -> RuleEvent:
        item, owner = told.item, told.item.owner
        return self._event(
            state,
            f"region-{item.region.region_id}",
            zone=told.zone_id,
            started=told.started,
            observed=told.seen if state is EventState.END else now,
            confidence=NO_OWNER_CONFIDENCE if owner is None else owner.confidence,
            facts=AbandonedObjectFacts(
                stay_s=item.stay_s(told.seen.watched_s),
                alone_s=item.alone_s,
                min_stay_s=self._params.min_stay_s,
                object_box=item.region.xyxy,
                size_m=told.size_m,
                object_class=None if owner is None else owner.class_name,
                owner_track=None if owner is None else int(next(iter(item.owner_ids))),
                ended_by=how,
                calibration_error_m=self._scene.calibration_error_m,
            ),
            track_ids=item.owner_ids,
        )
