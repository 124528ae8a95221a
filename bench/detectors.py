"""Measures detectors: speed, and accuracy on two labelled sets. Prints JSON.

    python -m bench.detectors --models default --clips ../shared/clips --vietnam ../shared/gt_vn

`vtest`: people of PETS09 S2.L1 (`vtest.avi`, boxes in `vtest_boxes.txt`): AP50, and recall and precision at the model's
threshold. `vietnam`: a Vietnamese junction camera (images/, labels/ in YOLO format): recall only, as just one approach
is labelled there. A model with kind `ultralytics` needs an environment with that extra.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.detection.load import load_detector
from edge.detection.manifest import Manifest, load_manifest
from edge.detection.nms import iou_matrix
from edge.picture import ArrayPicture
from edge.ports import Detector
from edge.types import Detections, Frame

MATCH_IOU = 0.5
LOWEST_SCORE = 0.05
"""Average precision looks at the whole curve, so the benchmark asks for weak detections, too."""

VIETNAM_CLASSES = {0: ("car", ("car", "bus", "truck")), 2: ("motorcycle", ("motorcycle",))}
"""Label id -> name, and the COCO classes that count for it."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A picture and the boxes that are really there: class -> (N, 4) float32 xyxy in pixels."""

    frame: Frame
    truth: dict[str, NDArray[np.float32]]


