"""The inference worker: newest picture first, every camera in turn, errors to those who asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.detection.model import Boxes
from edge.detection.worker import InferenceWorker
from edge.errors import ModelError

PATIENCE_S = 60.0

Picture = NDArray[np.uint8]


def frame(camera_id: str, sequence: int = 0) -> tuple[str, Picture]:
    """A camera and a model input that tells which picture it is."""
    picture = np.zeros((2, 16, 3), np.uint8)
    picture[0, : len(camera_id), 0] = list(camera_id.encode())
    picture[1, 0, 0] = sequence
    return camera_id, picture


def read(picture: Picture) -> tuple[str, int]:
    return bytes(picture[0, :, 0]).rstrip(b"\0").decode(), int(picture[1, 0, 0])


def boxes_of(shown: Picture) -> Boxes:
    """A box that tells which picture it came from."""
    name, sequence = read(shown)
    return Boxes(np.array([[ord(name[0]), 0, sequence, 1]], np.float32), np.ones(1, np.float32), np.zeros(1, np.intp))


def told(found: Boxes | None) -> tuple[str, int]:
    """Which picture it came from: the camera's first letter and the sequence."""
    assert found is not None
    return chr(int(found.xyxy[0, 0])), int(found.xyxy[0, 2])


class GatedModel:
    """Searches when it is let, and remembers what it was shown."""

    class_names = ("person",)
    input_wh = (16, 2)

    def __init__(self, parallel: int = 1) -> None:
        self.parallel = parallel
        self.shown: list[list[tuple[str, int]]] = []
        self.errors: list[BaseException] = []
        self.threads: set[int] = set()
        self.short = False
        self._entered = threading.Semaphore(0)
        self._let = threading.Semaphore(0)

    def infer(self, inputs: Sequence[Picture]) -> list[Boxes]:
        self.threads.add(threading.get_ident())
        self.shown.append([read(shown) for shown in inputs])
        self._entered.release()
        assert self._let.acquire(timeout=PATIENCE_S)
        if self.errors:
            raise self.errors.pop(0)
        return [boxes_of(shown) for shown in inputs][: -1 if self.short else None]

    def wait_for_call(self) -> None:
        assert self._entered.acquire(timeout=PATIENCE_S)

    def let(self, calls: int = 1) -> None:
        self._let.release(calls)


@pytest.fixture
def model() -> GatedModel:
    return GatedModel()


@pytest.fixture
def worker(model: GatedModel) -> Iterator[InferenceWorker]:
    worker = InferenceWorker(model, max_batch=2)
    yield worker
    model.let(100)
    worker.close()


def busy(worker: InferenceWorker, model: GatedModel) -> None:
    """Keep the model at work, so that what follows has to wait."""
    worker.submit(*frame("busy"))
    model.wait_for_call()


def test_answer_belongs_to_the_picture(worker: InferenceWorker, model: GatedModel) -> None:
    busy(worker, model)
    answers = [worker.submit(*frame("a", 3)), worker.submit(*frame("b", 5))]
    model.let(2)
    assert [told(answer.result(PATIENCE_S)) for answer in answers] == [("a", 3), ("b", 5)]


def test_a_call_that_does_not_come_back_is_seen(worker: InferenceWorker, model: GatedModel) -> None:
    assert worker.longest_s == 0
    answer = worker.submit(*frame("a"))
    model.wait_for_call()
    before_s = worker.longest_s
    assert worker.longest_s > before_s > 0
    model.let()
    assert answer.result(PATIENCE_S) is not None
    model.errors = [RuntimeError("the GPU is gone")]
    failed = worker.submit(*frame("a"))
    model.let()
    with pytest.raises(RuntimeError):
        failed.result(PATIENCE_S)
    assert worker.longest_s == 0


def test_newer_picture_of_a_camera_takes_the_place_of_the_waiting_one(
    worker: InferenceWorker, model: GatedModel
) -> None:
    busy(worker, model)
    older, other, newer = (worker.submit(*item) for item in (frame("a", 1), frame("b", 1), frame("a", 2)))
    assert older.result(PATIENCE_S) is None
    model.let(2)
    assert newer.result(PATIENCE_S) is not None
    assert other.result(PATIENCE_S) is not None
    assert model.shown[1:] == [[("a", 2), ("b", 1)]]
    assert worker.counters.superseded == 1


def test_fast_camera_does_not_crowd_out_the_others(worker: InferenceWorker, model: GatedModel) -> None:
    busy(worker, model)
    for name in ("fast", "b", "c", "d"):
        worker.submit(*frame(name, 1))
    for sequence in range(2, 6):
        worker.submit(*frame("fast", sequence))
    model.let()  # ends "busy"
    model.wait_for_call()  # (fast, b)
    worker.submit(*frame("fast", 6))
    model.let()
    model.wait_for_call()  # (c, d), though fast asked again before
    model.let()
    model.wait_for_call()
    assert model.shown[1:] == [[("fast", 5), ("b", 1)], [("c", 1), ("d", 1)], [("fast", 6)]]


