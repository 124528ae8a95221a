"""Detections made ready to match: usable, in picture heights, the surest first, nothing named twice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.classes import lookalike_group
from edge.types import Detections

Array = NDArray[np.float64]

DOUBLE_OVERLAP = 0.7
"""A detection that overlaps a surer one of a like class by this much is the same object named twice."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Detections ready to match: centre-size boxes and corners in picture heights."""

    boxes: Array
    xyxy: Array
    scores: Array
    class_names: tuple[str, ...]
    groups: NDArray[np.intp]


class Groups:
    """Numbers for the groups of classes that a detector takes for each other."""

    def __init__(self) -> None:
        """Start without any."""
        self._numbers: dict[str, int] = {}

    def number(self, class_name: str) -> int:
        """The same for classes that may be confused."""
        return self._numbers.setdefault(lookalike_group(class_name), len(self._numbers))


def prepare(detections: Detections, picture_height: int, unsure_score: float, groups: Groups) -> Candidates:
    """Drop what is too unsure, impossible, or the same object named twice."""
    corners = detections.xyxy.astype(np.float64) / picture_height
    usable = (
        np.isfinite(corners).all(axis=1)
        & (corners[:, 2] > corners[:, 0])
        & (corners[:, 3] > corners[:, 1])
        & (detections.confidence >= unsure_score)
    )
    rows = np.flatnonzero(usable)
    rows = rows[np.argsort(-detections.confidence[rows], kind="stable")]
    numbers = np.array([groups.number(detections.class_name[row]) for row in rows.tolist()], np.intp)
    corners = corners[rows]
    double = overlap(corners, corners) >= DOUBLE_OVERLAP
    double &= numbers[:, None] == numbers[None, :]
    single = ~np.tril(double, -1).any(axis=1)
    rows, numbers, corners = rows[single], numbers[single], corners[single]
    return Candidates(
        boxes=np.concatenate(((corners[:, :2] + corners[:, 2:]) / 2.0, corners[:, 2:] - corners[:, :2]), axis=1),
        xyxy=corners,
        scores=detections.confidence[rows].astype(np.float64),
        class_names=tuple(detections.class_name[row] for row in rows.tolist()),
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
    grow = 0.0 if margin is None else margin[:, None]
    width = np.minimum(a[:, None, 2], b[None, :, 2]) - np.maximum(a[:, None, 0], b[None, :, 0]) + 2.0 * grow
    height = np.minimum(a[:, None, 3], b[None, :, 3]) - np.maximum(a[:, None, 1], b[None, :, 1]) + 2.0 * grow
    shared = np.maximum(width, 0.0) * np.maximum(height, 0.0)
    area_a = (a[:, None, 2] - a[:, None, 0] + 2.0 * grow) * (a[:, None, 3] - a[:, None, 1] + 2.0 * grow)
    area_b = (b[None, :, 2] - b[None, :, 0] + 2.0 * grow) * (b[None, :, 3] - b[None, :, 1] + 2.0 * grow)
    share: Array = shared / (area_a + area_b - shared)
    return share
