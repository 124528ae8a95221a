"""How much of a zone is blocked: the zone as a grid of points that weigh as much as the ground they stand for."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from contract.geometry import Point, isotropic, point_in_polygon, polygon_area
from edge.behaviour.yardstick import HEIGHTS_PER_M, Yardstick
from edge.scene.scene import Scene

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
        self._rows, self._row_of = np.unique(self._xy[:, 1], return_inverse=True)
        self._ground_m = self._on_ground() if scene.homography else None
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
        if self._ground_m is not None:
            centre, apart = self._scene.to_plane(person, aspect), self._ground_m
            radius = PERSON_RADIUS_M
        else:
            centre, apart = isotropic(person, aspect), self._xy * (aspect, 1.0)
            radius = PERSON_RADIUS_M * HEIGHTS_PER_M * (self._yardstick.person_height(person[1]) or 0.0)
        if centre is None or not len(self._points):
            return np.zeros(len(self._points), np.bool_)
        near = np.asarray(np.hypot(*(apart - np.asarray(centre)).T) <= radius, np.bool_)
        if not near.any():  # smaller than the grid: the nearest point stands for it
            steps = (np.abs(self._xy - np.asarray(person)) / np.asarray(self._step)).max(axis=1)
            near[int(steps.argmin())] = float(steps.min()) <= 1.0
        return near

    def _weights(self) -> NDArray[np.float64]:
        """Ground that each point stands for: in square metres, or in squares of the people who stand there."""
        if self._areas_m2 is not None:
            return self._areas_m2
        heights = np.array([self._yardstick.person_height(y) or 1.0 for y in self._rows])
        return np.asarray(1.0 / heights[self._row_of] ** 2, np.float64)

    def _on_ground(self) -> NDArray[np.float64]:
        """(N, 2) metres; infinitely far at and above the horizon."""
        grounds = [self._scene.to_plane(point, 1.0) for point in self._points]
        return np.array([(np.inf, np.inf) if ground is None else ground for ground in grounds]).reshape(-1, 2)

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
