"""What each pixel of the small picture usually shows, and what it has shown lately without a change.

    background   what belongs there: follows the light slowly, takes in nothing that might be an object
    candidate    the value that a pixel holds now, with its age: survives a passer-by for as long as it is old itself

Both are kept in the camera's present exposure, so that a cloud or the iris moves both alike. Everything is bytes in
planes: two looks a second at every camera must cost next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

THRESHOLD = 14.0
"""Grey levels by which a pixel must differ from its background."""
CHROMA_WEIGHT = 1.5
"""Colour differences are smaller in number than those of brightness."""
NOISE_SIGMAS = 4.0
SPREAD_TIMES = 2.5
"""A pixel that varies by itself (leaves, water) must differ by so many times its usual variation."""
MAX_SPREAD = 20.0
STEADY_TIMES = 1.5
SPREAD_S = 60.0
BACKGROUND_S = 60.0
"""The background follows what matches it in this time: a sunset, not a bag."""
LEARN_EVERY_S = 2.0
RESTLESS_S, RESTLESS_SHARE = 5.0, 0.8
"""What has held for longer, nearly all the time, is no variation of the background."""
UNREST_S = 15.0
LONGEST_PATIENCE_S = 20.0
"""A candidate is kept through something that hides it for as long as it is old, and no longer than this."""
SETTLE_S = 3.0
"""So long the first pictures are averaged; the background is known where they hold."""
RESTED_SHARE = 0.8
_SAMPLE = (slice(None, None, 6), slice(None, None, 6))
_LEAST_SAMPLE = 50
_LEAST_GAIN = 0.02
_GAIN_RANGE = (0.5, 2.0)

Picture = NDArray[np.uint8]
"""(3, H, W) uint8: brightness, and two differences of colour around 128, enlarged by `CHROMA_WEIGHT`."""
Crop = NDArray[np.float32]
"""(h, w, 3) float32: a part of one; brightness, and differences of colour around 0."""
Mask = NDArray[np.bool_]
Plane = NDArray[np.float32]
Window = tuple[slice, slice]
"""Rows and columns."""


@dataclass(frozen=True, slots=True)
class Look:
    """One picture against the model."""

    changed: Mask
    """(H, W): not the background, where this is known."""
    held: Mask
    """(H, W): the candidate's value is there now."""
    share: float
    """Of the pixels that are watched, known and free, how many changed."""


