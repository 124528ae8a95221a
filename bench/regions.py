"""Measures what a closer look at parts of the picture finds more. Prints JSON.

    python -m bench.regions --vietnam ../shared/gt_vn --clips ../shared/clips --every 4

`vietnam`: recall of motorbikes and cars, searching the whole picture, and the whole with a grid of parts of 640x384
(single images have no motion: the grid stands for an object that moved in each part). The images were squeezed to 640
pixels before they were given away and are stretched back: a real camera's parts hold more detail than these.
`vtest`: people, searching the whole, and the whole with the one part that `detect.regions: motion` chooses a frame.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import cv2
import numpy as np

from bench.detectors import VIETNAM_CLASSES, Labelled, match_all, people_of_vtest, vietnamese_junction
from contract.camera_config import MotionConfig
from edge.detection.load import load_detector
from edge.detection.manifest import load_manifest
from edge.detection.regions import CROP_WH, RegionSearch, merge
from edge.detection.search import ModelDetector
from edge.motion.motion_gate import MotionGate
from edge.picture import ArrayPicture
from edge.types import Detections, Frame


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--vietnam", type=Path, default=Path("../shared/gt_vn"))
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"))
    parser.add_argument("--every", type=int, default=1, help="use only every N-th Vietnamese image")
    options = parser.parse_args()
    detector = load_detector(options.model, load_manifest(), threads=2)
    labelled = list(vietnamese_junction(options.vietnam))[1 :: 2 * options.every]  # the others calibrated the model
    figures = {
        "model": options.model,
        "vietnam": {"images": len(labelled), **vietnam(detector, labelled)},
        "vtest": vtest(detector, options.clips),
    }
    print(json.dumps(figures, indent=1))


def vietnam(detector: ModelDetector, labelled: list[Labelled]) -> dict[str, object]:
    """Recall, and finds that match no label (one approach only is labelled, so many of them are right)."""
    ways = {"whole": [], "whole_and_grid": []}  # type: dict[str, list[Detections]]
    for item in labelled:
        found = detector.detect([item.frame])[0]
        ways["whole"].append(found)
        for crop in grid(item.frame.resolution_wh):
            x1, y1, x2, y2 = crop
            part = Frame("bench", ArrayPicture(item.frame.image[y1:y2, x1:x2]), 0.0, item.frame.utc, 0)
            found = merge(found, detector.detect([part])[0], crop, item.frame.resolution_wh)
        ways["whole_and_grid"].append(found)
    told: dict[str, object] = {}
    for way, found_by in ways.items():
        for name, counted in VIETNAM_CLASSES.values():
            _, hits, total = match_all(found_by, [item.truth[name] for item in labelled], counted)
            told[f"{way}/{name}"] = {
                "boxes": total,
                "recall": round(float(hits.sum() / max(1, total)), 3),
                "unmatched": int((~hits).sum()),
            }
    return told


def vtest(detector: ModelDetector, clips: Path) -> dict[str, object]:
    """People of the labelled frames, with the motion gate fed five frames a second before them."""
    truth = {item.frame.sequence: item.truth["person"] for item in people_of_vtest(clips)}
    gate = MotionGate(MotionConfig())
    regions: list[tuple[float, float, float, float]] = []
    searches = 0

    def detect(frame: Frame) -> Detections:
        nonlocal searches
        searches += 1
        return detector.detect([frame])[0]

    closer = RegionSearch(detect, lambda: regions)
    whole, both, boxes = [], [], []
    for frame in frames_of(clips / "vtest.avi", max(truth) + 1):
        if frame.sequence % 2 and frame.sequence not in truth:
            continue
        regions = list(gate.update(frame).regions)
        if frame.sequence in truth:
            whole.append(detector.detect([frame])[0])
            both.append(closer(frame))
            boxes.append(truth[frame.sequence])
    told: dict[str, object] = {"searches_a_frame": round(searches / len(boxes), 2)}
    for way, found_by in (("whole", whole), ("whole_and_region", [found for found in both if found is not None])):
        _, hits, total = match_all(found_by, boxes, ("person",))
        told[way] = {
            "boxes": total,
            "recall": round(float(hits.sum() / total), 3),
            "precision": round(float(hits.mean()), 3),
        }
    return told


def grid(resolution_wh: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """Parts that cover the picture, overlapping where they must."""
    (width, height), (crop_width, crop_height) = resolution_wh, CROP_WH
    columns, rows = -(-width // crop_width), -(-height // crop_height)
    xs = np.linspace(0, width - crop_width, columns).astype(int).tolist()
    ys = np.linspace(0, height - crop_height, rows).astype(int).tolist()
    for x, y in product(xs, ys):
        yield x, y, x + crop_width, y + crop_height


def frames_of(clip: Path, count: int) -> Iterator[Frame]:
    """The first frames of a clip of ten a second."""
    video = cv2.VideoCapture(str(clip))
    for index in range(count):
        image = np.asarray(video.read()[1], np.uint8)
        yield Frame("bench", ArrayPicture(image), index / 10, datetime.now(UTC), index)
    video.release()


if __name__ == "__main__":
    main()
