"""Frames on their way from a camera's reader to its pipeline."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from edge.picture import ArrayPicture
from edge.status import CameraMonitor
from edge.types import Frame
from edge.worker import CameraParts, CameraWorker
from tests.edge_fakes import START, FakeClock

FPS = 5


class Camera:
    """A source and a pipeline at once: the pipeline is held up at the second frame until the last one has come."""

    def __init__(self, frames: int, clock: FakeClock) -> None:
        self.trouble, self.catching_up = "", False
        self.seen: list[int] = []
        self.done = threading.Event()
        self._frames, self._clock = frames, clock
        self._held, self._go_on = threading.Event(), threading.Event()

    def frames(self) -> Iterator[Frame]:
        """As `edge.worker.CameraSource`."""
        for number in range(self._frames):
            if number == 2:
                assert self._held.wait(30)
            yield Frame("a", ArrayPicture(np.zeros((2, 2, 3), np.uint8)), self._clock.monotonic_s(), START, number)
            self._clock.advance(1 / FPS)
        self._go_on.set()
        assert self.done.wait(30)

    def process(self, frame: Frame) -> None:
        """As `edge.worker.Pipeline`."""
        self.seen.append(frame.sequence)
        if frame.sequence == 1:
            self._held.set()
            assert self._go_on.wait(30)

    def idle(self, now_s: float) -> None:  # noqa: ARG002 - the port's signature
        """The last frame was seen."""
        if self._go_on.is_set():
            self.done.set()

    def stream_ended(self) -> None:
        """Nothing."""

    def finish(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""

    def figures(self) -> dict[str, float]:
        """None of its own."""
        return {}


def run(frames: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Camera, dict[str, float]]:
    """Let a camera send frames; what it saw, and its worker's figures."""
    monkeypatch.setattr("edge.worker._IDLE_S", 0.05)
    clock = FakeClock()
    camera, monitor = Camera(frames, clock), CameraMonitor("a", clock)

    def guard(_name: str, body: Callable[[], bool]) -> None:
        body()

    worker = CameraWorker(CameraParts("a", lambda: camera, None, lambda _monitor: camera), monitor, clock, guard)
    worker.start()
    worker.join(60)
    return camera, dict(monitor.figures())


def test_what_holds_a_pipeline_up_for_less_than_a_second_costs_no_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an event does, whose pictures are drawn: the second frame is done when the sixth has come."""
    camera, figures = run(6, monkeypatch)
    assert camera.seen == [0, 1, 2, 3, 4, 5]
    assert figures["frames_dropped"] == 0
    assert figures["frame_late_s"] == pytest.approx(1 / FPS)  # the sixth, a frame's distance after it came


def test_a_box_that_is_too_slow_drops_the_oldest_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    camera, figures = run(10, monkeypatch)
    assert camera.seen == [0, 1, 6, 7, 8, 9]
    assert figures["frames_dropped"] == 4
