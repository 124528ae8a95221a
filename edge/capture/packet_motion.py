"""Tells from the compressed stream alone that something begins to move, so that a quiet scene need not be decoded.

An encoder spends bits on what changes: when somebody enters a quiet scene, the packets between two keyframes grow above
everything that the quiet scene sent. "Everything", and not only the usual level: a clock burned into the picture makes
every 25th packet large, too. And "at this place between two keyframes": with the sensor's noise packets are small right
after a keyframe and grow until the next.
"""

from __future__ import annotations

import statistics
from collections import deque
from typing import NamedTuple

WINDOW_S = 20.0
"""How far back a quiet scene is remembered."""
SEED_S = 5.0
"""The last seconds before a scene counts as quiet were quiet already."""
FRESH_S = 1.0
"""What is newer is compared, but not yet taken for quiet: something may have begun slowly."""
PLACE_S = 0.25
"""Packets are compared with those whose time since their keyframe differs by at most about this."""
RUN = 3
"""Packets whose mean is compared: a single large one is noise more often than motion."""
JUMP = 3.0
"""One packet must exceed the largest quiet one by this factor ..."""
RUN_JUMP = 1.3
"""... or the mean of `RUN` the largest quiet mean by this one."""
SIGMAS = 6.0
"""The mean must also stand this far above the median."""
_OVERHEAD = 64
"""Bytes of headers in any packet: a growth from 20 to 40 bytes says nothing."""
_LEAST = 10
"""So many quiet packets must be known."""


class _Size(NamedTuple):
    time_s: float
    place: int
    bytes: float
    run: float
    """Mean of it and those before."""


class PacketMotion:
    """Sizes of the packets between keyframes of one stream."""

    def __init__(self) -> None:
        self._quiet: dict[int, deque[_Size]] = {}
        """By their place after the keyframe."""
        self._fresh: deque[_Size] = deque()
        self._run: deque[float] = deque(maxlen=RUN)
        self._keyframe_s: float | None = None

    def keyframe(self, time_s: float) -> None:
        """A keyframe came."""
        self._keyframe_s = time_s
        self._forget(time_s, WINDOW_S)

    def learn(self, time_s: float, size: int) -> _Size:
        """Remember another packet as one of a quiet scene."""
        self._run.append(float(size + _OVERHEAD))
        place = int((time_s - (self._keyframe_s or 0.0)) / PLACE_S)
        newest = _Size(time_s, place, self._run[-1], sum(self._run) / len(self._run))
        self._fresh.append(newest)
        while not time_s - FRESH_S <= self._fresh[0].time_s <= time_s:  # later than now: the stream's clock fell back
            known = self._fresh.popleft()
            self._quiet.setdefault(known.place, deque()).append(known)
        return newest

    def begin(self, time_s: float) -> None:
        """The scene is quiet from now on, and was for `SEED_S`: forget what was before."""
        self._forget(time_s, SEED_S)

    def is_jump(self, time_s: float, size: int, strictness: float = 1.0) -> bool:
        """Compare a packet of a scene that was quiet until now with what is known, and learn it.

        Args:
            time_s: When it was taken.
            size: Bytes.
            strictness: Factor on what counts as a jump, for scenes that cried wolf.
        """
        newest = self.learn(time_s, size)
        known = [
            size
            for place in (newest.place - 1, newest.place, newest.place + 1)
            for size in self._quiet.get(place, ())
            if time_s - WINDOW_S <= size.time_s <= time_s
        ]
        if len(known) < _LEAST:
            return False
        largest, largest_run = max(size.bytes for size in known), max(size.run for size in known)
        jumps = newest.bytes > largest * (1.0 + (JUMP - 1.0) * strictness)
        grows = newest.run > largest_run * (1.0 + (RUN_JUMP - 1.0) * strictness)
        if not jumps and not grows:
            return False
        runs = [size.run for size in known]
        median = statistics.median(runs)
        spread = 1.4826 * statistics.median([abs(run - median) for run in runs])
        if newest.run <= median + SIGMAS * strictness * spread:
            return False
        self._fresh.clear()
        return True

    def _forget(self, time_s: float, window_s: float) -> None:
        for sizes in self._quiet.values():
            while sizes and not time_s - window_s <= sizes[0].time_s <= time_s:
                sizes.popleft()
