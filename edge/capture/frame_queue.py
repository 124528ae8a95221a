"""The few frames between a camera's reader and its pipeline: the reader never waits, and what was dropped is counted.

    capture thread --> [ oldest ... newest ] --> pipeline thread

An event's pictures, or a search while other cameras wake, hold a pipeline up for longer than the distance of two
frames, though the box has time for all of them. So a few frames may wait; on a box that has not, the oldest go.
"""

from __future__ import annotations

import threading
from collections import deque

from edge.types import Frame

MOST = 4
"""Frames that wait: at five a second the oldest of them is less than a second old."""
MOST_PIXELS = MOST * 1920 * 1080
"""Of all that wait together: decoded pictures are large. One always may."""


class FrameQueue:
    """Hands frames from a capture thread to a worker, in their order. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frames: deque[Frame] = deque()
        self._dropped = 0
        self._closed = False

    @property
    def dropped(self) -> int:
        """Frames that had to make room before anybody took them."""
        with self._changed:
            return self._dropped

    @property
    def closed(self) -> bool:
        """Whether the source has ended. Its last frames may still wait."""
        with self._changed:
            return self._closed

    def put(self, frame: Frame, patience_s: float = 0.0) -> None:
        """Offer a frame; without room for it the oldest is dropped. After `close` nothing is taken any more.

        Args:
            frame: The newest.
            patience_s: So long it may wait for room first.
        """
        width, height = frame.resolution_wh
        room = min(MOST, max(1, MOST_PIXELS // max(1, width * height)))
        with self._changed:
            if patience_s > 0:
                self._changed.wait_for(lambda: len(self._frames) < room or self._closed, patience_s)
            if self._closed:
                return
            while len(self._frames) >= room:
                self._frames.popleft()
                self._dropped += 1
            self._frames.append(frame)
            self._changed.notify_all()

    def get(self, timeout_s: float | None = None) -> Frame | None:
        """Take the oldest frame, waiting for one. None: the time passed, or the queue was closed and is empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._closed, timeout_s)
            frame = self._frames.popleft() if self._frames else None
            self._changed.notify_all()
            return frame

    def close(self) -> None:
        """Wake every waiter: no more frames will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
