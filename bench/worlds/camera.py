"""A pinhole camera on a pole: places become pixels, solid objects boxes, nearer ones hide farther ones.

        camera o----.  tilt below the horizon
 height        |      `-.
               |          `-.
---------------+--------------`-----  ground (z = 0)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Place = tuple[float, float]

NEAREST_M = 0.5
"""Nothing nearer to the camera is projected."""
LEAST_SIDE_PX = 2.0
"""What is smaller in the picture is not there."""
GRID = 6
"""What of a box is hidden is told from this many points a side."""
SOLID = 0.8
"""A nearer object hides what lies behind this share of its box's sides: its corners are air."""
EDGE_POINTS = 6
"""Points on a zone's edge: straight on the ground is bent in the picture of a lens."""
MAX_CORNERS = 64
HEAD_M = 1.8
"""A zone's far end shows those who stand there up to this height ..."""
MARGIN = 0.97
"""... and a little of the picture is left around it."""
SURVEY_M = 0.2
"""Standard error of a point's ground coordinates, measured with tape or wheel (each axis)."""


@dataclass(frozen=True, slots=True)
class PinholeCamera:
    """Where a camera stands and how it looks.

    Attributes:
        place_m: x, y and height over the ground.
        yaw_rad: The way it looks, anticlockwise from x.
        tilt_deg: Below the horizon.
        focal: Focal length in picture widths: 0.87 is 60 degrees from side to side.
        distortion: Radial coefficient k1 (Brown): below 0 the lens is a barrel.
        resolution_wh: Of the picture that is searched, in pixels.
    """

    place_m: tuple[float, float, float]
    yaw_rad: float
    tilt_deg: float
    focal: float = 0.87
    distortion: float = -0.05
    resolution_wh: tuple[int, int] = (1280, 720)

    @property
    def axes(self) -> Array:
        """(3, 3): rows are the picture's right, the picture's down and the way it looks."""
        tilt = math.radians(self.tilt_deg)
        right = np.array([math.sin(self.yaw_rad), -math.cos(self.yaw_rad), 0.0])
        ahead = np.array(
            [
                math.cos(self.yaw_rad) * math.cos(tilt),
                math.sin(self.yaw_rad) * math.cos(tilt),
                -math.sin(tilt),
            ]
        )
        return np.array([right, np.cross(ahead, right), ahead])

    def project(self, points_m: Array) -> tuple[Array, Array]:
        """Project places.

        Args:
            points_m: (..., 3).

        Returns:
            (..., 2) pixels, maybe outside the picture, and (...) depths in metres; what is nearer than `NEAREST_M` or
            behind the camera is projected as if it were that near, and its depth says so.
        """
        seen = (points_m - np.array(self.place_m)) @ self.axes.T
        depth = seen[..., 2]
        flat = seen[..., :2] / np.maximum(depth, NEAREST_M)[..., None]
        radius = np.hypot(flat[..., 0], flat[..., 1])
        if self.distortion < 0.0:  # beyond this radius the polynomial would fold the world back into the picture
            most = math.sqrt(-1.0 / (3.0 * self.distortion))
            flat = flat * np.minimum(1.0, most / np.maximum(radius, 1e-9))[..., None]
            radius = np.minimum(radius, most)
        bent = flat * (1.0 + self.distortion * radius**2)[..., None]
        width, height = self.resolution_wh
        return bent * (self.focal * width) + (width / 2.0, height / 2.0), depth

    def boxes(self, xy_m: Array, heading_rad: Array, size_m: Array, lift_m: Array) -> tuple[Array, Array, Array]:
        """Box solid objects.

        Args:
            xy_m: (N, 2) centres on the ground.
            heading_rad: (N,).
            size_m: (N, 3) length, width, height.
            lift_m: (N,).

        Returns:
            (N, 4) xyxy in pixels, clipped to the picture; (N,) share of the whole box that the picture holds, 0 where
            the object is not in it; (N,) depth of the centres in metres.
        """
        signs = np.array([(a, b, c) for a in (-0.5, 0.5) for b in (-0.5, 0.5) for c in (0.0, 1.0)])
        along, across, up = np.moveaxis(signs[None] * size_m[:, None, :], 2, 0)
        cosine, sine = np.cos(heading_rad)[:, None], np.sin(heading_rad)[:, None]
        corners = np.stack(
            [
                xy_m[:, :1] + along * cosine - across * sine,
                xy_m[:, 1:] + along * sine + across * cosine,
                up + lift_m[:, None],
            ],
            axis=2,
        )
        pixels, depth = self.project(corners)
        whole = np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1)
        width, height = self.resolution_wh
        clipped = np.clip(whole, 0.0, (width, height, width, height))
        sides, all_sides = clipped[:, 2:] - clipped[:, :2], whole[:, 2:] - whole[:, :2]
        share = sides.prod(axis=1) / np.maximum(all_sides.prod(axis=1), 1e-9)
        centre_depth = depth.mean(axis=1)
        share[(centre_depth < 2.0 * NEAREST_M) | (sides < LEAST_SIDE_PX).any(axis=1)] = 0.0
        return clipped, share, centre_depth

    def to_picture(self, place_m: Place) -> Place:
        """Where a place on the ground lies in the picture, normalised; maybe outside [0, 1]."""
        pixels, _ = self.project(np.array([*place_m, 0.0]))
        width, height = self.resolution_wh
        return (float(pixels[0]) / width, float(pixels[1]) / height)

    def rows(self, place_m: Place, height_m: float = 1.6) -> float:
        """How high somebody who stands at a place is, in rows of a 640 x 384 model's input."""
        width, height = self.resolution_wh
        feet, _ = self.project(np.array([*place_m, 0.0]))
        head, _ = self.project(np.array([*place_m, height_m]))
        return float(feet[1] - head[1]) * min(640.0 / width, 384.0 / height)

    def ground_seen(self, corners_m: Sequence[Place]) -> list[Place]:
        """The part of a convex piece of ground on which people show from head to foot: what an admin would draw.

        Raises:
            ValueError: Nothing of it is in the picture.
        """
        width, height = self.resolution_wh
        side = MARGIN * self._straight(0.5 / self.focal)
        top = MARGIN * self._straight(0.5 * height / width / self.focal)

        def looked(place: Place, up_m: float = 0.0) -> Array:
            return np.asarray(self.axes @ (np.array([*place, up_m]) - np.array(self.place_m)))

        part = self._ahead(list(corners_m))
        part = _clip(part, lambda p: side * looked(p)[2] + looked(p)[0])
        part = _clip(part, lambda p: side * looked(p)[2] - looked(p)[0])
        part = _clip(part, lambda p: top * looked(p)[2] - looked(p)[1])
        part = _clip(part, lambda p: top * looked(p, HEAD_M)[2] + looked(p, HEAD_M)[1])
        if len(part) < 3:
            raise ValueError(f"nothing of {list(corners_m)} is in the picture")
        return part

    def _straight(self, bent: float) -> float:
        """Undo the lens at a distance from the middle, in focal lengths."""
        radius = bent
        for _ in range(20):
            radius = bent / (1.0 + self.distortion * radius**2)
        return radius

    def polygon(self, corners_m: Sequence[Place]) -> list[list[float]]:
        """A zone of the ground as an admin would draw it: clipped to the picture, normalised, bent as the lens bends.

        Raises:
            ValueError: Nothing of it is in the picture.
        """
        edges = zip(corners_m, [*corners_m[1:], corners_m[0]], strict=True)
        points = [
            (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share)
            for a, b in edges
            for share in np.linspace(0.0, 1.0, EDGE_POINTS, endpoint=False).tolist()
        ]
        drawn = [self.to_picture(point) for point in self._ahead(points)]
        for axis, limit, sign in ((0, 0.0, 1.0), (0, 1.0, -1.0), (1, 0.0, 1.0), (1, 1.0, -1.0)):
            drawn = _clip(drawn, lambda p, a=axis, at=limit, s=sign: s * (p[a] - at))
        if len(drawn) < 3 or len(drawn) > MAX_CORNERS:
            raise ValueError(f"the zone {list(corners_m)} has {len(drawn)} corners in the picture")
        return [[round(min(1.0, max(0.0, x)), 5), round(min(1.0, max(0.0, y)), 5)] for x, y in drawn]

    def line(self, a_m: Place, b_m: Place) -> list[list[float]]:
        """A line of the ground, normalised; both ends must be in the picture.

        Raises:
            ValueError: An end is not.
        """
        ends = [self.to_picture(a_m), self.to_picture(b_m)]
        if not all(0.0 <= value <= 1.0 for end in ends for value in end):
            raise ValueError(f"the line {a_m} - {b_m} leaves the picture: {ends}")
        return [[round(x, 5), round(y, 5)] for x, y in ends]

    def calibration(
        self, places_m: Sequence[Place], rng: np.random.Generator, survey_m: float = SURVEY_M
    ) -> dict[str, Any]:
        """The `calibration:` section of someone who marked these places in the picture and measured them.

        Raises:
            ValueError: A place is not in the picture.
        """
        image = [self.to_picture(place) for place in places_m]
        if not all(0.0 <= value <= 1.0 for point in image for value in point):
            raise ValueError(f"calibration places outside the picture: {image}")
        measured = np.array(places_m) + rng.normal(0.0, survey_m, (len(places_m), 2)) if survey_m else places_m
        return {
            "image": [[round(x, 4), round(y, 4)] for x, y in image],
            "ground_m": [[round(float(x), 3), round(float(y), 3)] for x, y in measured],
        }

    def _ahead(self, points: list[Place]) -> list[Place]:
        """The part of a ground polygon that lies before the camera."""
        look = (math.cos(self.yaw_rad), math.sin(self.yaw_rad))
        return _clip(
            points, lambda p: (p[0] - self.place_m[0]) * look[0] + (p[1] - self.place_m[1]) * look[1] - NEAREST_M
        )


