"""Real time. Everything else takes a `Clock`, so that tests need not wait."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Aware UTC now."""
    return datetime.now(UTC)


class SystemClock:
    """The machine's clocks: durations from the monotonic one, names of moments from the UTC one."""

    def monotonic_s(self) -> float:
        """Seconds that never jump; comparable within this process only."""
        return time.monotonic()

    def utc(self) -> datetime:
        """Aware UTC now."""
        return utc_now()

    def sleep(self, seconds: float) -> None:
        """Block this thread."""
        time.sleep(seconds)
