"""Events that came with an impossible clock: shown to an admin, who lets them in with a time that can be true, or not.

Their bodies stay as they came, whatever is decided: the audit log says by how much the times were moved, and by whom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from contract.event import Event
from server.audit import service as audit
from server.clock import Clock
from server.db.engine import LOCK_VILLAGE, lock
from server.db.models import Device, EventRecord, EventRevision, EvidenceFile, EvidenceReference
from server.domain.access import Principal
from server.errors import Conflict, InvalidInput, NotFound
from server.incidents.grouping import GroupedEvent, Grouping
from server.ingest.batch import MAX_AHEAD
from server.ingest.pictures import show_picture
from server.retention.erasing import erase_events

AT_ONCE: Final = 100
"""Events of one transaction: others want to write, too."""
_LOOK_AGAIN: Final = "`langan-server quarantine list` names those that there are."


@dataclass(frozen=True, slots=True)
class Correction:
    """By how much an event's times are moved: so much, or until what it saw last was seen when it came."""

    by: timedelta | None

    def shift_of(self, event: Event, received_at: datetime) -> timedelta:
        """The shift of one event."""
        return received_at - _last_moment(event) if self.by is None else self.by


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An event in quarantine, as its newest revision tells it.

    Attributes:
        event_id: Which.
        device_id: Who sent it.
        camera_id: Of which camera.
        kind: What happened.
        started_at: When, by the device's word.
        received_at: When its first revision came, by ours.
        reason: Why it is there.
        clock_offset_s: The device's clock minus ours at its last heartbeat; None: not known.
    """

    event_id: UUID
    device_id: str
    camera_id: str
    kind: str
    started_at: datetime
    received_at: datetime
    reason: str
    clock_offset_s: float | None


def listed(session: Session, device_id: str | None = None, limit: int | None = None) -> list[Quarantined]:
    """Events in quarantine, those that came first in front.

    Args:
        session: To read.
        device_id: Only this device's.
        limit: No more than these.
    """
    sender = (
        select(EventRevision.device_id)
        .where(EventRevision.event_id == EventRecord.event_id)
        .order_by(EventRevision.revision.desc())
        .limit(1)
        .scalar_subquery()
    )
    found = (
        select(EventRecord, Device.id, Device.clock_offset_s)
        .join(Device, Device.id == sender)
        .where(EventRecord.quarantine_reason.is_not(None))
        .order_by(EventRecord.received_at, EventRecord.event_id)
        .limit(limit)
    )
    if device_id is not None:
        found = found.where(Device.id == device_id)
    return [
        Quarantined(
            row.event_id, device, row.camera_id, row.kind, row.started_at, row.received_at,
            row.quarantine_reason or "", offset_s,
        )
        for row, device, offset_s in session.execute(found)
    ]  # fmt: skip


def counted(session: Session) -> int:
    """How many there are."""
    found = select(func.count()).select_from(EventRecord).where(EventRecord.quarantine_reason.is_not(None))
    return session.scalar(found) or 0


def release(
    session: Session,
    clock: Clock,
    zone: ZoneInfo,
    event_ids: Sequence[UUID],
    correction: Correction,
    actor: Principal | None = None,
) -> dict[UUID, UUID]:
    """Let events into incidents, with times that can be true.

    Args:
        session: Of `Database.write`.
        clock: The time.
        zone: The site's time zone.
        event_ids: At most `AT_ONCE`.
        correction: Of their times.
        actor: Who; None for the command line.

    Returns:
        The incident of each event.

    Raises:
        NotFound: One is not in quarantine.
        InvalidInput: A time would be one after the event came.
        Conflict: A body is none that this release can read.
    """
    rows = _rows(session, event_ids)
    lock(session, LOCK_VILLAGE, {row.village_id for row in rows})
    now = clock.utc()
    known: dict[UUID, GroupedEvent] = {}
    grouping = Grouping(session, now, zone, known, lambda: _write(session, known))
    told: list[tuple[EventRecord, timedelta]] = []
    for row in rows:
        event = _newest(session, row.event_id)
        shift = correction.shift_of(event, row.received_at)
        if _last_moment(event) + shift > row.received_at + MAX_AHEAD:
            raise InvalidInput(
                f"event {row.event_id} would have been seen after it came",
                "Move its times further back (--shift), or take when it came (--as-received).",
            )
        _tell(row, event, shift)
        told.append((row, shift))
    session.flush()
    for row, shift in sorted(told, key=lambda item: (item[0].started_at, item[0].event_id)):
        known[row.event_id] = _grouped(row)
        incident = grouping.place(known[row.event_id], None)
        for reference in _arrived(session, row.event_id):
            show_picture(incident, reference.role, reference.sha256)
        session.execute(update(EventRevision).where(EventRevision.event_id == row.event_id).values(quarantined=False))
        detail = {"camera": row.camera_id, "village": row.village_id, "shift_s": round(shift.total_seconds())}
        _audit(session, now, actor, "event.release", row, detail)
    _write(session, known)
    return {row.event_id: row.incident_id for row in rows if row.incident_id is not None}


def discard(session: Session, clock: Clock, event_ids: Sequence[UUID], why: str, actor: Principal | None = None) -> int:
    """Delete events in quarantine; gives their number. Their pictures go with the next night's retention.

    Args:
        session: Of `Database.write`.
        clock: The time.
        event_ids: At most `AT_ONCE`.
        why: For the audit log.
        actor: Who; None for the command line.

    Raises:
        NotFound: One is not in quarantine.
        InvalidInput: No reason was given.
    """
    if not why.strip():
        raise InvalidInput("no reason was given", "Say why, for the audit log.")
    rows = _rows(session, event_ids)
    for row in rows:
        detail = {"camera": row.camera_id, "village": row.village_id, "kind": row.kind, "why": why.strip()[:300]}
        _audit(session, clock.utc(), actor, "event.discard", row, detail)
    erase_events(session, [row.event_id for row in rows])
    return len(rows)


def _grouped(row: EventRecord) -> GroupedEvent:
    """An event on its way into an incident."""
    return GroupedEvent(
        event_id=row.event_id, kind=row.kind, village_id=row.village_id, spot=row.spot, camera_id=row.camera_id,
        state=row.state, started_at=row.started_at, observed_at=row.observed_at, ended_at=row.ended_at,
    )  # fmt: skip


def _rows(session: Session, event_ids: Sequence[UUID]) -> list[EventRecord]:
    found = session.scalars(
        select(EventRecord)
        .where(EventRecord.event_id.in_(event_ids), EventRecord.quarantine_reason.is_not(None))
        .order_by(EventRecord.event_id)
        .with_for_update()
    ).all()
    if missing := set(event_ids) - {row.event_id for row in found}:
        raise NotFound(f"event {min(missing)} is not in quarantine", _LOOK_AGAIN)
    return list(found)


def _newest(session: Session, event_id: UUID) -> Event:
    body = session.scalars(
        select(EventRevision.body)
        .where(EventRevision.event_id == event_id)
        .order_by(EventRevision.revision.desc())
        .limit(1)
    ).one()
    try:
        return Event.model_validate(body)
    except ValidationError as error:
        raise Conflict(f"event {event_id} is none that this release can read", "Discard it.") from error


def _tell(row: EventRecord, event: Event, shift: timedelta) -> None:
    """Let the row tell what the newest revision does, at times that can be true."""
    row.revision, row.state, row.zone = event.revision, event.state, event.zone
    row.started_at, row.observed_at = event.started_at + shift, event.observed_at + shift
    row.ended_at = None if event.ended_at is None else event.ended_at + shift
    row.confidence, row.facts = event.confidence, event.facts.model_dump(mode="json")
    row.paths = [path.model_dump(mode="json") for path in event.paths]
    row.plate = None if event.plate is None else event.plate.model_dump(mode="json")
    row.config_version, row.quarantine_reason = event.config_version, None


def _write(session: Session, known: dict[UUID, GroupedEvent]) -> None:
    for event_id, event in known.items():
        row = session.get_one(EventRecord, event_id)
        row.incident_id, row.came_from_id = event.incident_id, event.came_from_id
    session.flush()


def _arrived(session: Session, event_id: UUID) -> Sequence[EvidenceReference]:
    return session.scalars(
        select(EvidenceReference)
        .join(EvidenceFile, EvidenceFile.sha256 == EvidenceReference.sha256)
        .where(EvidenceReference.event_id == event_id, EvidenceFile.removed_at.is_(None))
    ).all()


def _last_moment(event: Event) -> datetime:
    return max(event.observed_at, event.ended_at or event.observed_at)


def _audit(
    session: Session, at: datetime, actor: Principal | None, action: str, row: EventRecord, detail: dict[str, Any]
) -> None:
    audit.record(session, at=at, actor=actor, action=action, subject=f"event:{row.event_id}", detail=detail)
