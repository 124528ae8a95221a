"""How long a model takes for one picture on this machine: letterbox, inference, decoding, suppression."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from edge.models.pictures import Picture
from edge.picture import ArrayPicture
from edge.ports import Detector
from edge.types import Frame

WARM_UP = 5
NOISE_WH = (1920, 1080)


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of one picture."""

    runs: int
    median_ms: float
    p95_ms: float


def time_detector(
    detector: Detector, pictures: Sequence[Picture], runs: int, clock: Callable[[], float] = time.perf_counter
) -> Timing:
    """Search pictures one by one, again from the first after the last.

    Args:
        detector: Loaded.
        pictures: One or more.
        runs: Searches that count; a few more before them warm the caches up.
        clock: Seconds.
    """
    frames = [
        Frame("bench", ArrayPicture(picture), 0.0, datetime.now(UTC), number) for number, picture in enumerate(pictures)
    ]
    for number in range(WARM_UP):
        detector.detect([frames[number % len(frames)]])
    times = []
    for number in range(runs):
        started = clock()
        detector.detect([frames[number % len(frames)]])
        times.append((clock() - started) * 1000)
    return Timing(runs, float(np.median(times)), float(np.percentile(times, 95)))


def noise_picture() -> Picture:
    """The same grey noise each time: it has nothing to find, so decoding and suppression cost little."""
    width, height = NOISE_WH
    return np.random.default_rng(1).integers(90, 160, (height, width, 3), np.uint8)


def processor_name() -> str:
    """What the system calls its CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.lower().startswith(("model name", "hardware")))
    return next(names, "") or platform.processor() or platform.machine()
