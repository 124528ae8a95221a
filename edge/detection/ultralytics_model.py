"""Any weights that ultralytics loads: the user's own YOLO models, on CPU or GPU, or on a Triton server.

Ultralytics is AGPL-3.0 and an optional extra; nothing else in the project imports it.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.detection.model import MAX_CANDIDATES, Boxes
from edge.errors import ModelError

BOX_TASKS = ("detect", "segment", "pose")
"""Kinds of models whose results have upright boxes."""

UNUSABLE = (
    RuntimeError, ImportError, ValueError, TypeError, AttributeError, LookupError, OSError, AssertionError,
    StopIteration,
)  # fmt: skip
"""What torch and the runtimes raise for weights that they cannot use: it differs from format to format."""


class UltralyticsModel:
    """Implements `edge.detection.model.Model` with `.pt`, an export (ONNX, TensorRT, OpenVINO, ...) or a Triton URL."""

    def __init__(
        self,
        weights: Path | str,
        *,
        score_threshold: float,
        nms_iou: float = 0.5,
        input_wh: tuple[int, int] | None = None,
        batch: int = 1,
        threads: int,
        class_names: Sequence[str] = (),
        device: str = "",
    ) -> None:
        """Load the weights. Nothing is fetched from a network; a Triton server is asked for its model.

        Args:
            weights: A file, an export's folder, or (a text) the URL of a model on a Triton server, as the manifest
                allows it.
            score_threshold: Less confident boxes are left out.
            nms_iou: Overlap above which the less confident of two boxes of a class goes.
            input_wh: The input's size in pixels, multiples of 32; None: as the weights say.
            batch: Pictures for one inference; an export made for one picture needs 1.
            threads: CPU threads of torch; an export's own runtime chooses for itself.
            class_names: Better names for the weights' classes, in their order; empty: their own.
            device: Torch's name of the device, such as `cuda:1`; empty: ultralytics' choice.

        Raises:
            ModelError: The weights are missing, cannot be read or find no boxes; or ultralytics is not installed.
        """
        # Ultralytics would look for missing weights on the network: the path is checked before it sees it.
        if isinstance(weights, Path) and not weights.exists():
            raise ModelError(f"{weights}: no such weights: put them there, or correct their path in manifest.yaml")
        self._weights = weights
        self._batch = batch
        # Its own suppression is the one of `edge.detection.nms` (a test compares them), and serves every format and
        # task, models that suppress by themselves included.
        self._options: dict[str, object] = {
            "conf": score_threshold, "iou": nms_iou, "max_det": MAX_CANDIDATES, "verbose": False, "save": False,
        }  # fmt: skip
        if device:
            self._options["device"] = device
        self._model = load_weights(weights, threads)
        self._input_wh = self._checked_size(input_wh)
        self._names = self._checked_names(class_names)

    @property
    def class_names(self) -> tuple[str, ...]:
        """See `Model`."""
        return self._names

    @property
    def input_wh(self) -> tuple[int, int]:
        """See `Model`."""
        return self._input_wh

    @property
    def parallel(self) -> int:
        """See `Model`."""
        return 1

    def infer(self, inputs: Sequence[NDArray[np.uint8]]) -> list[Boxes]:
        """See `Model`. Inputs of the model's own size pass ultralytics' letterbox unchanged."""
        found: list[Boxes] = []
        for start in range(0, len(inputs), self._batch):
            # Copies: ultralytics keeps the last pictures, and these are the cameras' memory.
            images = [model_input.copy() for model_input in inputs[start : start + self._batch]]
            found.extend(_boxes_of(result) for result in self._predict(images))
        return found

    # Any: ultralytics' types are torch tensors here, which this project does not depend on.
    def _predict(self, images: list[NDArray[np.uint8]]) -> list[Any]:
        return list(self._model.predict(images, **self._options))

    def _checked_size(self, wanted_wh: tuple[int, int] | None) -> tuple[int, int]:
        """The input's size. Runs the model once, so that faults show at the start."""
        if wanted_wh is not None:
            self._options["imgsz"] = [wanted_wh[1], wanted_wh[0]]
        self._try(np.zeros((64, 64, 3), np.uint8))
        height, width = (int(side) for side in self._model.predictor.imgsz)
        if wanted_wh not in {None, (width, height)}:
            raise ModelError(
                f"{self._weights}: runs at {width}x{height}, not at the {wanted_wh[0]}x{wanted_wh[1]} of the manifest: "
                "correct input_wh (multiples of 32; an export has a size of its own), or leave it out"
            )
        self._options["imgsz"] = [height, width]
        return width, height

    def _checked_names(self, class_names: Sequence[str]) -> tuple[str, ...]:
        """Class names by number."""
        width, height = self._input_wh
        result = self._try(np.zeros((height, width, 3), np.uint8))
        if self._model.task not in BOX_TASKS or result.boxes is None:
            raise ModelError(
                f"{self._weights}: a model for {self._model.task!r} finds no boxes: use one for {', '.join(BOX_TASKS)}"
            )
        names = {int(number): str(name) for number, name in result.names.items()}
        known = tuple(names.get(number, str(number)) for number in range(max(names) + 1))
        if not class_names:
            return known
        if len(class_names) != len(known):
            raise ModelError(
                f"{self._weights}: knows {len(known)} classes ({', '.join(known)}), but the manifest names "
                f"{len(class_names)}: name each one, in this order, or leave classes out"
            )
        return tuple(class_names)

    def _try(self, image: NDArray[np.uint8]) -> Any:
        try:
            return self._predict([image])[0]
        except _errors_of(self._weights) as error:
            raise _unusable(self._weights, error) from error


def _errors_of(weights: Path | str) -> tuple[type[Exception], ...]:
    """What weights that cannot be used raise; a Triton server that refuses has an error of its own."""
    if isinstance(weights, str) and importlib.util.find_spec("tritonclient") is not None:
        from tritonclient.utils import InferenceServerException

        return (*UNUSABLE, InferenceServerException)
    return UNUSABLE


def _boxes_of(result: Any) -> Boxes:
    boxes = result.boxes.cpu().numpy()
    return Boxes(
        np.ascontiguousarray(boxes.xyxy, np.float32),
        np.ascontiguousarray(boxes.conf, np.float32),
        boxes.cls.astype(np.intp),
    )


def _unusable(weights: Path | str, error: BaseException) -> ModelError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    is_file = isinstance(weights, Path)
    remedy = "install what it misses, or export them again" if is_file else "look at the Triton server, and its log"
    return ModelError(f"{weights}: ultralytics cannot use these weights ({reason}): {remedy}")


def load_weights(weights: Path | str, threads: int) -> Any:
    """A `YOLO` object that keeps away from the network. Errors as `UltralyticsModel`."""
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
        return YOLO(str(weights), task=None if str(weights).endswith(".pt") else "detect")
    except UNUSABLE as error:
        raise _unusable(weights, error) from error
