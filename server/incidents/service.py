"""What people and time do to incidents: acknowledge, dispatch, resolve, reopen, assign, note, expire.

Merging and splitting by hand is in `server.incidents.by_hand`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, or_, select, update
from sqlalchemy.orm import Session

from server.alerts import service as alerts
from server.audit import service as audit
from server.clock import Clock
from server.db.engine import LOCK_VILLAGE, Database, lock
from server.db.models import Incident, User
from server.domain import access
from server.domain.access import PERMISSIONS, Permission, Principal, Role
from server.domain.grouping import max_length_of
from server.domain.incident import (
    DECIDED_STATES,
    EXPIRES_AFTER,
    FIRST_REACTIONS,
    OPEN_STATES,
    REASONED_ACTIONS,
    IncidentAction,
    IncidentState,
    state_after,
)
from server.errors import Conflict, Forbidden, InvalidInput, NotFound, StaleVersion
from server.incidents.queries import find_incident
from server.incidents.upkeep import reach, step
from server.places.service import PlaceTree

MAX_NOTE: Final = 2000
_END_AT_ONCE: Final = 500
"""So many a round; the others a round later."""


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
        principal: Who acts. Who acknowledges or dispatches has the incident, unless somebody else was given it.
        incident_id: On what.
        action: One of `OFFICER_ACTIONS`.
        version: The version of the card the decision was made on.
        note: A remark, kept in the timeline; the reason of a false alarm.
        request_id: For the audit log.

    Raises:
        NotFound: No such incident in the scope.
        Forbidden: The role may look, not act.
        StaleVersion: Somebody else acted since.
        Conflict: The action is not possible in this state.
        InvalidInput: The note is too long, or a reason is missing.
    """
    incident = locked(session, principal, incident_id)
    note = checked_note(note)
    check_version(incident, version)
    target = state_after(incident.state, action)
    if target is None or incident.merged_into_id is not None:
        raise Conflict(f"{action.value} is not possible: the incident is {incident.state.value}", "Look at it again.")
    if action in REASONED_ACTIONS and not note:
        raise InvalidInput("a reason is missing", "Say why: it helps to adjust the camera.")
    now, before = clock.utc(), incident.state
    changed = session.execute(
        update(Incident)
        .where(Incident.id == incident_id, Incident.version == version)
        .values(version=version + 1, **_values(incident, action, target, principal, now))
        .returning(Incident.id)
    ).first()
    if changed is None:  # zero rows: another process got there first
        raise StaleVersion("somebody else was faster", "Look at the incident again, then decide.")
    session.refresh(incident)
    if action is IncidentAction.REOPEN:
        _take_key_again(session, incident, now)
    session.add(step(incident, now, action, target, before=before, by=principal, text=note))
    record(session, now, principal, incident, action, request_id, {"from": before.value, "to": target.value})
    alerts.publish(session, incident, target.value, now)
    return incident


def _values(
    incident: Incident, action: IncidentAction, target: IncidentState, principal: Principal, now: datetime
) -> dict[str, Any]:
    """What a step writes into the incident's row."""
    user_id, is_open = int(principal.id), target in OPEN_STATES
    values: dict[str, Any] = {
        "state": target,
        "touched_at": now,
        "handled_by_id": user_id,
        "decided_at": now if target in DECIDED_STATES else None,
        "closed_at": None if is_open else now,
    }
    if action in FIRST_REACTIONS and incident.acknowledged_at is None:
        values["acknowledged_at"] = now
    if action is IncidentAction.DISPATCH:
        values["dispatched_at"] = now
    if is_open and incident.assigned_to_id is None:
        values["assigned_to_id"] = user_id
    if target in DECIDED_STATES:
        values["open_key"] = None
    return values


def _take_key_again(session: Session, incident: Incident, now: datetime) -> None:
    """A reopened incident takes new events again, where time allows it and no newer one does."""
    newer = session.scalar(
        select(Incident.id)
        .where(
            Incident.key == incident.key,
            Incident.id != incident.id,
            or_(Incident.open_key.is_not(None), Incident.first_at > incident.first_at),
            Incident.merged_into_id.is_(None),
        )
        .limit(1)
    )
    if newer is None and reach(incident) >= now and incident.first_at + max_length_of(incident.kind) > now:
        incident.open_key = incident.key


def assign(
    session: Session,
    clock: Clock,
    principal: Principal,
    incident_id: UUID,
    user_id: int | None,
    *,
    version: int,
    request_id: str = "",
) -> Incident:
    """Give an incident to an officer, or to nobody.

    Raises:
        NotFound: No such incident in the scope, or no such officer there.
        Forbidden: The role may look, not act.
        StaleVersion: Somebody else acted since.
        Conflict: It is part of another incident now.
    """
    incident = locked(session, principal, incident_id)
    check_version(incident, version)
    if incident.merged_into_id is not None:
        raise Conflict("the incident is part of another one now", "Assign that one.")
    names = dict(assignees(session, incident.village_id))
    if user_id is not None and user_id not in names:
        raise NotFound("no such officer here", "Choose one of the list.")
    if incident.assigned_to_id == user_id:
        return incident
    now = clock.utc()
    incident.assigned_to_id, incident.handled_by_id, incident.touched_at = user_id, int(principal.id), now
    incident.version += 1
    session.flush()
    session.expire(incident, ["assigned_to", "handled_by"])
    session.add(step(incident, now, IncidentAction.ASSIGN, by=principal, text=names[user_id] if user_id else ""))
    record(session, now, principal, incident, IncidentAction.ASSIGN, request_id, {"to": user_id})
    alerts.publish(session, incident, "assigned", now)
    return incident