def aimed(place_m: tuple[float, float, float], at_m: Place, focal: float, far_m: float) -> PinholeCamera:
    """A camera that looks over a place and is tilted until the heads of those who stand `far_m` away just show.

    Args:
        place_m: Where it hangs.
        at_m: What lies in the middle of the picture, from left to right.
        focal: In picture widths.
        far_m: Along the ground.
    """
    yaw = math.atan2(at_m[1] - place_m[1], at_m[0] - place_m[0])
    half_up = math.atan(0.5 * 9.0 / 16.0 / focal)
    tilt = math.degrees(math.atan2(place_m[2] - HEAD_M, far_m) + half_up) - 0.4
    return PinholeCamera(place_m, yaw, tilt, focal)


def _clip(points: list[Place], side: Any) -> list[Place]:
    """Sutherland and Hodgman's clipping of a polygon by one edge: `side` is positive inside."""
    kept: list[Place] = []
    for before, after in zip([points[-1], *points[:-1]] if points else [], points, strict=True):
        a, b = side(before), side(after)
        if (a < 0.0) != (b < 0.0):
            share = a / (a - b)
            x, y = (float(before[axis] + (after[axis] - before[axis]) * share) for axis in (0, 1))
            kept.append((x, y))
        if b >= 0.0:
            kept.append(after)
    return kept


