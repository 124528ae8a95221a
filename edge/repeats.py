"""Messages that come again and again are told now and then."""

from __future__ import annotations

import threading

from edge.ports import Clock

EVERY_S = 600.0
"""A camera that is off for a night leaves some lines in the log, not a thousand."""
_MAX_KNOWN = 32


class Repeats:
    """Decides which of many like messages is told: the first, and then one every `every_s`. Thread-safe.

    Args:
        clock: Time.
        every_s: How long a message that was told stays unsaid.
    """

    def __init__(self, clock: Clock, every_s: float = EVERY_S) -> None:
        self._clock = clock
        self._every_s = every_s
        self._lock = threading.Lock()
        self._told: dict[str, tuple[float, int]] = {}
        """Message to when it was told last, and how often it came since."""

    def unsaid(self, message: str) -> int | None:
        """Count a message; None: leave it unsaid. Else how often it was left unsaid before."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            told_s, count = self._told.pop(message, (float("-inf"), 0))
            is_due = now_s - told_s >= self._every_s
            self._told[message] = (now_s, 0) if is_due else (told_s, count + 1)
            if len(self._told) > _MAX_KNOWN:
                del self._told[next(iter(self._told))]
        return count if is_due else None
