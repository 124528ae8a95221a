"""`speeding`: a vehicle's speed on the ground is above the limit, beyond doubt. See docs/rules/speeding.md.

limit      limit + tolerance
  |   [-------|--o------------]   the estimate is above the tolerance and, with 99.9 % certainty, above the limit
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from contract.geometry import distance
from contract.rules.speeding import SpeedingFacts, SpeedingParams
from edge.behaviour.journey import Journey, Sample
from edge.behaviour.speed import KMH, MIN_PLACES, GroundSpeed, ground_speed
from edge.rules.base import AT_BORDER, Moment, is_cut_off
from edge.rules.journey_rule import JourneyRule
from edge.scene import Scene
from edge.types import Observation, RuleEvent, Track

WINDOW_S = 6.0
"""A speed is that of the whole way through the zones, or of this time where it takes longer."""
MOST_SPREAD = 0.15
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

    places: list[Sample] = field(default_factory=list)
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

    def _watched(self, observation: Observation) -> Iterable[Track]:
        for track in super()._watched(observation):
            # Cut off by the lower edge, its foot is not on the ground either: a speed needs that, a direction does not.
            if not is_cut_off(track) and track.xyxy[3] <= 1.0 - AT_BORDER:
                yield track

    def _judge(self, journey: Journey, observation: Observation, now: Moment) -> RuleEvent | None:
        if not journey.fresh:
            return None
        noted = self._notes.setdefault(journey.number, _Measured())
        noted.places += [sample for sample in journey.take_new() if self._in_zones(sample)]
        noted.places = [sample for sample in noted.places if sample.at_s >= now.watched_s - WINDOW_S]
        deed = self._deeds.get(journey.number)
        looked_for = deed is not None or noted.best is not None or self._may_be_fast(noted.places)
        speed = self._speed(journey, noted.places, observation.aspect) if looked_for else None
        if speed is None:
            return None
        if noted.best is None or speed.spread < noted.best.spread:
            noted.best = speed
        if deed is not None:
            over = speed.kmh > self._params.limit_kmh
            return self._go_on(deed, now, self._facts(journey, noted.best), noted.best.length_m) if over else None
        if speed is not noted.best or speed.kmh <= self._due_kmh or speed.sure_kmh <= self._params.limit_kmh:
            return None
        zone_id = next(iter(self._own_zones(noted.places[-1].ground)), "")
        facts = self._facts(journey, speed)
        return self._raise(journey, zone_id, noted.places[0].moment, now, facts, speed.length_m)

    def _speed(self, journey: Journey, places: list[Sample], aspect: float) -> GroundSpeed | None:
        """The speed over the window; None where it is too short or too vague, no even travel, or impossible."""
        speed = ground_speed(places, self._scene, aspect, journey.class_name)
        if speed is None or speed.straying > ABRUPT_SHARE * len(places):
            return None
        if speed.kmh > MAX_KMH:
            self.rejected["speed"] += 1
            return None
        long_enough = speed.duration_s >= self._params.min_duration_s and speed.length_m >= self._params.min_distance_m
        return speed if long_enough and speed.spread <= MOST_SPREAD else None

    def _in_zones(self, sample: Sample) -> bool:
        return not self._params.zones or bool(self._own_zones(sample.ground))

    def _may_be_fast(self, places: list[Sample]) -> bool:
        if len(places) < MIN_PLACES:
            return False
        seconds = places[-1].at_s - places[0].at_s
        return KMH * distance(places[0].plane, places[-1].plane) > HOPELESS * self._due_kmh * seconds > 0.0

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
