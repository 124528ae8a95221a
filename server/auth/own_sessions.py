"""Where somebody is signed in, and signing out there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.audit import service as audit
from server.auth import service as auth
from server.auth.service import SessionPolicy
from server.auth.tokens import token_hash
from server.clock import Clock
from server.db.models import LoginSession
from server.domain.access import Principal

CONFIRMED_FOR: Final = timedelta(minutes=15)
"""So long after a password or a passkey somebody may change how they sign in."""
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("coc_coc_browser/", "Cốc Cốc"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""Words of a User-Agent, the more special ones first: most call themselves Safari, too."""
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class OwnSession:
    """A browser in which somebody is signed in."""

    id: str
    """Names it in forms; worth nothing else."""
    label: str
    method: str
    created_at: datetime
    last_seen_at: datetime
    is_this: bool


def browser_label(user_agent: str) -> str:
    """Browser and system in words that their owner knows; empty when neither is known."""
    found = (next((name for word, name in known if word in user_agent), "") for known in (_BROWSERS, _SYSTEMS))
    return ", ".join(name for name in found if name)


def own_sessions(
    session: Session, clock: Clock, policy: SessionPolicy, person: Principal, token: str
) -> list[OwnSession]:
    """The browsers in which a person is signed in, the newest use first."""
    now = clock.utc()
    rows = session.scalars(
        select(LoginSession)
        .where(
            LoginSession.user_id == int(person.id),
            LoginSession.expires_at > now,
            LoginSession.last_seen_at > now - policy.idle,
        )
        .order_by(LoginSession.last_seen_at.desc(), LoginSession.created_at.desc())
    )
    here = token_hash(token)
    return [
        OwnSession(
            _name(row.token_hash), row.label, row.method, row.created_at, row.last_seen_at, row.token_hash == here
        )
        for row in rows
    ]


def end_others(session: Session, clock: Clock, person: Principal, token: str, name: str | None = None) -> int:
    """Sign a person out in one other browser (`OwnSession.id`), or in every other one; gives how many."""
    here = token_hash(token)
    rows = session.scalars(select(LoginSession).where(LoginSession.user_id == int(person.id))).all()
    ended = [row for row in rows if row.token_hash != here and name in {None, _name(row.token_hash)}]
    for row in ended:
        session.delete(row)
    if ended:
        audit.record(
            session,
            at=clock.utc(),
            actor=person,
            action="session.end_others",
            subject=f"user:{person.id}",
            detail={"count": len(ended)},
        )
    return len(ended)


def is_confirmed(session: Session, clock: Clock, token: str) -> bool:
    """Whether the holder of a session showed lately who they are."""
    at = session.scalar(select(LoginSession.confirmed_at).where(LoginSession.token_hash == token_hash(token)))
    return at is not None and clock.utc() - at < CONFIRMED_FOR


def forget_others(session: Session, person: Principal, token: str) -> None:
    """Sign a person out elsewhere because how they sign in has changed."""
    auth.end_all_sessions(session, int(person.id), but=token)


def _name(session_hash: bytes) -> str:
    return hashlib.sha256(b"langan session name" + session_hash).hexdigest()[:16]