def main() -> None:
    """Measure each model that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, help="default: the embedded one, or that of LANGAN_MODELS_DIR")
    parser.add_argument("--models", nargs="+", default=["default"], help="ids or aliases (default: %(default)s)")
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"))
    parser.add_argument("--vietnam", type=Path, default=Path("../shared/gt_vn"))
    parser.add_argument("--every", type=int, default=1, help="use only every N-th Vietnamese image")
    parser.add_argument("--skip", type=int, default=0, help="leave out the first Vietnamese images before counting")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    people = list(people_of_vtest(options.clips))
    vietnam = list(vietnamese_junction(options.vietnam))[options.skip :: options.every]
    manifest = load_manifest(options.manifest)
    results = {model: measure(model, manifest, people, vietnam, options.threads) for model in options.models}
    print(json.dumps({"opencv": cv2.__version__, "vietnam_images": len(vietnam), "models": results}, indent=2))


def measure(
    model_id: str, manifest: Manifest, people: Sequence[Labelled], vietnam: Sequence[Labelled], threads: Sequence[int]
) -> dict[str, object]:
    """Speed and accuracy of one model."""
    threshold = manifest.get(model_id).score_threshold
    sensitive = Manifest(tuple(replace(entry, score_threshold=LOWEST_SCORE) for entry in manifest.entries))
    detector = load_detector(model_id, sensitive, threads=max(threads))
    found = [detector.detect([item.frame])[0] for item in people]
    scores, hits, total = match_all(found, [item.truth["person"] for item in people], ("person",))
    sure = scores >= threshold
    return {
        "score_threshold": threshold,
        "vtest_person": {
            "boxes": total,
            "ap50": round(average_precision(scores, hits, total), 3),
            "recall": round(float(hits[sure].sum() / total), 3),
            "precision": round(float(hits[sure].mean()), 3) if sure.any() else None,
        },
        "vietnam_recall": vietnam_recall(detector, vietnam, threshold),
        "detect_ms": {
            str(count): speed_ms(load_detector(model_id, manifest, threads=count), people) for count in threads
        },
    }


def vietnam_recall(detector: Detector, vietnam: Sequence[Labelled], threshold: float) -> dict[str, object]:
    """Share of the labelled vehicles that were found."""
    found = [detector.detect([item.frame])[0] for item in vietnam]
    recall: dict[str, object] = {}
    for name, counted in VIETNAM_CLASSES.values():
        scores, hits, total = match_all(found, [item.truth[name] for item in vietnam], counted)
        recall[name] = {"boxes": total, "recall": round(float(hits[scores >= threshold].sum() / max(1, total)), 3)}
    return recall


def match_all(
    found: Sequence[Detections], truth: Sequence[NDArray[np.float32]], counted: tuple[str, ...]
) -> tuple[NDArray[np.float32], NDArray[np.bool_], int]:
    """Match detections to truth, picture by picture, the most confident first.

    Returns:
        Each detection's confidence, whether it hit a box that none had hit before, and the number of boxes.
    """
    scores: list[float] = []
    hits: list[bool] = []
    for detections, boxes in zip(found, truth, strict=True):
        free = np.ones(len(boxes), np.bool_)
        overlaps = iou_matrix(detections.xyxy, boxes)
        for index in np.argsort(-detections.confidence, kind="stable"):
            if detections.class_name[index] not in counted:
                continue
            overlap = np.where(free, overlaps[index], 0)
            hit = bool(len(boxes)) and bool(overlap.max() >= MATCH_IOU)
            if hit:
                free[overlap.argmax()] = False
            scores.append(float(detections.confidence[index]))
            hits.append(hit)
    return np.array(scores, np.float32), np.array(hits, np.bool_), sum(len(boxes) for boxes in truth)


def average_precision(scores: NDArray[np.float32], hits: NDArray[np.bool_], total: int) -> float:
    """Area under the precision-recall curve, precision made monotone (as PASCAL VOC since 2010)."""
    ordered = hits[np.argsort(-scores, kind="stable")]
    if not len(ordered):
        return 0.0
    true_positives = np.cumsum(ordered)
    precision = true_positives / np.arange(1, len(ordered) + 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best_from_here[ordered].sum() / total)


def speed_ms(detector: Detector, people: Sequence[Labelled]) -> float:
    """Median of one call: letterbox, inference, decoding, suppression."""
    for item in people[:5]:
        detector.detect([item.frame])
    times = []
    for item in [*people] * 3:
        started = time.perf_counter()
        detector.detect([item.frame])
        times.append(time.perf_counter() - started)
    return round(statistics.median(times) * 1000, 1)


def people_of_vtest(folder: Path) -> Iterator[Labelled]:
    """The labelled frames of vtest.avi. A line of the boxes file: 1-based frame, left, top, width, height."""
    boxes: dict[int, list[list[float]]] = {}
    for line in (folder / "vtest_boxes.txt").read_text(encoding="utf-8").splitlines():
        number, x, y, width, height = (float(value) for value in line.split(","))
        boxes.setdefault(int(number) - 1, []).append([x, y, x + width, y + height])
    clip = cv2.VideoCapture(str(folder / "vtest.avi"))
    for index in range(max(boxes) + 1):
        image = clip.read()[1]
        if index in boxes:
            yield Labelled(_frame(image, index), {"person": np.array(boxes[index], np.float32)})
    clip.release()


def vietnamese_junction(folder: Path) -> Iterator[Labelled]:
    """Images with labels `class centre_x centre_y width height`, shares of the picture."""
    for index, path in enumerate(sorted((folder / "images").iterdir())):
        # The set was squeezed to squares; stretched back, vehicles have their own shape.
        squeezed: Any = cv2.imread(str(path))
        image = cv2.resize(squeezed, (1280, 720), interpolation=cv2.INTER_LINEAR)
        labels = folder / "labels" / f"{path.stem}.txt"
        rows = (
            np.loadtxt(labels, np.float32, ndmin=2) if labels.exists() and labels.stat().st_size else np.zeros((0, 5))
        )
        centre, size = rows[:, 1:3], rows[:, 3:5]
        xyxy = (np.hstack([centre - size / 2, centre + size / 2]) * [1280, 720, 1280, 720]).astype(np.float32)
        truth = {name: xyxy[rows[:, 0] == label] for label, (name, _) in VIETNAM_CLASSES.items()}
        yield Labelled(_frame(image, index), truth)


# Any: OpenCV's types say "some array or None" for a picture that was read.
def _frame(image: Any, index: int) -> Frame:
    assert image is not None, "unreadable picture or clip"
    return Frame("bench", ArrayPicture(image), float(index), datetime.now(UTC), index)


if __name__ == "__main__":
    main()
