"""The colour of real lamps: boxes that people drew in pictures of a Vietnamese red-light camera.

The hues of `edge.signals.lamp` were chosen on the half of the pictures that `_was_looked_at`; the figures are the other
half's. Some boxes are drawn around a motorbike or a blank wall: they count as they are labelled.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.signals.lamp import colour_of
from edge.types import SignalState

FOLDER = Path(__file__).parents[3] / "shared" / "gt_vn"
CLASSES = {1: SignalState.GREEN, 3: SignalState.RED, 5: SignalState.YELLOW}
SIZE = 640


def _was_looked_at(name: str) -> bool:
    return int(hashlib.sha256(name.partition("_jpg")[0].encode()).hexdigest(), 16) % 2 == 0


def read_lamps(*, looked_at: bool) -> Counter[tuple[SignalState, SignalState]]:
    """`(labelled, read)` to how many boxes."""
    counts: Counter[tuple[SignalState, SignalState]] = Counter()
    for file in sorted((FOLDER / "labels").glob("*.txt")):
        if _was_looked_at(file.name) is not looked_at:
            continue
        boxes = [line.split() for line in file.read_text("utf-8").splitlines() if line.strip()]
        lamps = [
            (CLASSES[int(box[0])], [float(value) for value in box[1:5]]) for box in boxes if int(box[0]) in CLASSES
        ]
        if not lamps:
            continue
        image = cv2.imread(str(FOLDER / "images" / f"{file.stem}.jpg"))
        assert image is not None
        for labelled, (x, y, width, height) in lamps:
            left, right = round((x - width / 2) * image.shape[1]), round((x + width / 2) * image.shape[1])
            top, bottom = round((y - height / 2) * image.shape[0]), round((y + height / 2) * image.shape[0])
            crop = np.asarray(image[max(0, top) : bottom, max(0, left) : right], np.uint8)
            if crop.size:
                counts[labelled, colour_of(crop)] += 1
    return counts


@pytest.mark.clips
def test_real_lamps_are_read_right_or_called_unknown() -> None:
    if not FOLDER.is_dir():
        pytest.skip(f"{FOLDER} is absent: labelled pictures of others may not be committed")
    counts = read_lamps(looked_at=False)
    total = counts.total()
    unknown = sum(count for (_, read), count in counts.items() if read is SignalState.UNKNOWN)
    right = sum(count for (labelled, read), count in counts.items() if read is labelled)
    false_red = sum(c for (labelled, read), c in counts.items() if read is SignalState.RED and labelled is not read)
    print({f"{labelled.value} as {read.value}": count for (labelled, read), count in sorted(counts.items())})
    print(f"{total} lamps: right {right / total:.3f}, unknown {unknown / total:.3f}, false red {false_red / total:.3f}")
    assert total > 250
    assert right / (total - unknown) >= 0.96
    assert unknown / total <= 0.10
    assert false_red / total <= 0.02
