"""Users, sessions and devices."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from server.audit import service as audit
from server.auth import attempts, passwords
from server.auth.tokens import new_token, token_hash
from server.clock import Clock
from server.db.engine import Database
from server.db.models import Device, LoginSession, Place, User
from server.domain import access
from server.domain.access import USER_ROLES, Principal, Role
from server.errors import Conflict, Forbidden, InvalidInput, NotAuthenticated, NotFound
from server.places.service import PlaceTree

_USERNAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")

LAST_SEEN_EVERY: Final = timedelta(minutes=1)
_DEVICE_OF_TOKEN: Final = select(Device.id, Device.name, Device.place_id).where(
    Device.token_hash == bindparam("token_hash"), Device.revoked_at.is_(None)
)


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How long a browser stays signed in."""

    idle: timedelta
    longest: timedelta


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
        role: officer, resident or admin.
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
        raise InvalidInput(f"role {role!r} is not for people", "Use officer, resident or admin.")
    if place_id is None and role is not Role.ADMIN:
        raise InvalidInput(f"a {role} needs a place", "Give the id of a village, commune or province.")
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
    """Change what a user may do. It holds from the next request on, and for open live streams at once.

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
    user.role, user.place_id, user.active = role, place_id, active
    if not active:
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


# Signing in


def sign_in(
    database: Database, clock: Clock, policy: SessionPolicy, *, username: str, password: str, address: str
) -> tuple[str, Principal]:
    """Check a password and open a session.

    The attempt is written down before the password is checked, so that many workers together cannot try more often than
    one; the slow hash is computed outside of any transaction.

    Returns:
        The session token for the cookie, and who it is.

    Raises:
        TooManyRequests: Too many failures from here or for this user.
        NotAuthenticated: Wrong user name or password; never says which.
    """
    username = username.strip().lower()[:64]
    with database.write() as session:
        reserved = attempts.reserve(session, clock.utc(), username, address)
        user = session.scalar(select(User).where(User.username == username, User.active))
        known = None if user is None else (user.id, user.password_hash)
    if not passwords.matches(None if known is None else known[1], password) or known is None:
        raise NotAuthenticated("wrong user name or password", "Check both; an admin can set a new password.")
    with database.write() as session:
        user = session.get(User, known[0])
        if user is None or not user.active or user.password_hash != known[1]:
            raise NotAuthenticated("wrong user name or password", "Check both; an admin can set a new password.")
        attempts.forgive(session, reserved, username, address)
        token = open_session(session, clock, policy, user)
        principal = principal_of_user(user)
        audit.record(session, at=clock.utc(), actor=principal, action="session.open", subject=f"user:{user.id}")
    return token, principal


def change_own_password(
    database: Database, clock: Clock, policy: SessionPolicy, person: Principal, *, old: str, new: str, address: str
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
        username, known = user.username, user.password_hash
        reserved = attempts.reserve(session, clock.utc(), username, address)
    if not passwords.matches(known, old):
        raise NotAuthenticated("the old password is wrong", "Type it again; an admin can set a new one.")
    fresh = passwords.hash_password(new)
    with database.write() as session:
        user = _user(session, user_id)
        if not user.active or user.password_hash != known:
            raise NotAuthenticated("the old password is wrong", "Somebody has changed it since; sign in again.")
        attempts.forgive(session, reserved, username, address)
        user.password_hash, user.password_changed_at = fresh, clock.utc()
        end_all_sessions(session, user_id)
        subject = f"user:{user_id}"
        audit.record(session, at=clock.utc(), actor=person, action="user.change_password", subject=subject)
        return open_session(session, clock, policy, user)


# Sessions


def open_session(session: Session, clock: Clock, policy: SessionPolicy, user: User) -> str:
    """Open a session for a user whose password was checked; gives the cookie's token."""
    token, now = new_token(), clock.utc()
    session.execute(delete(LoginSession).where(LoginSession.expires_at < now))
    row = LoginSession(
        token_hash=token_hash(token), user_id=user.id, created_at=now, last_seen_at=now, expires_at=now + policy.longest
    )
    session.add(row)
    return token


