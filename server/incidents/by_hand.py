"""Merging and splitting by an officer, and taking either back.

An incident that is merged into another one keeps its row, its key and its timeline: its page says where all went,
and undoing the merge brings it back with its events. What was put together or taken apart by hand is marked `by_hand`:
grouping adds events to it and never undoes a person's decision.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case, literal, select, update
from sqlalchemy.orm import Session

from contract.ids import uuid7
from server.alerts import service as alerts
from server.clock import Clock
from server.db.models import EventRecord, Incident
from server.domain import grouping
from server.domain.access import Principal
from server.domain.incident import DECIDED_STATES, OPEN_STATES, IncidentAction, state_after_merge
from server.domain.severity import escalation_of
from server.errors import Conflict, InvalidInput, NotFound
from server.incidents.hours import site_hours
from server.incidents.regrouping import release
from server.incidents.service import check_version, checked_note, locked, record
from server.incidents.upkeep import (
    add_opened,
    chunks,
    event_count,
    fold_history,
    reach,
    recount,
    refresh_pictures,
    step,
)
from server.retention import holds

_NO_REASON: Final = "Say why: it tells how cameras should be set."


def merge(
    session: Session,
    clock: Clock,
    zone: ZoneInfo,
    principal: Principal,
    incident_id: UUID,
    other_id: UUID,
    *,
    version: int,
    other_version: int,
    reason: str,
    request_id: str = "",
) -> Incident:
    """Make two incidents one: the one that was heard of first takes the other's events.

    Args:
        session: Of `Database.write`.
        clock: The time.
        zone: The site's time zone.
        principal: Who merges.
        incident_id: One of them.
        other_id: The other.
        version: The version of the first that was looked at.
        other_version: The same of the other.
        reason: Why they are one happening.
        request_id: For the audit log.

    Returns:
        The incident that has everything now.

    Raises:
        NotFound: One of them is not in the scope.
        Forbidden: The role may look, not act.
        StaleVersion: Somebody else acted on one of them since.
        Conflict: They lie in two villages, are the same, or one is already part of another.
        InvalidInput: The reason is missing or too long.
    """
    one, other = locked(session, principal, incident_id), locked(session, principal, other_id)
    reason = _checked_reason(reason)
    if one is other or one.village_id != other.village_id:
        raise Conflict("these two cannot be one incident", "Choose another incident of the same village.")
    check_version(one, version)
    check_version(other, other_version)
    if one.merged_into_id is not None or other.merged_into_id is not None:
        raise Conflict("one of them is part of another incident already", "Look at that one.")
    now = clock.utc()
    kept, taken = sorted((one, other), key=lambda item: (item.received_at, item.first_at, item.id))
    session.execute(
        update(EventRecord)
        .where(EventRecord.incident_id == taken.id)
        .values(incident_id=kept.id, came_from_id=_origin(_parts_of(session, taken.id), taken.id))
        .execution_options(synchronize_session=False)
    )
    had_key = taken.open_key is not None
    taken.merged_into_id, taken.open_key, taken.by_hand, taken.touched_at = kept.id, None, True, now
    taken.version += 1
    _take_history(session, kept, taken, now)
    kept.by_hand, kept.handled_by_id = True, int(principal.id)
    kept.version += 1
    session.flush()
    recount(session, kept, site_hours(session, zone), now)
    if had_key and taken.key == kept.key and kept.state in OPEN_STATES and kept.open_key is None:
        kept.open_key = kept.key
    for incident, its_other in ((kept, taken), (taken, kept)):
        session.add(step(incident, now, IncidentAction.MERGE, by=principal, text=reason, other_id=its_other.id))
        detail = {"with": str(its_other.id), "kept": str(kept.id), "why": reason}
        record(session, now, principal, incident, IncidentAction.MERGE, request_id, detail)
    alerts.publish(session, taken, "merged", now)
    alerts.publish(session, kept, "updated", now)
    return kept


def _parts_of(session: Session, incident_id: UUID) -> set[UUID]:
    """What was merged into an incident, and into that: their events remember it, so each step can be taken back."""
    found: set[UUID] = set()
    fresh = {incident_id}
    while fresh:
        fresh = set(session.scalars(select(Incident.id).where(Incident.merged_into_id.in_(fresh)))) - found
        found |= fresh
    return found


def _origin(inner: Collection[UUID], otherwise: UUID | None) -> ColumnElement[UUID | None]:
    """Where an event came from: as before where that was one of these parts."""
    return case(
        (EventRecord.came_from_id.in_(inner), EventRecord.came_from_id),
        else_=literal(otherwise, EventRecord.came_from_id.type),
    )


def _take_history(session: Session, kept: Incident, taken: Incident, now: datetime) -> None:
    state = state_after_merge(kept.state, taken.state)
    if state in DECIDED_STATES:
        kept.decided_at = kept.decided_at if kept.state in DECIDED_STATES else taken.decided_at
        kept.closed_at = kept.closed_at or taken.closed_at or now
    else:
        kept.decided_at = None
        kept.closed_at = None if state in OPEN_STATES else kept.closed_at
    if state not in OPEN_STATES and kept.open_key is not None:
        kept.open_key = None
    kept.state = state
    fold_history(kept, taken)
    session.flush()


def unmerge(
    session: Session,
    clock: Clock,
    zone: ZoneInfo,
    principal: Principal,
    incident_id: UUID,
    taken_id: UUID,
    *,
    version: int,
    reason: str,
    request_id: str = "",
) -> Incident:
    """Take a merge back: the incident that was taken in gets its events again, and those that came for it since.

    Returns:
        The incident that stands by itself again.

    Raises:
        NotFound: No such incident in the scope, or the other one is not part of it.
        Forbidden, StaleVersion, InvalidInput: As with `merge`.
        Conflict: No event would be left on one side.
    """
    kept = locked(session, principal, incident_id)
    taken = session.get(Incident, taken_id, with_for_update=False)
    reason = _checked_reason(reason)
    check_version(kept, version)
    if taken is None or taken.merged_into_id != kept.id:
        raise NotFound("no such part of this incident")
    inner = _parts_of(session, taken.id)
    event_ids = session.scalars(
        select(EventRecord.event_id).where(
            EventRecord.incident_id == kept.id, EventRecord.came_from_id.in_({taken.id, *inner})
        )
    ).all()
    taken.merged_into_id = None
    _part(session, clock.utc(), zone, principal, kept, taken, event_ids, reason, request_id, inner)
    return taken


def split(
    session: Session,
    clock: Clock,
    zone: ZoneInfo,
    principal: Principal,
    incident_id: UUID,
    *,
    version: int,
    reason: str,
    event_ids: Sequence[UUID] = (),
    since: datetime | None = None,
    request_id: str = "",
) -> Incident:
    """Take events out of an incident into a new one, in the same state.

    Args:
        session: Of `Database.write`.
        clock: The time.
        zone: The site's time zone.
        principal: Who splits.
        incident_id: The incident.
        version: The version that was looked at.
        reason: Why they are two happenings.
        event_ids: These events.
        since: And every event that began at this time or later.
        request_id: For the audit log.

    Returns:
        The new incident.

    Raises:
        NotFound: No such incident in the scope, or an event is not of it.
        Forbidden, StaleVersion, InvalidInput: As with `merge`.
        Conflict: It is part of another incident, or no event would be left on one side.
    """
    incident = locked(session, principal, incident_id)
    reason = _checked_reason(reason)
    check_version(incident, version)
    if incident.merged_into_id is not None:
        raise Conflict("the incident is part of another one now", "Look at that one.")
    chosen = _chosen(session, incident, event_ids, since)
    if not chosen:
        raise InvalidInput("no event was chosen", "Choose those that are another happening.")
    now = clock.utc()
    rows = session.execute(
        select(EventRecord.kind, EventRecord.spot, EventRecord.started_at, EventRecord.received_at).where(
            EventRecord.event_id.in_(chosen[:500])
        )
    ).all()
    keys = {grouping.grouping_key(incident.village_id, row.kind, row.spot) for row in rows}
    kind = grouping.lead_kind({row.kind for row in rows})
    fresh = Incident(
        id=uuid7(min(row.started_at for row in rows)),
        village_id=incident.village_id,
        kind=kind,
        spot=rows[0].spot if len(keys) == 1 else incident.spot,
        key=keys.pop() if len(keys) == 1 else incident.key,
        state=incident.state,
        severity=escalation_of(kind).base,
        after_hours=False,
        school_hours=False,
        first_at=min(row.started_at for row in rows),
        last_at=max(row.started_at for row in rows),
        received_at=min(row.received_at for row in rows),
        touched_at=now,
        decided_at=incident.decided_at,
        acknowledged_at=incident.acknowledged_at,
        dispatched_at=incident.dispatched_at,
        closed_at=incident.closed_at,
        assigned_to_id=incident.assigned_to_id,
        handled_by_id=incident.handled_by_id,
        event_count=0,
        open_event_count=0,
        camera_id=incident.camera_id,
        version=1,
    )
    add_opened(session, fresh, now)
    _part(session, now, zone, principal, incident, fresh, chosen, reason, request_id)
    return fresh


def _chosen(session: Session, incident: Incident, event_ids: Sequence[UUID], since: datetime | None) -> list[UUID]:
    conditions = [EventRecord.incident_id == incident.id]
    if since is not None:
        conditions.append(EventRecord.started_at >= since)
        return list(session.scalars(select(EventRecord.event_id).where(*conditions)))
    wanted = list(dict.fromkeys(event_ids))
    mine = {
        found
        for part in chunks(wanted)
        for found in session.scalars(select(EventRecord.event_id).where(*conditions, EventRecord.event_id.in_(part)))
    }
    if len(mine) != len(wanted):
        raise NotFound("an event is not of this incident any more", "Load the page anew.")
    return wanted


def _part(
    session: Session,
    now: datetime,
    zone: ZoneInfo,
    principal: Principal,
    source: Incident,
    target: Incident,
    event_ids: Sequence[UUID],
    reason: str,
    request_id: str,
    inner: Collection[UUID] = (),
) -> None:
    """Move events from one incident to another one that stands by itself from now on, but for its `inner` parts."""
    if not event_ids or len(event_ids) >= event_count(session, source.id):
        raise Conflict("no event would be left on one side", "Choose some of the events, not all.")
    for part in chunks(event_ids):
        session.execute(
            update(EventRecord)
            .where(EventRecord.event_id.in_(part))
            .values(incident_id=target.id, came_from_id=_origin(inner, None))
            .execution_options(synchronize_session=False)
        )
    hours = site_hours(session, zone)
    for incident in (source, target):
        incident.by_hand, incident.handled_by_id = True, int(principal.id)
        incident.version += 1
        recount(session, incident, hours, now)
        refresh_pictures(session, incident)
    _give_key(session, source, target, now)
    holds.follow(session, source.id, target.id, now)
    for incident, other in ((source, target), (target, source)):
        session.add(step(incident, now, IncidentAction.SPLIT, by=principal, text=reason, other_id=other.id))
        detail = {"other": str(other.id), "events": len(event_ids), "why": reason}
        record(session, now, principal, incident, IncidentAction.SPLIT, request_id, detail)
        alerts.publish(session, incident, "split", now)


def _give_key(session: Session, source: Incident, target: Incident, now: datetime) -> None:
    """New events of a key go to the later of two open incidents that share it; another key finds its own again."""
    if target.state not in OPEN_STATES:
        return
    holder = session.scalar(select(Incident).where(Incident.open_key == target.key))
    if holder is source and target.first_at > source.first_at:
        release(session, target.key)
        target.open_key = target.key
    elif holder is None and target.key != source.key and reach(target) >= now:
        target.open_key = target.key


def _checked_reason(text: str) -> str:
    reason = checked_note(text)
    if not reason:
        raise InvalidInput("a reason is missing", _NO_REASON)
    return reason
