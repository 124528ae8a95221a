"""Small real media, and broken ones."""

from __future__ import annotations

import io
import struct
from functools import cache

import av
import cv2
import numpy as np


@cache
def jpeg(seed: int = 1, side: int = 32) -> bytes:
    """A JPEG of noise; another seed, another picture."""
    picture = np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)
    return bytes(cv2.imencode(".jpg", picture)[1])


@cache
def mp4() -> bytes:
    """A quarter of a second of H.264 in an MP4."""
    output = io.BytesIO()
    with av.open(output, "w", format="mp4") as target:
        stream = target.add_stream("libx264", rate=20)
        stream.width = stream.height = 64
        for shade in range(5):
            picture = np.full((64, 64, 3), shade * 40, dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                target.mux(packet)
        for packet in stream.encode():
            target.mux(packet)
    return output.getvalue()


def jpeg_claiming(width: int, height: int) -> bytes:
    """A JPEG whose header lies about its size: a decoder would ask for gigabytes."""
    content = bytearray(jpeg())
    at = content.index(b"\xff\xc0")
    content[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(content)
