r"""The ground plane's homography: from normalised picture points to metres on the ground, and how sure that is.

Direct linear transform with Hartley's normalisation, then Gauss-Newton on the distances on the ground where more than
four points are given; the covariance of the result by its Jacobian (Hartley and Zisserman, Multiple View Geometry,
2nd ed., 4.1, 4.4, 5.2).

            . . . . . . . . . .   horizon: what lies above it has no ground point
           /         |         \
          /   the ground plane  \

Four points always fit exactly: how wrong they are must be stated (`point_error_m`). More points correct that by how
well they fit, each coordinate that is left over counting as one look.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from contract.geometry import Point, distance
from edge.scene.lens import Lens

MIN_POINTS = 4
POINT_ERROR_M = 0.2
"""Standard deviation of a calibration point where nobody said it: paced out, or taken from an aerial picture."""
PRIOR_LOOKS = 4
"""As many left-over coordinates as the stated error is worth against the points' own fit."""
_DEGENERATE = 1e-7
"""Ratio of the 8th to the 1st singular value below which the points do not fix a homography."""
_HORIZON = 1e-3
"""A point whose depth is beyond this many times the farthest calibration point's (1/w) counts as above the horizon."""
_REFINEMENTS = 8

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Homography:
    """A picture-to-ground mapping and how well its own points fit.

    Attributes:
        matrix: (3, 3) float64, normalised (undistorted) picture points to metres, positive third coordinate on the
            visible ground.
        error_m: Root mean square distance in metres between the given ground points and the mapped picture points; None
            with four points, which always fit: how wrong they are is unknown.
        horizon_w: Smallest third coordinate that still counts as ground.
        lens: Bends picture points straight first; None for a straight lens.
        point_error_m: Standard deviation of a calibration point's coordinate, from what was stated and what fits.
        covariance: (9, 9) of the mapping's parameters, those of `sensitivity`.
    """

    matrix: Array
    error_m: float | None
    horizon_w: float
    lens: Lens | None
    point_error_m: float
    covariance: Array
    _normal: Array
    _source_scale: Array
    _target_scale: float
    _rows: tuple[float, ...]
    """The matrix, row by row: numbers of Python are quicker for a single point."""
    _back: tuple[float, ...]
    """Its inverse, so too."""

    @classmethod
    def fit(
        cls,
        image: Sequence[Point],
        ground_m: Sequence[Point],
        *,
        lens: Lens | None = None,
        point_error_m: float = POINT_ERROR_M,
    ) -> Self:
        """Fit a homography to pairs of points.

        Args:
            image: N >= 4 normalised picture points.
            ground_m: N ground points in metres, in the same order.
            lens: What bent the picture; None for a straight lens.
            point_error_m: How far a ground coordinate may be off, measuring and pointing together (standard deviation).

        Raises:
            ValueError: Too few points, or they do not fix a mapping (collinear, doubled, or paired in a wrong order).
        """
        if len(image) != len(ground_m) or len(image) < MIN_POINTS:
            raise ValueError(
                f"calibration: {len(image)} picture points and {len(ground_m)} ground points: "
                f"give {MIN_POINTS} or more pairs"
            )
        straight = np.asarray([lens.undistort(point) if lens else point for point in image], np.float64)
        ground = np.asarray(ground_m, np.float64)
        source, source_scale = _normalise(straight)
        target, target_scale = _normalise(ground)
        normal = _solve(source, target)
        if (source @ normal[2, :2] + normal[2, 2]).mean() < 0.0:
            normal = -normal
        if (source @ normal[2, :2] + normal[2, 2]).min() <= 0.0:
            raise ValueError(
                "calibration: the horizon runs between the points: "
                "list the points of image and ground_m in the same order, all of them on the ground"
            )
        if len(image) > MIN_POINTS:
            normal = _refine(normal, source, target)
        matrix = np.linalg.inv(target_scale) @ normal @ source_scale
        mapped = np.column_stack((straight, np.ones(len(straight)))) @ matrix.T
        residuals = mapped[:, :2] / mapped[:, 2:] - ground
        spare = 2 * len(image) - 8
        wrong_m = math.sqrt(
            (PRIOR_LOOKS * point_error_m**2 + float((residuals**2).sum()) * (spare > 0)) / (PRIOR_LOOKS + spare)
        )
        scale = float(target_scale[0, 0])
        jacobian = _jacobian(normal, source).reshape(-1, 9)
        covariance = (wrong_m * scale) ** 2 * np.linalg.pinv(jacobian.T @ jacobian, rcond=1e-12, hermitian=True)
        return cls(
            matrix=matrix,
            error_m=float(np.sqrt((residuals**2).sum(axis=1).mean())) if spare > 0 else None,
            horizon_w=float(mapped[:, 2].min()) * _HORIZON,
            lens=lens,
            point_error_m=wrong_m,
            covariance=np.asarray(covariance, np.float64),
            _normal=normal,
            _source_scale=source_scale,
            _target_scale=scale,
            _rows=tuple(matrix.ravel().tolist()),
            _back=tuple(np.linalg.inv(matrix).ravel().tolist()),
        )

    def to_ground(self, point: Point) -> Point | None:
        """Map a normalised picture point to metres; None on or above the horizon, where there is no ground."""
        a, b, c, d, e, f, g, h, i = self._rows
        x, y = point if self.lens is None else self.lens.undistort(point)
        w = g * x + h * y + i
        if w <= self.horizon_w:
            return None
        return ((a * x + b * y + c) / w, (d * x + e * y + f) / w)

    def to_picture(self, ground_m: Point) -> Point | None:
        """Map metres on the ground to a normalised picture point, maybe outside the picture; None behind the camera."""
        a, b, c, d, e, f, g, h, i = self._back
        x, y = ground_m
        w = g * x + h * y + i
        if w <= 0.0:
            return None
        straight = ((a * x + b * y + c) / w, (d * x + e * y + f) / w)
        return straight if self.lens is None else self.lens.distort(straight)

    def sensitivity(self, points: Sequence[Point]) -> Array:
        """How far picture points move on the ground with each parameter of the mapping.

        Args:
            points: N normalised picture points below the horizon.

        Returns:
            (N, 2, 9) float64, metres for each unit of a parameter; `covariance` belongs to the same parameters.
        """
        straight = [self.lens.undistort(point) if self.lens else point for point in points]
        source = np.asarray(straight, np.float64) * self._source_scale[0, 0] + self._source_scale[:2, 2]
        return _jacobian(self._normal, source) / self._target_scale

    def error_at(self, point: Point) -> float:
        """Standard error in metres of the place that a picture point below the horizon is mapped to."""
        (rows,) = self.sensitivity([point])
        return math.sqrt(float(np.trace(rows @ self.covariance @ rows.T)))


