"""A year of the residents' log in numbers, by month: how much happened, and how much of it was dealt with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from server.clock import Clock
from server.db.models import Incident
from server.domain import access
from server.domain.access import Permission, Principal, PublicLogPolicy
from server.domain.incident import IncidentState
from server.places.service import PlaceTree

MONTHS = 12


@dataclass(frozen=True, slots=True)
class MonthlyNumbers:
    """A table of kinds and months."""

    months: tuple[date, ...]
    """First days, the newest month first, back to the oldest with anything in it."""
    kinds: tuple[str, ...]
    """What there was any of, the most frequent first."""
    counts: dict[tuple[str, date], int]
    happened: dict[date, int]
    handled: dict[date, int]
    """Taken on or resolved by officers."""


def monthly_numbers(
    session: Session,
    principal: Principal,
    clock: Clock,
    zone: ZoneInfo,
    policy: PublicLogPolicy,
    *,
    village_id: str | None = None,
) -> MonthlyNumbers:
    """Count what residents see. False alarms and what is not public yet do not count."""
    now = clock.utc()
    months = _months(now.astimezone(zone).date())
    villages = set(PlaceTree.read(session).villages_of(principal))
    if village_id is not None:
        villages &= {village_id}
    if not access.may(principal, Permission.READ_PUBLIC_LOG):
        villages = set()
    starts = [datetime.combine(month, time(), zone).astimezone(UTC) for month in months]
    # The month is found by comparing times: the two databases know no common function for a zone's months.
    which: ColumnElement[int] = case(
        *((Incident.first_at >= start, index) for index, start in enumerate(starts)), else_=len(starts)
    )
    rows = session.execute(
        select(Incident.kind, which.label("month"), Incident.state, func.count())
        .where(
            Incident.village_id.in_(sorted(villages)),
            Incident.first_at >= starts[-1],
            Incident.state != IncidentState.FALSE_ALARM,
            Incident.kind.not_in(access.NOT_PUBLIC_KINDS),
            Incident.merged_into_id.is_(None),
            Incident.received_at <= now - policy.delay,
        )
        .group_by(Incident.kind, "month", Incident.state)
    )
    counts: dict[tuple[str, date], int] = {}
    totals: dict[str, int] = {}
    happened, handled = dict.fromkeys(months, 0), dict.fromkeys(months, 0)
    for kind, index, state, count in rows:
        month = months[index]
        counts[kind, month] = counts.get((kind, month), 0) + count
        totals[kind] = totals.get(kind, 0) + count
        happened[month] += count
        handled[month] += count if state in _HANDLED else 0
    oldest = max((index for index, month in enumerate(months) if happened[month]), default=0)
    months = months[: oldest + 1]
    kinds = tuple(sorted(totals, key=lambda kind: (-totals[kind], kind)))
    return MonthlyNumbers(months, kinds, counts, happened, handled)


_HANDLED = frozenset({IncidentState.ACKNOWLEDGED, IncidentState.DISPATCHED, IncidentState.RESOLVED})


def _months(today: date) -> tuple[date, ...]:
    months = [today.replace(day=1)]
    while len(months) < MONTHS:
        last = months[-1]
        months.append(
            last.replace(year=last.year - 1, month=12) if last.month == 1 else last.replace(month=last.month - 1)
        )
    return tuple(months)
