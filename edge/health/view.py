"""Compares a camera's picture, once a second, with the view it should have: implements `edge.pipeline.ViewPort`.

    luma -> 320 wide --> fine detail (Laplacian)
              `-> 160 wide --> coarse detail, directions of edges --> found in the reference's place, block by block?

The reference is a slow mean of the directions of edges: what stands still adds up, what passes cancels out. It is kept
apart for colour by day and infrared by night, and nothing is learned from a view that `camera_tampered` calls wrong.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.rules.camera_tampered import Tampering
from edge.health.reference import Reference, load_references, save_references
from edge.rules.camera_tampered import CLEAR, wrong_with
from edge.types import Frame, ViewReading

LOOK_EVERY_S = 1.0
FINE_WIDTH, COARSE_WIDTH, LAYOUT_WIDTH = 320, 160, 20
MIN_DETAIL = 0.8
"""Grey levels. A picture with less shows nothing that could be learned: night without a lamp, a cap on the lens."""
BEFORE_EVERY_S, BEFORE_WIDTH = 20.0, 640
"""How often, and how small, a picture is kept that shows what the view was before."""
SAVE_EVERY_S = 900.0
_SWITCH_S = 10.0
"""While a camera changes to infrared it hunts for focus and exposure: a view that was wrong for no longer before the
change is no tampering."""
_LASTS_S = 5.0
"""A view that was wrong for so long has raised an event, and is well again where that ends."""
_FALL_S, _FALL = 90.0, 2.0
"""A cloth takes the detail away at once, a dusk slowly: it is no cover when so long ago there was less than so many
times as much."""
LONGEST_NIGHT_S = 15 * 3600.0
"""Darkness that came slowly and stays for longer is no night (below 45 degrees of latitude): the lens is covered."""
_SHAKE_SHARE = 0.03
"""A mast that sways moves the picture by this share of its width: still the same view."""
_DOUBTFUL = 0.7
"""Below this share of the usual match the edges are looked for elsewhere, too, and little is learned."""
_DOUBTFUL_RATE = 0.1
_GREY_BELOW, _COLOUR_ABOVE = 2.0, 4.0
_BLOCKS_WH = (8, 6)
_MIN_STATIC = 0.25
"""Length of a mean direction above which a point counts as a fixed edge."""
_MIN_BLOCK_POINTS = 12
_MIN_BLOCKS = 6
_BLOCK_FOUND = 0.35
"""Mean cosine between a block's edges now and the reference's."""
_EDGE_LEVEL = 3.0
"""Grey levels: weaker edges count less, noise hardly."""


class Light(StrEnum):
    """In which light the camera sees: its picture differs too much for one reference."""

    COLOUR = "colour"
    GREY = "grey"


@dataclass(frozen=True, slots=True)
class Features:
    """One picture, made small.

    Attributes:
        edges: (H, W, 2) float32, direction of the gradient, shorter than 1 where it is weak.
        detail: Mean length of the gradient, grey levels.
        sharpness: Fine detail divided by coarse detail.
        layout: (h, 20) float32, brightness.
    """

    edges: NDArray[np.float32]
    detail: float
    sharpness: float
    layout: NDArray[np.float32]


class ViewWatch:
    """The view of one camera. Frames must come in order of time; one thread uses it.

    Args:
        accept_after_s: A view that stayed wrong for this long becomes the reference.
        path: Where the references are kept over restarts; None: nowhere.
    """

    def __init__(self, accept_after_s: float, path: Path | None = None) -> None:
        self._accept_after_s = accept_after_s
        self._path = path
        self._references: dict[Light, Reference] = {}
        if path is not None:
            self._references = {Light(name): reference for name, reference in load_references(path).items()}
        self._light = Light.COLOUR
        self._looked_s: float | None = None
        self._saved_s: float | None = None
        self._wrong_since_s: float | None = None
        self._details: deque[tuple[float, float]] = deque()
        """Time and detail of the looks of the last `_FALL_S`."""
        self._dark_since_s: float | None = None
        self._before: NDArray[np.uint8] | None = None
        self._before_s = float("-inf")

    @property
    def before(self) -> NDArray[np.uint8] | None:
        """(h, w, 3) uint8, BGR: a recent picture in which the view was as it should be, small."""
        return self._before

    def look(self, frame: Frame) -> ViewReading | None:
        """Compare a frame with the reference, and learn from it if it is as it should be.

        Returns:
            None when it is too early to look again, or when there is no reference yet.
        """
        now_s = frame.monotonic_s
        if self._looked_s is not None and 0.0 <= now_s - self._looked_s < LOOK_EVERY_S - 0.05:
            return None
        step_s = 0.0 if self._looked_s is None else max(0.0, now_s - self._looked_s)
        self._looked_s = now_s
        seen = features(frame)
        dark = self._grows_dark(seen, now_s)
        light = self._light_of(frame)
        if light is not self._light and self._wrong_since_s is not None and now_s - self._wrong_since_s < _SWITCH_S:
            self._wrong_since_s = None
        self._light = light
        reference = self._references.get(self._light)
        if reference is not None and reference.edges.shape != seen.edges.shape:  # another stream, another shape
            self._references.clear()
            reference = self._wrong_since_s = None
        if reference is None or not reference.ready:
            return self._begin(reference, seen, step_s, dark=dark)
        reading = compare(seen, reference)
        if self._is_night(reading, now_s, dark=dark):
            return None
        self._follow(reference, reading, seen, frame, step_s)
        return reading

    def _grows_dark(self, seen: Features, now_s: float) -> bool:
        """Whether there was little more to see a while ago, so that nothing was put before the lens."""
        while self._details and not 0.0 <= now_s - self._details[0][0] <= _FALL_S:
            self._details.popleft()
        self._details.append((now_s, seen.detail))
        return max(detail for _, detail in self._details) < _FALL * max(seen.detail, MIN_DETAIL / _FALL)

    def _is_night(self, reading: ViewReading, now_s: float, *, dark: bool) -> bool:
        """Whether a view without detail is the night's: it came slowly, and has not lasted longer than a night."""
        if self._wrong_since_s is not None or wrong_with(reading) is not Tampering.COVERED:
            self._dark_since_s = None
            return False
        if self._dark_since_s is None:
            if not dark:
                return False
            self._dark_since_s = now_s
        return now_s - self._dark_since_s < LONGEST_NIGHT_S

    def _begin(self, reference: Reference | None, seen: Features, step_s: float, *, dark: bool) -> ViewReading | None:
        """Learn a light that is not known yet, unless what is known of the other light says that something is wrong."""
        other = next((item for item in self._references.values() if item.ready and item is not reference), None)
        reading = None if other is None else compare(seen, other)
        if reading is not None and self._looks_covered(reading):
            assert self._looked_s is not None  # noqa: S101 - set before
            return None if self._is_night(reading, self._looked_s, dark=dark) else reading
        if self._wrong_since_s is not None:
            return reading  # tampered before the light changed: the reference must not be learned from that
        if seen.detail < MIN_DETAIL:
            return None
        if reference is None:
            reference = self._references[self._light] = Reference.of(seen.edges, seen.layout)
        reference.learn(seen.edges, seen.layout, seen.detail, seen.sharpness, 1.0, min(step_s, 5.0))
        if reference.ready:
            self._save()
        return None

    @staticmethod
    def _looks_covered(reading: ViewReading) -> bool:
        """Infrared light shows less detail than the sun, but not none."""
        return reading.detail < 0.12 * reading.detail_reference

    def _follow(self, reference: Reference, reading: ViewReading, seen: Features, frame: Frame, step_s: float) -> None:
        now_s = frame.monotonic_s
        lasts = self._wrong_since_s is not None and now_s - self._wrong_since_s >= _LASTS_S
        if (
            wrong_with(reading, ease=CLEAR if lasts else 1.0) is None
        ):  # as the rule: else it learns what slipped a little
            self._wrong_since_s = None
            if not 0.0 <= now_s - self._before_s < BEFORE_EVERY_S:
                self._before, self._before_s = self._small(frame), now_s
            usual = reading.match >= _DOUBTFUL * reference.match
            trust = 1.0 if usual else _DOUBTFUL_RATE  # a bus before the camera, or a market that came to stay
            reference.learn(
                seen.edges, seen.layout, seen.detail, seen.sharpness, reading.match, trust * min(step_s, 5.0)
            )
            if self._saved_s is None:
                self._saved_s = now_s
            elif now_s - self._saved_s >= SAVE_EVERY_S:
                self._saved_s = now_s
                self._save()
        elif self._wrong_since_s is None or now_s < self._wrong_since_s:
            self._wrong_since_s = now_s
        elif now_s - self._wrong_since_s >= self._accept_after_s and seen.detail >= MIN_DETAIL:
            self._wrong_since_s = None
            self._references = {self._light: Reference.of(seen.edges, seen.layout)}

    @staticmethod
    def _small(frame: Frame) -> NDArray[np.uint8]:
        width, height = frame.resolution_wh
        wanted = min(width, BEFORE_WIDTH)
        return frame.picture.resized(wanted, max(1, round(wanted * height / width))).copy()

    def _light_of(self, frame: Frame) -> Light:
        small = frame.picture.resized(32, 18).astype(np.int16)
        chroma = float((small.max(axis=2) - small.min(axis=2)).mean())
        if chroma < _GREY_BELOW:
            return Light.GREY
        return Light.COLOUR if chroma > _COLOUR_ABOVE else self._light

    def _save(self) -> None:
        if self._path is not None:
            ready = {str(light): item for light, item in self._references.items() if item.ready}
            save_references(self._path, ready)


