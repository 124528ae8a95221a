"""`overloaded_motorbike`: three or more riders on one motorbike. See docs/rules/overloaded_motorbike.md.

Each searched frame that shows a motorbike with riders votes for a number of them. The event needs `min_votes` votes
for `min_riders` or more, and their share among the votes of the last seconds: a third rider who is seen only now and
then is a wrong box.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from contract.event import EventState
from contract.rules.overloaded_motorbike import OverloadedMotorbikeFacts, OverloadedMotorbikeParams
from edge.riders import Ride, Rider
from edge.rules.base import Moment, Pace, RunningMean, TimedRule
from edge.scene import Scene
from edge.types import Observation, RuleEvent

RECENT_S = 5.0
"""Votes of so much time make the share: far away, where the motorbike came from, less was seen."""
VOTE_EVERY_S = 0.099
"""More than ten votes a second would be the same picture twice."""
FORGET_S = 10.0
"""A motorbike on which nobody was seen for so long begins anew."""


@dataclass(slots=True)
class _Load:
    """The votes on one ride."""

    ride: Ride
    started: Moment
    """Of the first vote for `min_riders` or more."""
    last: Moment
    """When anybody was last seen on the motorbike."""
    voted_s: float
    zone_id: str | None = None
    recent: deque[tuple[float, int]] = field(default_factory=deque)
    """Watched second and riders of the votes of the last `RECENT_S`."""
    counts: Counter[int] = field(default_factory=Counter)
    score: RunningMean = field(default_factory=RunningMean)
    pace: Pace | None = None
    """None before the event was raised."""

    def votes(self, least: int) -> int:
        """Votes for so many riders or more."""
        return sum(votes for riders, votes in self.counts.items() if riders >= least)

    def riders(self, min_votes: int) -> int:
        """The largest number that enough votes show."""
        return max((riders for riders in self.counts if self.votes(riders) >= min_votes), default=1)

    def share(self, least: int) -> float:
        """Of the recent votes, those for so many riders or more."""
        return sum(riders >= least for _, riders in self.recent) / len(self.recent)


class OverloadedMotorbikeRule(TimedRule[OverloadedMotorbikeParams]):
    """One event for each motorbike."""

    kind = "overloaded_motorbike"

    def __init__(self, params: OverloadedMotorbikeParams, scene: Scene, name: str) -> None:
        """See `TimedRule`."""
        super().__init__(params, scene, name)
        self._loads: dict[int, _Load] = {}

    def _decide(self, observation: Observation, now: Moment) -> list[RuleEvent]:
        if not self._in_force(now):
            return self._end_all()
        watch = self._watching()
        if watch.impossible:
            self.rejected["box"] += len(watch.impossible)
        events = []
        for ride in watch.rides():
            event = self._look(ride, now, searched=observation.detected)
            if event is not None:
                events.append(event)
        return events + self._end_gone(now)

    def _look(self, ride: Ride, now: Moment, *, searched: bool) -> RuleEvent | None:
        load = self._loads.get(ride.number)
        if not searched:
            if load is not None:
                load.last = now
            return None
        riders = ride.riders_at(now.watched_s) if ride.classes and ride.class_name in self._classes else []
        zone_id = next(iter(self._own_zones(ride.track.ground)), None)
        if not riders or (self._params.zones and zone_id is None):
            return None
        if load is None:
            load = self._loads[ride.number] = _Load(ride, now, now, voted_s=float("-inf"))
        load.last = now
        if now.watched_s - load.voted_s < VOTE_EVERY_S:
            return None
        self._vote(load, riders, now, zone_id)
        if load.pace is None:
            return self._raise(load, now)
        lasted_s = now.watched_s - load.started.watched_s
        news = load.pace.take(now.watched_s, load.riders(self._params.min_votes), lasted_s)
        return self._say(EventState.UPDATE, load) if news else None

    def _vote(self, load: _Load, riders: Sequence[Rider], now: Moment, zone_id: str | None) -> None:
        least = self._params.min_riders
        load.voted_s = now.watched_s
        load.recent.append((now.watched_s, len(riders)))
        while load.recent[0][0] < now.watched_s - RECENT_S:
            load.recent.popleft()
        if len(riders) >= least:
            if load.votes(least) == 0:
                load.started = now
            load.score.add(sum(rider.score for rider in riders) / len(riders))
            load.zone_id = load.zone_id or zone_id
        load.counts[len(riders)] += 1

    def _raise(self, load: _Load, now: Moment) -> RuleEvent | None:
        least, enough = self._params.min_riders, self._params.min_votes
        if load.votes(least) < enough or load.share(least) < self._params.min_share:
            return None
        load.pace = Pace(now.watched_s, load.riders(enough), now.watched_s - load.started.watched_s)
        return self._say(EventState.START, load)

    def _end_gone(self, now: Moment) -> list[RuleEvent]:
        events = []
        for number, load in list(self._loads.items()):
            unseen_s = now.watched_s - load.last.watched_s
            if unseen_s >= (FORGET_S if load.pace is None else self._params.clear_after_s):
                del self._loads[number]
                if load.pace is not None:
                    events.append(self._say(EventState.END, load))
        return events

    def _end_all(self) -> list[RuleEvent]:
        raised = [load for load in self._loads.values() if load.pace is not None]
        events = [self._say(EventState.END, load) for load in sorted(raised, key=attrgetter("ride.number"))]
        self._loads.clear()
        return events

    def _say(self, state: EventState, load: _Load) -> RuleEvent:
        return self._event(
            state,
            f"motorbike-{load.ride.number}",
            zone=load.zone_id,
            started=load.started,
            observed=load.last,
            confidence=load.score.value,
            facts=OverloadedMotorbikeFacts(
                object_class=load.ride.class_name,
                riders=load.riders(self._params.min_votes),
                votes=load.votes(self._params.min_riders),
                frames=load.counts.total(),
                min_riders=self._params.min_riders,
            ),
            track_ids=load.ride.track_ids,
        )
