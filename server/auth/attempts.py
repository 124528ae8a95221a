"""How often a secret may be tried: attempts are written down before they are checked, by person and by address."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from server.db.engine import LOCK_LOGIN, lock
from server.db.models import LoginAttempt
from server.errors import TooManyRequests

WINDOW: Final = timedelta(minutes=15)
MAX_PER_USER_AND_ADDRESS: Final = 5
MAX_PER_ADDRESS: Final = 30
MAX_PER_USER: Final = 60
"""High: a stranger must not be able to lock an officer out from elsewhere."""
MAX_CODES_PER_USER: Final = 20
"""Lower: only who knows the password comes so far. 20 guesses of the three codes of a moment: 1 in 16,000 a window."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """Attempts that were written down, to be taken back when the secret was right."""

    rows: tuple[int, ...]
    own_key: str
    """Of the person at this address: earlier failures go with it."""


def reserve(session: Session, now: datetime, username: str, address: str) -> Reserved:
    """Write an attempt at a password down before it is checked.

    Raises:
        TooManyRequests: This person, or this address, has failed too often.
    """
    own = _key("both", username, address)
    return _reserve(
        session,
        now,
        own,
        {
            own: MAX_PER_USER_AND_ADDRESS,
            _key("address", address): MAX_PER_ADDRESS,
            _key("user", username): MAX_PER_USER,
        },
    )


def reserve_code(session: Session, now: datetime, user_id: int, address: str) -> Reserved:
    """The same for a code of an authenticator app or a recovery code.

    Raises:
        TooManyRequests: As above.
    """
    own = _key("code both", str(user_id), address)
    return _reserve(
        session,
        now,
        own,
        {
            own: MAX_PER_USER_AND_ADDRESS,
            _key("address", address): MAX_PER_ADDRESS,
            _key("code user", str(user_id)): MAX_CODES_PER_USER,
        },
    )


def reserve_link(session: Session, now: datetime, address: str) -> Reserved:
    """The same for what has 256 bits (passkeys, the first admin's link): an address must not keep us busy.

    Raises:
        TooManyRequests: As above.
    """
    own = _key("link", address)
    return _reserve(session, now, own, {own: MAX_PER_ADDRESS})


def forgive_link(session: Session, address: str) -> None:
    """Forget what `reserve_link` wrote down for an address: one of its people came in."""
    session.execute(delete(LoginAttempt).where(LoginAttempt.key == _key("link", address)))


def forgive(session: Session, reserved: Reserved) -> None:
    """Take attempts back: the secret was right. A police station behind one address signs in as often as it likes."""
    session.execute(
        delete(LoginAttempt).where(LoginAttempt.id.in_(reserved.rows) | (LoginAttempt.key == reserved.own_key))
    )


def _reserve(session: Session, now: datetime, own_key: str, limits: dict[str, int]) -> Reserved:
    lock(session, LOCK_LOGIN, limits)
    since = now - WINDOW
    session.execute(delete(LoginAttempt).where(LoginAttempt.at < since))
    rows = select(LoginAttempt.key, func.count()).where(LoginAttempt.key.in_(limits)).group_by(LoginAttempt.key)
    counts: dict[str, int] = dict(session.execute(rows).all())
    if any(counts.get(key, 0) >= limit for key, limit in limits.items()):
        raise TooManyRequests(
            "too many failed sign-ins",
            "Wait 15 minutes, or ask an admin for a new password.",
            retry_after_s=int(WINDOW.total_seconds()),
        )
    rows_added = [LoginAttempt(key=key, at=now) for key in limits]
    session.add_all(rows_added)
    session.flush()
    return Reserved(tuple(row.id for row in rows_added), own_key)


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
