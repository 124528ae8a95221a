"""Notices a camera that goes on sending but whose picture is frozen.

Only keyframes that are the same to the last bit count: a sensor's noise, a swaying leaf or a clock in the picture
change some bits of every keyframe, even at night and after a camera's own noise reduction. Between them an encoder
refines or repeats the picture whatever it shows, so there only a clear change says that it lives. An even picture is
never called frozen: a covered lens and a dark night look like that, too.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

LEAST_KEYFRAMES = 3
"""A short scene that is played again and again may have the same keyframe twice."""
_CHANGE = 48
"""Grey levels by which some place of a picture between two keyframes must differ from the keyframe to be alive."""
_STEP_S = 0.5
"""Pictures that follow sooner are not looked at."""
_GRID = 8
"""Every 8th pixel of every 8th line is compared."""
_EVEN = 3.0
"""Grey levels: the standard deviation of a picture with something in it is larger."""


class StillPicture:
    """The picture of one camera, through all its reconnections.

    Args:
        after_s: After so long without any change the picture is frozen; 0: never.
    """

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._digest = b""
        self._keyframe: NDArray[np.int16] | None = None
        self._since_s = self._looked_s = float("-inf")
        self._keyframes = 0

    def wants(self, time_s: float, *, is_keyframe: bool) -> bool:
        """Tell whether a picture need be looked at; converting it may cost something."""
        return self._after_s > 0 and (is_keyframe or time_s - self._looked_s >= _STEP_S)

    def look(self, luma: NDArray[np.uint8], time_s: float, *, is_keyframe: bool) -> float:
        """Compare the next picture with the one before.

        Args:
            luma: (H, W) uint8.
            time_s: When it was taken, monotonic; goes on through reconnections.
            is_keyframe: The encoder coded it by itself.

        Returns:
            For how many seconds the picture has been frozen; 0: it is not.
        """
        self._looked_s = time_s
        sample = luma[::_GRID, ::_GRID].astype(np.int16)
        if is_keyframe:
            self._take_keyframe(sample, time_s)
        elif self._keyframe is None or self._keyframe.shape != sample.shape:
            return 0.0
        elif int(np.abs(sample - self._keyframe).max()) > _CHANGE:
            self._since_s, self._keyframes = time_s, 0
        still_s = time_s - self._since_s
        return still_s if self._keyframes >= LEAST_KEYFRAMES and still_s >= self._after_s else 0.0

    def _take_keyframe(self, sample: NDArray[np.int16], time_s: float) -> None:
        digest = hashlib.blake2b(sample.tobytes(), digest_size=16).digest()
        if digest != self._digest or float(sample.std()) < _EVEN:
            self._digest, self._since_s, self._keyframes = digest, time_s, 0
        self._keyframe = sample
        self._keyframes += 1
