"""`jaywalking`: a person crosses the carriageway outside a crossing. See docs/rules/jaywalking.md.

pavement   o . . . . . . . .  side -1
==========:==================
carriageway  :   |crossing|   0        the zone's arrow, else its longer side, runs along it
=============:==|========|===
pavement      o             side +1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contract.geometry import Point, distance
from contract.rules.jaywalking import JaywalkingFacts, JaywalkingParams
from edge.behaviour.journey import SPARSE_S, Journey, Sample
from edge.rules.along import Axes
from edge.rules.base import Moment, shared_area
from edge.rules.journey_rule import JourneyRule
from edge.scene import Scene
from edge.types import Observation, RuleEvent, Track

NEAR_SIDE = 0.6
"""Who appears on the carriageway within a fifth of its width from one side came from there."""
KERB = 0.8
"""Who is within a tenth of the width from the side where it came from has not set off yet."""
BESIDE = 0.95
"""Who is outside is beside the carriageway, not beyond its ends, if it is this far across."""
REACHED = 0.7
"""Who is lost this near to the other side (0.15 of the width) has crossed: a parked car hides the last step."""
TWO_WHEELERS = ("bicycle", "motorcycle")
RIDES_AREA = 0.25
"""A person whose box shares this part with a two-wheeler's rides or pushes it ..."""
RIDES_SHARE = 0.5
"""... if so in half of the sights: past a parked one people walk faster."""
MAX_WALK_MPS = 5.0
"""18 km/h: on average nobody crosses a street faster on foot."""
END_MARGIN = 0.02
"""Beyond the zone's ends its sides go on straight."""


@dataclass(slots=True)
class _Crossing:
    """A person on a carriageway."""

    side: int
    """Where it came from: -1 or 1; 0: not known."""
    started: Sample
    last: Sample
    across: float
    """Where it is: -1 and 1 are the two sides."""
    seconds: float = 0.0
    outside_s: float = 0.0
    sights: int = 0
    rides: int = 0

    def restart(self, place: Sample) -> None:
        """The person is still at the side where it came from."""
        self.started = place
        self.seconds = self.outside_s = 0.0
        self.sights = self.rides = 0


@dataclass(slots=True)
class _Walk:
    """What is noted of a person and a carriageway."""

    before: Point | None = None
    """Where the person was beside it last, in the plane; None: not seen there."""
    crossing: _Crossing | None = None


