"""How boxes are told: normalised, in steps that a store keeps to the last bit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.tracking.candidates import Corners
from edge.tracking.identity import Identity
from edge.types import Sighting

BOX_STEPS = 65536.0
"""Boxes are told in steps of this part of the picture: far finer than any detector, and cheap to store."""


def told(corners: Corners, aspect: float) -> Corners:
    """Normalised and inside, in steps of 1/65536, a sixteenth of a pixel of a 4K picture: stored, they come back to the
    last bit."""
    left, top, right, bottom = corners
    left, right = left / aspect, right / aspect
    if not (0.0 <= left <= right <= 1.0 and 0.0 <= top <= bottom <= 1.0):
        left, top, right, bottom = (min(max(share, 0.0), 1.0) for share in (left, top, right, bottom))
    return (
        round(left * BOX_STEPS) / BOX_STEPS,
        round(top * BOX_STEPS) / BOX_STEPS,
        round(right * BOX_STEPS) / BOX_STEPS,
        round(bottom * BOX_STEPS) / BOX_STEPS,
    )


def all_told(corners: Sequence[Corners], aspect: float) -> list[Corners]:
    """Each of them as `told` tells it: a frame's boxes at once."""
    if not corners:
        return []
    boxes = np.array(corners)
    boxes[:, ::2] /= aspect
    np.clip(boxes, 0.0, 1.0, out=boxes)
    boxes *= BOX_STEPS
    np.rint(boxes, out=boxes)
    boxes /= BOX_STEPS
    return list(map(tuple, boxes.tolist()))


def take_early(identity: Identity, aspect: float) -> tuple[Sighting, ...]:
    """Where a track was found before it was confirmed, less the latest place, which is told anyway."""
    early, identity.early = identity.early[:-1], []
    return tuple(
        Sighting(at_s, told((x - width / 2.0, y - height / 2.0, x + width / 2.0, y + height / 2.0), aspect))
        for at_s, (x, y, width, height) in early
    )
