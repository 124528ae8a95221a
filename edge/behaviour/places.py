"""Where something has stood lately: a track that goes from one such place to the next may only have changed vehicles.

o o   P         P o o      two parked motorbikes P, each found now and then: one track hops between them;
  o - - o - - o            who truly rides is also seen between and beside the places
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from contract.geometry import Point, distance
from edge.behaviour.journey import Journey, Sample

STOOD_S = 4.0
"""What kept its place for so long stands there."""
WITHIN_BOXES = 0.3
"""It kept its place: no farther off than so many of its box lengths."""
AT_BOXES = 0.25
"""A vehicle is at a place when its box stands within so many box lengths: boxes tremble by half of that."""
KEPT_S = 30.0
"""Nothing seen there for longer: the place is free again."""
GAIN = 0.05
"""Share of the newest place in the mean, at least."""


@dataclass(slots=True)
class _Place:
    """In picture heights."""

    picture: Point
    size: float
    seen_s: float
    count: int = 1


@dataclass(slots=True)
class _Stay:
    """Where a journey has been since it moved last."""

    picture: Point
    since_s: float
    seen_s: float
    place: _Place | None = None


class StandingPlaces:
    """The places of one camera at which something stands, as far as its journeys showed them."""

    def __init__(self) -> None:
        """Start without any."""
        self._places: list[_Place] = []
        self._stays: dict[int, _Stay] = {}
        self._oldest_s = -math.inf
        """Stays that ended before count no more ..."""
        self._swept_s = -math.inf
        """... and were taken away at this watched second."""

    def note(self, journey: Journey) -> None:
        """Take a journey that was detected just now."""
        sample, stay = journey.samples[-1], self._stays.get(journey.number)
        if (
            stay is None
            or stay.seen_s < self._oldest_s
            or distance(stay.picture, sample.picture) > WITHIN_BOXES * sample.size
        ):
            self._oldest_s = sample.at_s - KEPT_S
            if not 0.0 <= sample.at_s - self._swept_s < KEPT_S:
                self._swept_s = sample.at_s
                self._stays = {number: kept for number, kept in self._stays.items() if kept.seen_s >= self._oldest_s}
            self._stays[journey.number] = _Stay(sample.picture, sample.at_s, sample.at_s)
            return
        stay.seen_s = sample.at_s
        if stay.place is None and sample.at_s - stay.since_s >= STOOD_S:
            stay.place = self._place_at(stay, sample)
        stay.picture = _nearer(stay.picture, sample.picture, 2.0 * GAIN)
        if stay.place is not None:
            stay.place.count += 1
            stay.place.picture = _nearer(stay.place.picture, sample.picture, max(GAIN, 1.0 / stay.place.count))
            stay.place.size, stay.place.seen_s = sample.size, sample.at_s

    def are_at(self, sample: Sample) -> bool:
        """Tell whether a place in the picture is one where something stands, or stood a short while ago."""
        x, y = sample.picture
        for place in self._places:
            reach = AT_BOXES * place.size
            place_x, place_y = place.picture
            if (
                -reach <= place_x - x <= reach  # most are elsewhere
                and -reach <= place_y - y <= reach
                and sample.at_s - place.seen_s <= KEPT_S
                and distance(place.picture, sample.picture) <= reach
            ):
                return True
        return False

    def clear(self) -> None:
        """Forget all."""
        self._places.clear()
        self._stays.clear()
        self._oldest_s = self._swept_s = -math.inf

    def _place_at(self, stay: _Stay, sample: Sample) -> _Place:
        self._places = [place for place in self._places if sample.at_s - place.seen_s <= KEPT_S]
        for place in self._places:
            if distance(place.picture, sample.picture) <= WITHIN_BOXES * sample.size:
                return place
        new = _Place(stay.picture, sample.size, sample.at_s)
        self._places.append(new)
        return new


def _nearer(a: Point, b: Point, share: float) -> Point:
    return (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]))
