"""What people and time do to incidents: acknowledge, dispatch, resolve, reopen, note, expire."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from server.alerts import service as alerts
from server.audit import service as audit
from server.clock import Clock
from server.db.engine import LOCK_VILLAGE, lock
from server.db.models import Incident, IncidentStep
from server.domain import access
from server.domain.access import Permission, Principal
from server.domain.grouping import policy_for
from server.domain.incident import (
    DECIDED_STATES,
    EXPIRES_AFTER,
    OPEN_STATES,
    IncidentAction,
    IncidentState,
    state_after,
)
from server.errors import Conflict, Forbidden, InvalidInput, StaleVersion
from server.incidents.queries import find_incident
from server.places.service import PlaceTree

MAX_NOTE: Final = 2000
_EXPIRE_AT_ONCE: Final = 500


def act(
    session: Session,
    clock: Clock,
    principal: Principal,
    incident_id: UUID,
    action: IncidentAction,
    *,
    version: int,
    note: str = "",
    request_id: str = "",
) -> Incident:
    """Take a step of the life cycle. Of two people at once one wins; the other is told and changes nothing.

    Args:
        session: Of `Database.write`.
        clock: The time.
        principal: Who acts.
        incident_id: On what.
        action: One of `OFFICER_ACTIONS`.
        version: The version of the card the decision was made on.
        note: A remark, kept in the timeline.
        request_id: For the audit log.

    Raises:
        NotFound: No such incident in the scope.
        Forbidden: The role may look, not act.
        StaleVersion: Somebody else acted since.
        Conflict: The action is not possible in this state.
        InvalidInput: The note is too long.
    """
    incident = _locked(session, principal, incident_id)
    note = _checked_note(note)
    if incident.version != version:
        handled_by = incident.handled_by.display_name if incident.handled_by is not None else "the system"
        raise StaleVersion(
            f"{handled_by} was faster: the incident is now {incident.state.value}", "Look at it again, then decide."
        )
    target = state_after(incident.state, action)
    if target is None or incident.merged_into_id is not None:
        raise Conflict(f"{action.value} is not possible: the incident is {incident.state.value}", "Look at it again.")
    now, before = clock.utc(), incident.state
    changed = session.execute(
        update(Incident)
        .where(Incident.id == incident_id, Incident.version == version)
        .values(
            state=target,
            version=version + 1,
            touched_at=now,
            handled_by_id=int(principal.id),
            decided_at=now if target in DECIDED_STATES else None,
            **({"open_key": None} if target in DECIDED_STATES else {}),
        )
        .returning(Incident.id)
    ).first()
    if changed is None:  # zero rows: another process got there first
        raise StaleVersion("somebody else was faster", "Look at the incident again, then decide.")
    session.refresh(incident)
    session.add(_step(incident, now, action, before, target, principal, note))
    _record(session, now, principal, incident, action, before, request_id)
    alerts.publish(session, incident, target.value, now)
    return incident


def add_note(
    session: Session, clock: Clock, principal: Principal, incident_id: UUID, text: str, *, request_id: str = ""
) -> None:
    """Add a remark to the timeline.

    Raises:
        NotFound: No such incident in the scope.
        Forbidden: The role may look, not act.
        InvalidInput: The note is empty or too long.
    """
    incident = _locked(session, principal, incident_id)
    text = _checked_note(text)
    if not text:
        raise InvalidInput("the note is empty", "Write something.")
    now = clock.utc()
    incident.touched_at = now
    session.add(_step(incident, now, IncidentAction.NOTE, None, None, principal, text))
    _record(session, now, principal, incident, IncidentAction.NOTE, incident.state, request_id)


def close_and_expire(session: Session, clock: Clock) -> int:
    """End what time has ended: incidents past their gap take no new events, untouched ones expire after a day.

    Returns:
        How many incidents expired.
    """
    now = clock.utc()
    candidates = (
        select(Incident.id, Incident.village_id)
        .where(
            Incident.state.in_(OPEN_STATES),
            Incident.touched_at < now - EXPIRES_AFTER,
            Incident.merged_into_id.is_(None),
        )
        .order_by(Incident.touched_at)
        .limit(_EXPIRE_AT_ONCE)
    )
    rows = session.execute(candidates).all()
    idle = (
        select(Incident.id, Incident.village_id)
        .where(Incident.open_key.is_not(None))
        .order_by(Incident.touched_at)
        .limit(_EXPIRE_AT_ONCE)
    )
    open_rows = session.execute(idle).all()
    lock(session, LOCK_VILLAGE, {village for _, village in (*rows, *open_rows)})
    for incident_id, _ in open_rows:
        incident = session.get_one(Incident, incident_id, populate_existing=True)
        if (
            incident.open_key is not None
            and max(incident.touched_at, incident.last_at) + policy_for(incident.kind).gap < now
        ):
            incident.open_key = None
    expired = 0
    for incident_id, _ in rows:
        incident = session.get_one(Incident, incident_id, populate_existing=True)
        if incident.state in OPEN_STATES and incident.touched_at < now - EXPIRES_AFTER:
            _expire(session, incident, now)
            expired += 1
    return expired


def _expire(session: Session, incident: Incident, now: datetime) -> None:
    before = incident.state
    incident.state, incident.open_key = IncidentState.EXPIRED, None
    incident.version += 1
    session.add(_step(incident, now, IncidentAction.EXPIRE, before, IncidentState.EXPIRED, None, ""))
    alerts.publish(session, incident, IncidentState.EXPIRED.value, now)


def _locked(session: Session, principal: Principal, incident_id: UUID) -> Incident:
    incident = find_incident(session, principal, incident_id)
    if not access.may_here(principal, Permission.HANDLE_INCIDENTS, PlaceTree.read(session).path(incident.village_id)):
        raise Forbidden("your role may look at incidents, not handle them", "Ask an officer.")
    lock(session, LOCK_VILLAGE, [incident.village_id])
    session.refresh(incident)
    return incident


def _checked_note(text: str) -> str:
    text = text.replace("\x00", "").strip()
    if len(text) > MAX_NOTE:
        raise InvalidInput(f"the note has {len(text)} characters", f"Keep it to {MAX_NOTE}.")
    return text


def _step(
    incident: Incident,
    at: datetime,
    action: IncidentAction,
    before: IncidentState | None,
    after: IncidentState | None,
    principal: Principal | None,
    text: str,
) -> IncidentStep:
    actor, name = (principal.actor, principal.name) if principal is not None else (audit.SYSTEM, audit.SYSTEM)
    return IncidentStep(
        incident_id=incident.id,
        at=at,
        action=action,
        from_state=before,
        to_state=after,
        actor=actor,
        actor_name=name,
        text=text,
    )


def _record(
    session: Session,
    at: datetime,
    principal: Principal,
    incident: Incident,
    action: IncidentAction,
    before: IncidentState,
    request_id: str,
) -> None:
    audit.record(
        session,
        at=at,
        actor=principal,
        action=f"incident.{action.value}",
        subject=f"incident:{incident.id}",
        detail={"from": before.value, "to": incident.state.value, "village": incident.village_id},
        request_id=request_id,
    )
