"""Heads on motorbikes: which part (helmet, bare head) that a model found belongs to which rider, frame after frame.

A head is told by its place on the motorbike, from its ground contact in diagonals of its box, because a model may find
a head whose person the detector missed. It belongs to a motorbike when it lies where the head of a bound rider is; or,
while the motorbike moves, above it, if it is nobody else's: a person who stands there strays away from that place.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from contract.geometry import Point, isotropic
from contract.rules.base import PERSON_CLASSES
from edge.riders.rides import Ride
from edge.riders.seat import is_whole
from edge.types import Part, Track

HEAD_REACH = 0.4
"""A head's middle lies in this upper share of its person's box ..."""
HEAD_ABOVE = 0.2
"""... or this far above it: boxes cut helmets; and as far outside its sides."""
OVER_BIKE = (-1.0, 0.5)
"""From so many heights of its box above a motorbike's upper edge to so many below are heads of its riders; a box that
takes the riders in has them in its upper half."""
SAME_PLACE = 0.25
"""A head strays on its motorbike by at most this many diagonals between two looks, some 0.4 m."""
LEAST_WAY = 0.5
"""Way that a motorbike must make while a head is seen on it, in diagonals ..."""
DRIFT, MAX_DRIFT = 0.08, 0.3
"""... and how far the head may drift from its place meanwhile: its box's jitter, and a share of the way. People on the
pavement drift by all of it, those who walk along by half or more."""
LEFT_BEHIND = 0.5
"""From one look to the next it falls back by less than this share of the motorbike's step (medians): in a row of
people who are passed, one takes another's place, and the drift is small."""
LEAST_STEP = 0.02
"""Shorter steps of a motorbike are jitter."""
MAX_STEPS = 20
LEAST_WAIT_S = 1.0
"""On a motorbike that waits, a bound rider's head is seen for this long instead."""
SAME_PART = 0.4
"""Two parts that overlap by this much are one head, called both; the surer counts."""
FORGET_S = 10.0

Box = tuple[float, float, float, float]


@dataclass(slots=True, eq=False)
class Head:
    """A head on one motorbike, and how often which part was seen on it."""

    place: Point
    """From the motorbike's ground contact, in diagonals of its box; smoothed."""
    began: Point
    """Where it was first."""
    began_s: float
    began_ground: Point
    """The motorbike's ground contact then, in picture heights."""
    seen_s: float
    way: float = 0.0
    """Of the motorbike since then, in diagonals."""
    last: tuple[Point, Point] | None = None
    """Place and motorbike's ground contact at the last vote ..."""
    steps: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=MAX_STEPS))
    """... and from one vote to the next the motorbike's way, and how far the head fell back meanwhile, in diagonals."""
    bound: int = 0
    """Votes that lay on the head of a bound rider."""
    votes: Counter[str] = field(default_factory=Counter)
    scores: dict[str, float] = field(default_factory=dict)
    """Sums of the model's scores, by part."""

    @property
    def rides_along(self) -> bool:
        """It made way with the motorbike and kept its place; or it is a bound rider's, and the motorbike waits."""
        if math.dist(self.place, self.began) > DRIFT + MAX_DRIFT * self.way:
            return False
        if self.steps:
            ways, backs = zip(*self.steps, strict=True)
            if statistics.median(backs) > LEFT_BEHIND * statistics.median(ways):
                return False
        waits = 2 * self.bound > self.votes.total() and self.seen_s - self.began_s >= LEAST_WAIT_S
        return self.way >= LEAST_WAY or waits

    def see(self, sight: _Sight, ride: Ride, now_s: float) -> None:
        """Take a vote."""
        self.place = ((self.place[0] + sight.place[0]) / 2.0, (self.place[1] + sight.place[1]) / 2.0)
        self.seen_s = now_s
        ground = isotropic(ride.track.ground, ride.aspect)
        self.way = math.dist(self.began_ground, ground) / ride.diagonal
        if self.last is not None:
            (x, y), before = self.last
            step = ((ground[0] - before[0]) / ride.diagonal, (ground[1] - before[1]) / ride.diagonal)
            length = math.hypot(*step)
            if length > LEAST_STEP:
                back = (x - sight.place[0]) * step[0] + (y - sight.place[1]) * step[1]
                self.steps.append((length, back / length))
        self.last = (sight.place, ground)
        self.bound += sight.bound
        name = sight.part.class_name
        self.votes[name] += 1
        self.scores[name] = self.scores.get(name, 0.0) + sight.part.confidence


@dataclass(frozen=True, slots=True)
class _Sight:
    """A part that belongs to a motorbike."""

    part: Part
    place: Point
    bound: bool


