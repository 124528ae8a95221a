"""A decoded picture that is converted only when somebody looks: most pictures of a quiet scene never are."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from contract.geometry import Point

_LUMA_FIRST = frozenset(
    {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuv411p", "nv12", "nv21", "gray"}
)
"""Formats whose first plane is one byte of brightness a pixel."""
_HALF_COLOUR = frozenset({"yuv420p", "yuvj420p", "nv12"})
"""What cameras send, nearly all: a part of such a picture is converted alone."""
_SHRINK = Interpolation.FAST_BILINEAR
"""The cheapest, and no worse for the detector (measured on 297 labelled street pictures and a clip of walkers)."""


class PrivacyMasks:
    """Polygons of the picture that nobody may see."""

    def __init__(self, polygons: Sequence[Sequence[Point]]) -> None:
        self._polygons = [np.asarray(polygon, np.float64) for polygon in polygons]

    def __bool__(self) -> bool:
        return bool(self._polygons)

    def apply(self, image: NDArray[np.uint8]) -> None:
        """Blacken the masked places in place: of a BGR picture of any size, or of its brightness."""
        if self._polygons:
            scale = (image.shape[1], image.shape[0])
            cv2.fillPoly(image, [np.round(polygon * scale).astype(np.int32) for polygon in self._polygons], (0, 0, 0))

    def apply_to_part(self, part: NDArray[np.uint8], left: int, top: int, whole_wh: tuple[int, int]) -> None:
        """The same for a part of a picture whose left upper corner and whole size are given in pixels."""
        for polygon in self._polygons:
            shifted = np.round(polygon * whole_wh).astype(np.int32) - (left, top)
            cv2.fillPoly(part, [shifted.astype(np.int32)], (0, 0, 0))


class Darkroom:
    """Converts the pictures of one source. Thread-safe: one thread decodes while another converts.

    Args:
        masks: Burned into whatever leaves it.
    """

    def __init__(self, masks: PrivacyMasks) -> None:
        self._masks = masks
        self._lock = threading.Lock()
        self._scalers: dict[tuple[int, int, str], VideoReformatter] = {}  # making one for each picture is slow

    def bgr(self, frame: VideoFrame, width: int, height: int) -> NDArray[np.uint8]:
        """(height, width, 3) uint8, masked."""
        image = self._convert(frame, width, height, "bgr24")
        self._masks.apply(image)
        return image

    def luma(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """(H, W) uint8, masked; a view of the decoder's own memory where there are no masks."""
        if frame.format.name not in _LUMA_FIRST:
            image = self._convert(frame, frame.width, frame.height, "gray8")
        else:
            plane = frame.planes[0]
            lines = np.asarray(plane, np.uint8).reshape(-1, plane.line_size)
            image = lines[: frame.height, : frame.width]
            if self._masks:
                image = image.copy()
        self._masks.apply(image)
        return image

    def crop(self, frame: VideoFrame, left: int, top: int, right: int, bottom: int) -> NDArray[np.uint8]:
        """(bottom - top, right - left, 3) uint8, BGR, masked; only this part is converted where the format allows."""
        if frame.format.name not in _HALF_COLOUR:
            return self.bgr(frame, frame.width, frame.height)[top:bottom, left:right]
        # Colours have half the lines and columns, so a part begins and ends at even ones.
        x1, y1, x2, y2 = (
            left & ~1,
            top & ~1,
            min(frame.width & ~1, right + 1 & ~1),
            min(frame.height & ~1, bottom + 1 & ~1),
        )
        if x2 <= x1 or y2 <= y1:
            return self.bgr(frame, frame.width, frame.height)[top:bottom, left:right]
        part = _part(frame, x1, y1, x2, y2)
        image = self._convert(part, part.width, part.height, "bgr24")
        self._masks.apply_to_part(image, x1, y1, (frame.width, frame.height))
        return image[top - y1 : bottom - y1, left - x1 : right - x1]

    def _convert(self, frame: VideoFrame, width: int, height: int, pixels: str) -> NDArray[np.uint8]:
        with self._lock:
            scaler = self._scalers.setdefault((width, height, pixels), VideoReformatter())
            # One thread: the cores are shared by many cameras.
            made = scaler.reformat(frame, width, height, pixels, interpolation=_SHRINK, threads=1)
        # FFmpeg pads lines; detectors and OpenCV want them whole.
        return np.ascontiguousarray(made.to_ndarray(), np.uint8)


def _part(frame: VideoFrame, x1: int, y1: int, x2: int, y2: int) -> VideoFrame:
    """A picture of its own from a part of one; corners in even pixels."""
    lines = [np.asarray(plane, np.uint8).reshape(-1, plane.line_size) for plane in frame.planes]
    luma = lines[0][y1:y2, x1:x2]
    if frame.format.name == "nv12":
        both = lines[1][y1 // 2 : y2 // 2, x1:x2]
        blue, red = both[:, 0::2], both[:, 1::2]
    else:
        blue, red = (plane[y1 // 2 : y2 // 2, x1 // 2 : x2 // 2] for plane in lines[1:])
    stacked = np.concatenate([luma.ravel(), blue.ravel(), red.ravel()]).reshape(-1, x2 - x1)
    part = VideoFrame.from_ndarray(stacked, "yuvj420p" if frame.format.name == "yuvj420p" else "yuv420p")
    part.color_range, part.colorspace = frame.color_range, frame.colorspace
    return part


class VideoPicture:
    """Implements `edge.types.Picture`.

    Args:
        frame: As decoded; kept, with the decoder's memory, as long as the picture lives.
        darkroom: Of its source.
    """

    __slots__ = ("_bgr", "_darkroom", "_frame", "_luma", "_small")

    def __init__(self, frame: VideoFrame, darkroom: Darkroom) -> None:
        self._frame, self._darkroom = frame, darkroom
        self._bgr: NDArray[np.uint8] | None = None
        self._luma: NDArray[np.uint8] | None = None
        self._small: NDArray[np.uint8] | None = None
        """As it was asked for last: detector and tracker mostly want the same size."""

    @property
    def resolution_wh(self) -> tuple[int, int]:
        """See `Picture`."""
        return self._frame.width, self._frame.height

    def bgr(self) -> NDArray[np.uint8]:
        """See `Picture`."""
        if self._bgr is None:
            self._bgr = self._darkroom.bgr(self._frame, *self.resolution_wh)
        return self._bgr

    def luma(self) -> NDArray[np.uint8]:
        """See `Picture`."""
        if self._luma is None:
            self._luma = self._darkroom.luma(self._frame)
        return self._luma

    def resized(self, width: int, height: int) -> NDArray[np.uint8]:
        """See `Picture`."""
        if (width, height) == self.resolution_wh:
            return self.bgr()
        if self._small is None or self._small.shape[:2] != (height, width):
            self._small = self._darkroom.bgr(self._frame, width, height)
        return self._small

    def scaled(self, width: int, height: int) -> NDArray[np.uint8]:
        """See `edge.types.Scalable`."""
        return self._darkroom.bgr(self._frame, width, height)

    def crop(self, left: int, top: int, right: int, bottom: int) -> NDArray[np.uint8]:
        """See `edge.types.Croppable`."""
        if self._bgr is not None:
            return self._bgr[top:bottom, left:right]
        return self._darkroom.crop(self._frame, left, top, right, bottom)
