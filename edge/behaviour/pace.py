"""Whether a way was driven, or a track only changed from one standing vehicle to the next."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

MAX_STEP = 0.5
"""Nobody drives more than this share of the way from one detection to the next ..."""
MAX_STEP_OF_TWO = 0.65
"""... of two steps, a little more than half ..."""
MAX_HASTE = 2.0
"""... unless it took its time: undetected it went on, no faster than so many times as before and after ..."""
LEAST_THIRD = 0.12
"""... or less than this in the first, middle or last third of the time: a hop does, also where a tracker's filter makes
it a slide."""


def is_hop(times_s: Sequence[float], along: Sequence[float]) -> bool:
    """Tell whether most of a way was made at once.

    Args:
        times_s: Of three or more detections, rising.
        along: How far each was along the way; the first and the last differ.
    """
    way, start_s, end_s = along[-1] - along[0], times_s[0], times_s[-1]
    most = MAX_STEP if len(along) > 3 else MAX_STEP_OF_TWO
    steps = [abs(after - before) for before, after in pairwise(along)]
    step = max(steps)
    if step > most * abs(way):
        at = steps.index(step)
        step_s, all_s = times_s[at + 1] - times_s[at], end_s - start_s
        rest_pace = (abs(way) - step) / max(all_s - step_s, 1e-9)
        if step / max(step_s, 1e-9) > MAX_HASTE * rest_pace:
            return True
    thirds = [_at(start_s + (end_s - start_s) * part / 3.0, times_s, along) for part in (1, 2)]
    marks = [along[0], *thirds, along[-1]]
    return min((after - before) / way for before, after in pairwise(marks)) < LEAST_THIRD


def _at(at_s: float, times_s: Sequence[float], along: Sequence[float]) -> float:
    """How far along it was at a moment between the first and the last detection."""
    after = next(index for index, time_s in enumerate(times_s) if time_s >= at_s)
    share = (at_s - times_s[after - 1]) / (times_s[after] - times_s[after - 1])
    return along[after - 1] + share * (along[after] - along[after - 1])
