"""Reading incidents: cards, lists by keyset, details, the public log. Every query is limited to the reader's scope."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, joinedload

from contract.event import EvidenceRole
from server.clock import Clock
from server.db.models import EventRecord, EvidenceFile, EvidenceReference, Incident
from server.domain import access
from server.domain.access import Permission, Principal, PublicLogPolicy
from server.domain.grouping import Severity
from server.domain.incident import LATE_AFTER, OPEN_STATES, IncidentState
from server.domain.views import (
    IncidentCard,
    Page,
    PublicIncident,
)
from server.errors import NotFound
from server.incidents import paging
from server.incidents.paging import MAX_PAGE, Villages
from server.places.service import PlaceTree

__all__ = ["MAX_PAGE"]


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """What to list. Empty means everything in the scope."""

    states: tuple[IncidentState, ...] = ()
    kinds: tuple[str, ...] = ()
    severities: tuple[Severity, ...] = ()
    place_id: str | None = None
    """A place inside the scope."""
    camera_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_incidents(
    session: Session,
    principal: Principal,
    wanted: IncidentFilter = IncidentFilter(),
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[IncidentCard]:
    """Incidents of the scope, newest first.

    Raises:
        InvalidInput: The cursor is not one of ours.
    """
    if not access.may(principal, Permission.WATCH_INCIDENTS):
        return Page((), None)
    tree = PlaceTree.read(session)
    villages = _villages(tree, principal, wanted)
    rows, next_cursor = paging.page(session, villages, _conditions(session, wanted), cursor, limit)
    return Page(cards(tree, rows), next_cursor)


def count_by_state(session: Session, principal: Principal) -> dict[IncidentState, int]:
    """How many incidents of the scope are in each state."""
    if not access.may(principal, Permission.WATCH_INCIDENTS):
        return {}
    villages = PlaceTree.read(session).villages_of(principal)
    query = (
        select(Incident.state, func.count())
        .where(Incident.village_id.in_(villages), Incident.merged_into_id.is_(None))
        .group_by(Incident.state)
    )
    counts = dict(session.execute(query).all())
    return {state: counts.get(state, 0) for state in IncidentState}


def find_incident(session: Session, principal: Principal, incident_id: UUID) -> Incident:
    """The incident, if it lies in the scope of somebody who may watch.

    Raises:
        NotFound: There is none, or it is not theirs: the two are never told apart.
    """
    incident = session.get(
        Incident,
        incident_id,
        options=(joinedload(Incident.camera), joinedload(Incident.handled_by), joinedload(Incident.assigned_to)),
    )
    if incident is None or not access.may_here(
        principal, Permission.WATCH_INCIDENTS, PlaceTree.read(session).path(incident.village_id)
    ):
        raise NotFound("no such incident")
    return incident


def incident_card(session: Session, principal: Principal, incident_id: UUID) -> IncidentCard:
    """The card of an incident.

    Raises:
        NotFound: There is none in the scope.
    """
    return cards(PlaceTree.read(session), [find_incident(session, principal, incident_id)])[0]


def cards_by_id(session: Session, principal: Principal, incident_ids: Iterable[UUID]) -> dict[UUID, IncidentCard]:
    """The cards of those incidents that lie in the scope now."""
    if not access.may(principal, Permission.WATCH_INCIDENTS):
        return {}
    tree = PlaceTree.read(session)
    # Decided card by card: a list of all villages of a large site would cost more than the few cards.
    found = cards(tree, session.scalars(_with_names().where(Incident.id.in_(list(incident_ids)))).all())
    return {card.id: card for card in found if access.may_here(principal, Permission.WATCH_INCIDENTS, card.place.path)}


def public_log(
    session: Session,
    principal: Principal,
    clock: Clock,
    policy: PublicLogPolicy,
    wanted: IncidentFilter = IncidentFilter(),
    *,
    cursor: str | None = None,
    limit: int = 30,
) -> Page[PublicIncident]:
    """The redacted log of the scope, newest first. Of `wanted`, only place, kinds and times are looked at.

    Raises:
        InvalidInput: The cursor is not one of ours.
    """
    if not access.may(principal, Permission.READ_PUBLIC_LOG):
        return Page((), None)
    tree, now = PlaceTree.read(session), clock.utc()
    # The conditions only spare us rows; `access.publish` decides on each.
    public = IncidentFilter(kinds=wanted.kinds, place_id=wanted.place_id, since=wanted.since, until=wanted.until)
    conditions: list[ColumnElement[bool]] = [
        *_conditions(session, public),
        Incident.state != IncidentState.FALSE_ALARM,
        Incident.kind.not_in(access.NOT_PUBLIC_KINDS),
        Incident.received_at <= now - policy.delay,
    ]
    rows, next_cursor = paging.page(session, _villages(tree, principal, public), conditions, cursor, limit)
    published = (
        access.publish(card, row.received_at, now, policy) for card, row in zip(cards(tree, rows), rows, strict=True)
    )
    return Page(tuple(item for item in published if item is not None), next_cursor)


def public_incident(
    session: Session, principal: Principal, clock: Clock, policy: PublicLogPolicy, incident_id: UUID
) -> PublicIncident:
    """One entry of the public log.

    Raises:
        NotFound: There is none, it is not public, or it lies elsewhere.
    """
    row = session.scalar(_with_names().where(Incident.id == incident_id))
    if row is not None:
        card = cards(PlaceTree.read(session), [row])[0]
        public = access.publish(card, row.received_at, clock.utc(), policy)
        if public is not None and access.may_here(principal, Permission.READ_PUBLIC_LOG, card.place.path):
            return public
    raise NotFound("no such entry")


def openable_evidence(
    session: Session, principal: Principal, clock: Clock, policy: PublicLogPolicy, incident_id: UUID, sha256: str
) -> EvidenceFile:
    """A stored piece of evidence of an incident, if the principal may open it.

    Raises:
        NotFound: It is not there, not of this incident, or not for this principal.
    """
    row = session.scalar(_with_names().where(Incident.id == incident_id))
    roles = session.scalars(
        select(EvidenceReference.role)
        .join(EventRecord, EventRecord.event_id == EvidenceReference.event_id)
        .where(EventRecord.incident_id == incident_id, EvidenceReference.sha256 == sha256)
        .distinct()
    ).all()
    if row is None or not roles:
        raise NotFound("no such evidence")
    card = cards(PlaceTree.read(session), [row])[0]
    public = access.publish(card, row.received_at, clock.utc(), policy)
    # A file that is referenced in several roles counts as each of them: all must be open to the principal.
    if not all(access.may_open_evidence(principal, card, EvidenceRole(role), public) for role in roles):
        raise NotFound("no such evidence")
    file = session.get(EvidenceFile, sha256)
    if file is None or file.removed_at is not None:
        raise NotFound("this evidence has not arrived yet, or was removed to make room", "Try again in a minute.")
    return file


def cards(tree: PlaceTree, incidents: Sequence[Incident]) -> tuple[IncidentCard, ...]:
    """Cards of loaded incidents, in order."""
    return tuple(
        IncidentCard(
            id=row.id,
            kind=row.kind,
            severity=row.severity,
            state=row.state,
            place=tree.names(row.village_id),
            spot=row.spot,
            camera_id=row.camera_id,
            camera_name=row.camera.name,
            first_at=row.first_at,
            last_at=row.last_at,
            ongoing=row.open_event_count > 0 and row.state in OPEN_STATES,
            event_count=row.event_count,
            late=row.received_at - row.last_at > LATE_AFTER,
            after_hours=row.after_hours,
            version=row.version,
            snapshot_sha256=row.snapshot_sha256,
            redacted_sha256=row.redacted_sha256,
            handled_by=row.handled_by.display_name if row.handled_by is not None else None,
            merged_into=row.merged_into_id,
            assigned_to=row.assigned_to.display_name if row.assigned_to is not None else None,
            alert=row.alert_decision,
            school_hours=row.school_hours,
            is_picture_hidden=row.picture_hidden_at is not None,
            acknowledged_after=row.acknowledged_at - row.received_at if row.acknowledged_at is not None else None,
        )
        for row in incidents
    )


def _with_names() -> Select[Incident]:
    return select(Incident).options(
        joinedload(Incident.camera), joinedload(Incident.handled_by), joinedload(Incident.assigned_to)
    )


def _villages(tree: PlaceTree, principal: Principal, wanted: IncidentFilter) -> Villages:
    villages = frozenset(tree.villages_of(principal))
    if wanted.place_id is not None:
        villages &= frozenset(tree.villages_in(wanted.place_id)) if wanted.place_id in tree else frozenset()
    return Villages(villages, is_everywhere=len(villages) == len(tree.villages_in(None)) and bool(villages))


def _conditions(session: Session, wanted: IncidentFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [Incident.merged_into_id.is_(None)]
    state, kind = Incident.state.expression, Incident.kind.expression
    if wanted.states and wanted.kinds:  # open ones are few, whatever their kind; the others are many
        if OPEN_STATES.issuperset(wanted.states):
            kind = paging.without_index(session, Incident.kind)
        else:
            state = paging.without_index(session, Incident.state)
    if wanted.states:
        conditions.append(state.in_(wanted.states))
    if wanted.kinds:
        conditions.append(kind.in_(wanted.kinds))
    if wanted.severities:
        conditions.append(Incident.severity.in_(wanted.severities))
    if wanted.camera_id is not None:
        conditions.append(Incident.camera_id == wanted.camera_id)
    if wanted.since is not None:
        conditions.append(Incident.last_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(Incident.first_at < wanted.until)
    return conditions
