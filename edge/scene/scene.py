"""The fixed scene of one camera: zones, lines, directions, ground plane, signals and schedules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Self
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from contract.camera_config import CalibrationConfig, CameraConfig, LineConfig, PlanSignalConfig, ZoneConfig
from contract.geometry import Point, distance, isotropic, offset_from_line, point_in_polygon, polygon_centre
from contract.rules.base import ScheduleRef
from contract.schedule import Schedule
from contract.site_config import SiteConfig
from edge.scene.homography import Homography
from edge.scene.lens import Lens
from edge.scene.lines import DirectedLine
from edge.scene.signals import PlanSignal
from edge.types import SignalState

_BESIDE = 0.005
"""Share of the picture."""
MAX_REMEMBERED = 2048
"""Points whose zones and ground are remembered: some frames of a crowd. All rules ask about the same ones."""
_CELLS = 128
"""The picture is cut into so many times so many cells: all points of a cell without a border lie in the same zones."""
_TOUCHES = 1e-9
"""A border this near to a cell runs through it."""


@dataclass(slots=True)
class _Memory:
    """Answers that were given already. They follow from the scene alone, so that nobody sees whether they are kept."""

    outlines: tuple[tuple[str, float, float, float, float, tuple[Point, ...]], ...] = ()
    """Zone id, bounding box, corners."""
    cells: dict[int, frozenset[str] | None] = field(default_factory=dict)
    """Row by row: the zones of all points in a cell; None: a border runs through it."""
    inside: dict[Point, frozenset[str]] = field(default_factory=dict)
    """Points of such cells."""
    ground: dict[Point, Point | None] = field(default_factory=dict)
    """Through a lens: to bend it straight takes longer than to look it up."""
    directions: dict[tuple[str, float], Point] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a camera looks at, resolved from its configuration. Immutable; holds no state of what was seen."""

    camera_id: str
    zones: Mapping[str, ZoneConfig]
    lines: Mapping[str, LineConfig]
    homography: Homography | None
    signals: frozenset[str]
    """Every signal that rules may name, whatever tells its state."""
    plans: Mapping[str, PlanSignal]
    """Those of them whose state follows from the time of day."""
    schedules: Mapping[str, Schedule]
    timezone: tzinfo
    _memory: _Memory = field(default_factory=_Memory, repr=False, compare=False)

    @classmethod
    def from_config(cls, camera: CameraConfig, site: SiteConfig) -> Self:
        """Resolve a camera file against its site.

        Raises:
            ValueError: The time zone is unknown or the calibration points fix no ground plane; says which camera.
        """
        try:
            timezone = ZoneInfo(site.site.timezone)
            homography = ground_plane(camera.calibration) if camera.calibration else None
        except (KeyError, ValueError) as error:
            raise ValueError(f"camera {camera.camera.id}: {error}") from error
        return cls(
            camera_id=camera.camera.id,
            zones=camera.zones,
            lines=camera.lines,
            homography=homography,
            signals=frozenset(camera.signals),
            plans={
                name: PlanSignal.from_config(signal, timezone)
                for name, signal in camera.signals.items()
                if isinstance(signal, PlanSignalConfig)
            },
            schedules={
                name: Schedule.from_config(schedule, timezone, site.named_days)
                for name, schedule in site.schedules.items()
            },
            timezone=timezone,
        )

    @property
    def calibration_error_m(self) -> float | None:
        """RMS error of the calibration points in metres; None (unknown) without one or with only four points."""
        return self.homography.error_m if self.homography else None

    def zone_contains(self, zone_id: str, point: Point) -> bool:
        """Tell whether a normalised point lies in a zone.

        Raises:
            ValueError: The camera has no such zone.
        """
        return zone_id in self.zones_at(point) or (zone_id not in self.zones and self.zone(zone_id) is None)

    def zones_at(self, point: Point) -> frozenset[str]:
        """Every zone that a normalised point lies in: one look for all rules and zones."""
        x, y = point
        if 0.0 <= x < 1.0 and 0.0 <= y < 1.0:
            cells, key = self._memory.cells, int(y * _CELLS) * _CELLS + int(x * _CELLS)
            try:
                inside = cells[key]
            except KeyError:
                self._look_at_row(key // _CELLS)
                inside = cells[key]
            if inside is not None:
                return inside
        known = self._memory.inside.get(point)
        return self._exact_zones_at(point) if known is None else known

    def _look_at_row(self, row: int) -> None:
        """Find out about all cells of a row, each edge and cell at once."""
        lefts = np.arange(_CELLS) / _CELLS
        top = row / _CELLS
        crossed = np.zeros(_CELLS, np.bool_)
        for zone in self.zones.values():
            corners = np.array(zone.coordinates)
            crossed |= _crossed(corners, np.roll(corners, -1, axis=0), lefts, top)
        inside, half = None, 0.5 / _CELLS
        for column, is_crossed in enumerate(crossed.tolist()):
            if is_crossed:
                inside = None
            elif inside is None:  # no border is between a cell and the next
                inside = self._exact_zones_at((column / _CELLS + half, top + half))
            self._memory.cells[row * _CELLS + column] = inside

    def _exact_zones_at(self, point: Point) -> frozenset[str]:
        memory, (x, y) = self._memory, point
        if not memory.outlines and self.zones:
            memory.outlines = tuple(_outline(name, zone.coordinates) for name, zone in self.zones.items())
        inside = frozenset(
            name
            for name, left, top, right, bottom, corners in memory.outlines
            if left <= x <= right and top <= y <= bottom and point_in_polygon(point, corners)
        )
        if len(memory.inside) >= MAX_REMEMBERED:
            memory.inside.clear()
        memory.inside[point] = inside
        return inside

    def zone(self, zone_id: str) -> ZoneConfig:
        """Look up a zone.

        Raises:
            ValueError: The camera has no such zone.
        """
        try:
            return self.zones[zone_id]
        except KeyError:
            raise ValueError(
                f"camera {self.camera_id}: unknown zone {zone_id!r}; zones: {', '.join(self.zones) or 'none'}"
            ) from None

    def distance_m(self, a: Point, b: Point) -> float | None:
        """Distance on the ground between two normalised points; None without a homography or above the horizon."""
        if self.homography is None:
            return None
        ground_a, ground_b = self._to_ground(self.homography, a), self._to_ground(self.homography, b)
        return None if ground_a is None or ground_b is None else distance(ground_a, ground_b)

    def to_plane(self, point: Point, aspect: float) -> Point | None:
        """Map a normalised point to where lengths and angles can be measured.

        Metres on the ground with a homography (None above the horizon), else picture heights.
        """
        if self.homography is None:
            return isotropic(point, aspect)
        return self._to_ground(self.homography, point)

    def _to_ground(self, homography: Homography, point: Point) -> Point | None:
        if homography.lens is None:
            return homography.to_ground(point)
        known = self._memory.ground
        if point in known:
            return known[point]
        if len(known) >= MAX_REMEMBERED:
            known.clear()
        ground = known[point] = homography.to_ground(point)
        return ground

    def lane_direction(self, zone_id: str, aspect: float) -> Point:
        """Vector of a lane's travel in the plane of `to_plane`, any length.

        Raises:
            ValueError: The zone is unknown, has no direction, or its arrow reaches above the horizon.
        """
        known = self._memory.directions.get((zone_id, aspect))
        if known is not None:
            return known
        arrow = self.zone(zone_id).direction
        if arrow is None:
            raise ValueError(f"camera {self.camera_id}: zone {zone_id!r} has no direction: add `direction:` to it")
        start, end = (self.to_plane(point, aspect) for point in arrow)
        if start is None or end is None:
            raise ValueError(
                f"camera {self.camera_id}: the direction of zone {zone_id!r} reaches above the horizon: shorten it"
            )
        direction = self._memory.directions[(zone_id, aspect)] = (end[0] - start[0], end[1] - start[1])
        return direction

    def signals_at(self, utc: datetime) -> dict[str, SignalState]:
        """What each signal with a fixed plan shows at an aware time."""
        return {name: plan.state_at(utc) for name, plan in self.plans.items()}

    def directed_line(self, line_id: str, aspect: float) -> DirectedLine:
        """A line with its far side, in the plane of `to_plane`.

        Raises:
            ValueError: The line is unknown, has no far side, or reaches above the horizon.
        """
        line = self.lines.get(line_id)
        if line is None:
            known = ", ".join(self.lines) or "none"
            raise ValueError(f"camera {self.camera_id}: unknown line {line_id!r}; lines: {known}")
        if line.into is None:
            raise ValueError(f"camera {self.camera_id}: line {line_id!r} has no far side: add `into:` to it")
        return _directed(self, line_id, aspect)

    def check_signal(self, signal_id: str) -> None:
        """Make sure that a signal exists.

        Raises:
            ValueError: The camera has no such signal.
        """
        if signal_id not in self.signals:
            raise ValueError(f"camera {self.camera_id}: unknown signal {signal_id!r}: define it under `signals:`")

    def schedule(self, ref: ScheduleRef) -> Schedule:
        """Resolve a schedule's name or inline ranges.

        Raises:
            ValueError: The site has no such schedule.
        """
        if not isinstance(ref, str):
            return _inline(ref, self.timezone)
        try:
            return self.schedules[ref]
        except KeyError:
            known = ", ".join(self.schedules) or "none"
            raise ValueError(f"camera {self.camera_id}: unknown schedule {ref!r}; schedules: {known}") from None

    def is_active(self, ref: ScheduleRef | None, utc: datetime) -> bool:
        """Tell whether a schedule holds at an aware time; None always holds.

        Raises:
            ValueError: The site has no such schedule, or the time is naive.
        """
        return ref is None or self.schedule(ref).is_active(utc)


def _crossed(
    starts: NDArray[np.float64], ends: NDArray[np.float64], lefts: NDArray[np.float64], top: float
) -> NDArray[np.bool_]:
    """(cells,) whether an edge may run through a cell of a row: never False where one does.

    Args:
        starts: (edges, 2).
        ends: (edges, 2).
        lefts: (cells,) the cells' left sides.
        top: Their upper side.
    """
    side = 1.0 / _CELLS
    (x1, y1), (x2, y2) = starts.T[:, :, None], ends.T[:, :, None]
    left, right, upper, lower = lefts - _TOUCHES, lefts + side + _TOUCHES, top - _TOUCHES, top + side + _TOUCHES
    near = (np.maximum(x1, x2) >= left) & (np.minimum(x1, x2) <= right)
    near &= (np.maximum(y1, y2) >= upper) & (np.minimum(y1, y2) <= lower)
    # On which side of the edge each corner lies; a cell of which all lie on one side is not crossed.
    sides = [(x2 - x1) * (y - y1) - (y2 - y1) * (x - x1) for x in (left, right) for y in (upper, lower)]
    near &= (np.minimum.reduce(sides) <= 0.0) & (np.maximum.reduce(sides) >= 0.0)
    crossed: NDArray[np.bool_] = near.any(axis=0)
    return crossed


def _outline(zone_id: str, corners: tuple[Point, ...]) -> tuple[str, float, float, float, float, tuple[Point, ...]]:
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    # A little wider: the box only spares the exact look, and must not decide where that one rounds.
    return (zone_id, min(xs) - _TOUCHES, min(ys) - _TOUCHES, max(xs) + _TOUCHES, max(ys) + _TOUCHES, corners)


def ground_plane(calibration: CalibrationConfig) -> Homography:
    """Fit a camera's ground plane.

    Raises:
        ValueError: The points fix none, or the lens cannot be.
    """
    lens = Lens.from_config(calibration.lens) if calibration.lens else None
    return Homography.fit(calibration.image, calibration.ground_m, lens=lens, point_error_m=calibration.point_error_m)


def _directed(scene: Scene, line_id: str, aspect: float) -> DirectedLine:
    line = scene.lines[line_id]
    start, end = (scene.to_plane(point, aspect) for point in line.coordinates)
    centre = polygon_centre(scene.zone(line.into or "").coordinates)
    # A point a little beyond the line's middle: the zone's centre itself may lie above the horizon.
    (x1, y1), (x2, y2) = line.coordinates
    step = math.copysign(_BESIDE / distance((x1, y1), (x2, y2)), offset_from_line(centre, line.coordinates))
    beyond = scene.to_plane(((x1 + x2) / 2.0 - (y2 - y1) * step, (y1 + y2) / 2.0 + (x2 - x1) * step), aspect)
    if start is None or end is None or beyond is None:
        raise ValueError(
            f"camera {scene.camera_id}: line {line_id!r} reaches above the horizon: draw it lower, or correct the "
            "calibration"
        )
    return DirectedLine(start, end, 1.0 if offset_from_line(beyond, (start, end)) > 0.0 else -1.0)


@lru_cache(maxsize=256)
def _inline(ranges: tuple[str, ...], timezone: tzinfo) -> Schedule:
    return Schedule.from_ranges(ranges, timezone)
