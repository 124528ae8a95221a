"""Turns the outputs of a NanoDet model into boxes.

A NanoDet head says, for each cell of grids with strides 8, 16 and 32, how likely each class is there and how far the
object's left, top, right and bottom edges are from the cell's centre. A distance is a distribution over 11 bins: its
expectation times the stride is the distance in pixels ("Generalized Focal Loss", Li et al. 2020, section 3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 11
"""Values a distance can take, in strides: 0 to 10 (`reg_max` 10 in NanoDet's configuration)."""

SIDES = 4


@dataclass(frozen=True, slots=True)
class HeadLevel:
    """One grid's outputs.

    Attributes:
        scores: (cells, classes) float32 in [0, 1], rows of the grid one after the other.
        distances: (cells, 4 x 11) float32, logits of left, top, right, bottom.
    """

    scores: NDArray[np.float32]
    distances: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes before suppression.

    Attributes:
        xyxy: (N, 4) float32, pixels of the model's input; may reach over its edges.
        confidence: (N,) float32.
        class_id: (N,) integers.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.intp]


def decode(levels: Mapping[int, HeadLevel], input_wh: tuple[int, int], score_threshold: float) -> Candidates:
    """Boxes of every cell whose best class reaches the threshold.

    Args:
        levels: Outputs by stride in pixels.
        input_wh: The model input's size in pixels.
        score_threshold: Cells below are left out before anything costly is computed.
    """
    boxes, confidences, classes = [], [], []
    for stride, level in levels.items():
        best = level.scores.max(axis=1)
        cells = np.flatnonzero(best >= score_threshold)
        boxes.append(_boxes(cells, level.distances[cells], stride, columns=-(-input_wh[0] // stride)))
        confidences.append(best[cells])
        classes.append(level.scores[cells].argmax(axis=1))
    return Candidates(np.concatenate(boxes), np.concatenate(confidences), np.concatenate(classes))


def _boxes(cells: NDArray[np.intp], logits: NDArray[np.float32], stride: int, *, columns: int) -> NDArray[np.float32]:
    left, top, right, bottom = (_expectation(logits.reshape(-1, SIDES, BINS)) * stride).T
    x = (cells % columns + 0.5) * stride
    y = (cells // columns + 0.5) * stride
    return np.stack([x - left, y - top, x + right, y + bottom], axis=1).astype(np.float32)


def _expectation(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 4, 11) logits -> (N, 4) expected bin."""
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    mean: NDArray[np.float32] = (weights @ np.arange(BINS, dtype=np.float32)) / weights.sum(axis=2)
    return mean
