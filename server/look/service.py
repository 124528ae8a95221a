"""Live looks: who looks through which camera for how long, and what each box is asked to show.

begin --1 minute--> over        An officer of the place; a reason may be given. Start and end are in the audit log.
        `-- extend, once --> 1 minute more
        `-- stop
Pictures are none of this module's: they pass through `server.look.relay` and are kept nowhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from contract.device_api import LookWish, LookWishes
from server.audit import service as audit
from server.clock import Clock
from server.db.engine import LOCK_LOGIN, lock
from server.db.look_models import CameraStill, Look
from server.db.models import Camera
from server.domain.access import Principal
from server.errors import Conflict, NotFound, TooManyRequests
from server.look import stills

LASTS: Final = timedelta(minutes=1)
MAX_OPEN: Final = 4
"""Cameras that one person may look through at once."""
WINDOW: Final = timedelta(minutes=10)
MAX_IN_WINDOW: Final = 12
"""Looks that one person may begin within `WINDOW`: a look is for a moment, not for watching all day."""
KEPT: Final = timedelta(days=1)
"""So long the rows are kept, to tell who looked today; the audit log keeps it for good."""
NOTHING: Final = LookWishes(version="0")
CHANGED: Final = "look_changed"
"""Set in a session's `info` where boxes have to be told."""


@dataclass(frozen=True, slots=True)
class Looker:
    """Somebody who looks through a camera now."""

    user_id: int
    name: str
    why: str
    began_at: datetime
    until: datetime
    extended: bool


def begin(
    session: Session, clock: Clock, principal: Principal, camera_id: str, why: str = "", *, request_id: str = ""
) -> None:
    """Look through a camera for a minute; who does already goes on.

    Raises:
        NotFound: No such camera in the scope.
        TooManyRequests: Too many looks.
    """
    stills.visible_camera(session, principal, camera_id)
    now, user_id = clock.utc(), int(principal.id)
    lock(session, LOCK_LOGIN, [f"look {user_id}"])
    if _own(session, principal, camera_id, now) is not None:
        return
    mine = Look.user_id == user_id
    open_now = session.scalar(select(func.count()).where(mine, Look.ended_at.is_(None), Look.until > now)) or 0
    recent = session.scalar(select(func.count()).where(mine, Look.began_at > now - WINDOW)) or 0
    if open_now >= MAX_OPEN:
        raise TooManyRequests(f"{MAX_OPEN} cameras are open already", "Stop one.", retry_after_s=60)
    if recent >= MAX_IN_WINDOW:
        raise TooManyRequests("too many live looks", "Wait some minutes.", retry_after_s=int(WINDOW.total_seconds()))
    reason = " ".join(why.split())[:200]
    session.add(
        Look(
            camera_id=camera_id,
            user_id=user_id,
            user_name=principal.name[:120],
            why=reason,
            began_at=now,
            until=now + LASTS,
        )
    )
    session.info[CHANGED] = True
    detail = {"why": reason, "seconds": int(LASTS.total_seconds())}
    _audit(session, now, principal, "camera.look", camera_id, detail, request_id)


def extend(session: Session, clock: Clock, principal: Principal, camera_id: str, *, request_id: str = "") -> None:
    """Look for another minute; once.

    Raises:
        NotFound: Not looking, or no such camera in the scope.
        Conflict: It was extended already.
    """
    now = clock.utc()
    row = _required(session, principal, camera_id, now)
    if row.extended:
        raise Conflict("this look was extended already", "Begin another one when it is over.")
    row.extended, row.until = True, row.until + LASTS
    session.info[CHANGED] = True
    detail = {"seconds": int(LASTS.total_seconds())}
    _audit(session, now, principal, "camera.look_extend", camera_id, detail, request_id)


def stop(session: Session, clock: Clock, principal: Principal, camera_id: str, *, request_id: str = "") -> None:
    """Stop looking; nothing happens where nobody looks any more.

    Raises:
        NotFound: No such camera in the scope.
    """
    stills.visible_camera(session, principal, camera_id)
    now = clock.utc()
    row = _own(session, principal, camera_id, now)
    if row is None:
        return
    row.ended_at = now
    session.info[CHANGED] = True
    detail = {"how": "stopped", "seconds": round((now - row.began_at).total_seconds())}
    _audit(session, now, principal, "camera.look_end", camera_id, detail, request_id)


def end_over(session: Session, clock: Clock) -> int:
    """Write down the ends of looks whose time is over, and forget old ones: a regular job; gives their number."""
    now = clock.utc()
    over = list(session.scalars(select(Look).where(Look.ended_at.is_(None), Look.until <= now).with_for_update()))
    for row in over:
        row.ended_at = row.until
        detail = {
            "how": "over",
            "who": f"user:{row.user_id}",
            "seconds": round((row.until - row.began_at).total_seconds()),
        }
        _audit(session, now, None, "camera.look_end", row.camera_id, detail, "")
    session.execute(delete(Look).where(Look.ended_at < now - KEPT))
    return len(over)


