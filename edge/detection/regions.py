"""A closer look at what moves far away: beside the whole picture, one part of it is searched at full resolution.

A model sees a wide picture scaled down to its input; a motorbike at the end of the street is then a few pixels. The
motion gate knows where something small moves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.detection.nms import keep_by_class
from edge.types import Detections, Frame, Picture

Region = tuple[float, float, float, float]
"""xyxy, normalised."""

CROP_WH = (640, 384)
"""Pixels of the picture: the embedded model's own input, so that it sees them as they are."""
SMALL = 0.25
"""What is higher than this share of the picture is large enough in the whole."""
MERGE_IOU = 0.5
_EDGE_PX = 3.0


class CroppedPicture:
    """Implements `edge.types.Picture`: a part of another one.

    Args:
        whole: The picture.
        xyxy: Whole pixels, inside it.
    """

    def __init__(self, whole: Picture, xyxy: tuple[int, int, int, int]) -> None:
        self._whole = whole
        self._xyxy = xyxy

    @property
    def resolution_wh(self) -> tuple[int, int]:
        """See `Picture`."""
        x1, y1, x2, y2 = self._xyxy
        return x2 - x1, y2 - y1

    def bgr(self) -> NDArray[np.uint8]:
        """See `Picture`."""
        x1, y1, x2, y2 = self._xyxy
        return self._whole.bgr()[y1:y2, x1:x2]

    def luma(self) -> NDArray[np.uint8]:
        """See `Picture`."""
        x1, y1, x2, y2 = self._xyxy
        return self._whole.luma()[y1:y2, x1:x2]

    def resized(self, width: int, height: int) -> NDArray[np.uint8]:
        """See `Picture`."""
        if (width, height) == self.resolution_wh:
            return self.bgr()
        return np.asarray(cv2.resize(self.bgr(), (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


class RegionSearch:
    """Searches a frame, and then the part of it in which something small moves that was looked at longest ago.

    Args:
        detect: Searches a picture; None: the search was dropped.
        moving: Where the motion gate saw something move in this frame.
    """

    def __init__(self, detect: Callable[[Frame], Detections | None], moving: Callable[[], Sequence[Region]]) -> None:
        self._detect = detect
        self._moving = moving
        self._looked: list[tuple[float, float]] = []
        """Centres of the last crops, the newest last."""

    def __call__(self, frame: Frame) -> Detections | None:
        """What is in the frame, most confident first; None: the search of the whole was dropped."""
        whole = self._detect(frame)
        crop = None if whole is None else self._choose(frame.resolution_wh)
        if whole is None or crop is None:
            return whole
        closer = self._detect(replace(frame, picture=CroppedPicture(frame.picture, crop)))
        return whole if closer is None else merge(whole, closer, crop, frame.resolution_wh)

    def _choose(self, resolution_wh: tuple[int, int]) -> tuple[int, int, int, int] | None:
        """The part that comes next, in pixels; None: nothing small moves, or the picture is small itself."""
        width, height = resolution_wh
        if width <= CROP_WH[0] or height <= CROP_WH[1]:
            return None
        small = [region for region in self._moving() if region[3] - region[1] <= SMALL]
        if not small:
            return None
        crops = [crop_around(region, resolution_wh) for region in small]
        chosen = min(crops, key=lambda crop: self._last_look(crop, resolution_wh))
        self._looked = [*self._looked[-7:], _centre(chosen, resolution_wh)]
        return chosen

    def _last_look(self, crop: tuple[int, int, int, int], resolution_wh: tuple[int, int]) -> int:
        """How recently a crop was near this one; -1: never."""
        x, y = _centre(crop, resolution_wh)
        near = [
            index for index, (old_x, old_y) in enumerate(self._looked) if abs(old_x - x) < 0.1 and abs(old_y - y) < 0.1
        ]
        return max(near, default=-1)


def crop_around(region: Region, resolution_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    """A part of `CROP_WH` pixels with the region in its middle, as far as the picture's edges allow."""
    width, height = resolution_wh
    crop_width, crop_height = min(CROP_WH[0], width), min(CROP_WH[1], height)
    x = round((region[0] + region[2]) / 2 * width - crop_width / 2)
    y = round((region[1] + region[3]) / 2 * height - crop_height / 2)
    x, y = min(max(0, x), width - crop_width), min(max(0, y), height - crop_height)
    return x, y, x + crop_width, y + crop_height


def merge(
    whole: Detections, closer: Detections, crop: tuple[int, int, int, int], resolution_wh: tuple[int, int]
) -> Detections:
    """Put what was found in a part beside what was found in the whole; of two boxes of one object, the surer stays.

    What the part's edge cuts is left to the whole, unless it is the picture's edge, too.
    """
    x1, y1, x2, y2 = crop
    xyxy = closer.xyxy + np.array([x1, y1, x1, y1], np.float32)
    cut = ((xyxy[:, 0] < x1 + _EDGE_PX) & (x1 > 0)) | ((xyxy[:, 2] > x2 - _EDGE_PX) & (x2 < resolution_wh[0]))
    cut |= ((xyxy[:, 1] < y1 + _EDGE_PX) & (y1 > 0)) | ((xyxy[:, 3] > y2 - _EDGE_PX) & (y2 < resolution_wh[1]))
    kept = np.flatnonzero(~cut)
    names = (*whole.class_name, *(closer.class_name[index] for index in kept))
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    boxes = np.concatenate([whole.xyxy, xyxy[kept]])
    confidence = np.concatenate([whole.confidence, closer.confidence[kept]])
    class_id = np.array([numbers[name] for name in names], np.intp)
    order = keep_by_class(boxes, confidence, class_id, MERGE_IOU)
    return Detections(boxes[order], confidence[order], tuple(names[index] for index in order))


def _centre(crop: tuple[int, int, int, int], resolution_wh: tuple[int, int]) -> tuple[float, float]:
    return (crop[0] + crop[2]) / 2 / resolution_wh[0], (crop[1] + crop[3]) / 2 / resolution_wh[1]
