"""Vehicles of the rendered street as small polygon meshes.

Object frame, metres: x to the vehicle's right, y forward, z up, origin on the ground below the vehicle's middle.
A car body is lofted: cross-sections at many stations along y, each a contour from one sill over the roof to the other.
What a facet is made of (paint, glass, lamp, tyre) is decided once from where it lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bgr = tuple[int, int, int]

GLASS: Bgr = (58, 46, 38)
TYRE: Bgr = (28, 28, 30)
RIM: Bgr = (178, 176, 172)
BLACK: Bgr = (24, 24, 24)
HEADLAMP: Bgr = (248, 244, 236)
TAIL_LAMP: Bgr = (36, 24, 196)
PLATE: Bgr = (225, 228, 228)
SKIN: Bgr = (120, 155, 205)

PAINT_GLOSS = 0.35
GLASS_GLOSS = 0.9
MATT = 0.04


@dataclass(frozen=True, slots=True)
class Mesh:
    """Quadrilateral facets.

    Attributes:
        corners: (F, 4, 3) float64, metres in the object frame, counter-clockwise seen from outside.
        colour: (F, 3) float64, BGR in [0, 255].
        gloss: (F,) float64, share of mirrored sky.
    """

    corners: Floats
    colour: Floats
    gloss: Floats


@dataclass(frozen=True, slots=True)
class BodyShape:
    """A car body's outline, metres.

    Attributes:
        top: (y, z) points of the side view's upper outline, from the tail to the nose.
        glass: y at the rear window's foot and head, then at the windscreen's head and foot.
    """

    width: float
    shoulder_z: float
    top: tuple[tuple[float, float], ...]
    glass: tuple[float, float, float, float]
    wheel_y: tuple[float, ...]
    wheel_radius: float = 0.31
    sill_z: float = 0.2
    tumblehome: float = 0.34


SEDAN = BodyShape(
    1.74,
    0.92,
    (
        (-2.2, 0.5), (-2.17, 0.78), (-2.05, 0.98), (-1.55, 1.04), (-0.95, 1.38), (-0.4, 1.47),
        (0.25, 1.46), (0.5, 1.41), (1.15, 1.0), (1.75, 0.88), (2.05, 0.76), (2.17, 0.62), (2.2, 0.45),
    ),
    (-1.55, -0.9, 0.42, 1.15),
    (-1.32, 1.34),
)  # fmt: skip
SUV = BodyShape(
    1.82,
    1.06,
    (
        (-2.2, 0.55), (-2.18, 1.0), (-2.1, 1.12), (-1.85, 1.6), (-1.5, 1.7), (0.1, 1.7), (0.45, 1.62),
        (1.1, 1.15), (1.85, 1.04), (2.12, 0.92), (2.19, 0.7), (2.2, 0.5),
    ),
    (-2.1, -1.85, 0.4, 1.1),
    (-1.35, 1.36),
    wheel_radius=0.36,
    sill_z=0.28,
)  # fmt: skip
VAN = BodyShape(
    1.92,
    1.2,
    (
        (-2.6, 0.5), (-2.59, 1.2), (-2.5, 2.05), (-2.3, 2.2), (1.1, 2.2), (1.45, 2.1), (2.2, 1.22),
        (2.5, 1.05), (2.59, 0.75), (2.6, 0.45),
    ),
    (-2.59, -2.5, 1.4, 2.2),
    (-1.6, 1.7),
    wheel_radius=0.34,
    tumblehome=0.14,
)  # fmt: skip


def _join(meshes: Sequence[Mesh]) -> Mesh:
    return Mesh(
        np.concatenate([mesh.corners for mesh in meshes]),
        np.concatenate([mesh.colour for mesh in meshes]),
        np.concatenate([mesh.gloss for mesh in meshes]),
    )


def _plain(corners: Floats, colour: Bgr, gloss: float) -> Mesh:
    count = len(corners)
    return Mesh(corners, np.tile(np.array(colour, float), (count, 1)), np.full(count, gloss))


def _grid_quads(points: Floats) -> Floats:
    """(M, N, 3) surface points to ((M-1)(N-1), 4, 3) quads."""
    quads = np.stack([points[:-1, :-1], points[1:, :-1], points[1:, 1:], points[:-1, 1:]], axis=2)
    return quads.reshape(-1, 4, 3)


def normals(corners: Floats) -> Floats:
    """Unit normals of quads, (F, 3), from their diagonals (a zero facet gives a zero normal)."""
    cross = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    length = np.linalg.norm(cross, axis=1, keepdims=True)
    return np.asarray(cross / np.maximum(length, 1e-9))


def ellipsoid(centre: Sequence[float], radii: Sequence[float], colour: Bgr, gloss: float = MATT) -> Mesh:
    """A ball stretched along the axes."""
    azimuth, polar = np.linspace(0, 2 * np.pi, 15), np.linspace(np.pi, 0, 9)
    grid = np.stack(
        [
            np.outer(np.sin(polar), np.cos(azimuth)),
            np.outer(np.sin(polar), np.sin(azimuth)),
            np.outer(np.cos(polar), np.ones_like(azimuth)),
        ],
        axis=2,
    )
    return _plain(_grid_quads(np.swapaxes(grid, 0, 1) * radii + centre), colour, gloss)


def limb(start: Sequence[float], end: Sequence[float], radius: float, colour: Bgr, gloss: float = MATT) -> Mesh:
    """A tube between two points with balls at its ends."""
    a, b = np.array(start, float), np.array(end, float)
    axis = (b - a) / np.linalg.norm(b - a)
    side = np.cross(axis, [0.0, 0.0, 1.0] if abs(axis[2]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    up = np.cross(axis, side)
    turn = np.linspace(0, 2 * np.pi, 11)
    ring = radius * (np.outer(np.cos(turn), side) + np.outer(np.sin(turn), up))
    tube = np.stack([a + ring, b + ring], axis=1)
    balls = [ellipsoid(point, (radius,) * 3, colour, gloss) for point in (start, end)]
    return _join([_plain(_grid_quads(tube), colour, gloss), *balls])


def box(low: Sequence[float], high: Sequence[float], colour: Bgr, gloss: float = MATT) -> Mesh:
    """An upright box, each face cut into 6 x 6 facets so that depth sorting works."""
    low_, high_ = np.array(low, float), np.array(high, float)
    step = np.linspace(0, 1, 7)
    faces = []
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        for level in (0.0, 1.0):
            unit = np.zeros((7, 7, 3))
            unit[:, :, axis] = level
            unit[:, :, u], unit[:, :, v] = np.meshgrid(step, step, indexing="ij")
            quads = _grid_quads(low_ + unit * (high_ - low_))
            faces.append(quads if level else quads[:, ::-1])
    return _plain(np.concatenate(faces), colour, gloss)


def wheel(centre: Sequence[float], radius: float, width: float, rim: Bgr = RIM) -> Mesh:
    """A wheel whose axle points along x."""
    turn = np.linspace(0, 2 * np.pi, 25)
    circle = np.stack([np.zeros_like(turn), np.cos(turn), np.sin(turn)], axis=1)
    tread = np.stack([circle * radius + [-width / 2, 0, 0], circle * radius + [width / 2, 0, 0]], axis=0)
    parts = [_plain(_grid_quads(tread)[:, ::-1] + centre, TYRE, MATT)]
    for side in (-1.0, 1.0):
        for inner, outer, colour in ((0.62, 1.0, TYRE), (0.2, 0.62, rim), (0.0, 0.2, BLACK)):
            ring = np.stack([circle * radius * outer, circle * radius * inner], axis=0)
            quads = _grid_quads(ring) + np.add(centre, (side * width / 2, 0, 0))
            parts.append(_plain(quads[:, ::-1] if side > 0 else quads, colour, MATT))
    return _join(parts)


def _contour(shape: BodyShape, half_width: float, top_z: float) -> Floats:
    """(N, 2) x, z points of one cross-section, from the right sill over the top to the left sill."""
    shoulder = min(shape.shoulder_z, top_z - 0.02)
    cabin = top_z - shoulder
    roof_x = half_width - shape.tumblehome * cabin
    radius = min(0.09, 0.4 * cabin + 0.02)
    sill = min(shape.sill_z, shoulder - 0.05)
    knots = np.array(
        [
            (half_width * 0.93, sill),
            (half_width * 0.99, sill + 0.2 * (shoulder - sill)),
            (half_width, sill + 0.6 * (shoulder - sill)),
            (half_width * 0.985, shoulder),
            (roof_x, top_z - radius),
            (roof_x - radius, top_z),
            (0.0, top_z + 0.015),
        ]
    )
    counts = (3, 4, 4, 9, 3, 7)
    right = [np.linspace(knots[i], knots[i + 1], n, endpoint=False) for i, n in enumerate(counts)]
    half = np.concatenate([*right, knots[-1:]])
    return np.concatenate([half, (half * [-1, 1])[-2::-1]])


def _side_look(shape: BodyShape, paint: Bgr, y: float, z: float, top_z: float) -> tuple[Bgr, float]:
    """Material of a facet on a body's flank."""
    rear_foot, _, _, front_foot = shape.glass
    for wheel_y in shape.wheel_y:
        if np.hypot(y - wheel_y, z - shape.wheel_radius) < shape.wheel_radius + 0.05:
            return BLACK, MATT
    if z > shape.shoulder_z + 0.03 and z < top_z - 0.1 and rear_foot + 0.1 < y < front_foot - 0.05:
        pillar = abs(y - 0.5 * (shape.wheel_y[0] + shape.wheel_y[-1]) + 0.05) < 0.05
        return (BLACK, MATT) if pillar else (GLASS, GLASS_GLOSS)
    if z < shape.sill_z + 0.1:
        return BLACK, MATT
    door = any(abs(y - edge) < 0.035 for edge in (-0.95, -0.05, 0.95)) and z < shape.shoulder_z
    return (_darker(paint, 0.55), MATT) if door else (paint, PAINT_GLOSS)


