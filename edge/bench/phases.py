"""Copies of a clip that begin elsewhere in it, so that cameras which play it do not move in step.

    clip      a b c d e        a .. e: groups of pictures that begin with a keyframe
    copy      d e a b c

Packets are copied, nothing is encoded.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import av
from av.packet import Packet
from av.video.stream import VideoStream

from edge.errors import SourceUnreadable

MAX_COPIES = 16
MAX_BYTES = 600_000_000
"""All copies together: a long clip gets fewer."""
SEED = 20260


@dataclass(frozen=True, slots=True)
class Phases:
    """Copies of one clip.

    Attributes:
        paths: One for each phase.
        packets_per_s: Pictures a second of the clip.
        clip_s: Its length.
    """

    paths: tuple[Path, ...]
    packets_per_s: float
    clip_s: float

    def of(self, camera: int) -> Path:
        """The copy that the n-th camera plays."""
        return self.paths[camera % len(self.paths)]


def make_phases(clip: Path, folder: Path, most: int = MAX_COPIES) -> Phases:
    """Write the copies; each begins at another keyframe, chosen by chance with a fixed seed.

    Raises:
        SourceUnreadable: The clip holds no video, or cannot be copied into MP4.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with av.open(str(clip)) as source:
            if not source.streams.video:
                raise SourceUnreadable(f"{clip}: holds no video: give a recorded clip of a camera", permanent=True)
            stream = source.streams.video[0]
            packets = [packet for packet in source.demux(stream) if packet.size and packet.dts is not None]
            keys = [index for index, packet in enumerate(packets) if packet.is_keyframe]
            if not keys:
                raise SourceUnreadable(f"{clip}: holds no keyframe: record it again", permanent=True)
            copies = max(1, min(most, len(keys), MAX_BYTES // max(1, clip.stat().st_size)))
            starts = random.Random(SEED).sample(keys, copies)  # noqa: S311 - phases are no secret
            paths = tuple(folder / f"phase_{number:02d}.mp4" for number in range(copies))
            for path, start in zip(paths, starts, strict=True):
                _write(path, stream, packets, start)
            ticks = _length(packets)
            clip_s = float(ticks * (stream.time_base or 0))
    except av.error.FFmpegError as error:
        raise SourceUnreadable(f"{clip}: cannot be copied ({error.strerror}): record it as H.264 in MP4") from None
    return Phases(paths, len(packets) / clip_s, clip_s)


def _length(packets: list[Packet[VideoStream]]) -> int:
    """Ticks of the whole clip, the last picture's own time included."""
    first, last = packets[0].dts or 0, packets[-1].dts or 0
    return last - first + round((last - first) / max(1, len(packets) - 1))


def _write(path: Path, stream: VideoStream, packets: list[Packet[VideoStream]], start: int) -> None:
    begins, length = packets[start].dts or 0, _length(packets)
    with av.open(str(path), "w", format="mp4") as output:
        written = output.add_stream_from_template(stream)
        for index in [*range(start, len(packets)), *range(start)]:
            moved = -begins if index >= start else length - begins
            source = packets[index]
            packet = Packet(bytes(source))
            packet.stream, packet.time_base = written, source.time_base
            packet.dts = (source.dts or 0) + moved
            packet.pts = (source.dts if source.pts is None else source.pts or 0) + moved
            packet.is_keyframe = source.is_keyframe
            output.mux_one(packet)
