"""Following objects through the tracks that they have: what all rules about somebody's way have in common.

    track 1   o  o  o  o  x           hidden, missed or renamed: its last velocity says where it must be
    track 2                  .  o  o  o     a track that begins there goes on with the same journey

A wrong link tells of a way that nobody went, a missing one may miss an event: in doubt there is none.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import count

from contract.geometry import angle_between_deg, distance
from edge.behaviour.approach import LENGTHS_M
from edge.behaviour.journey import Journey, Sample
from edge.behaviour.moment import Moment
from edge.scene import Scene
from edge.types import Observation, Track, TrackId

REACH_BOXES = 0.75
"""A new track continues a journey that must be within so many box lengths of where the track begins ..."""
REACH_GROWTH = 0.5
"""... and so many more for each second that the object was not seen ..."""
MOST_REACH_BOXES = 2.0
LATELY_S = 0.8
MIDWAY_S = 2.5
"""What sets off, brakes or turns while it is unseen, for no longer than this, goes with the mean of its last velocity
and of its first one afterwards: such a link needs both, in about the same direction ..."""
BEND_DEG = 100.0
"""... where a quarter of a circle is about the same."""
MIDWAY_GROWTH, MIDWAY_SHARE = 0.6, 0.2
"""As `REACH_GROWTH`; and this share of the way that it made unseen."""
SETS_OFF_BOXES = 2.0
"""Who sets off is faster by at most so many box lengths a second after each second."""
QUICKER, SETS_OFF_MPS2 = 1.5, 2.0
"""On the ground nobody was faster unseen than this many times as before and after, and what one gains so ..."""
TREMBLE_BOXES = 0.2
"""... but for boxes that tremble, or show halves, by this share of their length."""
MIDWAY_M = 1.8
"""A box length on the ground, at least."""
CLEARLY_BOXES = 0.3
"""A link is made if nothing else fits as well, but for this much, ..."""
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
            new = [] if sample is None else [sample]
            if track.before and sample is not None:
                last_s = -math.inf if journey_of is None else journey_of.last.at_s
                new = [early for early in self._early(track, aspect, now) if early.at_s > last_s] + new
            if journey_of is not None and new and not self._possible(journey_of.samples[-1], new[0]):
                self.refused.append((track, "speed"))
                journey_of = None  # its track jumped, or something else took it over
            if journey_of is None:
                if not new:
                    continue
                journey_of = Journey(next(self._numbers), track, deque(), now, new[0], [])
                self._all[journey_of.number] = by_track[track.track_id] = journey_of
                has_born = True
            journey_of.seen = now
            present[journey_of.number] = journey_of
            if new:
                self._add(journey_of, track, new)
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

    def _early(self, track: Track, aspect: float, now: Moment) -> list[Sample]:
        """Where a track was found before it was known to be somebody."""
        found = [(now.ago(now.monotonic_s - early.monotonic_s), early.xyxy) for early in track.before]
        return [sample for then, box in found if (sample := self._sample_of(box, aspect, then)) is not None]

    def _sample(self, track: Track, aspect: float, now: Moment) -> Sample | None:
        sample = self._sample_of(track.xyxy, aspect, now)
        if sample is None:
            self.refused.append((track, "above_horizon"))
        return sample

    def _sample_of(self, box: tuple[float, float, float, float], aspect: float, then: Moment) -> Sample | None:
        x1, y1, x2, y2 = box
        ground = ((x1 + x2) / 2.0, y2)
        plane = self._scene.to_plane(ground, aspect)
        if plane is None:
            return None
        picture = (ground[0] * aspect, y2)
        return Sample(then, then.watched_s, ground, picture, plane, max((x2 - x1) * aspect, y2 - y1))

    def _possible(self, before: Sample, after: Sample) -> bool:
        step_s = after.at_s - before.at_s
        boxes = distance(before.picture, after.picture) / min(before.size, after.size)
        if boxes <= MAX_JUMP_BOXES:
            return True
        metric = self._scene.homography is not None
        too_fast = metric and distance(before.plane, after.plane) > MAX_SPEED_MPS * step_s
        return boxes <= MAX_SPEED_BOXES * step_s and not too_fast

    def _add(self, journey: Journey, track: Track, new: Sequence[Sample]) -> None:
        samples, news = journey.samples, journey.news
        for sample in new:
            if samples and sample.at_s <= samples[-1].at_s:  # watched time stands still across a gap
                before = samples.pop()
                if news and news[-1] is before:
                    news[-1] = sample
            else:
                news.append(sample)
            samples.append(sample)
        while samples[0].at_s < samples[-1].at_s - self._keep_s:
            samples.popleft()
        journey.track, journey.fresh = track, True
        journey.track_ids[track.track_id] = None
        journey.votes[track.class_name] += 1
        journey.score.total += track.confidence
        journey.score.count += 1

    def _patience_s(self, journey: Journey) -> float:
        """For how long a lost object is looked for."""
        if journey.velocity() is None:
            return UNKNOWN_S
        return self._relink_s if journey.stands() else MOVING_S

    def _link(self, present: dict[int, Journey], now: Moment) -> list[Journey]:
        """Let lost journeys go on with the young ones that begin where they must be."""
        # Who is missed just now may be found again, or have become the young one: it only keeps others from it.
        missed = [journey for journey in self._all.values() if not journey.fresh]
        young_of: dict[str, list[Journey]] = {}
        for journey in present.values():
            if now.watched_s - journey.born_at.at_s <= YOUNG_S and not journey.told:
                young_of.setdefault(journey.group, []).append(journey)
        if not young_of:
            return []
        pairs = sorted(
            (
                (boxes, old, new)
                for old in missed
                for new in young_of.get(old.group, ())
                if new.ruled_out.get(old.number) is not old.samples[-1]
                and new is not old
                and (boxes := self._apart(old, new)) < math.inf
            ),
            key=lambda pair: (pair[0], pair[1].number, pair[2].number),
        )
        sequels: list[Journey] = []
        for boxes, old, new in pairs:
            rivals = [other for other in pairs if (other[1] is old) != (other[2] is new)]
            if old.number not in present and all(other[0] > boxes + CLEARLY_BOXES for other in rivals):
                self._continue(old, new)
                present[old.number] = old
                del present[new.number]
                sequels.append(new)
        return sequels

    def _continue(self, old: Journey, new: Journey) -> None:
        del self._all[new.number]
        # The track that it had may come back on who stands there next: that is somebody else.
        self._by_track = {
            track_id: old if journey is new else journey
            for track_id, journey in self._by_track.items()
            if journey is not old
        }
        later = [sample for sample in new.samples if sample.at_s > old.last.at_s]
        old.samples.extend(later)
        old.news.extend(later)
        old.track, old.seen, old.fresh = new.track, new.seen, new.fresh
        old.track_ids |= new.track_ids
        old.votes += new.votes
        old.score.total += new.score.total
        old.score.count += new.score.count

    def _in_time(self, old: Journey, new: Journey, gone_s: float) -> bool:
        """Tell whether a way unseen is none too long for the speeds before and after, and who stood drives away from
        where it stood; always without metres.

        Far away a box's length in the picture is tens of metres on the road.
        """
        if self._scene.homography is None:
            return True
        last, first = old.last, new.born_at
        paces = (old.late_motion(LATELY_S, metric=True), new.first_motion(LATELY_S, metric=True))
        fastest = max((math.hypot(*pace) for pace in paces if pace is not None), default=math.inf)
        slack = max(self._tremble_m(sample) for sample in (last, first))
        way, after = (first.plane[0] - last.plane[0], first.plane[1] - last.plane[1]), paces[1]
        drives = old.stands() and after is not None and after != (0.0, 0.0) and math.hypot(*way) > slack
        if drives and after is not None and angle_between_deg(way, after) > BEND_DEG:
            return False
        return math.hypot(*way) <= QUICKER * fastest * gone_s + SETS_OFF_MPS2 * gone_s**2 + slack

    def _tremble_m(self, sample: Sample) -> float:
        """What a box's tremble is worth on the ground."""
        x, y = sample.ground
        farther = self._scene.to_plane((x, y - TREMBLE_BOXES * sample.size), 1.0)
        return math.inf if farther is None else distance(farther, sample.plane)

    def _apart(self, old: Journey, new: Journey) -> float:
        """Box lengths between where a lost object must have been and where another of its group began; infinity: it
        cannot be it."""
        last, first = old.samples[-1], new.born_at
        gone_s = first.at_s - last.at_s
        size = max(last.size, first.size)
        too_far = distance(last.picture, first.picture) > size * (MOST_REACH_BOXES + MAX_SPEED_BOXES * gone_s)
        if gone_s < 0.0 or too_far or size > GROWTH * min(last.size, first.size) or gone_s > self._patience_s(old):
            new.ruled_out[old.number] = last
            return math.inf
        expected = old.expected(gone_s)
        reach = REACH_BOXES if old.stands() else min(MOST_REACH_BOXES, REACH_BOXES + REACH_GROWTH * gone_s)
        if gone_s > MIDWAY_S and all(distance(place, first.picture) / size > reach for place, _ in expected):
            new.ruled_out[old.number] = last
            return math.inf
        if not (old.stands() and new.stands()) and not self._in_time(old, new, gone_s):
            return math.inf
        if not old.stands():
            velocity = new.velocity()
            if velocity is None:  # too early to tell whether it goes the same way
                return math.inf
            if not new.stands():
                expected = [way for way in expected if angle_between_deg(way[1], velocity) <= SAME_WAY_DEG]
        boxes = min((distance(place, first.picture) / size for place, _ in expected), default=math.inf)
        if boxes <= reach:
            return boxes
        boxes, way = _midway(old, new, gone_s, metric=self._scene.homography is not None)
        reach = min(MOST_REACH_BOXES, REACH_BOXES + MIDWAY_GROWTH * gone_s + MIDWAY_SHARE * way)
        return boxes if boxes <= reach else math.inf


