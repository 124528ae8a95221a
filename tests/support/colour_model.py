"""A real, tiny network in the form of a YOLO export: what it finds follows from the picture's colours by arithmetic.

A cell of 8 x 8 pixels in the colour of one of `THINGS` is an object of that name; its box is centred on the cell and
has a size of its own. Pictures are 320 x 192 and black elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, CELL = 320, 192, 8


@dataclass(frozen=True)
class Thing:
    """What a colour stands for: weights of R, G, B (0 to 1) and bias of its score, its colour and its box's size."""

    weights: tuple[float, float, float]
    bias: float
    bgr: tuple[int, int, int]
    size: tuple[float, float]


THINGS = {
    "person": Thing((1.0, 1.0, -2.0), -1.0, (0, 255, 255), (16.0, 36.0)),
    "motorcycle": Thing((-1.0, 1.0, -1.0), 0.0, (0, 255, 0), (48.0, 28.0)),
    "With Helmet": Thing((-1.0, -1.0, 1.0), 0.0, (255, 0, 0), (8.0, 8.0)),
    "Without Helmet": Thing((1.0, -1.0, -1.0), 0.0, (0, 0, 255), (8.0, 8.0)),
}


def write_model(path: Path, names: Sequence[str]) -> Path:
    """Write the network for some of the things as OpenVINO's .xml with its .bin."""
    import openvino
    from openvino import opset13 as ops

    things = [THINGS[name] for name in names]
    picture = ops.parameter([1, 3, HEIGHT, WIDTH], np.float32)
    mean = ops.avg_pool(picture, [CELL, CELL], [0, 0], [0, 0], [CELL, CELL], exclude_pad=True)
    weights = np.array([thing.weights for thing in things], np.float32)[:, :, None, None]
    bias = np.array([thing.bias for thing in things], np.float32)[None, :, None, None]
    raw = ops.add(ops.convolution(mean, ops.constant(weights), [1, 1], [0, 0], [0, 0], [1, 1]), ops.constant(bias))
    rows, columns = HEIGHT // CELL, WIDTH // CELL
    scores = ops.reshape(ops.clamp(raw, 0.0, 1.0), ops.constant([1, len(things), rows * columns]), special_zero=False)
    sizes = np.array([thing.size for thing in things], np.float32).T  # (2, things)
    box_size = ops.matmul(ops.constant(sizes[None]), scores, transpose_a=False, transpose_b=False)
    y, x = np.mgrid[0:rows, 0:columns].reshape(2, -1) * CELL + CELL / 2
    centres = ops.constant(np.stack([x, y]).astype(np.float32)[None])
    fine = ops.concat([centres, box_size, scores], axis=1)
    coarse = sum((WIDTH // stride) * (HEIGHT // stride) for stride in (16, 32))
    nothing = ops.constant(np.zeros((1, 4 + len(things), coarse), np.float32))
    model = openvino.Model([ops.concat([fine, nothing], axis=2)], [picture], "colours")
    openvino.save_model(model, str(path), compress_to_fp16=False)
    return path


def paint(*things: tuple[str, int, int]) -> NDArray[np.uint8]:
    """A picture with things (name, column, row of the cell)."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for name, column, row in things:
        image[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL] = THINGS[name].bgr
    return image


def motorbike(column: int, *heads: str) -> NDArray[np.uint8]:
    """A motorbike in a column, and riders from front to back who wear what `heads` says."""
    things = [("motorcycle", column, 16)]
    for number, head in enumerate(heads):
        at = column + 1 - 2 * number
        things += [("person", at, 15), (head, at, 13)]
    return paint(*things)


def write_plate_model(path: Path) -> Path:
    """Write a network that finds a bright board of about 130 x 96 pixels: such a window's mean brightness decides."""
    import openvino
    from openvino import opset13 as ops

    picture = ops.parameter([1, 3, HEIGHT, WIDTH], np.float32)
    mean = ops.avg_pool(picture, [CELL, CELL], [0, 0], [0, 0], [CELL, CELL], exclude_pad=True)
    grey = ops.convolution(mean, ops.constant(np.full((1, 3, 1, 1), 1 / 3, np.float32)), [1, 1], [0, 0], [0, 0], [1, 1])
    window = ops.avg_pool(grey, [1, 1], [5, 8], [5, 8], [11, 17], exclude_pad=False)
    rows, columns = HEIGHT // CELL, WIDTH // CELL
    scores = ops.reshape(window, ops.constant([1, 1, rows * columns]), special_zero=False)
    y, x = np.mgrid[0:rows, 0:columns].reshape(2, -1) * CELL + CELL / 2
    sizes = np.array([[136.0], [102.0]]) * np.ones((1, rows * columns))
    boxes = ops.constant(np.concatenate([np.stack([x, y]), sizes]).astype(np.float32)[None])
    coarse = sum((WIDTH // stride) * (HEIGHT // stride) for stride in (16, 32))
    fine = ops.concat([boxes, scores], axis=1)
    model = openvino.Model(
        [ops.concat([fine, ops.constant(np.zeros((1, 5, coarse), np.float32))], axis=2)], [picture], "boards"
    )
    openvino.save_model(model, str(path), compress_to_fp16=False)
    return path
