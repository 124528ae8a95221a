"""One thread that searches the pictures of all cameras of a box with one model.

A camera has one place in the queue. A newer picture of it takes the place over and the older one is dropped, so a busy
box searches fewer pictures but never old ones. The camera that has waited longest is next, and one just served queues
at the end: that is what keeps a fast camera from crowding out the others.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace

from edge.errors import ModelError
from edge.ports import Detector
from edge.types import Detections, Frame


@dataclass(frozen=True, slots=True)
class InferenceCounters:
    """What happened to the pictures since the start: `submitted` is the sum of the others and of what is under way."""

    submitted: int = 0
    detected: int = 0
    superseded: int = 0
    """Dropped for a newer one of the same camera, or by `close`."""
    failed: int = 0
    batches: int = 0
    """Calls of the detector; not part of the sum."""


@dataclass(frozen=True, slots=True)
class _Request:
    frame: Frame
    answer: Future[Detections | None]


class InferenceWorker:
    """Shares one detector between cameras. Every method may be called from any thread."""

    def __init__(self, detector: Detector, *, max_batch: int = 1) -> None:
        """Start the thread.

        Args:
            detector: Only this worker's thread calls it.
            max_batch: Pictures for one call; more than one pays off on a GPU only (`ModelEntry.batch`).
        """
        self._detector = detector
        self._max_batch = max_batch
        self._waiting: dict[str, _Request] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._counters = InferenceCounters()
        self._thread = threading.Thread(target=self._serve, name="inference", daemon=True)
        self._thread.start()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Every class the model knows."""
        return self._detector.class_names

    @property
    def counters(self) -> InferenceCounters:
        """A copy of the counts."""
        with self._changed:
            return self._counters

    def submit(self, frame: Frame) -> Future[Detections | None]:
        """Queue a picture.

        Returns:
            What was found in it; None when a newer picture of the camera took its place or the worker was closed; or
            the error that the detector raised. It cannot be cancelled.

        Raises:
            ModelError: The worker is closed.
        """
        request = _Request(frame, Future())
        request.answer.set_running_or_notify_cancel()  # only the worker may settle an answer
        with self._changed:
            if self._closed:
                raise ModelError("the inference worker is closed: start the edge again")
            older = self._waiting.get(frame.camera_id)
            self._waiting[frame.camera_id] = request  # an existing key keeps its place in the queue
            self._count(submitted=1, superseded=0 if older is None else 1)
            self._changed.notify()
        if older is not None:
            older.answer.set_result(None)
        return request.answer

    def detect(self, frame: Frame) -> Detections | None:
        """Queue a picture and wait for what was found in it; None: it was dropped, as in `submit`.

        Raises:
            ModelError: The worker is closed.
            Exception: Whatever the detector raised.
        """
        return self.submit(frame).result()

    def close(self) -> None:
        """Finish the batch under way, drop what waits and end the thread."""
        with self._changed:
            self._closed = True
            dropped = list(self._waiting.values())
            self._waiting.clear()
            self._count(superseded=len(dropped))
            self._changed.notify()
        for request in dropped:
            request.answer.set_result(None)
        self._thread.join()

    def _serve(self) -> None:
        while batch := self._next_batch():
            with self._errors_to_callers(batch):
                found = self._detector.detect([request.frame for request in batch])
                if len(found) != len(batch):
                    raise ModelError(f"the detector answered {len(found)} of {len(batch)} pictures: report this defect")
                with self._changed:
                    self._count(detected=len(batch))
                for request, detections in zip(batch, found, strict=True):
                    request.answer.set_result(detections)

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
