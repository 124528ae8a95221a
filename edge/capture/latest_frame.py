"""A slot of one frame: the reader never waits, the pipeline always gets the newest, and what was dropped is counted."""

from __future__ import annotations

import threading

from edge.types import Frame


class LatestFrame:
    """Hands the newest frame from a capture thread to a worker. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._dropped = 0
        self._closed = False

    @property
    def dropped(self) -> int:
        """Frames that were replaced before anybody took them."""
        with self._changed:
            return self._dropped

    @property
    def closed(self) -> bool:
        """Whether the source has ended. A last frame may still wait."""
        with self._changed:
            return self._closed

    def put(self, frame: Frame, patience_s: float = 0.0) -> None:
        """Offer a frame; one that still waits is dropped. After `close` nothing is taken any more.

        Args:
            frame: The newest.
            patience_s: So long the one that waits may still be taken first.
        """
        with self._changed:
            if patience_s > 0:
                self._changed.wait_for(lambda: self._frame is None or self._closed, patience_s)
            if self._closed:
                return
            self._dropped += self._frame is not None
            self._frame = frame
            self._changed.notify_all()

    def get(self, timeout_s: float | None = None) -> Frame | None:
        """Take the newest frame, waiting for one. None: the time passed, or the slot was closed and is empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._closed, timeout_s)
            frame, self._frame = self._frame, None
            self._changed.notify_all()
            return frame

    def close(self) -> None:
        """Wake every waiter: no more frames will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
