"""Radial lens distortion: OpenCV's pinhole model with k1, k2 and k3, in shares of the picture instead of pixels.

    distorted radius = r (1 + k1 r^2 + k2 r^4 + k3 r^6), r measured in focal lengths from the picture's centre

Source: Brown 1966, as in OpenCV's calib3d. A wide camera's barrel (k1 < 0) bends what is straight on the ground; far
from the centre that is metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

from contract.camera_config import LensConfig
from contract.geometry import Point

_STEPS = 200
_MIN_SLOPE = 0.05
"""A lens whose edge is squeezed more than twentyfold cannot be told back from the picture."""
_ITERATIONS = 50


@dataclass(frozen=True, slots=True)
class Lens:
    """A lens between what a straight one would show and what the picture shows.

    Attributes:
        focal: Focal length as shares of the picture's width and height.
        centre: Normalised point on the optical axis.
        k: k1, k2, k3.
        limit: Radius up to which it is known to be one-to-one: that of the picture's farthest corner.
    """

    focal: tuple[float, float]
    centre: Point
    k: tuple[float, float, float]
    limit: float

    @classmethod
    def from_config(cls, config: LensConfig) -> Self:
        """Resolve `calibration.lens`.

        Raises:
            ValueError: Within the picture two directions would fall on one point.
        """
        lens = cls((config.fx, config.fy), (config.cx, config.cy), (config.k1, config.k2, config.k3), math.inf)
        corner = max(lens.radius((x, y)) for x in (0.0, 1.0) for y in (0.0, 1.0))
        radius = 0.0
        while lens.bent(radius) < corner:
            if lens.slope(radius) < _MIN_SLOPE:
                raise ValueError(
                    "calibration: lens: the picture's corners lie beyond what k1, k2 and k3 can bend: check them, and "
                    "that fx and fy are focal lengths divided by the picture's width and height"
                )
            radius += corner / _STEPS
        return replace(lens, limit=radius)

    def radius(self, point: Point) -> float:
        """Distance of a picture point from the axis, in focal lengths."""
        return math.hypot((point[0] - self.centre[0]) / self.focal[0], (point[1] - self.centre[1]) / self.focal[1])

    def bent(self, radius: float) -> float:
        """Where a straight lens' radius falls in the picture."""
        k1, k2, k3 = self.k
        square = radius * radius
        return radius * (1.0 + square * (k1 + square * (k2 + square * k3)))

    def slope(self, radius: float) -> float:
        """How much a small step of the radius is stretched there."""
        k1, k2, k3 = self.k
        square = radius * radius
        return 1.0 + square * (3.0 * k1 + square * (5.0 * k2 + square * 7.0 * k3))

    def undistort(self, point: Point) -> Point:
        """Where a straight lens would show what the picture shows at a point; may lie outside [0, 1]."""
        wanted = self.radius(point)
        if wanted == 0.0:
            return point
        low, high, radius = 0.0, self.limit, min(wanted, self.limit)
        for _ in range(_ITERATIONS):  # Newton, kept between what is known to lie below and above
            missed = self.bent(radius) - wanted
            low, high = (low, radius) if missed > 0.0 else (radius, high)
            step = missed / max(self.slope(radius), _MIN_SLOPE)
            radius = radius - step if low <= radius - step <= high else (low + high) / 2.0
            if abs(step) < 1e-10:
                break
        return self._scaled(point, radius / wanted)

    def distort(self, point: Point) -> Point:
        """Where the picture shows what a straight lens would show at a point."""
        radius = self.radius(point)
        return point if radius == 0.0 else self._scaled(point, self.bent(radius) / radius)

    def _scaled(self, point: Point, factor: float) -> Point:
        x, y = self.centre
        return (x + (point[0] - x) * factor, y + (point[1] - y) * factor)
