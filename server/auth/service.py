"""Users and sessions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, String, bindparam, delete, exists, select, type_coerce, update
from sqlalchemy.orm import Session

from server.audit import service as audit
from server.auth import one_time, passwords
from server.auth.one_time import Purpose
from server.auth.tokens import new_token, token_hash
from server.clock import Clock
from server.db.account_models import SecondFactorRule
from server.db.models import LoginSession, Place, User
from server.domain import access
from server.domain.access import USER_ROLES, Principal, Role
from server.errors import Conflict, Forbidden, InvalidInput, NotFound
from server.places.service import PlaceTree

_USERNAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")

LAST_SEEN_EVERY: Final = timedelta(minutes=1)


_STATE: Final = (
    select(
        *(LoginSession.token_hash, LoginSession.expires_at, LoginSession.last_seen_at, LoginSession.method),
        *(User.id, User.role, User.display_name, User.place_id, User.language, User.active, User.has_second_factor),
        exists().where(SecondFactorRule.role == type_coerce(User.role, String)).label("is_required"),
    )
    .select_from(LoginSession)
    .join(User, User.id == LoginSession.user_id)
)
_STATE_OF_TOKEN: Final = _STATE.where(LoginSession.token_hash == bindparam("token_hash"))
_STATE_OF_TOKENS: Final = _STATE.where(LoginSession.token_hash.in_(bindparam("token_hashes", expanding=True)))
_TOKENS_AT_ONCE: Final = 500


class Method(StrEnum):
    """How somebody signed in."""

    PASSWORD = "password"  # noqa: S105 (a word, not a secret)
    SECOND_FACTOR = "second_factor"
    """A password and a code or a passkey."""
    PASSKEY = "passkey"
    """A passkey alone: the device asked for a finger, a face or a PIN, so that it is two factors by itself."""
    OIDC = "oidc"
    """The OpenID provider's word; how many factors, it decides."""


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How long a browser stays signed in."""

    idle: timedelta
    longest: timedelta
    federated: timedelta = timedelta(hours=12)
    """At most, after the OpenID provider's word: whom it no longer knows is out by then."""


@dataclass(frozen=True, slots=True)
class SessionState:
    """A session as it stands now."""

    principal: Principal
    is_touch_due: bool
    must_enrol: bool
    """The site asks a second factor of the role, and there is none yet: nothing but setting one up is allowed."""


def principal_of_user(user: User) -> Principal:
    """The user as access decisions see them."""
    return Principal(Role(user.role), str(user.id), user.display_name, user.place_id, user.language)


# Users


def create_user(
    session: Session,
    clock: Clock,
    *,
    username: str,
    password: str,
    role: Role,
    place_id: str | None,
    display_name: str = "",
    language: str | None = None,
    actor: Principal | None = None,
) -> User:
    """Add a person.

    Args:
        session: Of `Database.write`.
        clock: The time.
        username: Made lower case.
        password: At least 10 characters.
        role: officer, leader, resident or admin.
        place_id: The scope; None only for an admin of the whole site.
        display_name: The user name when empty.
        language: `vi` or `en`; None means the site's.
        actor: Who adds; None for the command line.

    Raises:
        InvalidInput: A value is wrong; the message names it.
        Conflict: The user name is taken.
        Forbidden: The place is outside the actor's own scope.
    """
    username = username.strip().lower()
    if not _USERNAME.fullmatch(username):
        raise InvalidInput(
            f"user name {username[:70]!r} is not usable", "Use 2-64 of: a-z 0-9 . _ @ - (first a letter or digit)."
        )
    if role not in USER_ROLES:
        raise InvalidInput(f"role {role!r} is not for people", "Use officer, leader, resident or admin.")
    if place_id is None and role is not Role.ADMIN:
        raise InvalidInput(
            f"an account with the role {role} needs a place", "Give the id of a village, commune or province."
        )
    if place_id is not None and session.get(Place, place_id) is None:
        raise InvalidInput(f"no place {place_id!r}", "Add it to site.yaml and run `langan-server places sync`.")
    _within_scope(session, actor, place_id)
    if session.scalar(select(User.id).where(User.username == username)) is not None:
        raise Conflict(f"user name {username!r} is taken", "Choose another one.")
    now = clock.utc()
    user = User(
        username=username,
        display_name=display_name.strip()[:120] or username,
        password_hash=passwords.hash_password(password),
        role=role,
        place_id=place_id,
        language=language,
        active=True,
        created_at=now,
        password_changed_at=now,
    )
    session.add(user)
    session.flush()
    detail = {"username": username, "role": role.value, "place": place_id}
    audit.record(session, at=now, actor=actor, action="user.create", subject=f"user:{user.id}", detail=detail)
    return user


def change_password(
    session: Session, clock: Clock, user_id: int, password: str, actor: Principal | None = None
) -> None:
    """Set a new password; every session of the user ends.

    Raises:
        NotFound: No such user.
        InvalidInput: The password is too short or too long.
        Forbidden: The user is outside the actor's scope.
    """
    user = _user(session, user_id)
    if actor is not None and actor.id != str(user_id):
        _within_scope(session, actor, user.place_id)
    user.password_hash = passwords.hash_password(password)
    user.password_changed_at = clock.utc()
    end_all_sessions(session, user_id)
    audit.record(session, at=clock.utc(), actor=actor, action="user.change_password", subject=f"user:{user_id}")