def principal_of_session(
    session: Session, clock: Clock, policy: SessionPolicy, token: str
) -> tuple[Principal, bool] | None:
    """Who is signed in with a token *now*: role and scope are read afresh.

    Returns:
        The principal and whether `touch_session` is due; None when the token is unknown or has run out.
    """
    now = clock.utc()
    row = session.get(LoginSession, token_hash(token), populate_existing=True)
    if row is None or row.expires_at <= now or row.last_seen_at + policy.idle <= now or not row.user.active:
        return None
    return principal_of_user(row.user), row.last_seen_at + LAST_SEEN_EVERY <= now


def touch_session(session: Session, clock: Clock, token: str) -> None:
    """Note that the session is in use."""
    session.execute(
        update(LoginSession).where(LoginSession.token_hash == token_hash(token)).values(last_seen_at=clock.utc())
    )


def close_session(session: Session, token: str) -> None:
    """Sign one browser out."""
    session.execute(delete(LoginSession).where(LoginSession.token_hash == token_hash(token)))


def end_all_sessions(session: Session, user_id: int) -> None:
    """Sign a user out everywhere."""
    session.execute(delete(LoginSession).where(LoginSession.user_id == user_id))


# Devices


def create_device(
    session: Session, clock: Clock, *, device_id: str, place_id: str, name: str = "", actor: Principal | None = None
) -> str:
    """Add an edge box, bound to a place; gives its token, which is shown once and never again.

    Raises:
        InvalidInput: The id or the place is wrong.
        Conflict: The id is taken.
        Forbidden: The place is outside the actor's scope.
    """
    if not _SLUG.fullmatch(device_id):
        raise InvalidInput(
            f"device id {device_id[:70]!r} is not usable", "Use 1-63 of: a-z 0-9 _ - (first a letter or digit)."
        )
    if session.get(Place, place_id) is None:
        raise InvalidInput(f"no place {place_id!r}", "Add it to site.yaml and run `langan-server places sync`.")
    _within_scope(session, actor, place_id)
    if session.get(Device, device_id) is not None:
        raise Conflict(f"device id {device_id!r} is taken", "Choose another one, or give this one a new token.")
    token = new_token()
    row = Device(
        id=device_id, name=name or device_id, place_id=place_id, token_hash=token_hash(token), created_at=clock.utc()
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        at=clock.utc(),
        actor=actor,
        action="device.create",
        subject=f"device:{device_id}",
        detail={"place": place_id},
    )
    return token


def renew_device_token(session: Session, clock: Clock, device_id: str, actor: Principal | None = None) -> str:
    """Give a device a new token; the old one ends at once.

    Raises:
        NotFound: No such device.
    """
    device = _device(session, device_id)
    _within_scope(session, actor, device.place_id)
    token = new_token()
    device.token_hash, device.revoked_at = token_hash(token), None
    audit.record(session, at=clock.utc(), actor=actor, action="device.renew_token", subject=f"device:{device_id}")
    return token


def revoke_device(session: Session, clock: Clock, device_id: str, actor: Principal | None = None) -> None:
    """Refuse a device from now on: its key was stolen, or it was taken down.

    Raises:
        NotFound: No such device.
    """
    device = _device(session, device_id)
    _within_scope(session, actor, device.place_id)
    device.revoked_at = clock.utc()
    audit.record(session, at=clock.utc(), actor=actor, action="device.revoke", subject=f"device:{device_id}")


def principal_of_token(session: Session, token: str) -> Principal | None:
    """The device that a bearer token belongs to; None for an unknown or revoked one."""
    found = session.execute(_DEVICE_OF_TOKEN, {"token_hash": token_hash(token)}).one_or_none()
    return None if found is None else Principal(Role.DEVICE, found.id, found.name, found.place_id)


def list_devices(session: Session, place_ids: list[str] | None = None) -> list[Device]:
    """Devices by id; `place_ids` limits them to places."""
    query = select(Device).order_by(Device.id)
    if place_ids is not None:
        query = query.where(Device.place_id.in_(place_ids))
    return list(session.scalars(query))


def _device(session: Session, device_id: str) -> Device:
    device = session.get(Device, device_id)
    if device is None:
        raise NotFound(f"no device {device_id!r}")
    return device
