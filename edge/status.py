"""What is known of each camera now: for heartbeats, logs and `bench`."""

from __future__ import annotations

import threading
from datetime import datetime

from contract.event import CameraHealth, CameraStatus
from edge.ports import Clock

_MAX_MESSAGE = 500


class CameraMonitor:
    """Health and counters of one camera. Thread-safe.

    Args:
        camera_id: Whose.
        clock: Measures the time between two reports.
    """

    def __init__(self, camera_id: str, clock: Clock) -> None:
        self._camera_id = camera_id
        self._clock = clock
        self._lock = threading.Lock()
        self._health = CameraHealth.STARTING
        self._message = ""
        self._last_frame_at: datetime | None = None
        self._reported_s = clock.monotonic_s()
        self._frames = self._searched = 0

    def set_health(self, health: CameraHealth, message: str = "") -> None:
        """Say how the camera is. `message` names the remedy and never a credential."""
        with self._lock:
            self._health, self._message = health, message[:_MAX_MESSAGE]

    def frame_came(self, utc: datetime) -> None:
        """Count a frame of the source: the camera is well."""
        with self._lock:
            self._frames += 1
            self._last_frame_at = utc
            self._health, self._message = CameraHealth.OK, ""

    def frame_searched(self) -> None:
        """Count a frame that the detector searched."""
        with self._lock:
            self._searched += 1

    @property
    def health(self) -> CameraHealth:
        """As last set."""
        with self._lock:
            return self._health

    def report(self) -> CameraStatus:
        """The status now, with rates since the last report."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            span_s = max(now_s - self._reported_s, 1e-3)
            status = CameraStatus(
                camera_id=self._camera_id,
                health=self._health,
                message=self._message,
                fps_in=round(self._frames / span_s, 2),
                fps_detected=round(self._searched / span_s, 2),
                last_frame_at=self._last_frame_at,
            )
            self._reported_s = now_s
            self._frames = self._searched = 0
            return status
