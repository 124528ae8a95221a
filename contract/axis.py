"""Which way a zone runs, told from its shape alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

from contract.geometry import Point, polygon_area

CLEAR_RATIO = 1.5
"""A shape less long than this many times its width runs no way that its corners could tell."""
NOMINAL_ASPECT = 16 / 9
"""Shape of nearly all cameras' pictures: what a zone is judged by before a picture came."""


def long_axis(polygon: Sequence[Point]) -> tuple[Point, float]:
    """The direction in which a simple polygon is longest, by the second moments of its area.

    Args:
        polygon: Corners in order, in any unit that is the same along both axes.

    Returns:
        A unit vector (of two opposite ones, either), and length over width of the rectangle with the same moments;
        infinity for a polygon without area.
    """
    if polygon_area(polygon) == 0.0:
        return ((1.0, 0.0), math.inf)
    origin_x, origin_y = polygon[0]  # moments of small shapes far from the origin would cancel
    points = [(x - origin_x, y - origin_y) for x, y in polygon]
    area = mean_x = mean_y = xx = yy = xy = 0.0
    for (x1, y1), (x2, y2) in zip(points, [*points[1:], points[0]], strict=True):
        cross = x1 * y2 - x2 * y1
        area += cross / 2.0
        mean_x += (x1 + x2) * cross / 6.0
        mean_y += (y1 + y2) * cross / 6.0
        xx += (x1 * x1 + x1 * x2 + x2 * x2) * cross / 12.0
        yy += (y1 * y1 + y1 * y2 + y2 * y2) * cross / 12.0
        xy += (x1 * y2 + 2.0 * x1 * y1 + 2.0 * x2 * y2 + x2 * y1) * cross / 24.0
    mean_x, mean_y = mean_x / area, mean_y / area
    xx, yy, xy = xx / area - mean_x * mean_x, yy / area - mean_y * mean_y, xy / area - mean_x * mean_y
    spread = math.hypot((xx - yy) / 2.0, xy)
    middle = (xx + yy) / 2.0
    angle = math.atan2(2.0 * xy, xx - yy) / 2.0
    ratio = math.sqrt((middle + spread) / (middle - spread)) if middle > spread else math.inf
    return ((math.cos(angle), math.sin(angle)), ratio)
