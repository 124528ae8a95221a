"""Who is really in a clip, frame by frame, from a second model's long tracks: what `bench.measure_noise` compares with.

The second model (YOLO11n, four times the pixels) sees more than the embedded one, but not all, and it sees each picture
by itself. So only what it follows for a while counts; its boxes are smoothed over time, and the pictures between two
sights belong to the object although the second model missed it there, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.worlds.noise import MODEL_WH
from edge.classes import lookalike_group
from edge.detection.nms import iou_matrix
from edge.tracking.assignment import match
from edge.types import Detections

Array = NDArray[np.float64]

START_SCORE = 0.4
KEEP_SCORE = 0.2
LINK_IOU = 0.3
GAP_S = 1.5
"""An object that the second model loses for longer has left, or is another one."""
LEAST_S = 2.0
LEAST_SHARE = 0.5
"""A track counts when it lasts this long and was seen in this share of its pictures."""
SMOOTH_S = 0.4
"""Edges are fitted by a line over this time on both sides."""
EDGE = 0.01
"""Boxes that touch the picture's border (share of its size) are cut off by it and say nothing of edges."""
MATCH_IOU = 0.35
"""The rules live with a rough box; a detection that overlaps less is another one."""


@dataclass(slots=True)
class Sights:
    """One object of the second model."""

    group: str
    times: list[float] = field(default_factory=list)
    boxes: list[NDArray[np.float32]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def predict(self, time_s: float) -> NDArray[np.float32]:
        """The last box, moved on by the speed of the last half second."""
        last = self.boxes[-1]
        for index in range(len(self.times) - 2, -1, -1):
            past_s = self.times[-1] - self.times[index]
            if past_s >= 0.4:
                ahead = min(1.0, (time_s - self.times[-1]) / past_s)
                return np.asarray(last + (last - self.boxes[index]) * ahead, np.float32)
        return last


@dataclass(frozen=True, slots=True)
class TrueObject:
    """One object from its first sight to its last.

    Attributes:
        group: Of classes that a detector takes for each other.
        class_name: What the second model calls it most often.
        times: (N,) seconds of every picture of that time.
        xyxy: (N, 4) pixels, smoothed.
    """

    group: str
    class_name: str
    times: Array
    xyxy: Array

    @property
    def moved(self) -> float:
        """How far it ever was from where it began, in its own heights: the second model sees people in posts, too."""
        ground = np.column_stack(((self.xyxy[:, 0] + self.xyxy[:, 2]) / 2.0, self.xyxy[:, 3]))
        height = float(np.median(self.xyxy[:, 3] - self.xyxy[:, 1]))
        return float(np.hypot(*(ground - ground[0]).T).max()) / max(1.0, height)


def follow(times: Sequence[float], found: Sequence[Detections]) -> list[TrueObject]:
    """Link a clip's detections and smooth them.

    Args:
        times: Seconds of the pictures, rising.
        found: What the second model found in each.
    """
    open_sights: list[Sights] = []
    closed: list[Sights] = []
    for time_s, detections in zip(times, found, strict=True):
        closed += [s for s in open_sights if time_s - s.times[-1] > GAP_S]
        open_sights = [s for s in open_sights if time_s - s.times[-1] <= GAP_S]
        groups = np.array([lookalike_group(name) for name in detections.class_name])
        taken: set[int] = set()
        if open_sights and len(detections):
            overlap = iou_matrix(np.stack([s.predict(time_s) for s in open_sights]), detections.xyxy)
            overlap[np.array([s.group for s in open_sights])[:, None] != groups[None, :]] = 0.0
            overlap[:, detections.confidence < KEEP_SCORE] = 0.0
            for row, column in match(1.0 - overlap.astype(np.float64), 1.0 - LINK_IOU):
                _see(open_sights[row], time_s, detections, column)
                taken.add(column)
        for index in range(len(detections)):
            if index not in taken and detections.confidence[index] >= START_SCORE:
                open_sights.append(Sights(str(groups[index])))
                _see(open_sights[-1], time_s, detections, index)
    return [_smooth(s, np.array(times)) for s in closed + open_sights if _is_long(s, times)]


def covered(boxes: Array, index: int) -> float:
    """Share of a box that boxes of objects nearer to the camera (lower in the picture) hide, at most."""
    box = boxes[index]
    nearer = boxes[boxes[:, 3] > box[3]]
    if not len(nearer):
        return 0.0
    steps = (np.arange(16) + 0.5) / 16
    x, y = box[0] + steps * (box[2] - box[0]), box[1] + steps * (box[3] - box[1])
    across = (x[None, :] >= nearer[:, :1]) & (x[None, :] <= nearer[:, 2:3])
    down = (y[None, :] >= nearer[:, 1:2]) & (y[None, :] <= nearer[:, 3:])
    return float((across[:, :, None] & down[:, None, :]).any(axis=0).mean())


def cut_off(box: Array, width: int, height: int) -> bool:
    """Tell whether the picture's border cuts a box."""
    return bool(
        box[0] < EDGE * width or box[1] < EDGE * height or box[2] > (1 - EDGE) * width or box[3] > (1 - EDGE) * height
    )


def pairs_of(boxes: Array, groups: Sequence[str], found: Detections) -> list[tuple[int, int]]:
    """(object, detection) of the same group."""
    if not len(boxes) or not len(found):
        return []
    cost = 1.0 - iou_matrix(boxes.astype(np.float32), found.xyxy).astype(np.float64)
    other = np.array([[lookalike_group(name) != group for name in found.class_name] for group in groups])
    cost[other] = np.inf
    return match(cost, 1.0 - MATCH_IOU)


def edges_of(found: NDArray[np.float32], true: Array) -> tuple[float, ...]:
    """Left, top, right, bottom: found minus true, in widths and heights of the true box."""
    width, height = true[2] - true[0], true[3] - true[1]
    return tuple(((found - true) / (width, height, width, height)).tolist())


def rows_a_pixel(size: tuple[int, int]) -> float:
    """Rows of the model's input for one row of a picture of this width and height."""
    return min(MODEL_WH[0] / size[0], MODEL_WH[1] / size[1])


def _see(sights: Sights, time_s: float, detections: Detections, index: int) -> None:
    sights.times.append(time_s)
    sights.boxes.append(detections.xyxy[index])
    sights.names.append(detections.class_name[index])


def _is_long(sights: Sights, times: Sequence[float]) -> bool:
    pictures = sum(sights.times[0] <= time_s <= sights.times[-1] for time_s in times)
    return sights.times[-1] - sights.times[0] >= LEAST_S and len(sights.times) >= LEAST_SHARE * pictures


def _smooth(sights: Sights, times: Array) -> TrueObject:
    seen, boxes = np.array(sights.times), np.array(sights.boxes, np.float64)
    during = times[(times >= seen[0]) & (times <= seen[-1])]
    smooth = np.empty((len(during), 4))
    for row, time_s in enumerate(during):
        near = np.abs(seen - time_s) <= SMOOTH_S
        if near.sum() >= 4:
            offset = seen[near] - time_s
            smooth[row] = np.polynomial.polynomial.polyfit(offset, boxes[near], 1)[0]
        else:
            smooth[row] = [np.interp(time_s, seen, boxes[:, side]) for side in range(4)]
    name = max(set(sights.names), key=sights.names.count)
    return TrueObject(sights.group, name, during, smooth)
