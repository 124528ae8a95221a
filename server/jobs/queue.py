"""Jobs in the database: written in the transaction that makes them necessary, done at least once by whoever is free.

due --claim--> leased --done--> gone, or due again (regular jobs)
 ^                |---fail----> due later, at last given up
 `-- lease ran out: the worker died
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from server.clock import Clock
from server.db.engine import Database
from server.db.work_models import Job
from server.jobs import doorbell

_RETRY_BASE: Final = timedelta(seconds=10)
_RETRY_MOST: Final = timedelta(hours=1)
_MAX_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that this worker has for a while."""

    id: int
    name: str
    arguments: Mapping[str, Any]
    attempts: int
    """This try included."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How much waits."""

    due: int
    failed: int
    """Given up; an admin should look."""
    oldest_due_s: float


def enqueue(
    session: Session,
    name: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    at: datetime,
    unique_key: str | None = None,
) -> None:
    """Write a job down; it is done once the transaction has committed.

    Args:
        session: Of `Database.write`.
        name: A key of `server.jobs.registry`.
        arguments: JSON-ready; never a secret.
        at: Not before then.
        unique_key: Of work that need not stand in the queue twice.
    """
    if unique_key is not None and session.scalar(select(Job.id).where(Job.unique_key == unique_key)) is not None:
        return
    row = {"name": name, "arguments": dict(arguments or {}), "unique_key": unique_key, "due_at": at, "created_at": at}
    session.execute(insert(Job), [row])
    doorbell.announce(session)


def claim(database: Database, clock: Clock, worker: str, leases: Mapping[str, timedelta]) -> Claimed | None:
    """Take the job that has waited longest; None when nothing is due.

    Args:
        database: Where jobs are.
        clock: The time.
        worker: Who takes it.
        leases: The jobs this worker can do, and how long each may take.
    """
    now = clock.utc()
    wanted = and_(_is_free(now), Job.name.in_(leases))
    with database.read() as session:  # most looks find nothing, and must not take SQLite's write lock
        if session.scalar(select(Job.id).where(wanted).limit(1)) is None:
            return None
    with database.write() as session:
        job = session.scalar(select(Job).where(wanted).order_by(Job.due_at).limit(1).with_for_update(skip_locked=True))
        if job is None:
            return None
        job.leased_until, job.leased_by, job.attempts = now + leases[job.name], worker[:80], job.attempts + 1
        return Claimed(job.id, job.name, dict(job.arguments), job.attempts)


def finish(database: Database, clock: Clock, job: Claimed, worker: str, *, next_at: datetime | None) -> None:
    """Note that a job is done: it goes, or is due again at `next_at`. Only the last holder counts."""
    held = (Job.id == job.id, Job.leased_by == worker[:80], Job.attempts == job.attempts)
    with database.write() as session:
        if next_at is None:
            session.execute(delete(Job).where(*held))
            return
        values = {"due_at": next_at, "leased_until": None, "leased_by": "", "attempts": 0, "last_error": ""}
        session.execute(update(Job).where(*held).values(**values, last_done_at=clock.utc()))


def fail(database: Database, clock: Clock, job: Claimed, worker: str, why: str, *, give_up_after: int | None) -> None:
    """Note that a job failed: it is tried again later, or given up after so many tries (never when None)."""
    gives_up = give_up_after is not None and job.attempts >= give_up_after
    wait = min(_RETRY_BASE * 2 ** min(job.attempts - 1, 20), _RETRY_MOST) * random.uniform(0.75, 1.25)  # noqa: S311 (no secret: spreads tries)
    with database.write() as session:
        session.execute(
            update(Job)
            .where(Job.id == job.id, Job.leased_by == worker[:80], Job.attempts == job.attempts)
            .values(
                due_at=None if gives_up else clock.utc() + wait,
                leased_until=None,
                leased_by="",
                last_error=why[:_MAX_ERROR],
            )
        )


def schedule(session: Session, name: str, first_at: datetime, now: datetime) -> None:
    """Keep a regular job in the queue: one row that is due again and again."""
    if session.scalar(select(Job.id).where(Job.unique_key == name)) is None:
        row = {"name": name, "arguments": {}, "unique_key": name, "due_at": first_at, "created_at": now}
        session.execute(insert(Job), [row])


def release_all(session: Session) -> None:
    """Give every job back. Only where no other process can be working: on the embedded database, at the start."""
    session.execute(update(Job).where(Job.leased_until.is_not(None)).values(leased_until=None, leased_by=""))


def depth(session: Session, now: datetime) -> Depth:
    """How much waits now."""
    due, oldest = session.execute(select(func.count(), func.min(Job.due_at)).where(_is_free(now))).one()
    failed = session.scalar(select(func.count()).select_from(Job).where(Job.due_at.is_(None))) or 0
    return Depth(due, failed, (now - oldest).total_seconds() if oldest is not None else 0.0)


def _is_free(now: datetime) -> ColumnElement[bool]:
    return and_(Job.due_at <= now, or_(Job.leased_until.is_(None), Job.leased_until < now))
