"""The feed of alerts: numbered in commit order, read from any position under the reader's rights of that moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from server.db.engine import numbers_at_commit
from server.db.feed_models import UnnumberedAlert
from server.db.models import Alert, Incident

_PENDING = "pending_alerts"
KEPT_FOR: Final = timedelta(days=30)
"""A client that was away for longer loads the page anew."""


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One row of the feed."""

    sequence: int
    incident_id: UUID
    change: str


def set_back_message(sequence: int) -> str:
    """What a page is sent whose number never was: it loads what it shows anew, and follows from the newest number."""
    return f"id: {sequence}\nevent: anew\ndata: {{}}\n\n"


def publish(session: Session, incident: Incident, change: str, at: datetime) -> None:
    """Tell the feed about an incident when the transaction commits: one row each, the first change wins."""
    pending: dict[UUID, tuple[Incident, str, datetime]] = session.info.setdefault(_PENDING, {})
    pending.setdefault(incident.id, (incident, change, at))


def write_pending(session: Session) -> None:
    """Append the transaction's alerts: a hook before commit.

    SQLite has one writer at a time, so their numbers rise as commits do. On PostgreSQL they wait for the relay.
    """
    pending: dict[UUID, tuple[Incident, str, datetime]] = session.info.pop(_PENDING, {})
    if not pending:
        return
    rows = [
        {
            "incident_id": incident.id,
            "village_id": incident.village_id,
            "change": change,
            "at": at,
            "decision": incident.alert_decision,
            "silence_id": incident.silence_id,
            "inhibited_by_id": incident.inhibited_by_id,
        }
        for incident, change, at in pending.values()
    ]
    if numbers_at_commit(session):
        session.execute(insert(Alert), rows)
        session.info["feed_written"] = True
    else:
        session.execute(insert(UnnumberedAlert), rows)
        session.info["alerts_waiting"] = True


def latest_sequence(session: Session) -> int:
    """The newest number of the feed; 0 while it is empty."""
    return session.scalar(select(func.max(Alert.sequence))) or 0


def read_after(
    session: Session, sequence: int, village_ids: list[str] | None, limit: int
) -> tuple[list[FeedItem], int]:
    """The feed after a position, for some villages (None: for all).

    Returns:
        The newest row of each incident, in order, and the position up to which the feed has now been read. It is
        lower than the one asked for where that number never was: the database was restored from a backup since.
    """
    newest = latest_sequence(session)
    if newest <= sequence:
        return [], newest
    query = (
        select(Alert.sequence, Alert.incident_id, Alert.change)
        .where(Alert.sequence > sequence, Alert.sequence <= newest)
        .order_by(Alert.sequence)
        .limit(limit)
    )
    if village_ids is not None:
        query = query.where(Alert.village_id.in_(village_ids))
    rows = [FeedItem(*row) for row in session.execute(query)]
    position = rows[-1].sequence if len(rows) == limit else newest
    last = {row.incident_id: row for row in rows}
    return sorted(last.values(), key=lambda row: row.sequence), position


def forget_old(session: Session, now: datetime) -> None:
    """Drop rows that nobody resumes from any more; the newest stays, for pages know its number."""
    newest = select(func.max(Alert.sequence)).scalar_subquery()
    session.execute(delete(Alert).where(Alert.at < now - KEPT_FOR, Alert.sequence < newest))
