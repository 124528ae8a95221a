"""Everything about one incident: its events with their evidence, its timeline, and what the viewer may do."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy import and_, bindparam, or_, select
from sqlalchemy.orm import Session

from server.db.incident_models import Incident
from server.db.models import Camera, EventRecord, EvidenceFile, EvidenceReference, IncidentStep
from server.domain import access
from server.domain.access import Permission, Principal
from server.domain.incident import IncidentAction, ResponseTimes, actions_from
from server.domain.views import EventItem, EvidenceItem, IncidentDetail, TimelineItem, media_url
from server.incidents.queries import cards, find_incident
from server.places.service import PlaceTree

MAX_DETAIL_EVENTS: Final = 200
"""An incident page shows the newest of a flood, not all 50,000."""
_TAKEN: Final = select(Incident.id).where(Incident.merged_into_id == bindparam("id"), Incident.by_hand)
_STEPS: Final = (
    select(IncidentStep)
    .where(
        or_(
            IncidentStep.incident_id == bindparam("id"),
            and_(
                IncidentStep.incident_id.in_(_TAKEN),
                IncidentStep.action.not_in((IncidentAction.OPEN, IncidentAction.MERGE)),
            ),
        )
    )
    .order_by(IncidentStep.at, IncidentStep.id)
)
"""With what people did to an incident before an officer merged it into this one."""


def incident_detail(session: Session, principal: Principal, incident_id: UUID) -> IncidentDetail:
    """Everything about an incident.

    Raises:
        NotFound: There is none in the scope.
    """
    incident = find_incident(session, principal, incident_id)
    card = cards(PlaceTree.read(session), [incident])[0]
    records = session.scalars(
        select(EventRecord)
        .where(EventRecord.incident_id == incident_id)
        .order_by(EventRecord.started_at.desc(), EventRecord.event_id)
        .limit(MAX_DETAIL_EVENTS)
    ).all()
    evidence = _evidence_of(session, incident_id, [record.event_id for record in records])
    names = dict(
        session.execute(select(Camera.id, Camera.name).where(Camera.id.in_({r.camera_id for r in records}))).all()
    )
    steps = session.scalars(_STEPS, {"id": incident_id})
    may_act = access.may_here(principal, Permission.HANDLE_INCIDENTS, card.place.path) and card.merged_into is None
    return IncidentDetail(
        card=card,
        events=tuple(_event_item(record, names, evidence) for record in reversed(records)),
        timeline=tuple(timeline_item(step) for step in steps),
        actions=actions_from(card.state) if may_act else (),
        times=ResponseTimes.of(
            incident.received_at, incident.acknowledged_at, incident.dispatched_at, incident.closed_at
        ),
        assigned_to_id=incident.assigned_to_id,
        inhibited_by=incident.inhibited_by_id,
        silence_id=incident.silence_id,
    )


def timeline_item(step: IncidentStep) -> TimelineItem:
    """A step as pages show it."""
    return TimelineItem(
        step.at,
        step.action,
        step.actor_name,
        step.text,
        step.from_state,
        step.to_state,
        other_id=step.other_id,
        silence_id=step.silence_id,
    )


def steps_since(session: Session, incident_id: UUID, version: int) -> tuple[TimelineItem, ...]:
    """What happened to an incident after a version of it was looked at: told to who decided on the old one."""
    rows = session.scalars(
        select(IncidentStep)
        .where(IncidentStep.incident_id == incident_id, IncidentStep.version > version)
        .order_by(IncidentStep.at, IncidentStep.id)
        .limit(20)
    )
    return tuple(timeline_item(row) for row in rows if row.action is not IncidentAction.ESCALATE)


def _evidence_of(session: Session, incident_id: UUID, event_ids: list[UUID]) -> dict[UUID, list[EvidenceItem]]:
    query = (
        select(EvidenceReference, EvidenceFile)
        .outerjoin(EvidenceFile, EvidenceFile.sha256 == EvidenceReference.sha256)
        .where(EvidenceReference.event_id.in_(event_ids))
        .order_by(EvidenceReference.event_id, EvidenceReference.role)
    )
    items: dict[UUID, list[EvidenceItem]] = {}
    for reference, file in session.execute(query):
        has_come: bool = file is not None  # the stubs take an outer join for an inner one
        available = has_come and file.removed_at is None
        items.setdefault(reference.event_id, []).append(
            EvidenceItem(
                event_id=reference.event_id,
                role=reference.role,
                sha256=reference.sha256,
                media_type=reference.media_type,
                size_bytes=reference.size_bytes,
                codec=reference.codec,
                available=available,
                gone=not available and (has_come or reference.gone_at is not None),
                url=media_url(incident_id, reference.sha256) if available else None,
            )
        )
    return items


def _event_item(record: EventRecord, names: dict[str, str], evidence: dict[UUID, list[EvidenceItem]]) -> EventItem:
    return EventItem(
        event_id=record.event_id,
        kind=record.kind,
        camera_id=record.camera_id,
        camera_name=names.get(record.camera_id, record.camera_id),
        zone=record.zone,
        state=record.state,
        started_at=record.started_at,
        observed_at=record.observed_at,
        ended_at=record.ended_at,
        confidence=record.confidence,
        facts=record.facts,
        paths=record.paths,
        plate=record.plate,
        config_version=record.config_version,
        evidence=tuple(evidence.get(record.event_id, ())),
    )
