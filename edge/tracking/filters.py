"""Which detections of a camera count, by class."""

from __future__ import annotations

import numpy as np

from contract.camera_config import ObjectFilter, ObjectsConfig
from edge.types import Detections

_NO_FILTER = ObjectFilter()


def filter_detections(detections: Detections, objects: ObjectsConfig, resolution_wh: tuple[int, int]) -> Detections:
    """Keep the detections of tracked classes that pass their class's filter.

    Boxes without area and numbers that are not finite are dropped too: a detector may give them, a tracker must not see
    them.

    Args:
        detections: Pixels of the frame.
        objects: The camera's classes and filters.
        resolution_wh: Width and height of the frame in pixels.
    """
    if len(detections) == 0:
        return detections
    filters = [
        objects.filters.get(name, _NO_FILTER) if name in objects.track else None for name in detections.class_name
    ]
    width, height = (detections.xyxy[:, 2:] - detections.xyxy[:, :2]).T
    area = width * height / (resolution_wh[0] * resolution_wh[1])
    keep = np.isfinite(detections.xyxy).all(axis=1) & np.isfinite(detections.confidence) & (width > 0) & (height > 0)
    for index in np.flatnonzero(keep).tolist():
        wanted = filters[index]
        keep[index] = (
            wanted is not None
            and detections.confidence[index] >= wanted.min_score
            and wanted.min_area <= area[index] <= wanted.max_area
            and wanted.min_ratio <= width[index] / height[index] <= wanted.max_ratio
        )
    return Detections(
        detections.xyxy[keep],
        detections.confidence[keep],
        tuple(name for name, kept in zip(detections.class_name, keep.tolist(), strict=True) if kept),
    )
