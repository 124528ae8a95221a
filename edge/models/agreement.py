"""How far two models find the same in the same pictures: without labels, the only thing that a site can compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.detection.model import Boxes
from edge.detection.nms import iou_matrix

MATCH_IOU = 0.5


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two models found in the same pictures."""

    pictures: int
    boxes_before: int
    boxes_after: int
    matched: int
    """Pairs of one class that overlap by half or more; each box is in one pair at most."""
    mean_iou: float
    """Of the pairs; 0 without any."""
    mean_score_change: float
    """Absolute, of the pairs; 0 without any."""

    @property
    def share(self) -> float | None:
        """2 x pairs / all boxes (the F1 score of the one against the other); None: neither found anything."""
        boxes = self.boxes_before + self.boxes_after
        return 2 * self.matched / boxes if boxes else None


def agreement(before: Sequence[Boxes], after: Sequence[Boxes]) -> Agreement:
    """Pair the boxes of each picture, the most confident of `before` first.

    Args:
        before: One for each picture.
        after: The same pictures, in the same order.
    """
    overlaps: list[float] = []
    changes: list[float] = []
    for one, other in zip(before, after, strict=True):
        iou = iou_matrix(one.xyxy, other.xyxy)
        iou[one.class_id[:, None] != other.class_id[None, :]] = 0
        for index in np.argsort(-one.confidence, kind="stable"):
            if not len(other):
                break
            best = int(iou[index].argmax())
            if iou[index, best] < MATCH_IOU:
                continue
            overlaps.append(float(iou[index, best]))
            changes.append(abs(float(one.confidence[index] - other.confidence[best])))
            iou[:, best] = 0
    return Agreement(
        pictures=len(before),
        boxes_before=sum(map(len, before)),
        boxes_after=sum(map(len, after)),
        matched=len(overlaps),
        mean_iou=float(np.mean(overlaps)) if overlaps else 0.0,
        mean_score_change=float(np.mean(changes)) if changes else 0.0,
    )
