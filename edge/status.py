"""What is known of each camera now: for heartbeats, logs and `bench`."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from contract.event import CameraHealth, CameraStatus, HealthReason
from edge.ports import Clock

_MAX_MESSAGE = 500
_MAX_CAMERAS = 256
RATE_OVER_S = 10.0
"""Rates are means over at least this long: one picture in 2 s is a rate, not a beat."""


@dataclass(frozen=True, slots=True)
class CameraSnapshot:
    """One camera now: how it is, and its numbers.

    Attributes:
        status: As in heartbeats.
        worker: Name of the process that runs it; empty: none does (it is disabled, or its file is wrong).
        figures: By the names of `edge.metrics.CAMERA_FIGURES`; counters begin again when the worker does.
    """

    status: CameraStatus
    worker: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkerSnapshot:
    """One child process now.

    Attributes:
        name: Stable over restarts.
        kind: `cameras`, or `inference`: the shared detector.
        pid: None while it is not running.
        rss_bytes: Resident memory, pages shared with other processes included.
        cpu_s: CPU seconds of the process that runs now.
        restarts: How often it was started again since the edge began.
        cameras: Ids of those that it runs.
        figures: Numbers of its own, by name (queue depths of an inference process).
    """

    name: str
    kind: Literal["cameras", "inference"]
    pid: int | None
    rss_bytes: int = 0
    cpu_s: float = 0.0
    restarts: int = 0
    cameras: tuple[str, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EdgeSnapshot:
    """The whole edge now: what `/healthz`, `/metrics` and `bench` tell.

    Attributes:
        taken_at: UTC.
        uptime_s: Since the edge began.
        cameras: In the order of the configuration.
        workers: Child processes.
        outbox_events: Revisions that the server has not confirmed.
        outbox_media: Files that wait to be uploaded.
        events_in_memory: Revisions that wait for room on the disk.
        evidence_bytes: What the evidence folder holds.
        evidence_budget_bytes: What it may hold.
    """

    taken_at: datetime
    uptime_s: float
    cameras: tuple[CameraSnapshot, ...]
    workers: tuple[WorkerSnapshot, ...]
    outbox_events: int
    outbox_media: int
    events_in_memory: int
    evidence_bytes: int
    evidence_budget_bytes: int


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
        self._defects: dict[str, tuple[str, float]] = {}
        self._last_frame_at: datetime | None = None
        self._frames = self._searched = 0
        self._marks = deque([(clock.monotonic_s(), 0, 0)])
        """Time, frames and searches at past reports: what rates are reckoned from."""
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

    def set_defect(self, thread: str, message: str, until_s: float) -> None:
        """Say that a defect stopped one of the camera's threads: the others' frames do not make it well meanwhile.

        Args:
            thread: Which; what it meets next replaces this.
            message: As in `set_health`.
            until_s: Monotonic time after which it has recovered.
        """
        with self._lock:
            self._defects[thread] = (message, until_s)

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
        """The status now, with the rates of the last `RATE_OVER_S`, or of the time since the last report if longer."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            while len(self._marks) > 1 and now_s - self._marks[1][0] >= RATE_OVER_S:
                self._marks.popleft()
            since_s, frames, searched = self._marks[0]
            span_s = max(now_s - since_s, 1e-3)
            self._marks.append((now_s, self._frames, self._searched))
            notices = [text for text, is_over in self._notices.values() if not is_over()]
            defects = [text for text, until_s in self._defects.values() if now_s < until_s]
            return CameraStatus(
                camera_id=self._camera_id,
                health=CameraHealth.RECONNECTING if defects else self._health,
                message=_join(self._message, [*defects, *notices]),
                reason=HealthReason.DEFECT if defects else self._reason,
                fps_in=round((self._frames - frames) / span_s, 2),
                fps_detected=round((self._searched - searched) / span_s, 2),
                last_frame_at=self._last_frame_at,
            )


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