def leave_one_out_m(
    image: Sequence[Point], ground_m: Sequence[Point], *, lens: Lens | None = None
) -> list[float | None]:
    """How far from its place each calibration point falls when the others alone make the mapping.

    Returns:
        Metres by point; None where the others fix no mapping, or see the point above their horizon. Empty with four
        points: three fix nothing.
    """
    if len(image) <= MIN_POINTS:
        return []
    errors: list[float | None] = []
    for index, (point, metres) in enumerate(zip(image, ground_m, strict=True)):
        others = [other for other in range(len(image)) if other != index]
        try:
            fitted = Homography.fit([image[i] for i in others], [ground_m[i] for i in others], lens=lens)
        except ValueError:
            errors.append(None)
            continue
        mapped = fitted.to_ground(point)
        errors.append(None if mapped is None else distance(mapped, metres))
    return errors


def _normalise(points: Array) -> tuple[Array, Array]:
    """Move the points' centre to 0 and their mean distance to sqrt(2); return them and the (3, 3) similarity."""
    centre = points.mean(axis=0)
    spread = float(np.hypot(*(points - centre).T).mean())
    if spread == 0.0:
        raise ValueError("calibration: all points are the same: choose points that span the ground")
    scale = math.sqrt(2.0) / spread
    similarity = np.array([[scale, 0.0, -scale * centre[0]], [0.0, scale, -scale * centre[1]], [0.0, 0.0, 1.0]])
    return (points - centre) * scale, similarity


def _solve(source: Array, target: Array) -> Array:
    rows = []
    for (x, y), (u, v) in zip(source.tolist(), target.tolist(), strict=True):
        rows.append([-x, -y, -1.0, 0.0, 0.0, 0.0, u * x, u * y, u])
        rows.append([0.0, 0.0, 0.0, -x, -y, -1.0, v * x, v * y, v])
    _, singular, right = np.linalg.svd(np.array(rows))
    solution: Array = right[-1].reshape(3, 3)
    if singular[7] < _DEGENERATE * singular[0] or abs(np.linalg.det(solution)) < _DEGENERATE:
        raise ValueError("calibration: the points do not span the ground: no three of four may lie on one line")
    return solution


def _project(normal: Array, source: Array) -> tuple[Array, Array]:
    """(N, 2) mapped points and (N,) third coordinates."""
    mapped = source @ normal[:, :2].T + normal[:, 2]
    return mapped[:, :2] / mapped[:, 2:], mapped[:, 2]


def _jacobian(normal: Array, source: Array) -> Array:
    """(N, 2, 9): the mapped points' change with the matrix' entries, row by row."""
    mapped, depth = _project(normal, source)
    rays = np.column_stack((source, np.ones(len(source)))) / depth[:, None]
    jacobian = np.zeros((len(source), 2, 9))
    jacobian[:, 0, 0:3] = jacobian[:, 1, 3:6] = rays
    jacobian[:, :, 6:9] = -mapped[:, :, None] * rays[:, None, :]
    return jacobian


def _refine(normal: Array, source: Array, target: Array) -> Array:
    """Least squares of the distances on the ground, from the algebraic solution on; never worse than that."""
    residuals = _project(normal, source)[0] - target
    for _ in range(_REFINEMENTS):
        # The matrix' length is free: the shortest step leaves it alone.
        step = np.linalg.lstsq(_jacobian(normal, source).reshape(-1, 9), residuals.ravel(), rcond=1e-10)[0]
        tried = normal - step.reshape(3, 3)
        mapped, depth = _project(tried, source)
        if depth.min() <= 0.0 or ((mapped - target) ** 2).sum() >= (residuals**2).sum():
            break
        normal, residuals = tried, mapped - target
    return normal
