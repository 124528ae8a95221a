"""`intrusion`: a class is present in a zone when the schedule forbids it. See docs/rules/intrusion.md."""

from __future__ import annotations

from dataclasses import dataclass, field

from contract.event import EventState
from contract.rules.intrusion import IntrusionFacts, IntrusionParams
from edge.rules.base import Moment, Pace, RunningMean, TimedRule
from edge.scene import Scene
from edge.types import Observation, RuleEvent, Track, TrackId

ABSENCE_S = 1.0
"""Before the event: a longer absence starts the count again. Shorter ones are the detector's misses."""
MAX_TRACKS = 32
"""Whom an event names at most: the latest; the contract takes no more paths."""


@dataclass(slots=True)
class _Presence:
    """A class in a zone, without a longer break."""

    started: Moment
    last: Moment
    """When it was really found last."""
    held: Moment
    """When a track was there last, found or only held by the tracker."""
    peak: int = 0
    score: RunningMean = field(default_factory=RunningMean)
    track_ids: dict[TrackId, None] = field(default_factory=dict)
    """In the order of their last sight."""
    pace: Pace | None = None
    """None before the event was raised."""

    @property
    def stay_s(self) -> float:
        return self.last.watched_s - self.started.watched_s

    def see(self, members: list[Track], now: Moment, *, searched: bool) -> None:
        """Take who is there; a track that is held where nobody is found any more makes no stay longer."""
        self.held = now
        if not searched or any(track.detected for track in members):
            self.last = now
        self.peak = max(self.peak, len(members))
        seen = [track.confidence for track in members if track.detected]
        if seen:
            self.score.add(max(seen))
        for track in members:
            self.track_ids.pop(track.track_id, None)
            self.track_ids[track.track_id] = None
        while len(self.track_ids) > MAX_TRACKS:
            del self.track_ids[next(iter(self.track_ids))]


class IntrusionRule(TimedRule[IntrusionParams]):
    """One event for each zone and class."""

    kind = "intrusion"

    def __init__(self, params: IntrusionParams, scene: Scene, name: str) -> None:
        """See `TimedRule`."""
        super().__init__(params, scene, name)
        self._presences: dict[tuple[str, str], _Presence] = {}

    def _decide(self, observation: Observation, now: Moment) -> list[RuleEvent]:
        if not self._in_force(now):
            return self._end_all()
        members: dict[tuple[str, str], list[Track]] = {}
        for track in self._tracks(observation, self._params.fixtures):
            for zone_id in self._own_zones(track.ground):
                members.setdefault((zone_id, track.class_name), []).append(track)
        events = []
        for place in sorted(members.keys() | self._presences.keys()):
            event = self._follow(place, members.get(place, []), now, searched=observation.detected)
            if event is not None:
                events.append(event)
        return events

    def _follow(self, place: tuple[str, str], members: list[Track], now: Moment, *, searched: bool) -> RuleEvent | None:
        presence = self._presences.get(place)
        if presence is not None:
            patience_s = ABSENCE_S if presence.pace is None else self._params.clear_after_s
            # An absence is what was looked at: whoever is there in two observations in a row never left.
            unseen_s = now.watched_s - presence.held.watched_s
            if unseen_s > (max(patience_s, self._step_s) if members else patience_s):
                del self._presences[place]
                if presence.pace is not None:
                    return self._say(EventState.END, place, presence)
                presence = None
        if not members:
            return None
        if presence is None:
            presence = self._presences[place] = _Presence(now, now, now)
        presence.see(members, now, searched=searched)
        if presence.pace is None:
            if presence.stay_s < self._params.min_duration_s:
                return None
            presence.pace = Pace(now.watched_s, presence.peak, presence.stay_s)
            return self._say(EventState.START, place, presence)
        if presence.pace.take(now.watched_s, presence.peak, presence.stay_s):
            return self._say(EventState.UPDATE, place, presence)
        return None

    def _end_all(self) -> list[RuleEvent]:
        events = [
            self._say(EventState.END, place, presence)
            for place, presence in sorted(self._presences.items())
            if presence.pace is not None
        ]
        self._presences.clear()
        return events

    def _say(self, state: EventState, place: tuple[str, str], presence: _Presence) -> RuleEvent:
        zone_id, class_name = place
        return self._event(
            state,
            f"{zone_id}:{class_name}",
            zone=zone_id,
            started=presence.started,
            observed=presence.last,
            confidence=presence.score.value,
            facts=IntrusionFacts(object_class=class_name, stay_s=presence.stay_s, peak_count=presence.peak),
            track_ids=presence.track_ids,
        )
