"""Reads the plate on pictures of one vehicle: finds its box, splits a plate of two lines, reads and checks the text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.plates import PlateReading
from edge.picture import ArrayPicture
from edge.plates.formats import Plate, parse_plate
from edge.types import Detections, Frame

TWO_LINES_BELOW = 2.6
"""Width over height: a motorbike's plate 1.4, a car's short one 2.0, a car's long one 4.7."""
MARGIN = 0.04
"""Added around a plate's box: boxes cut the first and the last letter."""
MIN_WIDTH_PX = 40
"""A narrower plate cannot be read."""
INSIDE = (0.1, 0.9, 0.25)
"""Left, right and upper limit of a plate's middle, in shares of its vehicle's picture: at the edges are others'."""
SURE_ENOUGH = 0.5
"""A reading that is less sure than this is none."""
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class ReadLine(Protocol):
    """What a line's image says: `edge.detection.text_lines.LineReader.read`."""

    def __call__(self, image: NDArray[np.uint8], /) -> tuple[str, float]:
        """Its text, and the confidence of the least sure letter."""
        ...


class PlateReader:
    """Reads plates.

    Args:
        find: Searches a picture for plates; None: it could not be searched.
        read_line: Reads one line of letters.
    """

    def __init__(self, find: Callable[[Frame], Detections | None], read_line: ReadLine) -> None:
        self._find = find
        self._read_line = read_line

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> PlateReading | None:
        """Read the plate that most pictures of a vehicle agree on.

        Args:
            crops: Each (H, W, 3) uint8, BGR: one vehicle.

        Returns:
            None: nothing that can be a plate, or nothing sure.
        """
        sure: defaultdict[str, list[float]] = defaultdict(list)
        pictures = 0
        for number, crop in enumerate(crops):
            found = self._find(Frame("", ArrayPicture(crop), float(number), _EPOCH, number))
            box = None if found is None else _best_box(found, (crop.shape[1], crop.shape[0]))
            if box is None:
                continue
            plate = self._read_box(crop, box)
            pictures += 1
            if plate is not None:
                sure[plate[0].text].append(plate[1])
        if not sure:
            return None
        text, scores = max(sure.items(), key=lambda item: (sum(item[1]), item[0]))
        confidence = max(scores) * len(scores) / pictures
        if confidence < SURE_ENOUGH:
            return None
        return PlateReading(text=text, confidence=confidence, pictures=pictures)

    def _read_box(self, crop: NDArray[np.uint8], box: tuple[float, float, float, float]) -> tuple[Plate, float] | None:
        x1, y1, x2, y2 = box
        across, down = MARGIN * (x2 - x1), MARGIN * (y2 - y1)
        height, width = crop.shape[:2]
        left, right = max(0, round(x1 - across)), min(width, round(x2 + across))
        top, bottom = max(0, round(y1 - down)), min(height, round(y2 + down))
        image = crop[top:bottom, left:right]
        if image.shape[1] < MIN_WIDTH_PX or image.shape[0] == 0:
            return None
        layouts = [[image], split_lines(image)]
        if image.shape[1] / image.shape[0] < TWO_LINES_BELOW:
            layouts.reverse()  # boxes are not tight: the other layout is tried where the likely one makes no plate
        for lines in layouts:
            read = [self._read_line(line) for line in lines]
            plate = parse_plate([text for text, _ in read])
            if plate is not None:
                return plate, min(score for _, score in read) * plate.factor
        return None


def _best_box(found: Detections, size_wh: tuple[int, int]) -> tuple[float, float, float, float] | None:
    """The surest box that can be this vehicle's: in the middle or the lower part."""
    x, y = (found.xyxy[:, :2] + found.xyxy[:, 2:]).T / 2.0 / np.array(size_wh)[:, None]
    own = np.flatnonzero((x >= INSIDE[0]) & (x <= INSIDE[1]) & (y >= INSIDE[2]))
    if len(own) == 0:
        return None
    x1, y1, x2, y2 = found.xyxy[own[int(found.confidence[own].argmax())]].tolist()
    return x1, y1, x2, y2


def split_lines(plate: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Cut a plate of two lines where least ink is, between two fifths and three fifths of its height."""
    grey = cv2.cvtColor(plate, cv2.COLOR_BGR2GRAY)
    ink = np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3)).mean(axis=1)
    height = len(ink)
    smooth = np.convolve(ink, np.ones(max(1, height // 25)) / max(1, height // 25), mode="same")
    first, last = int(0.4 * height), max(int(0.4 * height) + 1, int(0.6 * height))
    cut = first + int(smooth[first:last].argmin())
    return [plate[:cut], plate[cut:]]
