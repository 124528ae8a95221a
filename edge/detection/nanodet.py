"""Turns the outputs of a NanoDet model into boxes.

A NanoDet head says, for each cell of grids with strides 8, 16 and 32, how likely each class is there and how far the
object's left, top, right and bottom edges are from the cell's centre. A distance is a distribution over 11 bins: its
expectation times the stride is the distance in pixels ("Generalized Focal Loss", Li et al. 2020, section 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.detection.model import Boxes
from edge.errors import ModelError

BINS = 11
"""Values a distance can take, in strides: 0 to 10 (`reg_max` 10 in NanoDet's configuration)."""

SIDES = 4

STRIDES = (8, 16, 32)


@dataclass(frozen=True, slots=True)
class HeadLevel:
    """One grid's outputs.

    Attributes:
        scores: (cells, classes) float32 in [0, 1], rows of the grid one after the other.
        distances: (cells, 4 x 11) float32, logits of left, top, right, bottom.
    """

    scores: NDArray[np.float32]
    distances: NDArray[np.float32]


class NanoDetHead:
    """Implements `edge.detection.openvino_model.Head`.

    Args:
        compiled: The network.
        model_xml: Where it was read from: for messages.
        class_count: How many classes it must have.
        score_threshold: Less confident boxes are left out.

    Raises:
        ModelError: It is no NanoDet with these classes.
    """

    # Any: OpenVINO's Python binding is not typed.
    def __init__(self, compiled: Any, model_xml: Path, class_count: int, score_threshold: float) -> None:
        self._input_wh = _check_interface(compiled, model_xml, class_count)
        self._score_threshold = score_threshold
        names = [output.get_names() for output in compiled.outputs]
        self._places = {
            stride: tuple(_index_of(f"{part}{stride}", names) for part in ("cls", "box")) for stride in STRIDES
        }

    def decode(self, outputs: Sequence[NDArray[np.float32]]) -> Boxes:
        """See `Head`."""
        levels = {stride: HeadLevel(outputs[cls], outputs[box]) for stride, (cls, box) in self._places.items()}
        return decode(levels, self._input_wh, self._score_threshold)


def decode(levels: Mapping[int, HeadLevel], input_wh: tuple[int, int], score_threshold: float) -> Boxes:
    """Boxes of every cell whose best class reaches the threshold.

    Args:
        levels: Outputs by stride in pixels.
        input_wh: The model input's size in pixels.
        score_threshold: Cells below are left out before anything costly is computed.
    """
    # Few cells reach the threshold: to look for the best class in all of them costs ten times as much.
    found = [
        np.unique(np.flatnonzero(level.scores >= score_threshold) // level.scores.shape[1]) for level in levels.values()
    ]
    # All levels at once: there are so few that calling numpy takes longer than what it does.
    counts = [len(cells) for cells in found]
    scores = np.concatenate([level.scores[cells] for level, cells in zip(levels.values(), found, strict=True)])
    logits = np.concatenate([level.distances[cells] for level, cells in zip(levels.values(), found, strict=True)])
    columns = np.repeat([-(-input_wh[0] // stride) for stride in levels], counts)
    boxes = _boxes(np.concatenate(found), logits, np.repeat(list(levels), counts), columns)
    classes = scores.argmax(axis=1)
    return Boxes(boxes, scores[np.arange(len(classes)), classes], classes)


def _boxes(
    cells: NDArray[np.intp], logits: NDArray[np.float32], strides: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.float32]:
    """(N, 4) boxes of cells, each in its own grid: of so many pixels a cell, and so many columns."""
    distances = _expectation(logits.reshape(-1, SIDES, BINS)) * strides[:, None]
    rows, places = np.divmod(cells, columns)
    centres = (np.stack([places, rows], axis=1) + 0.5) * strides[:, None]
    return np.concatenate([centres - distances[:, :2], centres + distances[:, 2:]], axis=1).astype(np.float32)


def _expectation(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 4, 11) logits -> (N, 4) expected bin."""
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    mean: NDArray[np.float32] = (weights @ np.arange(BINS, dtype=np.float32)) / weights.sum(axis=2)
    return mean


def _index_of(name: str, names: Sequence[set[str]]) -> int:
    return next(index for index, known in enumerate(names) if name in known)


def _check_interface(compiled: Any, model_xml: Path, class_count: int) -> tuple[int, int]:
    """The input's width and height, after checking that this is the kind of model that `decode` understands."""
    remedy = "list it in manifest.yaml with its own kind and classes, or build it as models/README.md says"
    model_input = compiled.input(0)
    shape = tuple(model_input.partial_shape.to_shape()) if model_input.partial_shape.is_static else ()
    if len(shape) != 4 or shape[0] != 1 or shape[3] != 3 or model_input.element_type.get_type_name() != "u8":
        raise ModelError(
            f"{model_xml}: expected one input (1, height, width, 3) uint8, got {model_input.partial_shape} "
            f"{model_input.element_type.get_type_name()}: {remedy}"
        )
    height, width = int(shape[1]), int(shape[2])
    names = {name for output in compiled.outputs for name in output.get_names()}
    for stride in STRIDES:
        cells = -(-height // stride) * -(-width // stride)
        for name, channels in ((f"cls{stride}", class_count), (f"box{stride}", SIDES * BINS)):
            if name not in names:
                raise ModelError(f"{model_xml}: has no output {name}, so it is no NanoDet model: {remedy}")
            got = tuple(compiled.output(name).shape)
            if got != (1, cells, channels):
                raise ModelError(
                    f"{model_xml}: output {name}: expected shape (1, {cells}, {channels}), got {got}: {remedy}"
                )
    return width, height
