"""Tells from a small grey picture whether anything moves, so that a quiet scene costs decoding only.

    frame -> 320 wide, grey, blurred -> |difference to the background| > threshold -> share of the picture
                                             ^ follows the scene slowly: a car that parks becomes background

A change of light (a lamp, a cloud, the camera's infrared switch) changes most of the picture at once: it is not motion
everywhere for minutes, but a new background to learn.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.camera_config import MotionConfig
from edge.types import Frame

WIDTH = 320
"""Width of the picture that is compared: a person of 2 % of the picture's height is still two pixels wide."""
MEMORY_S = 5.0
"""The background takes on what stays: after this time 63 % of it."""
LIGHT_SHARE = 0.5
"""When more of the picture than this changes at once, it is the light, not something that moves."""
SETTLE_S = 0.5
"""After a change of light the new background is learned this long; meanwhile everything counts as moving."""
NOISE_SIGMAS = 4.0
"""A difference must also stand this far above the sensor's own noise: night pictures crawl."""
MAX_RAISE = 2.0
"""Noise raises the threshold to this multiple at most."""
_SAMPLE_STEP = 4
_MIN_PIXELS = 6
"""A region of fewer pixels of the small picture is noise."""

Region = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class MotionResult:
    """What moved in one frame."""

    moving: bool
    regions: tuple[Region, ...] = ()
    """Boxes around what changed, xyxy, normalised; the largest first."""
    changed_share: float = 0.0
    """Share of the picture that changed."""
    light_changed: bool = False


@dataclass(slots=True)
class MotionCounts:
    """What the gate has seen so far."""

    frames: int = 0
    moving: int = 0
    light_changes: int = 0


class MotionGate:
    """The motion gate of one camera. Frames must come in order of time.

    Args:
        config: Threshold, smallest area and masks from the camera file.
    """

    def __init__(self, config: MotionConfig) -> None:
        self.counts = MotionCounts()
        self._config = config
        self._background: NDArray[np.float32] | None = None
        self._watched = np.zeros((0, 0), np.uint8)
        self._last_s = 0.0
        self._settled_s = 0.0
        self._noise = 0.0

    def update(self, frame: Frame) -> MotionResult:
        """Compare a frame with the background, and let the background follow."""
        self.counts.frames += 1
        small = _shrink(frame.image)
        if self._background is None or self._background.shape != small.shape:
            result = self._learn_anew(small, frame.monotonic_s)
        else:
            result = self._compare(small, self._background, frame.monotonic_s)
        self._last_s = frame.monotonic_s
        self.counts.moving += result.moving
        return result

    def _learn_anew(self, small: NDArray[np.float32], now_s: float) -> MotionResult:
        self._background = small
        self._watched = self._unmasked(small.shape)
        self._settled_s = now_s + SETTLE_S
        return MotionResult(moving=True, light_changed=True)  # nothing is known yet: look

    def _unmasked(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        watched = np.full(shape, 255, np.uint8)
        for polygon in self._config.mask:
            corners = np.asarray(polygon, np.float64) * (shape[1], shape[0])
            cv2.fillPoly(watched, [np.round(corners).astype(np.int32)], 0)
        return watched

    def _compare(self, small: NDArray[np.float32], background: NDArray[np.float32], now_s: float) -> MotionResult:
        signed = small - background
        # Exposure and clouds shift the whole picture; whatever moves differs from that shift.
        shift = float(np.median(signed[::_SAMPLE_STEP, ::_SAMPLE_STEP]))
        difference = np.abs(signed - shift)
        elapsed_s = max(0.0, now_s - self._last_s)
        settling = now_s < self._settled_s
        cv2.accumulateWeighted(small, background, 0.5 if settling else 1.0 - float(np.exp(-elapsed_s / MEMORY_S)))
        if settling:
            return MotionResult(moving=True, changed_share=0.0)
        changed = self._changed(difference)
        share = float(np.count_nonzero(changed)) / changed.size
        if share > LIGHT_SHARE or abs(shift) > self._config.threshold:
            self.counts.light_changes += 1
            return self._learn_anew(small, now_s)
        regions = _regions(changed)
        moving = share >= self._config.min_area and bool(regions)
        return MotionResult(moving, regions if moving else (), share)

    def _changed(self, difference: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Binary picture of what differs by more than the threshold and the noise."""
        # Most of the picture stands still, so the median difference is the noise (0.6745 sigma of a normal one).
        median = float(np.median(difference[::_SAMPLE_STEP, ::_SAMPLE_STEP]))
        self._noise += 0.1 * (median / 0.6745 - self._noise)
        threshold = float(self._config.threshold)
        # Bounded: in a street full of traffic the median is no noise, and must not hide the traffic.
        level = max(threshold, min(NOISE_SIGMAS * self._noise, MAX_RAISE * threshold))
        _, changed = cv2.threshold(difference, level, 255, cv2.THRESH_BINARY)
        return np.asarray(cv2.bitwise_and(changed.astype(np.uint8), self._watched), np.uint8)


def _shrink(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Make the small grey picture, blurred against noise. Linear: averaging areas costs ten times as much."""
    height = max(1, round(WIDTH * image.shape[0] / image.shape[1]))
    small = cv2.cvtColor(cv2.resize(image, (WIDTH, height), interpolation=cv2.INTER_LINEAR), cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.GaussianBlur(small, (5, 5), 0), np.float32)


def _regions(changed: NDArray[np.uint8]) -> tuple[Region, ...]:
    """Boxes around connected changes, normalised, the largest first."""
    joined = cv2.dilate(changed, np.ones((5, 5), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined)
    height, width = changed.shape
    boxes = sorted((row for row in stats[1:] if row[cv2.CC_STAT_AREA] >= _MIN_PIXELS * 4), key=lambda r: -int(r[4]))
    return tuple((x / width, y / height, (x + w) / width, (y + h) / height) for x, y, w, h, _ in boxes)
