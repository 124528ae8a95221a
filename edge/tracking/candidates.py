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


PART = 0.5
"""A box of which another covers more than this share is a part of it."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Detections ready to match: centre-size boxes and corners in picture heights."""

    boxes: Array
    xyxy: Array
    scores: Array
    class_names: tuple[str, ...]
    groups: NDArray[np.intp]
    classes: NDArray[np.intp]


class Groups:
    """Numbers for classes, and for the groups of them that a detector takes for each other."""

    def __init__(self) -> None:
        """Start without any."""
        self._groups: dict[str, int] = {}
        self._known: dict[str, tuple[int, int]] = {}

    def numbers(self, class_name: str) -> tuple[int, int]:
        """Of its group, the same for classes that may be confused, and of the class itself."""
        known = self._known.get(class_name)
        if known is None:
            group = self._groups.setdefault(lookalike_group(class_name), len(self._groups))
            known = self._known[class_name] = (group, len(self._known))
        return known


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
    names = detections.class_name
    numbers = np.array([groups.numbers(names[row]) for row in rows.tolist()], np.intp).reshape(-1, 2)
    corners = corners[rows]
    double = overlap(corners, corners) >= DOUBLE_OVERLAP
    double &= numbers[:, None, 0] == numbers[None, :, 0]
    if np.count_nonzero(double) > len(rows):  # each is its own double
        single = ~np.tril(double, -1).any(axis=1)
        rows, numbers, corners = rows[single], numbers[single], corners[single]
    return Candidates(
        boxes=np.concatenate(((corners[:, :2] + corners[:, 2:]) / 2.0, corners[:, 2:] - corners[:, :2]), axis=1),
        xyxy=corners,
        scores=detections.confidence[rows].astype(np.float64),
        class_names=tuple([names[row] for row in rows.tolist()]),
        groups=numbers[:, 0],
        classes=numbers[:, 1],
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
    grow = 0.0 if margin is None else 2.0 * margin[:, None]
    (left_a, top_a, right_a, bottom_a), (left_b, top_b, right_b, bottom_b) = a.T[:, :, None], b.T
    width = np.minimum(right_a, right_b) - np.maximum(left_a, left_b) + grow
    height = np.minimum(bottom_a, bottom_b) - np.maximum(top_a, top_b) + grow
    shared = np.maximum(width, 0.0) * np.maximum(height, 0.0)
    area_a = (right_a - left_a + grow) * (bottom_a - top_a + grow)
    area_b = (right_b - left_b + grow) * (bottom_b - top_b + grow)
    share: Array = shared / (area_a + area_b - shared)
    return share


def covered(boxes: Array, others: Array) -> NDArray[np.bool_]:
    """Whether each of the boxes (N, 4) xyxy is a part of one of the others (M, 4)."""
    if len(boxes) == 0 or len(others) == 0:
        return np.zeros(len(boxes), np.bool_)
    size = np.minimum(boxes[:, None, 2:], others[:, 2:]) - np.maximum(boxes[:, None, :2], others[:, :2])
    shares = np.maximum(size, 0.0).prod(axis=2) / (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)[:, None]
    parts: NDArray[np.bool_] = shares.max(axis=1) > PART
    return parts
