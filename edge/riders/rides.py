"""Persons bound to motorbikes over time.

One look does not tell a rider from somebody who stands behind a parked motorbike. So a person becomes a rider by making
way together with the motorbike (`seat.travel_together`), and stays one, also while it waits at a light, until seen
elsewhere. A motorbike that nobody made way with is not ridden. A person rides one motorbike at most: the one that fits
best. Detectors give now the person, now the motorbike: the predicted place of a missed motorbike will do, and a new
track of it goes on as the same ride.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from contract.geometry import Point, isotropic
from contract.rules.base import PERSON_CLASSES
from edge.classes import lookalike_group
from edge.riders.seat import Sighting, is_whole, seat_score, sighting, travel_together
from edge.types import Track, TrackId

WINDOW_S = 3.0
"""Over so much time persons and motorbikes are compared."""
RELEASE_S = 1.0
"""A rider seen elsewhere for this long has got off; shorter, the box was wrong."""
FORGET_S = 10.0
"""A motorbike not seen for so long is forgotten, and its riders with it."""
HOLD_S = 0.6
"""A rider who was missed counts on for this long: a miss or two at 5 searches a second."""
ONE_HEAD = 0.15
"""Two boxes whose heads are nearer than this share of the larger one's height are one rider, found twice."""
STAY_BONUS = 0.15
"""A rider changes to another motorbike only where that fits better by this."""
RELINK_S = 2.0
RELINK_BOXES = 1.5
"""A new track of a motorbike, within so many diagonals of where one lost so long ago must be by now, continues it."""
MOVES_BOXES = 0.3
"""A motorbike moves when its ground contact made way by this share of its diagonal within the last second."""


@dataclass(slots=True)
class Rider:
    """A person bound to a motorbike."""

    track_id: TrackId
    xyxy: tuple[float, float, float, float]
    """The last box; normalised."""
    offset: Point
    """From the motorbike's ground contact to the head, in picture heights."""
    height: float
    seen_s: float
    """When the person was detected last."""
    score: float


@dataclass(slots=True)
class _Pair:
    """A person and a motorbike that may belong together."""

    sightings: deque[Sighting] = field(default_factory=deque)
    last_on_s: float = 0.0
    bound: bool = False

    total: float = 0.0
    """Of the sightings' scores."""

    @property
    def score(self) -> float:
        return self.total / len(self.sightings)

    def add(self, seen: Sighting) -> None:
        """The person was in a rider's place."""
        self.sightings.append(seen)
        self.last_on_s = seen.at_s
        self.total += seen.score
        while self.sightings[0].at_s < seen.at_s - WINDOW_S:
            self.total -= self.sightings.popleft().score


@dataclass(slots=True, eq=False)
class Ride:
    """A motorbike, whatever tracks it has, and who rides it."""

    number: int
    """Counts up; never used twice."""
    track: Track
    """As it was reported last."""
    aspect: float
    seen_s: float
    """When it was detected last."""
    riders: dict[TrackId, Rider] = field(default_factory=dict)
    track_ids: dict[TrackId, None] = field(default_factory=dict)
    """Those of the motorbike, then those of its riders."""
    diagonal: float = 0.0
    """Of its box in picture heights, smoothed."""
    path: deque[tuple[float, Point]] = field(default_factory=deque)
    """Seconds and ground contact, in picture heights, of the last second's detections."""
    pairs: dict[TrackId, _Pair] = field(default_factory=dict)
    classes: Counter[str] = field(default_factory=Counter)

    @property
    def class_name(self) -> str:
        """What it was called most."""
        return max(self.classes, key=self.classes.__getitem__)

    @property
    def moves(self) -> bool:
        """It made way within the last second."""
        if len(self.path) < 2:
            return False
        return math.dist(self.path[0][1], self.path[-1][1]) >= MOVES_BOXES * self.diagonal

    def riders_at(self, now_s: float) -> list[Rider]:
        """Who is seen on it now, each head once: the persons detected, and at most one who was missed just now."""
        found: list[Rider] = []
        missed = True
        for rider in sorted(self.riders.values(), key=lambda item: (-item.seen_s, -item.score)):
            if rider.seen_s < now_s - HOLD_S or (rider.seen_s < now_s and not missed):
                break
            if all(math.dist(rider.offset, one.offset) > ONE_HEAD * max(rider.height, one.height) for one in found):
                found.append(rider)
                missed = missed and rider.seen_s >= now_s
        return found if found and found[0].seen_s >= now_s else []

    def expected(self, now_s: float) -> Point:
        """Where its ground contact must be by now, in picture heights."""
        at_s, place = self.path[-1]
        before_s, before = self.path[0]
        if at_s - before_s < 0.3:
            return place
        share = (now_s - at_s) / (at_s - before_s)
        return (place[0] + share * (place[0] - before[0]), place[1] + share * (place[1] - before[1]))

    def see(self, track: Track, now_s: float) -> None:
        """The motorbike was detected."""
        box = math.hypot(track.width * self.aspect, track.height)
        self.diagonal = box if self.diagonal == 0.0 else (self.diagonal + box) / 2.0
        self.seen_s = now_s
        self.classes[track.class_name] += 1
        self.track_ids[track.track_id] = None
        self.path.append((now_s, isotropic(track.ground, self.aspect)))
        while self.path[0][0] < now_s - 1.0:
            self.path.popleft()


