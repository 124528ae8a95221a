"""Whether a change is something new, something gone, or only the light."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.background.model import Crop, Mask, Plane

MARGIN = 6
"""Pixels around a region that are looked at with it."""
LIGHT_RATIO = (0.35, 2.8)
"""A cast shadow leaves between a third and nine tenths of the brightness (sun against sky), its end the inverse."""
SAME_COLOUR = 8.0
"""Grey levels by which colour may differ once brightness is allowed for."""
SAME_TEXTURE, SAME_TEXTURE_SMALL, SMALL = 0.45, 0.6, 100
"""Correlation with the background's texture: light changes the brightness of a wall, not its bricks. In fewer pixels
than `SMALL` chance alone gives more."""
FLAT = 1.5
"""Standard deviation in grey levels below which there is no texture to compare, on top of the noise."""
_DETAIL = (7, 7)
THIN, LONG = 3.0, 20
"""Pixels: what is nowhere thicker and as long as that is the edge of a shadow, or of a wall when the mast sways."""
SHARP, SOFT = 0.2, 0.1
"""Of a border: share of its height that it rises in one pixel. The penumbra of a shadow is softer; nothing that is put
down has a border as soft as the second."""
SLIP, SLIP_SMALL, FEW = 3, 5, 40
"""Pixels by which things sway; what is smaller than `FEW` may have swayed farther, as a tape or a twig does."""
SLIP_SLACK, SLIPPED_SHARE = 4.0, 0.7
"""Grey levels; share of a region that this explains."""
_SOBEL_SCALE = 1.0 / 8.0


class Verdict(Enum):
    """What a region of lasting change is."""

    OBJECT = auto()
    HOLE = auto()
    LIGHT = auto()
    PLAIN = auto()
    """Without texture or colour of its own: an object, or a shadow."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The numbers behind a verdict."""

    ratio: float
    """Brightness now divided by that of the background."""
    colour: float
    """Difference of colour that brightness does not explain, grey levels."""
    texture: float
    """Correlation of the texture with the background's; 0 where there is none to compare."""
    is_flat: bool
    edge: float
    """Edges along the border, now against before, in [-1, 1]: above 0 something new has an outline."""
    contrast: float
    """How far the inside differs from its surroundings, now against before, in [-1, 1]."""
    sharpness: float


def judge(now: Crop, before: Crop, mask: Mask, noise: float) -> tuple[Verdict, Evidence]:
    """Judge a region.

    Args:
        now: The region's surroundings as they look without passers-by.
        before: The background there.
        mask: (H, W) which pixels changed.
        noise: Standard deviation of the sensor's noise, grey levels.
    """
    evidence = _measure(now, before, mask, noise)
    if evidence.sharpness < SOFT or _is_strip(mask) or _has_slipped(now, before, mask, noise):
        return Verdict.LIGHT, evidence
    low, high = LIGHT_RATIO
    same_colour = evidence.colour <= SAME_COLOUR + noise
    same_texture = evidence.texture >= (SAME_TEXTURE if np.count_nonzero(mask) >= SMALL else SAME_TEXTURE_SMALL)
    if low <= evidence.ratio <= high and same_colour and not evidence.is_flat and same_texture:
        return Verdict.LIGHT, evidence
    if evidence.edge + evidence.contrast < 0.0:
        return Verdict.HOLE, evidence
    if low <= evidence.ratio <= high and same_colour and evidence.is_flat:
        return (Verdict.PLAIN if evidence.sharpness >= SHARP else Verdict.LIGHT), evidence
    return Verdict.OBJECT, evidence


def correlation(a: Plane, b: Plane) -> float:
    """Of two equally long lists of brightness, in [-1, 1]; 0 where one is uniform."""
    one, two = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((one * one).sum() * (two * two).sum()))
    return float((one * two).sum()) / scale if scale > 1e-3 else 0.0