def is_anything_over(session: Session, now: datetime) -> bool:
    """Whether `end_over` has something to do: most looks find nothing, and need no write."""
    over = select(Look.id).where(Look.ended_at.is_(None), Look.until <= now).limit(1)
    old = select(Look.id).where(Look.ended_at < now - KEPT).limit(1)
    return session.scalar(over) is not None or session.scalar(old) is not None


def own_look(session: Session, principal: Principal, camera_id: str, now: datetime) -> Looker | None:
    """Somebody's own look through a camera; None when they do not look."""
    row = _own(session, principal, camera_id, now)
    return None if row is None else _looker(row)


def lookers(session: Session, camera_ids: Iterable[str], now: datetime) -> dict[str, list[Looker]]:
    """Who looks now, by camera. The caller has looked whether it may be told."""
    rows = session.scalars(
        select(Look)
        .where(Look.camera_id.in_(list(camera_ids)), Look.ended_at.is_(None), Look.until > now)
        .order_by(Look.began_at)
    )
    found: dict[str, list[Looker]] = {}
    for row in rows:
        found.setdefault(row.camera_id, []).append(_looker(row))
    return found


def open_until(session: Session, camera_id: str, now: datetime) -> tuple[datetime, datetime] | None:
    """Since when and until when somebody looks through a camera; None when nobody does."""
    row = session.execute(
        select(func.min(Look.began_at), func.max(Look.until)).where(
            Look.camera_id == camera_id, Look.ended_at.is_(None), Look.until > now
        )
    ).one()
    return None if row[0] is None else (row[0], row[1])


def read_wishes(session: Session, now: datetime) -> dict[str, LookWishes]:
    """What is wished of every box now, by device; those of which nothing is wished are left out."""
    looks: dict[str, dict[str, datetime]] = {}
    asked: dict[str, dict[str, datetime]] = {}
    rows = session.execute(
        select(Camera.device_id, Look.camera_id, func.max(Look.until))
        .join(Camera, Camera.id == Look.camera_id)
        .where(Look.ended_at.is_(None), Look.until > now)
        .group_by(Camera.device_id, Look.camera_id)
    )
    for device_id, camera_id, until in rows:
        looks.setdefault(device_id, {})[camera_id] = until
    wanted = session.execute(
        select(Camera.device_id, CameraStill.camera_id, CameraStill.wanted_at)
        .join(Camera, Camera.id == CameraStill.camera_id)
        .where(CameraStill.wanted_at > now - stills.FORGOTTEN_AFTER)
    )
    for device_id, camera_id, wanted_at in wanted:
        assert wanted_at is not None  # noqa: S101 - the question's condition
        asked.setdefault(device_id, {})[camera_id] = wanted_at
    return {
        device_id: _wishes(looks.get(device_id, {}), asked.get(device_id, {}), now)
        for device_id in looks.keys() | asked.keys()
    }


def _wishes(looks: dict[str, datetime], asked: dict[str, datetime], now: datetime) -> LookWishes:
    told = [f"{camera} {at.isoformat()}" for wished in (looks, asked) for camera, at in sorted(wished.items())]
    return LookWishes(
        version=hashlib.sha256("\n".join(told).encode()).hexdigest()[:16],
        looks=tuple(
            LookWish(camera_id=camera, left_s=max(0.1, (until - now).total_seconds()))
            for camera, until in sorted(looks.items())
        ),
        stills=tuple(sorted(asked)),
    )


def _own(session: Session, principal: Principal, camera_id: str, now: datetime) -> Look | None:
    return session.scalar(
        select(Look)
        .where(
            Look.camera_id == camera_id,
            Look.user_id == int(principal.id),
            Look.ended_at.is_(None),
            Look.until > now,
        )
        .limit(1)
    )


def _required(session: Session, principal: Principal, camera_id: str, now: datetime) -> Look:
    stills.visible_camera(session, principal, camera_id)
    row = _own(session, principal, camera_id, now)
    if row is None:
        raise NotFound("you do not look through this camera", "Begin a live look.")
    return row


def _looker(row: Look) -> Looker:
    return Looker(row.user_id, row.user_name, row.why, row.began_at, row.until, row.extended)


def _audit(
    session: Session,
    at: datetime,
    actor: Principal | None,
    action: str,
    camera_id: str,
    detail: dict[str, Any],
    request_id: str,
) -> None:
    audit.record(
        session,
        at=at,
        actor=actor,
        action=action,
        subject=f"camera:{camera_id}",
        detail=detail,
        request_id=request_id,
    )