def change_access(
    session: Session,
    clock: Clock,
    user_id: int,
    *,
    role: Role,
    place_id: str | None,
    active: bool,
    actor: Principal | None = None,
) -> None:
    """Change what a user may do; every session of the user ends, and open live streams at once.

    Raises:
        NotFound: No such user.
        InvalidInput: Role and place do not go together.
        Forbidden: The user, or the new place, is outside the actor's scope.
    """
    user = _user(session, user_id)
    _within_scope(session, actor, user.place_id)
    if role not in USER_ROLES or (place_id is None and role is not Role.ADMIN):
        raise InvalidInput("role and place do not go together", "Only an admin may have the whole site.")
    if place_id is not None and session.get(Place, place_id) is None:
        raise InvalidInput(f"no place {place_id!r}", "Choose one of the places of site.yaml.")
    _within_scope(session, actor, place_id)
    is_same = active and (user.role, user.place_id) == (role, place_id)
    user.role, user.place_id, user.active = role, place_id, active
    if not is_same:
        end_all_sessions(session, user_id)
    detail = {"role": role.value, "place": place_id, "active": active}
    audit.record(
        session, at=clock.utc(), actor=actor, action="user.change_access", subject=f"user:{user_id}", detail=detail
    )


def set_language(session: Session, user_id: int, language: str) -> None:
    """Remember which language a person reads. A taste, not a right: it is not audited.

    Raises:
        NotFound: No such user.
    """
    _user(session, user_id).language = language


def list_users(session: Session) -> list[User]:
    """Everybody, by user name."""
    return list(session.scalars(select(User).order_by(User.username)))


def _within_scope(session: Session, actor: Principal | None, place_id: str | None) -> None:
    """Refuse an admin who reaches beyond their own scope; the command line (None) has the whole site."""
    if actor is None:
        return
    path = None if place_id is None else PlaceTree.read(session).path(place_id)
    if not access.may_grant(actor, path):
        raise Forbidden("this is outside your own scope", "Ask an admin of the whole site.")


def _user(session: Session, user_id: int) -> User:
    user = session.get(User, user_id)
    if user is None:
        raise NotFound(f"no user {user_id}")
    return user


# Sessions


def open_session(
    session: Session,
    clock: Clock,
    policy: SessionPolicy,
    user: User,
    *,
    method: Method = Method.PASSWORD,
    label: str = "",
) -> str:
    """Open a session for a user who has shown who they are; gives the cookie's token."""
    token, now = new_token(), clock.utc()
    session.execute(delete(LoginSession).where(LoginSession.expires_at < now))
    row = LoginSession(
        token_hash=token_hash(token),
        user_id=user.id,
        created_at=now,
        last_seen_at=now,
        expires_at=now + (min(policy.longest, policy.federated) if method is Method.OIDC else policy.longest),
        method=method,
        label=label[:80],
        confirmed_at=now,
    )
    session.add(row)
    return token


def state_of_session(session: Session, clock: Clock, policy: SessionPolicy, token: str) -> SessionState | None:
    """Who holds a token *now*: role, scope and what the site asks of the role are read afresh, in one query.

    Returns:
        None when the token is unknown or has run out.
    """
    row = session.execute(_STATE_OF_TOKEN, {"token_hash": token_hash(token)}).one_or_none()
    return None if row is None else _state(row, clock.utc(), policy)


def principals_of_sessions(
    session: Session, clock: Clock, policy: SessionPolicy, hashes: Iterable[bytes]
) -> dict[bytes, Principal]:
    """Who holds each of many sessions *now*, by the SHA-256 of its token. Whose is missing may do nothing."""
    now, wanted, found = clock.utc(), list(hashes), {}
    for at in range(0, len(wanted), _TOKENS_AT_ONCE):
        for row in session.execute(_STATE_OF_TOKENS, {"token_hashes": wanted[at : at + _TOKENS_AT_ONCE]}):
            state = _state(row, now, policy)
            if state is not None and not state.must_enrol:
                found[row.token_hash] = state.principal
    return found


def _state(row: Row[*tuple[Any, ...]], now: datetime, policy: SessionPolicy) -> SessionState | None:
    if not row.active or row.expires_at <= now or row.last_seen_at + policy.idle <= now:
        return None
    return SessionState(
        Principal(Role(row.role), str(row.id), row.display_name, row.place_id, row.language),
        is_touch_due=row.last_seen_at + LAST_SEEN_EVERY <= now,
        must_enrol=row.is_required and not row.has_second_factor and row.method != Method.OIDC,
    )


def principal_of_session(
    session: Session, clock: Clock, policy: SessionPolicy, token: str
) -> tuple[Principal, bool] | None:
    """Who is signed in with a token *now*, and may do what their role may.

    Returns:
        The principal and whether `touch_session` is due; None when the token is unknown or has run out, or when its
        holder must set up a second factor first.
    """
    state = state_of_session(session, clock, policy, token)
    return None if state is None or state.must_enrol else (state.principal, state.is_touch_due)


def touch_session(session: Session, clock: Clock, token: str) -> None:
    """Note that the session is in use."""
    session.execute(
        update(LoginSession).where(LoginSession.token_hash == token_hash(token)).values(last_seen_at=clock.utc())
    )


def close_session(session: Session, token: str) -> None:
    """Sign one browser out."""
    session.execute(delete(LoginSession).where(LoginSession.token_hash == token_hash(token)))


def end_all_sessions(session: Session, user_id: int, *, but: str | None = None) -> None:
    """Sign a user out everywhere, or everywhere but in the browser that holds a token."""
    query = delete(LoginSession).where(LoginSession.user_id == user_id)
    session.execute(query if but is None else query.where(LoginSession.token_hash != token_hash(but)))
    one_time.end_all(session, Purpose.SECOND_FACTOR, user_id)
