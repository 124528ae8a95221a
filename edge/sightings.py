"""Who may be where in a picture that was not searched, or that a search has missed: what redaction hides besides.

searched     ..[a]......[a]..........            [a] seen twice: its speed is known
not searched               .. [a~~~~>]           hidden: from where it was to where it may be, and a margin that
                                                 grows with time
searched               ......[-a-]               not found again: it stood still or hid, as the detector looked where
                                                 it may have gone; hidden there with a small margin
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge.types import Detections

MEMORY_S = 2.0
"""So long an object that no later search confirms may still be there: detectors miss people for seconds."""
GROWTH_PER_S, MAX_GROWTH = 1.0, 1.0
"""Margin on every side of whom was seen once, in heights (or widths, if greater) of the box."""
STEADY_GROWTH_PER_S, MAX_STEADY_GROWTH = 0.7, 0.8
"""The same where the speed is known: people turn and stop, but not at once."""
LOOKED_GROWTH_PER_S, MAX_LOOKED_GROWTH = 0.5, 0.2
"""The same where a later search looked and did not find it: whom a detector misses is mostly who hardly moves or is
half hidden. On eight clips larger margins covered not one head more and hid twice as much (`bench.redaction`)."""
BLIND_AFTER_S = 0.5
"""Something moves, and the detector could not look for so long: nobody knows who is where."""
STALE_S = 15.0
"""Longer than the motion gate lets a still scene go without a search."""
LONGEST_SHAPE = 6.0
"""Strips along the picture's edge are taken for people now and then: they go no further than this many of their widths
make them."""
_REACH_PER_S = 4.0
"""An object seen again lies within this many sizes of its box for each second."""
_SAME_SIZE = 2.0
_NAMED_TWICE = 0.7
"""Boxes of one search that overlap by this much (IoU) are one object: a car that is also called a truck."""
_SAME_PLACE = 0.3
"""Of two searches (IoU): somebody else does not come so near so soon."""
_MAX_SEARCHES = 64
_FRESH_S = 1e-3
_GROUPS = {
    "person": "person",
    "bicycle": "vehicle",
    "motorcycle": "vehicle",
    "car": "vehicle",
    "bus": "vehicle",
    "truck": "vehicle",
}

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Suspect:
    """Something that may be in the picture."""

    class_name: str
    box: Box
    """xyxy, pixels of the frame: the object as it was seen."""
    reach: Box = (0.0, 0.0, 0.0, 0.0)
    """How far it may have gone to the left, up, to the right and down, pixels, each at least 0."""

    @property
    def area(self) -> Box:
        """Where it may be: the box as far as it may have gone, xyxy, pixels; may reach beyond the picture."""
        (x1, y1, x2, y2), (left, up, right, down) = self.box, self.reach
        return (x1 - left, y1 - up, x2 + right, y2 + down)


@dataclass(frozen=True, slots=True)
class _Seen:
    class_name: str
    box: Box
    speed: tuple[float, float] | None = None
    """Pixels a second; None: seen once."""

    @property
    def size(self) -> float:
        width, height = self.box[2] - self.box[0], self.box[3] - self.box[1]
        return max(1.0, min(max(width, height), LONGEST_SHAPE * min(width, height)))


@dataclass(frozen=True, slots=True)
class _Search:
    at_s: float
    found: tuple[_Seen, ...]


class Sightings:
    """What the searches of one camera's last seconds suspected. One thread uses it, in order of time."""

    def __init__(self) -> None:
        self._searches: deque[_Search] = deque(maxlen=_MAX_SEARCHES)
        self._missed_s: float | None = None

    def searched(self, at_s: float, detections: Detections) -> None:
        """Remember all that a search suspects, unfiltered."""
        self._missed_s = None
        before = self._searches[-1] if self._searches else None
        if before is not None and not 0.0 < at_s - before.at_s <= MEMORY_S:
            before = None
        found = _found(detections)
        if before is not None:
            step_s = at_s - before.at_s
            for index, known in _pairs(found, before.found, step_s).items():
                dx, dy = _apart(before.found[known].box, found[index].box)
                found[index] = replace(found[index], speed=(dx / step_s, dy / step_s))
        while self._searches and not 0.0 <= at_s - self._searches[0].at_s <= MEMORY_S:
            self._searches.popleft()
        self._searches.append(_Search(at_s, tuple(found)))

    def missed(self, at_s: float) -> None:
        """A frame that should have been searched could not be."""
        if self._missed_s is None:
            self._missed_s = at_s

    def forget(self) -> None:
        """The camera stops looking."""
        self._searches.clear()
        self._missed_s = None

    def is_blind(self, at_s: float) -> bool:
        """Nothing is known of who is in the picture: all of it must be hidden."""
        if not self._searches or at_s - self._searches[-1].at_s > STALE_S:
            return True
        return self._missed_s is not None and at_s - self._missed_s > BLIND_AFTER_S

    def suspects(self, at_s: float) -> tuple[Suspect, ...]:
        """Whoever may be in the picture at a time, besides what a search of this very frame found."""
        if not self._searches:
            return ()
        latest = self._searches[-1]
        suspects = []
        age_s = max(0.0, at_s - latest.at_s)
        if age_s > _FRESH_S:
            suspects += [Suspect(seen.class_name, seen.box, _reach(seen, age_s)) for seen in latest.found]
        for search, following in itertools.pairwise(self._searches):
            if at_s - search.at_s > MEMORY_S:
                continue
            again = _pairs(search.found, latest.found, latest.at_s - search.at_s)
            soon = _pairs(search.found, following.found, following.at_s - search.at_s)
            for index, seen in enumerate(search.found):
                known = soon.get(index)
                # Who was seen again in the same place is suspected from there, if at all.
                if index not in again and (
                    known is None or _overlap(seen.box, following.found[known].box) < _SAME_PLACE
                ):
                    reach = _reach_when_missed(seen, latest.at_s - search.at_s, age_s)
                    suspects.append(Suspect(seen.class_name, seen.box, reach))
        return tuple(suspects)


