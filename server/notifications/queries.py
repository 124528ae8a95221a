"""What became of notifications, for admins and for monitoring."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.db.models import Incident, User
from server.db.work_models import Notification, NotificationChannel, NotificationOutbox
from server.domain import access
from server.domain.access import Permission, Principal
from server.domain.grouping import Severity
from server.domain.notices import Channel, NoticeState
from server.places.service import PlaceTree

_LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class Depth:
    """How much is on its way."""

    unplanned: int
    """Incidents whose recipients are still to be chosen."""
    pending: int
    failed: int
    oldest_pending_s: float


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One notification as an admin sees it."""

    id: int
    incident_id: UUID
    kind: str
    village: str
    severity: Severity
    recipient: str
    channel: Channel
    state: NoticeState
    attempts: int
    at: datetime
    decision: str
    last_error: str


def depth(session: Session, now: datetime) -> Depth:
    """How much is on its way now."""
    counts = dict(session.execute(select(Notification.state, func.count()).group_by(Notification.state)).all())
    oldest = session.scalar(select(func.min(Notification.planned_at)).where(Notification.state == NoticeState.PENDING))
    return Depth(
        session.scalar(select(func.count()).select_from(NotificationOutbox)) or 0,
        counts.get(NoticeState.PENDING, 0),
        counts.get(NoticeState.FAILED, 0),
        (now - oldest).total_seconds() if oldest is not None else 0.0,
    )


def newest(session: Session, principal: Principal, *, only_failed: bool) -> list[DeliveryRow]:
    """The newest notifications about incidents of an admin's scope."""
    if not access.may(principal, Permission.MANAGE_USERS):
        return []
    tree = PlaceTree.read(session)
    query = (
        select(Notification, Incident, NotificationChannel.kind, User.display_name)
        .join(Incident, Incident.id == Notification.incident_id)
        .join(NotificationChannel, NotificationChannel.id == Notification.channel_id)
        .join(User, User.id == NotificationChannel.user_id)
        .where(Incident.village_id.in_(tree.villages_of(principal)))
        .order_by(Notification.id.desc())
        .limit(_LISTED)
    )
    if only_failed:
        query = query.where(Notification.last_error != "")
    return [
        DeliveryRow(
            id=row.id,
            incident_id=incident.id,
            kind=incident.kind,
            village=tree.names(incident.village_id).village,
            severity=row.severity,
            recipient=name,
            channel=channel,
            state=row.state,
            attempts=row.attempts,
            at=row.sent_at or row.planned_at,
            decision=row.decision,
            last_error=row.last_error,
        )
        for row, incident, channel, name in session.execute(query)
    ]
