"""Following objects of one camera through its frames."""

from __future__ import annotations

from edge.tracking.bytetrack import ByteTracker, TrackerSettings
from edge.tracking.filters import filter_detections

__all__ = ["ByteTracker", "TrackerSettings", "filter_detections"]
