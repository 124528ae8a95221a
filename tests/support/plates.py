"""Number plates that are drawn, worn, tilted and photographed badly: never anybody's own."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def draw_plate(lines: tuple[str, ...], *, width: int = 190) -> NDArray[np.uint8]:
    """A white plate with black letters in one line or two, in the proportions of a car's (long) or a motorbike's."""
    height = round(width / (4.7 if len(lines) == 1 else 1.36))
    scale = 4
    plate = np.full((height * scale, width * scale, 3), 235, np.uint8)
    cv2.rectangle(plate, (0, 0), (width * scale - 1, height * scale - 1), (40, 40, 40), 2 * scale)
    share = height * scale / len(lines)
    for number, line in enumerate(lines):
        size = share * 0.62 / 22
        thick = max(2, round(size * 3))
        (wide, high), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, size, thick)
        fitted = min(1.0, 0.88 * width * scale / wide)
        x = round((width * scale - wide * fitted) / 2)
        y = round(share * (number + 0.5) + high * fitted / 2)
        cv2.putText(plate, line, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size * fitted, (20, 20, 20), thick, cv2.LINE_AA)
    small = cv2.resize(plate, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def photograph(plate: NDArray[np.uint8], chance: np.random.Generator, *, noise: float = 8.0) -> NDArray[np.uint8]:
    """The plate seen a little from the side, blurred and with a camera's noise, on a dark ground."""
    pad = plate.shape[0] // 4
    canvas = cv2.copyMakeBorder(plate, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=(60, 55, 50))
    high, wide = canvas.shape[:2]
    corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    moved = corners + chance.normal(0.0, 0.03 * high, (4, 2)).astype(np.float32)
    seen = cv2.warpPerspective(
        canvas, cv2.getPerspectiveTransform(corners, moved), (wide, high), borderValue=(60, 55, 50)
    )
    seen = cv2.GaussianBlur(seen, (0, 0), 0.7)
    return np.asarray(np.clip(seen + chance.normal(0.0, noise, seen.shape), 0, 255), np.uint8)
