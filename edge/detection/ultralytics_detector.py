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

UNUSABLE = (
    RuntimeError, ImportError, ValueError, TypeError, AttributeError, LookupError, OSError, AssertionError,
    StopIteration,
)  # fmt: skip
"""What torch and the runtimes raise for weights that they cannot use: it differs from format to format."""


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
        class_names: Sequence[str] = (),
    ) -> None:
        """Load the weights. Nothing is fetched from a network.

        Args:
            weights: A file or an export's folder.
            score_threshold: Less confident boxes are left out.
            nms_iou: Overlap above which the less confident of two boxes of a class goes.
            input_wh: The input's size in pixels, multiples of 32; None: as the weights say.
            batch: Pictures for one inference; an export made for one picture needs 1.
            threads: CPU threads of torch; an export's own runtime chooses for itself.
            class_names: Better names for the weights' classes, in their order; empty: their own.

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
        self._names = self._checked_names(class_names)

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

    def _checked_names(self, class_names: Sequence[str]) -> dict[int, str]:
        """Class names by number. Runs the model once, so that faults show at the start."""
        blank = np.zeros((64, 64, 3), np.uint8)
        try:
            result = self._model.predict([blank], **self._options)[0]
        except UNUSABLE as error:
            raise _unusable(self._weights, error) from error
        if self._model.task not in BOX_TASKS or result.boxes is None:
            raise ModelError(
                f"{self._weights}: a model for {self._model.task!r} finds no boxes: use one for {', '.join(BOX_TASKS)}"
            )
        names = {int(number): str(name) for number, name in result.names.items()}
        if not class_names:
            return names
        if len(class_names) != len(names):
            raise ModelError(
                f"{self._weights}: knows {len(names)} classes ({', '.join(names.values())}), but the manifest names "
                f"{len(class_names)}: name each one, in this order, or leave classes out"
            )
        return dict(zip(names, class_names, strict=True))


def _unusable(weights: Path, error: BaseException) -> ModelError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return ModelError(
        f"{weights}: ultralytics cannot use these weights ({reason}): install what it misses, or export them again"
    )


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
    except UNUSABLE as error:
        raise _unusable(weights, error) from error
