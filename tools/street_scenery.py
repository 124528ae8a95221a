"""The street itself: camera, ground seen along every ray, and what stands beside the road. Drawn once.

World frame, metres: x to the right across the road, y along it away from the camera, z up. Traffic keeps to the right:
the lane at x > 0 goes away from the camera, the lane at x < 0 comes nearer.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.street_meshes import Bgr, Floats

Image = NDArray[np.uint8]

WIDTH, HEIGHT = 960, 540
SUPERSAMPLE = 2
ROAD_HALF_WIDTH_M = 4.9
LANE_EDGE_M = 3.0
PAVEMENT_END_M = 7.4
SUN = np.array([-0.42, -0.38, 0.82])
"""Towards the sun."""
HORIZON_HAZE = np.array([222.0, 212.0, 200.0])


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera on a pole.

    Attributes:
        position: (3,) metres.
        axes: (3, 3) rows: right, down, forward.
        focal: Pixels of the supersampled picture.
    """

    position: Floats
    axes: Floats
    focal: float

    @classmethod
    def looking(
        cls, position: tuple[float, float, float], target: tuple[float, float, float], width_deg: float
    ) -> Camera:
        """A camera at a position that looks at a target, with a horizontal field of view."""
        forward = np.subtract(target, position)
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right = right / np.linalg.norm(right)
        down = np.cross(forward, right)
        focal = WIDTH * SUPERSAMPLE / 2 / np.tan(np.radians(width_deg / 2))
        return cls(np.array(position, float), np.stack([right, down, forward]), float(focal))

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """World points (..., 3) to supersampled pixels (..., 2) and depth (...) in metres."""
        local = (points - self.position) @ self.axes.T
        depth = np.maximum(local[..., 2], 0.1)
        centre = np.array([WIDTH, HEIGHT]) * SUPERSAMPLE / 2
        return local[..., :2] / depth[..., None] * self.focal + centre, local[..., 2]

    def ground_rays(self) -> tuple[Floats, Floats, Floats]:
        """Ground x, y and distance seen by every supersampled pixel; distance is inf above the horizon."""
        u, v = np.meshgrid(np.arange(WIDTH * SUPERSAMPLE) + 0.5, np.arange(HEIGHT * SUPERSAMPLE) + 0.5)
        pixel = np.stack(
            [(u - WIDTH * SUPERSAMPLE / 2) / self.focal, (v - HEIGHT * SUPERSAMPLE / 2) / self.focal, np.ones_like(u)],
            -1,
        )
        ray = pixel @ self.axes
        reach = np.where(ray[..., 2] < -1e-4, -self.position[2] / np.minimum(ray[..., 2], -1e-4), np.inf)
        finite = np.where(np.isfinite(reach), reach, 0.0)
        return self.position[0] + ray[..., 0] * finite, self.position[1] + ray[..., 1] * finite, reach


CAMERA = Camera.looking((-6.2, 0.0, 5.2), (1.6, 19.0, 0.6), 58.0)


def _noise(rng: np.random.Generator, x: Floats, y: Floats, cell_m: float) -> Floats:
    """Smooth value noise in [-1, 1] on the ground."""
    table = rng.uniform(-1, 1, (128, 128)).astype(np.float32)
    at = np.mod(np.stack([x, y]) / cell_m, 126.0).astype(np.float32)
    return np.asarray(cv2.remap(table, at[0], at[1], cv2.INTER_LINEAR), dtype=np.float64)


