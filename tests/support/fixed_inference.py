"""Detectors for tests of worker processes: the pool and its workers are real, only what is seen is told beforehand."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

import numpy as np

from contract.camera_config import CameraConfig
from edge.errors import ModelError
from edge.types import Detections, Frame

FRAMES_BEFORE_CRASH = 5


class FixedSearcher:
    """Sees one person who stands in the middle; crashes its process when the camera's model is called `crash`."""

    def __init__(self, camera: CameraConfig) -> None:
        self._crashes = camera.detect.model == "crash"
        self._searched = 0

    def detect(self, frame: Frame) -> Detections:
        self._searched += 1
        if self._crashes and self._searched > FRAMES_BEFORE_CRASH:
            os.kill(os.getpid(), signal.SIGSEGV)
        width, height = frame.resolution_wh
        box = np.array([[0.45, 0.3, 0.55, 0.7]], np.float32) * np.array([width, height, width, height], np.float32)
        return Detections(box.astype(np.float32), np.array([0.9], np.float32), ("person",))

    @property
    def failing(self) -> bool:
        return False

    def figures(self) -> dict[str, float]:
        return {}


@dataclass(frozen=True)
class FixedInference:
    """Implements `edge.workers.messages.Inference` and, in the worker, `edge.ports.DetectorSource`."""

    def open(self) -> FixedInference:
        return self

    def worker_for(self, camera: CameraConfig) -> FixedSearcher:
        if camera.detect.model == "missing":
            raise ModelError("model 'missing' is unknown: choose another")
        return FixedSearcher(camera)

    def parts_worker_for(self, camera: CameraConfig) -> FixedSearcher | None:  # noqa: ARG002 - the port's signature
        return None

    def plates_worker_for(self, camera: CameraConfig) -> FixedSearcher | None:  # noqa: ARG002 - the port's signature
        return None

    def stop_loading(self) -> None:
        pass

    def close(self) -> None:
        pass
