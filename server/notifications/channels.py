"""Somebody's own channels: where they want to be told, and of what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.rules import RULES
from server.audit import service as audit
from server.clock import Clock
from server.db.models import User
from server.db.push_models import PushSubscription
from server.db.work_models import NotificationChannel
from server.domain import access
from server.domain.access import Permission, Principal
from server.domain.grouping import Severity
from server.domain.notices import Channel
from server.errors import Forbidden, InvalidInput, NotFound
from server.jobs import queue
from server.notifications import targets
from server.notifications.targets import Network
from server.places.service import PlaceTree

MAX_CHANNELS: Final = 8
CONFIRM_JOB: Final = "notifications.confirm"
_MAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}")
"""The plain form that HTML's own input takes; quoted and international addresses are not taken."""


class Refusal(StrEnum):
    """Why a channel was not taken: the end of a page's string."""

    BAD_KIND = "bad_kind"
    BAD_ADDRESS = "bad_address"
    BAD_WEBHOOK = "bad_webhook"
    BAD_PUSH = "bad_push"
    KNOWN = "known"
    LIMIT = "limit"


class ChannelRefused(InvalidInput):
    """A channel was not taken."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"the channel was not taken: {refusal.value}", "Correct the address.")
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class ChannelView:
    """A channel as its holder sees it."""

    id: int
    kind: Channel
    address: str
    min_severity: Severity
    kinds: tuple[str, ...]
    places: tuple[str, ...]
    active: bool
    confirmed: bool
    last_sent_at: datetime | None
    last_error: str
    label: str = ""
    """Of a browser: its name, where the address says nothing to a person."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody wants to be told."""

    min_severity: Severity
    kinds: tuple[str, ...]
    places: tuple[str, ...]


def may_have_webhooks(principal: Principal) -> bool:
    """A webhook carries incidents out of the system: that is for admins to decide."""
    return access.may(principal, Permission.MANAGE_USERS)


def list_own(session: Session, principal: Principal) -> list[ChannelView]:
    """Somebody's channels."""
    rows = session.scalars(
        select(NotificationChannel)
        .where(NotificationChannel.user_id == int(principal.id))
        .order_by(NotificationChannel.id)
    ).all()
    labels = dict(
        session.execute(
            select(PushSubscription.channel_id, PushSubscription.label).where(
                PushSubscription.channel_id.in_([row.id for row in rows])
            )
        ).all()
    )
    return [
        ChannelView(
            row.id,
            row.kind,
            row.address,
            row.min_severity,
            tuple(row.kinds),
            tuple(row.places),
            row.active,
            row.confirmed_at is not None,
            row.last_sent_at,
            row.last_error,
            labels.get(row.id, ""),
        )
        for row in rows
    ]


def add(
    session: Session,
    clock: Clock,
    principal: Principal,
    kind: Channel,
    address: str,
    choice: Choice,
    networks: Sequence[Network],
    *,
    request_id: str = "",
) -> None:
    """Add a channel. Mail has to be confirmed by a code; a webhook is an admin's word.

    Raises:
        ChannelRefused: The address is none, leads nowhere allowed, is there already, or there are too many.
        Forbidden: The role may not have such a channel.
    """
    address = address.strip()
    if kind is Channel.WEBHOOK:
        if not may_have_webhooks(principal):
            raise Forbidden("webhooks are for admins", "Ask an admin.")
        try:
            targets.resolve(address, networks)
        except targets.Refused as error:
            raise ChannelRefused(Refusal.BAD_WEBHOOK) from error
    elif kind is Channel.EMAIL:
        if len(address) > 254 or _MAIL.fullmatch(address) is None:
            raise ChannelRefused(Refusal.BAD_ADDRESS)
    else:
        raise ChannelRefused(Refusal.BAD_ADDRESS)
    user = session.get_one(User, int(principal.id), with_for_update=True)  # two forms at once are told apart
    own = NotificationChannel.user_id == user.id
    if (session.scalar(select(func.count()).select_from(NotificationChannel).where(own)) or 0) >= MAX_CHANNELS:
        raise ChannelRefused(Refusal.LIMIT)
    same = select(NotificationChannel.id).where(
        own, NotificationChannel.kind == kind, func.lower(NotificationChannel.address) == address.lower()
    )
    if session.scalar(same) is not None:
        raise ChannelRefused(Refusal.KNOWN)
    now = clock.utc()
    row = NotificationChannel(
        user_id=user.id,
        kind=kind,
        address=address,
        min_severity=choice.min_severity,
        kinds=list(choice.kinds),
        places=list(choice.places),
        active=True,
        created_at=now,
        confirmed_at=now if kind is Channel.WEBHOOK else None,
        code_attempts=0,
    )
    session.add(row)
    session.flush()
    if kind is Channel.EMAIL:
        queue.enqueue(session, CONFIRM_JOB, {"channel_id": row.id}, at=now)
    _audit(session, now, principal, "user.channel_add", row, request_id)