def _end_look(shape: BodyShape, paint: Bgr, x: float, y: float, z: float) -> tuple[Bgr, float]:
    """Material of a facet that faces forward or backward below the windows."""
    front, across = y > 0, abs(x) / (shape.width / 2)
    lamp_z = shape.shoulder_z * (0.76 if front else 0.9)
    if across > 0.6 and abs(z - lamp_z) < 0.1:
        return (HEADLAMP if front else TAIL_LAMP), 0.1
    if abs(x) < 0.24 and abs(z - (0.46 if front else 0.72)) < 0.06:
        return PLATE, MATT
    if front and across < 0.55 and z < shape.shoulder_z * 0.8:
        return BLACK, MATT
    if z < shape.sill_z + 0.16:
        return BLACK, MATT
    return paint, PAINT_GLOSS


def _darker(colour: Bgr, share: float) -> Bgr:
    return (int(colour[0] * share), int(colour[1] * share), int(colour[2] * share))


def car(shape: BodyShape, paint: Bgr) -> Mesh:
    """A car, or a van, with its wheels."""
    outline = np.array(shape.top)
    tail, nose = outline[0, 0], outline[-1, 0]
    stations = np.unique(np.concatenate([np.linspace(tail, nose, 68), outline[:, 0]]))
    top = np.interp(stations, outline[:, 0], outline[:, 1])
    half = shape.width / 2 * (1 - 0.16 * np.abs(2 * (stations - tail) / (nose - tail) - 1) ** 8)
    rings = [np.insert(_contour(shape, h, t), 1, y, axis=1) for y, t, h in zip(stations, top, half, strict=True)]
    surface = np.stack(rings)
    corners = _grid_quads(surface)
    caps = [_cap(surface[-1])[:, ::-1], _cap(surface[0])]
    corners = np.concatenate([corners, *caps])
    centre, normal = corners.mean(axis=1), normals(corners)
    colour, gloss = np.zeros((len(corners), 3)), np.zeros(len(corners))
    for index, ((x, y, z), (_, ny, nz)) in enumerate(zip(centre, normal, strict=True)):
        top_z = float(np.interp(y, outline[:, 0], outline[:, 1]))
        look = _look(shape, paint, (x, y, z), (ny, nz), top_z)
        colour[index], gloss[index] = look
    body = Mesh(corners, colour, gloss)
    track = shape.width / 2 - 0.1
    wheels = [
        wheel((x, y, shape.wheel_radius), shape.wheel_radius, 0.22) for x in (-track, track) for y in shape.wheel_y
    ]
    mirrors = [
        ellipsoid(
            (side * (shape.width / 2 + 0.1), shape.glass[3] - 0.3, shape.shoulder_z + 0.1), (0.11, 0.06, 0.08), paint
        )
        for side in (-1.0, 1.0)
    ]
    return _join([body, *wheels, *mirrors])


