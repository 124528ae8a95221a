"""Makes people and vehicles unrecognisable: the head area of every person, the plate area of every vehicle.

    person     .-----.  <- above the box too: boxes cut hats and hair
               | ### |     head area: the upper share of the box
               |     |
    vehicle    |     |     plate area: the lower share of the box
               | ### |
               `-----'     small or doubtful: all of the box

Fail-safe: a box is hidden on the weakest suspicion, and entirely where it is small or doubtful, in blocks that leave
about 3 x 3 colours of whatever head may be in it: the place stays readable, people do not. What the detector missed
altogether cannot be hidden: ask it for its weakest detections too.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.sightings import Suspect
from edge.types import Detections, Track

SURE_CONFIDENCE = 0.5
"""Below this the box may lie anywhere around the object: all of it is hidden."""
SMALL_PERSON_PX = 64
"""A lower person's head is a few pixels, and the box's error as large as it."""
SMALL_VEHICLE_PX = 96
HEAD_SHARE = 0.35
"""Upper share of a person's box: twice a standing head with its neck (1/7 of the height), for people who bend."""
HEAD_WIDTHS = 0.7
"""At least so many widths of the box: of people whom the picture's edge or a wall cuts off, the head is more of it."""
PLATE_SHARE = 0.6
"""Lower share of a vehicle's box: plates of cars hang below the lamps, those of buses and lorries at the bumper."""
RIDER_SHARE = 0.9
"""What is hidden above a two-wheeler's box, in heights of it: its rider, whom the detector may have missed."""
_MARGIN = 0.15
_TWO_WHEELERS = frozenset({"motorcycle", "bicycle"})
_VEHICLES = frozenset({"car", "bus", "truck", "train", "boat"})
_NO_FACE_NO_PLATE = frozenset({"traffic light", "stop sign", "bench", "chair", "potted plant", "backpack", "suitcase"})
_BLOCKS = 3
"""Blocks along the shorter side: a head becomes about 3 x 3 colours, from which no face can be computed back."""
_MIN_BLOCK_PX = 10
BLIND_BLOCKS = 24
"""Blocks across a picture of which nothing is known: streets and light remain, people do not."""
LARGEST_DOUBT = 16
"""Blocks across the picture that hide a doubtful box, however large it is: a head is at most a quarter of the width of
a picture that watches a place, and keeps 4 blocks then."""

Box = tuple[float, float, float, float]


def redact(
    image: NDArray[np.uint8],
    detections: Detections,
    tracks: Sequence[Track] = (),
    suspects: Sequence[Suspect] = (),
    *,
    blind: bool = False,
) -> NDArray[np.uint8]:
    """Return a copy of a picture in which nobody can be recognised.

    Args:
        image: (H, W, 3) uint8, BGR.
        detections: All that the detector suspects, down to its lowest threshold; pixels of `image`.
        tracks: What is followed, too: a track may hold a person whom this frame's detections miss. Normalised.
        suspects: What other frames' searches leave open: hidden entirely.
        blind: Nobody knows who is in the picture: all of it is hidden.
    """
    if blind:
        hidden = image.copy()
        _hide(hidden, (0.0, 0.0, float(image.shape[1]), float(image.shape[0])), image.shape[1] // BLIND_BLOCKS)
        return hidden
    height, width = image.shape[:2]
    seen = zip(detections.class_name, detections.confidence.tolist(), detections.xyxy.tolist(), strict=True)
    scale = (width, height, width, height)
    # A held or predicted box may be off: never sure.
    followed = (
        (t.class_name, t.confidence if t.detected else 0.0, [c * s for c, s in zip(t.xyxy, scale, strict=True)])
        for t in tracks
    )
    redacted = image.copy()
    for name, confidence, (x1, y1, x2, y2) in (*seen, *followed):
        box = (x1, y1, x2, y2)
        for area in areas_to_hide(name, confidence, box):
            _hide(redacted, area, _block_of(box, confidence, width))
    for suspect in suspects:
        left, up, right, down = suspect.reach
        for x1, y1, x2, y2 in areas_to_hide(suspect.class_name, 0.0, suspect.box):
            _hide(redacted, (x1 - left, y1 - up, x2 + right, y2 + down), _block_of(suspect.box, 0.0, width))
    return redacted


def areas_to_hide(class_name: str, confidence: float, box: Box) -> tuple[Box, ...]:
    """Which parts of a box must not be seen, in the box's own unit (pixels). They may reach beyond the picture."""
    if class_name in _NO_FACE_NO_PLATE:
        return ()
    x1, y1, x2, y2 = box
    width, height = x2 - x1, y2 - y1
    left, right = x1 - width * _MARGIN, x2 + width * _MARGIN
    top, bottom = y1 - height * _MARGIN, y2 + height * _MARGIN
    whole = (left, top, right, bottom)
    head = (left, top, right, y1 + max(height * HEAD_SHARE, width * HEAD_WIDTHS))
    plate = (left, y2 - height * PLATE_SHARE, right, bottom)
    rider = (left, y1 - height * RIDER_SHARE, right, y1 + height * HEAD_SHARE)
    sure = confidence >= SURE_CONFIDENCE
    if class_name == "person":
        upright = height >= width  # who lies or bends may have the head anywhere
        return (head,) if sure and upright and height >= SMALL_PERSON_PX else (whole,)
    large = min(width, height) >= SMALL_VEHICLE_PX
    if class_name in _TWO_WHEELERS:
        return (rider, plate) if sure and large else (rider, whole)
    return (plate,) if class_name in _VEHICLES and sure and large else (whole,)


def _block_of(box: Box, confidence: float, picture_width: int) -> int | None:
    """Side of the blocks for an area that is larger than what it hides, pixels; None: by the area's own size."""
    if confidence >= SURE_CONFIDENCE:
        return None
    return int(min(box[2] - box[0], box[3] - box[1], _BLOCKS * picture_width / LARGEST_DOUBT)) // _BLOCKS


def _hide(image: NDArray[np.uint8], area: Box, block: int | None = None) -> None:
    """Pixelate and blur an area, in place. The averages of large blocks are all that is left of it.

    Args:
        image: (H, W, 3) uint8.
        area: xyxy, pixels; what lies outside the picture is left out.
        block: Side of a block, pixels; None: a third of the area's shorter side.
    """
    height, width = image.shape[:2]
    left, top = max(0, int(area[0])), max(0, int(area[1]))
    right, bottom = min(width, int(np.ceil(area[2]))), min(height, int(np.ceil(area[3])))
    if right <= left or bottom <= top:
        return
    part = image[top:bottom, left:right]
    block = max(_MIN_BLOCK_PX, min(part.shape[:2]) // _BLOCKS if block is None else block)
    cells = max(1, round((right - left) / block)), max(1, round((bottom - top) / block))
    coarse = cv2.resize(part, cells, interpolation=cv2.INTER_AREA)
    flat = cv2.resize(coarse, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST)
    image[top:bottom, left:right] = cv2.blur(flat, (block // 2 | 1, block // 2 | 1))
