"""How a resting camera wakes: false wakes an hour, and how long after something moves. A table, then one JSON line.

    python -m bench.idle_wake [CLIP ...]

Each clip of `../shared/clips` becomes a camera: its first picture with fresh sensor noise for 19.4 s, then 4 s of the
clip, again and again, encoded as IP cameras do (x264 zerolatency, a keyframe every 2 s) at constant quality and at a
fixed bit rate. Truth is exact: something moves only while the clip plays.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from edge.attention import Attention
from edge.capture.source_url import parse_source
from edge.capture.video_source import SourceSettings, VideoSource
from tests.edge_fakes import FakeClock

CLIPS = ("guto_crosswalk.mp4", "vtest.avi", "yas_people.mp4")
SIZE, FPS = (640, 360), 15
QUIET_S, MOVING_S, ROUNDS = 19.4, 4, 5
START_S = 1000.0
NOISES = (0.5, 2.0)
RATES = {"quality": {"crf": "24"}, "bit rate": {"b": "700k", "maxrate": "700k", "bufsize": "700k"}}


def pictures(clip: Path, noise: float) -> Iterator[NDArray[np.uint8]]:
    """(H, W) brightness of every picture of the camera."""
    rng = np.random.default_rng(5)
    with av.open(str(clip)) as source:
        shown = (frame.reformat(*SIZE, "gray8").to_ndarray() for frame in source.decode(video=0))
        first = still = next(shown)
        for _ in range(ROUNDS):
            moving = [next(shown, first) for _ in range(MOVING_S * FPS)]
            for picture in [still] * round(QUIET_S * FPS) + moving:
                yield np.clip(picture + rng.normal(0, noise, picture.shape), 0, 255).astype(np.uint8)
            still = moving[-1]


def encode(clip: Path, into: Path, noise: float, rate: dict[str, str]) -> Path:
    """Write the camera's stream."""
    options = {"preset": "veryfast", "tune": "zerolatency", "g": str(2 * FPS), "sc_threshold": "0", **rate}
    with av.open(str(into), "w") as output:
        stream = output.add_stream("libx264", rate=FPS, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for index, luma in enumerate(pictures(clip, noise)):
            frame = VideoFrame.from_ndarray(luma, "gray8").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return into


def watch(stream: Path) -> dict[str, object]:
    """Watch the stream as the edge does, with a pipeline that knows the truth."""
    clock, attention = FakeClock(), Attention()
    settings = SourceSettings(attention=attention, fps=5.0)
    source = VideoSource("cam", parse_source(stream.name, stream.parent), clock, settings)
    period, woke, rested_s = QUIET_S + MOVING_S, 0, 0.0
    delays: list[float] = []
    false = wakes = 0
    before_s, lost = 0.0, 0
    for frame in source.frames():
        at_s, now_s = frame.monotonic_s - START_S, clock.monotonic_s() - START_S
        place_s = at_s % period
        moves = place_s >= QUIET_S
        if source.counts.wakes > wakes:
            wakes = source.counts.wakes
            if now_s % period >= QUIET_S - 0.05:  # times are rounded
                delays.append(now_s % period - QUIET_S)
                woke += 1
            else:
                false += 1
        rested_s += (at_s - before_s) * source.counts.resting
        lost += moves and at_s - before_s > 0.5
        before_s = at_s
        attention.set_idle(5.0 < place_s < QUIET_S)
    return {
        "false_wakes_per_hour": round(3600 * false / max(1.0, rested_s), 1),
        "delay_s": round(statistics.median(delays), 2) if delays else None,
        "delay_max_s": round(max(delays), 2) if delays else None,
        "woken": f"{woke}/{ROUNDS}",
        "beginnings_lost": lost,
        "decoded_share": round(source.counts.decoded / source.counts.packets, 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=CLIPS)
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"))
    options = parser.parse_args()
    results: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in options.names:
            for rate, settings in RATES.items():
                for noise in NOISES:
                    stream = encode(options.clips / name, Path(folder) / "camera.mp4", noise, settings)
                    key = f"{name} {rate} noise {noise}"
                    results[key] = watch(stream)
                    print(f"{key:<44} {results[key]}", flush=True)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