def assignees(session: Session, village_id: str) -> list[tuple[int, str]]:
    """Who may have an incident of a village: number and name, by name."""
    path = PlaceTree.read(session).path(village_id)
    roles = [role for role in Role if Permission.HANDLE_INCIDENTS in PERMISSIONS[role]]
    rows = session.execute(
        select(User.id, User.display_name)
        .where(User.active, User.role.in_(roles), or_(User.place_id.in_(path), User.place_id.is_(None)))
        .order_by(User.display_name, User.id)
    )
    return [(number, name) for number, name in rows]


def add_note(
    session: Session, clock: Clock, principal: Principal, incident_id: UUID, text: str, *, request_id: str = ""
) -> None:
    """Add a remark to the timeline.

    Raises:
        NotFound: No such incident in the scope.
        Forbidden: The role may look, not act.
        InvalidInput: The note is empty or too long.
    """
    incident = locked(session, principal, incident_id)
    text = checked_note(text)
    if not text:
        raise InvalidInput("the note is empty", "Write something.")
    now = clock.utc()
    incident.touched_at = now
    session.add(step(incident, now, IncidentAction.NOTE, by=principal, text=text))
    record(session, now, principal, incident, IncidentAction.NOTE, request_id, {})
    alerts.publish(session, incident, "noted", now)


def close_and_expire(database: Database, clock: Clock) -> int:
    """End what time has ended: incidents past their reach take no new events, untouched ones expire after a day.

    Each village is a transaction of its own, so that events of the others never wait for it, and only villages where
    something is due are locked.

    Returns:
        How many incidents expired.

    Raises:
        Unavailable: The database is not to be had now; what was ended before stays so.
    """
    now = clock.utc()
    with database.read() as session:
        due: dict[str, set[UUID]] = {}
        for query in (_past_reach(now), _untouched(now)):
            for incident_id, village_id in session.execute(query.limit(_END_AT_ONCE)):
                due.setdefault(village_id, set()).add(incident_id)
    expired = 0
    for village_id, ids in due.items():
        with database.write() as session:
            expired += _end_in(session, village_id, ids, now)
    return expired


def _past_reach(now: datetime) -> Select[UUID, str]:
    return (
        select(Incident.id, Incident.village_id)
        # Not "IS NOT NULL", and no more columns than needed: SQLite would read all incidents.
        .where(Incident.open_key > "", or_(Incident.reach_at < now, Incident.reach_at.is_(None)))
        .order_by(Incident.reach_at)
    )


def _untouched(now: datetime) -> Select[UUID, str]:
    return (
        select(Incident.id, Incident.village_id)
        .where(
            Incident.state.in_(OPEN_STATES),
            Incident.touched_at < now - EXPIRES_AFTER,
            Incident.merged_into_id.is_(None),
        )
        .order_by(Incident.touched_at)
    )


def _end_in(session: Session, village_id: str, ids: set[UUID], now: datetime) -> int:
    """End those of a village that are still due; gives how many expired."""
    lock(session, LOCK_VILLAGE, [village_id])
    expired = 0
    for incident in session.scalars(select(Incident).where(Incident.id.in_(ids), Incident.village_id == village_id)):
        if incident.open_key is not None and max(reach(incident), incident.touched_at) < now:
            incident.open_key = None
        is_open = incident.state in OPEN_STATES and incident.merged_into_id is None
        if is_open and incident.touched_at < now - EXPIRES_AFTER:
            _expire(session, incident, now)
            expired += 1
    return expired


def _expire(session: Session, incident: Incident, now: datetime) -> None:
    before = incident.state
    incident.state, incident.open_key, incident.closed_at = IncidentState.EXPIRED, None, now
    incident.version += 1
    session.add(step(incident, now, IncidentAction.EXPIRE, IncidentState.EXPIRED, before=before))
    alerts.publish(session, incident, IncidentState.EXPIRED.value, now)


def locked(session: Session, principal: Principal, incident_id: UUID) -> Incident:
    """An incident that the principal may handle, with its village's lock held.

    Raises:
        NotFound: No such incident in the scope.
        Forbidden: The role may look, not act.
    """
    incident = find_incident(session, principal, incident_id)
    if not access.may_here(principal, Permission.HANDLE_INCIDENTS, PlaceTree.read(session).path(incident.village_id)):
        raise Forbidden("your role may look at incidents, not handle them", "Ask an officer.")
    lock(session, LOCK_VILLAGE, [incident.village_id])
    session.refresh(incident)
    return incident


def check_version(incident: Incident, version: int) -> None:
    """Refuse a decision that was made on another state of the incident.

    Raises:
        StaleVersion: Somebody else acted since.
    """
    if incident.version != version:
        handled_by = incident.handled_by.display_name if incident.handled_by is not None else "the system"
        raise StaleVersion(
            f"{handled_by} was faster: the incident is now {incident.state.value}", "Look at it again, then decide."
        )


def checked_note(text: str) -> str:
    """A note as it is kept.

    Raises:
        InvalidInput: It is too long.
    """
    text = text.replace("\x00", "").strip()
    if len(text) > MAX_NOTE:
        raise InvalidInput(f"the note has {len(text)} characters", f"Keep it to {MAX_NOTE}.")
    return text


def record(
    session: Session,
    at: datetime,
    principal: Principal,
    incident: Incident,
    action: IncidentAction,
    request_id: str,
    detail: dict[str, Any],
) -> None:
    """Write what a person did to an incident into the audit log."""
    audit.record(
        session,
        at=at,
        actor=principal,
        action=f"incident.{action.value}",
        subject=f"incident:{incident.id}",
        detail={"village": incident.village_id, **detail},
        request_id=request_id,
    )
