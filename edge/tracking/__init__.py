"""Following objects of one camera through its frames."""

from __future__ import annotations

from edge.tracking.bytetrack import ByteTracker
from edge.tracking.filters import filter_detections
from edge.tracking.settings import TrackerSettings

__all__ = ["ByteTracker", "TrackerSettings", "filter_detections"]
