"""The last seconds of a camera's compressed video, so that a clip can begin before the event that asks for it.

    time --->   K p p p K p p p K p p p        K keyframe, p other packets
                        ^ cut(start ..... end): begins at the keyframe at or before the start

Packets are copied out of FFmpeg's buffers: an `av.Packet` keeps its whole container alive, and dies with it.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

PTS_PER_S = 90_000
"""The clock of RTP video (RFC 3551): no camera's time is rounded."""


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a muxer or a decoder must know of the stream."""

    codec_name: str
    width: int
    height: int
    """Pixels as the container states them; 0 where it does not."""
    extradata: bytes | None = None


@dataclass(frozen=True, slots=True)
class StoredPacket:
    """One compressed picture."""

    data: bytes
    pts: int | None
    """Presentation time in units of 1 / PTS_PER_S seconds, as the source says; goes on while a file loops."""
    time_s: float
    """The same on the monotonic clock, as `Frame.monotonic_s`."""
    is_keyframe: bool


@dataclass(frozen=True, slots=True)
class PacketCut:
    """A piece of the ring that can be decoded by itself: it begins with a keyframe."""

    stream: StreamInfo
    packets: tuple[StoredPacket, ...]

    @property
    def start_s(self) -> float:
        """Monotonic time of the first packet."""
        return self.packets[0].time_s

    @property
    def end_s(self) -> float:
        """Monotonic time of the latest packet."""
        return max(packet.time_s for packet in self.packets)


class PacketRing:
    """Packets of one stream, bounded in seconds and in bytes. Thread-safe.

    Args:
        max_seconds: How far back it reaches: pre-roll, post-roll and the time a rule needs to decide.
        max_bytes: The bound that holds when a camera sends more than expected.
    """

    def __init__(self, max_seconds: float = 40.0, max_bytes: int = 48_000_000) -> None:
        if max_seconds <= 0 or max_bytes <= 0:
            raise ValueError(f"max_seconds and max_bytes must be positive, got {max_seconds} and {max_bytes}")
        self._max_seconds, self._max_bytes = max_seconds, max_bytes
        self._lock = threading.Lock()
        self._packets: deque[StoredPacket] = deque()
        self._bytes = 0
        self._stream: StreamInfo | None = None

    def restart(self, stream: StreamInfo) -> None:
        """Begin anew after a (re)connection or a change of the picture's size: clips never span two streams."""
        with self._lock:
            self._stream = stream
            self._packets.clear()
            self._bytes = 0

    def append(self, packet: StoredPacket) -> None:
        """Add the newest packet. Packets before the first keyframe are of no use and not kept."""
        with self._lock:
            if self._stream is None or (not self._packets and not packet.is_keyframe):
                return
            self._packets.append(packet)
            self._bytes += len(packet.data)
            while self._is_over():
                self._drop_first_group()

    def _is_over(self) -> bool:
        if not self._packets:
            return False
        span_s = self._packets[-1].time_s - self._packets[0].time_s
        return self._bytes > self._max_bytes or span_s > self._max_seconds

    def _drop_first_group(self) -> None:
        """Drop the oldest keyframe and what depends on it."""
        while self._packets:
            self._bytes -= len(self._packets.popleft().data)
            if self._packets and self._packets[0].is_keyframe:
                return

    @property
    def stream(self) -> StreamInfo | None:
        """The stream whose packets these are; None before the first connection."""
        with self._lock:
            return self._stream

    @property
    def size_bytes(self) -> int:
        """Bytes held now."""
        with self._lock:
            return self._bytes

    @property
    def latest_s(self) -> float | None:
        """Monotonic time of the newest packet; None when empty. A clip is ready once this passes its end."""
        with self._lock:
            return max((packet.time_s for packet in list(self._packets)[-8:]), default=None)

    def cut(self, start_s: float, end_s: float) -> PacketCut | None:
        """Copy the packets from the keyframe at or before `start_s` to `end_s`.

        Where the ring does not reach back that far, the cut begins at its oldest keyframe.

        Returns:
            The cut, or None when the ring holds nothing of that time.
        """
        with self._lock:
            stream, packets = self._stream, list(self._packets)
        if stream is None or not any(start_s <= p.time_s <= end_s for p in packets):
            return None
        first = max((i for i, p in enumerate(packets) if p.is_keyframe and p.time_s <= start_s), default=0)
        # In decode order a packet may come before one that is shown earlier: take all up to the last that is wanted.
        last = max(i for i, p in enumerate(packets) if p.time_s <= end_s)
        return PacketCut(stream, tuple(packets[first : last + 1]))
