"""Following an object through the tracks that it has: what all rules about somebody's way have in common.

    track 1   o  o  o  o  x           hidden, missed or renamed: its last velocity says where it must be
    track 2                  .  o  o  o     a track that begins there goes on with the same journey

A wrong link tells of a way that nobody went, a missing one may miss an event: in doubt there is none.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count

from contract.geometry import Point, angle_between_deg, distance
from edge.behaviour.moment import Moment, RunningMean
from edge.classes import lookalike_group
from edge.scene import Scene
from edge.types import Observation, Track, TrackId

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
REACH_BOXES = 0.75
"""A new track continues a journey that must be within so many box lengths of where the track begins ..."""
REACH_GROWTH = 0.5
"""... and so many more for each second that the object was not seen ..."""
MOST_REACH_BOXES = 2.0
CLEARLY_BOXES = 0.3
"""... if nothing else fits as well, but for this much, ..."""
SAME_WAY_DEG = 120.0
"""... and if what moves does not come towards it: it may be turning."""
MOVING_S = 4.0
"""What moved when it was lost is somewhere else after this time."""
UNKNOWN_S = 1.0
"""So is what was seen too shortly to tell."""
YOUNG_S = 3.0
"""A tracker may hold the old track for a while beside the new one: a journey so young may still be another's sequel."""
GROWTH = 1.7
"""Boxes of one object differ by at most this factor: half of a person shows first."""
MAX_SPEED_BOXES = 40.0
"""Box lengths a second: 250 km/h for a motorbike of 1.8 m. A faster step is the tracker's mistake."""
MAX_SPEED_MPS = 70.0
"""The same with a homography."""
MAX_JUMP_BOXES = 2.0
"""But a box that shows half of an object jumps by its length however short the step is."""


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
    _velocity: tuple[Sample, Point | None] | None = None
    _turn: tuple[Sample, float] | None = None
    _smooth: tuple[Sample, Sample] | None = None
    """Each with the last detection, for which it was worked out: several rules ask, and a lost journey is asked for
    again and again."""

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
            self._velocity = (last, _velocity(recent) if len(recent) > 2 else None)
        return self._velocity[1]

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
        (x1, y1), (x2, y2) = map(_velocity, parts)
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


