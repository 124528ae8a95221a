"""The queue of one model that all cameras of a box share.

A camera has one place in the queue. A newer picture of it takes the place over and the older one is dropped, so a busy
box searches fewer pictures but never old ones. The camera that has waited longest is next, and one just served queues
at the end: that is what keeps a fast camera from crowding out the others.
"""

from __future__ import annotations

import statistics
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from edge.detection.model import Boxes, Model
from edge.errors import ModelError

_RECENT = 256
"""Searches over which their usual time is taken."""


@dataclass(frozen=True, slots=True)
class InferenceCounters:
    """What happened to the pictures since the start: `submitted` is the sum of the others and of what is under way."""

    submitted: int = 0
    detected: int = 0
    superseded: int = 0
    """Dropped for a newer one of the same camera, because the camera left, or by `close`."""
    failed: int = 0
    batches: int = 0
    """Calls of the model; not part of the sum."""


@dataclass(frozen=True, slots=True)
class _Request:
    model_input: NDArray[np.uint8]
    answer: Future[Boxes | None]


class InferenceWorker:
    """Shares one model between cameras. Every method may be called from any thread."""

    def __init__(self, model: Model, *, max_batch: int = 1) -> None:
        """Start as many threads as the model has inferences at the same time.

        Args:
            model: Only this worker's threads call it.
            max_batch: Pictures for one call; more than one pays off on a GPU only (`ModelEntry.batch`).
        """
        self._model = model
        self._max_batch = max_batch
        self._waiting: dict[str, _Request] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._counters = InferenceCounters()
        self._recent_ms: deque[float] = deque(maxlen=_RECENT)
        self._under_way: dict[int, float] = {}
        """When each thread that is in the model went there."""
        self._threads = [
            threading.Thread(target=self._serve, name=f"inference-{number}", daemon=True)
            for number in range(model.parallel)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Every class the model knows."""
        return self._model.class_names

    @property
    def input_wh(self) -> tuple[int, int]:
        """The size of a model input in pixels."""
        return self._model.input_wh

    @property
    def counters(self) -> InferenceCounters:
        """A copy of the counts."""
        with self._changed:
            return self._counters

    @property
    def queue_depth(self) -> int:
        """Pictures that wait now."""
        with self._changed:
            return len(self._waiting)

    @property
    def usual_ms(self) -> float:
        """Median time of the last calls of the model; 0 before the first."""
        with self._changed:
            return statistics.median(self._recent_ms) if self._recent_ms else 0.0

    @property
    def longest_s(self) -> float:
        """For how long the model has been at a picture that it has not answered; 0: it is at none."""
        with self._changed:
            return perf_counter() - min(self._under_way.values()) if self._under_way else 0.0

    def submit(self, camera: str, model_input: NDArray[np.uint8]) -> Future[Boxes | None]:
        """Queue a picture.

        Args:
            camera: Whose; anything that tells the callers apart.
            model_input: (input height, input width, 3) uint8; not to be written into until the answer.

        Returns:
            What was found in it; None when a newer picture of the camera took its place or the worker was closed; or
            the error that the model raised. It cannot be cancelled.

        Raises:
            ModelError: The worker is closed.
        """
        request = _Request(model_input, Future())
        request.answer.set_running_or_notify_cancel()  # only the worker may settle an answer
        with self._changed:
            if self._closed:
                raise ModelError("the inference worker is closed: start the edge again")
            older = self._waiting.get(camera)
            self._waiting[camera] = request  # an existing key keeps its place in the queue
            self._count(submitted=1, superseded=0 if older is None else 1)
            self._changed.notify()
        if older is not None:
            older.answer.set_result(None)
        return request.answer

    def search(self, camera: str, model_input: NDArray[np.uint8]) -> Boxes | None:
        """Queue a picture and wait for what was found in it; None: it was dropped, as in `submit`.

        Raises:
            ModelError: The worker is closed.
            Exception: Whatever the model raised.
        """
        return self.submit(camera, model_input).result()

    def forget(self, camera: str) -> None:
        """Drop what waits of a camera that left."""
        with self._changed:
            request = self._waiting.pop(camera, None)
            self._count(superseded=0 if request is None else 1)
        if request is not None:
            request.answer.set_result(None)

    def close(self) -> None:
        """Finish what is under way, drop what waits and end the threads."""
        with self._changed:
            self._closed = True
            dropped = list(self._waiting.values())
            self._waiting.clear()
            self._count(superseded=len(dropped))
            self._changed.notify_all()
        for request in dropped:
            request.answer.set_result(None)
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        while batch := self._next_batch():
            with self._errors_to_callers(batch):
                with self._timed() as started_s:
                    found = self._model.infer([request.model_input for request in batch])
                took_ms = (perf_counter() - started_s) * 1000
                if len(found) != len(batch):
                    raise ModelError(f"the model answered {len(found)} of {len(batch)} pictures: report this defect")
                with self._changed:
                    self._count(detected=len(batch))
                    self._recent_ms.append(took_ms)
                for request, boxes in zip(batch, found, strict=True):
                    request.answer.set_result(boxes)

    @contextmanager
    def _timed(self) -> Iterator[float]:
        thread, started_s = threading.get_ident(), perf_counter()
        with self._changed:
            self._under_way[thread] = started_s
        try:
            yield started_s
        finally:
            with self._changed:
                del self._under_way[thread]

    def _next_batch(self) -> list[_Request]:
        """The cameras that have waited longest; empty when the worker is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            cameras = list(self._waiting)[: self._max_batch]
            if cameras:
                self._count(batches=1)
            return [self._waiting.pop(camera) for camera in cameras]

    @contextmanager
    def _errors_to_callers(self, batch: list[_Request]) -> Iterator[None]:
        """Hand the batch's error, whatever it is, to everyone who waits for an answer: the thread lives on."""
        try:
            yield
        except BaseException as error:  # noqa: BLE001 -- nothing is hidden: each caller's `result()` raises it
            with self._changed:
                self._count(failed=len(batch))
            for request in batch:
                request.answer.set_exception(error)

    def _count(self, **increments: int) -> None:
        """Add to the counts. The caller holds the lock."""
        self._counters = replace(
            self._counters, **{name: getattr(self._counters, name) + number for name, number in increments.items()}
        )


class LocalAsker:
    """Implements `edge.detection.search.Asker` with a worker of this process.

    Args:
        worker: Of the camera's model.
        camera_id: Whose place in the queue.
    """

    def __init__(self, worker: InferenceWorker, camera_id: str) -> None:
        self._worker = worker
        self._camera_id = camera_id
        width, height = worker.input_wh
        self._canvas = np.zeros((height, width, 3), np.uint8)

    @property
    def class_names(self) -> tuple[str, ...]:
        """See `Asker`."""
        return self._worker.class_names

    @property
    def canvas(self) -> NDArray[np.uint8]:
        """See `Asker`."""
        return self._canvas

    def ask(self) -> Boxes | None:
        """See `Asker`.

        Raises:
            ModelError: The worker is closed.
            Exception: Whatever the model raised.
        """
        return self._worker.search(self._camera_id, self._canvas)
