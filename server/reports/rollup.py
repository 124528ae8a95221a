"""Keeps the sums behind reports right: each village's days are counted anew where something changed.

Triggers of the database mark the village and time of every incident that changes in a way that reports show. A job
counts the marked days anew from the incidents themselves, and adds the difference to the sums above: months, the
commune, the province. See docs/design/reports.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from server.db.engine import LOCK_REPORTS, Database, lock
from server.db.models import Incident
from server.db.report_models import ReportMark, ReportRollup
from server.domain.incident import IncidentState
from server.domain.periods import Grain, month_of, starts_at
from server.domain.tallies import Counted, Tally
from server.places.service import PlaceTree

MARKS_AT_ONCE: Final = 2000
_CHUNK: Final = 400
CAMERA_COLUMNS: Final = ("camera_up_s", "camera_down_s", "camera_silent_s")

Key = tuple[str, str, date]
"""Place, grain, start: of a rollup."""


@dataclass(slots=True)
class Sum:
    """What a rollup holds, or the difference of two."""

    tally: Tally = field(default_factory=Tally)
    cameras: tuple[int, int, int] = (0, 0, 0)
    """Seconds that cameras were seen well, not well, and not heard of."""

    def plus(self, other: Sum) -> None:
        """Add another one."""
        self.tally.plus(other.tally)
        up, down, silent = (mine + more for mine, more in zip(self.cameras, other.cameras, strict=True))
        self.cameras = (up, down, silent)

    def __bool__(self) -> bool:
        return bool(self.tally) or any(self.cameras)


def catch_up(database: Database, zone: ZoneInfo) -> int:
    """Count anew what has changed; gives how many marks were dealt with.

    Raises:
        Unavailable: The database is not to be had now.
    """
    done = 0
    while True:
        with database.read() as session:  # most looks find nothing, and must not take SQLite's write lock
            if session.scalar(select(ReportMark.id).limit(1)) is None:
                return done
        with database.write() as session:
            lock(session, LOCK_REPORTS)
            dealt = take_marks(session, zone, MARKS_AT_ONCE)
        done += dealt
        if dealt < MARKS_AT_ONCE:
            return done


def take_marks(session: Session, zone: ZoneInfo, most: int, *, only_erased: bool = False) -> int:
    """Deal with the oldest marks; gives how many there were. The caller holds `LOCK_REPORTS`."""
    wanted = select(ReportMark.id, ReportMark.village_id, ReportMark.at, ReportMark.erased).order_by(ReportMark.id)
    if only_erased:
        wanted = wanted.where(ReportMark.erased.is_not(None))
    marks = session.execute(wanted.limit(most)).all()
    days: dict[str, set[date]] = defaultdict(set)
    erased: dict[tuple[str, date], Tally] = defaultdict(Tally)
    for mark in marks:
        day = mark.at.astimezone(zone).date()
        days[mark.village_id].add(day)
        if mark.erased is not None:
            erased[mark.village_id, day].count(_counted_of(mark.at, mark.erased), zone)
    tree = PlaceTree.read(session)
    differences: dict[Key, Sum] = defaultdict(Sum)
    for village_id in sorted(days):
        if village_id in tree:
            _count_days(session, zone, village_id, sorted(days[village_id]), erased, differences)
    add_up(session, tree, differences)
    ids = [mark.id for mark in marks]
    for start in range(0, len(ids), _CHUNK):
        session.execute(delete(ReportMark).where(ReportMark.id.in_(ids[start : start + _CHUNK])))
    return len(marks)


def _count_days(
    session: Session,
    zone: ZoneInfo,
    village_id: str,
    days: Sequence[date],
    erased: Mapping[tuple[str, date], Tally],
    differences: dict[Key, Sum],
) -> None:
    """Count days of a village anew, and note what that changes."""
    known = _rows(session, [(village_id, Grain.DAY.value, day) for day in days])
    for day in days:
        row = known.get((village_id, Grain.DAY.value, day))
        gone = Tally.read(row.erased if row is not None else None)
        more = erased.get((village_id, day))
        if more is not None:
            gone.plus(more)
        now = Tally.read(gone.cells).plus(Tally.of(_incidents(session, zone, village_id, day, day), zone))
        change = now.minus(Tally.read(row.tally if row is not None else None))
        if row is None and now:
            row = _new_row((village_id, Grain.DAY.value, day))
            session.add(row)
        if row is not None and more is not None:
            row.erased = gone.cells
        if change:
            differences[village_id, Grain.DAY.value, day].plus(Sum(change))
    session.flush()


def add_up(session: Session, tree: PlaceTree, differences: Mapping[Key, Sum]) -> None:
    """Add differences of villages' days to these days, and to all sums above them."""
    everywhere: dict[Key, Sum] = defaultdict(Sum)
    for (village_id, grain, day), change in differences.items():
        for place_id in tree.path(village_id):
            everywhere[place_id, grain, day].plus(change)
            everywhere[place_id, Grain.MONTH.value, month_of(day)].plus(change)
    changed = {key: change for key, change in everywhere.items() if change}
    known = _rows(session, list(changed))
    for key, change in changed.items():
        row = known.get(key)
        if row is None:
            row = _new_row(key)
            session.add(row)
        _fill(row, Tally.read(row.tally).plus(change.tally))
        for column, seconds in zip(CAMERA_COLUMNS, change.cameras, strict=True):
            setattr(row, column, (getattr(row, column) or 0) + seconds)
    session.flush()


