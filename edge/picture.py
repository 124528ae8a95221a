"""A picture that is an array already: a clip's, a test's, or one that was converted before."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


class ArrayPicture:
    """Implements `edge.types.Picture`.

    Args:
        image: (H, W, 3) uint8, BGR.
    """

    __slots__ = ("_image", "_luma", "_small")

    def __init__(self, image: NDArray[np.uint8]) -> None:
        self._image = image
        self._luma: NDArray[np.uint8] | None = None
        self._small: NDArray[np.uint8] | None = None

    @property
    def resolution_wh(self) -> tuple[int, int]:
        """See `Picture`."""
        return self._image.shape[1], self._image.shape[0]

    def bgr(self) -> NDArray[np.uint8]:
        """See `Picture`."""
        return self._image

    def luma(self) -> NDArray[np.uint8]:
        """See `Picture`."""
        if self._luma is None:
            self._luma = np.asarray(cv2.cvtColor(self._image, cv2.COLOR_BGR2GRAY), np.uint8)
        return self._luma

    def resized(self, width: int, height: int) -> NDArray[np.uint8]:
        """See `Picture`."""
        if (width, height) == self.resolution_wh:
            return self._image
        if self._small is None or self._small.shape[:2] != (height, width):
            self._small = np.asarray(cv2.resize(self._image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
        return self._small
