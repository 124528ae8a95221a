"""Clips of one scene as an IP camera encodes it: quiet with the sensor's noise, and then somebody walks in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

SIZE = 320, 240
_CLOTHES = np.random.default_rng(7).integers(0, 2, (20, 8)).repeat(4, axis=0).repeat(4, axis=1) * 120 + 90


def scene(at_s: float, walks: Sequence[tuple[float, float]], seed: int, noise: float = 2.5) -> NDArray[np.uint8]:
    """(H, W) uint8 brightness at a time: texture, sensor noise, and a walker who comes in from the left.

    Args:
        at_s: Seconds from the clip's start.
        walks: When somebody walks, from and to, seconds.
        seed: Of the noise.
        noise: Its sigma in grey levels.
    """
    width, height = SIZE
    rows, columns = np.mgrid[0:height, 0:width]
    image = (rows * 3 + columns * 2) % 64 + 60 + np.random.default_rng(seed).normal(0, noise, (height, width))
    for start_s, end_s in walks:
        if start_s <= at_s < end_s:
            left = round((at_s - start_s) * 60) - 24
            shown = _CLOTHES[:, max(0, -left) :]
            place = image[90:170, max(0, left) : max(0, left) + shown.shape[1]]
            place[:] = shown[:, : place.shape[1]]
    return np.asarray(np.clip(image, 0, 255), np.uint8)


def make_scene(
    path: Path,
    *,
    seconds: float,
    walks: Sequence[tuple[float, float]] = (),
    fps: int = 10,
    gop_s: float = 2.0,
    codec: str = "libx264",
    b_frames: int = 0,
    noise: float = 2.5,
    draw: Callable[[float, int], NDArray[np.uint8]] | None = None,
) -> Path:
    """Write such a clip.

    Args:
        path: Its suffix chooses the container.
        seconds: Length.
        walks: As in `scene`.
        fps: Pictures a second.
        gop_s: Distance of keyframes.
        codec: libx264 or libx265.
        b_frames: Reordered pictures between two others.
        noise: Of the sensor; where there is much of it, sizes of packets tell nothing.
        draw: (time, index) to the brightness, instead of `scene`.
    """
    gop = round(gop_s * fps)
    if codec == "libx264":
        options = {"preset": "ultrafast", "crf": "26", "g": str(gop), "keyint_min": str(gop), "sc_threshold": "0"}
        options |= {"bf": str(b_frames)} if b_frames else {"tune": "zerolatency"}
    else:
        params = f"keyint={gop}:min-keyint={gop}:open-gop=0:scenecut=0:bframes={b_frames}:log-level=none"
        options = {"preset": "ultrafast", "x265-params": params}
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=fps, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for index in range(round(seconds * fps)):
            luma = draw(index / fps, index) if draw else scene(index / fps, walks, index, noise)
            frame = VideoFrame.from_ndarray(luma, "gray8").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path
