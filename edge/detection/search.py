"""The camera's side of a search: its picture becomes a model input, the model's boxes become detections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.detection.letterbox import Letterbox
from edge.detection.model import Boxes, Model
from edge.types import Detections, Frame

FAILING_AFTER = 10
"""Searches dropped in a row, some two seconds of them: longer than the inference process needs to come back."""


class Asker(Protocol):
    """One camera's way to a model. One thread uses it."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Every class the model knows."""
        ...

    @property
    def canvas(self) -> NDArray[np.uint8]:
        """(input height, input width, 3) uint8: where the next model input is drawn. Ask for it before each drawing."""
        ...

    def ask(self) -> Boxes | None:
        """Search what is drawn on the canvas; None: the search was dropped."""
        ...


class CameraSearch:
    """Implements `edge.ports.Searcher` for one camera. One thread searches; any may read the figures.

    Args:
        asker: Its way to the model.
    """

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._dropped = 0
        self._dropped_in_row = 0

    @property
    def failing(self) -> bool:
        """So many searches in a row were dropped that the admin should know."""
        return self._dropped_in_row >= FAILING_AFTER

    def detect(self, frame: Frame) -> Detections | None:
        """What is in a frame, most confident first, in its pixels; None: the search was dropped.

        Raises:
            ModelError: The model failed.
        """
        canvas = self._asker.canvas
        letterbox = Letterbox(frame.resolution_wh, (canvas.shape[1], canvas.shape[0]))
        letterbox.draw(frame.picture, canvas)
        boxes = self._asker.ask()
        if boxes is None:
            self._dropped += 1
            self._dropped_in_row += 1
            return None
        self._dropped_in_row = 0
        return read_boxes(boxes, letterbox, self._asker.class_names)

    def figures(self) -> dict[str, float]:
        """By the names of `edge.metrics.CAMERA_FIGURES`."""
        return {"searches_dropped": self._dropped}


class ModelDetector:
    """Implements `edge.ports.Detector` with a model of this process: for replay, benchmarks and tests.

    Args:
        model: Whose `infer` is called on the caller's thread.
    """

    def __init__(self, model: Model) -> None:
        self.model = model

    @property
    def class_names(self) -> tuple[str, ...]:
        """Every class the model knows."""
        return self.model.class_names

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """One `Detections` for each frame, in order, most confident first, in pixels of that frame."""
        width, height = self.model.input_wh
        letterboxes = [Letterbox(frame.resolution_wh, self.model.input_wh) for frame in frames]
        inputs = [np.empty((height, width, 3), np.uint8) for _ in frames]
        for frame, letterbox, canvas in zip(frames, letterboxes, inputs, strict=True):
            letterbox.draw(frame.picture, canvas)
        found = self.model.infer(inputs)
        return [
            read_boxes(boxes, letterbox, self.class_names) for boxes, letterbox in zip(found, letterboxes, strict=True)
        ]


def read_boxes(boxes: Boxes, letterbox: Letterbox, class_names: Sequence[str]) -> Detections:
    """Map boxes of a model input back to the picture that was drawn there."""
    xyxy = letterbox.to_picture(boxes.xyxy)
    # A box wholly in the black border has no area left in the picture.
    inside = np.flatnonzero((xyxy[:, 2:] > xyxy[:, :2]).all(axis=1))
    names = tuple(class_names[number] for number in boxes.class_id[inside])
    return Detections(xyxy[inside], boxes.confidence[inside], names)