class RideBook:
    """The motorbikes of one camera and their riders. Times are the caller's watched seconds."""

    def __init__(self) -> None:
        self._rides: dict[int, Ride] = {}
        self._count = 0

    def observe(self, tracks: Iterable[Track], now_s: float, aspect: float, *, searched: bool) -> list[Ride]:
        """Take one observation, in order of time.

        Args:
            tracks: Of every class; boxes that are impossible are left out.
            now_s: Watched seconds.
            aspect: The picture's width divided by its height.
            searched: False: nobody looked (a gated frame): everybody is where they were.

        Returns:
            The rides whose motorbike is reported now, riders or not.
        """
        whole = [track for track in tracks if is_whole(track)]
        bikes = [track for track in whole if lookalike_group(track.class_name) == "bicycle"]
        persons = [track for track in whole if track.class_name in PERSON_CLASSES]
        if not searched:
            return self._held(bikes, now_s)
        here = self._bikes(bikes, now_s, aspect)
        self._compare(here, [person for person in persons if person.detected], now_s, aspect)
        self._bind(here, {person.track_id: person for person in persons}, now_s)
        self._rides = {number: ride for number, ride in self._rides.items() if now_s - ride.seen_s <= FORGET_S}
        return here

    def forget(self) -> None:
        """Begin anew; numbers go on."""
        self._rides.clear()

    def _held(self, bikes: Sequence[Track], now_s: float) -> list[Ride]:
        by_track = {ride.track.track_id: ride for ride in self._rides.values()}
        here = [by_track[bike.track_id] for bike in bikes if bike.track_id in by_track]
        for ride in here:
            ride.seen_s = now_s
        return here

    def _bikes(self, bikes: Sequence[Track], now_s: float, aspect: float) -> list[Ride]:
        """The ride of each motorbike that is reported."""
        by_track = {ride.track.track_id: ride for ride in self._rides.values()}
        found = {bike.track_id for bike in bikes if bike.detected}
        here: dict[int, Ride] = {}
        for bike in sorted(bikes, key=lambda item: not item.detected):
            ride = by_track.get(bike.track_id)
            if ride is None and bike.detected:
                ride = self._lost_one(bike, found, now_s, aspect) or self._new(bike, aspect, now_s)
            if ride is None or ride.number in here:  # it goes on with another track
                continue
            here[ride.number] = ride
            ride.track = bike
            if bike.detected:
                ride.see(bike, now_s)
        return list(here.values())

    def _new(self, bike: Track, aspect: float, now_s: float) -> Ride:
        self._count += 1
        ride = self._rides[self._count] = Ride(self._count, bike, aspect, now_s)
        return ride

    def _lost_one(self, bike: Track, found: set[TrackId], now_s: float, aspect: float) -> Ride | None:
        """The ride whose motorbike was lost, and must be where this new track begins."""
        place = isotropic(bike.ground, aspect)
        size = math.hypot(bike.width * aspect, bike.height)
        fitting = [
            (math.dist(ride.expected(now_s), place) / max(ride.diagonal, size), ride)
            for ride in self._rides.values()
            if ride.path and ride.track.track_id not in found and 0.0 < now_s - ride.seen_s <= RELINK_S
        ]
        off, ride = min(fitting, key=lambda item: item[0], default=(math.inf, None))
        return ride if off <= RELINK_BOXES else None

    @staticmethod
    def _compare(here: Sequence[Ride], persons: Sequence[Track], now_s: float, aspect: float) -> None:
        """Note who is in a rider's place on which motorbike."""
        ordered = sorted(((person.xyxy[0] + person.xyxy[2]) / 2.0, person.track_id, person) for person in persons)
        middles = [middle for middle, _, _ in ordered]
        for ride in here:
            left, _, right, _ = ride.track.xyxy
            for _, track_id, person in ordered[bisect_left(middles, left) : bisect_right(middles, right)]:
                score = seat_score(person, ride.track)
                if score is not None:
                    pair = ride.pairs.get(track_id)
                    if pair is None:
                        pair = ride.pairs[track_id] = _Pair()
                    pair.add(sighting(now_s, person, ride.track, score, aspect))
        found = {person.track_id for person in persons}
        for ride in here:
            for track_id, pair in list(ride.pairs.items()):
                away_s = now_s - pair.last_on_s
                if away_s > FORGET_S or (away_s > RELEASE_S and track_id in found):
                    del ride.pairs[track_id]

    def _bind(self, here: Sequence[Ride], persons: dict[TrackId, Track], now_s: float) -> None:
        """Give every person to the motorbike that fits best."""
        best = self._best(now_s)
        for ride in self._rides.values():
            for track_id in [key for key in ride.riders if best.get(key) is not ride]:
                del ride.riders[track_id]
        for track_id, ride in best.items():
            person = persons.get(track_id)
            if person is None or ride not in here:
                continue
            if track_id not in ride.riders:
                if not person.detected:
                    continue
                ride.riders[track_id] = Rider(track_id, person.xyxy, (0.0, 0.0), 0.0, now_s, person.confidence)
                ride.track_ids[track_id] = None
            rider, last = ride.riders[track_id], ride.pairs[track_id].sightings[-1]
            rider.xyxy = person.xyxy
            if last.at_s == now_s:
                rider.seen_s, rider.score, rider.height = now_s, person.confidence, last.height
                rider.offset = (last.place[0] * last.height, last.place[1] * last.height)

    def _best(self, now_s: float) -> dict[TrackId, Ride]:
        """The motorbike of every person who made way with one."""
        best: dict[TrackId, tuple[float, Ride]] = {}
        for ride in self._rides.values():
            for track_id, pair in ride.pairs.items():
                if not pair.bound and pair.last_on_s == now_s:
                    pair.bound = travel_together(pair.sightings)
                if pair.bound:
                    fit = pair.score + (STAY_BONUS if track_id in ride.riders else 0.0)
                    if track_id not in best or fit > best[track_id][0]:
                        best[track_id] = (fit, ride)
        return {track_id: ride for track_id, (_, ride) in best.items()}