class Journeys:
    """The journeys of one camera's objects, for all rules that look for lost ones as long as each other.

    Args:
        scene: The camera's scene.
        relink_s: An object that stood when it was lost is looked for at its place for so long.

    Attributes:
        sequels: Those that turned out to be another's sequel in the latest observation, and are no more.
        gone: Those whose object can no longer be found again, since the latest observation.
        refused: Tracks of the latest observation whose place or step is impossible, each with the reason.
    """

    def __init__(self, scene: Scene, *, relink_s: float) -> None:
        self._scene = scene
        self._keep_s = 0.0
        self._relink_s = relink_s
        self._classes: frozenset[str] = frozenset()
        self._all: dict[int, Journey] = {}
        self._by_track: dict[TrackId, Journey] = {}
        self._numbers = count(1)
        self._present: dict[int, tuple[Iterable[Track], list[Journey]]] = {}
        """Answers of `of`, by the identity of the question."""
        self.sequels: list[Journey] = []
        self.gone: list[Journey] = []
        self.refused: list[tuple[Track, str]] = []

    def need(self, classes: frozenset[str], keep_s: float) -> None:
        """Follow these classes too, and remember places at least so long."""
        self._classes |= classes
        self._keep_s = max(self._keep_s, keep_s)

    def follow(self, tracks: Iterable[Track], observation: Observation, now: Moment) -> None:
        """Take the tracks of one observation."""
        self._present.clear()
        self.refused = []
        for journey in self._all.values():
            if journey.fresh:
                journey.fresh, journey.news = False, []
        present: dict[int, Journey] = {}
        has_born = False
        classes, by_track, searched, aspect = self._classes, self._by_track, observation.detected, observation.aspect
        for track in tracks:
            if track.class_name not in classes:
                continue
            journey_of = by_track.get(track.track_id)
            sample = self._sample(track, aspect, now) if searched and track.detected else None
            if journey_of is not None and sample is not None and not self._possible(journey_of.samples[-1], sample):
                self.refused.append((track, "speed"))
                journey_of = None  # its track jumped, or something else took it over
            if journey_of is None:
                if sample is None:
                    continue
                journey_of = Journey(next(self._numbers), track, deque(), now, sample, [])
                self._all[journey_of.number] = by_track[track.track_id] = journey_of
                has_born = True
            journey_of.seen = now
            present[journey_of.number] = journey_of
            if sample is not None:
                self._add(journey_of, track, sample)
        self.sequels = self._link(present, now) if has_born or len(present) < len(self._all) else []
        self.gone = self._forget(now) if len(present) < len(self._all) else []

    def of(self, tracks: Iterable[Track], now: Moment) -> list[Journey]:
        """The journeys of some of the tracks that were followed at a moment; asked twice for one list, work once."""
        known = self._present.get(id(tracks))
        if known is None:
            found: dict[int, Journey] = {}
            for track in tracks:
                journey = self._by_track.get(track.track_id)
                if journey is not None and journey.seen is now:
                    found[journey.number] = journey
            known = self._present[id(tracks)] = (tracks, list(found.values()))
        return known[1]

    def _forget(self, now: Moment) -> list[Journey]:
        """Drop and return the journeys whose object can no longer be found again."""
        gone = [
            journey
            for journey in self._all.values()
            if (unseen_s := now.watched_s - journey.seen.watched_s) > UNKNOWN_S and unseen_s > self._patience_s(journey)
        ]
        for journey in gone:
            del self._all[journey.number]
        if gone:
            self._by_track = {key: value for key, value in self._by_track.items() if value.number in self._all}
        return gone

    def clear(self) -> None:
        """Forget all."""
        self._all.clear()
        self._by_track.clear()
        self._present.clear()
        self.sequels, self.gone = [], []

    def _sample(self, track: Track, aspect: float, now: Moment) -> Sample | None:
        x1, y1, x2, y2 = track.xyxy
        ground = ((x1 + x2) / 2.0, y2)
        plane = self._scene.to_plane(ground, aspect)
        if plane is None:
            self.refused.append((track, "above_horizon"))
            return None
        picture = (ground[0] * aspect, y2)
        return Sample(now, now.watched_s, ground, picture, plane, max((x2 - x1) * aspect, y2 - y1))

    def _possible(self, before: Sample, after: Sample) -> bool:
        step_s = after.at_s - before.at_s
        boxes = distance(before.picture, after.picture) / min(before.size, after.size)
        if boxes <= MAX_JUMP_BOXES:
            return True
        metric = self._scene.homography is not None
        too_fast = metric and distance(before.plane, after.plane) > MAX_SPEED_MPS * step_s
        return boxes <= MAX_SPEED_BOXES * step_s and not too_fast

    def _add(self, journey: Journey, track: Track, sample: Sample) -> None:
        samples, news = journey.samples, journey.news
        if samples and sample.at_s <= samples[-1].at_s:  # watched time stands still across a gap
            before = samples.pop()
            if news and news[-1] is before:
                news[-1] = sample
        else:
            news.append(sample)
        samples.append(sample)
        while samples[0].at_s < sample.at_s - self._keep_s:
            samples.popleft()
        journey.track, journey.fresh = track, True
        journey.track_ids[track.track_id] = None
        journey.votes[track.class_name] += 1
        journey.score.add(track.confidence)

    def _patience_s(self, journey: Journey) -> float:
        """For how long a lost object is looked for."""
        if journey.velocity() is None:
            return UNKNOWN_S
        return self._relink_s if journey.stands() else MOVING_S

    def _link(self, present: dict[int, Journey], now: Moment) -> list[Journey]:
        """Let lost journeys go on with the young ones that begin where they must be."""
        lost = [journey for journey in self._all.values() if journey.number not in present]
        young = [j for j in present.values() if not j.told and now.watched_s - j.born_at.at_s <= YOUNG_S]
        pairs = sorted(
            (
                (boxes, old, new)
                for old in lost
                for new in young
                if new.born_at.at_s >= old.last.at_s and (boxes := self._apart(old, new)) < math.inf
            ),
            key=lambda pair: (pair[0], pair[1].number, pair[2].number),
        )
        sequels: list[Journey] = []
        for boxes, old, new in pairs:
            rivals = [other for other in pairs if (other[1] is old) != (other[2] is new)]
            if all(other[0] > boxes + CLEARLY_BOXES for other in rivals):
                self._continue(old, new)
                present[old.number] = old
                del present[new.number]
                sequels.append(new)
        return sequels

    def _continue(self, old: Journey, new: Journey) -> None:
        del self._all[new.number]
        for track_id, journey in self._by_track.items():
            if journey is new:
                self._by_track[track_id] = old
        later = [sample for sample in new.samples if sample.at_s > old.last.at_s]
        old.samples.extend(later)
        old.news.extend(later)
        old.track, old.seen, old.fresh = new.track, new.seen, new.fresh
        old.track_ids |= new.track_ids
        old.votes += new.votes
        old.score.total += new.score.total
        old.score.count += new.score.count

    def _apart(self, old: Journey, new: Journey) -> float:
        """Box lengths between where a lost object must have been and where another began; infinity: it cannot be it."""
        last, first = old.last, new.born_at
        gone_s = first.at_s - last.at_s
        size = max(last.size, first.size)
        too_far = distance(last.picture, first.picture) > size * (MOST_REACH_BOXES + MAX_SPEED_BOXES * gone_s)
        if too_far or size > GROWTH * min(last.size, first.size) or old.group != new.group:
            return math.inf
        if gone_s > self._patience_s(old):
            return math.inf
        expected = old.expected(gone_s)
        reach = REACH_BOXES
        if not old.stands():
            velocity = new.velocity()
            if velocity is None:  # too early to tell whether it goes the same way
                return math.inf
            reach = min(MOST_REACH_BOXES, REACH_BOXES + REACH_GROWTH * gone_s)
            if not new.stands():
                expected = [way for way in expected if angle_between_deg(way[1], velocity) <= SAME_WAY_DEG]
        boxes = min((distance(place, first.picture) / size for place, _ in expected), default=math.inf)
        return boxes if boxes <= reach else math.inf


def _velocity(samples: Sequence[Sample]) -> Point:
    """Picture heights a second."""
    return slope([sample.at_s for sample in samples], [sample.picture for sample in samples])


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
        ground_x += sample.ground[0]
        ground_y += sample.ground[1]
        picture_x += sample.picture[0]
        picture_y += sample.picture[1]
        plane_x += sample.plane[0]
        plane_y += sample.plane[1]
    count = len(samples)
    return Sample(
        last.moment,
        last.at_s,
        (ground_x / count, ground_y / count),
        (picture_x / count, picture_y / count),
        (plane_x / count, plane_y / count),
        last.size,
    )


def slope(times: Sequence[float], points: Sequence[Point]) -> Point:
    """Least-squares velocity of points over two or more times, not all the same."""
    mean_s = sum(times) / len(times)
    x = y = square = 0.0
    for at_s, point in zip(times, points, strict=True):
        step = at_s - mean_s
        x += step * point[0]
        y += step * point[1]
        square += step * step
    return (x / square, y / square) if square > 0.0 else (0.0, 0.0)
