"""One camera at work: a thread that reads it, one that thinks, and one that records where that is a stream of its own.

    capture thread --> queue of few frames --> pipeline thread --> outbox
    record thread  --> packet ring (only where the recorded stream is not the searched one)

The pipeline outlives reconnections: a camera that is back within `FORGET_AFTER_S` goes on with its tracks and events.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from contract.event import CameraHealth, HealthReason
from edge.backoff import Backoff
from edge.capture.frame_queue import FrameQueue
from edge.errors import SecretMissing, SourceError, SourceNotFound, SourceRefused, SourceStalled, SourceUnreadable
from edge.metrics import CAMERA_FIGURES
from edge.ports import Clock, FrameSource
from edge.repeats import Repeats
from edge.status import CameraMonitor
from edge.types import Frame

log = logging.getLogger(__name__)

FORGET_AFTER_S = 30.0
"""A shorter loss of the picture ends no event."""
RETRY_CAP_S = 4.0
"""A camera must be back within 10 s of its stream's return, and one attempt costs a few packets.

TCP asks after 0, 1, 3 and 7 s: a stream that returns just after the last is missed until the attempt's 10 s are over,
3 s; then this delay, and opening.
"""
PERMANENT_RETRY_S = 60.0
"""Trying faster cannot help, and may lock the camera's account."""
_REASONS: dict[type[SourceError], HealthReason] = {
    SourceNotFound: HealthReason.NOT_FOUND,
    SourceRefused: HealthReason.REFUSED,
    SecretMissing: HealthReason.CONFIGURATION,
    SourceUnreadable: HealthReason.UNREADABLE,
    SourceStalled: HealthReason.STALLED,
}
STABLE_S = 30.0
"""A source that was read for so long has recovered: its next failure is a new one."""
CATCH_UP_PATIENCE_S = 0.5
"""So long a frame of a camera that woke may wait for the pipeline."""
STOP_S = 15.0
"""So long a camera has to end its events when it is to stop; one that hangs is left behind."""
_IDLE_S = 0.5


class Pipeline(Protocol):
    """What is done with frames: `edge.pipeline.CameraPipeline`."""

    def process(self, frame: Frame) -> None: ...

    def idle(self, now_s: float) -> None: ...

    def stream_ended(self) -> None: ...

    def finish(self) -> None: ...

    def figures(self) -> Mapping[str, float]: ...


class CameraSource(FrameSource, Protocol):
    """A source that also tells what is wrong with it while it goes on: `edge.capture.video_source.VideoSource`."""

    @property
    def trouble(self) -> str:
        """For the admin: what is wrong and the remedy; empty when all is well."""
        ...

    @property
    def catching_up(self) -> bool:
        """Its frames come all at once, but none of them should be dropped: they show how something began."""
        ...

    def figures(self) -> Mapping[str, float]:
        """Its numbers since it was made, by the names of `edge.metrics`; may be asked by another thread."""
        ...


@dataclass(frozen=True, slots=True)
class CameraParts:
    """How to build what a worker runs. Each may be called again after a failure."""

    camera_id: str
    open_source: Callable[[], CameraSource]
    """A fresh source of frames; raises SourceError when the input is not allowed."""
    open_recording: Callable[[], CameraSource] | None
    """A fresh source that only fills the packet ring; None: the searched stream fills it."""
    make_pipeline: Callable[[CameraMonitor], Pipeline]
    recorded_until_s: Callable[[], float | None] = lambda: None
    """Monotonic time of the newest packet in the ring."""
    on_frame: Callable[[Frame], None] = lambda _frame: None
    """Called by the capture thread: for who looks on live. Must cost next to nothing."""


