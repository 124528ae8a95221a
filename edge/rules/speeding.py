"""`speeding`: a vehicle's speed on the ground is above the limit, beyond doubt. See docs/rules/speeding.md.

limit          limit + tolerance
  |                 |
  |   [------o------]------]     the estimate is above the tolerance and the whole interval above the limit
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from contract.geometry import distance
from contract.rules.speeding import SpeedingFacts, SpeedingParams
from edge.behaviour.journeys import Journey, Sample
from edge.behaviour.speed import KMH, MIN_PLACES, GroundSpeed, ground_speed
from edge.rules.base import AT_BORDER, Moment, is_cut_off
from edge.rules.journey_rule import JourneyRule
from edge.scene import Scene
from edge.types import Observation, RuleEvent, Track

WINDOW_S = 3.0
"""A speed is that of this time: long enough for a few metres' error, short enough for a vehicle that brakes."""
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
    """Of those above the tolerance, the one whose interval is the narrowest for its speed: the fastest would be the
    one with the largest error."""


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
        speed = self._speed(noted.places, observation.aspect) if deed or self._may_be_fast(noted.places) else None
        if speed is None:
            return None
        due = speed.kmh > self._due_kmh and speed.low_kmh > self._params.limit_kmh
        if due and (noted.best is None or speed.spread < noted.best.spread):
            noted.best = speed
        if noted.best is None:
            return None
        facts = self._facts(journey, noted.best)
        if deed is not None:
            over = speed.kmh > self._params.limit_kmh
            return self._go_on(deed, now, facts, noted.best.length_m) if over else None
        zone_id = next(iter(self._zones_at(noted.places[-1])), "")
        return self._raise(journey, zone_id, noted.places[0].moment, now, facts, speed.length_m) if due else None

    def _speed(self, places: list[Sample], aspect: float) -> GroundSpeed | None:
        """The speed over the window; None where it is too short, no even travel, or impossible."""
        speed = ground_speed(places, self._scene, aspect)
        if speed is None or speed.straying > ABRUPT_SHARE * len(places):
            return None
        if speed.kmh > MAX_KMH:
            self.rejected["speed"] += 1
            return None
        long_enough = speed.duration_s >= self._params.min_duration_s and speed.length_m >= self._params.min_distance_m
        return speed if long_enough else None

    def _zones_at(self, sample: Sample) -> Iterable[str]:
        return (zone_id for zone_id in self._params.zones if self._scene.zone_contains(zone_id, sample.ground))

    def _in_zones(self, sample: Sample) -> bool:
        return not self._params.zones or any(True for _ in self._zones_at(sample))

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
