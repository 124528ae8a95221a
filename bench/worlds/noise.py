"""What a detector makes of a true picture: misses, trembling boxes, other names, things that are not there.

Status: placeholders, each marked; measurements on real clips replace them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.types import Detections

Level = Literal["none", "measured", "double"]
LEVELS: tuple[Level, ...] = ("none", "measured", "double")


@dataclass(frozen=True, slots=True)
class Sight:
    """What is truly in the picture at one moment: parallel arrays.

    Attributes:
        time_s: Since the world's start.
        objects: (N,) each object's number in the world: the same object has the same number at every moment.
        class_names: N true classes.
        xyxy: (N, 4) float64, pixels, clipped to the picture.
        visible: (N,) share of the whole object that neither the picture's edge nor nearer objects hide, above 0.
        resolution_wh: Of the picture in pixels.
    """

    time_s: float
    objects: NDArray[np.intp]
    class_names: tuple[str, ...]
    xyxy: NDArray[np.float64]
    visible: NDArray[np.float64]
    resolution_wh: tuple[int, int]


class NoiseModel(Protocol):
    """A detector's mistakes over one world: may remember (a missed object is missed again a moment later)."""

    def detect(self, sight: Sight) -> Detections:
        """What the detector says of a moment; called in order of time."""
        ...


class NoNoise:
    """Finds everything that shows at least a tenth, exactly."""

    def detect(self, sight: Sight) -> Detections:
        """See `NoiseModel`."""
        rows = np.flatnonzero(sight.visible >= 0.1).tolist()
        return Detections(
            sight.xyxy[rows].astype(np.float32),
            np.full(len(rows), 0.9, np.float32),
            tuple(sight.class_names[row] for row in rows),
        )


MISS_SMALL_PX, MISS_SMALL, MISS_LARGE = 24.0, 0.4, 0.05
"""Placeholder: share of misses at this height in a picture 384 rows high, and of large objects."""
JITTER = 0.03
"""Placeholder: standard deviation of each edge as a share of the box's sides."""
HIDDEN_LIMIT = 0.35
"""Placeholder: what shows less than this is missed."""
CONFUSED = 0.05
"""Placeholder: share of detections that get a look-alike class."""
FALSE_A_FRAME = 0.01
"""Placeholder: detections of nothing."""
MEMORY_S = 0.5
"""Placeholder: a miss lasts about so long."""
OTHERS = {"car": "truck", "truck": "car", "bus": "truck", "motorcycle": "bicycle", "bicycle": "motorcycle"}


class PlaceholderNoise:
    """Noise with guessed figures, `strength` times: keep until measured figures are here."""

    def __init__(self, strength: float, seed: int) -> None:
        """Start with a seed: the same calls give the same detections."""
        self._strength = strength
        self._rng = np.random.default_rng(seed)
        self._missed: dict[int, tuple[float, bool]] = {}

    def detect(self, sight: Sight) -> Detections:
        """See `NoiseModel`."""
        boxes, scores, names = [], [], []
        width, height = sight.resolution_wh
        for row, number in enumerate(sight.objects.tolist()):
            box = sight.xyxy[row]
            sides = box[2:] - box[:2]
            rows_high = sides[1] * 384.0 / height
            share = MISS_SMALL if rows_high < MISS_SMALL_PX else MISS_LARGE
            if sight.visible[row] < HIDDEN_LIMIT or self._misses(
                number, min(0.9, share * self._strength), sight.time_s
            ):
                continue
            noise = self._rng.normal(0.0, JITTER * self._strength, 4) * (*sides, *sides)
            boxes.append(np.clip(box + noise, 0.0, (width, height, width, height)))
            scores.append(float(np.clip(self._rng.normal(0.65, 0.12), 0.2, 0.95)))
            name = sight.class_names[row]
            names.append(OTHERS.get(name, name) if self._rng.random() < CONFUSED * self._strength else name)
        if self._rng.random() < FALSE_A_FRAME * self._strength:
            x, y = self._rng.uniform((0.0, 0.0), (width * 0.95, height * 0.9))
            boxes.append(np.array([x, y, x + 0.05 * width, y + 0.1 * height]))
            scores.append(0.4)
            names.append("person")
        if not boxes:
            return Detections.empty()
        return Detections(np.array(boxes, np.float32), np.array(scores, np.float32), tuple(names))

    def _misses(self, number: int, share: float, time_s: float) -> bool:
        until_s, missed = self._missed.get(number, (-1.0, False))
        if time_s >= until_s:
            missed = bool(self._rng.random() < share)
            self._missed[number] = (time_s + float(self._rng.exponential(MEMORY_S)), missed)
        return missed


def make_noise(level: Level, seed: int) -> NoiseModel:
    """The noise of a level, for one world and one run."""
    if level == "none":
        return NoNoise()
    return PlaceholderNoise(1.0 if level == "measured" else 2.0, seed)
