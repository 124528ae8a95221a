"""When a picture was taken: a camera's and a clip's timestamps on the monotonic clock and in UTC.

Timestamps of cameras are missing at first, repeat, jump when the camera sets its clock, and drift; arrival jitters with
the network. So a camera's timestamps give the *distance* of pictures and arrival gives their place:

    monotonic = anchor + pts,   anchor = the lowest (arrival - pts) seen lately
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from edge.ports import Clock

MAX_SKEW_S = 5.0
"""A timestamp that disagrees with arrival by more has jumped. Less is a burst after a stall of the network."""
_DRIFT_SHARE = 0.0005
"""How quickly the anchor follows a camera whose clock runs slow: at 25 pictures a second by 1 % of its error a second.
Faster, and a box that falls behind its cameras would take its own delay for the camera's clock."""
MAX_REORDER_S = 1.0
"""Pictures that wait for a later one make timestamps fall a little in decode order; a deeper fall is a new count."""
_MAX_REORDERED = 16
"""Pictures that may be reordered (H.264, max_dec_frame_buffering): in slow clips these are long seconds."""
_MIN_STEP_S = 0.001
"""Times of frames rise by at least this: durations and speeds divide by it."""
_MAX_UTC_ERROR_S = 1.0
"""The machine's clock was set (NTP after a power cut): UTC follows it, durations do not."""
_MAX_GAP_S = 5.0
"""A clip played at its own speed skips longer gaps."""


class Timeline(Protocol):
    """Times of one source, through all its loops."""

    def packet_s(self, pts_s: float | None, dts_s: float | None) -> float:
        """Monotonic time of a packet, called once for each in decode order."""
        ...

    def frame_s(self, pts_s: float | None) -> float:
        """Monotonic time of a decoded frame; rises strictly."""
        ...

    def utc(self, monotonic_s: float) -> datetime:
        """Aware UTC of a monotonic time."""
        ...


class LiveTimeline:
    """Times of one connection to a camera."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._anchor_s: float | None = None
        self._last_stamp_s = float("-inf")
        self._last_s = float("-inf")
        self._utc_at = (clock.monotonic_s(), clock.utc())

    def packet_s(self, pts_s: float | None, dts_s: float | None) -> float:
        """See `Timeline`. A packet without a timestamp gets its arrival."""
        arrival_s = self._clock.monotonic_s()
        stamp_s = dts_s if pts_s is None else pts_s
        if stamp_s is None:
            return arrival_s
        fell = stamp_s < self._last_stamp_s - MAX_REORDER_S
        self._last_stamp_s = stamp_s
        if self._anchor_s is None or fell or abs(late_s := arrival_s - self._anchor_s - stamp_s) > MAX_SKEW_S:
            self._anchor_s = arrival_s - stamp_s
        else:
            # Nothing arrives before it was taken; a little lateness that stays is the camera's clock running slow.
            self._anchor_s += late_s if late_s < 0 else late_s * _DRIFT_SHARE
        return self._anchor_s + stamp_s

    def frame_s(self, pts_s: float | None) -> float:
        """See `Timeline`. Never in the future, not even where timestamps jump."""
        now_s = self._clock.monotonic_s()
        placed_s = now_s if pts_s is None or self._anchor_s is None else min(self._anchor_s + pts_s, now_s)
        self._last_s = max(placed_s, self._last_s + _MIN_STEP_S)
        return self._last_s

    def utc(self, monotonic_s: float) -> datetime:
        """See `Timeline`."""
        now_s, now_utc = self._clock.monotonic_s(), self._clock.utc()
        anchor_s, anchor_utc = self._utc_at
        error = now_utc - (anchor_utc + timedelta(seconds=now_s - anchor_s))
        if abs(error.total_seconds()) > _MAX_UTC_ERROR_S:
            self._utc_at = anchor_s, anchor_utc = now_s, now_utc
        return anchor_utc + timedelta(seconds=monotonic_s - anchor_s)


class ClipTimeline:
    """Times of a clip: its own timestamps, from `start_s` on, and on through its loops.

    Args:
        start_s: Monotonic time of the first picture.
        start_utc: UTC of the first picture.
        interval_s: Usual distance of two pictures: stands in where timestamps are missing.
        wait_until: Blocks until a monotonic time, for playing at the clip's own speed. None: as fast as possible.
    """

    def __init__(
        self,
        start_s: float,
        start_utc: datetime,
        interval_s: float,
        wait_until: Callable[[float], None] | None = None,
    ) -> None:
        self._start_s, self._start_utc, self._interval_s, self._wait_until = start_s, start_utc, interval_s, wait_until
        self._offset_s: float | None = None  # start of this loop's first picture minus its timestamp
        self._next_start_s = start_s
        self._last_packet_s = start_s - interval_s
        self._last_frame_s = float("-inf")

    def begin_loop(self) -> None:
        """The clip starts again, right after its last picture."""
        self._offset_s = None

    def packet_s(self, pts_s: float | None, dts_s: float | None) -> float:
        """See `Timeline`. Waits until the packet's decoding time where the clip plays at its own speed."""
        shown_s = self._place(dts_s if pts_s is None else pts_s)
        time_s = self._last_packet_s + self._interval_s if shown_s is None else shown_s
        if self._offset_s is not None:
            shift_s = self._shift_s(time_s)
            self._offset_s += shift_s
            time_s += shift_s
        self._last_packet_s = max(self._last_packet_s, time_s)
        self._next_start_s = self._last_packet_s + self._interval_s
        if self._wait_until is not None:
            decoded_s = self._place(dts_s)
            self._wait_until(time_s if decoded_s is None else min(decoded_s, time_s))
        return time_s

    def frame_s(self, pts_s: float | None) -> float:
        """See `Timeline`. A timestamp that is missing or falls back is replaced by the usual distance."""
        placed_s = self._place(pts_s)
        if placed_s is not None:
            placed_s = min(placed_s, self._last_packet_s)  # where the count began anew, one of the old count is left
        if placed_s is None or placed_s <= self._last_frame_s:
            placed_s = self._last_frame_s + self._interval_s
        self._last_frame_s = max(placed_s, self._start_s)
        return self._last_frame_s

    def utc(self, monotonic_s: float) -> datetime:
        """See `Timeline`."""
        return self._start_utc + timedelta(seconds=monotonic_s - self._start_s)

    def _shift_s(self, time_s: float) -> float:
        """By how much the clip's own times must be moved from here on: its count began anew, or it leaves a gap."""
        if time_s < self._last_packet_s - max(MAX_REORDER_S, _MAX_REORDERED * self._interval_s):
            return self._last_packet_s + self._interval_s - time_s
        gap_s = time_s - self._last_packet_s
        return _MAX_GAP_S - gap_s if self._wait_until is not None and gap_s > _MAX_GAP_S else 0.0

    def _place(self, stamp_s: float | None) -> float | None:
        if stamp_s is None:
            return None
        if self._offset_s is None:
            self._offset_s = self._next_start_s - stamp_s
        return stamp_s + self._offset_s
