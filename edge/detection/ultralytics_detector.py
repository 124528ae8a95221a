"""Any weights that ultralytics loads: the user's own YOLO models, on CPU or GPU.

Ultralytics is AGPL-3.0 and an optional extra; nothing else in the project imports it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import ModelError
from edge.types import Detections, Frame

BOX_TASKS = ("detect", "segment", "pose")
"""Kinds of models whose results have upright boxes."""


class UltralyticsDetector:
    """Finds objects with the user's weights: `.pt`, or an export such as ONNX, TensorRT or an OpenVINO folder."""

    def __init__(
        self,
        weights: Path,
        *,
        score_threshold: float,
        nms_iou: float = 0.5,
        input_wh: tuple[int, int] | None = None,
        batch: int = 1,
        threads: int,
    ) -> None:
        """Load the weights. Nothing is fetched from a network.

        Args:
            weights: A file or an export's folder.
            score_threshold: Less confident boxes are left out.
            nms_iou: Overlap above which the less confident of two boxes of a class goes.
            input_wh: The input's size in pixels, multiples of 32; None: as the weights say.
            batch: Pictures for one inference; an export made for one picture needs 1.
            threads: CPU threads of torch; an export's own runtime chooses for itself.

        Raises:
            ModelError: The weights are missing, cannot be read or find no boxes; or ultralytics is not installed.
        """
        # Ultralytics would look for missing weights on the network: the path is checked before it sees it.
        if not weights.exists():
            raise ModelError(f"{weights}: no such weights: put them there, or correct their path in manifest.yaml")
        self._weights = weights
        self._batch = batch
        self._options: dict[str, object] = {"conf": score_threshold, "iou": nms_iou, "verbose": False, "save": False}
        if input_wh is not None:
            self._options["imgsz"] = [input_wh[1], input_wh[0]]
        self._model = _load(weights, threads)
        self._names: dict[int, str] = self._checked_names()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Every class the weights know."""
        return tuple(self._names.values())

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """One `Detections` for each frame, in order, most confident first, in pixels of that frame."""
        found: list[Detections] = []
        for start in range(0, len(frames), self._batch):
            images = [frame.image for frame in frames[start : start + self._batch]]
            found.extend(self._to_detections(result) for result in self._model.predict(images, **self._options))
        return found

    # Any: ultralytics' types are torch tensors here, which this project does not depend on.
    def _to_detections(self, result: Any) -> Detections:
        boxes = result.boxes.cpu().numpy()
        class_ids = boxes.cls.astype(np.intp)
        return Detections(
            np.ascontiguousarray(boxes.xyxy, np.float32),
            np.ascontiguousarray(boxes.conf, np.float32),
            tuple(self._names[class_id] for class_id in class_ids),
        )

    def _checked_names(self) -> dict[int, str]:
        """The weights' classes. Runs the model once, so that faults show at the start."""
        blank = np.zeros((64, 64, 3), np.uint8)
        try:
            result = self._model.predict([blank], **self._options)[0]
        # What a runtime raises for weights that it cannot run differs from format to format.
        except (RuntimeError, ImportError, ValueError, TypeError, AttributeError, OSError, AssertionError) as error:
            raise ModelError(
                f"{self._weights}: ultralytics cannot run these weights ({error}): check them with yolo predict"
            ) from error
        if self._model.task not in BOX_TASKS or result.boxes is None:
            raise ModelError(
                f"{self._weights}: a model for {self._model.task!r} finds no boxes: use one for {', '.join(BOX_TASKS)}"
            )
        return {int(index): str(name) for index, name in result.names.items()}


def _load(weights: Path, threads: int) -> Any:
    # Read once, at import: no look-ups, no reports, no pip calls from a village's camera box.
    os.environ["YOLO_OFFLINE"] = "true"
    os.environ["YOLO_AUTOINSTALL"] = "false"
    # It would write to standard output, which belongs to the command line's JSON.
    os.environ["YOLO_VERBOSE"] = "false"
    try:
        import torch
        from ultralytics import YOLO, settings
    except ImportError as error:
        raise ModelError(f"{weights}: needs ultralytics ({error}): pip install 'langan[ultralytics]'") from error
    if settings["sync"]:
        settings.update({"sync": False})
    torch.set_num_threads(threads)
    try:
        # An export does not say what it is for; its own metadata then corrects the guess.
        return YOLO(str(weights), task=None if weights.suffix == ".pt" else "detect")
    except (
        RuntimeError,
        ImportError,
        ValueError,
        TypeError,
        AttributeError,
        OSError,
        AssertionError,
        KeyError,
    ) as error:
        raise ModelError(
            f"{weights}: ultralytics cannot load these weights ({error}): check them with yolo predict"
        ) from error
