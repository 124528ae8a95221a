"""Likely errors of grouping, for an officer to look at. Pure: the facts are read elsewhere, a person decides.

Three things look like errors: an incident that begins shortly after one of the same place and kind ended; two that
overlap in time at cameras that are neighbours; one whose events lie in two bursts, far apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final
from uuid import UUID

from server.domain.grouping import EventSpan, family_of, widest_gap_of

SHORTLY: Final = 2.0
"""A new incident within so many gaps of the last one's end may be the same happening."""
MIN_PAUSE_SHARE: Final = 0.5
"""Two bursts lie apart when nothing happened for this share of the kind's gap..."""
MIN_PAUSE_RATIO: Final = 3.0
"""...and for so many times as long as the longer burst lasted."""


class HintReason(StrEnum):
    """Why two incidents may be one, or one two."""

    CONTINUES = "continues"
    """Same spot and kind, shortly after the other one ended."""
    OVERLAPS = "overlaps"
    """At the same time, at a neighbouring camera."""
    BURSTS = "bursts"
    """Its events lie in two bursts, far apart."""


@dataclass(frozen=True, slots=True)
class IncidentSpan:
    """What is looked at of an incident."""

    id: UUID
    kind: str
    key: str
    camera_id: str
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class MergeHint:
    """Another incident that may be the same happening."""

    incident_id: UUID
    reason: HintReason


@dataclass(frozen=True, slots=True)
class SplitHint:
    """Where an incident may be two."""

    at: datetime
    """The second burst begins here."""
    pause: timedelta
    before: int
    after: int
    """Events on either side."""
    reason: HintReason = HintReason.BURSTS


def merge_hint(mine: IncidentSpan, other: IncidentSpan, neighbours: frozenset[str]) -> MergeHint | None:
    """Whether another incident may be the same happening.

    Args:
        mine: The incident that is looked at.
        other: Another one of the same village.
        neighbours: Cameras that are near to mine.
    """
    if mine.id == other.id or family_of(mine.kind) != family_of(other.kind):
        return None
    first, second = sorted((mine, other), key=lambda item: (item.first_at, item.id))
    if mine.key == other.key:
        pause = second.first_at - first.last_at
        return MergeHint(other.id, HintReason.CONTINUES) if pause <= SHORTLY * widest_gap_of(mine.kind) else None
    if other.camera_id in neighbours and second.first_at <= first.last_at:
        return MergeHint(other.id, HintReason.OVERLAPS)
    return None


def merge_hints(
    mine: IncidentSpan, others: Iterable[IncidentSpan], neighbours: frozenset[str], limit: int = 3
) -> list[MergeHint]:
    """The likeliest of several, nearest in time first."""
    ordered = sorted(others, key=lambda item: (abs(item.first_at - mine.first_at), item.id))
    found = (merge_hint(mine, other, neighbours) for other in ordered)
    return [hint for hint in found if hint is not None][:limit]


def split_hint(kind: str, spans: Sequence[EventSpan]) -> SplitHint | None:
    """The longest pause of an incident, when it parts its events into two bursts far apart."""
    ordered = sorted(spans)
    best: SplitHint | None = None
    reach = None
    for number, (before, after) in enumerate(pairwise(ordered), start=1):
        reach = before.last_at if reach is None else max(reach, before.last_at)
        pause = after.started_at - reach
        if best is None or pause > best.pause:
            best = SplitHint(after.started_at, pause, number, len(ordered) - number)
    if best is None:
        return None
    first_burst = max(span.last_at for span in ordered[: best.before]) - ordered[0].started_at
    second_burst = max(span.last_at for span in ordered[best.before :]) - best.at
    is_long = best.pause >= MIN_PAUSE_SHARE * widest_gap_of(kind)
    is_apart = best.pause >= MIN_PAUSE_RATIO * max(first_burst, second_burst)
    return best if is_long and is_apart else None