def choose(session: Session, principal: Principal, channel_id: int, choice: Choice, *, active: bool) -> None:
    """Change what is told on a channel.

    Raises:
        NotFound: It is not theirs.
    """
    row = _own(session, principal, channel_id)
    row.min_severity, row.kinds, row.places = choice.min_severity, list(choice.kinds), list(choice.places)
    row.active = active


def remove(session: Session, clock: Clock, principal: Principal, channel_id: int, *, request_id: str = "") -> None:
    """Remove a channel, with what waits on it.

    Raises:
        NotFound: It is not theirs.
    """
    row = _own(session, principal, channel_id)
    _audit(session, clock.utc(), principal, "user.channel_remove", row, request_id)
    session.delete(row)


def ask_code(session: Session, clock: Clock, principal: Principal, channel_id: int) -> None:
    """Have a new code sent; asked again within a minute it is the same one.

    Raises:
        NotFound: It is not theirs.
    """
    row = _own(session, principal, channel_id)
    if row.confirmed_at is None:
        key = f"{CONFIRM_JOB}:{row.id}:{int(clock.utc().timestamp() // 60)}"
        queue.enqueue(session, CONFIRM_JOB, {"channel_id": row.id}, at=clock.utc(), unique_key=key)


def webhook_made_at(session: Session, principal: Principal, channel_id: int) -> datetime:
    """When a webhook was added: its secret is made of it.

    Raises:
        NotFound: It is not theirs, or no webhook.
    """
    row = _own(session, principal, channel_id)
    if row.kind is not Channel.WEBHOOK:
        raise NotFound("no such webhook")
    return row.created_at


def read_kind(text: str) -> Channel:
    """What a form says of a channel that is added by its address; a browser that takes pushes adds itself.

    Raises:
        ChannelRefused: There is no such kind.
    """
    if text not in {Channel.EMAIL, Channel.WEBHOOK}:
        raise ChannelRefused(Refusal.BAD_KIND)
    return Channel(text)


def read_choice(session: Session, principal: Principal, severity: str, kinds: list[str], places: list[str]) -> Choice:
    """What a form says; what is unknown or outside of the scope is left out."""
    villages = set(PlaceTree.read(session).villages_of(principal))
    return Choice(
        Severity(severity) if severity in set(Severity) else Severity.MEDIUM,
        tuple(kind for kind in RULES if kind in kinds),
        tuple(sorted(villages.intersection(places))),
    )


def _own(session: Session, principal: Principal, channel_id: int) -> NotificationChannel:
    row = session.get(NotificationChannel, channel_id)
    if row is None or row.user_id != int(principal.id):
        raise NotFound("no such channel")
    return row


def _audit(
    session: Session, at: datetime, principal: Principal, action: str, row: NotificationChannel, request_id: str
) -> None:
    audit.record(
        session,
        at=at,
        actor=principal,
        action=action,
        subject=f"user:{principal.id}",
        detail={"channel": row.kind.value, "number": row.id},
        request_id=request_id,
    )
