"""Sources for tests: short time-outs, the system's clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge.capture.packet_ring import PacketRing
from edge.capture.source_url import parse_source
from edge.capture.video_source import SourceSettings, VideoSource
from edge.clock import SystemClock
from edge.ports import Clock
from edge.types import Frame
from tests.edge_fakes import START


def live_source(
    text: str,
    *,
    media: Path = Path("media"),
    clock: Clock | None = None,
    ring: PacketRing | None = None,
    **settings: Any,
) -> VideoSource:
    """A source that is read as a camera."""
    limits = {"open_timeout_s": 5.0, "read_timeout_s": 2.0, "fps": 30.0, **settings}
    return VideoSource("cam", parse_source(text, media), clock or SystemClock(), SourceSettings(**limits), ring)


def replay_source(clip: Path, *, ring: PacketRing | None = None, **settings: Any) -> VideoSource:
    """A clip read as fast as possible."""
    return live_source(clip.name, media=clip.parent, ring=ring, replay_start=START, **settings)


def first_frames(source: VideoSource, count: int) -> list[Frame]:
    """The first frames; the source is closed afterwards."""
    frames: list[Frame] = []
    for frame in source.frames():
        frames.append(frame)
        if len(frames) == count:
            source.close()
    return frames
