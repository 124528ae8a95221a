"""A traffic light's colour, read from a box of the picture.

    box -> hue, saturation, brightness -> how much red, yellow and green shines -> colour of one look
                                                                                          |
                                        two looks in a row change the state <-------------'

By night a lamp is a white or yellow core in a halo of its colour, by day a vivid patch in a dark housing; foliage, sky
and a red wall shine less than a lamp or in another green. What cannot be told is unknown, never a guess.

The hues were looked at in half of the labelled pictures of `../shared/gt_vn` and measured on the other half
(`tests/replay/test_lamp_colours.py`, docs/accuracy.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import Croppable, Frame, SignalState

CONFIRM_S = 0.15
"""A new colour must be seen at two looks that are so far apart: one look may be a passing bus, or a broken picture."""
HOLD_S = 1.0
"""A light that cannot be read for so long goes on as it was: LEDs flicker against the shutter, a bird flies by."""
FORGET_S = 3.0
"""After a longer time without a look nothing is known."""
_MIN_SATURATION = _MIN_VALUE = 0.35
_MIN_SHINE = 0.01
"""Saturation times brightness, over the box: less is no lamp."""
_CLEAR = 0.7
"""Share of the shine that one colour must have. Red and yellow are told apart by the next two."""
_RED_HALO = 0.35
"""So much red of red and yellow is a red lamp: its core is yellow by night, a yellow lamp has no red halo."""
_DOUBTFUL_HALO = (0.2, 0.5)
"""Between these shares a place that says otherwise makes the light unknown, and one that agrees decides."""
_GLARE_VALUE, _GLARE_SATURATION = 0.9, 0.35
_DARK_HOUSING = 0.5
_IN_ONE_PLACE = 0.75

_RED_FROM, _RED_TO = 158, 6
_YELLOW = (8, 34)
_GREEN = (55, 100)
"""OpenCV's hues, degrees halved: Vietnamese green lamps are nearly cyan, leaves are below 50."""
_PLACES = (SignalState.RED, SignalState.YELLOW, SignalState.GREEN)

Order = Literal["vertical", "horizontal"] | None


@dataclass(frozen=True, slots=True)
class Shine:
    """How much of each colour shines in a box, saturation times brightness over the box' area."""

    red: float
    yellow: float
    green: float


def shine_of(crop: NDArray[np.uint8]) -> Shine:
    """Measure a (h, w, 3) uint8 BGR picture of a light."""
    hue, strength = _vivid(crop)
    mean = float(strength.size)
    return Shine(
        red=float(strength[(hue >= _RED_FROM) | (hue <= _RED_TO)].sum()) / mean,
        yellow=float(strength[(hue >= _YELLOW[0]) & (hue <= _YELLOW[1])].sum()) / mean,
        green=float(strength[(hue >= _GREEN[0]) & (hue <= _GREEN[1])].sum()) / mean,
    )


def colour_of(crop: NDArray[np.uint8], order: Order = None) -> SignalState:
    """What a light shows in one look.

    Args:
        crop: (h, w, 3) uint8, BGR: the box around the light.
        order: How red, yellow and green stand in the box; None: their place says nothing.
    """
    if crop.size == 0:
        return SignalState.UNKNOWN
    shine = shine_of(crop)
    place = _lit_place(crop, order)
    total = shine.red + shine.yellow + shine.green
    if total < _MIN_SHINE:
        return _by_place_alone(crop, order)
    warm = shine.red + shine.yellow
    if shine.green >= _CLEAR * total:
        found = SignalState.GREEN
    elif warm >= _CLEAR * total:
        share = shine.red / warm
        found = SignalState.RED if share >= _RED_HALO else SignalState.YELLOW
        if place in {SignalState.RED, SignalState.YELLOW} and _DOUBTFUL_HALO[0] <= share <= _DOUBTFUL_HALO[1]:
            return place
    else:
        return SignalState.UNKNOWN
    return found if place in {None, found} else SignalState.UNKNOWN


