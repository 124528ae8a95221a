"""`speeding`: a vehicle's speed on the ground is above the limit, beyond doubt. See docs/rules/speeding.md.

limit      limit + tolerance
  |   [-------|--o------------]   the estimate is above the tolerance and, with 99.9 % certainty, above the limit
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from contract.geometry import distance
from contract.rules.speeding import SpeedingFacts, SpeedingParams
from edge.behaviour.journey import Journey
from edge.behaviour.speed import KMH, MIN_PLACES, GroundSpeed, ground_speed, thinned, tremble_of
from edge.behaviour.spots import Spot, is_whole, one_vehicle, spots_of
from edge.rules.base import Moment
from edge.rules.journey_rule import JourneyRule
from edge.scene import Scene
from edge.types import Observation, RuleEvent, Track, TrackId

WINDOW_S = 6.0
"""A speed is that of the whole way through the zones, or of this time where it takes longer."""
LATELY_S = 1.5
"""How fast it was lately tells whether a closer look is worth while, too: before that it may have been another one."""
MOST_SPREAD = 0.2
"""A speed that is not known to this share (95 %) is not told: it waits until the vehicle has been seen for longer."""
MAX_KMH = 250.0
"""A faster vehicle is the tracker's mistake."""
HOPELESS = 0.8
"""A vehicle whose ends of the window lie less than this share of the speed apart is not worth a closer look."""
ABRUPT_SHARE = 0.5
"""More places than this share that do not fit one even travel are two vehicles, or a box that grew."""


@dataclass(slots=True)
class _Measured:
    """What is noted of one vehicle."""

    best: GroundSpeed | None = None
    """The one whose interval is the narrowest for its speed: the fastest would be the one with the largest error."""


class SpeedingRule(JourneyRule[SpeedingParams, _Measured]):
    """One event for each vehicle."""

    kind = "speeding"

    def __init__(self, params: SpeedingParams, scene: Scene, name: str) -> None:
        """See `TimedRule`.

        Raises:
            ValueError: A zone or schedule does not exist, or the camera has no homography.
        """
        super().__init__(params, scene, name, keep_s=WINDOW_S, clear_after_s=params.clear_after_s)
        if scene.homography is None:
            raise ValueError(f"camera {scene.camera_id}: speeding decides in metres: add `calibration:`")
        self._due_kmh = params.limit_kmh + params.tolerance_kmh
        self._spots: dict[TrackId, list[Spot]] = {}
        """Where each track was in the zones, by the detector's own boxes: smoothed ones lag behind who drives in."""

    def _watched(self, observation: Observation) -> Iterable[Track]:
        for track in super()._watched(observation):
            if is_whole(track.found or track.xyxy):
                yield track

    def _decide(self, observation: Observation, now: Moment) -> list[RuleEvent]:
        events = super()._decide(observation, now)
        first_s = now.watched_s - WINDOW_S
        self._spots = {track_id: spots for track_id, spots in self._spots.items() if spots[-1].at_s >= first_s}
        return events

    def _end_all(self) -> list[RuleEvent]:
        self._spots.clear()
        return super()._end_all()

    def _judge(self, journey: Journey, observation: Observation, now: Moment) -> RuleEvent | None:
        if not journey.fresh:
            return None
        noted = self._notes.get(journey.number)
        if noted is None:
            noted = self._notes[journey.number] = _Measured()
        spots = self._take(journey, observation.aspect, now)
        deed = self._deeds.get(journey.number)
        if not spots or not (deed is not None or noted.best is not None or self._may_be_fast(spots)):
            return None
        spots = one_vehicle(thinned(spots), self._scene, observation.aspect, tremble_of(journey.class_name))
        speed = self._speed(journey, spots, observation.aspect)
        if speed is None:
            return None
        best = noted.best
        # One that counted a place which strays from those since was none.
        if best is None or speed.spread < best.spread or speed.straying > best.straying:
            best = noted.best = speed
        if deed is not None:
            over = speed.kmh > self._params.limit_kmh
            return self._go_on(deed, now, self._facts(journey, best), best.length_m) if over else None
        if speed is not best or speed.kmh <= self._due_kmh or speed.sure_kmh <= self._params.limit_kmh:
            return None
        zone_id = next(iter(self._own_zones(spots[-1].ground)), "")
        return self._raise(journey, zone_id, spots[0].moment, now, self._facts(journey, speed), speed.length_m)

    def _take(self, journey: Journey, aspect: float, now: Moment) -> list[Spot]:
        """Its places in the zones over the window, over all tracks that it had; none without a new one.

        A vehicle may be known only after it has left the zones: then its first looks are the new ones.
        """
        new = [spot for spot in spots_of(journey.track, self._scene, aspect, now) if self._is_inside(spot)]
        if not new:
            return []
        spot = new[-1]
        spots = self._spots.setdefault(spot.track_id, [])
        spots.extend(new)
        first_s = now.watched_s - WINDOW_S
        if spots[0].at_s < first_s:  # who stands there for hours must not be looked through from the first hour on
            spots = self._spots[spot.track_id] = [kept for kept in spots if kept.at_s >= first_s]
        for track_id in reversed(journey.track_ids):
            # A track that went on elsewhere while the vehicle had another one is somebody else's since.
            earlier = self._spots.get(track_id, ()) if track_id != spot.track_id else ()
            spots = [spot for spot in earlier if first_s <= spot.at_s < spots[0].at_s] + spots
        return spots

    def _speed(self, journey: Journey, places: list[Spot], aspect: float) -> GroundSpeed | None:
        """The speed over the window; None where it is too short or too vague, no even travel, or impossible."""
        speed = ground_speed(places, self._scene, aspect, journey.class_name)
        if speed is None or speed.straying > ABRUPT_SHARE * len(places):
            return None
        if speed.kmh > MAX_KMH:
            self.rejected["speed"] += 1
            return None
        long_enough = speed.duration_s >= self._params.min_duration_s and speed.length_m >= self._params.min_distance_m
        return speed if long_enough and speed.spread <= MOST_SPREAD else None

    def _is_inside(self, spot: Spot) -> bool:
        return not self._params.zones or bool(self._own_zones(spot.ground))

    def _may_be_fast(self, spots: list[Spot]) -> bool:
        if len(spots) < MIN_PLACES:
            return False
        last = spots[-1]
        lately = next(spot for spot in spots if spot.at_s >= last.at_s - LATELY_S)
        return any(
            KMH * distance(first.plane, last.plane) > HOPELESS * self._due_kmh * (last.at_s - first.at_s) > 0.0
            for first in (spots[0], lately)
        )

    def _facts(self, journey: Journey, speed: GroundSpeed) -> SpeedingFacts:
        return SpeedingFacts(
            object_class=journey.class_name,
            speed_kmh=speed.kmh,
            speed_low_kmh=speed.low_kmh,
            speed_high_kmh=speed.high_kmh,
            limit_kmh=self._params.limit_kmh,
            duration_s=speed.duration_s,
            distance_m=speed.length_m,
            calibration_error_kmh=speed.calibration_kmh,
            calibration_error_m=self._scene.calibration_error_m,
        )
