"""Travel along a zone: what driving on a pavement and driving in a lane for others have in common.

  gateway                     The zone's arrow, else the shape's longer side, tells which way it runs.
----|  ^  |---------------    Going across to a gateway has little way along it, however long it takes.
    |  :  |    pavement
....:..:.......o-o-o-o->..    Going along has both: time and way.
-------^------------------
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from contract.axis import CLEAR_RATIO, NOMINAL_ASPECT, long_axis
from contract.geometry import Point, distance
from contract.rules.base import AlongFacts, AlongParams
from edge.behaviour.journey import SPARSE_S, Journey, Sample, plane_velocity
from edge.behaviour.pace import is_hop
from edge.behaviour.places import StandingPlaces
from edge.classes import lookalikes
from edge.rules.base import Moment
from edge.rules.journey_rule import Deed, JourneyRule
from edge.scene import Scene
from edge.types import Observation, RuleEvent

WINDOW_S = 10.0
"""Places older than this do not decide."""
JUDGE_EVERY_S = 0.2
"""More often nothing new is learned of a travel of a second."""
LEFT_S = 1.0
"""Who was outside the zone for longer left it: a shorter time is a trembling box."""
INSIDE_SHARE = 0.8
"""Who travels in a lane is in it for this share of the time, not now and then while passing beside it."""
MIN_SAMPLES = 3
MAX_SLANT = math.tan(math.radians(40.0))
"""Way across over way along the zone: beyond it somebody crosses, on a slant."""
MAX_RESIDUAL = 0.15
"""RMS deviation from an even travel as a share of its length: a single jump of a box has 0.25 (see wrong_way)."""
LEAST_BETWEEN, LEAST_SPAN = 3, 0.4
"""Who drives is seen so often away from where others stand, over this share of the way: a track that hops from one
standing vehicle to the next is not."""
JITTER_BOXES = 0.25
"""A box moves by up to this share of its length while its vehicle stands."""

ParamsT = TypeVar("ParamsT", bound=AlongParams)


@dataclass(frozen=True, slots=True)
class Travel:
    """A stretch of way along a zone."""

    start: Sample
    end: Sample
    length: float
    """Along the zone, in the plane's unit."""
    boxes: float
    """Its length in the picture over the mean length of the box."""

    @property
    def duration_s(self) -> float:
        """Watched seconds."""
        return self.end.at_s - self.start.at_s

    @property
    def speed(self) -> float:
        """Mean over the stretch, in the plane's unit a second."""
        return self.length / self.duration_s if self.duration_s > 0.0 else 0.0


@dataclass(slots=True)
class _Passage:
    """An object in a zone."""

    inside: deque[Sample] = field(default_factory=deque)
    along: deque[float] = field(default_factory=deque)
    """Where along the zone each of them is, in the plane's unit."""
    outside_s: deque[float] = field(default_factory=deque)
    """Watched seconds of the detections outside, meanwhile."""
    judged_s: float = -math.inf
    raised: Travel | None = None
    """The stretch told so far."""
    progress: Moment | None = None
    """When it last made way."""


class Axes:
    """Which way each zone of a rule runs, in the plane of `Scene.to_plane`.

    Raises:
        ValueError: A zone has no direction, and is too short for its width to run any way.
    """

    def __init__(self, scene: Scene, zone_ids: Sequence[str]) -> None:
        self._scene = scene
        self._known: dict[tuple[str, float], Point] = {}
        for zone_id in zone_ids:
            self.of(zone_id, NOMINAL_ASPECT)

    def of(self, zone_id: str, aspect: float) -> Point:
        """A unit vector along the zone; of two opposite ones, either."""
        known = self._known.get((zone_id, aspect))
        if known is None:
            known = self._known[zone_id, aspect] = self._find(zone_id, aspect)
        return known

    def _find(self, zone_id: str, aspect: float) -> Point:
        zone = self._scene.zone(zone_id)
        if zone.direction is not None:
            x, y = self._scene.lane_direction(zone_id, aspect)
            length = math.hypot(x, y)
            return (x / length, y / length)
        corners = [self._scene.to_plane(corner, aspect) for corner in zone.coordinates]
        axis, ratio = long_axis([corner for corner in corners if corner is not None])
        if None in corners or (ratio < CLEAR_RATIO and aspect == NOMINAL_ASPECT):
            raise ValueError(
                f"camera {self._scene.camera_id}: which way does zone {zone_id!r} run? Add "
                "`direction: [[x, y], [x, y]]` along it"
            )
        return axis


