"""What is known of each camera now: for heartbeats, logs and `bench`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from contract.event import CameraHealth, CameraStatus, HealthReason
from edge.ports import Clock

_MAX_MESSAGE = 500
_MAX_CAMERAS = 256


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
        self._reason = HealthReason.NONE
        self._notices: dict[str, tuple[str, Callable[[], bool]]] = {}
        self._last_frame_at: datetime | None = None
        self._reported_s = clock.monotonic_s()
        self._frames = self._searched = 0
        self._figures: dict[str, Callable[[], Mapping[str, float]]] = {}

    def add_figures(self, about: str, read: Callable[[], Mapping[str, float]]) -> None:
        """Let a part tell its numbers: counters since its start and gauges, by the names of `edge.metrics`.

        Args:
            about: Which part; a later one of the same name replaces it (a source after a reconnection).
            read: Asked at each look, from another thread.
        """
        with self._lock:
            self._figures[about] = read

    def figures(self) -> dict[str, float]:
        """The numbers of every part now; the same name from two parts is summed."""
        with self._lock:
            readers = list(self._figures.values())
        summed: dict[str, float] = {}
        for read in readers:
            for name, value in read().items():
                summed[name] = summed.get(name, 0.0) + value
        return summed

    def set_health(self, health: CameraHealth, message: str = "", reason: HealthReason = HealthReason.NONE) -> None:
        """Say how the camera is. `message` names the remedy and never a credential."""
        with self._lock:
            self._health, self._message, self._reason = health, message[:_MAX_MESSAGE], reason

    def set_notice(self, about: str, text: str, is_over: Callable[[], bool] = lambda: False) -> None:
        """Say what the admin should know although the camera goes on; it stands until it is replaced or over.

        Args:
            about: What it concerns; a later notice about the same replaces it.
            text: What is wrong and the remedy, never a credential; empty: nothing is wrong any more.
            is_over: Asked at each report.
        """
        with self._lock:
            self._notices[about] = (text, is_over)

    def frame_came(self, utc: datetime, trouble: str = "") -> None:
        """Count a frame of the source: the camera is well, but for `trouble`."""
        with self._lock:
            self._frames += 1
            self._last_frame_at = utc
            self._health, self._message, self._reason = CameraHealth.OK, trouble, HealthReason.NONE

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
            notices = [text for text, is_over in self._notices.values() if not is_over()]
            status = CameraStatus(
                camera_id=self._camera_id,
                health=self._health,
                message=_join(self._message, notices),
                reason=self._reason,
                fps_in=round(self._frames / span_s, 2),
                fps_detected=round(self._searched / span_s, 2),
                last_frame_at=self._last_frame_at,
            )
            self._reported_s = now_s
            self._frames = self._searched = 0
            return status


def add_notices(statuses: Sequence[CameraStatus], notices: Mapping[str, Sequence[str]]) -> tuple[CameraStatus, ...]:
    """Add to each camera what is known about it from elsewhere.

    Args:
        statuses: Of the cameras that are watched.
        notices: Camera id to messages; a camera without a status cannot be watched, and is reported as refused.
    """
    known = {status.camera_id for status in statuses}
    added = [
        status.model_copy(update={"message": _join(status.message, notices.get(status.camera_id, ()))})
        for status in statuses
    ]
    added += [
        CameraStatus(
            camera_id=camera_id,
            health=CameraHealth.REFUSED,
            message=_join("", messages),
            reason=HealthReason.CONFIGURATION,
        )
        for camera_id, messages in notices.items()
        if camera_id not in known
    ]
    return tuple(added[:_MAX_CAMERAS])


def _join(message: str, more: Iterable[str]) -> str:
    return "; ".join(text for text in (message, *more) if text)[:_MAX_MESSAGE]
