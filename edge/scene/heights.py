"""How tall somebody is in the picture where they stand: what decides whether a detector finds them."""

from __future__ import annotations

import math
from collections.abc import Iterable

from contract.geometry import Point, distance
from edge.scene.homography import Homography

PERSON_M = 1.6
"""A person, or a rider on a motorbike."""
_STEP = 0.01


def height_share(ground: Homography, point: Point, aspect: float, height_m: float = PERSON_M) -> float:
    """Height of something upright on a point of the ground, as a share of the picture's height.

    What stands on one picture row is equally far away, as cameras hang level: so many metres across fill the picture's
    width there, and as many upwards its height in the same measure. The camera's tilt is left out (6 % at 20 degrees).

    Args:
        ground: The ground plane.
        point: Normalised picture point.
        aspect: The picture's width divided by its height.
        height_m: Of what stands there.

    Returns:
        0 on or above the horizon.
    """
    x, y = point
    left, right = ground.to_ground((x - _STEP, y)), ground.to_ground((x + _STEP, y))
    if left is None or right is None:
        return 0.0
    width_m = distance(left, right) / (2.0 * _STEP)
    return height_m / width_m * aspect if width_m > 0.0 and math.isfinite(width_m) else 0.0


def least_height_share(ground: Homography, points: Iterable[Point], aspect: float) -> float:
    """The smallest height of a person on some points, as a share of the picture's height."""
    return min(height_share(ground, point, aspect) for point in points)
