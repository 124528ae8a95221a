"""Notices a camera that goes on sending but whose picture is frozen.

Only a picture that stays the same to the last bit counts, over several keyframes: a sensor's noise, a swaying leaf or a
clock in the picture change some bits of every keyframe, even at night and after a camera's own noise reduction. An even
picture is never called frozen: a covered lens and a dark night look like that, too.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

LEAST_KEYFRAMES = 3
"""Between keyframes an encoder repeats what changes too little to be worth bits."""
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
        sample = luma[::_GRID, ::_GRID]
        digest = hashlib.blake2b(sample.tobytes(), digest_size=16).digest()
        if digest != self._digest or float(sample.std()) < _EVEN:
            self._digest, self._since_s, self._keyframes = digest, time_s, 0
        self._keyframes += is_keyframe
        still_s = time_s - self._since_s
        return still_s if self._keyframes >= LEAST_KEYFRAMES and still_s >= self._after_s else 0.0
