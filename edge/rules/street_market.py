"""`street_market`: people, vehicles and goods that stand block a carriageway. See docs/rules/street_market.md."""

from __future__ import annotations

from dataclasses import dataclass, field

from contract.event import EventState
from contract.rules.street_market import StreetMarketFacts, StreetMarketParams
from edge.behaviour.blocked import ZoneGround
from edge.behaviour.standing import Stand, Standing
from edge.behaviour.yardstick import Yardstick
from edge.riders.seat import is_whole, seat_score
from edge.rules.base import FIXTURE_REACH, Moment, Pace, RunningMean, TimedRule
from edge.scene import Scene
from edge.types import Observation, RuleEvent, StaticRegion, Track, TrackId

LOOK_EVERY_S = 2.0
"""Markets are slow: so often they are counted."""
VEHICLE_STILL_S = 120.0
"""A vehicle has been parked once it has kept its place for so long: traffic lights turn and jams move up before."""
SERIES = 12
_TWO_WHEELERS = ("motorcycle", "bicycle")
_PERSON = "person"


@dataclass(frozen=True, slots=True)
class _Count:
    """What stands in a zone at one moment."""

    people: tuple[Track, ...]
    vehicles: tuple[Track, ...]
    goods: tuple[StaticRegion, ...]
    share: float


@dataclass(slots=True)
class _Place:
    """What is remembered of one zone."""

    ground: ZoneGround
    started: Moment | None = None
    """When the condition began to hold."""
    held_s: float = 0.0
    last: Moment | None = None
    """When it held last."""
    peak: _Count | None = None
    most: tuple[int, int, int] = (0, 0, 0)
    shares: list[tuple[float, float]] = field(default_factory=list)
    """(watched second, blocked share), thinned as they grow."""
    score: RunningMean = field(default_factory=RunningMean)
    pace: Pace | None = None
    """None before the event was raised."""

    def clear(self) -> None:
        self.started = self.last = self.peak = self.pace = None
        self.held_s, self.most, self.score = 0.0, (0, 0, 0), RunningMean()
        self.shares.clear()


