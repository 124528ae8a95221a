"""The first admin: a link that works once and for an hour, printed where the server starts; no default password.

The link carries its code behind `#`, which browsers keep to themselves: it reaches no access log, here or in a proxy.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.auth import one_time
from server.auth import service as auth
from server.auth.one_time import LIVES, Purpose
from server.clock import Clock
from server.db.engine import LOCK_LOGIN, lock
from server.db.models import User
from server.domain.access import Role
from server.errors import NotAuthenticated

PATH: Final = "/setup"
LINK_LIVES: Final = LIVES[Purpose.FIRST_ADMIN]


def is_wanted(session: Session) -> bool:
    """Whether nobody can look after the site yet: no admin of the whole site was ever made."""
    admins = select(func.count()).where(User.role == Role.ADMIN, User.place_id.is_(None))
    return not session.scalar(admins)


def new_code(session: Session, clock: Clock) -> str | None:
    """A fresh code, or None when there is an admin. Codes that were printed before stay good for their hour."""
    return one_time.issue(session, clock, Purpose.FIRST_ADMIN) if is_wanted(session) else None


def link(address: str, code: str) -> str:
    """What is printed: the code stands behind `#`."""
    return f"{address.rstrip('/')}{PATH}#{code}"


def create(
    session: Session, clock: Clock, *, code: str, username: str, password: str, display_name: str, language: str
) -> User:
    """Make the first admin; every code ends with it.

    Raises:
        NotAuthenticated: The code is none, was used or has run out.
        InvalidInput: User name or password is not usable; the code stays good.
        Conflict: The user name is taken; the code stays good.
    """
    lock(session, LOCK_LOGIN, ["first admin"])
    if not is_wanted(session) or one_time.take(session, clock, Purpose.FIRST_ADMIN, code.strip()) is None:
        raise NotAuthenticated(
            "this link was used, has run out or is not one of ours", "Start the server again: it prints a new one."
        )
    user = auth.create_user(
        session,
        clock,
        username=username,
        password=password,
        role=Role.ADMIN,
        place_id=None,
        display_name=display_name,
        language=language,
    )
    one_time.end_all(session, Purpose.FIRST_ADMIN)
    return user
