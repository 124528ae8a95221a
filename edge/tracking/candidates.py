"""Detections made ready to match: usable, in picture heights, the surest first, nothing named twice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.classes import lookalike_group
from edge.tracking.kalman import Place
from edge.types import Detections

Array = NDArray[np.float64]
Corners = tuple[float, float, float, float]
"""Left, top, right and bottom in picture heights."""

DOUBLE_OVERLAP = 0.7
"""A detection that overlaps a surer one of a like class by this much is the same object named twice."""


PART = 0.5
"""A box of which another covers more than this share is a part of it."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Detections ready to match: parallel lists, the surest first."""

    boxes: Sequence[Place]
    corners: Sequence[Corners]
    scores: Sequence[float]
    class_names: Sequence[str]
    groups: Sequence[int]

    def __len__(self) -> int:
        return len(self.scores)


class Groups:
    """Numbers for the groups of classes that a detector takes for each other."""

    def __init__(self) -> None:
        """Start without any."""
        self._groups: dict[str, int] = {}
        self._known: dict[str, int] = {}

    def number(self, class_name: str) -> int:
        """Of its group, the same for classes that may be confused."""
        known = self._known.get(class_name)
        if known is None:
            known = self._known[class_name] = self._groups.setdefault(lookalike_group(class_name), len(self._groups))
        return known


def prepare(detections: Detections, picture_height: int, unsure_score: float, groups: Groups) -> Candidates:
    """Drop what is too unsure, impossible, or the same object named twice."""
    found: list[list[float]] = (detections.xyxy.astype(np.float64) / picture_height).tolist()
    scores: list[float] = detections.confidence.tolist()
    names = detections.class_name
    least, endless = float(np.float32(unsure_score)), math.inf
    rows = [
        row
        for row, ((left, top, right, bottom), score) in enumerate(zip(found, scores, strict=True))
        # No number that is none passes, nor one without end.
        if score >= least and -endless < left < right < endless and -endless < top < bottom < endless
    ]
    rows.sort(key=scores.__getitem__, reverse=True)
    numbers = [groups.number(names[row]) for row in rows]
    if len(rows) > 1:
        corners = np.array([found[row] for row in rows])
        close = overlap(corners, corners) >= DOUBLE_OVERLAP
        if np.count_nonzero(close) > len(rows):  # each is its own double
            of = np.array(numbers)
            double = close & (of[:, None] == of)
            single = np.flatnonzero(~np.tril(double, -1).any(axis=1)).tolist()
            rows, numbers = [rows[index] for index in single], [numbers[index] for index in single]
    kept = [found[row] for row in rows]
    return Candidates(
        boxes=[
            ((left + right) / 2.0, (top + bottom) / 2.0, right - left, bottom - top)
            for left, top, right, bottom in kept
        ],
        corners=[(left, top, right, bottom) for left, top, right, bottom in kept],
        scores=[scores[row] for row in rows],
        class_names=[names[row] for row in rows],
        groups=numbers,
    )


def overlap(a: Array, b: Array, margin: Array | None = None) -> Array:
    """Intersection over union of boxes.

    Args:
        a: (N, 4) xyxy.
        b: (M, 4) xyxy, in the same unit.
        margin: (N,) by which both boxes of a pair are widened on every side.

    Returns:
        (N, M) in [0, 1].
    """
    # Both axes at once, pairs side by side: numpy is slow along an axis of two, and takes longer to call than to do it.
    low_a, high_a = a.T[:2, :, None], a.T[2:, :, None]
    low_b, high_b = b.T[:2, None], b.T[2:, None]
    size = np.minimum(high_a, high_b)
    size -= np.maximum(low_a, low_b)
    size_a, size_b = high_a - low_a, high_b - low_b
    if margin is not None:
        grow = 2.0 * margin[:, None]
        size += grow
        size_a, size_b = size_a + grow, size_b + grow
    np.maximum(size, 0.0, out=size)
    shared: Array = size[0] * size[1]
    both = size_a[0] * size_a[1] + size_b[0] * size_b[1]
    both -= shared
    shared /= both
    return shared


def is_covered(box: Corners, others: Sequence[Corners]) -> bool:
    """Whether a box is a part of one of the others."""
    left, top, right, bottom = box
    area = (right - left) * (bottom - top)
    for x1, y1, x2, y2 in others:
        if x1 < right and left < x2 and y1 < bottom and top < y2:
            width, height = min(right, x2) - max(left, x1), min(bottom, y2) - max(top, y1)
            if max(width, 0.0) * max(height, 0.0) / area > PART:
                return True
    return False