def features(frame: Frame) -> Features:
    """What is compared of a picture."""
    width, height = frame.resolution_wh
    fine_size = (FINE_WIDTH, max(24, round(FINE_WIDTH * height / width)))
    fine = cv2.resize(frame.picture.luma(), fine_size, interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(fine, (COARSE_WIDTH, fine_size[1] // 2), interpolation=cv2.INTER_AREA)
    layout = cv2.resize(coarse, (LAYOUT_WIDTH, max(2, coarse.shape[0] // 8)), interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(coarse, (3, 3), 0)
    x = cv2.Sobel(coarse, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    y = cv2.Sobel(coarse, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    length = cv2.magnitude(x, y)
    detail = float(length.mean())
    fine_detail = float(np.abs(cv2.Laplacian(fine, cv2.CV_16S, ksize=1)).mean())
    weight = 1.0 / (length + _EDGE_LEVEL)
    edges = np.stack((x * weight, y * weight), axis=2)
    return Features(edges, detail, fine_detail / max(detail, 0.1), layout.astype(np.float32))


def compare(seen: Features, reference: Reference) -> ViewReading:
    """How much of the reference is there."""
    match, near, far = _match(seen.edges, reference.edges), 1.0, 0.0
    if match < _DOUBTFUL * reference.match:
        near, far, swayed = _correlate(seen.edges, reference.edges)
        match = max(match, _match(np.roll(seen.edges, swayed, axis=(0, 1)), reference.edges))
    return ViewReading(
        detail=seen.detail,
        detail_reference=reference.detail,
        sharpness=seen.sharpness,
        sharpness_reference=reference.sharpness,
        match=match,
        match_reference=reference.match,
        layout=_correlation(seen.layout, reference.layout),
        in_place=near,
        elsewhere=far,
    )


def _match(edges: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """Share of the picture's blocks with fixed edges in which these are seen; 1 where there are too few to tell."""
    (x, y), (fixed_x, fixed_y) = cv2.split(edges), cv2.split(reference)
    fixed = cv2.magnitude(fixed_x, fixed_y)
    strong = np.asarray(cv2.threshold(fixed, _MIN_STATIC, 1.0, cv2.THRESH_BINARY)[1], np.float32)
    length = np.maximum(cv2.magnitude(x, y), 0.2)  # what is weak has no direction
    cosine = (x * fixed_x + y * fixed_y) * strong / (length * np.maximum(fixed, _MIN_STATIC))
    # Means over the blocks: both have the same number of points.
    points = cv2.resize(strong, _BLOCKS_WH, interpolation=cv2.INTER_AREA)
    found = cv2.resize(np.asarray(cosine, np.float32), _BLOCKS_WH, interpolation=cv2.INTER_AREA)
    textured = points >= _MIN_BLOCK_POINTS * points.size / strong.size
    if np.count_nonzero(textured) < _MIN_BLOCKS:
        return 1.0
    return float((found[textured] / points[textured] > _BLOCK_FOUND).mean())


def _correlate(edges: NDArray[np.float32], reference: NDArray[np.float32]) -> tuple[float, float, tuple[int, int]]:
    """How well the reference's edges are found in their place, and anywhere else in the picture.

    Returns:
        Correlation within the reach of a swaying mast, the best one beyond, and by how many rows and columns the
        picture must be rolled to lie best on the reference within that reach.
    """
    height, width = edges.shape[:2]
    size = cv2.getOptimalDFTSize(height + height // 2), cv2.getOptimalDFTSize(width + width // 2)
    spectra = []
    for item in (edges, reference):
        padded = np.zeros((*size, 2), np.float32)  # room, so that what leaves at one side does not enter at the other
        padded[:height, :width] = item
        spectra.append(cv2.dft(padded))
    product = cv2.mulSpectrums(spectra[0], spectra[1], 0, conjB=True)
    found = cv2.idft(product, flags=cv2.DFT_SCALE)[:, :, 0] / max(1e-6, cv2.norm(edges) * cv2.norm(reference))
    reach = max(1, round(_SHAKE_SHARE * width))
    rolled = np.roll(found, (reach, reach), axis=(0, 1))
    window = rolled[: 2 * reach + 1, : 2 * reach + 1]
    row, column = np.unravel_index(int(window.argmax()), window.shape)
    near = float(window.max())
    window[:] = -1.0
    return near, float(rolled.max()), (reach - int(row), reach - int(column))


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Of two small pictures, in [-1, 1]; 0 where one is uniform."""
    one, two = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((one * one).sum() * (two * two).sum()))
    return float((one * two).sum()) / scale if scale > 1.0 else 0.0
