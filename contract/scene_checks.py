"""What a camera's zones, lines, masks and calibration must be like beyond their keys. Part of `config_checks`."""

from __future__ import annotations

from itertools import combinations

from contract.camera_config import CalibrationConfig, CameraConfig, LineConfig
from contract.geometry import (
    Point,
    distance,
    is_simple_polygon,
    offset_from_line,
    point_in_polygon,
    polygon_area,
    polygon_centre,
)
from contract.issues import Report
from contract.messages import Text, one_of
from contract.yaml_tree import Path

_MIN_AREA = 1e-5
_MIN_LINE = 0.005
_MIN_ARROW = 0.01
_AT_BORDER = 0.005
"""An object's ground contact never comes nearer to the picture's border by more than its box is wrong."""
_CLEAR_SIDE = 0.01
"""A zone's centre so near to a line lies on neither side of it."""
_THIN = 0.01
"""Points whose spread across is below this share of their length lie on one line."""
_SAMPLES = 40
"""Points of a line or rows of a zone that are looked for in the privacy masks."""


def check_scene(camera: CameraConfig, report: Report) -> None:
    """Refuse shapes that cannot be meant: each with the remedy."""
    polygons: list[tuple[Path, tuple[Point, ...]]] = [
        (("zones", zone_id, "coordinates"), zone.coordinates) for zone_id, zone in camera.zones.items()
    ]
    polygons += [(("motion", "mask", index), mask) for index, mask in enumerate(camera.motion.mask)]
    polygons += [(("privacy", "masks", index), mask) for index, mask in enumerate(camera.privacy.masks)]
    for path, polygon in polygons:
        if not _collinear(polygon) and not is_simple_polygon(polygon):
            report(path, Text("the polygon crosses itself"), Text("list the corners in order around it"))
        elif polygon_area(polygon) < _MIN_AREA:
            report(path, Text("the polygon has no area"), Text("give at least three corners that span a surface"))
    for zone_id, zone in camera.zones.items():
        place: Path = ("zones", zone_id)
        if zone.direction is not None and distance(*zone.direction) < _MIN_ARROW:
            report((*place, "direction"), Text("from and to are the same point"), Text("draw an arrow along the lane"))
        if camera.privacy.masks and all(_masked(camera, point) for point in _points_in(zone.coordinates)):
            report(
                (*place, "coordinates"),
                Text("the whole zone lies under a privacy mask, where nothing is seen"),
                Text("move it, or make the mask smaller"),
            )
    for line_id, line in camera.lines.items():
        _check_line(camera, line, ("lines", line_id), report)
    if camera.calibration is not None:
        _check_calibration(camera.calibration, report)


def _check_line(camera: CameraConfig, line: LineConfig, path: Path, report: Report) -> None:
    place: Path = (*path, "coordinates")
    start, end = line.coordinates
    if distance(start, end) < _MIN_LINE:
        report(place, Text("the line has no length"), Text("give its two ends"))
        return
    if any(
        max(start[axis], end[axis]) < _AT_BORDER or min(start[axis], end[axis]) > 1.0 - _AT_BORDER for axis in (0, 1)
    ):
        report(
            place,
            Text("the line runs along the picture's border, where nothing can cross it"),
            Text("move it into the picture"),
        )
    elif all(_masked(camera, _between(start, end, index / _SAMPLES)) for index in range(_SAMPLES + 1)):
        report(
            place,
            Text("the line lies under a privacy mask, where nothing is seen to cross it"),
            Text("move it, or make the mask smaller"),
        )
    if line.into is None:
        return
    if line.into not in camera.zones:
        report((*path, "into"), Text("unknown zone {zone!r}", zone=line.into), one_of(camera.zones))
    elif abs(offset_from_line(polygon_centre(camera.zones[line.into].coordinates), line.coordinates)) < _CLEAR_SIDE:
        report(
            (*path, "into"),
            Text("the centre of {zone!r} lies on the line, so neither side is the far one", zone=line.into),
            Text("name a zone that lies beyond the line, or draw one there"),
        )


def _check_calibration(calibration: CalibrationConfig, report: Report) -> None:
    flat = False
    for key, points in (("image", calibration.image), ("ground_m", calibration.ground_m)):
        if _collinear(points):
            report(("calibration", key), Text("the points lie on one line"), Text("choose points that span the ground"))
            flat = True
        elif any(_collinear((*points[:index], *points[index + 1 :])) for index in range(len(points))):
            report(
                ("calibration", key),
                Text("all points but one lie on one line, which fixes no ground plane"),
                Text("no three of four may lie on one line"),
            )
            flat = True
    if not flat and not _same_order(calibration):
        report(
            ("calibration", "ground_m"),
            Text("the points of image and ground_m do not belong together"),
            Text("list them in the same order, all of them on the ground"),
        )


def _collinear(points: tuple[Point, ...]) -> bool:
    first = points[0]
    far = max(points, key=lambda point: distance(first, point))
    length = distance(first, far)
    return length == 0.0 or max(abs(offset_from_line(point, (first, far))) for point in points) < _THIN * length


def _same_order(calibration: CalibrationConfig) -> bool:
    """Tell whether the ground's triangles turn as the picture's do: all the same way, or all the other way.

    What a camera sees in front of itself is never folded over: points paired in a wrong order are.
    """
    turns = set()
    pairs = list(zip(calibration.image, calibration.ground_m, strict=True))
    for corners in combinations(pairs, 3):
        sides = []
        for points in zip(*corners, strict=True):
            a, b, c = points
            length = max(distance(a, b), distance(b, c), distance(c, a))
            off = 0.0 if distance(a, b) == 0.0 else offset_from_line(c, (a, b))
            sides.append(0 if abs(off) < 3.0 * _THIN * length else 1 if off > 0.0 else -1)
        turns.add(sides[0] * sides[1])
    return not {1, -1} <= turns


def _masked(camera: CameraConfig, point: Point) -> bool:
    return any(point_in_polygon(point, mask) for mask in camera.privacy.masks)


def _between(a: Point, b: Point, share: float) -> Point:
    return (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]))


def _points_in(polygon: tuple[Point, ...]) -> list[Point]:
    """Its centre and a grid of points that lie in it."""
    left, right = min(x for x, _ in polygon), max(x for x, _ in polygon)
    top, bottom = min(y for _, y in polygon), max(y for _, y in polygon)
    grid = [
        (left + (right - left) * (column + 0.5) / _SAMPLES, top + (bottom - top) * (row + 0.5) / _SAMPLES)
        for column in range(_SAMPLES)
        for row in range(_SAMPLES)
    ]
    return [polygon_centre(polygon), *(point for point in grid if point_in_polygon(point, polygon))]
