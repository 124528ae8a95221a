"""Sends what is due: takes a lease, sends outside of any transaction, writes down what became of it.

A worker that dies while it sends leaves the lease; the next one sends again after it. A message that arrives twice is
better than one that never does: both carry the same id.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from server.auth import service as auth
from server.db.models import Incident, User
from server.db.work_models import Notification, NotificationChannel
from server.domain import notices
from server.domain.access import Principal
from server.domain.grouping import Severity
from server.domain.incident import OPEN_STATES, IncidentState
from server.domain.notices import Channel, NoticeState, SentMessage
from server.notifications import planning, quiet, senders, text
from server.notifications.quiet import Quiet
from server.notifications.senders import SendingFailed
from server.places.service import PlaceTree
from server.push import subscriptions
from server.services import Services

log = logging.getLogger(__name__)

LEASE: Final = timedelta(minutes=3)
"""Longer than the slowest channel is waited for."""
LOOK_AGAIN: Final = timedelta(minutes=1)
"""What a silence keeps back is asked about again so often: it may be ended early, or hold at times of the week."""
_AT_ONCE: Final = 500
"""Notifications of one channel that are decided together."""
_CHANNELS_AT_ONCE: Final = 16
_SENDING_THREADS: Final = 4


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message, and the notifications that it carries."""

    message: text.Message
    notification_ids: tuple[int, ...]
    severities: tuple[Severity, ...]
    """As told: what has grown worse meanwhile is told again."""


def work(parts: Services, stop: threading.Event | None = None) -> bool:
    """Plan and send what is due; tells whether there was something.

    Raises:
        Unavailable: The database is not to be had now.
    """
    planned = planning.plan(parts.database, parts.clock)
    if stop is not None and stop.is_set():
        return False
    return _send_due(parts) or planned


def release_all(session: Session) -> None:
    """Give every lease back: on the embedded database, at the start."""
    session.execute(update(Notification).where(Notification.leased_until.is_not(None)).values(leased_until=None))


def _send_due(parts: Services) -> bool:
    now = parts.clock.utc()
    with parts.database.read() as session:
        due = select(Notification.channel_id).where(_is_due(now)).distinct().limit(_CHANNELS_AT_ONCE)
        channel_ids = list(session.scalars(due))
    parcels = [parcel for channel_id in channel_ids for parcel in _take(parts, channel_id)]
    if parcels:
        with ThreadPoolExecutor(_SENDING_THREADS, thread_name_prefix="sending") as pool:
            list(pool.map(lambda parcel: _send(parts, parcel), parcels))
    return bool(channel_ids)


def _take(parts: Services, channel_id: int) -> list[Parcel]:
    """Settle what need not be sent on a channel, and lease the rest."""
    now = parts.clock.utc()
    with parts.database.write() as session:
        channel = session.scalar(
            select(NotificationChannel)
            .where(NotificationChannel.id == channel_id)
            .with_for_update(skip_locked=True, of=NotificationChannel)
        )
        if channel is None:  # another worker is at it
            return []
        user = session.get_one(User, channel.user_id)
        principal = auth.principal_of_user(user) if planning.is_usable(channel, user) else None
        rows = session.execute(
            select(Notification, Incident)
            .join(Incident, Incident.id == Notification.incident_id)
            .where(Notification.channel_id == channel_id, _is_due(now))
            .order_by(Notification.planned_at, Notification.id)
            .limit(_AT_ONCE)
        ).all()
        tree = PlaceTree.read(session)
        words = quiet.ask(session, [incident for _, incident in rows], now, parts.settings.zone)
        ready = [
            (row, incident)
            for row, incident in rows
            if _is_still_wanted(row, incident, channel, principal, tree, words[incident.id], now)
        ]
        if not ready:
            return []
        plan = notices.plan_round([row.severity for row, _ in ready], _sent(session, channel_id, now), now)
        if plan.not_before > now:
            for row, _ in ready:
                row.next_at, row.decision = plan.not_before, "storm"
            return []
        groups = [[item] for item in ready] if plan.singly else [ready]
        return [_parcel(parts, session, channel, user, tree, group, now) for group in groups]


def _is_still_wanted(
    row: Notification,
    incident: Incident,
    channel: NotificationChannel,
    principal: Principal | None,
    tree: PlaceTree,
    word: Quiet,
    now: datetime,
) -> bool:
    """Ask again at the moment of sending: people, scopes, silences and the incident itself change while it waits."""
    was_silenced = row.state is NoticeState.SILENCED
    if was_silenced:
        why_not = _why_not_any_more(row, incident, now)
        if why_not:
            _settle(row, NoticeState.SILENCED, f"{row.decision}; {why_not}")
            return False
    elif row.planned_at + notices.GIVE_UP_AFTER < now:
        _settle(row, NoticeState.FAILED, row.decision)
        return False
    is_theirs = principal is not None and planning.is_for(channel, principal, incident, tree.path(incident.village_id))
    if not is_theirs or incident.merged_into_id is not None or incident.state not in OPEN_STATES:
        _settle(row, NoticeState.DROPPED, "over" if is_theirs else "not for this recipient")
        return False
    if word.silenced:
        _settle(row, NoticeState.SILENCED, word.decision)
        row.next_at = now + LOOK_AGAIN if word.ends else None
        return False
    row.decision = f"{word.decision}, was {row.decision}"[:200] if was_silenced else word.decision
    row.state = NoticeState.PENDING
    return True