class JaywalkingRule(JourneyRule[JaywalkingParams, dict[str, _Walk]]):
    """One event for each time that a person crosses."""

    kind = "jaywalking"

    def __init__(self, params: JaywalkingParams, scene: Scene, name: str) -> None:
        """See `TimedRule`.

        Raises:
            ValueError: A zone or schedule does not exist, or it is not clear which way a zone runs.
        """
        super().__init__(params, scene, name, keep_s=SPARSE_S, clear_after_s=params.clear_after_s)
        self._axes = Axes(scene, params.zones)
        self._sides: dict[tuple[str, float], Sides] = {}
        self._crossings = frozenset(zone_id for zone_id, zone in scene.zones.items() if zone.kind == "crossing")
        self._two_wheelers: list[Track] = []
        """Of this observation."""

    def _decide(self, observation: Observation, now: Moment) -> list[RuleEvent]:
        self._two_wheelers = [track for track in observation.tracks if track.class_name in TWO_WHEELERS]
        return super()._decide(observation, now)

    def _judge(self, journey: Journey, observation: Observation, now: Moment) -> RuleEvent | None:  # noqa: ARG002 - the place has its own moment
        if not journey.fresh:
            return None
        walks = self._notes.setdefault(journey.number, {})
        event = None
        for sample in journey.take_new():
            place = journey.smooth(sample)
            inside = self._scene.zones_at(place.ground)
            for zone_id in self._params.zones:
                walk = walks.get(zone_id)
                if walk is None:
                    walk = walks[zone_id] = _Walk()
                if zone_id in inside:
                    sides = self._sides_of(zone_id, observation.aspect)
                    on_crossing = not inside.isdisjoint(self._crossings)
                    rides = _rides(journey.track, self._two_wheelers)
                    self._walk_on(walk, place, sides, on_crossing=on_crossing, rides=rides)
                    continue
                crossing, walk.crossing, walk.before = walk.crossing, None, place.plane
                if crossing is None or event is not None:
                    continue
                side = _side(self._sides_of(zone_id, observation.aspect).across(place.plane), BESIDE)
                if side * crossing.side < 0:
                    event = self._tell(journey, zone_id, crossing, place)
        return event

    @staticmethod
    def _walk_on(walk: _Walk, place: Sample, sides: Sides, *, on_crossing: bool, rides: bool) -> None:
        across = sides.across(place.plane)
        crossing = walk.crossing
        if crossing is None:
            before = 0 if walk.before is None else _side(sides.across(walk.before), BESIDE)
            crossing = walk.crossing = _Crossing(before or _side(across, NEAR_SIDE), place, place, across)
        passed_s = place.at_s - crossing.last.at_s
        crossing.last, crossing.across = place, across
        if crossing.side * across >= KERB:
            crossing.restart(place)
            return
        crossing.seconds += passed_s
        if not on_crossing:
            crossing.outside_s += passed_s
        crossing.sights += 1
        crossing.rides += rides

    def _gone(self, journey: Journey) -> RuleEvent | None:
        for zone_id, walk in self._notes.get(journey.number, {}).items():
            crossing = walk.crossing
            if crossing is not None and crossing.side * crossing.across <= -REACHED:
                return self._tell(journey, zone_id, crossing, crossing.last)
        return None

    def _tell(self, journey: Journey, zone_id: str, crossing: _Crossing, end: Sample) -> RuleEvent | None:
        duration_s = end.at_s - crossing.started.at_s
        outside_share = crossing.outside_s / crossing.seconds if crossing.seconds > 0.0 else 1.0
        if (
            journey.number in self._deeds
            or outside_share < self._params.min_outside_share
            or duration_s > self._params.max_duration_s
            or crossing.rides >= RIDES_SHARE * crossing.sights > 0
        ):
            return None
        metric = self._scene.homography is not None
        length = distance(crossing.started.plane, end.plane)
        if metric and length > MAX_WALK_MPS * duration_s:
            self.rejected["speed"] += 1
            return None
        facts = JaywalkingFacts(
            object_class=journey.class_name,
            duration_s=duration_s,
            outside_share=min(1.0, outside_share),
            distance_m=length if metric else None,
            calibration_error_m=self._scene.calibration_error_m,
        )
        return self._raise(journey, zone_id, crossing.started.moment, end.moment, facts)

    def _sides_of(self, zone_id: str, aspect: float) -> Sides:
        sides = self._sides.get((zone_id, aspect))
        if sides is None:
            corners = [self._scene.to_plane(corner, aspect) for corner in self._scene.zone(zone_id).coordinates]
            sides = Sides([corner for corner in corners if corner is not None], self._axes.of(zone_id, aspect))
            self._sides[zone_id, aspect] = sides
        return sides


class Sides:
    """Tells where across a carriageway a place is.

    Args:
        corners: Of the zone, in the plane of `Scene.to_plane`.
        axis: Unit vector along it.
    """

    def __init__(self, corners: Sequence[Point], axis: Point) -> None:
        self._axis = axis
        turned = [self._turn(corner) for corner in corners]
        self._edges = list(zip(turned, [*turned[1:], turned[0]], strict=True))
        begin, end = min(along for along, _ in turned), max(along for along, _ in turned)
        margin = END_MARGIN * (end - begin)
        self._range = (begin + margin, end - margin)

    def across(self, place: Point) -> float:
        """-1 on the one side of the carriageway, 1 on the other, 0 in the middle; beyond +-1 outside."""
        along, across = self._turn(place)
        along = min(max(along, self._range[0]), self._range[1])
        cuts = [
            from_c + (to_c - from_c) * (along - from_a) / (to_a - from_a)
            for (from_a, from_c), (to_a, to_c) in self._edges
            if (from_a > along) != (to_a > along)
        ]
        low, high = min(cuts), max(cuts)
        return (2.0 * across - low - high) / (high - low)

    def _turn(self, place: Point) -> Point:
        x, y = self._axis
        return (place[0] * x + place[1] * y, place[1] * x - place[0] * y)


def _side(across: float, least: float) -> int:
    """-1 or 1 for a place that far across or farther, else 0."""
    return 0 if abs(across) < least else 1 if across > 0.0 else -1


def _rides(person: Track, two_wheelers: Sequence[Track]) -> bool:
    """Tell whether a person rides or pushes a two-wheeler."""
    left, top, right, bottom = person.xyxy
    return any(
        track.xyxy[0] <= (left + right) / 2.0 <= track.xyxy[2]
        and shared_area(person.xyxy, track.xyxy) >= RIDES_AREA * (right - left) * (bottom - top)
        for track in two_wheelers
    )