def _vivid(crop: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """(h, w) hue and (h, w) saturation times brightness where both are high enough for a lamp, else 0."""
    hue, saturation, value = cv2.split(cv2.cvtColor(crop, cv2.COLOR_BGR2HSV))
    vivid = (saturation > 255 * _MIN_SATURATION) & (value > 255 * _MIN_VALUE)
    strength = np.where(vivid, saturation.astype(np.float32) * value.astype(np.float32) / 255**2, 0.0)
    return np.asarray(hue, np.uint8), strength.astype(np.float32)


def _lit_place(crop: NDArray[np.uint8], order: Order) -> SignalState | None:
    """Which lamp's place shines most vividly; None where the places are not known or none stands out."""
    if order is None:
        return None
    return _third_of(_vivid(crop)[1], order)


def _by_place_alone(crop: NDArray[np.uint8], order: Order) -> SignalState:
    """A lamp that glare has made white: bright in one place, the others dark in their housing."""
    if order is None:
        return SignalState.UNKNOWN
    hsv = cv2.cvtColor(crop, cv2.COLOR_BGR2HSV)
    glare = (hsv[..., 2] > 255 * _GLARE_VALUE) & (hsv[..., 1] < 255 * _GLARE_SATURATION)
    place = _third_of(glare.astype(np.float32), order)
    if place is None or float(glare.mean()) < _MIN_SHINE:
        return SignalState.UNKNOWN
    others = [
        third
        for state, third in zip(_PLACES, _thirds(np.asarray(hsv[..., 2], np.uint8), order), strict=True)
        if state is not place
    ]
    is_dark = all(float(np.median(third)) < 255 * _DARK_HOUSING for third in others)
    return place if is_dark else SignalState.UNKNOWN


def _third_of(strength: NDArray[np.float32], order: Order) -> SignalState | None:
    sums = [float(third.sum()) for third in _thirds(strength, order)]
    best = max(range(3), key=sums.__getitem__)
    return _PLACES[best] if sums[best] > 0.0 and sums[best] >= _IN_ONE_PLACE * sum(sums) else None


def _thirds(values: NDArray[np.float32] | NDArray[np.uint8], order: Order) -> list[NDArray[np.float32]]:
    """The places of red, yellow and green, in this order."""
    parts = np.array_split(values.astype(np.float32), 3, axis=0 if order == "vertical" else 1)
    return [np.asarray(part, np.float32) for part in parts]


class SteadyState:
    """Turns single looks into a state that does not flicker. One thread uses it."""

    def __init__(self) -> None:
        self._shown = SignalState.UNKNOWN
        self._seen_s = self._looked_s = float("-inf")
        self._other: tuple[SignalState, float] | None = None
        """A new colour and when it was first seen in a row."""

    def take(self, at_s: float, seen: SignalState) -> SignalState:
        """Take one look.

        Args:
            at_s: Monotonic seconds.
            seen: What it showed.

        Returns:
            What the light shows.
        """
        if not 0.0 <= at_s - self._looked_s <= FORGET_S:
            self._shown, self._other = SignalState.UNKNOWN, None
        self._looked_s = at_s
        if seen is self._shown and seen is not SignalState.UNKNOWN:
            self._seen_s, self._other = at_s, None
        elif seen is not SignalState.UNKNOWN:
            if self._other is None or self._other[0] is not seen:
                self._other = (seen, at_s)
            elif at_s - self._other[1] >= CONFIRM_S:
                self._shown, self._seen_s, self._other = seen, at_s, None
        if at_s - self._seen_s > HOLD_S:
            self._shown = SignalState.UNKNOWN
        return self._shown


class Lamp:
    """One light of one camera: its state from each frame.

    Args:
        box: Left, top, right, bottom, normalised.
        order: How its lamps stand in the box.
    """

    def __init__(self, box: tuple[float, float, float, float], order: Order) -> None:
        self._box = box
        self._order = order
        self._steady = SteadyState()

    def read(self, frame: Frame) -> SignalState:
        """What the light shows at a frame; frames in order of time."""
        width, height = frame.resolution_wh
        left, top = int(self._box[0] * width), int(self._box[1] * height)
        right = max(left + 1, min(width, round(self._box[2] * width)))
        bottom = max(top + 1, min(height, round(self._box[3] * height)))
        if isinstance(frame.picture, Croppable):
            crop = frame.picture.crop(left, top, right, bottom)
        else:
            crop = frame.picture.bgr()[top:bottom, left:right]
        return self._steady.take(frame.monotonic_s, colour_of(crop, self._order))