def _ground(rng: np.random.Generator) -> tuple[Floats, Floats]:
    x, y, reach = CAMERA.ground_rays()
    fine = _noise(rng, x, y, 0.06) * np.clip(14 / np.maximum(reach, 1), 0, 1)
    coarse, patches = _noise(rng, x, y, 0.9), _noise(rng, x, y, 4.0)
    across = np.abs(x)

    asphalt = np.array([104.0, 104, 106]) + (5 * fine + 3 * coarse + 5 * patches)[..., None]
    tracks = np.exp(-(((across - 0.85) / 0.28) ** 2)) + np.exp(-(((across - 2.3) / 0.28) ** 2))
    asphalt += (5 * tracks)[..., None]
    grass = np.array([62.0, 104, 92]) + (13 * fine + 9 * coarse + 12 * patches)[..., None] * [0.6, 1.0, 0.8]
    tile = (np.mod(x, 0.6) < 0.03) | (np.mod(y, 0.6) < 0.03)
    pavement = np.array([146.0, 156, 166]) + (4 * fine + 4 * patches)[..., None] - (12 * tile)[..., None]

    colour = np.where((across < ROAD_HALF_WIDTH_M)[..., None], asphalt, pavement)
    kerb = (across > ROAD_HALF_WIDTH_M) & (across < ROAD_HALF_WIDTH_M + 0.28)
    colour[kerb] = np.array([188.0, 190, 190])
    colour = np.where((across > PAVEMENT_END_M)[..., None], grass, colour)

    white, yellow = np.array([222.0, 226, 226]), np.array([70.0, 178, 216])
    worn = (0.82 + 0.12 * coarse)[..., None]
    dashes = (across < 0.07) & (np.mod(y, 6.0) < 2.2)
    edges = np.abs(across - LANE_EDGE_M - 0.05) < 0.06
    kerb_line = (np.abs(x - (ROAD_HALF_WIDTH_M - 0.22)) < 0.07) & (y > 8) & (y < 48)
    for mask, paint in ((dashes | edges, white), (kerb_line, yellow)):
        colour = np.where(mask[..., None], paint * worn + colour * (1 - worn), colour)
    haze = (1 - np.exp(-np.where(np.isfinite(reach), reach, 0.0) / 320.0))[..., None]
    return colour * (1 - haze) + HORIZON_HAZE * haze, reach


def _sky(reach: Floats) -> Floats:
    height = np.linspace(0, 1, HEIGHT * SUPERSAMPLE)[:, None, None]
    sky = np.array([238.0, 214, 186]) * (1 - height) + np.array([236.0, 234, 228]) * height
    return np.where(np.isinf(reach)[..., None], sky, 0.0)


def _polygon(canvas: Image, points: Floats, colour: Bgr) -> None:
    pixels, depth = CAMERA.project(points)
    if depth.min() > 0.5:
        cv2.fillPoly(canvas, [np.round(pixels).astype(np.int32)], colour, cv2.LINE_AA)


def _face(canvas: Image, corners: Floats, texture: Image) -> None:
    """Map a texture onto a quad: corners top left, top right, bottom right, bottom left."""
    pixels, depth = CAMERA.project(corners)
    if depth.min() < 0.5:
        return
    height, width = texture.shape[:2]
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    warp = cv2.getPerspectiveTransform(source, pixels.astype(np.float32))
    size = (canvas.shape[1], canvas.shape[0])
    picture = cv2.warpPerspective(texture, warp, size, flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.full((height, width), 255, np.uint8), warp, size)
    canvas[mask > 127] = picture[mask > 127]


