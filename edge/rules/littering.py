"""`littering`: something that a person or a vehicle leaves stays when they go. See docs/rules/littering.md."""

from __future__ import annotations

from dataclasses import dataclass

from contract.event import EventState
from contract.rules.abandoned_object import EndedBy
from contract.rules.littering import LitteringFacts, LitteringParams
from edge.behaviour.left_objects import LeftObject, LeftObjects
from edge.rules.base import Moment, Pace, TimedRule
from edge.scene import Scene
from edge.types import Observation, RuleEvent

FRESH_S = 5.0
"""The object was seen so shortly before: nobody stands in front of it."""
ONE_THROW_S, ONE_THROW_M = 15.0, 1.5
"""What the same owner left so near and so soon is one event: a bag, and what fell out of it."""


@dataclass(slots=True)
class _Told:
    """An event that has not ended."""

    item: LeftObject
    zone_id: str | None
    started: Moment
    seen: Moment
    raised_s: float
    pace: Pace
    size_m: float | None


class LitteringRule(TimedRule[LitteringParams]):
    """One event for what one owner leaves at one place."""

    kind = "littering"

    def __init__(self, params: LitteringParams, scene: Scene, name: str) -> None:
        """See `TimedRule`.

        Raises:
            ValueError: A zone or schedule does not exist.
        """
        super().__init__(params, scene, name)
        self._left = LeftObjects(scene, self._classes, params.fixtures, params.owner_within_m, params.away_m)
        self._told: dict[int, _Told] = {}
        self._done: set[int] = set()
        """Regions whose event has ended, or that belong to another's."""

    def _decide(self, observation: Observation, now: Moment) -> list[RuleEvent]:
        gone = self._left.observe(observation, self._tracks(observation), now.watched_s, self._step_s)
        events = []
        for item, how in gone:
            self._done.discard(item.region.region_id)
            told = self._told.pop(item.region.region_id, None)
            if told is not None:
                events.append(self._say(EventState.END, told, now, how))
        if not self._in_force(now):
            return events + self._end_open(EndedBy.REMAINS)
        for region_id, item in self._left.objects.items():
            told = self._told.get(region_id)
            event = self._raise_if(item, observation, now) if told is None else self._go_on(told, now)
            if event is not None:
                events.append(event)
        return events

    def _raise_if(self, item: LeftObject, observation: Observation, now: Moment) -> RuleEvent | None:
        params, region = self._params, item.region
        stay_s = item.stay_s(now.watched_s)
        if (
            region.region_id in self._done
            or item.owner is None
            or item.away_s < params.away_s
            or stay_s < params.min_stay_s
            or observation.monotonic_s - region.last_seen_s > FRESH_S
        ):
            return None
        size_m = self._left.yardstick.size_m(region.xyxy, observation.aspect)
        if size_m is None or not params.min_size_m <= size_m <= params.max_size_m:
            self.rejected["size"] += 1
            return None
        zone_id = next((zone for zone in params.zones if self._scene.zone_contains(zone, region.ground)), None)
        if (params.zones and zone_id is None) or self._is_part(item, observation):
            self._done.add(region.region_id)
            return None
        told = self._told[region.region_id] = _Told(
            item,
            zone_id,
            now.ago(max(0.0, now.monotonic_s - region.appeared_s)),
            now,
            now.watched_s,
            Pace(now.watched_s, 0, stay_s),
            size_m,
        )
        return self._say(EventState.START, told, now)

    def _is_part(self, item: LeftObject, observation: Observation) -> bool:
        """Whether another event tells of it already."""
        for told in self._told.values():
            other = told.item
            if not other.owner_ids.keys() & item.owner_ids.keys():
                continue
            apart_m = self._left.yardstick.apart_m(other.region.ground, item.region.ground, observation.aspect)
            soon = abs(other.region.appeared_s - item.region.appeared_s) <= ONE_THROW_S
            if soon and apart_m is not None and apart_m <= ONE_THROW_M:
                return True
        return False

    def _go_on(self, told: _Told, now: Moment) -> RuleEvent | None:
        if now.monotonic_s - told.item.region.last_seen_s <= FRESH_S:
            told.seen = now
        if now.watched_s - told.raised_s >= self._params.ends_after_s:
            region_id = told.item.region.region_id
            del self._told[region_id]
            self._done.add(region_id)
            return self._say(EventState.END, told, now, EndedBy.REMAINS)
        if told.pace.take(now.watched_s, 0, told.item.stay_s(now.watched_s)):
            return self._say(EventState.UPDATE, told, now)
        return None

    def _end_open(self, how: EndedBy) -> list[RuleEvent]:
        events = [self._say(EventState.END, told, told.seen, how) for told in self._told.values()]
        self._done |= self._told.keys()
        self._told.clear()
        return events

    def _end_all(self) -> list[RuleEvent]:
        events = self._end_open(EndedBy.GONE)
        self._left.forget()
        self._done.clear()
        return events

    def _say(self, state: EventState, told: _Told, now: Moment, how: EndedBy | None = None) -> RuleEvent:
        item = told.item
        assert item.owner is not None  # noqa: S101 - only then an event is raised
        return self._event(
            state,
            f"region-{item.region.region_id}",
            zone=told.zone_id,
            started=told.started,
            observed=now if how is EndedBy.REMAINS or state is not EventState.END else told.seen,
            confidence=item.owner.confidence,
            facts=LitteringFacts(
                object_class=item.owner.class_name,
                owner_track=int(next(iter(item.owner_ids))),
                owner_distance_m=item.owner_distance_m,
                object_box=item.region.xyxy,
                size_m=told.size_m,
                stay_s=item.stay_s(now.watched_s),
                away_s=item.away_s,
                ended_by=how,
                calibration_error_m=self._scene.calibration_error_m,
            ),
            track_ids=item.owner_ids,
        )