def _cap(ring: Floats) -> Floats:
    """Close an end: quads between the right and the left half of a contour."""
    middle = len(ring) // 2
    right, left = ring[: middle + 1], ring[: middle - 1 : -1]
    across = np.linspace(0, 1, 9)[None, :, None]
    return _grid_quads(right[:, None] * (1 - across) + left[:, None] * across)


def _look(
    shape: BodyShape, paint: Bgr, at: tuple[float, float, float], facing: tuple[float, float], top_z: float
) -> tuple[Bgr, float]:
    x, y, z = at
    normal_y, normal_z = facing
    rear_foot, rear_head, front_head, front_foot = shape.glass
    inside_pillars = abs(x) < shape.width / 2 - shape.tumblehome * max(0.0, z - shape.shoulder_z) - 0.14
    on_window = rear_foot - 0.02 < y < rear_head - 0.02 or front_head + 0.02 < y < front_foot - 0.03
    if on_window and inside_pillars and z > shape.shoulder_z + 0.04:
        return GLASS, GLASS_GLOSS
    if abs(normal_y) > 0.6 and z < shape.shoulder_z + 0.12:
        return _end_look(shape, paint, x, y, z)
    if normal_z < 0.75 and abs(normal_y) < 0.6:
        return _side_look(shape, paint, y, z, top_z)
    return paint, PAINT_GLOSS