def _facade(rng: np.random.Generator, wall: Bgr, shop: bool, width_m: float, height_m: float) -> Image:
    """A house front, 40 pixels a metre."""
    scale = 40
    w, h = int(width_m * scale), int(height_m * scale)
    front = np.full((h, w, 3), wall, np.float64) + rng.normal(0, 3, (h, w, 1))
    front *= np.linspace(1.0, 0.9, h)[:, None, None]
    image = np.clip(front, 0, 255).astype(np.uint8)
    door_top = h - int(2.5 * scale)
    if shop:
        cv2.rectangle(image, (int(0.08 * w), door_top), (int(0.92 * w), h - 6), (120, 118, 112), -1)
        for row in range(door_top, h - 6, 7):
            cv2.line(image, (int(0.08 * w), row), (int(0.92 * w), row), (96, 94, 90), 1)
        sign = [(40, 60, 178), (150, 92, 30), (60, 120, 40)][int(rng.integers(3))]
        cv2.rectangle(image, (int(0.05 * w), door_top - 36), (int(0.95 * w), door_top - 4), sign, -1)
        for left in np.arange(0.14, 0.84, 0.1):
            cv2.rectangle(
                image, (int(left * w), door_top - 27), (int((left + 0.07) * w), door_top - 13), (235, 238, 240), -1
            )
    else:
        cv2.rectangle(image, (int(0.4 * w), door_top), (int(0.6 * w), h), (52, 74, 96), -1)
        cv2.line(image, (w // 2, door_top), (w // 2, h), (36, 52, 70), 2)
        for left in (0.1, 0.7):
            _window(image, int(left * w), door_top + 10, int(0.2 * w), int(1.3 * scale))
    for floor in range(1, int(height_m // 3)):
        for left in (0.14, 0.62):
            _window(image, int(left * w), h - int((3 * floor + 2.4) * scale), int(0.24 * w), int(1.5 * scale))
    return image


def _window(image: Image, left: int, top: int, width: int, height: int) -> None:
    cv2.rectangle(image, (left - 3, top - 3), (left + width + 3, top + height + 3), (214, 218, 220), -1)
    cv2.rectangle(image, (left, top), (left + width, top + height), (92, 82, 66), -1)
    cv2.line(image, (left + width // 2, top), (left + width // 2, top + height), (200, 204, 206), 3)


def _house(canvas: Image, rng: np.random.Generator, side: float, y: float, wall: Bgr) -> None:
    """A house beside the road: front towards the road, gable towards the camera, a tiled roof."""
    width, depth, height = float(rng.uniform(5, 7.5)), 8.0, float(rng.choice([3.4, 3.4, 6.4]))
    front_x, back_x = side * (PAVEMENT_END_M + 0.9), side * (PAVEMENT_END_M + 0.9 + depth)
    near, far = y, y + width
    texture = _facade(rng, wall, bool(rng.random() < 0.5), width, height)
    shade: Bgr = (int(wall[0] * 0.8), int(wall[1] * 0.8), int(wall[2] * 0.8))
    gable = np.array(
        [[front_x, near, 0], [front_x, near, height], [(front_x + back_x) / 2, near, height + 1.7],
         [back_x, near, height], [back_x, near, 0]]
    )  # fmt: skip
    order = (near, far) if side < 0 else (far, near)
    _polygon(canvas, gable, shade)
    _gable_window(canvas, front_x, back_x, near, height)
    corners = np.array(
        [[front_x, order[0], height], [front_x, order[1], height], [front_x, order[1], 0], [front_x, order[0], 0]]
    )
    _face(canvas, corners, texture)
    eaves, ridge = front_x - side * 0.7, (front_x + back_x) / 2
    roof = np.array(
        [[eaves, near - 0.3, height - 0.15], [eaves, far + 0.3, height - 0.15], [ridge, far + 0.3, height + 1.7],
         [ridge, near - 0.3, height + 1.7]]
    )  # fmt: skip
    tiles = np.full((120, 240, 3), (58, 74, 150), np.uint8)
    tiles[::8] = (44, 56, 116)
    tiles[:, ::10] = (50, 64, 130)
    _face(canvas, roof[[3, 2, 1, 0]], tiles)


def _gable_window(canvas: Image, front_x: float, back_x: float, y: float, height: float) -> None:
    middle, half = (front_x + back_x) / 2, 0.7
    for low, margin, colour in ((height - 2.1, 0.1, (208, 212, 214)), (height - 2.1, 0.0, (88, 78, 64))):
        corners = [
            (-half - margin, -margin),
            (half + margin, -margin),
            (half + margin, 1.3 + margin),
            (-half - margin, 1.3 + margin),
        ]
        _polygon(canvas, np.array([[middle + dx, y, low + dz] for dx, dz in corners]), colour)


def _tree(canvas: Image, rng: np.random.Generator, x: float, y: float, height: float) -> None:
    """A trunk and a crown of leaf blobs, lit from above."""
    foot = np.array([x, y, 0.0])
    pixels, depth = CAMERA.project(np.array([[x, y, 0.0], [x, y, height * 0.55]]))
    if depth.min() < 1.0:
        return
    metre = CAMERA.focal / depth[0]
    ends = [(round(float(u)), round(float(v))) for u, v in pixels]
    cv2.line(canvas, ends[0], ends[1], (58, 74, 88), max(2, int(0.24 * metre)), cv2.LINE_AA)
    crown = (
        np.clip(rng.normal(0, 1, (420, 3)), -1.7, 1.7) * [height * 0.15, height * 0.15, height * 0.13]
        + foot
        + [0, 0, height * 0.72]
    )
    crown = crown[np.argsort(crown[:, 2] - 0.3 * crown[:, 1])]
    spots, _ = CAMERA.project(crown)
    for (u, v), leaf in zip(spots, crown, strict=True):
        light = 0.55 + 0.5 * np.clip((leaf[2] - height * 0.5) / (height * 0.5), 0, 1) + rng.uniform(-0.1, 0.1)
        colour = tuple(float(c) for c in np.array([52, 112, 74]) * light)
        radius = max(2, int(metre * rng.uniform(0.1, 0.26)))
        cv2.circle(canvas, (round(float(u)), round(float(v))), radius, colour, -1, cv2.LINE_AA)


def _pole(canvas: Image, x: float, y: float, height: float) -> None:
    pixels, depth = CAMERA.project(
        np.array([[x, y, 0.0], [x, y, height], [x - 0.8, y, height - 0.5], [x + 0.8, y, height - 0.5]])
    )
    if depth.min() < 1.0:
        return
    points = [(round(float(u)), round(float(v))) for u, v in pixels]
    cv2.line(canvas, points[0], points[1], (150, 154, 156), max(2, int(0.2 * CAMERA.focal / depth[0])), cv2.LINE_AA)
    cv2.line(canvas, points[2], points[3], (96, 98, 100), max(1, int(0.1 * CAMERA.focal / depth[0])), cv2.LINE_AA)


def _no_parking_sign(canvas: Image, x: float, y: float) -> None:
    """Sign P.131a of QCVN 41: a blue disc in a red ring with one red bar."""
    pixels, depth = CAMERA.project(np.array([[x, y, 0.0], [x, y, 2.3]]))
    foot, head = ((round(float(u)), round(float(v))) for u, v in pixels)
    radius = int(0.36 * CAMERA.focal / depth[1])
    cv2.line(canvas, foot, head, (170, 172, 174), max(2, radius // 5), cv2.LINE_AA)
    cv2.circle(canvas, head, radius, (40, 36, 200), -1, cv2.LINE_AA)
    cv2.circle(canvas, head, int(radius * 0.76), (168, 84, 24), -1, cv2.LINE_AA)
    reach = int(radius * 0.6)
    start, end = (head[0] - reach, head[1] - reach), (head[0] + reach, head[1] + reach)
    cv2.line(canvas, start, end, (40, 36, 200), max(2, radius // 5), cv2.LINE_AA)


def background() -> Image:
    """The empty street, supersampled BGR."""
    rng = np.random.default_rng(2025)
    ground, reach = _ground(rng)
    canvas = np.clip(np.where(np.isinf(reach)[..., None], _sky(reach), ground), 0, 255).astype(np.uint8)
    for distance, height, colour in ((900.0, 85.0, (196, 186, 168)), (500.0, 34.0, (164, 168, 146))):
        bearing = np.linspace(-0.7, 1.3, 90)
        hills = height * (0.55 + 0.3 * np.sin(5 * bearing) + 0.15 * np.sin(13 * bearing + 1))
        ridge = np.stack([distance * np.sin(bearing), distance * np.cos(bearing), hills], 1)
        _polygon(canvas, np.concatenate([ridge, ridge[::-1] * [1, 1, 0]]), colour)
    walls: list[Bgr] = [
        (176, 206, 222),
        (196, 214, 206),
        (206, 206, 214),
        (150, 190, 216),
        (214, 206, 186),
        (170, 180, 214),
    ]
    for y in (92.0, 82.0, 73.0, 63.0, 54.0, 44.0, 35.0, 26.5, 17.5):
        for side in (-1.0, 1.0):
            if side > 0 or y > 22:
                _house(canvas, rng, side, y, walls[int(rng.integers(len(walls)))])
        _tree(canvas, rng, PAVEMENT_END_M - 0.5, y - 1.0, float(rng.uniform(4.5, 6)))
        _tree(canvas, rng, -PAVEMENT_END_M - 1.4, y + 3.0, float(rng.uniform(4, 5.5)))
        if round(y) % 2:
            _pole(canvas, ROAD_HALF_WIDTH_M + 0.7, y - 3, 7.5)
    _no_parking_sign(canvas, ROAD_HALF_WIDTH_M + 0.6, 26.0)
    return canvas
