"""Exponential backoff with jitter, for everything that is tried again."""

from __future__ import annotations

import random

RNG = random.Random()  # noqa: S311 - spreads retries, decides nothing secret


class Backoff:
    """Delays that double from `first_s` to `cap_s`, each shortened by up to half at random.

    The jitter keeps many cameras that lost one switch, and many sites that lost one server, from coming back in step.
    """

    def __init__(self, first_s: float = 1.0, cap_s: float = 60.0, rng: random.Random = RNG) -> None:
        self._first_s = first_s
        self._cap_s = cap_s
        self._rng = rng
        self._failures = 0

    def failed(self) -> float:
        """Count a failure and return how long to wait, in seconds."""
        whole_s = min(self._cap_s, self._first_s * 2.0 ** min(self._failures, 32))
        self._failures += 1
        return self.jitter(whole_s)

    def jitter(self, delay_s: float) -> float:
        """A delay between half of `delay_s` and all of it."""
        return delay_s * self._rng.uniform(0.5, 1.0)

    def succeeded(self) -> None:
        """Start again from `first_s` at the next failure."""
        self._failures = 0
