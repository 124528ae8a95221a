"""How often a password may be tried: attempts are written down before they are checked, by person and by address."""

from __future__ import annotations

import hashlib
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


def reserve(session: Session, now: datetime, username: str, address: str) -> list[int]:
    """Write an attempt down before it is checked; gives the rows, to be taken back when the password was right."""
    limits = {
        _key("both", username, address): MAX_PER_USER_AND_ADDRESS,
        _key("address", address): MAX_PER_ADDRESS,
        _key("user", username): MAX_PER_USER,
    }
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
    return [row.id for row in rows_added]


def forgive(session: Session, reserved: list[int], username: str, address: str) -> None:
    """Take attempts back: the password was right. A police station behind one address may sign in as often as it likes.

    Args:
        session: Of `Database.write`.
        reserved: What `reserve` gave.
        username: Whose failures from this address are forgotten, too.
        address: Where the request came from.
    """
    both = _key("both", username, address)
    session.execute(delete(LoginAttempt).where(LoginAttempt.id.in_(reserved) | (LoginAttempt.key == both)))


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
