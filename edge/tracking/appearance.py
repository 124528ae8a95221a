"""What an object looks like: small colour histograms of its upper and its lower half.

Enough to tell a red shirt from a white one when somebody comes out from behind a post; it says nothing at night, and
nobody can be recognised by it. It lives as long as its track and leaves the tracker never.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import Picture

Look = NDArray[np.float32]
"""(2 * 4 * 6 * 6,) shares, each half's sum to 1: lightness by two axes of colour (YCrCb)."""

LOOK_WIDTH = 640
"""Looks are taken from a picture this wide: halves of small objects would not fill a histogram in a smaller one."""
_BINS = [4, 6, 6]
_RANGES = [0, 256, 98, 158, 98, 158]
"""Of YCrCb in 8 bits: colours of the street lie near grey (128); stronger ones are counted at the edge."""
_NEAR_GREY = np.stack([np.arange(256)] + [np.clip(np.arange(256), _RANGES[2], _RANGES[3] - 1)] * 2, axis=1)[None]
_NEAR_GREY = np.ascontiguousarray(_NEAR_GREY.astype(np.uint8))
"""What each value counts as, channel by channel."""
_INNER = 0.15
"""Of the box's width is left out on each side: that is ground."""
_LEAST_SIDE = 4
"""A half of fewer pixels a side says nothing."""
NEWEST = 0.3
"""Share of the newest look in what is remembered."""


def looks(picture: Picture, boxes: Sequence[tuple[float, float, float, float]]) -> list[Look | None]:
    """Take the looks of normalised boxes; None where a box is too small.

    The picture is converted once, however many boxes there are.
    """
    width, height = picture.resolution_wh
    size = min(LOOK_WIDTH, width), max(1, round(min(LOOK_WIDTH, width) * height / width))
    small = picture.resized(*size)
    return [_look(small, box) for box in boxes]


def alike(a: Look, b: Look) -> float:
    """How alike two looks are, in [0, 1] (Bhattacharyya coefficient, the mean of both halves)."""
    return float(np.sqrt(a * b).sum()) / 2.0


def blend(old: Look | None, new: Look) -> Look:
    """What is remembered after a new look."""
    return new if old is None else np.asarray((1.0 - NEWEST) * old + NEWEST * new, np.float32)


def _look(image: NDArray[np.uint8], box: tuple[float, float, float, float]) -> Look | None:
    height, width = image.shape[:2]
    inner = _INNER * (box[2] - box[0])
    left, right = round((box[0] + inner) * width), round((box[2] - inner) * width)
    top, bottom = round(box[1] * height), round(box[3] * height)
    left, top, right, bottom = max(0, left), max(0, top), min(width, right), min(height, bottom)
    middle = (top + bottom) // 2
    if right - left < _LEAST_SIDE or middle - top < _LEAST_SIDE:
        return None
    colours = cv2.cvtColor(image[top:bottom, left:right], cv2.COLOR_BGR2YCrCb)
    colours = cv2.LUT(colours, _NEAR_GREY)
    halves = []
    for half in (colours[: middle - top], colours[middle - top :]):
        counts = cv2.calcHist([half], [0, 1, 2], None, _BINS, _RANGES).ravel()
        halves.append(counts / max(1.0, float(counts.sum())))
    return np.concatenate(halves).astype(np.float32)
