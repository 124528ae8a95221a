"""Time, injected into services so that tests need not wait."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where services get the time from."""

    def utc(self) -> datetime:
        """The aware time now."""
        ...


class SystemClock:
    """The machine's clock."""

    def utc(self) -> datetime:
        """The aware time now."""
        return datetime.now(UTC)
