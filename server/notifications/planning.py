"""Chooses who is told: each incident of the outbox becomes one notification for each recipient and channel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from server.auth import service as auth
from server.clock import Clock
from server.db.engine import LOCK_NOTICES, Database, try_lock
from server.db.models import Incident, User
from server.db.work_models import Notification, NotificationChannel, NotificationOutbox
from server.domain import access, notices
from server.domain.access import Permission, Principal
from server.domain.incident import OPEN_STATES
from server.domain.notices import NoticeState, Wanted
from server.places.service import PlaceTree

_AT_ONCE: Final = 500


def plan(database: Database, clock: Clock) -> bool:
    """Plan what the outbox holds; tells whether there was something.

    Raises:
        Unavailable: The database is not to be had now.
    """
    with database.read() as session:
        if session.scalar(select(NotificationOutbox.id).limit(1)) is None:
            return False
    with database.write() as session:
        if not try_lock(session, LOCK_NOTICES):
            return False
        rows = session.execute(
            select(NotificationOutbox.id, NotificationOutbox.incident_id)
            .order_by(NotificationOutbox.id)
            .limit(_AT_ONCE)
        ).all()
        _plan_incidents(session, {incident_id for _, incident_id in rows}, clock.utc())
        session.execute(delete(NotificationOutbox).where(NotificationOutbox.id.in_([row_id for row_id, _ in rows])))
        return bool(rows)


def _plan_incidents(session: Session, incident_ids: Iterable[UUID], now: datetime) -> None:
    incidents = session.scalars(
        select(Incident).where(
            Incident.id.in_(list(incident_ids)), Incident.merged_into_id.is_(None), Incident.state.in_(OPEN_STATES)
        )
    ).all()
    if not incidents:
        return
    # Locked: whoever is writing down that one was sent ends first, or sees that it has grown worse meanwhile.
    planned = (
        select(Notification)
        .where(Notification.incident_id.in_([incident.id for incident in incidents]))
        .order_by(Notification.id)
        .with_for_update()
    )
    known = {(row.incident_id, row.channel_id): row for row in session.scalars(planned)}
    tree, recipients = PlaceTree.read(session), confirmed_channels(session)
    for incident in incidents:
        path = tree.path(incident.village_id)
        for channel, principal in recipients:
            if not is_for(channel, principal, incident, path):
                continue
            row = known.get((incident.id, channel.id))
            if row is None:
                session.add(_new(incident, channel, now))
            elif notices.is_worse(incident.severity, row.severity):
                _again(row, incident, now)


def is_for(channel: NotificationChannel, principal: Principal, incident: Incident, path: Sequence[str]) -> bool:
    """Whether the channel's holder may see the incident now, and wants to be told of it."""
    wanted = Wanted(channel.min_severity, frozenset(channel.kinds), frozenset(channel.places))
    return access.may_here(principal, Permission.WATCH_INCIDENTS, tuple(path)) and notices.wants(
        wanted, incident.kind, incident.severity, path
    )


def confirmed_channels(session: Session) -> list[tuple[NotificationChannel, Principal]]:
    """The channels that may be used, with who they belong to."""
    rows = session.execute(
        select(NotificationChannel, User)
        .join(User, User.id == NotificationChannel.user_id)
        .where(NotificationChannel.active, NotificationChannel.confirmed_at.is_not(None), User.active)
    )
    return [(channel, auth.principal_of_user(user)) for channel, user in rows]


def is_usable(channel: NotificationChannel, user: User) -> bool:
    """Whether anything about incidents may go there now."""
    return channel.active and channel.confirmed_at is not None and user.active


def _new(incident: Incident, channel: NotificationChannel, now: datetime) -> Notification:
    return Notification(
        incident_id=incident.id,
        channel_id=channel.id,
        state=NoticeState.PENDING,
        severity=incident.severity,
        planned_at=now,
        next_at=now + notices.GROUP_WAIT,
        attempts=0,
    )


def _again(row: Notification, incident: Incident, now: datetime) -> None:
    """The incident has grown worse: what was told is not enough any more."""
    row.severity = incident.severity
    if row.state is not NoticeState.PENDING:
        row.state, row.attempts, row.planned_at, row.last_error = NoticeState.PENDING, 0, now, ""
        row.next_at = now + notices.GROUP_WAIT
