"""The models of a process: one that takes long to load holds up nobody who only asks how things are."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.detection import loaded
from edge.detection.loaded import LoadedModels
from edge.detection.model import Boxes


class SmallModel:
    """Implements `Model`: finds nothing."""

    class_names = ("person",)
    input_wh = (32, 32)
    parallel = 1

    def infer(self, inputs: Sequence[NDArray[np.uint8]]) -> list[Boxes]:
        return [Boxes.empty() for _ in inputs]


def test_whoever_tells_that_the_process_lives_does_not_wait_for_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def load_slowly(*_: object, **__: object) -> SmallModel:
        begun.set()
        assert may_end.wait(60)
        return SmallModel()

    monkeypatch.setattr(loaded, "load_model", load_slowly)
    models = LoadedModels()
    load = threading.Thread(target=models.worker_for, args=("default", ["person"]))
    told: list[int] = []
    report = threading.Thread(target=lambda: told.append(len(models.workers())))
    load.start()
    try:
        assert begun.wait(60)
        report.start()
        report.join(20)
        assert told == [0]
    finally:
        may_end.set()
        load.join(60)
        report.join(60)
    assert len(models.workers()) == 1
    models.close()
    assert models.workers() == {}