def _fill(row: ReportRollup, tally: Tally) -> None:
    row.tally = tally.cells
    for column, number in tally.totals().items():
        setattr(row, column, number)


def _new_row(key: Key) -> ReportRollup:
    place_id, grain, start = key
    return ReportRollup(place_id=place_id, grain=grain, start=start, tally={}, erased=None)


def _rows(session: Session, keys: Sequence[Key]) -> dict[Key, ReportRollup]:
    """The rollups that exist."""
    by_place: dict[tuple[str, str], list[date]] = defaultdict(list)
    for place_id, grain, start in keys:
        by_place[place_id, grain].append(start)
    found = {}
    for (place_id, grain), starts in by_place.items():
        for begin in range(0, len(starts), _CHUNK):
            rows = session.scalars(
                select(ReportRollup).where(
                    ReportRollup.place_id == place_id,
                    ReportRollup.grain == grain,
                    ReportRollup.start.in_(starts[begin : begin + _CHUNK]),
                )
            )
            found.update({(row.place_id, row.grain, row.start): row for row in rows})
    return found


COUNTED: Final = (
    Incident.kind,
    Incident.state,
    Incident.severity,
    Incident.first_at,
    Incident.received_at,
    Incident.acknowledged_at,
    Incident.decided_at,
)


def _incidents(session: Session, zone: ZoneInfo, village_id: str, first: date, last: date) -> Iterable[Counted]:
    rows = session.execute(
        select(*COUNTED).where(
            Incident.village_id == village_id,
            Incident.first_at >= starts_at(first, zone),
            Incident.first_at < starts_at(last + timedelta(days=1), zone),
            Incident.merged_into_id.is_(None),
        )
    )
    return (Counted(row[0], row[1], row[2].value, *row[3:]) for row in rows)


def keep_erased(session: Session, incident_ids: Sequence[UUID]) -> None:
    """Keep what is counted of incidents that the caller is about to delete: kind, times, outcome; nothing else."""
    for start in range(0, len(incident_ids), _CHUNK):
        rows = session.execute(
            select(Incident.village_id, *COUNTED).where(
                Incident.id.in_(incident_ids[start : start + _CHUNK]), Incident.merged_into_id.is_(None)
            )
        ).all()
        marks = [{"village_id": row.village_id, "at": row.first_at, "erased": _facts_of(row)} for row in rows]
        if marks:
            session.execute(insert(ReportMark), marks)


def _facts_of(row: Any) -> dict[str, Any]:
    times = {name: getattr(row, name) for name in ("received_at", "acknowledged_at", "decided_at")}
    told = {name: None if at is None else at.isoformat() for name, at in times.items()}
    return {"kind": row.kind, "state": row.state.value, "severity": row.severity.value, **told}


def _counted_of(first_at: datetime, facts: Mapping[str, Any]) -> Counted:
    """What `_facts_of` kept."""
    received, acknowledged, decided = (
        None if facts[name] is None else datetime.fromisoformat(facts[name])
        for name in ("received_at", "acknowledged_at", "decided_at")
    )
    state = IncidentState(facts["state"])
    return Counted(facts["kind"], state, facts["severity"], first_at, received or first_at, acknowledged, decided)
