"""Who gets which report by mail: kept here, sent by `mailing`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.audit import service as audit
from server.clock import Clock
from server.db.models import User
from server.db.report_models import ReportSubscription
from server.db.work_models import NotificationChannel
from server.domain.access import Principal
from server.domain.notices import Channel
from server.domain.periods import DAY, Period, PeriodKind
from server.errors import InvalidInput, NotFound
from server.places.service import PlaceTree
from server.reports.service import place_in_scope

MOST: Final = 12
SEND_AT: Final = timedelta(hours=6)
"""After midnight of the day after a period: boxes that were cut off have told the night's events, nobody is up yet."""


class Every(StrEnum):
    """How often a report is sent."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    """A subscription as its holder sees it."""

    id: int
    every: Every
    place_id: str | None
    address: str
    confirmed: bool
    last_sent_at: datetime | None
    last_error: str


def list_own(session: Session, principal: Principal) -> list[SubscriptionView]:
    """Somebody's subscriptions."""
    rows = session.execute(
        select(ReportSubscription, NotificationChannel)
        .join(NotificationChannel, NotificationChannel.id == ReportSubscription.channel_id)
        .where(ReportSubscription.user_id == int(principal.id))
        .order_by(ReportSubscription.id)
    )
    return [
        SubscriptionView(
            row.id,
            Every(row.every),
            row.place_id,
            channel.address,
            channel.confirmed_at is not None,
            row.last_sent_at,
            row.last_error,
        )
        for row, channel in rows
    ]


def add(
    session: Session,
    clock: Clock,
    zone: ZoneInfo,
    principal: Principal,
    channel_id: int,
    place_id: str | None,
    every: str,
    *,
    request_id: str = "",
) -> None:
    """Subscribe. The first report is of the period that runs now, and comes after its end.

    Raises:
        NotFound: No such address of theirs, or no such place in the scope.
        InvalidInput: An unknown rhythm, too many, or the same once more.
    """
    if every not in set(Every):
        raise InvalidInput(f"{every[:20]!r} is no rhythm", "Choose day, week or month.")
    channel = session.get(NotificationChannel, channel_id)
    if channel is None or channel.user_id != int(principal.id) or channel.kind is not Channel.EMAIL:
        raise NotFound("no such address of yours", "Add it first.")
    place_id = place_in_scope(PlaceTree.read(session), principal, place_id)
    user = session.get_one(User, int(principal.id), with_for_update=True)
    own = ReportSubscription.user_id == user.id
    if (session.scalar(select(func.count()).select_from(ReportSubscription).where(own)) or 0) >= MOST:
        raise InvalidInput(f"more than {MOST} reports", "Stop one of them first.")
    same = select(ReportSubscription.id).where(
        own,
        ReportSubscription.channel_id == channel.id,
        ReportSubscription.every == every,
        ReportSubscription.place_id.is_(None) if place_id is None else ReportSubscription.place_id == place_id,
    )
    if session.scalar(same) is not None:
        raise InvalidInput("this report is sent there already", "Choose another place or rhythm.")
    now = clock.utc()
    running = Period.of(PeriodKind(every), now.astimezone(zone).date())
    row = ReportSubscription(
        user_id=user.id,
        channel_id=channel.id,
        place_id=place_id,
        every=every,
        created_at=now,
        told_until=running.first - DAY,
    )
    session.add(row)
    session.flush()
    _audit(session, now, principal, "report.subscribe", row, request_id)


def remove(session: Session, clock: Clock, principal: Principal, subscription_id: int, *, request_id: str = "") -> None:
    """Stop a report.

    Raises:
        NotFound: It is not theirs.
    """
    row = session.get(ReportSubscription, subscription_id)
    if row is None or row.user_id != int(principal.id):
        raise NotFound("no such subscription")
    _audit(session, clock.utc(), principal, "report.unsubscribe", row, request_id)
    session.delete(row)


def due(every: Every, told_until: date, now: datetime, zone: ZoneInfo) -> Period | None:
    """The period that is to be told now; None while it is not over, or it was told.

    Where days (weeks, months) were missed, it is all of them together: one mail that leaves nothing out.
    """
    ready = (now.astimezone(zone) - SEND_AT).date()
    kind = PeriodKind(every.value)
    last = Period.of(kind, ready).before()
    if last.last <= told_until:
        return None
    first = Period.of(kind, told_until + DAY)
    return last if first.first >= last.first else Period.free(first.first, last.last)


def mail_addresses(session: Session, principal: Principal) -> Sequence[NotificationChannel]:
    """Somebody's mail addresses."""
    return session.scalars(
        select(NotificationChannel)
        .where(NotificationChannel.user_id == int(principal.id), NotificationChannel.kind == Channel.EMAIL)
        .order_by(NotificationChannel.id)
    ).all()


def _audit(
    session: Session, at: datetime, principal: Principal, action: str, row: ReportSubscription, request_id: str
) -> None:
    audit.record(
        session,
        at=at,
        actor=principal,
        action=action,
        subject=f"user:{principal.id}",
        detail={"every": row.every, "place": row.place_id, "channel": row.channel_id},
        request_id=request_id,
    )
