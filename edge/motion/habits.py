"""What a scene does all the time and nobody needs to see: rain, snow, insects (`Clutter`), trees, flags (`Flicker`).

Neither hides anything for good: what is doubtful is searched every few seconds instead of in every frame, and what
the tracker follows is never doubtful.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.motion.regions import CELL, Cells, Regions

Box = tuple[float, float, float, float]
"""xyxy, normalised."""

CLUTTER_S = 10.0
"""How long a scene's single flecks are remembered."""
CLUTTER_FLECKS = 3.0
"""More single flecks a frame than this are rain or snow; streets and yards without them make at most two."""
MOST_CHANCE = 0.9
"""A higher chance says nothing more."""
FLECK_SHARE = 0.05
"""In this share of the frames one fleck is larger than the size that is learned ..."""
FLECK_GAIN = 0.1
"""... which grows by this share each time: a lorry that is taken for a fleck raises it little."""
AT_ONCE = 1.5
"""In rain, what is this many times as large as that is seen at once, and what is only as large, when it was near in the
frame before or the one before that."""
REACH = 0.75
"""Near: not farther apart than this many of the longer side ..."""
ALIKE = 2.0
"""... and not more than this many times as large or small."""
LONGEST_STEP_S = 0.6
"""Frames farther apart than this say nothing of each other."""

FLICKER_S = 60.0
"""How long it takes a cell's activity to follow."""
FLICKER_SHARE = 0.25
"""A cell that changes for a larger share of the time, and in which nobody is followed, flickers: a tree that sways
half of the time is known after 40 s."""


class Clutter:
    """Tells what is a thing from what is a fleck: a thing is seen again near by, a drop of rain is not.

    Where it rains hard there is always some drop near by. How often that happens by chance is measured: by looking for
    the regions in the frame before as a mirror shows it.
    """

    def __init__(self) -> None:
        """Start by trusting everything at first sight."""
        self._new = 0.0
        self._chance = 0.0
        self._size = 2.0 * CELL
        self._before: Regions | None = None
        self._last: Regions | None = None
        self._last_is_new = np.zeros(0, np.bool_)

    @property
    def flecks(self) -> float:
        """Mean number of single flecks a frame."""
        return float(self._new) / (1.0 - min(self._chance, MOST_CHANCE))

    def trust(
        self, regions: Regions, elapsed_s: float, shape: tuple[int, ...], tracks: Sequence[Box]
    ) -> NDArray[np.bool_]:
        """Tell which regions are things, and learn what flecks there are.

        Args:
            regions: Of this frame.
            elapsed_s: Since the frame before.
            shape: Rows and columns of the cells.
            tracks: Normalised boxes of everything that is followed: what moves there is a thing.

        Returns:
            (N,) for each region.
        """
        if elapsed_s > LONGEST_STEP_S:
            self._before = self._last = None
        self._learn(regions, elapsed_s, shape)
        before, last = self._before, self._last
        self._before, self._last = last, regions
        if self.flecks <= CLUTTER_FLECKS:
            return np.ones(len(regions), np.bool_)
        again = _near(regions, last, REACH).any(axis=1) | _near(regions, before, REACH).any(axis=1)
        trusted = (regions.pixels >= AT_ONCE * self._size) | (again & (regions.pixels >= self._size))
        return trusted | _near_tracks(regions, tracks, shape)

    def _learn(self, regions: Regions, elapsed_s: float, shape: tuple[int, ...]) -> None:
        """Count the regions that lie on none of the frame before, and measure those on which none lies now either."""
        overlaps = _near(regions, self._last)
        is_new = np.asarray(~overlaps.any(axis=1), np.bool_)
        if self._last is not None:
            weight = 1.0 - math.exp(-elapsed_s / CLUTTER_S)
            self._new += weight * (float(np.count_nonzero(is_new)) - self._new)
            if len(regions) and len(self._last):
                mirrored = [_near(regions, self._last.mirrored(axis, shape)).any(axis=1) for axis in (0, 1)]
                share = sum(np.count_nonzero(seen) for seen in mirrored) / (2 * len(regions))
                self._chance += weight * (share - self._chance)
            fleeting = self._last_is_new & ~overlaps.any(axis=0)
            if fleeting.any():
                larger = float(self._last.pixels[fleeting].max()) > self._size
                self._size *= 1.0 + FLECK_GAIN * (larger - FLECK_SHARE)
        self._last_is_new = is_new if self._last is not None else np.zeros(len(regions), np.bool_)


class Flicker:
    """Knows the cells that change most of the time although nobody is there."""

    def __init__(self) -> None:
        """Start without any."""
        self._activity: NDArray[np.float32] | None = None

    def observe(self, cells: Cells, elapsed_s: float, followed: Sequence[Box]) -> NDArray[np.bool_] | None:
        """Take a frame's cells; return which flicker, with a margin of one cell, or None where none does.

        Args:
            cells: What changed.
            elapsed_s: Since the frame before.
            followed: Normalised boxes of tracks that move: where somebody goes is no tree.
        """
        if self._activity is None:
            self._activity = np.zeros(cells.shape, np.float32)
        cv2.accumulateWeighted(cells, self._activity, 1.0 - math.exp(-min(elapsed_s, 1.0) / FLICKER_S))
        rows, columns = cells.shape
        for x1, y1, x2, y2 in followed:
            top, left = max(0, int(y1 * rows) - 1), max(0, int(x1 * columns) - 1)
            self._activity[top : math.ceil(y2 * rows) + 1, left : math.ceil(x2 * columns) + 1] = 0.0
        flickering = (self._activity > FLICKER_SHARE).astype(np.uint8)
        if not flickering.any():
            return None
        return np.asarray(cv2.dilate(flickering, np.ones((3, 3), np.uint8)), np.bool_)


def _near(regions: Regions, others: Regions | None, reach: float = 0.0) -> NDArray[np.bool_]:
    """(N, M) whether a region and one of the others are of like size, and overlap or are near to each other."""
    if others is None or not len(regions) or not len(others):
        return np.zeros((len(regions), len(others) if others is not None else 0), np.bool_)
    # Side by side, not as (N, M, 4): numpy is slow along an axis of four.
    a, b = regions.boxes.T[:, :, None], others.boxes.T[:, None]
    beside = np.maximum(a[:2] - b[2:], b[:2] - a[2:])
    apart = np.maximum(beside[0], beside[1])
    sizes = regions.pixels[:, None] / others.pixels
    near: NDArray[np.bool_] = apart < (reach * np.maximum(regions.sides[:, None], others.sides) if reach else 0.0)
    near &= sizes <= ALIKE
    near &= sizes >= 1.0 / ALIKE
    return near


def _near_tracks(regions: Regions, tracks: Sequence[Box], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """(N,) whether a region overlaps a track."""
    if not tracks or not len(regions):
        return np.zeros(len(regions), np.bool_)
    rows, columns = shape
    found = np.array(tracks, np.float32) * (columns, rows, columns, rows)
    a, b = regions.boxes[:, None], found[None]
    overlap: NDArray[np.bool_] = np.all((a[..., :2] < b[..., 2:]) & (b[..., :2] < a[..., 2:]), axis=2)
    return np.asarray(overlap.any(axis=1), np.bool_)
