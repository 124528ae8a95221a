"""Monthly partitions of what grows fastest on PostgreSQL: `event_revisions`, by the time in the event's UUIDv7.

    event_revisions
      event_revisions_before      ids older than the first month: what was there when the table was divided, and what
                                  is kept of months that were dropped
      event_revisions_2026_11     one table for each month of UTC, made some months ahead
      event_revisions_other       ids of no month: the device's clock is years off, or nobody made the month's table

`(event_id, revision)` stays unique over all of them: the id alone decides on the partition. Which one a row lies in
means nothing else: devices choose ids, and nothing trusts the time in them. SQLite has one plain table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

TABLE: Final = "event_revisions"
BEFORE: Final = f"{TABLE}_before"
OTHER: Final = f"{TABLE}_other"
MONTHS_AHEAD: Final = 3
_COUNTED: Final = 100_000
"""Rows in the last partition are counted up to this."""


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, at: datetime) -> Self:
        """The month of an aware time."""
        at = at.astimezone(UTC)
        return cls(at.year, at.month)

    @classmethod
    def of_table(cls, name: str) -> Self | None:
        """The month of a partition, by its name; None: it is not one of a month."""
        year, _, month = name.removeprefix(f"{TABLE}_").partition("_")
        return cls(int(year), int(month)) if year.isdecimal() and month.isdecimal() else None

    def plus(self, months: int) -> Month:
        """So many months later."""
        years, month = divmod(self.month - 1 + months, 12)
        return Month(self.year + years, month + 1)

    @property
    def starts_at(self) -> datetime:
        """Its first instant."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def ends_at(self) -> datetime:
        """The first instant after it."""
        return self.plus(1).starts_at

    @property
    def first_id(self) -> UUID:
        """The smallest UUIDv7 of it, and of no month before: 48 bits of milliseconds, then zeros."""
        return UUID(int=int(self.starts_at.timestamp() * 1000) << 80)

    @property
    def table(self) -> str:
        """The name of its partition."""
        return f"{TABLE}_{self.year:04}_{self.month:02}"

    def has(self, event_id: UUID) -> bool:
        """Whether an id lies in it."""
        return self.first_id <= event_id < self.plus(1).first_id


def is_divided(session: Session) -> bool:
    """Whether there are partitions here: on PostgreSQL, once it is migrated."""
    if session.get_bind().dialect.name != "postgresql":
        return False
    found = session.scalar(text("SELECT relkind FROM pg_class WHERE oid = to_regclass(:name)"), {"name": TABLE})
    return found in ("p", b"p")


def months(session: Session) -> list[Month]:
    """The months that have a partition, in order; none on SQLite."""
    if not is_divided(session):
        return []
    names = session.scalars(
        text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass(:name)"), {"name": TABLE}
    )
    return sorted(month for name in names if (month := Month.of_table(name)) is not None)


def add_months(session: Session, now: datetime) -> list[Month]:
    """Make the partitions of this month and the next ones that are missing; gives those that were made.

    Rows of theirs that had to go to the last partition come with them. Only writers whose ids lie there wait.
    """
    known = months(session)
    if not is_divided(session):
        return []
    last = Month.of(now).plus(MONTHS_AHEAD)
    month = max(known).plus(1) if known else Month.of(now)  # no holes: `before` ends where the first one begins
    made = []
    while month <= last:
        _add(session, month)
        made.append(month)
        month = month.plus(1)
    return made


def _add(session: Session, month: Month) -> None:
    """Make one, taking locks in the order in which ingest takes them last."""
    first, after = month.first_id, month.plus(1).first_id
    session.execute(text("SET LOCAL lock_timeout = '10s'"))
    session.execute(text(f"LOCK TABLE {OTHER} IN ACCESS EXCLUSIVE MODE"))
    session.execute(text(f"CREATE TABLE {month.table} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING INDEXES)"))
    move(session, OTHER, month.table, f"event_id >= '{first}' AND event_id < '{after}'")
    session.execute(
        text(f"ALTER TABLE {TABLE} ATTACH PARTITION {month.table} FOR VALUES FROM ('{first}') TO ('{after}')")
    )


def move(session: Session, source: str, target: str, condition: str) -> int:
    """Move rows from one partition's table to another; gives their number."""
    found = session.execute(
        text(
            f"WITH moved AS (DELETE FROM {source} WHERE {condition} RETURNING *) "  # noqa: S608 (names of this module)
            f"INSERT INTO {target} SELECT * FROM moved"
        )
    )
    return int(found.rowcount)  # type: ignore[attr-defined]  # of a cursor result


def left_to_drop(session: Session, event_ids: Iterable[UUID]) -> set[UUID]:
    """Those ids whose revisions lie in a month's partition, and go with it."""
    known = months(session)
    return {event_id for event_id in event_ids if any(month.has(event_id) for month in known)} if known else set()


def drop_month(session: Session, month: Month, keep_at_most: int) -> int | None:
    """Drop a month's partition. Revisions whose events are still there move to `before` first.

    Args:
        session: Of `Database.write`.
        month: The oldest one; the others must be younger.
        keep_at_most: More rows to move than this: nothing is done.

    Returns:
        How many rows went; None: nothing was done.
    """
    if months(session)[:1] != [month]:
        raise ValueError(f"{month.table} is not the oldest partition: `before` must end where the next one begins")
    is_kept = f"EXISTS (SELECT FROM events e WHERE e.event_id = {month.table}.event_id)"
    kept = session.scalar(
        text(f"SELECT count(*) FROM (SELECT FROM {month.table} WHERE {is_kept} LIMIT :most) kept"),  # noqa: S608
        {"most": keep_at_most + 1},
    )
    if kept is None or kept > keep_at_most:
        return None
    session.execute(text("SET LOCAL lock_timeout = '10s'"))
    session.execute(text(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE"))  # for as long as the few rows need
    rows = session.scalar(text(f"SELECT count(*) FROM {month.table}")) or 0  # noqa: S608
    for name in (month.table, BEFORE):
        session.execute(text(f"ALTER TABLE {TABLE} DETACH PARTITION {name}"))
    moved = move(session, month.table, BEFORE, is_kept)
    session.execute(text(f"DROP TABLE {month.table}"))
    after = month.plus(1).first_id
    session.execute(text(f"ALTER TABLE {TABLE} ATTACH PARTITION {BEFORE} FOR VALUES FROM (MINVALUE) TO ('{after}')"))
    return rows - moved


def delete_gone(session: Session, month: Month) -> int:
    """Delete the revisions of a month whose events are gone, where the month cannot be dropped."""
    found = session.execute(
        text(
            f"DELETE FROM {month.table} WHERE NOT EXISTS "  # noqa: S608 (names of this module)
            f"(SELECT FROM events e WHERE e.event_id = {month.table}.event_id)"
        )
    )
    return int(found.rowcount)  # type: ignore[attr-defined]  # of a cursor result


def numbers(session: Session, now: datetime) -> dict[str, float]:
    """Months ahead that have their partition, and rows in the last one (at most 100,000 are counted)."""
    if not is_divided(session):
        return {}
    this = Month.of(now)
    known = set(months(session))
    ahead = 0
    while this.plus(ahead) in known:
        ahead += 1
    rows = session.scalar(text(f"SELECT count(*) FROM (SELECT FROM {OTHER} LIMIT {_COUNTED}) counted")) or 0  # noqa: S608
    return {"partition_months_ahead": ahead - 1, "partition_other_rows": rows}
