"""Draws the demo's second clip: a two-lane village road with a parked car and a vehicle that goes the wrong way.

Everything is computed here: meshes (`street_meshes`), scenery (`street_scenery`), sun, sky and shadow. Facets are
painted from far to near on a picture of twice the size, which is then halved.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tools import street_meshes as meshes
from tools.street_meshes import Floats, Mesh
from tools.street_scenery import CAMERA, HEIGHT, HORIZON_HAZE, SUN, WIDTH, background

Image = NDArray[np.uint8]

FPS = 10
DURATION_S = 75
AWAY_LANE_X, NEAR_LANE_X = 1.55, -1.55
KERB_X, KERB_Y = 3.85, 21.0
PARKED_AT_S = 10.0
WRONG_WAY_AT_S = 20.0
SKY_LIGHT, SUN_LIGHT = 0.5, 0.62


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a vehicle stands: ground point in metres, heading in radians (0: along +y, positive turns left)."""

    x: float
    y: float
    heading: float


@dataclass(frozen=True, slots=True)
class Trip:
    """One vehicle that drives straight along a lane at one speed.

    Attributes:
        enters_at_s: When it is at the near end (away) or the far end (towards the camera).
    """

    mesh: Mesh
    lane_x: float
    away: bool
    enters_at_s: float
    speed_mps: float
    near_y: float = 2.0
    far_y: float = 85.0

    def pose(self, time_s: float) -> Pose | None:
        """Where it is, or None while it is not in the scene."""
        gone = (time_s - self.enters_at_s) * self.speed_mps
        if not 0 <= gone <= self.far_y - self.near_y:
            return None
        return Pose(self.lane_x, self.near_y + gone, 0.0) if self.away else Pose(self.lane_x, self.far_y - gone, np.pi)


@dataclass(frozen=True, slots=True)
class Parker:
    """The car that pulls over at `PARKED_AT_S` and stands there to the end."""

    mesh: Mesh
    speed_mps: float = 6.0
    braking_s: float = 3.0

    def pose(self, time_s: float) -> Pose | None:
        """Constant speed, then an even slow-down to the kerb."""
        left_s = PARKED_AT_S - time_s
        if left_s <= 0:
            return Pose(KERB_X, KERB_Y, 0.0)
        braked_m = 0.5 * self.speed_mps / self.braking_s * min(left_s, self.braking_s) ** 2
        y = KERB_Y - braked_m - self.speed_mps * max(0.0, left_s - self.braking_s)
        if y < 2.0:
            return None
        ease = np.clip((KERB_Y - y) / 11.0, 0, 1)
        share = ease * ease * (3 - 2 * ease)
        slope = 6 * ease * (1 - ease) * (KERB_X - AWAY_LANE_X) / 11.0
        return Pose(KERB_X + (AWAY_LANE_X - KERB_X) * share, y, -float(np.arctan(slope)))


def traffic() -> list[Trip | Parker]:
    """Everything that moves in the clip."""
    sedan, suv = meshes.SEDAN, meshes.SUV
    white, silver, red, blue = (228, 230, 230), (176, 172, 168), (36, 30, 158), (140, 78, 34)
    return [
        Parker(meshes.car(sedan, silver)),
        Trip(meshes.car(suv, white), NEAR_LANE_X, False, 0.0, 7.0),
        Trip(meshes.motorbike(red, (190, 150, 90), (60, 60, 200)), NEAR_LANE_X - 0.6, False, 6.0, 6.0),
        Trip(meshes.car(sedan, red), AWAY_LANE_X, True, 10.0, 8.5),
        Trip(meshes.car(suv, blue), AWAY_LANE_X, False, WRONG_WAY_AT_S, 6.5),
        Trip(meshes.truck((180, 96, 30), (214, 216, 212)), NEAR_LANE_X, False, 26.0, 6.5),
        Trip(meshes.motorbike(blue, (220, 220, 226), (30, 160, 220)), AWAY_LANE_X + 0.4, True, 34.0, 5.5),
        Trip(meshes.car(sedan, (60, 62, 60)), AWAY_LANE_X, True, 37.0, 6.5),
        Trip(meshes.car(meshes.VAN, white), NEAR_LANE_X, False, 40.0, 7.0),
        Trip(meshes.motorbike((40, 40, 40), (80, 120, 200), (220, 220, 220)), AWAY_LANE_X, True, 46.0, 6.0),
        Trip(meshes.car(suv, red), AWAY_LANE_X, True, 53.0, 7.0),
        Trip(meshes.car(meshes.VAN, silver), NEAR_LANE_X, False, 54.0, 6.5),
        Trip(meshes.motorbike(red, (200, 200, 210), (200, 120, 40)), NEAR_LANE_X - 0.5, False, 57.0, 6.0),
    ]


def to_world(corners: Floats, pose: Pose) -> Floats:
    """Facet corners of a vehicle that stands at a pose, in the world frame."""
    cosine, sine = np.cos(pose.heading), np.sin(pose.heading)
    turn = np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(corners @ turn + [pose.x, pose.y, 0.0])