def test_error_of_a_batch_reaches_its_callers_and_no_one_else(worker: InferenceWorker, model: GatedModel) -> None:
    model.errors.append(RuntimeError("out of memory"))
    broken = worker.submit(*frame("a"))
    model.wait_for_call()
    fine = worker.submit(*frame("b"))
    model.let(2)
    with pytest.raises(RuntimeError, match="out of memory"):
        broken.result(PATIENCE_S)
    assert fine.result(PATIENCE_S) is not None
    assert (worker.counters.failed, worker.counters.detected) == (1, 1)


def test_even_an_exit_in_the_detector_does_not_end_the_thread(worker: InferenceWorker, model: GatedModel) -> None:
    model.errors.append(SystemExit(1))
    model.let(2)
    with pytest.raises(SystemExit):
        worker.search(*frame("a"))
    assert worker.search(*frame("a", 1)) is not None


def test_too_few_answers_are_an_error(worker: InferenceWorker, model: GatedModel) -> None:
    model.short = True
    model.let()
    with pytest.raises(ModelError, match="answered 0 of 1"):
        worker.search(*frame("a"))


def test_one_thread_serves_many_blocking_cameras(model: GatedModel) -> None:
    worker = InferenceWorker(model, max_batch=3)
    model.let(1000)
    found: list[tuple[str, Boxes | None]] = []

    def camera(name: str) -> None:
        found.extend((name, worker.search(*frame(name, sequence))) for sequence in range(20))

    cameras = [threading.Thread(target=camera, args=("abcde"[number],)) for number in range(5)]
    for thread in cameras:
        thread.start()
    for thread in cameras:
        thread.join(PATIENCE_S)
    worker.close()
    # A camera that waits for each answer never overtakes itself, so nothing is dropped.
    assert len(found) == 100
    assert all(told(item)[0] == name for name, item in found)
    assert len(model.threads) == 1
    assert max(len(batch) for batch in model.shown) <= 3
    counters = worker.counters
    assert (counters.submitted, counters.detected, counters.superseded) == (100, 100, 0)
    assert counters.batches == len(model.shown)


def test_close_finishes_the_batch_and_drops_what_waits(model: GatedModel) -> None:
    worker = InferenceWorker(model)
    under_way = worker.submit(*frame("a"))
    model.wait_for_call()
    waiting = worker.submit(*frame("b"))
    closing = threading.Thread(target=worker.close)
    closing.start()
    assert waiting.result(PATIENCE_S) is None
    model.let()
    closing.join(PATIENCE_S)
    assert not closing.is_alive()
    assert under_way.result(0) is not None
    with pytest.raises(ModelError, match="closed"):
        worker.submit(*frame("c"))
    worker.close()  # again: nothing happens
    counters = worker.counters
    assert counters.submitted == counters.detected + counters.superseded + counters.failed


def test_an_answer_cannot_be_cancelled_under_the_worker(worker: InferenceWorker, model: GatedModel) -> None:
    answer = worker.submit(*frame("a"))
    assert not answer.cancel()
    model.let()
    assert answer.result(PATIENCE_S) is not None


def test_classes_are_the_detectors(worker: InferenceWorker) -> None:
    assert worker.class_names == ("person",)


def test_two_pictures_are_searched_side_by_side_where_the_model_can() -> None:
    model = GatedModel(parallel=2)
    worker = InferenceWorker(model)
    answers = [worker.submit(*frame("a", 1)), worker.submit(*frame("b", 2))]
    model.wait_for_call()
    model.wait_for_call()  # before the first is let
    model.let(2)
    assert [told(answer.result(PATIENCE_S)) for answer in answers] == [("a", 1), ("b", 2)]
    worker.close()
    assert len(model.threads) == 2


def test_what_waits_of_a_camera_that_left_is_dropped(worker: InferenceWorker, model: GatedModel) -> None:
    busy(worker, model)
    leaving, staying = worker.submit(*frame("a")), worker.submit(*frame("b"))
    assert worker.queue_depth == 2
    worker.forget("a")
    worker.forget("nobody")
    assert leaving.result(PATIENCE_S) is None
    model.let(2)
    assert staying.result(PATIENCE_S) is not None
    assert model.shown[1:] == [[("b", 0)]]
    assert worker.counters.superseded == 1


def test_tells_how_long_a_search_usually_takes(worker: InferenceWorker, model: GatedModel) -> None:
    assert worker.usual_ms == 0
    model.let()
    worker.search(*frame("a"))
    assert worker.usual_ms > 0