def seen_shares(xyxy: Array, depth_m: Array) -> Array:
    """Share of each box that no nearer box hides.

    Args:
        xyxy: (N, 4) pixels.
        depth_m: (N,).

    Returns:
        (N,) in [0, 1].
    """
    count = len(depth_m)
    shares = np.ones(count)
    if count < 2:
        return shares
    low, high = xyxy[:, :2], xyxy[:, 2:]
    touches = ((low[:, None] < high[None]) & (high[:, None] > low[None])).all(axis=2)
    hides = touches & (depth_m[None, :] < depth_m[:, None])  # [i, j]: j is before i
    steps = (np.arange(GRID) + 0.5) / GRID
    for row in np.flatnonzero(hides.any(axis=1)).tolist():
        x, y = (low[row] + steps[:, None] * (high[row] - low[row])).T
        before = xyxy[hides[row]]
        centre, half = (before[:, :2] + before[:, 2:]) / 2.0, SOLID * (before[:, 2:] - before[:, :2]) / 2.0
        hidden_x = np.abs(x[None] - centre[:, :1]) <= half[:, :1]
        hidden_y = np.abs(y[None] - centre[:, 1:]) <= half[:, 1:]
        hidden = (hidden_x[:, :, None] & hidden_y[:, None, :]).any(axis=0)
        shares[row] = 1.0 - hidden.mean()
    return shares
