"""Tells from a small grey picture whether anything moves, so that a quiet scene costs decoding only.

    luma -> 320 wide, blurred -> |difference to the background| > threshold -> regions -> trusted, or doubtful
                                      ^ follows the scene slowly: a car that parks becomes background

A change of light (a lamp, a cloud, the camera's infrared switch) changes most of the picture at once: it is not motion
everywhere for minutes, but a new background to learn. What is doubtful (rain, trees) is told by `edge.motion.habits`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.camera_config import MotionConfig
from edge.motion.habits import Box, Clutter, Flicker
from edge.motion.regions import CELL, fill_cells, find_regions
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
_LEVELS = 256


@dataclass(frozen=True, slots=True)
class MotionResult:
    """What moved in one frame."""

    moving: bool
    regions: tuple[Box, ...] = ()
    """Boxes around what moves, or, if nothing else changed, what is doubtful; xyxy, normalised, the largest first."""
    changed_share: float = 0.0
    """Share of the picture that changed."""
    light_changed: bool = False
    settling: bool = False
    """The background is not known yet: everything counts as moving."""
    doubtful: bool = False
    """Something changes, but it is scattered as rain is, or has flickered in one place for minutes."""


@dataclass(slots=True)
class MotionCounts:
    """What the gate has seen so far."""

    frames: int = 0
    moving: int = 0
    doubtful: int = 0
    """Frames in which nothing but doubtful changes was seen."""
    light_changes: int = 0


class MotionGate:
    """The motion gate of one camera. Frames must come in order of time.

    Args:
        config: Threshold, smallest area and masks from the camera file.
    """

    def __init__(self, config: MotionConfig) -> None:
        self.counts = MotionCounts()
        self._config = config
        self.reset()

    def reset(self) -> None:
        """Forget the scene, and never the counts."""
        self._background: NDArray[np.float32] | None = None
        self._watched: NDArray[np.uint8] | None = None
        self._clutter, self._flicker = Clutter(), Flicker()
        self._last_s = 0.0
        self._settled_s = 0.0
        self._noise = 0.0

    @property
    def flecks(self) -> float:
        """Single changes a frame, as of rain and snow."""
        return self._clutter.flecks

    @property
    def noise(self) -> float:
        """Standard deviation of the sensor's noise in the small picture, in grey levels."""
        return self._noise

    def update(self, frame: Frame, followed: Sequence[Box] = (), standing: Sequence[Box] = ()) -> MotionResult:
        """Compare a frame with the background, and let the background follow.

        Args:
            frame: Of the camera; only its brightness is read.
            followed: Boxes of tracks that move, normalised: what changes there is never doubtful.
            standing: Boxes of tracks that stand still.
        """
        self.counts.frames += 1
        small = _shrink(frame.picture.luma())
        if self._background is None or self._background.shape != small.shape:
            self._clutter, self._flicker = Clutter(), Flicker()
            self._watched = self._unmasked(small.shape)
            result = self._learn_anew(small, frame.monotonic_s)
        else:
            result = self._compare(small, self._background, frame.monotonic_s, (followed, standing))
        self._last_s = frame.monotonic_s
        self.counts.moving += result.moving
        self.counts.doubtful += result.doubtful and not result.moving
        return result

    def _learn_anew(self, small: NDArray[np.uint8], now_s: float) -> MotionResult:
        self._background = small.astype(np.float32)
        self._settled_s = now_s + SETTLE_S
        return MotionResult(moving=True, light_changed=True, settling=True)  # nothing is known yet: look

    def _unmasked(self, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
        """255 where the picture is watched; None: everywhere."""
        if not self._config.mask:
            return None
        watched = np.full(shape, 255, np.uint8)
        for polygon in self._config.mask:
            corners = np.asarray(polygon, np.float64) * (shape[1], shape[0])
            cv2.fillPoly(watched, [np.round(corners).astype(np.int32)], 0)
        return watched

    def _compare(
        self,
        small: NDArray[np.uint8],
        background: NDArray[np.float32],
        now_s: float,
        tracks: tuple[Sequence[Box], Sequence[Box]],
    ) -> MotionResult:
        # Exposure and clouds shift the whole picture; whatever moves differs from that shift.
        expected = np.asarray(cv2.convertScaleAbs(background), np.uint8)
        sample = (slice(None, None, _SAMPLE_STEP), slice(None, None, _SAMPLE_STEP))
        signed: NDArray[np.int16] = small[sample].astype(np.int16) - expected[sample].astype(np.int16)
        shift = round(_median(signed, -_LEVELS, _LEVELS))
        if shift:
            # It stops at black and at white.
            expected = np.asarray(cv2.add(expected, float(shift)), np.uint8)  # type: ignore[call-overload] # or a number
        difference = np.asarray(cv2.absdiff(small, expected), np.uint8)
        elapsed_s = max(0.0, now_s - self._last_s)
        settling = now_s < self._settled_s
        cv2.accumulateWeighted(small, background, 0.5 if settling else 1.0 - float(np.exp(-elapsed_s / MEMORY_S)))
        if settling:
            return MotionResult(moving=True, settling=True)
        changed = self._changed(difference, np.abs(signed - shift))
        share = cv2.countNonZero(changed) / changed.size
        if share > LIGHT_SHARE or abs(shift) > self._config.threshold:
            self.counts.light_changes += 1
            return self._learn_anew(small, now_s)
        return self._judge(changed, share, elapsed_s, *tracks)

    def _changed(self, difference: NDArray[np.uint8], sample: NDArray[np.int16]) -> NDArray[np.uint8]:
        """Binary picture of what differs by more than the threshold and the noise."""
        # Most of the picture stands still, so the median difference is the noise (0.6745 sigma of a normal one).
        self._noise += 0.1 * (max(0.0, _median(sample, 0, _LEVELS)) / 0.6745 - self._noise)
        threshold = float(self._config.threshold)
        # Bounded: in a street full of traffic the median is no noise, and must not hide the traffic.
        level = max(threshold, min(NOISE_SIGMAS * self._noise, MAX_RAISE * threshold))
        _, changed = cv2.threshold(difference, level, 255, cv2.THRESH_BINARY)
        if self._watched is not None:
            changed = cv2.bitwise_and(changed, self._watched)
        return np.asarray(changed, np.uint8)

    def _judge(
        self,
        changed: NDArray[np.uint8],
        share: float,
        elapsed_s: float,
        followed: Sequence[Box],
        standing: Sequence[Box],
    ) -> MotionResult:
        filled = fill_cells(changed)
        cells, regions = find_regions(filled)
        flickering = self._flicker.observe(cells, elapsed_s, followed)
        if flickering is not None:
            cells, kept = find_regions(filled, except_cells=flickering)
        else:
            kept = regions
        trusted = self._clutter.trust(kept, elapsed_s, cells.shape, (*followed, *standing))
        least = self._config.min_area * changed.size
        moving = float(kept.pixels[trusted].sum()) >= least
        doubtful = not moving and float(regions.pixels.sum()) >= least
        boxes: tuple[Box, ...] = ()
        if moving:
            boxes = kept.normalised(trusted, cells.shape)
        elif doubtful:
            boxes = regions.normalised(np.ones(len(regions), np.bool_), cells.shape)
        return MotionResult(moving, boxes, share, doubtful=doubtful)


def _shrink(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Make the small picture, blurred against noise. Linear: averaging areas costs ten times as much.

    Its height is whole cells; that it is thereby a little stretched changes nothing.
    """
    height = CELL * max(1, round(WIDTH * luma.shape[0] / luma.shape[1] / CELL))
    small = cv2.resize(luma, (WIDTH, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.GaussianBlur(small, (5, 5), 0), np.uint8)


def _median(values: NDArray[np.int16], low: int, high: int) -> float:
    """Median of whole numbers in [low, high), between the steps by interpolation: much quicker than sorting."""
    counts = np.bincount((values - low).ravel(), minlength=high - low)
    passed = np.cumsum(counts)
    half = values.size / 2.0
    index = int(np.searchsorted(passed, half))
    return low + index - 0.5 + (half - float(passed[index] - counts[index])) / float(counts[index])
