"""Compares keyframes of a resting camera: what the sizes of packets did not tell, two keyframes do."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.camera_config import MotionConfig

WIDTH = 320
_SAMPLE_STEP = 4
NOISE_SIGMAS = 5.0


class KeyframeMotion:
    """Small grey pictures of successive keyframes of one camera.

    Args:
        config: Threshold, smallest area and masks, as for the motion gate.
    """

    def __init__(self, config: MotionConfig) -> None:
        self._config = config
        self._before: NDArray[np.uint8] | None = None
        self._watched = np.zeros((0, 0), np.uint8)

    def differs(self, luma: NDArray[np.uint8], strictness: float = 1.0) -> bool:
        """Compare a keyframe with the one before, and remember it.

        Args:
            luma: (H, W) uint8.
            strictness: Factor on the area that must have changed, for scenes that cried wolf.
        """
        height = max(1, round(WIDTH * luma.shape[0] / luma.shape[1]))
        # Linear: averaging areas costs ten times as much.
        small = np.asarray(cv2.resize(luma, (WIDTH, height), interpolation=cv2.INTER_LINEAR), np.uint8)
        small = np.asarray(cv2.GaussianBlur(small, (5, 5), 0), np.uint8)
        before, self._before = self._before, small
        if before is None or before.shape != small.shape:
            self._watched = self._unmasked(small.shape)
            return False
        difference = small.astype(np.int16) - before
        sample = difference[::_SAMPLE_STEP, ::_SAMPLE_STEP]
        difference = np.abs(difference - np.int16(np.median(sample)))  # a cloud shifts the whole picture
        noise = float(np.median(difference[::_SAMPLE_STEP, ::_SAMPLE_STEP])) / 0.6745
        level = max(float(self._config.threshold), min(NOISE_SIGMAS * noise, 2.0 * self._config.threshold))
        changed = int(np.count_nonzero((difference > level) & (self._watched > 0)))
        return changed >= self._config.min_area * strictness * small.size

    def _unmasked(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        watched = np.full(shape, 255, np.uint8)
        for polygon in self._config.mask:
            corners = np.asarray(polygon, np.float64) * (shape[1], shape[0])
            cv2.fillPoly(watched, [np.round(corners).astype(np.int32)], 0)
        return watched
