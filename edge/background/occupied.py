"""Where people and vehicles are: their pixels are nobody's forgotten bag, however still they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.types import Track, TrackId

Box = tuple[float, float, float, float]
"""xyxy, normalised."""
Mask = NDArray[np.bool_]

MARGIN_WIDTH, MARGIN_HEIGHT = 0.2, 0.1
"""A box is drawn larger by these shares of itself on each side: arms, and boxes that tremble."""
LOST_S = 900.0
"""A track that ended where it stood may still stand there unseen by the detector: so long it is believed ..."""
LOST_SHARE = 0.25
"""... while this share of its last box still is no background: a person fills half of a box, a bag at the feet less."""
OWN_SHARE = 0.35
"""A region that lies in a track's box and fills this share of it is the tracked thing itself."""
OWN_INSIDE = 0.7
REACH = 0.5
"""Whoever puts something down has passed within this share of the box's height of it."""


@dataclass(slots=True)
class _Lost:
    box: Box
    since_s: float


class Occupied:
    """Knows which pixels belong to tracks, or to one that was lost on the spot."""

    def __init__(self) -> None:
        """Start without any track."""
        self._last: dict[TrackId, Box] = {}
        self._lost: list[_Lost] = []

    def reset(self) -> None:
        """Forget who was lost."""
        self._last.clear()
        self._lost.clear()

    def take(self, tracks: Sequence[Track], now_s: float) -> None:
        """Take the tracks of this moment; those that are missing were lost."""
        boxes = {track.track_id: track.xyxy for track in tracks}
        for track_id, box in self._last.items():
            if track_id not in boxes:
                self._lost.append(_Lost(box, now_s))
        self._last = boxes

    def mask(self, shape: tuple[int, int]) -> Mask:
        """(H, W) where a track is, or a lost one is believed to be."""
        found = np.zeros(shape, np.bool_)
        for box in self._last.values():
            found[inside(box, shape, MARGIN_WIDTH, MARGIN_HEIGHT)] = True
        for lost in self._lost:
            found[inside(lost.box, shape, MARGIN_WIDTH, MARGIN_HEIGHT)] = True
        return found

    def reach(self, shape: tuple[int, int]) -> Mask:
        """(H, W) where a track could have put something down."""
        found = np.zeros(shape, np.bool_)
        for x1, y1, x2, y2 in self._last.values():
            height = y2 - y1
            across = REACH * height * shape[0] / shape[1] / max(x2 - x1, 1e-6)
            found[inside((x1, y1, x2, y2), shape, across, REACH / 2.0)] = True
        return found

    def release(self, changed: Mask, now_s: float) -> None:
        """Believe no longer in lost tracks at whose place the background is seen again."""
        self._lost = [
            lost
            for lost in self._lost
            if 0.0 <= now_s - lost.since_s <= LOST_S and _share(changed, lost.box) >= LOST_SHARE
        ]

    def owns(self, box: Box) -> bool:
        """Tell whether a region with this box is a tracked thing itself."""
        area = _area(box)
        for track in (*self._last.values(), *(lost.box for lost in self._lost)):
            common = _area((max(box[0], track[0]), max(box[1], track[1]), min(box[2], track[2]), min(box[3], track[3])))
            if common >= OWN_INSIDE * area and area >= OWN_SHARE * _area(track):
                return True
        return False


def inside(box: Box, shape: tuple[int, ...], across: float = 0.0, along: float = 0.0) -> tuple[slice, slice]:
    """Rows and columns of a normalised box, made larger on each side by shares of its width and height."""
    (x1, y1, x2, y2), (rows, columns) = box, shape[:2]
    wider, higher = across * (x2 - x1), along * (y2 - y1)
    top, bottom = int(max(0.0, y1 - higher) * rows), int(np.ceil(min(1.0, y2 + higher) * rows))
    left, right = int(max(0.0, x1 - wider) * columns), int(np.ceil(min(1.0, x2 + wider) * columns))
    return slice(top, max(top, bottom)), slice(left, max(left, right))


def _share(changed: Mask, box: Box) -> float:
    part = changed[inside(box, changed.shape)]
    return np.count_nonzero(part) / part.size if part.size else 0.0


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