class HeadBook:
    """The heads on the motorbikes of one camera."""

    def __init__(self) -> None:
        self._heads: dict[int, list[Head]] = {}
        self._seen_s: dict[int, float] = {}

    def observe(self, parts: Sequence[Part], rides: Sequence[Ride], tracks: Sequence[Track], now_s: float) -> None:
        """Take the parts of one searched frame.

        Args:
            parts: What the model found.
            rides: Those whose motorbike is reported now.
            tracks: All: a head of a person who rides nothing is not taken for a rider's.
            now_s: Watched seconds.
        """
        bound = {track_id for ride in rides for track_id in ride.riders}
        others = [
            track.xyxy
            for track in tracks
            if track.class_name in PERSON_CLASSES and track.track_id not in bound and is_whole(track)
        ]
        own = [(rider.xyxy, ride) for ride in rides for rider in ride.riders.values() if rider.seen_s >= now_s]
        moving = [ride for ride in rides if ride.moves]
        found: dict[int, tuple[Ride, list[_Sight]]] = {}
        for part in _single(parts):
            ride, is_bound = _ride_of(part, own, others, moving)
            if ride is not None:
                found.setdefault(ride.number, (ride, []))[1].append(_Sight(part, _place(part, ride), is_bound))
        for ride, sights in found.values():
            self._seen_s[ride.number] = now_s
            _vote(self._heads.setdefault(ride.number, []), ride, sights, now_s)
        for number in [key for key, seen_s in self._seen_s.items() if now_s - seen_s > FORGET_S]:
            del self._heads[number], self._seen_s[number]

    def of(self, ride: Ride) -> Sequence[Head]:
        """The heads seen on a motorbike."""
        return self._heads.get(ride.number, ())

    def drop(self, ride: Ride) -> None:
        """Forget the heads on a motorbike."""
        self._heads.pop(ride.number, None)
        self._seen_s.pop(ride.number, None)

    def forget(self) -> None:
        """Begin anew."""
        self._heads.clear()
        self._seen_s.clear()


def _vote(heads: list[Head], ride: Ride, sights: Sequence[_Sight], now_s: float) -> None:
    """Pair heads with what was found, the nearest first; what is left over is a new head."""
    pairs = sorted(
        (math.dist(head.place, sight.place), h, i) for h, head in enumerate(heads) for i, sight in enumerate(sights)
    )
    paired: dict[int, int] = {}
    for off, h, i in pairs:
        if off <= SAME_PLACE and h not in paired.values() and i not in paired:
            paired[i] = h
    ground = isotropic(ride.track.ground, ride.aspect)
    for i, sight in enumerate(sights):
        if i not in paired:
            heads.append(Head(sight.place, sight.place, now_s, ground, now_s))
        heads[paired.get(i, -1)].see(sight, ride, now_s)


def _single(parts: Sequence[Part]) -> list[Part]:
    """The parts with possible boxes, each head once."""
    single: list[Part] = []
    for part in sorted(parts, key=lambda item: -item.confidence):
        x1, y1, x2, y2 = part.xyxy
        possible = all(map(math.isfinite, part.xyxy)) and x2 > x1 and y2 > y1
        if possible and all(_overlap(part.xyxy, other.xyxy) < SAME_PART for other in single):
            single.append(part)
    return single


def _ride_of(
    part: Part, own: Sequence[tuple[Box, Ride]], others: Sequence[Box], moving: Sequence[Ride]
) -> tuple[Ride | None, bool]:
    """On whose motorbike a head is (None: nobody's), and whether it is a bound rider's.

    Args:
        part: The head.
        own: Boxes of bound riders who are seen now, and what they ride.
        others: Boxes of persons who ride nothing.
        moving: Motorbikes on which a head counts though its rider was not found.
    """
    x, y = (part.xyxy[0] + part.xyxy[2]) / 2.0, (part.xyxy[1] + part.xyxy[3]) / 2.0
    near = [(_off(box, x, y), ride) for box, ride in own if _in_head(box, x, y)]
    other = min((_off(box, x, y) for box in others if _in_head(box, x, y)), default=math.inf)
    if near:
        off, nearest = min(near, key=lambda item: item[0])
        return (nearest, True) if off <= other else (None, False)
    if other < math.inf:
        return None, False
    over = [(abs(x - ride.track.ground[0]) / ride.track.width, ride) for ride in moving if _over(ride, x, y)]
    return min(over, key=lambda item: item[0])[1] if over else None, False


def _in_head(box: Box, x: float, y: float) -> bool:
    x1, y1, x2, y2 = box
    aside = HEAD_ABOVE * (x2 - x1)
    if not x1 - aside <= x <= x2 + aside:
        return False
    return y1 - HEAD_ABOVE * (y2 - y1) <= y <= y1 + HEAD_REACH * (y2 - y1)


def _off(box: Box, x: float, y: float) -> float:
    """How far a point is from the upper edge of a person's box, in its widths and heights."""
    x1, y1, x2, y2 = box
    return math.hypot((x - (x1 + x2) / 2.0) / (x2 - x1), (y - y1) / (y2 - y1))


def _over(ride: Ride, x: float, y: float) -> bool:
    x1, y1, x2, y2 = ride.track.xyxy
    return x1 <= x <= x2 and y1 + OVER_BIKE[0] * (y2 - y1) <= y <= y1 + OVER_BIKE[1] * (y2 - y1)


def _place(part: Part, ride: Ride) -> Point:
    x, y = (part.xyxy[0] + part.xyxy[2]) / 2.0, (part.xyxy[1] + part.xyxy[3]) / 2.0
    ground = ride.track.ground
    return ((x - ground[0]) * ride.aspect / ride.diagonal, (y - ground[1]) / ride.diagonal)


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    if a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]:
        return 0.0
    shared = (min(a[2], b[2]) - max(a[0], b[0])) * (min(a[3], b[3]) - max(a[1], b[1]))
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)
