"""One camera in the loop that a user would write first; `bench.edge_plain` runs one process of it for each camera.

    python -m bench.plain_loop --engine pytorch CLIP
    python -m bench.plain_loop --engine ultralytics --weights yolo11n_int8_openvino_model CLIP
    python -m bench.plain_loop --engine nanodet CLIP

`pytorch` is `YOLO("yolo11n").track(source=CLIP, stream=True, persist=True, vid_stride=5)` as one writes it first: the
model in PyTorch, as its weights come. These may not be given away, so the network is made with random ones: the
arithmetic is the same, and as it finds nothing, suppression and tracking cost it nothing. `ultralytics` is the same
line after somebody exported the model to OpenVINO and quantised it to 8 bits. `nanodet` decodes with OpenCV, and
searches and follows with this project's detector and tracker: the same without the engine around it.

The clip is held back to its own speed, as a camera would. Prints READY after the first pictures, waits for a line on
standard input, runs, and prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

FPS = 25
STRIDE = 5
FIRST = 3
"""Pictures before READY: the model is loaded and warm."""


def main() -> None:
    """Run the loop, print what it did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=("pytorch", "ultralytics", "nanodet"), required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--one-thread", action="store_true", help="limit every library to one thread")
    parser.add_argument("--warm-up", type=float, default=5.0)
    parser.add_argument("--window", type=float, default=20.0)
    parser.add_argument("clip", type=Path)
    options = parser.parse_args()
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment] # no word to anybody outside
    if options.one_thread:
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "threads;1"
        import cv2

        cv2.setNumThreads(1)
    if options.engine == "nanodet":
        engine = nanodet_loop(options.clip, threads=1 if options.one_thread else len(os.sched_getaffinity(0)))
    else:
        engine = ultralytics_loop("yolo11n.yaml" if options.engine == "pytorch" else str(options.weights), options.clip)
    for _ in range(FIRST):
        next(engine)
    print("READY", flush=True)
    sys.stdin.readline()
    print(json.dumps(_paced(engine, options.warm_up, options.window)), flush=True)


def _paced(engine: Iterator[int], warm_up_s: float, window_s: float) -> dict[str, float]:
    """Run a loop no faster than its camera."""
    began_s = time.monotonic()
    done = done_before = 0
    cpu_before_s, before_s = time.process_time(), began_s
    while (now_s := time.monotonic()) - began_s < warm_up_s + window_s:
        due_s = began_s + done * STRIDE / FPS
        if now_s < due_s:
            time.sleep(due_s - now_s)
        next(engine)
        done += 1
        if not done_before and time.monotonic() - began_s >= warm_up_s:
            done_before, before_s, cpu_before_s = done, time.monotonic(), time.process_time()
    ended_s = time.monotonic()
    return {
        "done": done - done_before,
        "due": (ended_s - before_s) * FPS / STRIDE,
        "behind_s": max(0.0, ended_s - began_s - done * STRIDE / FPS),
        "cpu_cores": (time.process_time() - cpu_before_s) / (ended_s - before_s),
    }


def ultralytics_loop(model_name: str, clip: Path) -> Iterator[int]:
    """Number of tracks in each fifth picture, again and again."""
    os.environ |= {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "YOLO_VERBOSE": "false"}
    from ultralytics import YOLO

    model = YOLO(model_name, task="detect")
    while True:
        for result in model.track(source=str(clip), stream=True, persist=True, vid_stride=STRIDE, verbose=False):
            yield len(result.boxes)


def nanodet_loop(clip: Path, *, threads: int) -> Iterator[int]:
    """The same with OpenCV, NanoDet and our tracker."""
    import cv2
    import numpy as np

    from edge.detection.load import load_detector
    from edge.detection.manifest import load_manifest
    from edge.picture import ArrayPicture
    from edge.tracking import ByteTracker
    from edge.types import Frame

    detector = load_detector("default", load_manifest(), threads=threads)
    tracker = ByteTracker()
    count = 0
    while True:
        capture = cv2.VideoCapture(str(clip))
        while all(capture.grab() for _ in range(STRIDE)):
            _, image = capture.retrieve()
            count += 1
            frame = Frame(
                "camera", ArrayPicture(np.asarray(image, np.uint8)), count * STRIDE / FPS, datetime.now(UTC), count
            )
            yield len(tracker.update(detector.detect([frame])[0], frame))
        capture.release()


if __name__ == "__main__":
    main()
