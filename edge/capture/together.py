"""Packets that are decoded together: what nobody wants to see yet can wait for what somebody does.

    packets  | p p p p P | p p p p P |      P: its picture is due
    decoded            ^^^^^       ^^^^^

A decoder that is called once for each due frame finds more of its pictures in the processor's cache than one that takes
turns with other cameras and the detector at every packet, and no frame comes later for it.
"""

from __future__ import annotations

from av.packet import Packet
from av.video.stream import VideoStream

MOST = 12
"""Packets that wait: a quarter to half a second of a usual camera's."""
_MAX_STEP_S = 1.0
"""Timestamps that fall, or rise by more, begin a new count: its times say nothing of what waits."""


class Together:
    """Holds packets back until one is due.

    Args:
        tick_s: The unit of their timestamps in seconds.
    """

    def __init__(self, tick_s: float) -> None:
        self._tick_s = tick_s
        self._waiting: list[tuple[Packet[VideoStream], float]] = []

    def begins_anew(self, packet: Packet[VideoStream]) -> bool:
        """Tell whether what waits must be decoded before this packet is given its time."""
        if not self._waiting:
            return False
        last = self._waiting[-1][0].dts
        if packet.dts is None or last is None:
            return True
        return not 0.0 <= (packet.dts - last) * self._tick_s <= _MAX_STEP_S

    def add(self, packet: Packet[VideoStream], time_s: float) -> None:
        """Let a packet wait, with its monotonic time."""
        self._waiting.append((packet, time_s))

    @property
    def is_full(self) -> bool:
        """No more may wait."""
        return len(self._waiting) >= MOST

    def take(self) -> list[tuple[Packet[VideoStream], float]]:
        """All that wait, in order; none do afterwards."""
        taken, self._waiting = self._waiting, []
        return taken
