"""One object on its way: where it was, how it moves, where it must be once it is not seen.

track 1   o  o  o  o  x           hidden, missed or renamed: its last velocity says where it must be
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from contract.geometry import Point
from edge.behaviour.moment import Moment, RunningMean
from edge.classes import lookalike_group
from edge.types import Track, TrackId

SMOOTH_S = 0.6
"""A place is the mean over this time: boxes tremble by some hundredths of their size."""
VELOCITY_S = 1.2
"""A velocity is that of this time ..."""
VELOCITY_SAMPLES = 4
SPARSE_S = 3.0
"""... or of so many detections, where they are rare, if no older than this."""
TURN_S = 1.6
MIN_TURN_RATE, MAX_TURN_RATE = 0.5, 2.5
"""Radians a second: less is straight on, more a box that jumped. A motorbike turns back at 4 m/s on 5 m with 1.6."""
STANDS_BOXES = 0.25
"""Slower than so many of its own box lengths a second, an object stands: what stands is found where it was."""


@dataclass(slots=True)
class Sample:
    """Where an object was detected. Never changed; not frozen, which would cost three times as much to make."""

    moment: Moment
    at_s: float
    """Its watched second."""
    ground: Point
    """Ground contact, normalised."""
    picture: Point
    """The same in picture heights."""
    plane: Point
    """The same in metres, or in picture heights without a homography (`Scene.to_plane`)."""
    size: float
    """Longer side of the box in picture heights."""


@dataclass(slots=True, eq=False)
class Journey:
    """What is known of one object, over all tracks that it had."""

    number: int
    track: Track
    """The latest detection."""
    samples: deque[Sample]
    """Its places of the last seconds; never empty."""
    seen: Moment
    """When its track was last in the picture, detected or held."""
    born_at: Sample
    """Its first detection."""
    news: list[Sample]
    """The places that the latest observation added: several, once it turned out to be what a younger journey was."""
    fresh: bool = True
    """It was detected in the latest observation."""
    told: bool = False
    """An event was raised about it: it is nobody's sequel any more."""
    score: RunningMean = field(default_factory=RunningMean)
    track_ids: dict[TrackId, None] = field(default_factory=dict)
    """In the order in which it had them."""
    votes: Counter[str] = field(default_factory=Counter)
    ruled_out: dict[int, Sample] = field(default_factory=dict)
    """The numbers of lost journeys that it cannot continue, each with the last place for which that holds."""
    _velocity: tuple[Sample, Point | None] | None = None
    _turn: tuple[Sample, float] | None = None
    _smooth: tuple[Sample, Sample] | None = None
    _late: tuple[Sample, Point | None] | None = None
    """Each with the last detection, for which it was worked out: several rules ask, and a lost journey is asked for
    again and again."""
    _first: tuple[Point | None] | None = None

    @property
    def last(self) -> Sample:
        """The latest detection's place."""
        return self.samples[-1]

    @property
    def class_name(self) -> str:
        """What the detector called it most of the time."""
        votes = self.votes
        return next(iter(votes)) if len(votes) == 1 else max(votes, key=votes.__getitem__)

    @property
    def group(self) -> str:
        """See `edge.classes`."""
        return lookalike_group(self.track.class_name)

    def take_new(self) -> list[Sample]:
        """Its new places: see `news`."""
        return self.news

    def smooth(self, sample: Sample | None = None) -> Sample:
        """Where it was at a sample (None: the last), without most of the boxes' tremble."""
        last = self.samples[-1]
        if sample is not None and sample is not last:
            near = self.since(sample.at_s - SMOOTH_S)
            while near[-1].at_s > sample.at_s:
                near.pop()
            return mean_sample(near)
        if self._smooth is None or self._smooth[0] is not last:
            self._smooth = (last, mean_sample(self.since(last.at_s - SMOOTH_S)))
        return self._smooth[1]

    def of_last(self, seconds: float) -> list[Sample]:
        """Its places of the last seconds, in order of time."""
        return self.since(self.last.at_s - seconds)

    def of_first(self, seconds: float) -> list[Sample]:
        """Its first remembered places, over some seconds, in order of time."""
        until_s = self.samples[0].at_s + seconds
        return [sample for sample in self.samples if sample.at_s <= until_s]

    def between(self, first_s: float, last_s: float) -> list[Sample]:
        """Its places from a watched second up to another, in order of time."""
        found = self.since(first_s)
        while found and found[-1].at_s > last_s:
            found.pop()
        return found

    def since(self, first_s: float) -> list[Sample]:
        """Its places from a watched second on, in order of time."""
        recent = []
        for sample in reversed(self.samples):
            if sample.at_s < first_s:
                break
            recent.append(sample)
        recent.reverse()
        return recent

    def velocity(self) -> Point | None:
        """Picture heights a second; None where too little is known."""
        last = self.samples[-1]
        if self._velocity is None or self._velocity[0] is not last:
            recent = self.of_last(VELOCITY_S)
            if len(recent) < VELOCITY_SAMPLES:
                recent = self.of_last(SPARSE_S)[-VELOCITY_SAMPLES:]
            self._velocity = (last, picture_velocity(recent) if len(recent) > 2 else None)
        return self._velocity[1]

    def late_motion(self, seconds: float, *, metric: bool) -> Point | None:
        """Its velocity over the last seconds: see `motion`. Always asked with the same arguments."""
        last = self.samples[-1]
        if self._late is None or self._late[0] is not last:
            self._late = (last, motion(self.of_last(seconds), metric=metric))
        return self._late[1]

    def first_motion(self, seconds: float, *, metric: bool) -> Point | None:
        """Its velocity over its first seconds: see `motion`. Always asked with the same arguments."""
        if self._first is not None:
            return self._first[0]
        velocity = motion(self.of_first(seconds), metric=metric)
        if self.samples[-1].at_s > self.samples[0].at_s + seconds:  # what comes later changes nothing
            self._first = (velocity,)
        return velocity

    def stands(self) -> bool:
        """Tell whether the object stood when it was last detected, or was seen too shortly to tell."""
        velocity = self.velocity()
        return velocity is None or math.hypot(*velocity) < STANDS_BOXES * self.last.size

    def _turn_rate(self) -> float:
        """Radians a second by which its velocity turned lately; 0 where that is not clear."""
        last = self.samples[-1]
        if self._turn is None or self._turn[0] is not last:
            self._turn = (last, self._find_turn_rate())
        return self._turn[1]

    def _find_turn_rate(self) -> float:
        recent = self.of_last(TURN_S)
        middle_s = self.last.at_s - TURN_S / 2.0
        parts = [s for s in recent if s.at_s < middle_s], [s for s in recent if s.at_s >= middle_s]
        if min(map(len, parts)) < 3:
            return 0.0
        (x1, y1), (x2, y2) = map(picture_velocity, parts)
        if min(math.hypot(x1, y1), math.hypot(x2, y2)) < STANDS_BOXES * self.last.size:
            return 0.0
        rate = math.atan2(x1 * y2 - y1 * x2, x1 * x2 + y1 * y2) / (TURN_S / 2.0)
        return rate if MIN_TURN_RATE <= abs(rate) <= MAX_TURN_RATE else 0.0

    def expected(self, after_s: float) -> list[tuple[Point, Point]]:
        """Places and velocities (picture heights, a second) that long after its last detection: straight on, or on with
        its turn; one place without velocity where it stands."""
        (x, y), velocity = self.last.picture, self.velocity()
        if velocity is None or self.stands():
            return [((x, y), (0.0, 0.0))]
        u, v = velocity
        expected = [((x + u * after_s, y + v * after_s), (u, v))]
        if rate := self._turn_rate():
            angle = rate * min(after_s, math.pi / abs(rate))  # nobody turns by more than a half circle
            u, v = _turned((u, v), rate * TURN_S / 4.0)  # the velocity is that of a while ago
            ahead, beside = math.sin(angle) / rate, (1.0 - math.cos(angle)) / rate
            place = (x + u * ahead - v * beside, y + v * ahead + u * beside)
            expected.append((place, _turned((u, v), angle)))
        return expected


