"""`no_helmet`: a rider on a motorbike without a helmet. See docs/rules/no_helmet.md.

A model with the classes `helmet` and `no_helmet` finds parts; `edge.riders` says whose head each is. Every head
collects votes; the event is about the motorbike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from contract.event import EventState
from contract.rules.no_helmet import NoHelmetFacts, NoHelmetParams
from edge.riders import Head, HeadBook, Ride
from edge.rules.base import Moment, Pace, TimedRule
from edge.scene import Scene
from edge.types import Observation, RuleEvent, Track

FORGET_S = 10.0
"""A motorbike on which no head was seen for so long begins anew."""
VOTE_EVERY_S = 0.099
"""More than ten votes a second would be the same picture twice."""
BARE, COVERED = "no_helmet", "helmet"


@dataclass(slots=True)
class _Look:
    """What was seen of the heads on one ride."""

    ride: Ride
    started: Moment
    last: Moment
    """When a head, or anybody, was last seen on the motorbike."""
    zone_id: str | None = None
    most_riders: int = 0
    pace: Pace | None = None
    """None before the event was raised."""
    told: tuple[int, int, int] = (1, 0, 0)
    """Bare heads, votes and votes against when that was last sure."""
    confidence: float = 0.0


class NoHelmetRule(TimedRule[NoHelmetParams]):
    """One event for each motorbike."""

    kind = "no_helmet"

    def __init__(self, params: NoHelmetParams, scene: Scene, name: str) -> None:
        """See `TimedRule`."""
        super().__init__(params, scene, name)
        self._heads = HeadBook()
        self._looks: dict[int, _Look] = {}
        self._voted_s = float("-inf")

    def _decide(self, observation: Observation, now: Moment) -> list[RuleEvent]:
        if not self._in_force(now):
            return self._end_all()
        watch = self._watching()
        if watch.impossible:
            self.rejected["box"] += len(watch.impossible)
        rides = watch.rides()
        if not observation.detected:
            for ride in rides:
                if ride.number in self._looks:
                    self._looks[ride.number].last = now
            return self._end_gone(now)
        self._vote(observation, rides, watch.plausible, now)
        events = [event for ride in rides if (event := self._judge(ride, now)) is not None]
        return events + self._end_gone(now)

    def _vote(self, observation: Observation, rides: Sequence[Ride], tracks: Sequence[Track], now: Moment) -> None:
        if now.watched_s - self._voted_s < VOTE_EVERY_S:
            return
        self._voted_s = now.watched_s
        wanted = [ride for ride in rides if ride.classes and ride.class_name in self._classes and self._zone(ride)[0]]
        self._heads.observe(observation.parts, wanted, tracks, now.watched_s)

    def _zone(self, ride: Ride) -> tuple[bool, str | None]:
        """Whether a motorbike is where the rule looks, and in which zone."""
        zone_id = next(iter(self._own_zones(ride.track.ground)), None)
        return zone_id is not None or not self._params.zones, zone_id

    def _judge(self, ride: Ride, now: Moment) -> RuleEvent | None:
        heads = self._heads.of(ride)
        riders = ride.riders_at(now.watched_s)
        look = self._looks.get(ride.number)
        seen = bool(riders) or any(head.seen_s == now.watched_s for head in heads)
        if not seen or not heads:
            return None
        if look is None:
            look = self._looks[ride.number] = _Look(ride, now, now)
        look.last = now
        look.most_riders = max(look.most_riders, len(riders))
        bare = [head for head in heads if self._is_bare(head)]
        if not bare:
            return None
        surest = max(bare, key=lambda head: head.votes[BARE] - head.votes[COVERED])
        look.told = (len(bare), surest.votes[BARE], surest.votes[COVERED])
        look.confidence = surest.scores[BARE] / surest.votes[BARE]
        lasted_s = now.watched_s - look.started.watched_s
        if look.pace is None:
            look.zone_id = self._zone(ride)[1]
            look.pace = Pace(now.watched_s, len(bare), lasted_s)
            return self._say(EventState.START, look)
        return self._say(EventState.UPDATE, look) if look.pace.take(now.watched_s, len(bare), lasted_s) else None

    def _is_bare(self, head: Head) -> bool:
        bare, covered = head.votes[BARE], head.votes[COVERED]
        if not head.rides_along:
            return False
        return bare >= self._params.min_votes and bare >= self._params.min_share * (bare + covered)

    def _end_gone(self, now: Moment) -> list[RuleEvent]:
        events = []
        for number, look in list(self._looks.items()):
            unseen_s = now.watched_s - look.last.watched_s
            if unseen_s >= (FORGET_S if look.pace is None else self._params.clear_after_s):
                del self._looks[number]
                if look.pace is not None:
                    events.append(self._say(EventState.END, look))
                self._heads.drop(look.ride)
        return events

    def _end_all(self) -> list[RuleEvent]:
        raised = [look for look in self._looks.values() if look.pace is not None]
        events = [self._say(EventState.END, look) for look in sorted(raised, key=attrgetter("ride.number"))]
        self._looks.clear()
        self._heads.forget()
        return events

    def _say(self, state: EventState, look: _Look) -> RuleEvent:
        without_helmet, votes, votes_against = look.told
        known = sum(
            head.rides_along and head.votes.total() >= self._params.min_votes for head in self._heads.of(look.ride)
        )
        return self._event(
            state,
            f"motorbike-{look.ride.number}",
            zone=look.zone_id,
            started=look.started,
            observed=look.last,
            confidence=look.confidence,
            facts=NoHelmetFacts(
                object_class=look.ride.class_name,
                riders=max(look.most_riders, known, without_helmet),
                without_helmet=without_helmet,
                votes=votes,
                votes_against=votes_against,
            ),
            track_ids=look.ride.track_ids,
        )
