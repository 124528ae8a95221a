"""The inference worker: newest picture first, every camera in turn, errors to those who asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from edge.detection.worker import InferenceWorker
from edge.errors import ModelError
from edge.picture import ArrayPicture
from edge.types import Detections, Frame

PATIENCE_S = 10.0


def frame(camera_id: str, sequence: int = 0) -> Frame:
    return Frame(
        camera_id,
        ArrayPicture(np.zeros((4, 4, 3), np.uint8)),
        float(sequence),
        datetime(2026, 3, 1, tzinfo=UTC),
        sequence,
    )


def detections_of(shown: Frame) -> Detections:
    """A box that tells which picture it came from."""
    return Detections(np.array([[0, 0, shown.sequence, 1]], np.float32), np.ones(1, np.float32), (shown.camera_id,))


class GatedDetector:
    """Detects when it is let, and remembers what it was shown."""

    class_names = ("person",)

    def __init__(self) -> None:
        self.shown: list[list[tuple[str, int]]] = []
        self.errors: list[BaseException] = []
        self.threads: set[int] = set()
        self.short = False
        self._entered = threading.Semaphore(0)
        self._let = threading.Semaphore(0)

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        self.threads.add(threading.get_ident())
        self.shown.append([(shown.camera_id, shown.sequence) for shown in frames])
        self._entered.release()
        assert self._let.acquire(timeout=PATIENCE_S)
        if self.errors:
            raise self.errors.pop(0)
        return [detections_of(shown) for shown in frames][: -1 if self.short else None]

    def wait_for_call(self) -> None:
        assert self._entered.acquire(timeout=PATIENCE_S)

    def let(self, calls: int = 1) -> None:
        self._let.release(calls)


@pytest.fixture
def detector() -> GatedDetector:
    return GatedDetector()


@pytest.fixture
def worker(detector: GatedDetector) -> Iterator[InferenceWorker]:
    worker = InferenceWorker(detector, max_batch=2)
    yield worker
    detector.let(100)
    worker.close()


def busy(worker: InferenceWorker, detector: GatedDetector) -> None:
    """Keep the detector at work, so that what follows has to wait."""
    worker.submit(frame("busy"))
    detector.wait_for_call()


def test_answer_belongs_to_the_picture(worker: InferenceWorker, detector: GatedDetector) -> None:
    busy(worker, detector)
    answers = [worker.submit(frame("a", 3)), worker.submit(frame("b", 5))]
    detector.let(2)
    found = [answer.result(PATIENCE_S) for answer in answers]
    assert [item.class_name for item in found if item] == [("a",), ("b",)]
    assert [item.xyxy[0, 2] for item in found if item] == [3, 5]


def test_newer_picture_of_a_camera_takes_the_place_of_the_waiting_one(
    worker: InferenceWorker, detector: GatedDetector
) -> None:
    busy(worker, detector)
    older, other, newer = (worker.submit(item) for item in (frame("a", 1), frame("b", 1), frame("a", 2)))
    assert older.result(PATIENCE_S) is None
    detector.let(2)
    assert newer.result(PATIENCE_S) is not None
    assert other.result(PATIENCE_S) is not None
    assert detector.shown[1:] == [[("a", 2), ("b", 1)]]
    assert worker.counters.superseded == 1


def test_fast_camera_does_not_crowd_out_the_others(worker: InferenceWorker, detector: GatedDetector) -> None:
    busy(worker, detector)
    for name in ("fast", "b", "c", "d"):
        worker.submit(frame(name, 1))
    for sequence in range(2, 6):
        worker.submit(frame("fast", sequence))
    detector.let()  # ends "busy"
    detector.wait_for_call()  # (fast, b)
    worker.submit(frame("fast", 6))
    detector.let()
    detector.wait_for_call()  # (c, d), though fast asked again before
    detector.let()
    detector.wait_for_call()
    assert detector.shown[1:] == [[("fast", 5), ("b", 1)], [("c", 1), ("d", 1)], [("fast", 6)]]


def test_error_of_a_batch_reaches_its_callers_and_no_one_else(worker: InferenceWorker, detector: GatedDetector) -> None:
    detector.errors.append(RuntimeError("out of memory"))
    broken = worker.submit(frame("a"))
    detector.wait_for_call()
    fine = worker.submit(frame("b"))
    detector.let(2)
    with pytest.raises(RuntimeError, match="out of memory"):
        broken.result(PATIENCE_S)
    assert fine.result(PATIENCE_S) is not None
    assert (worker.counters.failed, worker.counters.detected) == (1, 1)


def test_even_an_exit_in_the_detector_does_not_end_the_thread(worker: InferenceWorker, detector: GatedDetector) -> None:
    detector.errors.append(SystemExit(1))
    detector.let(2)
    with pytest.raises(SystemExit):
        worker.detect(frame("a"))
    assert worker.detect(frame("a", 1)) is not None


def test_too_few_answers_are_an_error(worker: InferenceWorker, detector: GatedDetector) -> None:
    detector.short = True
    detector.let()
    with pytest.raises(ModelError, match="answered 0 of 1"):
        worker.detect(frame("a"))


def test_one_thread_serves_many_blocking_cameras(detector: GatedDetector) -> None:
    worker = InferenceWorker(detector, max_batch=3)
    detector.let(1000)
    found: list[tuple[str, Detections | None]] = []

    def camera(name: str) -> None:
        found.extend((name, worker.detect(frame(name, sequence))) for sequence in range(20))

    cameras = [threading.Thread(target=camera, args=(f"cam{number}",)) for number in range(5)]
    for thread in cameras:
        thread.start()
    for thread in cameras:
        thread.join(PATIENCE_S)
    worker.close()
    # A camera that waits for each answer never overtakes itself, so nothing is dropped.
    assert len(found) == 100
    assert all(item is not None and item.class_name == (name,) for name, item in found)
    assert len(detector.threads) == 1
    assert max(len(batch) for batch in detector.shown) <= 3
    counters = worker.counters
    assert (counters.submitted, counters.detected, counters.superseded) == (100, 100, 0)
    assert counters.batches == len(detector.shown)


def test_close_finishes_the_batch_and_drops_what_waits(detector: GatedDetector) -> None:
    worker = InferenceWorker(detector)
    under_way = worker.submit(frame("a"))
    detector.wait_for_call()
    waiting = worker.submit(frame("b"))
    closing = threading.Thread(target=worker.close)
    closing.start()
    assert waiting.result(PATIENCE_S) is None
    detector.let()
    closing.join(PATIENCE_S)
    assert not closing.is_alive()
    assert under_way.result(0) is not None
    with pytest.raises(ModelError, match="closed"):
        worker.submit(frame("c"))
    worker.close()  # again: nothing happens
    counters = worker.counters
    assert counters.submitted == counters.detected + counters.superseded + counters.failed


def test_an_answer_cannot_be_cancelled_under_the_worker(worker: InferenceWorker, detector: GatedDetector) -> None:
    answer = worker.submit(frame("a"))
    assert not answer.cancel()
    detector.let()
    assert answer.result(PATIENCE_S) is not None


def test_classes_are_the_detectors(worker: InferenceWorker) -> None:
    assert worker.class_names == ("person",)
