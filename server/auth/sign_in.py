"""Signing in with a password, and what follows: a second factor where there is one, a session at the end.

Every attempt is written down before its secret is checked, so that many workers together cannot try more often than
one; slow hashes are computed outside of any transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from server.audit import service as audit
from server.auth import attempts, one_time, passwords, second_factor
from server.auth import service as auth
from server.auth.one_time import Purpose
from server.auth.sealing import Sealer
from server.auth.service import Method, SessionPolicy
from server.auth.tokens import token_hash
from server.clock import Clock
from server.db.engine import Database
from server.db.models import LoginSession, User
from server.domain.access import Principal
from server.errors import NotAuthenticated, NotFound

_WRONG: Final = ("wrong user name or password", "Check both; an admin can set a new password.")


@dataclass(frozen=True, slots=True)
class Caller:
    """Where somebody signs in from."""

    address: str
    label: str = ""
    """Browser and system, for the owner's list of sessions."""


@dataclass(frozen=True, slots=True)
class Entered:
    """A session was opened."""

    token: str
    """For the cookie."""
    principal: Principal


@dataclass(frozen=True, slots=True)
class CodeWanted:
    """The password was right; a second factor is still to come."""

    ticket: str
    """For `with_code`."""


def with_password(
    database: Database, clock: Clock, policy: SessionPolicy, caller: Caller, *, username: str, password: str
) -> Entered | CodeWanted:
    """Check a password; opens a session when nothing else is asked for.

    Raises:
        TooManyRequests: Too many failures from here or for this user.
        NotAuthenticated: Wrong user name or password; never says which.
    """
    username = username.strip().lower()[:64]
    with database.write() as session:
        reserved = attempts.reserve(session, clock.utc(), username, caller.address)
        user = session.scalar(select(User).where(User.username == username, User.active))
        known = None if user is None else (user.id, user.password_hash)
    if not passwords.matches(None if known is None else known[1], password) or known is None:
        raise NotAuthenticated(*_WRONG)
    renewed = passwords.hash_password(password) if passwords.is_outdated(known[1]) else None
    with database.write() as session:
        user = session.get(User, known[0])
        if user is None or not user.active or user.password_hash != known[1]:
            raise NotAuthenticated(*_WRONG)
        attempts.forgive(session, reserved)
        if renewed is not None:
            user.password_hash = renewed
        if user.has_second_factor:
            return CodeWanted(one_time.issue(session, clock, Purpose.SECOND_FACTOR, user_id=user.id))
        return open_for(session, clock, policy, user, Method.PASSWORD, caller)


def with_code(
    database: Database, clock: Clock, policy: SessionPolicy, sealer: Sealer, caller: Caller, *, ticket: str, code: str
) -> Entered | None:
    """Check a code after the password.

    Returns:
        None when the code is wrong, or was used before.

    Raises:
        TooManyRequests: Too many wrong codes.
        NotAuthenticated: The ticket is none, was used, or has run out: the password is asked for again.
    """
    with database.write() as session:
        user = _awaited(session, clock, ticket)
        reserved = attempts.reserve_code(session, clock.utc(), user.id, caller.address)
        kind = second_factor.take_code(session, clock, sealer, user.id, code)
        if kind is None:
            return None
        if one_time.take(session, clock, Purpose.SECOND_FACTOR, ticket) is None:
            raise _too_late()
        attempts.forgive(session, reserved)
        return open_for(session, clock, policy, user, Method.SECOND_FACTOR, caller, factor=kind)


def awaits_code(session: Session, clock: Clock, ticket: str) -> User:
    """Who has given the password and must now show a second factor.

    Raises:
        NotAuthenticated: The ticket is none, was used, or has run out.
    """
    return _awaited(session, clock, ticket)


def open_for(
    session: Session,
    clock: Clock,
    policy: SessionPolicy,
    user: User,
    method: Method,
    caller: Caller,
    *,
    factor: str = "",
) -> Entered:
    """Open a session for somebody who has shown who they are, and write it down."""
    token = auth.open_session(session, clock, policy, user, method=method, label=caller.label)
    principal = auth.principal_of_user(user)
    detail = {"method": method.value, "factor": factor or None}
    audit.record(
        session, at=clock.utc(), actor=principal, action="session.open", subject=f"user:{user.id}", detail=detail
    )
    return Entered(token, principal)


def confirm_password(
    database: Database, clock: Clock, caller: Caller, person: Principal, *, token: str, password: str
) -> None:
    """Ask for the password again before something that matters; it counts for `own_sessions.CONFIRMED_FOR`.

    Raises:
        TooManyRequests: Too many failures from here or for this user.
        NotAuthenticated: The password is wrong.
    """
    user_id = int(person.id)
    with database.write() as session:
        user = _user(session, user_id)
        known = user.password_hash
        reserved = attempts.reserve(session, clock.utc(), user.username, caller.address)
    if not passwords.matches(known, password):
        raise NotAuthenticated("the password is wrong", "Type it again; an admin can set a new one.")
    with database.write() as session:
        attempts.forgive(session, reserved)
        confirmed = update(LoginSession).where(LoginSession.token_hash == token_hash(token))
        session.execute(confirmed.values(confirmed_at=clock.utc()))


def change_own_password(
    database: Database, clock: Clock, policy: SessionPolicy, caller: Caller, person: Principal, *, old: str, new: str
) -> str:
    """Change one's own password; every session of the person ends, and a fresh one begins.

    Returns:
        The fresh session's token, for this browser's cookie.

    Raises:
        TooManyRequests: Too many failures from here or for this user.
        NotAuthenticated: The old password is wrong.
        InvalidInput: The new one is too short or too long.
    """
    passwords.check_length(new)
    user_id = int(person.id)
    with database.write() as session:
        user = _user(session, user_id)
        known = user.password_hash
        reserved = attempts.reserve(session, clock.utc(), user.username, caller.address)
    if not passwords.matches(known, old):
        raise NotAuthenticated("the old password is wrong", "Type it again; an admin can set a new one.")
    fresh = passwords.hash_password(new)
    with database.write() as session:
        user = _user(session, user_id)
        if not user.active or user.password_hash != known:
            raise NotAuthenticated("the old password is wrong", "Somebody has changed it since; sign in again.")
        attempts.forgive(session, reserved)
        user.password_hash, user.password_changed_at = fresh, clock.utc()
        auth.end_all_sessions(session, user_id)
        subject = f"user:{user_id}"
        audit.record(session, at=clock.utc(), actor=person, action="user.change_password", subject=subject)
        return auth.open_session(session, clock, policy, user, label=caller.label)


def _awaited(session: Session, clock: Clock, ticket: str) -> User:
    found = one_time.look(session, clock, Purpose.SECOND_FACTOR, ticket)
    user = None if found is None or found.user_id is None else session.get(User, found.user_id)
    if user is None or not user.active:
        raise _too_late()
    return user


def _too_late() -> NotAuthenticated:
    return NotAuthenticated("this sign-in has run out", "Begin again with the password.")


def _user(session: Session, user_id: int) -> User:
    user = session.get(User, user_id)
    if user is None:
        raise NotFound(f"no user {user_id}")
    return user