def _shade(mesh: Mesh, world: Floats) -> tuple[Floats, Floats]:
    """Colours of the facets under sun and sky, (F, 3), and which face the camera, (F,) bool."""
    normal, centre = meshes.normals(world), world.mean(axis=1)
    view = CAMERA.position - centre
    distance = np.linalg.norm(view, axis=1, keepdims=True)
    view = view / distance
    facing = (normal * view).sum(axis=1)
    sunlit = np.clip(normal @ SUN, 0, 1)
    diffuse = SKY_LIGHT * (0.72 + 0.28 * normal[:, 2]) + SUN_LIGHT * sunlit
    mirror_z = 2 * facing * normal[:, 2] - view[:, 2]
    sky = np.where(mirror_z[:, None] > 0, [236.0, 222, 206], [92.0, 94, 96]) * (0.55 + 0.45 * np.abs(mirror_z))[:, None]
    fresnel = mesh.gloss[:, None] * (0.16 + 0.84 * (1 - np.clip(facing, 0, 1))[:, None] ** 4)
    colour = mesh.colour * diffuse[:, None] * (1 - fresnel) + sky * fresnel
    half = SUN / np.linalg.norm(SUN) + view
    glint = np.clip((normal * half).sum(axis=1) / np.linalg.norm(half, axis=1), 0, 1) ** 60
    colour += (150 * mesh.gloss * glint)[:, None]
    haze = 1 - np.exp(-distance / 320.0)
    return np.clip(colour * (1 - haze) + HORIZON_HAZE * haze, 0, 255), facing > 0


def _cast_shadow(canvas: Image, world: Floats) -> None:
    """Darken the ground where the vehicle keeps the sun away, softly, and right below it, deeply."""
    points = world.reshape(-1, 3)
    ground = points - SUN * (points[:, 2:] / SUN[2])
    low = points[points[:, 2] < 0.35] * [1, 1, 0]
    for footprint, depth, blur_m in ((ground, 0.5, 0.1), (low, 0.35, 0.16)):
        pixels, distance = CAMERA.project(footprint)
        if distance.min() < 1.0:
            continue
        hull = cv2.convexHull(np.round(pixels).astype(np.int32))
        blur = max(3, int(blur_m * CAMERA.focal / distance.mean()) | 1)
        x, y, w, h = cv2.boundingRect(hull)
        left, top = max(0, x - 2 * blur), max(0, y - 2 * blur)
        right, bottom = min(canvas.shape[1], x + w + 2 * blur), min(canvas.shape[0], y + h + 2 * blur)
        if right <= left or bottom <= top:
            continue
        mask = np.zeros((bottom - top, right - left), np.uint8)
        cv2.fillConvexPoly(mask, hull - [left, top], 255)
        soft = cv2.GaussianBlur(mask, (blur, blur), 0).astype(np.float32)[..., None] * (depth / 255.0)
        region = canvas[top:bottom, left:right]
        region[:] = (region * (1 - soft)).astype(np.uint8)


def draw_vehicles(canvas: Image, placed: list[tuple[Mesh, Pose]]) -> None:
    """Paint vehicles with their shadows onto a supersampled picture, the farthest first."""
    worlds = [(mesh, to_world(mesh.corners, pose)) for mesh, pose in placed]
    worlds.sort(key=lambda item: -float(np.linalg.norm(item[1].mean(axis=(0, 1)) - CAMERA.position)))
    for _, world in worlds:
        _cast_shadow(canvas, world)
    for mesh, world in worlds:
        colour, visible = _shade(mesh, world)
        pixels, depth = CAMERA.project(world)
        order = np.flatnonzero(visible & (depth.min(axis=1) > 0.8))
        order = order[np.argsort(-depth[order].mean(axis=1))]
        fixed_point = np.round(pixels * 16).astype(np.int32)
        for index in order:
            cv2.fillConvexPoly(canvas, fixed_point[index], colour[index].tolist(), cv2.LINE_8, 4)


def frames() -> Iterator[Image]:
    """Yield the clip's pictures, (540, 960, 3) uint8 BGR, `FPS` a second."""
    street, vehicles = background(), traffic()
    for index in range(DURATION_S * FPS):
        canvas = street.copy()
        poses = [(vehicle.mesh, vehicle.pose(index / FPS)) for vehicle in vehicles]
        draw_vehicles(canvas, [(mesh, pose) for mesh, pose in poses if pose is not None])
        yield np.asarray(cv2.resize(canvas, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def main() -> None:
    """Write single pictures, to look at."""
    parser = argparse.ArgumentParser(description="Write single pictures of the street.")
    parser.add_argument("--at", type=float, nargs="+", default=[12.0, 22.0], help="seconds")
    parser.add_argument("--out", type=Path, default=Path())
    arguments = parser.parse_args()
    street, vehicles = background(), traffic()
    for second in arguments.at:
        canvas = street.copy()
        poses = [(vehicle.mesh, vehicle.pose(second)) for vehicle in vehicles]
        draw_vehicles(canvas, [(mesh, pose) for mesh, pose in poses if pose is not None])
        picture = cv2.resize(canvas, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(arguments.out / f"street_{second:05.1f}.png"), picture)


if __name__ == "__main__":
    main()
