"""Regions of a picture of changes: connected cells of 4 by 4 pixels in which enough of them changed."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

CELL = 4
"""Side of a cell in pixels of the small picture."""
_CELL_PIXELS = 2
"""A cell in which fewer pixels changed is noise."""
_REGION_PIXELS = 6
"""And so is a region of fewer pixels."""
_PER_PIXEL = 255.0 / CELL**2
MAX_REGIONS = 128
"""The largest are looked at; more are a snowstorm."""

Cells = NDArray[np.uint8]
"""(rows, columns): 1 where a cell changed."""


@dataclass(frozen=True, slots=True)
class Regions:
    """Parallel arrays, the largest region first.

    Attributes:
        boxes: (N, 4) float32, xyxy in cells.
        pixels: (N,) float32, how many pixels changed.
    """

    boxes: NDArray[np.float32]
    pixels: NDArray[np.float32]
    sides: NDArray[np.float32] = field(init=False)
    """(N,) the longer side of each, in cells."""

    def __post_init__(self) -> None:
        # Side by side, not as (N, 2): numpy is slow along an axis of two.
        left, top, right, bottom = self.boxes.T
        object.__setattr__(self, "sides", np.maximum(right - left, bottom - top))

    def __len__(self) -> int:
        return len(self.pixels)

    def mirrored(self, axis: int, shape: tuple[int, ...]) -> Regions:
        """The same as a mirror shows them, left to right (`axis` 0) or upside down (1); `shape` is the picture's."""
        boxes = self.boxes.copy()
        boxes[:, [axis, axis + 2]] = shape[1 - axis] - self.boxes[:, [axis + 2, axis]]
        return Regions(boxes, self.pixels)

    def normalised(
        self, rows: NDArray[np.bool_], shape: tuple[int, ...]
    ) -> tuple[tuple[float, float, float, float], ...]:
        """The boxes that `rows` marks, in shares of a picture of `shape` cells."""
        height, width = shape
        boxes: list[list[float]] = (self.boxes[rows] / (width, height, width, height)).tolist()
        return tuple((box[0], box[1], box[2], box[3]) for box in boxes)


_NONE = Regions(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


def fill_cells(changed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """How much of each cell changed: (H / CELL, W / CELL), 255 where all of it did.

    Args:
        changed: (H, W) 255 where a pixel changed, 0 elsewhere; H and W are whole cells.
    """
    height, width = changed.shape
    return np.asarray(cv2.resize(changed, (width // CELL, height // CELL), interpolation=cv2.INTER_AREA), np.uint8)


def find_regions(filled: NDArray[np.uint8], *, except_cells: NDArray[np.bool_] | None = None) -> tuple[Cells, Regions]:
    """Find the cells and regions that changed.

    Args:
        filled: Of `fill_cells`.
        except_cells: Cells that do not count.
    """
    if except_cells is not None:
        filled = np.where(except_cells, 0, filled).astype(np.uint8)
    cells = (filled >= round(_CELL_PIXELS * _PER_PIXEL)).astype(np.uint8)
    if not cells.any():
        return cells, _NONE
    joined = cv2.dilate(cells, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    weights = np.where(cells > 0, filled, 0)
    pixels = np.bincount(labels.ravel(), weights.ravel(), count)[1:] / _PER_PIXEL
    order = np.argsort(-pixels, kind="stable")[:MAX_REGIONS]
    order = order[pixels[order] >= _REGION_PIXELS]
    corners = stats[1:][order, :4].astype(np.float32)
    corners[:, 2:] += corners[:, :2]
    return cells, Regions(corners, pixels[order].astype(np.float32))