class StreetMarketRule(TimedRule[StreetMarketParams]):
    """One event for each zone."""

    kind = "street_market"

    def __init__(self, params: StreetMarketParams, scene: Scene, name: str) -> None:
        """See `TimedRule`.

        Raises:
            ValueError: A zone or schedule does not exist.
        """
        super().__init__(params, scene, name)
        self._yardstick = Yardstick(scene)
        self._standing = Standing()
        self._places = {zone_id: _Place(ZoneGround(scene, zone_id, self._yardstick)) for zone_id in params.zones}
        self._unlooked_s = LOOK_EVERY_S

    def _decide(self, observation: Observation, now: Moment) -> list[RuleEvent]:
        tracks = list(self._tracks(observation, self._params.fixtures))
        self._yardstick.learn(tracks, observation.aspect)
        self._standing.observe(tracks, self._step_s, observation.aspect)
        if not self._in_force(now):
            return self._end_open()
        self._unlooked_s += self._step_s
        if self._unlooked_s < LOOK_EVERY_S - 0.05:
            return []
        step_s, self._unlooked_s = self._unlooked_s, 0.0
        events = []
        stands = self._standing.those(self._params.still_s)
        two_wheelers = [track for track in observation.tracks if track.class_name in _TWO_WHEELERS and is_whole(track)]
        for stand in stands:
            if stand.track.class_name == _PERSON and stand.unseen_s == 0.0:
                stand.look(seated=any(seat_score(stand.track, other) is not None for other in two_wheelers))
        for zone_id, place in self._places.items():
            event = self._judge(zone_id, place, self._count(zone_id, place, stands, observation), now, step_s)
            if event is not None:
                events.append(event)
        return events

    def _count(self, zone_id: str, place: _Place, stands: list[Stand], observation: Observation) -> _Count:
        inside = [stand for stand in stands if self._scene.zone_contains(zone_id, stand.track.ground)]
        vehicles = tuple(
            stand.track
            for stand in inside
            if stand.track.class_name != _PERSON and stand.stood_s >= max(VEHICLE_STILL_S, self._params.still_s)
        )
        people = tuple(stand.track for stand in inside if stand.track.class_name == _PERSON and not stand.rides)
        goods = tuple(
            region
            for region in observation.static_regions
            if not region.is_hole and self._scene.zone_contains(zone_id, region.ground) and not self._is_fixture(region)
        )
        share = place.ground.share(
            [track.ground for track in people],
            [track.xyxy for track in vehicles],
            [region.xyxy for region in goods],
            observation.aspect,
        )
        return _Count(people, vehicles, goods, min(1.0, share))

    def _is_fixture(self, region: StaticRegion) -> bool:
        x1, y1, x2, y2 = region.xyxy
        across, along = FIXTURE_REACH * (x2 - x1), FIXTURE_REACH * (y2 - y1)
        return any(x1 - across <= x <= x2 + across and y1 - along <= y <= y2 + along for x, y in self._params.fixtures)

    def _judge(self, zone_id: str, place: _Place, count: _Count, now: Moment, step_s: float) -> RuleEvent | None:
        params = self._params
        ease = params.clear_ratio if place.started is not None else 1.0
        met = (
            len(count.people) >= ease * params.min_people
            and bool(count.vehicles or count.goods)
            and count.share >= ease * params.min_blocked_share
        )
        if not met:
            return self._miss(zone_id, place, now)
        if place.started is None:
            place.started = now
        elif len(count.people) >= params.min_people and count.share >= params.min_blocked_share:
            place.held_s += step_s
        place.last = now
        place.most = (
            max(place.most[0], len(count.people)),
            max(place.most[1], len(count.vehicles)),
            max(place.most[2], len(count.goods)),
        )
        if place.peak is None or count.share >= place.peak.share:
            place.peak = count
        place.shares.append((now.watched_s, count.share))
        if len(place.shares) > 40 * SERIES:
            place.shares = place.shares[::2]
        scores = [track.confidence for track in (*count.people, *count.vehicles)]
        place.score.add(sum(scores) / len(scores))
        if place.pace is not None:
            length_s = now.watched_s - place.started.watched_s
            return (
                self._say(EventState.UPDATE, zone_id, place)
                if place.pace.take(now.watched_s, place.most[0], length_s)
                else None
            )
        if place.held_s < params.min_duration_s:
            return None
        place.pace = Pace(now.watched_s, place.most[0], now.watched_s - place.started.watched_s)
        return self._say(EventState.START, zone_id, place)

    def _miss(self, zone_id: str, place: _Place, now: Moment) -> RuleEvent | None:
        if place.last is None or now.watched_s - place.last.watched_s < self._params.clear_after_s:
            return None
        event = self._say(EventState.END, zone_id, place) if place.pace is not None else None
        place.clear()
        return event

    def _end_open(self) -> list[RuleEvent]:
        events = [
            self._say(EventState.END, zone_id, place)
            for zone_id, place in self._places.items()
            if place.pace is not None
        ]
        for place in self._places.values():
            place.clear()
        return events

    def _end_all(self) -> list[RuleEvent]:
        events = self._end_open()
        self._standing.forget()
        self._unlooked_s = LOOK_EVERY_S
        return events

    def _say(self, state: EventState, zone_id: str, place: _Place) -> RuleEvent:
        started, last, peak = place.started, place.last, place.peak
        assert started is not None and last is not None and peak is not None  # noqa: S101, PT018 - set when it held
        members: dict[TrackId, None] = {track.track_id: None for track in (*peak.people, *peak.vehicles)}
        return self._event(
            state,
            zone_id,
            zone=zone_id,
            started=started,
            observed=last,
            confidence=place.score.value,
            facts=StreetMarketFacts(
                stationary_people=place.most[0],
                stationary_vehicles=place.most[1],
                goods=place.most[2],
                blocked_share=peak.share,
                blocked_shares=_series(place.shares),
                stay_s=last.watched_s - started.watched_s,
                min_people=self._params.min_people,
                min_blocked_share=self._params.min_blocked_share,
                zone_area_m2=place.ground.area_m2,
                calibration_error_m=self._scene.calibration_error_m,
            ),
            track_ids=members,
        )


def _series(shares: list[tuple[float, float]]) -> tuple[float, ...]:
    """Means over equal parts of the time, in order, rounded: a short list."""
    if not shares:
        return ()
    begin_s, length_s = shares[0][0], max(1e-6, shares[-1][0] - shares[0][0])
    means = [RunningMean() for _ in range(SERIES)]
    for at_s, share in shares:
        means[min(SERIES - 1, int(SERIES * (at_s - begin_s) / length_s))].add(share)
    return tuple(round(mean.value, 3) for mean in means if mean.count)
