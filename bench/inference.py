"""Measures the detector under many cameras, and what asking the inference process costs. Prints JSON.

    python -m bench.inference                    # the embedded model
    python -m bench.inference --model my-model --rounds 9

`side_by_side`: pictures a second, and CPU milliseconds a picture, when two threads of a small box search one picture
together (`1x2`), one picture each (`2x1`), or when one thread works alone (`1x1`). `overhead`: what a search takes a
camera beyond the model: preparing, asking the other process, reading. Rounds take turns, and figures are medians over
them, so that what else runs on the machine falls on all alike; compare only figures of one run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.detection.letterbox import Letterbox
from edge.detection.load import load_model
from edge.detection.manifest import load_manifest
from edge.detection.model import Model
from edge.detection.search import CameraSearch
from edge.inference.client import RemoteAsker
from edge.inference.host import InferenceHost
from edge.inference.wire import Hello
from edge.picture import ArrayPicture
from edge.types import Frame

ROOT = Path(__file__).resolve().parents[1]
CLIP = ROOT / "configs" / "demo" / "media" / "vtest.mp4"
SEARCHES = 40
"""In one round."""
WAYS = {"1x1": (1, 1), "1x2": (2, 1), "2x1": (2, 2)}
"""Pictures at once x threads for each: (threads, pictures at once)."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one way did in one round."""

    pictures_per_s: float
    cpu_ms: float


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--clip", type=Path, default=CLIP)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    video = cv2.VideoCapture(str(options.clip))
    picture = ArrayPicture(np.asarray(video.read()[1], np.uint8))
    video.release()
    frame = Frame("bench", picture, 0.0, datetime.now(UTC), 0)
    figures = {
        "model": options.model,
        "picture_wh": picture.resolution_wh,
        "cpus": os.cpu_count(),
        "rounds": options.rounds,
        "side_by_side": side_by_side(options.model, frame, options.rounds),
        "overhead": overhead(options.model, frame, options.rounds),
    }
    print(json.dumps(figures, indent=1))


def side_by_side(model_id: str, frame: Frame, rounds: int) -> dict[str, dict[str, float]]:
    """Pictures a second and CPU time, each way."""
    manifest = load_manifest()
    models = {
        way: load_model(model_id, manifest, threads=threads, parallel=parallel)
        for way, (threads, parallel) in WAYS.items()
    }
    model_input = Letterbox(frame.resolution_wh, models["1x1"].input_wh).apply(frame.image)
    results: dict[str, list[Round]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, model in models.items():
            results[way].append(one_round(model, WAYS[way][1], model_input))
    return {
        way: {
            "pictures_per_s": round(statistics.median(result.pictures_per_s for result in done), 1),
            "cpu_ms_per_picture": round(statistics.median(result.cpu_ms for result in done), 1),
        }
        for way, done in results.items()
    }


def one_round(model: Model, callers: int, model_input: NDArray[np.uint8]) -> Round:
    """Search the picture again and again, as many threads at once."""

    def search() -> None:
        for _ in range(SEARCHES // callers):
            model.infer([model_input])

    model.infer([model_input])
    threads = [threading.Thread(target=search) for _ in range(callers)]
    started_s, cpu_s = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took_s, cpu_s = time.perf_counter() - started_s, time.process_time() - cpu_s
    searches = SEARCHES // callers * callers
    return Round(searches / took_s, cpu_s / searches * 1000)


def overhead(model_id: str, frame: Frame, rounds: int) -> dict[str, float]:
    """Milliseconds of one camera's search through the inference process."""
    with tempfile.TemporaryDirectory() as folder:
        host = InferenceHost(Path(folder))
        host.start()
        asker = RemoteAsker(host.inference.address, Hello("bench", model_id, ()))
        search = CameraSearch(asker)
        whole, prepare, cpu = [], [], []
        for _ in range(rounds * SEARCHES):
            started_s, cpu_s = time.perf_counter(), time.thread_time()
            search.detect(frame)
            whole.append(time.perf_counter() - started_s)
            cpu.append(time.thread_time() - cpu_s)
            started_s = time.perf_counter()
            Letterbox(frame.resolution_wh, (asker.canvas.shape[1], asker.canvas.shape[0])).draw(
                frame.picture, asker.canvas
            )
            prepare.append(time.perf_counter() - started_s)
        time.sleep(1.5)  # its report comes each second
        model_s = host.snapshot().figures["search_usual_s"]
        asker.close()
        host.stop(10.0)
    search_ms = statistics.median(whole) * 1000
    return {
        "search_ms": round(search_ms, 2),
        "model_ms": round(model_s * 1000, 2),
        "prepare_ms": round(statistics.median(prepare) * 1000, 2),
        "beyond_model_ms": round(search_ms - model_s * 1000, 2),
        "camera_cpu_ms": round(statistics.median(cpu) * 1000, 2),
    }


if __name__ == "__main__":
    main()