def _why_not_any_more(row: Notification, incident: Incident, now: datetime) -> str:
    """Why nobody needs to be told any more of what a silence kept back."""
    if incident.merged_into_id is not None:
        return "merged meanwhile"
    if incident.state is not IncidentState.NEW:
        return f"{incident.state.value} meanwhile"
    return "a day old" if row.planned_at + notices.GIVE_UP_AFTER < now else ""


def _settle(row: Notification, state: NoticeState, decision: str) -> None:
    row.state, row.next_at, row.leased_until, row.decision = state, None, None, decision[:200]


def _sent(session: Session, channel_id: int, now: datetime) -> list[SentMessage]:
    """The messages that went out on a channel within the storm's window."""
    rows = session.execute(
        select(func.max(Notification.sent_at), func.count())
        .where(Notification.channel_id == channel_id, Notification.sent_at > now - notices.STORM_WINDOW)
        .group_by(Notification.message_id)
    )
    return [SentMessage(at, count) for at, count in rows if at is not None]


def _parcel(
    parts: Services,
    session: Session,
    channel: NotificationChannel,
    user: User,
    tree: PlaceTree,
    group: Sequence[tuple[Notification, Incident]],
    now: datetime,
) -> Parcel:
    known = {row.message_id for row, _ in group}
    # A message that is tried again keeps its id, so that whoever got it can tell; a summary with more in it is another.
    only = next(iter(known)) if len(known) == 1 else None
    message_id = only if only is not None and group[0][0].attempts > 0 else uuid4()
    for row, _ in group:
        row.message_id, row.leased_until, row.attempts = message_id, now + LEASE, row.attempts + 1
    message = text.compose(
        parts.settings,
        channel,
        user.language or parts.settings.language,
        [text.Told.of(session, tree, incident) for _, incident in group],
        message_id,
        now,
    )
    if channel.kind is Channel.PUSH:
        message = replace(message, push=subscriptions.address_of(session, channel.id))
    return Parcel(message, tuple(row.id for row, _ in group), tuple(row.severity for row, _ in group))


def _send(parts: Services, parcel: Parcel) -> None:
    """Send one message and keep the channel's word."""
    try:
        senders.send(parts.settings, parcel.message)
    except SendingFailed as error:
        log.warning(
            "notification_failed",
            extra={
                "fields": {
                    "channel": parcel.message.channel_id,
                    "message": str(parcel.message.id),
                    "permanent": error.permanent,
                    "why": error.reason,
                }
            },
        )
        _keep(parts, parcel, error)
    else:
        _keep(parts, parcel, None)


def _keep(parts: Services, parcel: Parcel, failure: SendingFailed | None) -> None:
    now = parts.clock.utc()
    told = dict(zip(parcel.notification_ids, parcel.severities, strict=True))
    with parts.database.write() as session:
        rows = session.scalars(
            select(Notification)
            .where(Notification.id.in_(told), Notification.message_id == parcel.message.id)
            .order_by(Notification.id)
            .with_for_update()
        ).all()
        for row in rows:
            row.leased_until = None
            if failure is None:
                _sent_row(row, told[row.id], now)
            else:
                _failed_row(row, failure, now)
        values = {"last_sent_at": now, "last_error": ""} if failure is None else {"last_error": failure.reason[:300]}
        session.execute(
            update(NotificationChannel).where(NotificationChannel.id == parcel.message.channel_id).values(**values)
        )
        if failure is not None and failure.is_gone:
            session.flush()
            subscriptions.expire(session, parts.clock, parcel.message.channel_id)


def _sent_row(row: Notification, told: Severity, now: datetime) -> None:
    row.sent_at, row.attempts, row.last_error = now, 0, ""
    if notices.is_worse(row.severity, told):
        row.next_at = now  # it grew worse while this was on its way
        return
    row.state, row.next_at = NoticeState.SENT, None


def _failed_row(row: Notification, failure: SendingFailed, now: datetime) -> None:
    row.last_error = failure.reason[:300]
    next_at = notices.retry_at(row.attempts, now, random.random())  # noqa: S311 (no secret: spreads tries)
    if failure.permanent or next_at > row.planned_at + notices.GIVE_UP_AFTER:
        row.state, row.next_at = NoticeState.FAILED, None
    else:
        row.next_at = next_at


def _is_due(now: datetime) -> ColumnElement[bool]:
    return and_(
        Notification.state.in_((NoticeState.PENDING, NoticeState.SILENCED)),
        Notification.next_at <= now,
        or_(Notification.leased_until.is_(None), Notification.leased_until < now),
    )
