"""Writes a video of what the edge saw in a clip: zones, tracks, events in progress. For people who look."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from contract.camera_config import CameraConfig
from contract.event import Event
from contract.geometry import Point
from edge.errors import EdgeError
from edge.pipeline import CameraPipeline
from edge.types import Frame

_TICKS_PER_S = 1000
_MAX_WIDTH = 1280
_ZONE, _TRACK, _HELD, _EVENT, _WHITE, _DARK = (
    (60, 200, 255),
    (80, 220, 80),
    (150, 150, 150),
    (60, 60, 255),
    (255, 255, 255),
    (20, 20, 20),
)  # BGR
_FONT_PX = 16


class AnnotatedVideo:
    """An H.264 video of the frames a pipeline was given.

    Args:
        path: Where to write; overwritten.
        camera: Its zones are drawn.
        title: A line at the bottom of every picture.

    Raises:
        EdgeError: The file cannot be written.
    """

    def __init__(self, path: Path, camera: CameraConfig, title: str = "") -> None:
        self._camera = camera
        self._title = title
        try:
            path.write_bytes(b"")  # FFmpeg would find out only at the first frame
            self._output = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        except OSError as error:
            raise EdgeError(f"{path}: cannot be written ({error.strerror}): choose another --annotate file") from error
        self._stream = self._output.add_stream("libx264", rate=25, options={"preset": "veryfast", "crf": "24"})
        self._stream.pix_fmt = "yuv420p"
        self._size: tuple[int, int] | None = None
        self._first_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._size is not None:
            self._output.mux(self._stream.encode(None))
        self._output.close()

    def watch(self, frame: Frame, pipeline: CameraPipeline, events: Sequence[Event]) -> None:
        """Draw a frame. Implements `edge.replay.Watcher`."""
        canvas = self._canvas(frame)
        font = cv2.FontFace("sans")
        for zone in self._camera.zones.values():
            _polygon(canvas, zone.coordinates, _EVENT if _is_busy(zone.name, events, self._camera) else _ZONE)
        involved = {path.track_id for event in events for path in event.paths}
        observation, _ = pipeline.last_moment
        for track in observation.tracks if observation is not None else ():
            colour = _EVENT if track.track_id in involved else _TRACK if track.detected else _HELD
            x1, y1, x2, y2 = track.xyxy
            _polygon(canvas, [(x1, y1), (x2, y1), (x2, y2), (x1, y2)], colour)
            place = (round(x1 * canvas.shape[1]), max(_FONT_PX, round(y1 * canvas.shape[0]) - 4))
            _text(canvas, f"{track.track_id} {track.class_name} {track.confidence:.2f}", place, colour, font)
        lines = [f"{frame.utc:%H:%M:%S.%f}"[:-4] + ("" if observation and observation.detected else "  gated")]
        lines += [f"{event.kind} {event.zone or ''} {_facts(event)}" for event in events]
        for row, line in enumerate(lines):
            _text(canvas, line, (6, (row + 1) * (_FONT_PX + 6)), _EVENT if row else _WHITE, font)
        if self._title:
            _text(canvas, self._title, (6, canvas.shape[0] - 8), _WHITE, font)
        self._write(canvas, frame.monotonic_s)

    def _canvas(self, frame: Frame) -> NDArray[np.uint8]:
        if self._size is None:
            width, height = frame.resolution_wh
            scale = min(1.0, _MAX_WIDTH / width)
            self._size = (max(2, round(width * scale) // 2 * 2), max(2, round(height * scale) // 2 * 2))
            self._stream.width, self._stream.height = self._size
            self._stream.time_base = self._stream.codec_context.time_base = Fraction(1, _TICKS_PER_S)
            self._first_s = frame.monotonic_s
        if frame.resolution_wh == self._size:
            return frame.image.copy()
        return np.asarray(cv2.resize(frame.image, self._size, interpolation=cv2.INTER_AREA), np.uint8)

    def _write(self, canvas: NDArray[np.uint8], monotonic_s: float) -> None:
        picture = VideoFrame.from_ndarray(np.ascontiguousarray(canvas), "bgr24")
        picture.pts = round((monotonic_s - self._first_s) * _TICKS_PER_S)
        picture.time_base = Fraction(1, _TICKS_PER_S)
        self._output.mux(self._stream.encode(picture))


def _is_busy(zone_name: str, events: Sequence[Event], camera: CameraConfig) -> bool:
    return any(event.zone is not None and camera.zones[event.zone].name == zone_name for event in events)


def _facts(event: Event) -> str:
    facts = event.facts.model_dump(exclude_none=True)
    return " ".join(
        f"{name}={value:.1f}" if isinstance(value, float) else f"{name}={value}" for name, value in facts.items()
    )


def _polygon(canvas: NDArray[np.uint8], points: Sequence[Point], colour: tuple[int, int, int]) -> None:
    scale = (canvas.shape[1], canvas.shape[0])
    cv2.polylines(canvas, [np.round(np.asarray(points) * scale).astype(np.int32)], True, colour, 2, cv2.LINE_AA)


def _text(
    canvas: NDArray[np.uint8], text: str, place: tuple[int, int], colour: tuple[int, int, int], font: cv2.FontFace
) -> None:
    for offset, shade in ((1, _DARK), (0, colour)):
        cv2.putText(canvas, text, (place[0] + offset, place[1] + offset), shade, font, _FONT_PX, 500)