def _found(detections: Detections) -> list[_Seen]:
    """Every object once, however often it was named, in a box that holds all of its boxes."""
    found: list[_Seen] = []
    for name, row in zip(detections.class_name, detections.xyxy.tolist(), strict=True):
        seen = _Seen(name, (row[0], row[1], row[2], row[3]))
        if not all(map(math.isfinite, seen.box)):
            continue
        same = next(
            (
                index
                for index, other in enumerate(found)
                if _group_of(other) == _group_of(seen) and _overlap(other.box, seen.box) >= _NAMED_TWICE
            ),
            None,
        )
        if same is None:
            found.append(seen)
        else:
            a, b = found[same].box, seen.box
            found[same] = replace(found[same], box=(min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])))
    return found


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0.0 or height <= 0.0:
        return 0.0
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return width * height / (both - width * height)


def _pairs(some: Sequence[_Seen], others: Sequence[_Seen], step_s: float) -> dict[int, int]:
    """Which objects of one search may be which of another, the nearest first, by index.

    One find is one object: somebody who walked beside the one that was found is still missed.
    """
    if not some or not others:
        return {}
    one, two = (np.array([seen.box for seen in items]) for items in (some, others))
    apart = np.hypot(
        *(
            (two[None, :, axis] + two[None, :, axis + 2] - one[:, None, axis] - one[:, None, axis + 2]) / 2
            for axis in (0, 1)
        )
    )
    size, other_size = (np.array([seen.size for seen in items]) for items in (some, others))
    ratio = other_size[None, :] / size[:, None]
    group, other_group = (np.array([_group_of(seen) for seen in items]) for items in (some, others))
    fits = (group[:, None] == other_group[None, :]) & (ratio >= 1 / _SAME_SIZE) & (ratio <= _SAME_SIZE)
    rows, columns = np.nonzero(fits & (apart <= _REACH_PER_S * size[:, None] * step_s))
    order = np.argsort(apart[rows, columns], kind="stable")
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for i, j in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return pairs


def _group_of(seen: _Seen) -> str:
    return _GROUPS.get(seen.class_name, seen.class_name)


def _apart(a: Box, b: Box) -> tuple[float, float]:
    return (b[0] + b[2] - a[0] - a[2]) / 2, (b[1] + b[3] - a[1] - a[3]) / 2


def _reach(seen: _Seen, age_s: float) -> Box:
    """How far somebody may have gone while nobody looked."""
    if seen.speed is None:
        return _swept((0.0, 0.0), seen.size * min(MAX_GROWTH, GROWTH_PER_S * age_s))
    moved_s = min(age_s, MEMORY_S)
    margin = seen.size * min(MAX_STEADY_GROWTH, STEADY_GROWTH_PER_S * age_s)
    return _swept((seen.speed[0] * moved_s, seen.speed[1] * moved_s), margin)


def _reach_when_missed(seen: _Seen, until_looked_s: float, since_s: float) -> Box:
    """The same for somebody whom a later search did not find; nobody has looked again for `since_s`."""
    looked = min(MAX_LOOKED_GROWTH, LOOKED_GROWTH_PER_S * until_looked_s)
    margin = seen.size * min(MAX_GROWTH, looked + GROWTH_PER_S * since_s)
    moved_s = min(until_looked_s + since_s, MEMORY_S)
    dx, dy = seen.speed or (0.0, 0.0)
    return _swept((dx * moved_s, dy * moved_s), margin)


def _swept(way: tuple[float, float], margin: float) -> Box:
    dx, dy = way
    return (max(0.0, -dx) + margin, max(0.0, -dy) + margin, max(0.0, dx) + margin, max(0.0, dy) + margin)
