"""What browsers subscribed to: a notification channel whose address is the push service's, and the browser's keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from server.audit import service as audit
from server.clock import Clock
from server.db.models import User
from server.db.push_models import PushSubscription
from server.db.work_models import NotificationChannel
from server.domain.access import Principal
from server.domain.grouping import Severity
from server.domain.notices import Channel
from server.errors import InvalidInput
from server.notifications import targets
from server.notifications.channels import MAX_CHANNELS, ChannelRefused, Refusal
from server.notifications.targets import Network
from server.push import keys
from server.push.keys import SealedKey, from_base64url

_POINT_BYTES: Final = 65
_AUTH_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class PushAddress:
    """What a message to a browser is sealed with."""

    p256dh: str
    auth: str
    key: SealedKey


def subscribe(
    session: Session,
    clock: Clock,
    principal: Principal,
    *,
    endpoint: str,
    p256dh: str,
    auth: str,
    site_key: SealedKey,
    label: str,
    networks: Sequence[Network],
    request_id: str = "",
) -> int:
    """Keep a browser's subscription; gives its channel. The same browser again renews it, whoever had it before.

    Args:
        session: Of `Database.write`.
        clock: The time.
        principal: Who is to be told.
        endpoint: Address at the browser's push service.
        p256dh: The browser's public key, base64url.
        auth: Its secret for us, base64url.
        site_key: With which it subscribed.
        label: Browser and system as its holder knows them.
        networks: Private networks that the site's settings allow.
        request_id: For the audit log.

    Raises:
        ChannelRefused: The address leads nowhere allowed, or there are too many channels.
        InvalidInput: The keys are none.
    """
    _check_keys(p256dh, auth)
    try:
        targets.resolve(endpoint, networks)
    except targets.Refused as error:
        raise ChannelRefused(Refusal.BAD_PUSH) from error
    user = session.get_one(User, int(principal.id), with_for_update=True)
    same = (NotificationChannel.kind == Channel.PUSH, NotificationChannel.address == endpoint)
    # A browser belongs to who uses it now: what it was told for somebody else goes.
    session.execute(delete(NotificationChannel).where(*same, NotificationChannel.user_id != user.id))
    row = session.scalar(select(NotificationChannel).where(*same, NotificationChannel.user_id == user.id))
    now = clock.utc()
    if row is None:
        own = select(func.count()).where(NotificationChannel.user_id == user.id)
        if (session.scalar(own) or 0) >= MAX_CHANNELS:
            raise ChannelRefused(Refusal.LIMIT)
        row = NotificationChannel(
            user_id=user.id,
            kind=Channel.PUSH,
            address=endpoint,
            min_severity=Severity.MEDIUM,
            kinds=[],
            places=[],
            active=True,
            created_at=now,
            confirmed_at=now,  # the browser itself gave it, in a session of its holder
            code_attempts=0,
        )
        session.add(row)
        session.flush()
        audit.record(
            session,
            at=now,
            actor=principal,
            action="user.channel_add",
            subject=f"user:{principal.id}",
            detail={"channel": Channel.PUSH.value, "number": row.id},
            request_id=request_id,
        )
    row.last_error = ""
    session.merge(
        PushSubscription(channel_id=row.id, p256dh=p256dh, auth=auth, site_key=site_key.public_key, label=label[:80])
    )
    return row.id


def address_of(session: Session, channel_id: int) -> PushAddress | None:
    """What a message to a channel is sealed with; None where its browser has to subscribe again."""
    row, key = session.get(PushSubscription, channel_id), keys.read(session)
    if row is None or key is None or row.site_key != key.public_key:
        return None
    return PushAddress(row.p256dh, row.auth, key)


def expire(session: Session, clock: Clock, channel_id: int) -> None:
    """Remove a subscription that its push service does not know any more."""
    row = session.get(NotificationChannel, channel_id)
    if row is None or row.kind is not Channel.PUSH:
        return
    audit.record(
        session,
        at=clock.utc(),
        actor=None,
        action="user.channel_expire",
        subject=f"user:{row.user_id}",
        detail={"channel": Channel.PUSH.value, "number": row.id},
    )
    session.delete(row)


def _check_keys(p256dh: str, auth: str) -> None:
    try:
        point, secret = from_base64url(p256dh[:200]), from_base64url(auth[:100])
        if len(point) != _POINT_BYTES or len(secret) != _AUTH_BYTES:
            raise ValueError("wrong length")  # noqa: TRY301 - one answer for all
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError as error:
        raise InvalidInput("p256dh or auth: not a browser's keys", "Subscribe again in the browser.") from error
