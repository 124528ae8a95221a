"""How large stored observations are: bytes a camera-hour of a busy kerb, and of the labelled real clips.

    python -m bench.observations [NAME ...]

The kerb is `tests/replay/standing.py` (real detections of a parked car and the traffic beside it, 5 searches a second).
NAME is a label file of `tests/replay/labels`; clips are only seconds long, so their hour is an extrapolation.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import islice

import numpy as np

from contract.config_loader import load_config_dir
from edge.observations.codec import Block, encode
from edge.observations.log import BLOCK_S
from edge.picture import ArrayPicture
from edge.tracking import ByteTracker
from edge.types import Detections, Frame, Observation
from edge.what_if import Configured, search_clip
from tests.replay.scoring import CONFIG_DIR, LABELS_DIR, START, load_labels
from tests.replay.standing import HEIGHT, WIDTH, detections

HOUR_S = 3600.0


def kerb(hours: float) -> Iterator[Observation]:
    """The made day at the kerb, as its rules would see it."""
    tracker, picture = ByteTracker(), ArrayPicture(np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    for index, (at_s, rows) in enumerate(detections(hours)):
        utc = START + timedelta(seconds=at_s)
        if rows is None:
            tracks = tracker.hold(at_s)
        else:
            boxes = np.array([row[2:] for row in rows], np.float32).reshape(-1, 4)
            scores = np.array([row[1] for row in rows], np.float32)
            found = Detections(boxes, scores, tuple(row[0] for row in rows))
            tracks = tracker.update(found, Frame("cam", picture, at_s, utc, index))
        yield Observation("cam", at_s, utc, WIDTH / HEIGHT, tuple(tracks), detected=rows is not None)


def clip(name: str) -> list[Observation]:
    """What the rules see of a labelled clip."""
    labelled, folder = load_labels(LABELS_DIR / f"{name}.yaml"), load_config_dir(CONFIG_DIR)
    assert folder.site is not None
    return search_clip(labelled.path, START, Configured(folder.cameras[labelled.camera], folder.site))


def measure(observations: Iterable[Observation]) -> dict[str, float]:
    """Bytes and rows an hour, the share of the detector's own boxes (`Track.found`), and the CPU time of packing."""
    waiting, count, rows, size, bare, spent_s = iter(observations), 0, 0, 0, 0, 0.0
    first_s = last_s = None
    while block := tuple(islice(waiting, round(BLOCK_S * 5))):
        began = time.thread_time()
        size += len(encode(Block("cam", False, block)))
        spent_s += time.thread_time() - began
        bare += len(encode(Block("cam", False, tuple(_without_found(item) for item in block))))
        count += len(block)
        rows += sum(len(item.tracks) for item in block)
        first_s = block[0].monotonic_s if first_s is None else first_s
        last_s = block[-1].monotonic_s
    hours = ((last_s or 0.0) - (first_s or 0.0)) / HOUR_S
    return {
        "tracks": round(rows / max(1, count), 2),
        "mb_per_day": round(24 * size / hours / 1e6, 2),
        "bytes_per_track": round(size / max(1, rows), 2),
        "found_share": round(1.0 - bare / max(1, size), 3),
        "cpu_ms_per_minute": round(1000 * spent_s / hours / 60, 2),
    }


def _without_found(observation: Observation) -> Observation:
    return replace(observation, tracks=tuple(replace(track, found=None) for track in observation.tracks))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure how large stored observations are.")
    parser.add_argument("names", nargs="*")
    names = parser.parse_args().names
    figures = {"kerb": measure(kerb(0.5)), **{name: measure(clip(name)) for name in names}}
    for name, found in figures.items():
        print(f"{name:<18}", *(f"{key} {value:g}" for key, value in found.items()))
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
