"""Small clips made on the spot: squares that move over a textured ground."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray


def picture(index: int, size: tuple[int, int] = (320, 240)) -> NDArray[np.uint8]:
    """Frame `index` of the clip: (H, W, 3) uint8 BGR. Its square stands at x = 4 * index, modulo the width."""
    width, height = size
    rows, columns = np.mgrid[0:height, 0:width]
    image = np.repeat(((rows * 3 + columns * 2) % 64 + 60).astype(np.uint8)[..., None], 3, axis=2)
    left = index * 4 % (width - 40)
    image[height // 2 : height // 2 + 40, left : left + 40] = (40, 40, 220)
    return image


def make_clip(
    path: Path,
    *,
    codec: str = "libx264",
    frames: int = 40,
    fps: int = 10,
    size: tuple[int, int] = (320, 240),
    gop: int = 10,
    b_frames: int = 0,
) -> Path:
    """Write a clip; its container follows the suffix of `path`.

    Args:
        path: `.mp4`, `.avi`, `.ts`, ...
        codec: An encoder: libx264, libx265, mpeg4, mjpeg.
        frames: How many pictures.
        fps: Pictures a second.
        size: Width and height, pixels.
        gop: A keyframe every so many pictures.
        b_frames: Reordered pictures between two others (libx264).
    """
    options = {"preset": "ultrafast", "g": str(gop), "keyint_min": str(gop)}
    if codec == "libx264":
        options |= {"bf": str(b_frames), "sc_threshold": "0"}
    elif codec == "libx265":
        options = {"preset": "ultrafast", "x265-params": f"keyint={gop}:min-keyint={gop}:open-gop=0:log-level=none"}
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=fps, options=options if codec.startswith("libx") else {})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if not codec.startswith("libx"):
            stream.codec_context.gop_size = gop
        for index in range(frames):
            frame = VideoFrame.from_ndarray(picture(index, size), "bgr24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path
