"""Lengths on the ground: in metres where there is a homography, else by the people who stand there."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

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
_PERSON = "person"
VEHICLE_HEIGHTS = {"bicycle": 0.8, "motorcycle": 0.85, "car": 1.2}
"""How high a vehicle's box is, in heights of a person who stands there: rough, as boxes of cars grow with the camera's
tilt, and good enough while nobody has walked there yet. Motorbikes were 0.83 and 0.88, bicycles 0.67 and 0.85 (at two
places of one clip), parked cars 1.3 (one clip)."""


@dataclass(slots=True)
class _Heights:
    """How high boxes are, by where they stand: a line fitted to the sights so far."""

    sums: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    """Number of sights, and sums of y, height, y * y and y * height."""

    def take(self, y: float, height: float) -> None:
        kept = 1.0 - 1.0 / _MEMORY if self.sums[0] >= _MEMORY else 1.0
        count, sum_y, sum_h, sum_yy, sum_yh = (value * kept for value in self.sums)
        self.sums = (count + 1.0, sum_y + y, sum_h + height, sum_yy + y * y, sum_yh + y * height)

    def at(self, y: float) -> float | None:
        count, sum_y, sum_h, sum_yy, sum_yh = self.sums
        if count < _LEAST:
            return None
        mean_y, mean_h = sum_y / count, sum_h / count
        variance = sum_yy / count - mean_y * mean_y
        if variance < _MIN_SPREAD**2:
            return mean_h
        slope = max(0.0, (sum_yh / count - mean_y * mean_h) / variance)
        return min(3.0 * mean_h, max(mean_h / 3.0, mean_h + slope * (y - mean_y)))


class Yardstick:
    """Learns how tall people are where they stand in the picture, and measures with that."""

    def __init__(self, scene: Scene) -> None:
        """Start without having seen anybody."""
        self._scene = scene
        self._people = _Heights()
        self._vehicles = _Heights()
        """In heights of people."""

    def learn(self, tracks: Iterable[Track], aspect: float) -> None:
        """Take people who are seen whole and upright, and vehicles. Nothing is learned where there is a homography."""
        if self._scene.homography is not None:
            return
        for track in tracks:
            x1, y1, x2, y2 = track.xyxy
            if not track.detected or min(x1, y1, 1.0 - x2, 1.0 - y2) <= _EDGE:
                continue
            if track.class_name in VEHICLE_HEIGHTS:
                self._vehicles.take(y2, track.height / VEHICLE_HEIGHTS[track.class_name])
            elif track.class_name == _PERSON and track.height > _UPRIGHT * track.width * aspect:
                self._people.take(y2, track.height)

    def person_height(self, y: float) -> float | None:
        """Height of a person who stands at y, in picture heights; None before anybody was seen."""
        height = self._people.at(y)
        return self._vehicles.at(y) if height is None else height

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
