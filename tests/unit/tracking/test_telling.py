"""How boxes are told."""

from __future__ import annotations

import random

from edge.tracking.candidates import Corners
from edge.tracking.telling import BOX_STEPS, all_told, told


def test_a_frames_boxes_are_told_as_each_alone_is() -> None:
    rng = random.Random(3)
    boxes: list[Corners] = []
    for _ in range(200):
        left, top = rng.uniform(-0.3, 1.8), rng.uniform(-0.3, 1.1)
        boxes.append((left, top, left + rng.uniform(0.0, 0.6), top + rng.uniform(0.0, 0.6)))
    together = all_told(boxes, 16 / 9)
    assert together == [told(box, 16 / 9) for box in boxes]
    assert all((step * BOX_STEPS).is_integer() and 0.0 <= step <= 1.0 for box in together for step in box)
    assert all_told([], 16 / 9) == []
