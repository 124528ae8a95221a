"""What every model does, whatever runs it: model inputs in, boxes in pixels of the model's input out.

    frame --prepare--> model input (uint8) --infer--> boxes of the input --read--> detections of the frame

Preparing and reading belong to a camera (`edge.detection.search`), inference to whoever holds the model: this process,
or one for the whole box. Every model gets the same letterbox and the same suppression, so that models differ in what
they have learnt and in nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.detection.nms import keep_by_class

MAX_CANDIDATES = 1000
"""A picture with more boxes above the threshold keeps the most confident, so that suppression stays quick."""


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes in a model's input, before or after suppression.

    Attributes:
        xyxy: (N, 4) float32, pixels of the model's input; may reach over its edges.
        confidence: (N,) float32.
        class_id: (N,) integers.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.class_id)

    def take(self, indices: NDArray[np.intp]) -> Boxes:
        """Some of the boxes, in the order of the indices."""
        return Boxes(self.xyxy[indices], self.confidence[indices], self.class_id[indices])

    @classmethod
    def empty(cls) -> Boxes:
        """No box."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.intp))


class Model(Protocol):
    """A loaded model."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Every class the model knows, in the order of `Boxes.class_id`."""
        ...

    @property
    def input_wh(self) -> tuple[int, int]:
        """The input's size in pixels."""
        ...

    @property
    def parallel(self) -> int:
        """How many threads may call `infer` at the same time."""
        ...

    def infer(self, inputs: Sequence[NDArray[np.uint8]]) -> list[Boxes]:
        """Search model inputs.

        Args:
            inputs: Each (input height, input width, 3) uint8, BGR; only read, and only until the call returns.

        Returns:
            For each input, in order, what is left after suppression, most confident first.
        """
        ...


def suppress(candidates: Boxes, iou_threshold: float) -> Boxes:
    """Keep the most confident of the boxes of a class that overlap by more than the threshold.

    Returns:
        Most confident first.
    """
    strongest = candidates.take(np.argsort(-candidates.confidence, kind="stable")[:MAX_CANDIDATES])
    return strongest.take(
        keep_by_class(strongest.xyxy, strongest.confidence, strongest.class_id, iou_threshold),
    )
