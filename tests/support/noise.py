"""What detectors and trackers do to a true world: misses, trembling boxes, renamed and swapped tracks, occlusions.

The figures are arguments; `bench/` measures them on real clips.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from contract.event import EventState
from edge.types import Observation, RuleEvent, Track, TrackId
from tests.support.scenes import ASPECT, STREAM_START_S, observation

COAST_S = 1.0
"""A tracker holds an object that it misses for so long."""


@dataclass
class Noise:
    """How bad it is."""

    miss: float = 0.2
    """Share of detections that are missed."""
    jitter: float = 0.03
    """Standard deviation of a box's edges as a share of its longer side."""
    renames_per_s: float = 0.03
    """How often an object's track gets another id."""
    occlusions_per_s: float = 0.04
    """How often an object is hidden ..."""
    occlusion_s: tuple[float, float] = (0.5, 1.5)
    """... for how long."""
    swaps: float = 0.1
    """How often two objects of a class that overlap swap their ids, for each observation."""


HARSH = Noise(miss=0.2, renames_per_s=0.1, occlusions_per_s=0.1)
"""Renamed and hidden every ten seconds: some ways are then not seen at all."""
NOISES = [Noise(miss=0.1), Noise(miss=0.3), HARSH]


@dataclass
class _Object:
    track_id: int
    last: Track
    seen_s: float
    hidden_until_s: float = field(default=-1.0)


def noisy(
    tracks_at: Callable[[float], Iterable[Track]],
    seconds: float,
    *,
    seed: int,
    noise: Noise,
    fps: float = 5.0,
    from_s: float = 0.0,
    **extra: Any,
) -> Iterator[Observation]:
    """Observations of a true world (each track's id is its object's) through a bad detector and tracker."""
    rng, ids = random.Random(seed), count(1)
    known: dict[int, _Object] = {}
    for index in range(round(seconds * fps) + 1):
        at_s = from_s + index / fps
        shown: list[Track] = []
        detected: list[_Object] = []
        for true in tracks_at(at_s):
            thing = known.get(true.track_id)
            if thing is not None and rng.random() < noise.occlusions_per_s / fps:
                thing.hidden_until_s = at_s + rng.uniform(*noise.occlusion_s)
            missed = rng.random() < noise.miss or (thing is not None and at_s < thing.hidden_until_s)
            if missed:
                if thing is not None and at_s - thing.seen_s <= COAST_S:
                    shown.append(replace(thing.last, detected=False))
                continue
            if thing is None:
                thing = known[true.track_id] = _Object(next(ids), true, at_s)
            elif rng.random() < noise.renames_per_s / fps or at_s - thing.seen_s > COAST_S:
                thing.track_id = next(ids)
            size = max(true.width * ASPECT, true.height) * noise.jitter
            edges = [
                edge + rng.gauss(0.0, size) / (ASPECT if axis % 2 == 0 else 1.0) for axis, edge in enumerate(true.xyxy)
            ]
            box = (min(edges[0], edges[2]), min(edges[1], edges[3]), max(edges[0], edges[2]), max(edges[1], edges[3]))
            thing.last, thing.seen_s = replace(true, track_id=TrackId(thing.track_id), xyxy=box), at_s
            shown.append(thing.last)
            detected.append(thing)
        for position, one in enumerate(detected):
            for other in detected[position + 1 :]:
                if _overlap(one.last, other.last) and rng.random() < noise.swaps:
                    one.track_id, other.track_id = other.track_id, one.track_id
        yield observation(at_s, shown, **extra)


def _overlap(a: Track, b: Track) -> bool:
    return min(a.xyxy[2], b.xyxy[2]) - max(a.xyxy[0], b.xyxy[0]) > 0.5 * min(a.width, b.width) and min(
        a.xyxy[3], b.xyxy[3]
    ) - max(a.xyxy[1], b.xyxy[1]) > 0.5 * min(a.height, b.height)


def score(events: Iterable[RuleEvent], every_s: float) -> tuple[int, int]:
    """Alerts, and how many of the periods in each of which one thing happens brought one."""
    starts = [event.started_s - STREAM_START_S for event in events if event.state is EventState.START]
    return len(starts), len({int(at_s // every_s) for at_s in starts})


def assert_accurate(scores: Iterable[tuple[int, int]], truths: int, *, recall: float = 0.95) -> None:
    """Precision of 0.95 and more, and recall."""
    alerts, found = (sum(column) for column in zip(*scores, strict=True))
    assert found >= recall * truths, f"recall: {found} of {truths}"
    assert found >= 0.95 * alerts, f"precision: {found} of {alerts}"
