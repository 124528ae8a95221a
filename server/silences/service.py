"""Silences and maintenance windows: made, ended, and asked before an alert is told.

The decision about an alert is made once, when the transaction that brings it up commits (`AlertGate`), and is kept with
the alert, with the incident and in its timeline. A silence that ends while the alert is being sent changes nothing of
it; the incident's next alert is decided anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, or_, select, text
from sqlalchemy.orm import Session

from contract.rules import RULES
from server.alerts import service as alerts
from server.audit import service as audit
from server.clock import Clock
from server.db.engine import LOCK_VILLAGE, lock
from server.db.incident_models import Incident, Silence
from server.db.models import Camera, EventRecord
from server.domain import access
from server.domain.access import Permission, Principal
from server.domain.incident import OPEN_STATES, IncidentAction
from server.domain.severity import Severity
from server.domain.silencing import (
    AlertDecision,
    AlertOutcome,
    AlertSubject,
    SilenceRule,
    Weekly,
    decide_alert,
)
from server.errors import Conflict, Forbidden, InvalidInput, NotFound
from server.incidents.queries import find_incident
from server.incidents.upkeep import reach, step
from server.places.service import PlaceTree

MAX_SILENCE: Final = timedelta(days=30)
MAX_MAINTENANCE: Final = timedelta(days=366)
MAX_REASON: Final = 500
_RECONSIDERED: Final = 200
"""As many open incidents are decided anew when a silence begins or ends: the others at their next alert."""
_LISTED: Final = 200
_RULES: Final = select(Silence).where(Silence.ends_at > bindparam("at"))
_HELD: Final = "silence_rules"
_TROUBLED: Final = select(EventRecord.camera_id, EventRecord.incident_id).where(
    EventRecord.village_id.in_(bindparam("villages", expanding=True)),
    # As the partial index has it, to the letter: SQLite uses it for nothing else.
    text("state <> 'end' AND kind IN ('camera_offline', 'camera_tampered')"),
    EventRecord.incident_id.is_not(None),
)


@dataclass(frozen=True, slots=True)
class SilenceDraft:
    """A silence as somebody asks for it. What is empty matches everything."""

    place_id: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    kinds: tuple[str, ...] = ()
    camera_ids: tuple[str, ...] = ()
    spots: tuple[str, ...] = ()
    up_to: Severity | None = None
    weekly: Weekly | None = None
    is_maintenance: bool = False
    incident_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class AlertGate:
    """Decides every alert of a transaction before it commits.

    Attributes:
        zone: The site's time zone.
    """

    zone: ZoneInfo

    def decide_pending(self, session: Session) -> None:
        """A hook before commit: runs before the alerts are written."""
        pending: dict[UUID, tuple[Incident, str, datetime]] = session.info.get("pending_alerts", {})
        if not pending:
            return
        incidents = [incident for incident, _, _ in pending.values() if incident.merged_into_id is None]
        now = max(at for _, _, at in pending.values())
        for incident, decision in decide_all(session, incidents, now, self.zone):
            _keep(session, incident, decision, now)
        session.flush()


def decide(session: Session, incident: Incident, at: datetime, zone: ZoneInfo) -> AlertDecision:
    """What would become of an alert about the incident at this moment. Nothing is written."""
    return decide_all(session, [incident], at, zone)[0][1]


def decide_all(
    session: Session, incidents: Sequence[Incident], at: datetime, zone: ZoneInfo
) -> list[tuple[Incident, AlertDecision]]:
    """The same for several."""
    if not incidents:
        return []
    tree = PlaceTree.read(session)
    rules = session.info.get(_HELD)
    if rules is None:
        rules = rules_from(session, at)
    troubled = _troubled_cameras(session, {incident.village_id for incident in incidents}, at)
    return [(incident, decide_alert(_subject(tree, incident), rules, troubled, at, zone)) for incident in incidents]


def rules_from(session: Session, at: datetime) -> list[SilenceRule]:
    """The silences that are in force at this time, or will be."""
    return [rule_of(row) for row in session.scalars(_RULES, {"at": at})]


def hold(session: Session, rules: list[SilenceRule]) -> None:
    """Let a session go by silences that are known to be those of its moment."""
    session.info[_HELD] = rules


def _subject(tree: PlaceTree, incident: Incident) -> AlertSubject:
    return AlertSubject(
        tree.path(incident.village_id), incident.kind, incident.camera_id, incident.spot, incident.severity
    )


def _troubled_cameras(session: Session, villages: set[str], at: datetime) -> dict[str, UUID]:
    """Cameras with an incident about themselves going on: told lately, and not decided by an officer."""
    rows = session.connection().execute(_TROUBLED, {"villages": sorted(villages)}).all()
    found: dict[str, UUID] = {}
    for camera_id, incident_id in rows:
        incident = session.get_one(Incident, incident_id)
        if incident.state in OPEN_STATES and reach(incident) >= at:
            found[camera_id] = incident.id
    return found


def _keep(session: Session, incident: Incident, decision: AlertDecision, now: datetime) -> None:
    before = (incident.alert_decision or AlertOutcome.ALERT, incident.silence_id, incident.inhibited_by_id)
    after = (decision.outcome, decision.silence_id, decision.inhibited_by)
    if before == after:
        return
    incident.alert_decision, incident.silence_id, incident.inhibited_by_id = after
    session.add(
        step(
            incident,
            now,
            IncidentAction.SILENCE,
            text=decision.outcome.value,
            other_id=decision.inhibited_by,
            silence_id=decision.silence_id,
        )
    )


def rule_of(row: Silence) -> SilenceRule:
    """A silence as the pure decision knows it."""
    weekly = None
    if row.weekdays is not None and row.from_minute is not None and row.to_minute is not None:
        weekly = Weekly(frozenset(row.weekdays), row.from_minute, row.to_minute)
    return SilenceRule(
        id=row.id,
        place_id=row.place_id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        kinds=frozenset(row.kinds),
        camera_ids=frozenset(row.camera_ids),
        spots=frozenset(row.spots),
        up_to=row.up_to,
        weekly=weekly,
    )


def create(
    session: Session, clock: Clock, zone: ZoneInfo, principal: Principal, draft: SilenceDraft, *, request_id: str = ""
) -> Silence:
    """Make a silence or a maintenance window.

    Raises:
        NotFound: The place or a camera is not in the scope.
        Forbidden: The role may not do this.
        InvalidInput: A time, a kind or the reason is wrong.
    """
    now = clock.utc()
    needed = Permission.MANAGE_CAMERAS if draft.is_maintenance else Permission.HANDLE_INCIDENTS
    _check_scope(session, principal, needed, draft)
    reason = _checked(draft, now)
    row = Silence(
        is_maintenance=draft.is_maintenance,
        place_id=draft.place_id,
        kinds=sorted(draft.kinds),
        camera_ids=sorted(draft.camera_ids),
        spots=sorted(draft.spots),
        up_to=draft.up_to,
        starts_at=draft.starts_at,
        ends_at=draft.ends_at,
        weekdays=sorted(draft.weekly.weekdays) if draft.weekly is not None else None,
        from_minute=draft.weekly.start if draft.weekly is not None else None,
        to_minute=draft.weekly.end if draft.weekly is not None else None,
        reason=reason,
        author=principal.actor,
        author_name=principal.name,
        created_at=now,
        incident_id=draft.incident_id,
    )
    session.add(row)
    session.flush()
    _record(session, now, principal, "silence.create", row, request_id)
    _reconsider(session, row, now, zone, "silenced")
    return row


def silence_incident(
    session: Session,
    clock: Clock,
    zone: ZoneInfo,
    principal: Principal,
    incident_id: UUID,
    lasts: timedelta,
    reason: str,
    *,
    request_id: str = "",
) -> Silence:
    """Silence what an incident is about: its kind at its spot, as long as it gets no worse.

    Raises:
        NotFound, Forbidden, InvalidInput: As with `create`.
    """
    incident = find_incident(session, principal, incident_id)
    now = clock.utc()
    draft = SilenceDraft(
        place_id=incident.village_id,
        starts_at=now,
        ends_at=now + lasts,
        reason=reason,
        kinds=(incident.kind,),
        spots=(incident.spot,),
        up_to=incident.severity,
        incident_id=incident.id,
    )
    return create(session, clock, zone, principal, draft, request_id=request_id)


def end(
    session: Session, clock: Clock, zone: ZoneInfo, principal: Principal, silence_id: int, *, request_id: str = ""
) -> Silence:
    """End a silence now. It stays to be looked up.

    Raises:
        NotFound: There is none in the scope.
        Forbidden: The role may not do this.
        Conflict: It has ended already.
    """
    row = session.get(Silence, silence_id)
    tree = PlaceTree.read(session)
    if row is None or not access.covers(principal, tree.path(row.place_id)):
        raise NotFound("no such silence")
    needed = Permission.MANAGE_CAMERAS if row.is_maintenance else Permission.HANDLE_INCIDENTS
    if not access.may(principal, needed):
        raise Forbidden("your role may not end this", "Ask an admin.")
    now = clock.utc()
    if row.ends_at <= now:
        raise Conflict("it has ended already", "Load the page anew.")
    row.ends_at, row.ended_by_name = max(now, row.starts_at), principal.name
    session.flush()
    _record(session, now, principal, "silence.end", row, request_id)
    _reconsider(session, row, now, zone, "unsilenced")
    return row


def _reconsider(session: Session, row: Silence, now: datetime, zone: ZoneInfo, change: str) -> None:
    """Tell open incidents whose alerts are kept back from now on, or no longer."""
    tree = PlaceTree.read(session)
    villages = tree.villages_in(row.place_id)
    lock(session, LOCK_VILLAGE, villages)
    conditions = [
        Incident.village_id.in_(villages),
        Incident.state.in_(OPEN_STATES),
        Incident.merged_into_id.is_(None),
    ]
    if row.kinds:
        conditions.append(Incident.kind.in_(row.kinds))
    incidents = session.scalars(
        select(Incident).where(*conditions).order_by(Incident.first_at.desc()).limit(_RECONSIDERED)
    ).all()
    for incident, decision in decide_all(session, incidents, now, zone):
        if (decision.outcome, decision.silence_id) != (incident.alert_decision, incident.silence_id):
            alerts.publish(session, incident, change, now)


def _check_scope(session: Session, principal: Principal, needed: Permission, draft: SilenceDraft) -> None:
    tree = PlaceTree.read(session)
    if draft.place_id not in tree or not access.covers(principal, tree.path(draft.place_id)):
        raise NotFound("no such place in your scope", "Choose one of the list.")
    if not access.may(principal, needed):
        raise Forbidden("your role may not do this", "Ask an admin.")
    villages = set(tree.villages_in(draft.place_id))
    if draft.camera_ids:
        known = session.scalars(
            select(Camera.id).where(Camera.id.in_(draft.camera_ids), Camera.village_id.in_(villages))
        ).all()
        if set(known) != set(draft.camera_ids):
            raise NotFound("no such camera there", "Choose cameras of that place.")


def _checked(draft: SilenceDraft, now: datetime) -> str:
    """The reason, after everything else was looked at."""
    unknown = set(draft.kinds) - RULES.keys()
    if unknown:
        raise InvalidInput(f"unknown kind {min(unknown)[:40]!r}", "Choose one of the list.")
    if draft.ends_at <= draft.starts_at or draft.ends_at <= now:
        raise InvalidInput("the end lies before the start, or is over", "Choose a later end.")
    longest = MAX_MAINTENANCE if draft.is_maintenance else MAX_SILENCE
    if draft.ends_at - draft.starts_at > longest:
        raise InvalidInput(f"longer than {longest.days} days", "Choose an earlier end; it can be made anew then.")
    if draft.is_maintenance and not draft.camera_ids:
        raise InvalidInput("no camera was chosen", "Choose the cameras that are worked on.")
    weekly = draft.weekly
    if weekly is not None and (not weekly.weekdays or weekly.start == weekly.end):
        raise InvalidInput("no day or no time of the week", "Choose the days, and two times that differ.")
    reason = draft.reason.replace("\x00", "").strip()
    if not reason:
        raise InvalidInput("a reason is missing", "Say why: others must know.")
    if len(reason) > MAX_REASON:
        raise InvalidInput(f"the reason has {len(reason)} characters", f"Keep it to {MAX_REASON}.")
    return reason


def visible(
    session: Session, principal: Principal, now: datetime, *, past: timedelta = timedelta(days=7)
) -> Sequence[Silence]:
    """Silences that touch somebody's scope and are in force, to come, or ended lately; the last to end first."""
    if not access.may(principal, Permission.WATCH_INCIDENTS):
        return []
    tree = PlaceTree.read(session)
    places: Iterable[str] = (place.id for place in tree.all())
    if principal.place_id is not None:
        mine = tree.path(principal.place_id)
        places = [place.id for place in tree.all() if place.id in mine or principal.place_id in tree.path(place.id)]
    return session.scalars(
        select(Silence)
        .where(Silence.place_id.in_(list(places)), or_(Silence.ends_at > now - past))
        .order_by(Silence.ends_at.desc(), Silence.id.desc())
        .limit(_LISTED)
    ).all()


def _record(session: Session, now: datetime, principal: Principal, action: str, row: Silence, request_id: str) -> None:
    audit.record(
        session,
        at=now,
        actor=principal,
        action=action,
        subject=f"silence:{row.id}",
        detail={
            "place": row.place_id,
            "kinds": row.kinds,
            "cameras": row.camera_ids,
            "spots": row.spots,
            "up_to": row.up_to.value if row.up_to is not None else None,
            "starts_at": row.starts_at.isoformat(),
            "ends_at": row.ends_at.isoformat(),
            "why": row.reason,
        },
        request_id=request_id,
    )
