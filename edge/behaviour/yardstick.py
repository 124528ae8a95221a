"""Lengths on the ground: in metres where there is a homography, else by the people who stand there."""

from __future__ import annotations

import math
from collections.abc import Iterable

from contract.geometry import Point, distance, isotropic
from edge.scene.scene import Scene
from edge.types import Track

HEIGHTS_PER_M = 0.6
"""A metre is 0.6 of the height of a person: 1.65 m."""
_MEMORY = 400.0
"""So many sights of people count."""
_LEAST = 3.0
_MIN_SPREAD = 0.05
"""Standard deviation of where people stood, in picture heights, from which heights are known to grow towards below."""
_UPRIGHT = 1.5
_EDGE = 0.01


class Yardstick:
    """Learns how tall people are where they stand in the picture, and measures with that."""

    def __init__(self, scene: Scene) -> None:
        """Start without having seen anybody."""
        self._scene = scene
        self._sums = [0.0] * 5
        """Number of sights, and sums of y, height, y * y and y * height."""

    def learn(self, people: Iterable[Track], aspect: float) -> None:
        """Take people who are seen whole and upright. Nothing is learned where there is a homography."""
        if self._scene.homography is not None:
            return
        for track in people:
            x1, y1, x2, y2 = track.xyxy
            inside = min(x1, y1, 1.0 - x2, 1.0 - y2) > _EDGE
            if not (track.detected and inside and track.height > _UPRIGHT * track.width * aspect):
                continue
            if self._sums[0] >= _MEMORY:
                self._sums = [value * (1.0 - 1.0 / _MEMORY) for value in self._sums]
            seen = (1.0, y2, track.height, y2 * y2, y2 * track.height)
            self._sums = [value + more for value, more in zip(self._sums, seen, strict=True)]

    def person_height(self, y: float) -> float | None:
        """Height of a person who stands at y, in picture heights; None before anybody was seen."""
        count, sum_y, sum_h, sum_yy, sum_yh = self._sums
        if count < _LEAST:
            return None
        mean_y, mean_h = sum_y / count, sum_h / count
        variance = sum_yy / count - mean_y * mean_y
        if variance < _MIN_SPREAD**2:
            return mean_h
        slope = max(0.0, (sum_yh / count - mean_y * mean_h) / variance)
        return min(3.0 * mean_h, max(mean_h / 3.0, mean_h + slope * (y - mean_y)))

    def apart_m(self, a: Point, b: Point, aspect: float) -> float | None:
        """Metres between two normalised ground points; None where that cannot be told."""
        if self._scene.homography is not None:
            return self._scene.distance_m(a, b)
        height = self.person_height((a[1] + b[1]) / 2.0)
        if height is None:
            return None
        return distance(isotropic(a, aspect), isotropic(b, aspect)) / height / HEIGHTS_PER_M

    def from_track_m(self, track: Track, point: Point, aspect: float) -> float | None:
        """Metres from the lower edge of a track's box, whichever part of it is nearest."""
        x1, _, x2, y2 = track.xyxy
        return self.apart_m((min(max(point[0], x1), x2), y2), point, aspect)

    def size_m(self, xyxy: tuple[float, float, float, float], aspect: float) -> float | None:
        """The longer side of what stands in a box, in metres; None where that cannot be told."""
        x1, y1, x2, y2 = xyxy
        width = (x2 - x1) * aspect
        width_m = self.apart_m((x1, y2), (x2, y2), aspect)
        if width_m is None or width <= 0.0 or not math.isfinite(width_m):
            return None
        return width_m * max(1.0, (y2 - y1) / width)
