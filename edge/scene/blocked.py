"""How much of a zone is blocked: the zone as a grid of points that weigh as much as the ground they stand for."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from contract.geometry import Point, point_in_polygon, polygon_area
from edge.scene.scene import Scene
from edge.scene.yardstick import Yardstick

_GRID = 32
PERSON_RADIUS_M = 0.5
"""Ground that somebody who stands takes from others: a body, and the room around it that nobody drives through."""
VEHICLE_SHARE = 0.5
"""Of a vehicle's box: the lower half covers the ground it stands on, the upper what lies behind it."""

Box = tuple[float, float, float, float]


class ZoneGround:
    """The ground of one zone.

    Args:
        scene: The camera's.
        zone_id: The zone.
        yardstick: Tells how large a metre is where there is no homography.
    """

    def __init__(self, scene: Scene, zone_id: str, yardstick: Yardstick) -> None:
        self._scene = scene
        self._yardstick = yardstick
        corners = scene.zone(zone_id).coordinates
        left, right = min(x for x, _ in corners), max(x for x, _ in corners)
        top, bottom = min(y for _, y in corners), max(y for _, y in corners)
        self._step = ((right - left) / _GRID, (bottom - top) / _GRID)
        xs = left + self._step[0] * (np.arange(_GRID) + 0.5)
        ys = top + self._step[1] * (np.arange(_GRID) + 0.5)
        points = [(float(x), float(y)) for y in ys for x in xs if point_in_polygon((float(x), float(y)), corners)]
        self._points: list[Point] = points
        self._xy = np.array(points, np.float64).reshape(-1, 2)
        self._areas_m2 = np.array([self._area_m2(point) for point in points]) if scene.homography else None

    @property
    def area_m2(self) -> float | None:
        """Of the ground below the horizon; None without a homography."""
        return None if self._areas_m2 is None else float(self._areas_m2.sum())

    def share(self, people: Iterable[Point], vehicles: Iterable[Box], goods: Iterable[Box], aspect: float) -> float:
        """Share of the ground that is blocked.

        Args:
            people: Ground points of who stands.
            vehicles: Boxes of vehicles that stand.
            goods: Boxes of things that lie on the ground.
            aspect: Of the picture.
        """
        weights = self._weights()
        total = float(weights.sum())
        if total <= 0.0:
            return 0.0
        blocked = np.zeros(len(self._points), np.bool_)
        for x1, y1, x2, y2 in vehicles:
            blocked |= self._inside((x1, y2 - VEHICLE_SHARE * (y2 - y1), x2, y2))
        for box in goods:
            blocked |= self._inside(box)
        for person in people:
            blocked |= self._around(person, aspect)
        return float(weights[blocked].sum()) / total

    def _inside(self, box: Box) -> NDArray[np.bool_]:
        x1, y1, x2, y2 = box
        x, y = self._xy[:, 0], self._xy[:, 1]
        return np.asarray((x >= x1) & (x <= x2) & (y >= y1) & (y <= y2), np.bool_)

    def _around(self, person: Point, aspect: float) -> NDArray[np.bool_]:
        """Where somebody stands: a circle on the ground."""
        near = np.zeros(len(self._points), np.bool_)
        for index, point in enumerate(self._points):
            if abs(point[1] - person[1]) > 0.2 or abs(point[0] - person[0]) > 0.2:
                continue
            apart_m = self._yardstick.apart_m(person, point, aspect)
            near[index] = apart_m is not None and apart_m <= PERSON_RADIUS_M
        if not near.any() and len(self._points):  # smaller than the grid: the nearest point stands for it
            apart = np.abs(self._xy - np.asarray(person)) / (np.asarray(self._step) + 1e-9)
            nearest = int(apart.max(axis=1).argmin())
            near[nearest] = bool(apart[nearest].max() <= 1.0)
        return near

    def _weights(self) -> NDArray[np.float64]:
        """Ground that each point stands for: in square metres, or in squares of the people who stand there."""
        if self._areas_m2 is not None:
            return self._areas_m2
        heights = [self._yardstick.person_height(y) or 1.0 for _, y in self._points]
        return np.array([1.0 / (height * height) for height in heights])

    def _area_m2(self, point: Point) -> float:
        homography = self._scene.homography
        assert homography is not None  # noqa: S101 - asked only then
        half_x, half_y = self._step[0] / 2.0, self._step[1] / 2.0
        (x, y), corners = point, []
        for corner in ((-half_x, -half_y), (half_x, -half_y), (half_x, half_y), (-half_x, half_y)):
            ground = homography.to_ground((x + corner[0], y + corner[1]))
            if ground is None:
                return 0.0
            corners.append(ground)
        return polygon_area(corners)