def _measure(now: Crop, before: Crop, mask: Mask, noise: float) -> Evidence:
    bits = mask.astype(np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    core = _core(bits, mask)
    wider = cv2.dilate(bits, kernel)
    band = np.asarray(wider, np.bool_) & ~np.asarray(cv2.erode(bits, kernel), np.bool_)
    ring = np.asarray(cv2.dilate(wider, kernel, iterations=3), np.bool_) & ~np.asarray(wider, np.bool_)
    light_now, light_before = now[..., 0][core], before[..., 0][core]
    detail_now, detail_before = _detail(now)[core], _detail(before)[core]
    ratio = float(np.median(light_now / np.maximum(light_before, 4.0)))
    unexplained = np.abs(now[..., 1:][core] - ratio * before[..., 1:][core]).sum(axis=1)
    mean_now, mean_before = float(light_now.mean()), float(light_before.mean())
    varied_now, varied_before = float(detail_now.std()) * mean_now, float(detail_before.std()) * mean_before
    flat_below = FLAT + noise
    is_flat = varied_before < flat_below and varied_now < flat_below * max(1.0, ratio)
    edges_now, edges_before = _edges(now)[band].mean(), _edges(before)[band].mean()
    step = np.abs(now - before).max(axis=2)
    height = float(np.median(step[core]))
    return Evidence(
        ratio=ratio,
        colour=float(np.median(unexplained)),
        texture=correlation(detail_now, detail_before),
        is_flat=is_flat,
        edge=float((edges_now - edges_before) / (edges_now + edges_before + 1.0 + noise / 2.0)),
        contrast=_contrast(now, before, core, ring, noise),
        sharpness=float(np.percentile(_slope(step.astype(np.float32))[band], 70)) / max(height, 1.0),
    )


def _core(bits: NDArray[np.uint8], mask: Mask) -> Mask:
    """The inside, as far from the border as there is enough of it."""
    for margin, least in ((3, 40), (2, 25), (1, 9)):
        core = np.asarray(cv2.erode(bits, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)), np.bool_)
        if np.count_nonzero(core) >= least:
            return core
    return mask


def _has_slipped(now: Crop, before: Crop, mask: Mask, noise: float) -> bool:
    """Whether each pixel shows what the background shows beside it: a tape in the wind, a mast that sways."""
    slip = SLIP if np.count_nonzero(mask) >= FEW else SLIP_SMALL
    kernel, slack = np.ones((2 * slip + 1, 2 * slip + 1), np.uint8), SLIP_SLACK + noise
    lowest, highest = cv2.erode(before, kernel), cv2.dilate(before, kernel)
    explained = ((now >= lowest - slack) & (now <= highest + slack)).all(axis=2)
    return bool(np.count_nonzero(explained & mask) >= SLIPPED_SHARE * np.count_nonzero(mask))


def _is_strip(mask: Mask) -> bool:
    padded = np.pad(mask.astype(np.uint8), 1)
    thick = 2.0 * float(cv2.distanceTransform(padded, cv2.DIST_L2, 3).max())
    long = max(np.count_nonzero(mask.any(axis=0)), np.count_nonzero(mask.any(axis=1)))
    return bool(long >= LONG and (thick <= THIN or long > 6.0 * thick))


def _detail(picture: Crop) -> Plane:
    """What the neighbourhood's brightness does not explain, as a share of it: the same in sun and in shadow."""
    light = np.ascontiguousarray(picture[..., 0])
    return np.asarray(light / np.maximum(cv2.blur(light, _DETAIL), 4.0) - 1.0, np.float32)


def _contrast(now: Crop, before: Crop, core: Mask, ring: Mask, noise: float) -> float:
    if not ring.any():
        return 0.0
    around = np.median(now[ring], axis=0), np.median(before[ring], axis=0)
    apart_now = float(np.abs(now[core] - around[0]).max(axis=1).mean())
    apart_before = float(np.abs(before[core] - around[1]).max(axis=1).mean())
    return (apart_now - apart_before) / (apart_now + apart_before + 2.0 + noise)


def _edges(picture: Crop) -> Plane:
    """Length of the gradient, the largest of the three values'."""
    return np.asarray(np.max([_slope(np.ascontiguousarray(picture[..., i])) for i in range(3)], axis=0), np.float32)


def _slope(values: NDArray[np.float32]) -> Plane:
    x = cv2.Sobel(values, cv2.CV_32F, 1, 0, ksize=3, scale=_SOBEL_SCALE)
    y = cv2.Sobel(values, cv2.CV_32F, 0, 1, ksize=3, scale=_SOBEL_SCALE)
    return np.asarray(cv2.magnitude(x, y), np.float32)
