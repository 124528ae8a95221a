"""The ground plane's homography: from normalised picture points to metres on the ground.

Direct linear transform with Hartley's normalisation (Hartley and Zisserman, Multiple View Geometry, 2nd ed., 4.1, 4.4),
least squares where more than four points are given. Four points always fit exactly, so their error is unknown; six or
more, spread over the ground that matters, give an error that means something.

            . . . . . . . . . .   horizon: what lies above it has no ground point
           /         |         \
          /   the ground plane  \
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from contract.geometry import Point

MIN_POINTS = 4
_DEGENERATE = 1e-7
"""Ratio of the 8th to the 1st singular value below which the points do not fix a homography."""
_HORIZON = 1e-3
"""A point whose depth is beyond this many times the farthest calibration point's (1/w) counts as above the horizon."""


@dataclass(frozen=True, slots=True)
class Homography:
    """A picture-to-ground mapping and how well its own points fit.

    Attributes:
        matrix: (3, 3) float64, normalised picture points to metres, positive third coordinate on the visible ground.
        error_m: Root mean square distance in metres between the given ground points and the mapped picture points; None
            with four points, which always fit: how wrong they are is unknown.
        horizon_w: Smallest third coordinate that still counts as ground.
    """

    matrix: NDArray[np.float64]
    error_m: float | None
    horizon_w: float

    @classmethod
    def fit(cls, image: Sequence[Point], ground_m: Sequence[Point]) -> Self:
        """Fit a homography to pairs of points.

        Args:
            image: N >= 4 normalised picture points.
            ground_m: N ground points in metres, in the same order.

        Raises:
            ValueError: Too few points, or they do not fix a mapping (collinear, doubled, or paired in a wrong order).
        """
        if len(image) != len(ground_m) or len(image) < MIN_POINTS:
            raise ValueError(
                f"calibration: {len(image)} picture points and {len(ground_m)} ground points: "
                f"give {MIN_POINTS} or more pairs"
            )
        source, source_scale = _normalise(np.asarray(image, np.float64))
        target, target_scale = _normalise(np.asarray(ground_m, np.float64))
        solution = _solve(source, target)
        matrix = np.linalg.inv(target_scale) @ solution @ source_scale
        points = np.column_stack((np.asarray(image, np.float64), np.ones(len(image))))
        mapped = points @ matrix.T
        if mapped[0, 2] < 0.0:
            matrix, mapped = -matrix, -mapped
        if mapped[:, 2].min() <= 0.0:
            raise ValueError(
                "calibration: the horizon runs between the points: "
                "list the points of image and ground_m in the same order, all of them on the ground"
            )
        error_m = None
        if len(image) > MIN_POINTS:
            residuals = mapped[:, :2] / mapped[:, 2:] - np.asarray(ground_m, np.float64)
            error_m = float(np.sqrt((residuals**2).sum(axis=1).mean()))
        return cls(matrix, error_m, float(mapped[:, 2].min()) * _HORIZON)

    def to_ground(self, point: Point) -> Point | None:
        """Map a normalised picture point to metres; None on or above the horizon, where there is no ground."""
        (a, b, c), (d, e, f), (g, h, i) = self.matrix.tolist()
        x, y = point
        w = g * x + h * y + i
        if w <= self.horizon_w:
            return None
        return ((a * x + b * y + c) / w, (d * x + e * y + f) / w)

    def to_picture(self, ground_m: Point) -> Point | None:
        """Map metres on the ground to a normalised picture point, maybe outside the picture; None behind the camera."""
        x, y, w = (np.linalg.inv(self.matrix) @ (ground_m[0], ground_m[1], 1.0)).tolist()
        return (x / w, y / w) if w > 0.0 else None


def _normalise(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Move the points' centre to 0 and their mean distance to sqrt(2); return them and the (3, 3) similarity."""
    centre = points.mean(axis=0)
    spread = float(np.hypot(*(points - centre).T).mean())
    if spread == 0.0:
        raise ValueError("calibration: all points are the same: choose points that span the ground")
    scale = math.sqrt(2.0) / spread
    similarity = np.array([[scale, 0.0, -scale * centre[0]], [0.0, scale, -scale * centre[1]], [0.0, 0.0, 1.0]])
    return (points - centre) * scale, similarity


def _solve(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    rows = []
    for (x, y), (u, v) in zip(source.tolist(), target.tolist(), strict=True):
        rows.append([-x, -y, -1.0, 0.0, 0.0, 0.0, u * x, u * y, u])
        rows.append([0.0, 0.0, 0.0, -x, -y, -1.0, v * x, v * y, v])
    _, singular, right = np.linalg.svd(np.array(rows))
    solution: NDArray[np.float64] = right[-1].reshape(3, 3)
    if singular[7] < _DEGENERATE * singular[0] or abs(np.linalg.det(solution)) < _DEGENERATE:
        raise ValueError("calibration: the points do not span the ground: no three of four may lie on one line")
    return solution
