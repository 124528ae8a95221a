"""Delays double up to a limit, with jitter, and start again after a success."""

from __future__ import annotations

import random

from edge.backoff import Backoff
from tests.edge_fakes import WorstRng


def test_delays_double_up_to_the_limit() -> None:
    backoff = Backoff(1.0, 60.0, WorstRng())
    assert [backoff.failed() for _ in range(9)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    for _ in range(10_000):
        assert backoff.failed() == 60
    backoff.succeeded()
    assert backoff.failed() == 1


def test_jitter_takes_up_to_half_away() -> None:
    backoff = Backoff(10.0, 10.0, random.Random(1))
    delays = [backoff.failed() for _ in range(200)]
    assert 5.0 <= min(delays) < 6.0
    assert 9.0 < max(delays) <= 10.0
