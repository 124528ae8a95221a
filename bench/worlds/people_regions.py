"""What the edge's static regions would say of things that nobody's detector knows: bags, rubbish, goods.

No picture is drawn in these worlds, so `edge.background` cannot look. This stands in for it by its own constants: a
thing is told late (it must hold for a while unhidden), dated back to when it appeared, hidden by people without being
forgotten, and gone a moment after it was taken. The errors (late, roughly boxed, missed, lost a while, shadows taken
for things) are assumptions, marked below; they were not measured on clips, as none with left things is at hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.worlds.noise import Sight
from bench.worlds.world import Trajectory, World
from edge.types import StaticRegion

Array = NDArray[np.float64]

SURE_S = (8.0, 14.0)
"""A change is told after it held, unhidden, for so long."""
GONE_S = (2.0, 4.0)
HIDDEN_SHARE = 0.5
DATED_S = 0.7
"""Assumed: standard error of the time at which it appeared."""
EDGE = 0.08
"""Assumed: standard error of each edge, in the thing's sides."""
MISSED = 0.02
"""Assumed: share of things that are never told."""
LOST_A_HOUR, LOST_S = 1.0, 20.0
"""Assumed: how often a region is lost and found again as a new one, and after how long."""
FALSE_A_HOUR, FALSE_S = 0.5, (20.0, 300.0)
"""Assumed: shadows, wet ground and the like."""
LEAST_PX = 4.0
"""Smaller things (in a picture 320 wide) are not seen."""


@dataclass(slots=True)
class _Known:
    """A thing as the edge knows it."""

    box: Array
    born_s: float
    dies_s: float
    sure_s: float
    """How long it must still hold."""
    dated_s: float
    gone_s: float
    region_id: int = 0
    seen_s: float = 0.0
    lost_until_s: float = -1.0


class RegionMaker:
    """Makes the static regions of a world's observations."""

    def __init__(self, world: World, strength: float) -> None:
        """Start.

        Args:
            world: Its things are the trajectories of class `thing`.
            strength: 0: without errors; 1: as assumed above; 2: twice as much.
        """
        self._rng = np.random.default_rng(world.seed + 7)
        self._strength = strength
        self._next_id = 0
        self._before_s: float | None = None
        self._things: list[_Known] = []
        for item in world.trajectories:
            known = self._know(world, item) if item.class_name == "thing" else None
            if known is not None:
                self._things.append(known)
        self._false(world)

    def look(self, sight: Sight, stream_s: float) -> tuple[StaticRegion, ...]:
        """All regions at a moment; called in order of time."""
        now_s, resolution = sight.time_s, np.array([*sight.resolution_wh] * 2, np.float64)
        step_s = 0.0 if self._before_s is None else now_s - self._before_s
        self._before_s = now_s
        regions = []
        for thing in self._things:
            if not thing.born_s <= now_s < thing.dies_s + thing.gone_s:
                continue
            is_there = now_s < thing.dies_s and _hidden(thing.box, sight.xyxy) < HIDDEN_SHARE
            self._age(thing, now_s, step_s, is_there=is_there)
            if thing.region_id == 0:
                continue
            x1, y1, x2, y2 = (thing.box / resolution).tolist()
            offset_s = stream_s - now_s
            regions.append(
                StaticRegion(
                    thing.region_id,
                    (x1, y1, x2, y2),
                    0.7 * (x2 - x1) * (y2 - y1),
                    thing.born_s + thing.dated_s + offset_s,
                    thing.seen_s + offset_s,
                )
            )
        return tuple(regions)

    def _age(self, thing: _Known, now_s: float, step_s: float, *, is_there: bool) -> None:
        if not is_there:
            return
        thing.seen_s = now_s
        if now_s < thing.lost_until_s:
            return
        if thing.region_id == 0:
            thing.sure_s -= step_s
            if thing.sure_s <= 0.0:
                self._next_id += 1
                thing.region_id = self._next_id
        elif self._rng.random() < self._strength * LOST_A_HOUR * step_s / 3600.0:
            thing.region_id, thing.sure_s = 0, SURE_S[0]
            thing.lost_until_s = now_s + float(self._rng.exponential(LOST_S))

    def _know(self, world: World, item: Trajectory) -> _Known | None:
        boxes, share, _ = world.view.boxes(
            item.xy_m[:1], item.heading_rad[:1], np.array([item.size_m]), np.array([item.lift_m])
        )
        box, rng = boxes[0], self._rng
        sides = box[2:] - box[:2]
        if share[0] == 0.0 or sides.min() * 320.0 / world.view.resolution_wh[0] < LEAST_PX:
            return None
        is_missed = rng.random() < self._strength * MISSED
        sure_s = float(rng.uniform(*SURE_S)) if self._strength else SURE_S[0]
        dated_s = float(rng.normal(0.0, self._strength * DATED_S))
        trembling = rng.normal(0.0, self._strength * EDGE, 4) * (*sides, *sides)
        gone_s = float(rng.uniform(*GONE_S))
        if is_missed:
            return None
        times = item.times_s
        return _Known(box + trembling, float(times[0]), float(times[-1]), sure_s, max(0.0, dated_s), gone_s)

    def _false(self, world: World) -> None:
        width, height = world.view.resolution_wh
        rng = self._rng
        for _ in range(int(rng.poisson(self._strength * FALSE_A_HOUR * world.duration_s / 3600.0))):
            begin_s, lasts_s = float(rng.uniform(0.0, world.duration_s)), float(rng.uniform(*FALSE_S))
            x, y = rng.uniform((0.0, 0.35 * height), (0.95 * width, 0.95 * height)).tolist()
            wide, high = rng.uniform(0.02, 0.08, 2).tolist()
            box = np.array([x, y, min(width, x + wide * width), min(height, y + high * height)])
            self._things.append(_Known(box, begin_s, begin_s + lasts_s, float(rng.uniform(*SURE_S)), 0.0, GONE_S[0]))


def _hidden(box: Array, others: Array) -> float:
    """Share of a box that people and vehicles which stand nearer to the camera hide, at most by one of them."""
    if not len(others):
        return 0.0
    low, high = np.maximum(others[:, :2], box[:2]), np.minimum(others[:, 2:], box[2:])
    common = np.maximum(high - low, 0.0).prod(axis=1)
    nearer = others[:, 3] >= box[3]
    return float((common * nearer).max() / max(1e-9, float((box[2:] - box[:2]).prod())))
