"""What rules about the ways of single objects share: whom they follow, and the events that are open about them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from contract.event import EventState
from contract.rules import RuleFacts, RuleParams
from edge.behaviour.journey import Journey
from edge.behaviour.watch import Watch
from edge.rules.base import Moment, Pace, TimedRule, iou
from edge.scene import Scene
from edge.types import Observation, RuleEvent, Track

ParamsT = TypeVar("ParamsT", bound=RuleParams)
NotesT = TypeVar("NotesT")
Facts = RuleFacts | Callable[[], RuleFacts]
"""What an event says, or how to find it: most frames tell nothing, and checked facts cost more than a decision."""
SAME_OBJECT_IOU = 0.5
"""Boxes of like classes that overlap by this much are one object that the detector named twice."""


@dataclass(slots=True)
class Deed:
    """An event that was raised and has not ended."""

    key: str
    journey: Journey
    zone_id: str
    """Empty: no zone."""
    started: Moment
    last: Moment
    """When its condition last held."""
    facts: Facts
    pace: Pace


class JourneyRule(TimedRule[ParamsT], Generic[ParamsT, NotesT]):
    """One event for each object that does it, across all tracks that the object has."""

    def __init__(
        self, params: ParamsT, scene: Scene, name: str, *, keep_s: float, clear_after_s: float, relink_s: float = 30.0
    ) -> None:
        """See `TimedRule`.

        Args:
            params: What the admin wrote.
            scene: The camera's scene.
            name: Tells the rules of one camera apart.
            keep_s: How long places are remembered.
            clear_after_s: An event ends when its condition has not held for this long.
            relink_s: How long an object that stood is looked for at its place.
        """
        super().__init__(params, scene, name)
        self._clear_after_s = clear_after_s
        self._remember_s = keep_s
        self._relink_s = relink_s
        self._deeds: dict[int, Deed] = {}
        """Open events by the journey's number."""
        self._notes: dict[int, NotesT] = {}
        """What a rule notes about a journey, by its number; dropped with it."""
        self._count = 0

    def share(self, watch: Watch) -> None:
        """See `TimedRule`: the journeys are those of all rules with the same patience."""
        super().share(watch)
        watch.journeys(self._relink_s).need(self._classes, self._remember_s)

    @abstractmethod
    def _judge(self, journey: Journey, observation: Observation, now: Moment) -> RuleEvent | None:
        """Decide over an object that is in the picture (`journey.fresh`: it was detected just now)."""

    def _gone(self, journey: Journey) -> RuleEvent | None:  # noqa: ARG002 - few rules want to know
        """Decide over an object with notes that was lost for good."""
        return None

    def _watched(self, observation: Observation) -> Iterable[Track]:
        """The tracks whose journeys are judged."""
        return self._tracks(observation, getattr(self._params, "fixtures", ()))

    def _decide(self, observation: Observation, now: Moment) -> list[RuleEvent]:
        if not self._in_force(now):
            return self._end_all()
        journeys = self._watching().follow(self._relink_s)
        for track, why in journeys.refused:
            if track.class_name in self._classes:
                self.rejected[why] += 1
        for journey in journeys.sequels:
            self._notes.pop(journey.number, None)
        events = []
        for journey in journeys.of(self._watched(observation), now):
            event = self._judge(journey, observation, now)
            if event is not None:
                events.append(event)
        for journey in journeys.gone:
            if journey.number in self._notes:
                event = self._gone(journey)
                if event is not None:
                    events.append(event)
                del self._notes[journey.number]
        return events + self._end_cleared(now) if self._deeds else events

    def _raise(
        self, journey: Journey, zone_id: str, started: Moment, last: Moment, facts: Facts, length: float = 0.0
    ) -> RuleEvent | None:
        """Open an event, unless one is open about the same thing under a second name."""
        journey.told = True
        if any(is_same_object(deed.journey, journey) for deed in self._deeds.values()):
            return None
        self._count += 1
        pace = Pace(last.watched_s, 0, length)
        deed = Deed(f"journey-{self._count}", journey, zone_id, started, last, facts, pace)
        self._deeds[journey.number] = deed
        return self._say(EventState.START, deed)

    def _go_on(self, deed: Deed, now: Moment, facts: Facts, length: float) -> RuleEvent | None:
        """The condition of an open event holds."""
        deed.last, deed.facts = now, facts
        return self._say(EventState.UPDATE, deed) if deed.pace.take(now.watched_s, 0, length) else None

    def _end_cleared(self, now: Moment) -> list[RuleEvent]:
        cleared = [
            number for number, deed in self._deeds.items() if now.watched_s - deed.last.watched_s >= self._clear_after_s
        ]
        return [self._say(EventState.END, self._deeds.pop(number)) for number in cleared]

    def _end_all(self) -> list[RuleEvent]:
        events = [self._say(EventState.END, deed) for deed in self._deeds.values()]
        self._deeds.clear()
        self._notes.clear()
        return events

    def _say(self, state: EventState, deed: Deed) -> RuleEvent:
        return self._event(
            state,
            deed.key,
            zone=deed.zone_id or None,
            started=deed.started,
            observed=deed.last,
            confidence=deed.journey.score.value,
            facts=deed.facts() if callable(deed.facts) else deed.facts,
            track_ids=deed.journey.track_ids,
        )


def is_same_object(one: Journey, other: Journey) -> bool:
    """Tell whether two journeys are one object that the detector named twice: like classes, boxes one on the other."""
    return (
        one is not other
        and one.group == other.group
        and one.last.at_s == other.last.at_s
        and iou(one.track.xyxy, other.track.xyxy) >= SAME_OBJECT_IOU
    )