class AlongRule(JourneyRule[ParamsT, dict[str, _Passage]]):
    """One event for each vehicle that travels along a zone where it should not."""

    least_picture_boxes = 0.3
    """Far from the camera metres are small: so far must it be seen to go with a homography, too, in its own lengths."""
    standing_s = 30.0
    """A vehicle that made no way for this long no longer travels."""

    def __init__(self, params: ParamsT, scene: Scene, name: str) -> None:
        """See `TimedRule`.

        Raises:
            ValueError: A zone or schedule does not exist, or it is not clear which way a zone runs.
        """
        super().__init__(params, scene, name, keep_s=SPARSE_S, clear_after_s=params.clear_after_s)
        self._axes = Axes(scene, params.zones)
        self._standing = StandingPlaces()
        self._classes = frozenset(alike for name in params.object_classes for alike in lookalikes(name))

    @abstractmethod
    def _is_meant(self, journey: Journey, zone_id: str) -> bool:
        """Tell whether the zone is not for this object."""

    def _is_fast_enough(self, travel: Travel) -> bool:  # noqa: ARG002 - most rules do not mind
        return True

    @abstractmethod
    def _facts(self, journey: Journey, zone_id: str, travel: Travel) -> AlongFacts:
        """What an event says."""

    def _judge(self, journey: Journey, observation: Observation, now: Moment) -> RuleEvent | None:
        deed = self._deeds.get(journey.number)
        if not journey.fresh:
            if deed is not None:  # gated or missed: it is where it was
                passage = self._notes.get(journey.number, {}).get(deed.zone_id)
                if passage is not None and self._moved_lately(passage, now):
                    deed.last = now
            return None
        self._standing.note(journey)
        zones: tuple[str, ...] = ()
        for sample in journey.take_new():
            zones = self._own_zones(sample.ground)
            passages = self._notes.get(journey.number)
            if passages is None:
                if not zones:
                    continue
                passages = self._notes[journey.number] = {}
            self._note(passages, zones, sample, observation.aspect)
        event = None
        for zone_id in zones:
            passage = self._notes[journey.number][zone_id]
            if deed is not None:
                if deed.zone_id == zone_id:
                    return self._follow(deed, journey, passage, zone_id, observation.aspect)
            elif event is None:
                event = self._start(journey, zone_id, passage, observation.aspect)
        return event

    def _end_all(self) -> list[RuleEvent]:
        self._standing.clear()
        return super()._end_all()

    def _note(self, passages: dict[str, _Passage], zones: Sequence[str], sample: Sample, aspect: float) -> None:
        """Note where an object was: `zones` are those that it was in."""
        at_s = sample.at_s
        for zone_id in [zone_id for zone_id in passages if zone_id not in zones]:
            passage = passages[zone_id]
            passage.outside_s.append(at_s)
            if at_s - passage.inside[-1].at_s > LEFT_S and passage.raised is None:
                del passages[zone_id]
        for zone_id in zones:
            known = passages.get(zone_id)
            passage = passages[zone_id] = _Passage() if known is None else known
            inside, outside_s = passage.inside, passage.outside_s
            inside.append(sample)
            passage.along.append(_dot(sample.plane, self._axes.of(zone_id, aspect)))
            while inside[0].at_s < at_s - WINDOW_S:
                inside.popleft()
                passage.along.popleft()
            while outside_s and outside_s[0] < inside[0].at_s:
                outside_s.popleft()

    def _start(self, journey: Journey, zone_id: str, passage: _Passage, aspect: float) -> RuleEvent | None:
        sample = journey.last
        if sample.at_s - passage.judged_s < JUDGE_EVERY_S or not self._is_meant(journey, zone_id):
            return None
        passage.judged_s = sample.at_s
        travel = self._travelled(passage, self._axes.of(zone_id, aspect))
        if travel is None or not self._is_fast_enough(travel) or self._hops(passage, travel):
            return None
        passage.raised, passage.progress = travel, sample.moment
        facts = partial(self._facts, journey, zone_id, travel)
        return self._raise(journey, zone_id, travel.start.moment, sample.moment, facts, travel.length)

    def _follow(self, deed: Deed, journey: Journey, passage: _Passage, zone_id: str, aspect: float) -> RuleEvent | None:
        """An object with an open event is in its zone."""
        told, sample = passage.raised, journey.last
        now = sample.moment
        if told is None or passage.progress is None:  # an event that was ended and is raised again begins with a start
            return None
        length = abs(passage.along[-1] - _dot(told.start.plane, self._axes.of(zone_id, aspect)))
        if length > told.length + self._slack(sample):
            boxes = told.boxes + distance(told.end.picture, sample.picture) / sample.size
            told = passage.raised = Travel(told.start, sample, length, boxes)
            passage.progress = now
        if not self._moved_lately(passage, now):
            return None
        return self._go_on(deed, now, partial(self._facts, journey, deed.zone_id, told), length)

    def _moved_lately(self, passage: _Passage, now: Moment) -> bool:
        return passage.progress is not None and now.watched_s - passage.progress.watched_s <= self.standing_s

    def _travelled(self, passage: _Passage, axis: Point) -> Travel | None:
        """The stretch since the object last turned, if it is long, even and along enough.

        It may still be that of a track from one standing vehicle to another: see `_hops`.
        """
        least_m, least_boxes = self._params.min_distance_m, self._params.min_distance_boxes
        metric = self._scene.homography is not None
        low, high = min(passage.along), max(passage.along)
        sample = passage.inside[-1]
        if high - low < (least_m if metric else least_boxes * 0.5 * sample.size):
            return None
        slack = self._slack(sample)
        samples, along = list(passage.inside), list(passage.along)
        first = len(along) - 1
        if along[-1] - low >= high - along[-1]:
            while along[first] > low + slack:
                first -= 1
        else:
            while along[first] < high - slack:
                first -= 1
        stretch = samples[first:]
        start, end = stretch[0], stretch[-1]
        duration_s = end.at_s - start.at_s
        outside = sum(at_s >= start.at_s for at_s in passage.outside_s)
        if (
            len(stretch) < MIN_SAMPLES
            or duration_s < self._params.min_duration_s
            or len(stretch) < INSIDE_SHARE * (len(stretch) + outside)
        ):
            return None
        boxes = distance(start.picture, end.picture) / (sum(sample.size for sample in stretch) / len(stretch))
        if boxes < (self.least_picture_boxes if metric else least_boxes):
            return None
        velocity = plane_velocity(stretch)
        length, across = abs(_dot(velocity, axis)) * duration_s, abs(_cross(velocity, axis)) * duration_s
        if (metric and length < least_m) or across > MAX_SLANT * length:
            return None
        return Travel(start, end, length, boxes) if _residual(stretch, velocity) <= MAX_RESIDUAL * length else None

    def _hops(self, passage: _Passage, travel: Travel) -> bool:
        """Tell whether a travel up to now may only be that of a track from one standing vehicle to another."""
        first = next(index for index, sample in enumerate(passage.inside) if sample is travel.start)
        samples, along = list(passage.inside)[first:], list(passage.along)[first:]
        if is_hop([sample.at_s for sample in samples], along):
            return True
        between = [place for sample, place in zip(samples, along, strict=True) if not self._standing.are_at(sample)]
        return len(between) < LEAST_BETWEEN or abs(between[-1] - between[0]) < LEAST_SPAN * abs(along[-1] - along[0])

    def _slack(self, sample: Sample) -> float:
        """How far a standing vehicle's place may wander, in the plane's unit."""
        return JITTER_BOXES * (sample.size if self._scene.homography is None else self._params.min_distance_m)


def _dot(a: Point, b: Point) -> float:
    return a[0] * b[0] + a[1] * b[1]


def _cross(a: Point, b: Point) -> float:
    return a[0] * b[1] - a[1] * b[0]


def _residual(samples: Sequence[Sample], velocity: Point) -> float:
    """RMS distance of places from an even travel with a velocity, in the plane's unit."""
    count = len(samples)
    mean_s = sum(sample.at_s for sample in samples) / count
    mean_x = sum(sample.plane[0] for sample in samples) / count
    mean_y = sum(sample.plane[1] for sample in samples) / count
    square = 0.0
    for sample in samples:
        step = sample.at_s - mean_s
        square += (sample.plane[0] - mean_x - step * velocity[0]) ** 2
        square += (sample.plane[1] - mean_y - step * velocity[1]) ** 2
    return math.sqrt(square / count)