class CameraWorker:
    """Keeps one camera going whatever happens to it.

    Args:
        parts: What to run.
        monitor: Told how it goes.
        clock: Time.
        guard: Runs a thread's body again and again until it returns True; what it raises is the guard's to log. The
            supervisor gives it: nobody else catches everything.
    """

    def __init__(
        self, parts: CameraParts, monitor: CameraMonitor, clock: Clock, guard: Callable[[str, Callable[[], bool]], None]
    ) -> None:
        self.monitor = monitor
        self._parts = parts
        self._clock = clock
        self._guard = guard
        self._queue = FrameQueue()
        self._stopping = threading.Event()
        self._stream_lost = threading.Event()
        self._sources: dict[str, CameraSource] = {}
        self._past: dict[str, float] = {}
        """Counts of the searched stream's earlier sources: a reconnection does not begin them again."""
        self._reconnects = 0
        self._decode_cpu_s = 0.0
        self._late_s = 0.0
        self._repeats = Repeats(clock)
        self._lock = threading.Lock()
        self._threads = [self._thread("capture", self._capture), self._thread("pipeline", self._think)]
        if parts.open_recording is not None:
            self._threads.append(self._thread("record", self._record))
        monitor.add_figures("capture", self._figures)

    def _thread(self, role: str, body: Callable[[], bool]) -> threading.Thread:
        name = f"{self._parts.camera_id}-{role}"
        return threading.Thread(target=self._guard, args=(name, body), name=name, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    def ask_to_stop(self) -> None:
        """Begin to stop: no more frames are taken."""
        self._stopping.set()
        with self._lock:
            for source in self._sources.values():
                source.close()
        self._queue.close()

    def join(self, timeout_s: float = STOP_S) -> None:
        """Wait until every open event is ended and stored. A read that hangs in the network is not waited for."""
        for thread in self._threads:
            if thread.is_alive() and thread.name.endswith("-pipeline"):
                thread.join(timeout_s)

    def wait(self, seconds: float) -> bool:
        """Sleep; returns True at once when the worker is to stop."""
        return self._stopping.wait(seconds)

    def _capture(self) -> bool:
        """Read the camera until it ends or the worker stops."""

        def take(frame: Frame, source: CameraSource) -> None:
            self.monitor.frame_came(frame.utc, source.trouble)
            self._queue.put(frame, CATCH_UP_PATIENCE_S if source.catching_up else 0.0)
            self._parts.on_frame(frame)
            self._decode_cpu_s = time.thread_time()

        ended = self._read("capture", self._parts.open_source, take, self._camera_lost)
        if ended:
            log.info("camera_ended camera=%s", self._parts.camera_id)
            self.monitor.set_health(CameraHealth.ENDED, "the clip was played to its end")
        self._queue.close()
        return True

    def _figures(self) -> dict[str, float]:
        with self._lock:
            figures, source = dict(self._past), self._sources.get("capture")
        for name, value in (source.figures() if source is not None else {}).items():
            figures[name] = figures.get(name, 0.0) + value
        figures["frames_dropped"] = self._queue.dropped
        figures["frame_late_s"] = self._late_s
        figures["reconnects"] = self._reconnects
        figures["decode_cpu_s"] = self._decode_cpu_s
        return figures

    def _begin(self, role: str, source: CameraSource) -> None:
        with self._lock:
            before = self._sources.get(role)
            self._sources[role] = source
            if before is None:
                return
            self._reconnects += 1
            if role == "capture":
                for name, value in before.figures().items():
                    if CAMERA_FIGURES[name].kind == "counter":
                        self._past[name] = self._past.get(name, 0.0) + value

    def _camera_lost(self, error: SourceError) -> None:
        health = CameraHealth.REFUSED if isinstance(error, SourceRefused) else CameraHealth.RECONNECTING
        self.monitor.set_health(health, str(error), _REASONS.get(type(error), HealthReason.NONE))
        self._stream_lost.set()

    def _record(self) -> bool:
        assert self._parts.open_recording is not None  # noqa: S101 - the thread exists only then
        self._read("record", self._parts.open_recording, lambda _frame, _source: None, self._recording_lost)
        return True

    def _recording_lost(self, error: SourceError) -> None:
        lost_s = self._clock.monotonic_s()

        def is_back() -> bool:
            recorded_s = self._parts.recorded_until_s()
            return recorded_s is not None and recorded_s > lost_s

        self.monitor.set_notice("record", f"no clips, the stream for recording is lost: {error}", is_back)

    def _read(
        self,
        role: str,
        open_source: Callable[[], CameraSource],
        take: Callable[[Frame, CameraSource], None],
        lost: Callable[[SourceError], None],
    ) -> bool:
        """Read a source, and open it again when it fails; True: it ended by itself, False: the worker stops."""
        backoff = Backoff(cap_s=RETRY_CAP_S)
        while not self._stopping.is_set():
            opened_s = self._clock.monotonic_s()
            try:
                source = open_source()
                self._begin(role, source)
                if self._stopping.is_set():
                    return False
                for frame in source.frames():
                    take(frame, source)
                return not self._stopping.is_set()
            except SourceError as error:
                if self._stopping.is_set():
                    return False
                lost(error)
                if self._clock.monotonic_s() - opened_s > STABLE_S:
                    backoff.succeeded()
                delay_s = backoff.jitter(PERMANENT_RETRY_S) if error.permanent else backoff.failed()
                self._tell_loss(role, error, delay_s)
                self.wait(delay_s)
        return False

    def _tell_loss(self, role: str, error: SourceError, delay_s: float) -> None:
        unsaid = self._repeats.unsaid(f"{role} {error}")
        log.log(
            logging.DEBUG if unsaid is None else logging.WARNING,
            "source_failed camera=%s role=%s error=%s cause=%r retry_in_s=%.1f unsaid=%d",
            self._parts.camera_id, role, type(error).__name__, str(error), delay_s, unsaid or 0,
        )  # fmt: skip

    def _think(self) -> bool:
        """Run the pipeline until the queue is closed."""
        pipeline = self._parts.make_pipeline(self.monitor)
        self.monitor.add_figures("pipeline", pipeline.figures)
        last_frame_s: float | None = None
        try:
            while True:
                frame = self._queue.get(_IDLE_S)
                if self._stream_lost.is_set():
                    self._stream_lost.clear()
                    pipeline.stream_ended()
                if frame is not None:
                    pipeline.process(frame)
                    last_frame_s = self._clock.monotonic_s()
                    self._late_s = max(0.0, last_frame_s - frame.monotonic_s)
                elif self._queue.closed:
                    return True
                elif last_frame_s is not None:
                    now_s = self._clock.monotonic_s()
                    pipeline.idle(now_s)
                    if now_s - last_frame_s > FORGET_AFTER_S:
                        log.info("camera_away camera=%s after_s=%.0f", self._parts.camera_id, now_s - last_frame_s)
                        pipeline.finish()
                        last_frame_s = None
        finally:
            pipeline.finish()
