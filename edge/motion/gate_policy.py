"""When the detector runs: when something moves, and often enough besides that nobody who stands still is lost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class GatePolicy:
    """Decides for one camera.

    Motion says where to look, not what is there: people who stand still are no motion, and the background takes them
    in. So tracks are confirmed again and again, and a quiet picture is searched now and then.

    Attributes:
        recheck_s: With tracks alive, the longest time between two searches. At most a second: rules measure stays and
            counts in seconds, and a person who walks out of the picture's edge slowly must not linger as a track.
        idle_recheck_s: Without tracks and without motion, the longest time between two searches.
        afterglow_s: After motion the search goes on this long: what has just stopped must become a sure track.
    """

    recheck_s: float = 1.0
    idle_recheck_s: float = 10.0
    afterglow_s: float = 1.0
    _detected_s: float = float("-inf")
    _moved_s: float = float("-inf")

    def should_detect(self, monotonic_s: float, *, moving: bool, tracks_alive: bool) -> bool:
        """Tell whether to search this frame, and remember that it will be.

        Args:
            monotonic_s: The frame's time.
            moving: The motion gate's word on it.
            tracks_alive: The tracker follows anything, coasting tracks included.
        """
        if moving:
            self._moved_s = monotonic_s
        longest_s = self.recheck_s if tracks_alive else self.idle_recheck_s
        # A frame's time may miss the mark by a rounding: better a search too many.
        due = monotonic_s - self._detected_s >= longest_s - 0.05
        if not (due or monotonic_s - self._moved_s <= self.afterglow_s):
            return False
        self._detected_s = monotonic_s
        return True
