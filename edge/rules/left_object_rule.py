"""What `littering` and `abandoned_object` share: things that were left, and one event for each."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TypeVar

from contract.event import EventState
from contract.geometry import Point
from contract.rules import RuleFacts, RuleParams
from contract.rules.abandoned_object import EndedBy
from edge.behaviour.left_objects import LeftObject, LeftObjects
from edge.rules.base import Moment, Pace, TimedRule
from edge.scene import Scene
from edge.types import Observation, RuleEvent, StaticRegion

FRESH_S = 5.0
"""The object was seen so shortly before: nobody stands in front of it."""
NO_OWNER_CONFIDENCE = 0.5
"""Nobody was seen leaving it."""
ParamsT = TypeVar("ParamsT", bound=RuleParams)


@dataclass(slots=True)
class Told:
    """An event that has not ended."""

    item: LeftObject
    zone_id: str | None
    started: Moment
    """When the object appeared."""
    seen: Moment
    raised_s: float
    """Watched second."""
    pace: Pace
    size_m: float | None


class LeftObjectRule(TimedRule[ParamsT]):
    """One event for each thing that was left."""

    def __init__(
        self,
        params: ParamsT,
        scene: Scene,
        name: str,
        *,
        fixtures: tuple[Point, ...],
        near_m: float,
        away_m: float,
        sizes_m: tuple[float, float],
    ) -> None:
        """See `TimedRule`.

        Args:
            params: As there.
            scene: As there.
            name: As there.
            fixtures: As `LeftObjects`.
            near_m: As `LeftObjects`.
            away_m: As `LeftObjects`.
            sizes_m: Of the smallest and the largest thing that counts.

        Raises:
            ValueError: A zone or schedule does not exist.
        """
        super().__init__(params, scene, name)
        self._left = LeftObjects(scene, self._classes, fixtures, near_m, away_m)
        self._sizes_m = sizes_m
        self._told: dict[int, Told] = {}
        self._done: set[int] = set()
        """Regions that are not told (again): their event has ended, or they belong to another's, or to no zone."""

    @abstractmethod
    def _is_due(self, item: LeftObject, now: Moment) -> bool:
        """Tell whether a thing has been left for long enough."""

    @abstractmethod
    def _is_over(self, told: Told, now: Moment) -> EndedBy | None:
        """Tell whether an event ends although the thing is still there, and how."""

    @abstractmethod
    def _facts(self, told: Told, how: EndedBy | None) -> RuleFacts:
        """What is said of an event."""

    def _fits(self, region: StaticRegion, size_m: float | None) -> bool:  # noqa: ARG002 - for those that judge without a size
        """Tell whether a thing is neither too small nor too large."""
        return size_m is not None and self._sizes_m[0] <= size_m <= self._sizes_m[1]

    def _is_part(self, item: LeftObject, aspect: float) -> bool:  # noqa: ARG002 - for those that join things
        """Tell whether another event tells of it already."""
        return False

    def _decide(self, observation: Observation, now: Moment) -> list[RuleEvent]:
        gone = self._left.observe(observation, self._tracks(observation), now.watched_s, self._step_s)
        events = []
        for item, how in gone:
            self._done.discard(item.region.region_id)
            told = self._told.pop(item.region.region_id, None)
            if told is not None:
                events.append(self._say(EventState.END, told, told.seen, how))
        if not self._in_force(now):
            return events + self._end_open(EndedBy.REMAINS)
        for region_id, item in self._left.objects.items():
            told = self._told.get(region_id)
            event = self._raise_if(item, observation, now) if told is None else self._go_on(told, now)
            if event is not None:
                events.append(event)
        return events

    def _raise_if(self, item: LeftObject, observation: Observation, now: Moment) -> RuleEvent | None:
        region = item.region
        if region.region_id in self._done or not self._is_due(item, now):
            return None
        if now.monotonic_s - region.last_seen_s > FRESH_S:
            return None
        size_m = self._left.yardstick.size_m(region.xyxy, observation.aspect)
        if not self._fits(region, size_m):
            self.rejected["size"] += 1
            return None
        zones = self._params.zones
        zone_id = next((zone for zone in zones if self._scene.zone_contains(zone, region.ground)), None)
        if (zones and zone_id is None) or self._is_part(item, observation.aspect):
            self._done.add(region.region_id)
            return None
        told = self._told[region.region_id] = Told(
            item,
            zone_id,
            now.ago(max(0.0, now.monotonic_s - region.appeared_s)),
            now,
            now.watched_s,
            Pace(now.watched_s, 0, item.stay_s(now.watched_s)),
            size_m,
        )
        return self._say(EventState.START, told, now)

    def _go_on(self, told: Told, now: Moment) -> RuleEvent | None:
        region = told.item.region
        if now.monotonic_s - region.last_seen_s <= FRESH_S:
            told.seen = now
        how = self._is_over(told, now)
        if how is not None:
            del self._told[region.region_id]
            if how is EndedBy.REMAINS:
                self._done.add(region.region_id)
            return self._say(EventState.END, told, now if how is EndedBy.REMAINS else told.seen, how)
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

    def _say(self, state: EventState, told: Told, observed: Moment, how: EndedBy | None = None) -> RuleEvent:
        owner = told.item.owner
        return self._event(
            state,
            f"region-{told.item.region.region_id}",
            zone=told.zone_id,
            started=told.started,
            observed=observed,
            confidence=NO_OWNER_CONFIDENCE if owner is None else owner.confidence,
            facts=self._facts(told, how),
            track_ids=told.item.owner_ids,
        )
