"""Normalised points and the pure geometry of the picture.

    (0,0) ----------- x -> (1,0)
      |                      |
      y      the picture     |
      v                      |
    (0,1) ---------------- (1,1)

Configuration and wire use these coordinates. They are not isotropic: a step of 0.1 in x is longer on the picture than
one in y when the picture is wide. Whoever measures angles or lengths multiplies x by the aspect ratio first
(`isotropic`), which gives units of *picture heights*.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

Coordinate = Annotated[float, Field(ge=0.0, le=1.0)]
Point = tuple[float, float]
NormalisedPoint = tuple[Coordinate, Coordinate]
"""`[x, y]` in [0, 1], origin top left."""


def polygon_area(polygon: Sequence[Point]) -> float:
    """Unsigned area of a simple polygon (shoelace formula), in the square of the points' unit."""
    total = 0.0
    for (x1, y1), (x2, y2) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        total += x1 * y2 - x2 * y1
    return abs(total) / 2.0


def point_in_polygon(point: Point, polygon: Sequence[Point]) -> bool:
    """Tell whether a point lies in a polygon (even-odd rule; the border belongs to neither side reliably)."""
    x, y = point
    inside = False
    previous_x, previous_y = polygon[-1]
    for current_x, current_y in polygon:
        if (current_y > y) != (previous_y > y):
            crossing = (previous_x - current_x) * (y - current_y) / (previous_y - current_y) + current_x
            if x < crossing:
                inside = not inside
        previous_x, previous_y = current_x, current_y
    return inside


def isotropic(point: Point, aspect: float) -> Point:
    """Scale a normalised point to picture heights. `aspect` is width divided by height."""
    return (point[0] * aspect, point[1])


distance = math.dist
"""Euclidean distance between two points, in their unit. No function of our own: rules ask a thousand times a frame."""


def angle_between_deg(a: Point, b: Point) -> float:
    """Angle between two vectors in degrees, 0 to 180. A zero vector gives 0: it opposes nothing."""
    length = math.hypot(*a) * math.hypot(*b)
    if length == 0.0:
        return 0.0
    cosine = max(-1.0, min(1.0, (a[0] * b[0] + a[1] * b[1]) / length))
    return math.degrees(math.acos(cosine))


def polygon_centre(polygon: Sequence[Point]) -> Point:
    """Centre of gravity of a simple polygon's area; the corners' mean where it has none."""
    twice_area = x = y = 0.0
    for (x1, y1), (x2, y2) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        cross = x1 * y2 - x2 * y1
        twice_area += cross
        x += (x1 + x2) * cross
        y += (y1 + y2) * cross
    if abs(twice_area) < 1e-12:
        return (sum(point[0] for point in polygon) / len(polygon), sum(point[1] for point in polygon) / len(polygon))
    return (x / (3.0 * twice_area), y / (3.0 * twice_area))


def offset_from_line(point: Point, line: tuple[Point, Point]) -> float:
    """Signed distance of a point from the straight line through two points, in their unit; the sign tells the side."""
    return _orientation(*line, point) / distance(*line)


def _orientation(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def segments_cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Tell whether the open segments ab and cd properly cross."""
    return _orientation(a, b, c) * _orientation(a, b, d) < 0.0 and _orientation(c, d, a) * _orientation(c, d, b) < 0.0


def _lies_on(point: Point, a: Point, b: Point) -> bool:
    """Tell whether a point lies on the closed segment ab."""
    return (
        _orientation(a, b, point) == 0.0
        and min(a[0], b[0]) <= point[0] <= max(a[0], b[0])
        and min(a[1], b[1]) <= point[1] <= max(a[1], b[1])
    )


def _touch(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Tell whether the closed segments ab and cd share a point."""
    return (
        segments_cross(a, b, c, d) or _lies_on(a, c, d) or _lies_on(b, c, d) or _lies_on(c, a, b) or _lies_on(d, a, b)
    )


def is_simple_polygon(polygon: Sequence[Point]) -> bool:
    """Tell whether no two edges of a polygon cross or touch but where one follows the other.

    A zone drawn as a bow tie has no clear inside. A corner given twice in a row (a closed ring) is one corner.
    """
    corners = [point for point, before in zip(polygon, [polygon[-1], *polygon[:-1]], strict=True) if point != before]
    edges = list(zip(corners, [*corners[1:], *corners[:1]], strict=True))
    for i, (a, b) in enumerate(edges):
        for j, (c, d) in enumerate(edges[i + 1 :], i + 1):
            if j == i + 1:
                wrong = _lies_on(d, a, b) or _lies_on(a, c, d)  # they share b; more would be a spike
            elif i == 0 and j == len(edges) - 1:
                wrong = _lies_on(c, a, b) or _lies_on(b, c, d)
            else:
                wrong = _touch(a, b, c, d)
            if wrong:
                return False
    return True
