"""What every change of an incident's events has in common: counts, reach, severity, pictures, its timeline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.event import EventState, EvidenceRole
from server.alerts import service as alerts
from server.audit import service as audit
from server.db.models import EventRecord, EvidenceFile, EvidenceReference, Incident, IncidentStep
from server.domain import grouping
from server.domain.access import Principal
from server.domain.hours import SiteHours
from server.domain.incident import IncidentAction, IncidentState
from server.domain.severity import SEVERITIES, severity_of
from server.notifications import outbox

_CHUNK: Final = 500
_OPENED: Final = "opened_incidents"
"""Of the session: what its transaction opened, whose first severity is no change."""


def reach(incident: Incident) -> datetime:
    """An event that starts until then belongs to the incident."""
    return incident.reach_at or grouping.reach_of(incident.kind, incident.last_at)


def step(
    incident: Incident,
    at: datetime,
    action: IncidentAction,
    after: IncidentState | None = None,
    *,
    before: IncidentState | None = None,
    by: Principal | None = None,
    text: str = "",
    other_id: UUID | None = None,
    silence_id: int | None = None,
) -> IncidentStep:
    """A line of the incident's timeline; by the system where `by` is None."""
    actor, name = (by.actor, by.name) if by is not None else (audit.SYSTEM, audit.SYSTEM)
    return IncidentStep(
        incident_id=incident.id,
        at=at,
        action=action,
        from_state=before,
        to_state=after,
        actor=actor,
        actor_name=name,
        text=text,
        version=incident.version,
        other_id=other_id,
        silence_id=silence_id,
    )


def judge(session: Session, incident: Incident, now: datetime) -> None:
    """Judge an incident's severity by what is known of it now; a change is told and audited."""
    before = incident.severity
    after = severity_of(
        incident.kind,
        incident.event_count,
        incident.last_at - incident.first_at,
        after_hours=incident.after_hours,
        school_hours=incident.school_hours,
    )
    if after is before:
        return
    incident.severity = after
    if incident.id in session.info.get(_OPENED, ()):
        return
    if SEVERITIES.index(after) > SEVERITIES.index(before):
        alerts.publish(session, incident, "escalated", now)
        outbox.tell(session, incident, now)
    session.add(step(incident, now, IncidentAction.ESCALATE, text=f"{before.value} {after.value}"))
    audit.record(
        session,
        at=now,
        actor=None,
        action="incident.escalate",
        subject=f"incident:{incident.id}",
        detail={"from": before.value, "to": after.value, "village": incident.village_id},
    )


def add_opened(session: Session, incident: Incident, now: datetime) -> None:
    """Write a new incident down, with the first step of its life, and tell the feed."""
    session.info.setdefault(_OPENED, set()).add(incident.id)
    session.add(incident)
    session.flush()
    session.add(step(incident, now, IncidentAction.OPEN, IncidentState.NEW))
    alerts.publish(session, incident, "opened", now)
    outbox.tell(session, incident, now)


def recount(session: Session, incident: Incident, hours: SiteHours, now: datetime) -> None:
    """Bring everything that an incident keeps of its events up to date after events moved.

    Raises:
        ValueError: It has no events.
    """
    session.flush()
    of_it = EventRecord.incident_id == incident.id
    rows = session.execute(
        select(
            EventRecord.started_at,
            EventRecord.observed_at,
            EventRecord.ended_at,
            EventRecord.state,
            EventRecord.kind,
            EventRecord.spot,
            EventRecord.camera_id,
            EventRecord.event_id,
        ).where(of_it)
    ).all()
    if not rows:
        raise ValueError(f"incident {incident.id} has no events")
    lasts = [max(row.observed_at, row.ended_at or row.observed_at) for row in rows]
    incident.first_at = min(row.started_at for row in rows)
    incident.last_at = max(lasts)
    incident.reach_at = max(grouping.reach_of(row.kind, last) for row, last in zip(rows, lasts, strict=True))
    incident.kind = grouping.lead_kind({row.kind for row in rows})
    newest = max(zip(lasts, rows, strict=True), key=lambda item: (item[0], item[1].event_id))[1]
    incident.camera_id = newest.camera_id
    incident.event_count = len(rows)
    incident.open_event_count = sum(row.state is not EventState.END for row in rows)
    incident.after_hours = any(hours.is_after_hours(row.started_at) for row in rows)
    incident.school_hours = any(hours.is_school_time(row.started_at, row.spot) for row in rows)
    incident.touched_at = now
    judge(session, incident, now)


def refresh_pictures(session: Session, incident: Incident) -> None:
    """Show the newest pictures of the incident's own events, after some went elsewhere."""
    session.flush()
    incident.snapshot_sha256 = _newest_picture(session, incident.id, EvidenceRole.SNAPSHOT)
    incident.redacted_sha256 = _newest_picture(session, incident.id, EvidenceRole.SNAPSHOT_REDACTED)


def _newest_picture(session: Session, incident_id: UUID, role: EvidenceRole) -> str | None:
    return session.scalar(
        select(EvidenceReference.sha256)
        .join(EventRecord, EventRecord.event_id == EvidenceReference.event_id)
        .join(EvidenceFile, EvidenceFile.sha256 == EvidenceReference.sha256)
        .where(
            EventRecord.incident_id == incident_id, EvidenceReference.role == role, EvidenceFile.removed_at.is_(None)
        )
        .order_by(EventRecord.started_at.desc())
        .limit(1)
    )


def fold_history(kept: Incident, taken: Incident) -> None:
    """Let an incident that takes another one in keep what people did to both: who has it, and when they reacted."""
    kept.received_at = min(kept.received_at, taken.received_at)
    kept.assigned_to_id = kept.assigned_to_id if kept.assigned_to_id is not None else taken.assigned_to_id
    kept.acknowledged_at = _first(kept.acknowledged_at, taken.acknowledged_at)
    kept.dispatched_at = _first(kept.dispatched_at, taken.dispatched_at)
    kept.snapshot_sha256 = kept.snapshot_sha256 or taken.snapshot_sha256
    kept.redacted_sha256 = kept.redacted_sha256 or taken.redacted_sha256


def _first(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((at for at in (one, other) if at is not None), default=None)


def chunks(items: Sequence[UUID]) -> list[Sequence[UUID]]:
    """Parts small enough to be named in one statement."""
    return [items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK)]


def event_count(session: Session, incident_id: UUID) -> int:
    """How many events are in an incident."""
    return session.scalar(select(func.count()).where(EventRecord.incident_id == incident_id)) or 0