def _midway(old: Journey, new: Journey, gone_s: float, *, metric: bool) -> tuple[float, float]:
    """How far one began from where another must have been that changed its velocity meanwhile, and how far that is.

    Both in box lengths, the first infinite where it cannot be; on the ground where it is known: a turn of a quarter of
    a circle may look like one of a half.
    """
    nowhere = (math.inf, 0.0)
    if gone_s > MIDWAY_S:
        return nowhere
    last, first = old.last, new.born_at
    before, after = old.late_motion(LATELY_S, metric=metric), new.first_motion(LATELY_S, metric=metric)
    if before is None or after is None or after == (0.0, 0.0):
        return nowhere
    (x, y), place = (last.plane, first.plane) if metric else (last.picture, first.picture)
    box = max(MIDWAY_M, LENGTHS_M.get(new.class_name, 0.0)) if metric else max(last.size, first.size)
    ahead = (gone_s / 2.0 * (before[0] + after[0]), gone_s / 2.0 * (before[1] + after[1]))
    way = math.hypot(*ahead)
    if before == (0.0, 0.0):  # it stood on for a while, nobody knows how long, and set off then
        if math.hypot(*after) > SETS_OFF_BOXES * box * gone_s:
            return nowhere
        share = ((place[0] - x) * ahead[0] + (place[1] - y) * ahead[1]) / way**2
        ahead = (min(1.0, max(0.0, share)) * ahead[0], min(1.0, max(0.0, share)) * ahead[1])
    elif angle_between_deg(before, after) > BEND_DEG:
        return nowhere
    return distance((x + ahead[0], y + ahead[1]), place) / box, way / box
