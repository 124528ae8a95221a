"""Legal holds: an incident, its events and its evidence stay beyond their periods, and beyond want of room.

A hold belongs to an incident. Where incidents are merged or split, it follows the events.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from server.audit import service as audit
from server.clock import Clock
from server.db.models import EventRecord, EvidenceFile, EvidenceReference, Incident
from server.db.work_models import LegalHold
from server.domain import access
from server.domain.access import Permission, Principal
from server.errors import Conflict, Forbidden, InvalidInput
from server.incidents.queries import find_incident
from server.places.service import PlaceTree

MAX_REASON: Final = 500


def place(
    session: Session, clock: Clock, principal: Principal, incident_id: UUID, reason: str, *, request_id: str = ""
) -> LegalHold:
    """Keep an incident until the hold is released.

    Raises:
        NotFound: No such incident in the scope.
        Forbidden: The role may look, not act.
        InvalidInput: No reason, or one that is too long.
        Conflict: It is held already.
    """
    incident = _may(session, principal, incident_id)
    reason = _checked(reason)
    if active(session, incident_id) is not None:
        raise Conflict("this incident is kept already", "Release the hold first to change its reason.")
    now = clock.utc()
    hold = LegalHold(
        incident_id=incident_id,
        reason=reason,
        placed_at=now,
        placed_by=principal.actor,
        placed_by_name=principal.name,
    )
    session.add(hold)
    _audit(session, now, principal, "incident.hold", incident, {"reason": reason}, request_id)
    return hold


def release(
    session: Session, clock: Clock, principal: Principal, incident_id: UUID, reason: str, *, request_id: str = ""
) -> None:
    """Let an incident go its usual way again.

    Raises:
        NotFound: No such incident in the scope.
        Forbidden: The role may look, not act.
        InvalidInput: No reason, or one that is too long.
        Conflict: Nothing holds it.
    """
    incident = _may(session, principal, incident_id)
    reason = _checked(reason)
    found = _active(session, incident_id)
    if not found:
        raise Conflict("this incident is not kept", "Load the page anew.")
    now = clock.utc()
    for hold in found:
        hold.released_at, hold.released_by_name, hold.release_reason = now, principal.name, reason
    _audit(session, now, principal, "incident.release_hold", incident, {"reason": reason}, request_id)


def active(session: Session, incident_id: UUID) -> LegalHold | None:
    """The hold on an incident, or on one that was merged into it; None where there is none."""
    return next(iter(_active(session, incident_id)), None)


def _active(session: Session, incident_id: UUID) -> list[LegalHold]:
    parts = reached = {incident_id}
    while reached:
        reached = set(session.scalars(select(Incident.id).where(Incident.merged_into_id.in_(reached)))) - parts
        parts = parts | reached
    query = select(LegalHold).where(LegalHold.incident_id.in_(parts), LegalHold.released_at.is_(None))
    return list(session.scalars(query.order_by(LegalHold.id)))


def follow(session: Session, from_id: UUID, to_id: UUID, now: datetime) -> None:
    """Copy a hold to an incident that took events of a held one: call it where incidents are merged or split."""
    hold = active(session, from_id)
    if hold is None or active(session, to_id) is not None:
        return
    session.add(
        LegalHold(
            incident_id=to_id,
            reason=hold.reason,
            placed_at=now,
            placed_by=hold.placed_by,
            placed_by_name=hold.placed_by_name,
        )
    )


def held_ids(session: Session) -> set[UUID]:
    """The incidents that are held, those included that a held one was merged into."""
    held = set(session.scalars(select(LegalHold.incident_id).where(LegalHold.released_at.is_(None))))
    reached = held
    while reached:
        into = select(Incident.merged_into_id).where(Incident.id.in_(reached), Incident.merged_into_id.is_not(None))
        reached = {item for item in session.scalars(into) if item is not None} - held
        held |= reached
    return held


def file_is_free(session: Session) -> ColumnElement[bool]:
    """That no held incident has a file (of `EvidenceFile`)."""
    return ~exists().where(
        EvidenceReference.sha256 == EvidenceFile.sha256,
        EventRecord.event_id == EvidenceReference.event_id,
        EventRecord.incident_id.in_(held_ids(session)),
    )


def _may(session: Session, principal: Principal, incident_id: UUID) -> Incident:
    incident = find_incident(session, principal, incident_id)
    if not access.may_here(principal, Permission.HANDLE_INCIDENTS, PlaceTree.read(session).path(incident.village_id)):
        raise Forbidden("your role may not do this", "Ask an officer.")
    return incident


def _checked(reason: str) -> str:
    reason = reason.replace("\x00", "").strip()
    if not 3 <= len(reason) <= MAX_REASON:
        raise InvalidInput("a hold needs a reason", f"Write 3 to {MAX_REASON} letters.")
    return reason


def _audit(
    session: Session,
    at: datetime,
    principal: Principal,
    action: str,
    incident: Incident,
    detail: dict[str, str],
    request_id: str,
) -> None:
    audit.record(
        session,
        at=at,
        actor=principal,
        action=action,
        subject=f"incident:{incident.id}",
        detail=detail | {"village": incident.village_id},
        request_id=request_id,
    )
