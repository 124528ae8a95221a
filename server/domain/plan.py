"""A plain plan of where cameras hang: positions on the earth put onto a sheet, none upon another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

WIDTH: Final = 400.0
HEIGHT: Final = 320.0
MARGIN: Final = 46.0
APART: Final = 46.0
"""Two marks are so far apart where there is room: fingers press them."""
LEAST_APART: Final = 34.0
"""At least so far, always: 26 CSS pixels on a phone of 360 (WCAG 2.2 asks for targets of 24)."""
MOST_MARKS: Final = 60
"""As many surely fit so far apart."""
_METRES_A_DEGREE: Final = 111_320.0
_SMALLEST_M: Final = 120.0
"""One camera alone, or several on one post, are not blown up beyond this."""
_ROUNDS: Final = 120
_ROOMY: Final = 25
"""More marks than this stand closer, so that each stays nearer to its place."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A camera's place on the sheet."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Plan:
    """The sheet: a mark for each position, in order, and how long the bar of the scale is."""

    marks: tuple[Mark, ...]
    scale_m: int
    scale_length: float
    reach: float
    """Radius of what a finger presses around a mark; none reaches into another's."""


def draw_plan(positions: Sequence[tuple[float, float]]) -> Plan:
    """Put positions onto the sheet, north up.

    Args:
        positions: Latitude and longitude in degrees (WGS 84); at least one, at most `MOST_MARKS`.
    """
    latitude = sum(position[0] for position in positions) / len(positions)
    east_a_degree = _METRES_A_DEGREE * math.cos(math.radians(latitude))
    metres = [(position[1] * east_a_degree, -position[0] * _METRES_A_DEGREE) for position in positions]
    (left, right), (top, bottom) = (_span([point[axis] for point in metres]) for axis in (0, 1))
    scale = min((WIDTH - 2 * MARGIN) / (right - left), (HEIGHT - 2 * MARGIN) / (bottom - top))
    points = [
        (WIDTH / 2 + (x - (left + right) / 2) * scale, HEIGHT / 2 + (y - (top + bottom) / 2) * scale) for x, y in metres
    ]
    length_m = _round_length(70 / scale)
    apart = APART if len(points) <= _ROOMY else LEAST_APART
    points = _parted(points, apart)
    if _closest(points) < LEAST_APART:
        points = _in_cells(points)
    points = [(round(x, 1), round(y, 1)) for x, y in points]
    marks = tuple(Mark(x, y) for x, y in points)
    reach = math.floor(5 * min(_closest(points), 40.0)) / 10
    return Plan(marks, length_m, round(length_m * scale, 1), reach)


def _span(values: Sequence[float]) -> tuple[float, float]:
    middle, half = (min(values) + max(values)) / 2, max((max(values) - min(values)) / 2, _SMALLEST_M / 2)
    return middle - half, middle + half


def _round_length(metres: float) -> int:
    """The largest of 1, 2, 5, 10, 20, 50, ... that is no longer."""
    power = 10 ** math.floor(math.log10(max(metres, 1)))
    return int(max(step * power for step in (1, 2, 5) if step * power <= max(metres, 1)))


def _closest(points: Sequence[tuple[float, float]]) -> float:
    """How far the nearest two are apart."""
    pairs = combinations(points, 2)
    return min((math.dist(one, other) for one, other in pairs), default=math.inf)


def _in_cells(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Each point in the nearest cell of a grid that is still free: the crowd that pushing could not part."""
    columns, rows = (int((side - MARGIN) // LEAST_APART) + 1 for side in (WIDTH, HEIGHT))
    cells = {
        (WIDTH / 2 + (column - (columns - 1) / 2) * LEAST_APART, HEIGHT / 2 + (row - (rows - 1) / 2) * LEAST_APART)
        for column in range(columns)
        for row in range(rows)
    }
    placed = []
    for point in points:
        nearest = min(cells, key=lambda cell: (math.dist(cell, point), cell))
        cells.remove(nearest)
        placed.append(nearest)
    return placed


def _parted(points: list[tuple[float, float]], apart: float) -> list[tuple[float, float]]:
    """Push marks that lie upon each other apart; what lies apart stays."""
    for _ in range(_ROUNDS):
        is_settled = True
        for first in range(len(points)):
            for second in range(first):
                (ax, ay), (bx, by) = points[first], points[second]
                distance = math.hypot(ax - bx, ay - by)
                if distance >= apart - 0.1:
                    continue
                is_settled = False
                angle = math.atan2(ay - by, ax - bx) if distance else 2.4 * first  # 2.4: no two the same way
                push = (apart - distance) / 2
                step = (push * math.cos(angle), push * math.sin(angle))
                points[first] = _inside(ax + step[0], ay + step[1])
                points[second] = _inside(bx - step[0], by - step[1])
        if is_settled:
            break
    return points


def _inside(x: float, y: float) -> tuple[float, float]:
    return min(max(x, MARGIN / 2), WIDTH - MARGIN / 2), min(max(y, MARGIN / 2), HEIGHT - MARGIN / 2)
