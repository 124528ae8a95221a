"""Incidents counted: by kind, state, severity and hour of the week, with how long people took. Pure.

A tally is a sum of small integers, so tallies add and subtract exactly: a day's tallies make a month's, villages' a
commune's, and what changed is the difference of two. Response times are counted in buckets that grow by 4 %, so
that a median or a 90th percentile of millions is right to 2 % (DDSketch: Masson, Rim, Lee, VLDB 2019).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from server.domain.access import NOT_PUBLIC_KINDS
from server.domain.incident import DECIDED_STATES, OPEN_STATES, IncidentState

ERROR: Final = 0.02
"""Of a response time, at most, as a share of itself."""
_GAMMA: Final = (1 + ERROR) / (1 - ERROR)
_LOG_GAMMA: Final = math.log(_GAMMA)
HOURS_A_WEEK: Final = 168

Counts = dict[str, int]
Cells = dict[str, dict[str, Counts]]

STATES, SEVERITIES, HOURS, ACKNOWLEDGED, DECIDED = "s", "v", "h", "a", "d"
"""The parts of a kind's cell: what is counted by its words or numbers."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What of one incident is counted."""

    kind: str
    state: IncidentState
    severity: str
    first_at: datetime
    received_at: datetime
    acknowledged_at: datetime | None
    decided_at: datetime | None


@dataclass(slots=True)
class Tally:
    """Counts by kind and part. Zeros are not kept, so that equal sums are equal."""

    cells: Cells = field(default_factory=dict)

    @classmethod
    def read(cls, cells: Mapping[str, Any] | None) -> Self:
        """Of what `cells` held: a copy."""
        return cls().plus(cls(dict(cells))) if cells else cls()

    @classmethod
    def of(cls, incidents: Iterable[Counted], zone: ZoneInfo) -> Self:
        """Count incidents."""
        made = cls()
        for incident in incidents:
            made.count(incident, zone)
        return made

    def count(self, incident: Counted, zone: ZoneInfo) -> None:
        """Count one more."""
        cell = self.cells.get(incident.kind)
        if cell is None:
            cell = self.cells[incident.kind] = {STATES: {}, SEVERITIES: {}, HOURS: {}, ACKNOWLEDGED: {}, DECIDED: {}}
        local = incident.first_at.astimezone(zone)
        _add(cell[STATES], incident.state.value)
        _add(cell[SEVERITIES], incident.severity)
        _add(cell[HOURS], str(24 * local.weekday() + local.hour))
        if incident.acknowledged_at is not None:
            _add(cell[ACKNOWLEDGED], bucket_of((incident.acknowledged_at - incident.received_at).total_seconds()))
        if incident.decided_at is not None and incident.state in DECIDED_STATES:
            _add(cell[DECIDED], bucket_of((incident.decided_at - incident.received_at).total_seconds()))

    def plus(self, other: Tally, sign: int = 1) -> Self:
        """Add another one to this one (or take it away, with `sign` -1); gives this one."""
        for kind, parts in other.cells.items():
            mine = self.cells.setdefault(kind, {})
            for part, counts in parts.items():
                into = mine.setdefault(part, {})
                for word, number in counts.items():
                    total = into.get(word, 0) + sign * number
                    if total:
                        into[word] = total
                    else:
                        into.pop(word, None)
            if not any(mine.values()):
                del self.cells[kind]
        return self

    def minus(self, other: Tally) -> Tally:
        """The difference, as a new one."""
        return Tally().plus(self).plus(other, -1)

    def __bool__(self) -> bool:
        return bool(self.cells)

    def kinds(self) -> list[str]:
        """The kinds that happened."""
        return list(self.cells)

    def number(self, kind: str) -> int:
        """How many of a kind."""
        return sum(self._part(kind, STATES).values())

    def states(self, kind: str) -> Counts:
        """How many of a kind in each state."""
        return self._part(kind, STATES)

    def hours(self, kinds: Iterable[str]) -> list[int]:
        """How many in each hour of the week (Monday first) of some kinds."""
        found = [0] * HOURS_A_WEEK
        for kind in kinds:
            for hour, number in self._part(kind, HOURS).items():
                found[int(hour)] += number
        return found

    def severities(self, kinds: Iterable[str]) -> Counts:
        """How many of some kinds in each severity."""
        return self._summed(kinds, SEVERITIES)

    def sketch(self, part: str, kinds: Iterable[str]) -> Counts:
        """The buckets of a response time (`ACKNOWLEDGED` or `DECIDED`) of some kinds."""
        return self._summed(kinds, part)

    def totals(self) -> dict[str, int]:
        """The numbers that a rollup keeps in columns of their own."""
        found = dict.fromkeys(("incidents", "open", "resolved", "false_alarms", "expired", "about_cameras"), 0)
        for kind in self.cells:
            if kind in NOT_PUBLIC_KINDS:
                found["about_cameras"] += self.number(kind)
                continue
            for word, number in self.states(kind).items():
                found["incidents"] += number
                found[_COLUMN[word]] += number
        return found

    def _part(self, kind: str, part: str) -> Counts:
        return self.cells.get(kind, {}).get(part, {})

    def _summed(self, kinds: Iterable[str], part: str) -> Counts:
        found: Counts = {}
        for kind in kinds:
            for word, number in self._part(kind, part).items():
                found[word] = found.get(word, 0) + number
        return found


_COLUMN: Final = {state.value: "open" for state in OPEN_STATES} | {
    IncidentState.RESOLVED.value: "resolved",
    IncidentState.FALSE_ALARM.value: "false_alarms",
    IncidentState.EXPIRED.value: "expired",
}


def bucket_of(seconds: float) -> str:
    """The bucket of a response time; what took up to a second is in the first."""
    return "0" if seconds <= 1 else str(math.ceil(math.log(seconds) / _LOG_GAMMA))


def quantile(sketch: Mapping[str, int], share: float) -> float | None:
    """The response time in seconds that a share of all were not slower than; None where there was none.

    Args:
        sketch: Buckets, of `Tally.sketch`.
        share: 0.5 for the median.
    """
    total = sum(sketch.values())
    if total <= 0:
        return None
    rank, below = share * (total - 1), 0
    for bucket, number in sorted((int(bucket), number) for bucket, number in sketch.items()):
        below += number
        if below > rank:
            return 2 * _GAMMA**bucket / (_GAMMA + 1) if bucket else 1.0
    raise ValueError("a negative count")


def _add(counts: Counts, word: str) -> None:
    counts[word] = counts.get(word, 0) + 1
