"""Things on the ground and who is near them, as observations: for rules about what was left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from edge.types import Observation, RuleEvent, StaticRegion, Track
from tests.support.scenes import ASPECT, STREAM_START_S, make_rule, observation, person, run

X, Y = 0.5, 0.6
"""Where a thing stands, if nothing else is said."""
PUT_DOWN_S, KNOWN_S = 9.0, 16.0

Things = Callable[[float], Sequence[StaticRegion]]
People = Callable[[float], Sequence[Track]]


def thing(
    seen_s: float,
    appeared_s: float = PUT_DOWN_S,
    *,
    number: int = 1,
    x: float = X,
    y: float = Y,
    size: float = 0.04,
    area: float = 0.0006,
    **extra: Any,
) -> StaticRegion:
    """A thing with its foot at (x, y), `size` picture heights large: a third of a metre where people are 0.2 high."""
    half = size / ASPECT / 2
    box = (x - half, y - size, x + half, y)
    return StaticRegion(number, box, area, STREAM_START_S + appeared_s, STREAM_START_S + seen_s, **extra)


def lies_there(**extra: Any) -> Things:
    """One thing, from when the camera is sure of it."""
    return lambda at_s: [thing(at_s, **extra)] if at_s >= KNOWN_S else []


def visitor(at_s: float, until_s: float, track_id: int = 1, speed: float = 0.05) -> list[Track]:
    """Comes from the left, stands beside the place from 8 s to `until_s`, and walks on to the right out of sight."""
    x = X - 0.02 + speed * (min(0.0, at_s - 8.0) + max(0.0, at_s - until_s))
    return [person(track_id, x, Y)] if 0.0 <= x <= 1.0 else []


def shows(
    seconds: float, left: Things, people: People, *, fps: float = 2.0, from_s: float = 0.0, **extra: Any
) -> Iterator[Observation]:
    """Observations of things and people."""
    for index in range(round(seconds * fps) + 1):
        at_s = from_s + index / fps
        yield replace(observation(at_s, people(at_s), **extra), static_regions=tuple(left(at_s)))


def told(rule: dict[str, Any], parts: Iterable[Observation], **params: Any) -> list[RuleEvent]:
    """What a rule says of observations."""
    return run(make_rule(**rule, **params), parts, finish=False)
