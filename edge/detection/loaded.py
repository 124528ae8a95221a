"""The models that cameras name, each loaded once, when the first camera asks for it, and shared by all."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable

from edge.detection.load import load_model, require_classes
from edge.detection.manifest import load_manifest
from edge.detection.worker import InferenceWorker


def inference_threads() -> int:
    """CPU threads for all inferences together, of the cores we may use; above four a small model gains nothing."""
    return min(4, len(os.sched_getaffinity(0)))


class LoadedModels:
    """Loads models by name. Thread-safe.

    Args:
        threads: CPU threads of all inferences of a model together. Where its runtime can, each thread searches a
            picture of its own: two side by side take fewer CPU seconds than one after the other on two threads.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads or inference_threads()
        self._workers: dict[str, InferenceWorker] = {}
        self._loading = threading.Lock()
        """Held while a model is loaded, which may take a minute."""
        self._lock = threading.Lock()
        """Guards `_workers`, for moments only: whoever tells that this process lives does not wait for a model."""

    def worker_for(self, model_id: str, needed: Iterable[str]) -> InferenceWorker:
        """The queue of a model.

        Args:
            model_id: Id or alias in the manifest, which is read again for each model that is not loaded yet.
            needed: Names of the classes that it must know.

        Raises:
            ModelError: The model cannot be loaded, or does not know a class.
        """
        with self._loading:
            worker = self._workers.get(model_id)
            if worker is None:
                manifest = load_manifest()
                entry = manifest.get(model_id)
                worker = self._workers.get(entry.id)
                if worker is None:
                    model = load_model(model_id, manifest, threads=self._threads, parallel=self._threads)
                    worker = InferenceWorker(model, max_batch=entry.batch)
                with self._lock:  # an alias and its model are one
                    self._workers[entry.id] = self._workers[model_id] = worker
        require_classes(model_id, worker.class_names, needed)
        return worker

    def workers(self) -> dict[str, InferenceWorker]:
        """Those of every model that is loaded, by id."""
        with self._lock:
            by_worker = {worker: name for name, worker in reversed(self._workers.items())}
            return {name: worker for worker, name in by_worker.items()}

    def close(self) -> None:
        """End every worker."""
        with self._loading, self._lock:
            for worker in set(self._workers.values()):
                worker.close()
            self._workers.clear()
