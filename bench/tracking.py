"""Times the tracker on made crowds, and lets a car stand for six hours: `python -m bench.tracking`. One JSON line.

Objects walk through the picture at 5 frames a second with jittered boxes, one detection in ten missing and some of them
unsure. Reference on 2 cores (measured before this was written): `trackers` 0.7-1.3 ms, ultralytics 1.8-5.6 ms a frame
for 12-36 objects.
"""

from __future__ import annotations

import json
import statistics
import time
from datetime import UTC, datetime

import numpy as np

from edge.picture import ArrayPicture
from edge.tracking import ByteTracker
from edge.types import Detections, Frame
from tests.replay.standing import watch

FRAMES = 400
STEP_S = 0.2
WIDTH, HEIGHT = 1920, 1080
STANDS_HOURS = 6.0


def main() -> None:
    """Measure 12, 20, 36 and 100 objects, then the parked car of `tests/replay/standing.py`."""
    figures: dict[str, object] = {f"{count}_objects_ms": _measure(count) for count in (12, 20, 36, 100)}
    stay = watch(ByteTracker(), STANDS_HOURS)
    figures["standing_car"] = {"hours": STANDS_HOURS, "searches": stay.searches, "pictures_by_track": dict(stay.ids)}
    print(json.dumps(figures))


def _measure(count: int) -> dict[str, float]:
    rng = np.random.default_rng(count)
    tracker = ByteTracker()
    centres = rng.uniform((0.0, 200.0), (WIDTH, HEIGHT), (count, 2))
    speeds = rng.uniform(-120.0, 120.0, (count, 2)) * (1.0, 0.4)
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    times = []
    for index in range(FRAMES):
        centres = (centres + speeds * STEP_S) % (WIDTH, HEIGHT)
        detections = _detect(centres, rng)
        frame = Frame("bench", ArrayPicture(image), index * STEP_S, datetime.now(UTC), index)
        started = time.perf_counter()
        tracker.update(detections, frame)
        times.append((time.perf_counter() - started) * 1000.0)
    times.sort()
    return {
        "median": round(statistics.median(times), 3),
        "mean": round(statistics.fmean(times), 3),
        "p95": round(times[int(0.95 * len(times))], 3),
    }


def _detect(centres: np.ndarray, rng: np.random.Generator) -> Detections:
    seen = centres[rng.random(len(centres)) > 0.1]
    heights = 60.0 + 0.15 * seen[:, 1]
    half = np.stack((0.2 * heights, 0.5 * heights), axis=1)
    boxes = np.concatenate((seen - half, seen + half), axis=1) + rng.normal(0.0, 2.0, (len(seen), 4))
    scores = rng.uniform(0.25, 0.95, len(seen))
    return Detections(boxes.astype(np.float32), scores.astype(np.float32), ("person",) * len(seen))


if __name__ == "__main__":
    main()
