"""When: watched time, and means over it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

MAX_STEP_S = 30.0
"""A longer time without an observation is a gap: nobody watched, so it counts as nobody's stay."""
FORGET_S = 600.0
"""After a longer gap, or when time runs backwards, what was seen before says nothing."""


@dataclass(frozen=True, slots=True)
class Moment:
    """An observation's times."""

    watched_s: float
    """Seconds in which the camera was really watched: what every duration is measured with."""
    monotonic_s: float
    utc: datetime

    def ago(self, seconds: float) -> Moment:
        """The moment so many watched seconds before."""
        return Moment(self.watched_s - seconds, self.monotonic_s - seconds, self.utc - timedelta(seconds=seconds))


@dataclass(slots=True)
class RunningMean:
    """A mean that forgets its values."""

    total: float = 0.0
    count: int = 0

    def add(self, value: float) -> None:
        """Take a value."""
        self.total += value
        self.count += 1

    @property
    def value(self) -> float:
        """The mean, 0 before the first value."""
        return self.total / self.count if self.count else 0.0
