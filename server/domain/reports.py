"""What a report says, and the arithmetic of it: shares, changes, response times, how well cameras watched. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Self

from server.domain.access import NOT_PUBLIC_KINDS
from server.domain.periods import Period
from server.domain.tallies import ACKNOWLEDGED, DECIDED, Tally, quantile

__all__ = ["Period", "Report"]

ENOUGH: Final = 10
"""Of fewer decided incidents a rate says little; pages say so."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of incidents."""

    open: int = 0
    resolved: int = 0
    false_alarms: int = 0
    expired: int = 0

    @classmethod
    def of(cls, states: Mapping[str, int]) -> Self:
        """Of a tally's states."""
        waiting = sum(states.get(word, 0) for word in ("new", "acknowledged", "dispatched"))
        return cls(waiting, states.get("resolved", 0), states.get("false_alarm", 0), states.get("expired", 0))

    @property
    def incidents(self) -> int:
        """All of them."""
        return self.open + self.resolved + self.false_alarms + self.expired

    @property
    def decided(self) -> int:
        """Those that an officer decided."""
        return self.resolved + self.false_alarms

    @property
    def false_share(self) -> float | None:
        """The share of false alarms among the decided ones; None while nobody has decided any."""
        return self.false_alarms / self.decided if self.decided else None

    @property
    def decided_share(self) -> float | None:
        """The share that an officer decided."""
        return self.decided / self.incidents if self.incidents else None


@dataclass(frozen=True, slots=True)
class KindRow:
    """One kind of incident."""

    kind: str
    outcomes: Outcomes
    before: int
    """As many in the period before."""


@dataclass(frozen=True, slots=True)
class Times:
    """How long something took, in seconds, from when the server first heard of the incident."""

    number: int
    median_s: float | None
    p90_s: float | None

    @classmethod
    def of(cls, sketch: Mapping[str, int]) -> Self:
        """Of a tally's buckets."""
        return cls(sum(sketch.values()), quantile(sketch, 0.5), quantile(sketch, 0.9))


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a period's course."""

    first: date
    last: date
    incidents: int
    before: int | None
    """In the same part of the period before; None where that had no such part."""
    cameras: Availability


@dataclass(frozen=True, slots=True)
class Availability:
    """How long cameras were seen well, not well, and not heard of, in seconds of all cameras together."""

    up_s: int = 0
    down_s: int = 0
    silent_s: int = 0

    @property
    def share(self) -> float | None:
        """The share of the time that they watched; None where no time is known."""
        total = self.up_s + self.down_s + self.silent_s
        return self.up_s / total if total else None


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A part of the report's place."""

    id: str
    name: str
    outcomes: Outcomes
    before: int
    cameras: Availability


@dataclass(frozen=True, slots=True)
class CameraRow:
    """A camera that watched less than others."""

    name: str
    village: str
    times: Availability


@dataclass(frozen=True, slots=True)
class Coverage:
    """What watches the place now, whatever the period is."""

    villages: int
    without: tuple[str, ...]
    """Villages without a camera, by name."""
    cameras: int
    enabled: int
    online: int
    with_rules: int


@dataclass(frozen=True, slots=True)
class ComplaintRow:
    """What residents wrote of one sort."""

    about: str
    received: int
    answered: int
    declined: int

    @property
    def waiting(self) -> int:
        """What nobody has answered."""
        return self.received - self.answered - self.declined


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that pages, documents and mails say. Speaks of no person."""

    place_id: str | None
    """None: the whole site."""
    place: str
    place_kind: str
    """`site`, `province`, `commune` or `village`."""
    within: tuple[str, ...]
    """What the place lies in, from the nearest."""
    period: Period
    begun: Period
    """As much of it as has begun."""
    earlier: Period
    """What it is compared with."""
    made_at: datetime
    kinds: tuple[KindRow, ...]
    """Without those about cameras; the most frequent first."""
    about_cameras: tuple[KindRow, ...]
    total_before: Outcomes
    """Of all incidents of the period before, without those about cameras."""
    severities: Mapping[str, int]
    hours: Sequence[int]
    """Incidents in each hour of the week, from Monday 0 o'clock."""
    course: tuple[Step, ...]
    acknowledged: Times
    decided: Times
    acknowledged_before: Times
    decided_before: Times
    cameras: Availability
    cameras_before: Availability
    worst_cameras: tuple[CameraRow, ...]
    parts: tuple[PlaceRow, ...]
    coverage: Coverage
    complaints: tuple[ComplaintRow, ...] = ()
    complaints_answered: Times = field(default_factory=lambda: Times(0, None, None))
    is_behind: bool = False
    """Changes of the last moments are not in it yet."""

    @property
    def total(self) -> Outcomes:
        """All incidents, without those about cameras."""
        return summed(row.outcomes for row in self.kinds)

    @property
    def is_over(self) -> bool:
        """Whether nothing of the period is to come."""
        return self.begun == self.period

    @property
    def busiest_hour(self) -> int | None:
        """The hour of the week in which most happened."""
        most = max(self.hours, default=0)
        return list(self.hours).index(most) if most else None


def summed(rows: Iterable[Outcomes]) -> Outcomes:
    """The sum of outcomes."""
    total = [0, 0, 0, 0]
    for row in rows:
        parts = (row.open, row.resolved, row.false_alarms, row.expired)
        total = [one + more for one, more in zip(total, parts, strict=True)]
    return Outcomes(*total)


def kind_rows(now: Tally, before: Tally) -> tuple[tuple[KindRow, ...], tuple[KindRow, ...]]:
    """The kinds of two periods: what happened, and what was about cameras; the most frequent first."""
    rows = [
        KindRow(kind, Outcomes.of(now.states(kind)), before.number(kind)) for kind in {*now.kinds(), *before.kinds()}
    ]
    rows.sort(key=lambda row: (-row.outcomes.incidents, -row.before, row.kind))
    return (
        tuple(row for row in rows if row.kind not in NOT_PUBLIC_KINDS),
        tuple(row for row in rows if row.kind in NOT_PUBLIC_KINDS),
    )


def outcomes_of(tally: Tally) -> Outcomes:
    """What became of all incidents that are not about cameras."""
    return summed(Outcomes.of(tally.states(kind)) for kind in tally.kinds() if kind not in NOT_PUBLIC_KINDS)


def times_of(tally: Tally) -> tuple[Times, Times]:
    """How long people took to react and to decide, of incidents that are not about cameras."""
    kinds = [kind for kind in tally.kinds() if kind not in NOT_PUBLIC_KINDS]
    return Times.of(tally.sketch(ACKNOWLEDGED, kinds)), Times.of(tally.sketch(DECIDED, kinds))


def change(now: float, before: float) -> float | None:
    """The change as a share of what was before; None where nothing was."""
    return (now - before) / before if before else None