def truck(cab_paint: Bgr, cargo_paint: Bgr) -> Mesh:
    """A light lorry: a cab before a box body."""
    cab = BodyShape(
        1.9,
        1.35,
        ((0.95, 0.6), (0.96, 2.0), (1.05, 2.2), (2.2, 2.2), (2.4, 2.1), (2.72, 1.35), (2.78, 0.9), (2.8, 0.5)),
        (0.95, 0.96, 2.38, 2.75),
        (1.95,),
        wheel_radius=0.4,
        sill_z=0.4,
        tumblehome=0.1,
    )
    front = car(cab, cab_paint)
    cargo = box((-1.0, -2.9, 0.75), (1.0, 0.85, 2.6), cargo_paint, 0.08)
    frame = box((-0.85, -2.9, 0.45), (0.85, 1.0, 0.75), BLACK)
    wheels = [wheel((x, -1.9, 0.4), 0.4, 0.3) for x in (-0.78, 0.78)]
    lamps = [box((x - 0.12, -2.95, 0.55), (x + 0.12, -2.9, 0.7), TAIL_LAMP) for x in (-0.7, 0.7)]
    return _join([front, frame, cargo, *wheels, *lamps])


def motorbike(paint: Bgr, shirt: Bgr, helmet: Bgr, trousers: Bgr = (70, 52, 40)) -> Mesh:
    """An underbone motorbike with its rider."""
    metal: Bgr = (120, 120, 122)
    parts = [
        wheel((0, 0.62, 0.29), 0.29, 0.1),
        wheel((0, -0.62, 0.29), 0.29, 0.12),
        limb((0.07, 0.62, 0.29), (0.06, 0.4, 0.92), 0.035, metal),
        limb((-0.07, 0.62, 0.29), (-0.06, 0.4, 0.92), 0.035, metal),
        ellipsoid((0, 0.62, 0.56), (0.1, 0.26, 0.07), paint, PAINT_GLOSS),
        ellipsoid((0, 0.42, 0.7), (0.2, 0.12, 0.32), paint, PAINT_GLOSS),
        ellipsoid((0, 0.05, 0.42), (0.17, 0.4, 0.17), paint, PAINT_GLOSS),
        ellipsoid((0, -0.45, 0.64), (0.16, 0.48, 0.15), paint, PAINT_GLOSS),
        ellipsoid((0, -0.3, 0.78), (0.15, 0.45, 0.07), BLACK),
        limb((0.12, -0.05, 0.3), (0.12, -0.6, 0.32), 0.06, metal),
        limb((-0.33, 0.3, 1.02), (0.33, 0.3, 1.02), 0.025, BLACK),
        ellipsoid((0, 0.46, 0.98), (0.14, 0.1, 0.11), paint, PAINT_GLOSS),
        ellipsoid((0, 0.54, 0.98), (0.1, 0.05, 0.08), HEADLAMP),
        ellipsoid((0, -0.92, 0.72), (0.09, 0.05, 0.06), TAIL_LAMP),
        box((-0.11, -0.98, 0.48), (0.11, -0.96, 0.62), PLATE),
        box((-0.05, -0.97, 0.4), (0.05, -0.9, 0.7), BLACK),
        limb((-0.3, 0.3, 1.05), (-0.36, 0.26, 1.2), 0.012, BLACK),
        limb((0.3, 0.3, 1.05), (0.36, 0.26, 1.2), 0.012, BLACK),
        ellipsoid((-0.37, 0.26, 1.22), (0.06, 0.02, 0.045), BLACK),
        ellipsoid((0.37, 0.26, 1.22), (0.06, 0.02, 0.045), BLACK),
        ellipsoid((0, -0.22, 1.12), (0.21, 0.14, 0.33), shirt),
        ellipsoid((0, -0.2, 1.3), (0.24, 0.12, 0.12), shirt),
        ellipsoid((0, -0.2, 0.88), (0.2, 0.18, 0.12), trousers),
        ellipsoid((0, -0.12, 1.56), (0.1, 0.11, 0.13), SKIN),
        ellipsoid((0, -0.14, 1.63), (0.14, 0.16, 0.13), helmet, 0.2),
    ]
    for side in (-1.0, 1.0):
        parts += [
            limb((side * 0.24, -0.2, 1.34), (side * 0.34, 0.0, 1.12), 0.06, shirt),
            limb((side * 0.34, 0.0, 1.12), (side * 0.31, 0.27, 1.05), 0.045, SKIN),
            limb((side * 0.12, -0.15, 0.88), (side * 0.22, 0.24, 0.8), 0.09, trousers),
            limb((side * 0.22, 0.24, 0.8), (side * 0.2, 0.06, 0.4), 0.07, trousers),
            ellipsoid((side * 0.2, 0.12, 0.33), (0.05, 0.13, 0.05), BLACK),
        ]
    return _join(parts)
