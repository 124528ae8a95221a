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
it a slide ..."""
EDGE, SLIDE_S, MIN_ON_THE_WAY = 0.1, 0.7, 3
"""... but who sets off or brakes makes the way without its first and last tenth evenly, in no less time than this."""


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
    if _least_third(times_s, along, start_s, end_s) >= LEAST_THIRD:
        return False
    on_the_way = [
        (time_s, place) for time_s, place in zip(times_s, along, strict=True)
        if EDGE <= (place - along[0]) / way <= 1.0 - EDGE
    ]  # fmt: skip
    if len(on_the_way) < MIN_ON_THE_WAY:
        return True
    (from_s, begin), (until_s, end) = on_the_way[0], on_the_way[-1]
    if (end - begin) / way < MAX_STEP:  # to and fro
        return True
    return until_s - from_s < SLIDE_S or _least_third(times_s, along, from_s, until_s) < LEAST_THIRD


def _least_third(times_s: Sequence[float], along: Sequence[float], from_s: float, until_s: float) -> float:
    """The least share of the way between two moments that was made in a third of that time."""
    marks = [_at(from_s + (until_s - from_s) * part / 3.0, times_s, along) for part in range(4)]
    return min((after - before) / (marks[-1] - marks[0]) for before, after in pairwise(marks))


def _at(at_s: float, times_s: Sequence[float], along: Sequence[float]) -> float:
    """How far along it was at a moment between the first and the last detection."""
    after = next((index for index, time_s in enumerate(times_s) if time_s >= at_s and index), len(times_s) - 1)
    share = (at_s - times_s[after - 1]) / (times_s[after] - times_s[after - 1])
    return along[after - 1] + share * (along[after] - along[after - 1])
