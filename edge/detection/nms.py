"""Non-maximum suppression: of boxes of one class that overlap too much, the most confident stays."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def iou_matrix(a_xyxy: NDArray[np.float32], b_xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of every pair.

    Args:
        a_xyxy: (N, 4) float32.
        b_xyxy: (M, 4) float32, in the same unit.

    Returns:
        (N, M) float32 in [0, 1]; 0 for boxes without area.
    """
    # Side by side, not as (N, M, 2): numpy is slow along an axis of two.
    a, b = a_xyxy.T[:, :, None], b_xyxy.T[:, None, :]
    width = np.minimum(a[2], b[2]) - np.maximum(a[0], b[0])
    height = np.minimum(a[3], b[3]) - np.maximum(a[1], b[1])
    intersection = np.maximum(width, 0) * np.maximum(height, 0)
    union = _area(a_xyxy)[:, None] + _area(b_xyxy)[None, :] - intersection
    iou: NDArray[np.float32] = np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)
    return iou


def keep_by_class(
    xyxy: NDArray[np.float32], confidence: NDArray[np.float32], class_id: NDArray[np.intp], iou_threshold: float
) -> NDArray[np.intp]:
    """Suppress overlapping boxes within each class.

    Args:
        xyxy: (N, 4) float32.
        confidence: (N,) float32.
        class_id: (N,) integers.
        iou_threshold: A box goes when a more confident one of its class overlaps it by more than this.

    Returns:
        Indices of the boxes that stay, most confident first.
    """
    if len(confidence) == 0:
        return np.zeros(0, np.intp)
    corners = np.asarray(xyxy, np.float64)
    rectangles = np.concatenate((corners[:, :2], corners[:, 2:] - corners[:, :2]), axis=1)
    classes = np.asarray(class_id, np.int32)
    kept = cv2.dnn.NMSBoxesBatched(rectangles, confidence, classes, -1.0, iou_threshold)  # type: ignore[arg-type] # its stubs know lists only
    return np.asarray(kept, np.intp)


def _area(xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    size = np.clip(xyxy[:, 2:] - xyxy[:, :2], 0, None)
    area: NDArray[np.float32] = size[:, 0] * size[:, 1]
    return area
