"""Accounts of people whom the OpenID provider vouches for."""

from __future__ import annotations

import hashlib
import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.audit import service as audit
from server.auth import service as auth
from server.auth.oidc import Claims
from server.clock import Clock
from server.db.account_models import FederatedIdentity
from server.db.engine import LOCK_LOGIN, lock
from server.db.models import Place, User
from server.errors import NotAuthenticated

NO_PASSWORD = "!"  # noqa: S105 (what stands where a hash would)
_OTHER = re.compile(r"[^a-z0-9._@-]+")


def account_of(session: Session, clock: Clock, claims: Claims) -> User:
    """The account of an identity, made at its first sign-in; role and place become what the provider says now.

    An account that was made here by hand is never taken over, whatever the name: the provider's names are not ours.

    Raises:
        NotAuthenticated: An admin switched the account off, or the mapped place does not exist.
    """
    if claims.place_id is not None and session.get(Place, claims.place_id) is None:
        raise NotAuthenticated(
            f"LANGAN_OIDC_ROLES names no place of this site: {claims.place_id}", "Ask an admin to correct it."
        )
    lock(session, LOCK_LOGIN, ["federated"])
    identity = session.get(FederatedIdentity, (claims.issuer, claims.subject))
    if identity is None:
        return _made(session, clock, claims)
    user = session.get_one(User, identity.user_id)
    if not user.active:
        raise NotAuthenticated("this account is switched off", "Ask an admin.")
    if (user.role, user.place_id) != (claims.role, claims.place_id):
        auth.change_access(session, clock, user.id, role=claims.role, place_id=claims.place_id, active=True)
    return user


def _made(session: Session, clock: Clock, claims: Claims) -> User:
    now = clock.utc()
    user = User(
        username=_username(session, claims),
        display_name=claims.display_name or claims.username or "OpenID",
        password_hash=NO_PASSWORD,
        role=claims.role,
        place_id=claims.place_id,
        active=True,
        created_at=now,
        password_changed_at=now,
    )
    session.add(user)
    session.flush()
    session.add(FederatedIdentity(issuer=claims.issuer, subject=claims.subject, user_id=user.id))
    detail = {"username": user.username, "role": user.role.value, "place": user.place_id, "issuer": claims.issuer}
    audit.record(session, at=now, actor=None, action="user.create", subject=f"user:{user.id}", detail=detail)
    return user


def _username(session: Session, claims: Claims) -> str:
    """The provider's name where it is usable and free, else with a few digits of the identity."""
    wished = _OTHER.sub("-", claims.username.lower()).strip("-._@")[:50]
    mark = hashlib.sha256(f"{claims.issuer}\0{claims.subject}".encode()).hexdigest()[:8]
    if len(wished) >= 2 and session.scalar(select(User.id).where(User.username == wished)) is None:
        return wished
    return f"{wished or 'oidc'}-{mark}"
