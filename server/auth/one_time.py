"""Tokens that work once and for a short time: between two steps of signing in, and for the first admin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from server.auth.tokens import new_token, token_hash
from server.clock import Clock
from server.db.account_models import OneTimeToken


class Purpose(StrEnum):
    """What a token is for; one for another purpose is unknown."""

    SECOND_FACTOR = "second_factor"
    """The password was right; a code or a passkey is still to come."""
    REGISTER_PASSKEY = "register_passkey"
    SIGN_IN_PASSKEY = "sign_in_passkey"
    FIRST_ADMIN = "first_admin"


LIVES: dict[Purpose, timedelta] = {
    Purpose.SECOND_FACTOR: timedelta(minutes=5),
    Purpose.REGISTER_PASSKEY: timedelta(minutes=5),
    Purpose.SIGN_IN_PASSKEY: timedelta(minutes=5),
    Purpose.FIRST_ADMIN: timedelta(hours=1),
}


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a token stands for."""

    user_id: int | None
    data: dict[str, Any]


def issue(
    session: Session,
    clock: Clock,
    purpose: Purpose,
    *,
    user_id: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> str:
    """Hand a token out; those that have run out go."""
    token, now = new_token(), clock.utc()
    session.execute(delete(OneTimeToken).where(OneTimeToken.expires_at < now))
    session.add(
        OneTimeToken(
            token_hash=token_hash(token),
            purpose=purpose,
            user_id=user_id,
            data=dict(data or {}),
            created_at=now,
            expires_at=now + LIVES[purpose],
        )
    )
    session.flush()
    return token


def look(session: Session, clock: Clock, purpose: Purpose, token: str) -> Ticket | None:
    """What a token stands for, without using it up; None when it is unknown, used or has run out."""
    row = session.scalar(
        select(OneTimeToken).where(
            OneTimeToken.token_hash == token_hash(token),
            OneTimeToken.purpose == purpose,
            OneTimeToken.expires_at > clock.utc(),
        )
    )
    return None if row is None else Ticket(row.user_id, row.data)


def take(session: Session, clock: Clock, purpose: Purpose, token: str) -> Ticket | None:
    """Use a token up. Of two who bring the same one at once, one gets it."""
    row = session.execute(
        delete(OneTimeToken)
        .where(
            OneTimeToken.token_hash == token_hash(token),
            OneTimeToken.purpose == purpose,
            OneTimeToken.expires_at > clock.utc(),
        )
        .returning(OneTimeToken.user_id, OneTimeToken.data)
    ).one_or_none()
    return None if row is None else Ticket(row.user_id, row.data)


def end_all(session: Session, purpose: Purpose, user_id: int | None = None) -> None:
    """Make tokens of a purpose (and of a person, where one is named) worthless."""
    query = delete(OneTimeToken).where(OneTimeToken.purpose == purpose)
    session.execute(query if user_id is None else query.where(OneTimeToken.user_id == user_id))
