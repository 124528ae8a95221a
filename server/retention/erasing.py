"""Deletes incidents and events with everything that hangs on them. The schema says what that is.

A row that names what is deleted goes with it where it must name it, and forgets it where it may name nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import Table, Text, and_, cast, delete, select, update
from sqlalchemy.orm import Session

from server.db import partitions
from server.db.models import ClipCopy, EventRecord, EventRevision, EvidenceReference, Incident
from server.db.types import Base
from server.reports.rollup import keep_erased

_CHUNK = 200


def erase_incidents(session: Session, incident_ids: Sequence[UUID]) -> None:
    """Delete incidents, those that were merged into them, and their events.

    The caller has seen to it that nothing holds them and that their files are out of use.
    """
    everything = list(incident_ids)
    reached: Sequence[UUID] = everything
    while reached:  # what was merged into one of them tells of the same thing
        reached = [
            item
            for item in session.scalars(select(Incident.id).where(Incident.merged_into_id.in_(reached)))
            if item not in everything
        ]
        everything.extend(reached)
    events = list(session.scalars(select(EventRecord.event_id).where(EventRecord.incident_id.in_(everything))))
    for start in range(0, len(events), _CHUNK):
        erase_events(session, events[start : start + _CHUNK], are_over=True)
    keep_erased(session, everything)
    _unlink(session, Incident.__table__, everything)
    session.execute(delete(Incident).where(Incident.id.in_(everything)).execution_options(synchronize_session=False))
    session.expire_all()


def erase_events(session: Session, event_ids: Sequence[UUID], *, are_over: bool = False) -> None:
    """Delete events with their revisions and references.

    Args:
        session: Of `Database.write`.
        event_ids: Not more than a statement can name.
        are_over: Where revisions lie in a month's partition, they are emptied: it is dropped as a whole
            (`server.retention.months`). Until then a copy of one is still known for what it is.
    """
    clips = set(session.scalars(select(EvidenceReference.sha256).where(EvidenceReference.event_id.in_(event_ids))))
    spared = partitions.left_to_drop(session, event_ids) if are_over else set()
    if spared:
        of_them = and_(EventRevision.event_id.in_(spared), cast(EventRevision.body, Text) != "{}")
        session.execute(update(EventRevision).where(of_them).values(body={}))
    _unlink(session, EventRecord.__table__, event_ids, {EventRevision.__table__: spared})
    session.execute(
        delete(EventRecord).where(EventRecord.event_id.in_(event_ids)).execution_options(synchronize_session=False)
    )
    still = set(session.scalars(select(EvidenceReference.sha256).where(EvidenceReference.sha256.in_(clips))))
    session.execute(delete(ClipCopy).where(ClipCopy.clip_sha256.in_(clips - still)))


def _unlink(
    session: Session, target: object, ids: Sequence[UUID], spared: Mapping[object, set[UUID]] = MappingProxyType({})
) -> None:
    """Delete or empty what names rows of a table."""
    for table in reversed(Base.metadata.sorted_tables):
        mine = [item for item in ids if item not in spared.get(table, ())]
        for column in table.columns:
            for key in column.foreign_keys:
                if key.column.table is not target or not mine:
                    continue
                if column.nullable:
                    session.execute(update(table).where(column.in_(mine)).values({column: None}))
                else:
                    _delete_rows(session, table, column.in_(mine))


def _delete_rows(session: Session, table: Table, condition: object) -> None:
    session.execute(delete(table).where(condition))  # type: ignore[arg-type]  # a column's condition