def picture_velocity(samples: Sequence[Sample]) -> Point:
    """Picture heights a second."""
    return _slope([sample.at_s for sample in samples], [sample.picture for sample in samples])


def plane_velocity(samples: Sequence[Sample]) -> Point:
    """In the plane of `Scene.to_plane`, a second."""
    return _slope([sample.at_s for sample in samples], [sample.plane for sample in samples])


def motion(samples: Sequence[Sample], *, metric: bool) -> Point | None:
    """The velocity over a short time, each second in the plane or in picture heights; zero where it stood; None where
    too little is known."""
    if len(samples) < 3:
        return None
    velocity = picture_velocity(samples)
    if math.hypot(*velocity) < STANDS_BOXES * samples[-1].size:
        return (0.0, 0.0)
    return plane_velocity(samples) if metric else velocity


def _turned(vector: Point, angle: float) -> Point:
    """A vector turned by an angle in radians."""
    x, y = vector
    return (x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle))


def mean_sample(samples: Sequence[Sample]) -> Sample:
    """The mean place of one or more samples, at the last one's moment."""
    last = samples[-1]
    if len(samples) == 1:
        return last
    ground_x = ground_y = picture_x = picture_y = plane_x = plane_y = 0.0
    for sample in samples:
        x, y = sample.ground
        ground_x += x
        ground_y += y
        x, y = sample.picture
        picture_x += x
        picture_y += y
        x, y = sample.plane
        plane_x += x
        plane_y += y
    count = len(samples)
    return Sample(
        last.moment,
        last.at_s,
        (ground_x / count, ground_y / count),
        (picture_x / count, picture_y / count),
        (plane_x / count, plane_y / count),
        last.size,
    )


def _slope(times: Sequence[float], points: Sequence[Point]) -> Point:
    """Least-squares velocity of points over two or more times, not all the same."""
    mean_s = sum(times) / len(times)
    x = y = square = 0.0
    for at_s, (point_x, point_y) in zip(times, points):  # noqa: B905 - of the same samples
        step = at_s - mean_s
        x += step * point_x
        y += step * point_y
        square += step * step
    return (x / square, y / square) if square > 0.0 else (0.0, 0.0)
