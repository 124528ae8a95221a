"""Whether a person's box lies where a rider's does, and whether two boxes travel together.

  .-.
  | |       person: the lower half lies in the motorbike's box (a little widened),
.-|-|--.    its middle between the wheels, its feet not below them
| '-'  |
'------'    motorbike
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from contract.geometry import Point
from edge.types import Track

WIDENED = 0.1
"""Boxes of motorbikes end at what is seen of them: legs hide much."""
LEAST_INSIDE = 0.5
"""Share of the person's lower half that must lie in the motorbike's box."""
ASIDE = 0.5
"""How far from the middle of the motorbike's box a rider's middle lies at most, in widths of it."""
FEET_BELOW = 0.15
"""A rider's feet are on the pegs: the box ends at most this share of the motorbike's height below its wheels."""
FEET_ABOVE = 0.85
"""Nor does it end higher than this above them: who is all above the motorbike stands behind it."""
SIZES = (0.35, 3.5)
"""A rider's box is so many times as high as the motorbike's: a child at the handlebar, an adult seen from behind."""
PEGS = 0.25
"""Where a rider's box usually ends, in heights of the motorbike above its wheels: tells two that ride abreast apart."""

LEAST_SIGHTINGS = 3
LEAST_TOGETHER_S = 0.4
"""Fewer or shorter sightings say nothing of moving together."""
LEAST_WAY = 0.7
"""Way that a person must make with a motorbike to be its rider, in heights of the person: about 1 m ..."""
MAX_STRAY = 0.15
"""... while the place on it changes by no more than this share of the way (median deviation). Whoever stands while a
motorbike passes, or walks past one, strays by a quarter of the way or more."""
JITTER = 0.04
"""What boxes wander anyway, in heights of the person."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A person in a rider's place, at one moment."""

    at_s: float
    head: Point
    """Middle of the box's upper edge in picture heights."""
    place: Point
    """From the motorbike's ground contact to the head, in heights of the person."""
    height: float
    """Of the person, in picture heights."""
    score: float
    sure: bool
    """The motorbike was detected itself: its place is not a predicted one."""


def seat_score(person: Track, bike: Track) -> float | None:
    """How well a person's box fits a rider's place on a motorbike; None: not at all.

    Returns:
        At most 1: all of the lower half inside, in the middle of the motorbike, feet on the pegs.
    """
    left, top, right, bottom = bike.xyxy
    x1, y1, x2, y2 = person.xyxy
    width, height = right - left, bottom - top
    aside = abs((x1 + x2) - (left + right)) / 2.0 / width
    if aside > ASIDE or not SIZES[0] <= (y2 - y1) / height <= SIZES[1]:
        return None
    feet = (bottom - y2) / height
    if not -FEET_BELOW <= feet <= FEET_ABOVE:
        return None
    waist = (y1 + y2) / 2.0
    wide = min(x2, right + WIDENED * width) - max(x1, left - WIDENED * width)
    high = min(y2, bottom + WIDENED * height) - max(waist, top - WIDENED * height)
    inside = max(0.0, wide) * max(0.0, high) / ((x2 - x1) * (y2 - waist))
    return inside - (aside + abs(feet - PEGS)) / 2.0 if inside >= LEAST_INSIDE else None


def sighting(at_s: float, person: Track, bike: Track, score: float, aspect: float) -> Sighting:
    """Where a person is on a motorbike now."""
    head = head_of(person, aspect)
    x, y = bike.ground
    place = ((head[0] - x * aspect) / person.height, (head[1] - y) / person.height)
    return Sighting(at_s, head, place, person.height, score, bike.detected)


def travel_together(sightings: Sequence[Sighting]) -> bool:
    """Tell whether a person made way and kept the same place on a motorbike."""
    if len(sightings) < LEAST_SIGHTINGS or sum(item.sure for item in sightings) < LEAST_SIGHTINGS - 1:
        return False
    first, last = sightings[0], sightings[-1]
    if last.at_s - first.at_s < LEAST_TOGETHER_S:
        return False
    height = statistics.fmean(item.height for item in sightings)
    way = math.dist(first.head, last.head) / height
    if way < LEAST_WAY:
        return False
    middle = (
        statistics.median(item.place[0] for item in sightings),
        statistics.median(item.place[1] for item in sightings),
    )
    return statistics.median(math.dist(item.place, middle) for item in sightings) <= MAX_STRAY * way + JITTER


def head_of(person: Track, aspect: float) -> Point:
    """Middle of the upper edge of a person's box, in picture heights."""
    x1, y1, x2, _ = person.xyxy
    return ((x1 + x2) / 2.0 * aspect, y1)


def is_whole(track: Track) -> bool:
    """Tell whether a track's box has an area and finite corners."""
    return all(map(math.isfinite, track.xyxy)) and track.width > 0.0 and track.height > 0.0
