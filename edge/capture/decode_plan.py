"""Small decisions about what is decoded: each of these classes answers one question, from times and counts only."""

from __future__ import annotations

from collections import deque

MAX_KEYFRAME_DISTANCE_S = 4.0
"""With keyframes further apart than this a resting camera would be looked at too seldom."""
MAX_LAG_S = 1.0
"""Reading may be this far behind the camera ..."""
LAG_PATIENCE_S = 1.0
"""... for this long: a burst after a stall of the network is read in less."""
TRIAL_S = 3.0
"""How long leaving out non-reference pictures is tried."""
_DUE_SLACK = 0.05
"""A frame that is this share of an interval early is due: jitter must not halve the rate."""
_MAX_PAUSE_S = 1.0
_SLACK = 1.05
_REMEMBERED = 4
_WORTH_SKIPPING = 2.0
"""A stream must bring this many times the wanted pictures before any is left out."""
_GAIN = 0.9
"""Left out is worth telling when less than this share of the packets comes out as pictures."""


class FrameGrid:
    """Which frames are due: those of a fixed grid of times, so that the mean rate is right whatever the camera's is.

    Args:
        fps: Frames a second.
    """

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._first_s: float | None = None
        self._last = -1

    def is_due(self, time_s: float) -> bool:
        """Tell whether a frame of this time would be taken."""
        return self._place(time_s) > self._last

    def takes(self, time_s: float) -> bool:
        """Take a frame if it is due."""
        place = self._place(time_s)
        is_due = place > self._last
        self._last = max(place, self._last)
        return is_due

    def _place(self, time_s: float) -> int:
        if self._first_s is None:
            self._first_s = time_s
        return int((time_s - self._first_s) * self._fps + _DUE_SLACK)


class KeyframeDistance:
    """How far apart the keyframes of a stream are."""

    def __init__(self) -> None:
        self._distances: deque[float] = deque(maxlen=_REMEMBERED)
        self._last_s: float | None = None

    def keyframe(self, time_s: float) -> None:
        """Note a keyframe."""
        if self._last_s is not None and time_s > self._last_s:
            self._distances.append(time_s - self._last_s)
        self._last_s = time_s

    @property
    def seconds(self) -> float | None:
        """The largest lately; None: not known yet."""
        return max(self._distances) if len(self._distances) >= 2 else None

    def is_overdue(self, time_s: float) -> bool:
        """Tell whether the next keyframe fails to come in the time that a resting camera may be left alone."""
        return self._last_s is not None and time_s - self._last_s > MAX_KEYFRAME_DISTANCE_S * _SLACK

    def note_overdue(self, time_s: float) -> None:
        """Remember that the stream fell out of its rhythm."""
        if self._last_s is not None:
            self._distances.append(time_s - self._last_s)

    @property
    def lets_rest(self) -> bool:
        """Keyframes alone would show the scene often enough."""
        return self.seconds is not None and self.seconds <= MAX_KEYFRAME_DISTANCE_S * _SLACK


class Lag:
    """Whether reading falls behind the camera for good, and should go on at a later keyframe."""

    def __init__(self) -> None:
        self._since_s: float | None = None

    def is_too_long(self, now_s: float, lag_s: float, keyframe_distance_s: float | None) -> bool:
        """Take the lag at a packet.

        Args:
            now_s: Monotonic time.
            lag_s: By how much the packet is late.
            keyframe_distance_s: So much may be lost by skipping: it must not exceed what is won by far.
        """
        allowed_s = max(
            MAX_LAG_S, (MAX_KEYFRAME_DISTANCE_S if keyframe_distance_s is None else keyframe_distance_s) / 2
        )
        if lag_s <= allowed_s:
            self._since_s = None
            return False
        self._since_s = now_s if self._since_s is None else self._since_s
        return now_s - self._since_s >= LAG_PATIENCE_S

    def reset(self) -> None:
        """Begin to be patient anew."""
        self._since_s = None


class ReferenceTrial:
    """Whether pictures that no other refers to can be left out: tried once on each connection.

    A stream without B-frames or temporal layers gains nothing; one with many of them would give too few pictures.

    Args:
        wanted_fps: Pictures a second that are needed.
    """

    def __init__(self, wanted_fps: float) -> None:
        self._wanted_fps = wanted_fps
        self._first_s: float | None = None
        self._last_s = 0.0
        self._packets = self._pictures = 0
        self.skips = False
        """Non-reference pictures are left out now."""
        self.says = ""
        """The outcome, for the log; empty while it is tried."""

    def decoded(self, time_s: float, pictures: int) -> None:
        """Count a packet that was given to the decoder, and what came out."""
        if self.says:
            return
        if self._first_s is None or not abs(time_s - self._last_s) <= _MAX_PAUSE_S:  # it rested in between
            self._first_s, self._packets, self._pictures = time_s, 0, 0
        self._last_s = time_s
        elapsed_s = time_s - self._first_s
        if elapsed_s >= TRIAL_S and self._packets:
            self._judge(elapsed_s)
            return
        self._packets += 1
        self._pictures += pictures

    def _judge(self, elapsed_s: float) -> None:
        rate, came = self._packets / elapsed_s, self._pictures / elapsed_s
        if not self.skips:
            if rate < _WORTH_SKIPPING * self._wanted_fps:
                self.says = f"every picture of {rate:.0f} a second"
                return
            self.skips, self._first_s, self._packets, self._pictures = True, None, 0, 0
            return
        if came > _GAIN * rate:
            self.skips, self.says = False, f"every picture of {rate:.0f} a second, as all of them are referred to"
        elif came < 1.1 * self._wanted_fps:
            self.skips, self.says = False, f"every picture of {rate:.0f} a second, as too few are referred to"
        else:
            self.says = f"{came:.0f} of {rate:.0f} pictures a second, those that others refer to"