class PixelModel:
    """The two values of every pixel. Pictures must come in order of time.

    Args:
        first: The picture to begin with.
        occupied: Where somebody is, whose background is not known.
        noise: Of the sensor, as far as it is known.
    """

    def __init__(self, first: Picture, occupied: Mask, noise: float = 0.0) -> None:
        shape = first.shape[1:]
        self.background = first.copy()
        self.candidate = first.copy()
        self.age_s: Plane = np.zeros(shape, np.float32)
        """How long the candidate has been there, hidden times included."""
        self.held_s: Plane = np.zeros(shape, np.float32)
        """How long it was really seen."""
        self.unrest: Plane = np.zeros(shape, np.float32)
        """Share of the last time in which a pixel took another value, where nobody is followed."""
        self.known: Mask = ~occupied
        self.noise = noise
        self.gain = 1.0
        """By which the exposure changed with the last picture."""
        self._missing_s: Plane = np.zeros(shape, np.float32)
        self._is_own: Mask = np.zeros(shape, np.bool_)
        """The candidate is neither the background, which needs no second memory, nor only somebody who is followed."""
        self._slow = first.astype(np.float32)
        """The background between two grey levels."""
        self._spread: Plane = np.zeros(shape, np.float32)
        self._level: NDArray[np.uint8] = np.full(shape, THRESHOLD, np.uint8)
        self._before: Mask = np.zeros(shape, np.bool_)
        self._settled_in_s = SETTLE_S
        self._unlearned_s = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.age_s.shape[0], self.age_s.shape[1]

    @property
    def settling(self) -> bool:
        """The first pictures are still being averaged."""
        return self._settled_in_s > 0.0

    @property
    def level(self) -> float:
        """Difference that counts where a pixel does not vary by itself."""
        return max(THRESHOLD, NOISE_SIGMAS * self.noise)

    def look(self, picture: Picture, step_s: float, occupied: Mask, watched: Mask | None) -> Look:
        """Compare a picture with the model, and let the candidates follow.

        Args:
            picture: Of the model's shape.
            step_s: Since the picture before.
            occupied: Where tracks are.
            watched: Where changes count; None: everywhere.
        """
        if self.settling:
            self._settle(picture, step_s, occupied)
        else:
            self._follow_exposure(picture)
        distance = _distance(picture, self.background)
        differs: Mask = distance > self._level
        free = self.known & ~occupied
        changed = differs & self.known
        if watched is not None:
            free &= watched
            changed &= watched
        usable = int(np.count_nonzero(free))
        share = np.count_nonzero(changed & free) / usable if usable else 0.0
        held = self._follow_candidates(picture, step_s, differs & ~occupied)
        self._before = changed | occupied
        self._unlearned_s += step_s
        if self._unlearned_s >= LEARN_EVERY_S:
            self._learn_spread(distance, free)
        return Look(changed, held, share)

    def learn(self, picture: Picture, where: Mask) -> None:
        """Let the background follow a picture where it is its own; done every two seconds."""
        if self._unlearned_s < LEARN_EVERY_S:
            return
        weight = 1.0 - float(np.exp(-self._unlearned_s / BACKGROUND_S))
        self._unlearned_s = 0.0
        mask = where.astype(np.uint8)
        for plane, slow in zip(picture, self._slow, strict=True):
            cv2.accumulateWeighted(plane, slow, weight, mask)
        self.background = _rounded(self._slow)

    def absorb(self, where: Mask) -> None:
        """What stands there now is background from now on."""
        np.copyto(self.background, self.candidate, where=where)
        np.copyto(self._slow, self.candidate, where=where)
        self._is_own &= ~where
        self.known |= where

    def restart(self, window: Window, where: Mask, picture: Picture) -> None:
        """What was there is gone: look anew at what is there instead."""
        np.copyto(self.candidate[:, window[0], window[1]], picture[:, window[0], window[1]], where=where)
        for plane in (self.age_s, self.held_s, self._missing_s):
            plane[window][where] = 0.0
        self._is_own[window][where] = False

    @property
    def steady(self) -> Mask:
        """Where a pixel does not vary by itself: leaves never come to rest."""
        steady: Mask = self._level <= STEADY_TIMES * self.level
        return steady

    def was_seen(self, least_s: float, share: float) -> Mask:
        """Where the candidate was seen for so long, and not only now and then."""
        seen: Mask = self.held_s >= np.maximum(np.float32(share) * self.age_s, np.float32(least_s))
        return seen

    def _settle(self, picture: Picture, step_s: float, occupied: Mask) -> None:
        self._settled_in_s -= step_s
        free = ~occupied
        np.copyto(self._slow, picture, where=free & ~self.known)
        self.known |= free
        mask = free.astype(np.uint8)
        for plane, slow in zip(picture, self._slow, strict=True):
            cv2.accumulateWeighted(plane, slow, 0.3, mask)
        self.background = _rounded(self._slow)
        if not self.settling:  # who walked there meanwhile is no background
            self.known &= self.age_s + step_s >= RESTED_SHARE * SETTLE_S

    def _follow_exposure(self, picture: Picture) -> None:
        """Bring the model to the picture's exposure, and measure the noise, where nothing changed."""
        self.gain = 1.0
        usual_light = self._slow[0][_SAMPLE]
        calm = ~self._before[_SAMPLE] & (usual_light > 16.0)
        if np.count_nonzero(calm) < _LEAST_SAMPLE:
            return
        now, usual = picture[0][_SAMPLE][calm].astype(np.float32), usual_light[calm]
        gain = float(np.clip(np.median(now / usual), *_GAIN_RANGE))
        if abs(gain - 1.0) > _LEAST_GAIN:
            self.gain = gain
            self._expose(gain)
            usual = usual * np.float32(gain)
        deviation = float(np.median(np.abs(now - usual))) / 0.6745
        self.noise += 0.1 * (min(deviation, THRESHOLD / 2.0) - self.noise)

    def _expose(self, gain: float) -> None:
        values = np.arange(256, dtype=np.float32)
        tables = [gain * values, 128.0 + gain * (values - 128.0), 128.0 + gain * (values - 128.0)]
        self._slow[0] *= np.float32(gain)
        self._slow[1:] = 128.0 + np.float32(gain) * (self._slow[1:] - 128.0)
        np.clip(self._slow, 0.0, 255.0, out=self._slow)
        for index, table in enumerate(tables):
            lookup = np.clip(np.round(table), 0, 255).astype(np.uint8)
            self.background[index] = cv2.LUT(self.background[index], lookup)
            self.candidate[index] = cv2.LUT(self.candidate[index], lookup)

    def _follow_candidates(self, picture: Picture, step_s: float, own: Mask) -> Mask:
        held: Mask = _distance(picture, self.candidate) <= self._level
        step = np.float32(step_s)
        self.age_s += step
        self.held_s += step * held
        self._missing_s += step
        self._missing_s *= ~held
        patience = np.minimum(self.age_s - self._missing_s, np.float32(LONGEST_PATIENCE_S))
        given_up = ~held & (~self._is_own | (self._missing_s >= patience))
        there: Mask = held | given_up
        self._is_own = (self._is_own & ~given_up) | (own & there)
        restless = (given_up & own).astype(np.uint8)
        cv2.accumulateWeighted(restless, self.unrest, 1.0 - float(np.exp(-step_s / UNREST_S)))
        if given_up.any():
            np.copyto(self.candidate, picture, where=given_up)
            for plane in (self.age_s, self.held_s, self._missing_s):
                plane[given_up] = 0.0
        return there

    def _learn_spread(self, distance: NDArray[np.uint8], free: Mask) -> None:
        """Learn how much each pixel varies by itself; what stands still there is no variation."""
        is_restless = (self.age_s < RESTLESS_S) | (self.held_s < RESTLESS_SHARE * self.age_s)
        varies = np.minimum(distance, np.where(is_restless, MAX_SPREAD, self.noise).astype(np.uint8))
        weight = 1.0 - float(np.exp(-self._unlearned_s / SPREAD_S))
        cv2.accumulateWeighted(varies, self._spread, weight, free.astype(np.uint8))
        self._level = np.maximum(SPREAD_TIMES * self._spread, self.level).astype(np.uint8)


def convert(bgr: NDArray[np.uint8]) -> Picture:
    """Make the picture that models compare: (H, W, 3) uint8 BGR to brightness and colour, slightly blurred."""
    mixed = cv2.cvtColor(cv2.GaussianBlur(bgr, (3, 3), 0), cv2.COLOR_BGR2YCrCb)
    picture = np.empty((3, *bgr.shape[:2]), np.uint8)
    for index in range(3):
        cv2.extractChannel(mixed, index, picture[index])
        if index:
            cv2.LUT(picture[index], _CHROMA, picture[index])
    return picture


def crop(picture: Picture, window: Window) -> Crop:
    """A part of a picture, in grey levels."""
    part = picture[:, window[0], window[1]].transpose(1, 2, 0).astype(np.float32)
    part[..., 1:] = (part[..., 1:] - 128.0) / CHROMA_WEIGHT
    return part


def distance_of(a: Crop, b: Crop) -> Plane:
    """The largest difference of a pixel's three values: what `PixelModel` compares with its level."""
    apart = np.abs(a - b)
    apart[..., 1:] *= CHROMA_WEIGHT
    return np.asarray(apart.max(axis=2), np.float32)


def _rounded(slow: NDArray[np.float32]) -> Picture:
    return np.asarray(cv2.convertScaleAbs(slow.reshape(-1, slow.shape[2])), np.uint8).reshape(slow.shape)


def _distance(a: Picture, b: Picture) -> NDArray[np.uint8]:
    width = a.shape[2]
    apart = cv2.absdiff(a.reshape(-1, width), b.reshape(-1, width)).reshape(a.shape)
    return np.asarray(cv2.max(apart[0], cv2.max(apart[1], apart[2])), np.uint8)


_CHROMA = np.clip(np.round(128.0 + CHROMA_WEIGHT * (np.arange(256) - 128.0)), 0, 255).astype(np.uint8)
