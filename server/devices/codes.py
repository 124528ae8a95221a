"""One-time enrolment codes: ten minutes, one device, one key. Guesses are few, and written down before a look.

A code has 8 of 31 letters (40 bits): with ten guesses in ten minutes from an address, a stranger with a thousand
addresses finds one that is valid once in 85 million tries. The database keeps an HMAC of it, so that a copy of the
database does not give a valid code away.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from contract.device_api import Enrolment, EnrolmentResult
from server.audit import service as audit
from server.clock import Clock
from server.db.device_models import DeviceKey, DeviceNonce, EnrolmentCode, EnrolmentGuess
from server.db.engine import LOCK_LOGIN, Database, lock
from server.db.models import Camera, Device
from server.devices import service as devices
from server.domain.access import Principal, Role
from server.errors import NotAuthenticated, TooManyRequests
from server.places.service import PlaceTree

LIFE: Final = timedelta(minutes=10)
MAX_GUESSES: Final = 10
"""Wrong codes from one address within `LIFE`."""
LETTERS: Final = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""No I, L, O, 0, 1: a code is read aloud and typed."""
LENGTH: Final = 8


@dataclass(frozen=True, slots=True)
class FreshCode:
    """A code that is shown once."""

    device_id: str
    code: str
    expires_at: datetime


def create(
    session: Session,
    clock: Clock,
    secret_key: str,
    device_id: str,
    *,
    place_id: str | None = None,
    name: str = "",
    actor: Principal | None = None,
) -> FreshCode:
    """Make a code with which a box can enrol as this device; earlier codes for it end.

    Args:
        session: Of `Database.write`.
        clock: The time.
        secret_key: Of the server.
        device_id: A device that exists, or a new one.
        place_id: Of a new device; None: it must exist.
        name: Of a new device.
        actor: Who; None for the command line.

    Raises:
        NotFound: No such device, and no place for a new one.
        InvalidInput: The id or the place is wrong.
        Conflict: A place was given, and the device exists.
        Forbidden: It is outside the actor's scope.
    """
    if place_id is not None:
        devices.create_device(session, clock, device_id=device_id, place_id=place_id, name=name, actor=actor)
    device = devices.find_device(session, device_id, actor, remedy="Give the place of a new device (--place).")
    now = clock.utc()
    session.execute(delete(EnrolmentCode).where(EnrolmentCode.device_id == device.id))
    session.execute(delete(EnrolmentCode).where(EnrolmentCode.expires_at < now))
    code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    expires_at = now + LIFE
    session.add(
        EnrolmentCode(code_hash=_hash(secret_key, code), device_id=device.id, created_at=now, expires_at=expires_at)
    )
    audit.record(session, at=now, actor=actor, action="device.code", subject=f"device:{device.id}")
    return FreshCode(device.id, f"{code[:4]}-{code[4:]}", expires_at)


def enrol(
    database: Database,
    clock: Clock,
    secret_key: str,
    enrolment: Enrolment,
    server_key: str,
    *,
    address: str,
    request_id: str = "",
) -> EnrolmentResult:
    """Let a device in: from now on its key is the one that counts, and an earlier key of it ends.

    Args:
        database: Where codes and keys are.
        clock: The time.
        secret_key: Of the server.
        enrolment: What the device sent; that it has the private half of the key was checked.
        server_key: Which the device is to pin.
        address: Where it came from, for the limit of guesses.
        request_id: For the audit log.

    Raises:
        TooManyRequests: Too many wrong codes from there.
        NotAuthenticated: The code is wrong, was used, or its time is up; never says which. Audited.
    """
    guess = _reserve_guess(database, clock, address)
    key = base64.b64decode(enrolment.public_key)
    with database.write() as session:
        now = clock.utc()
        code_hash = _hash(secret_key, enrolment.code)
        lock(session, LOCK_LOGIN, [code_hash.hex()])
        row = session.get(EnrolmentCode, code_hash)
        if row is not None and row.expires_at > now and row.used_by_key in {None, key}:
            session.execute(delete(EnrolmentGuess).where(EnrolmentGuess.id == guess))
            return _let_in(session, now, row, key, server_key, request_id)
        known = row is not None
        audit.record(
            session,
            at=now,
            actor=None,
            action="device.refuse_code",
            subject=f"device:{row.device_id}" if row is not None else "device:?",
            detail={"from": address, "why": "used, or its time was up" if known else "no such code"},
            request_id=request_id,
        )
    raise NotAuthenticated(
        "this code is not valid: it was mistyped or used, or its ten minutes are over", "Ask an admin for a new code."
    )


def _let_in(
    session: Session, now: datetime, row: EnrolmentCode, key: bytes, server_key: str, request_id: str
) -> EnrolmentResult:
    device = session.get_one(Device, row.device_id)
    if row.used_by_key is None:
        row.used_by_key = key
        device.revoked_at = None
        session.merge(DeviceKey(device_id=device.id, public_key=key, enrolled_at=now))
        session.execute(delete(DeviceNonce).where(DeviceNonce.device_id == device.id))
        audit.record(
            session,
            at=now,
            actor=Principal(Role.DEVICE, device.id, device.name, device.place_id),
            action="device.enrol",
            subject=f"device:{device.id}",
            detail={"key": devices.fingerprint(key)},
            request_id=request_id,
        )
    tree = PlaceTree.read(session)
    cameras = session.scalars(select(Camera.id).where(Camera.device_id == device.id).order_by(Camera.id))
    return EnrolmentResult(
        device_id=device.id,
        name=device.name,
        place=device.place_id,
        place_name=next(place.name for place in tree.all() if place.id == device.place_id),
        villages=tuple(tree.villages_in(device.place_id)),
        cameras=tuple(cameras),
        server_key=server_key,
    )


def _reserve_guess(database: Database, clock: Clock, address: str) -> int:
    """Write a guess down before it is checked, so that many at once are no more than the limit."""
    with database.write() as session:
        now = clock.utc()
        lock(session, LOCK_LOGIN, [f"enrolment {address}"])
        session.execute(delete(EnrolmentGuess).where(EnrolmentGuess.at < now - LIFE))
        guesses = session.scalar(select(func.count()).where(EnrolmentGuess.address == address))
        if (guesses or 0) >= MAX_GUESSES:
            raise TooManyRequests(
                "too many wrong enrolment codes", "Wait ten minutes.", retry_after_s=int(LIFE.total_seconds())
            )
        row = EnrolmentGuess(address=address, at=now)
        session.add(row)
        session.flush()
        return row.id


def _hash(secret_key: str, code: str) -> bytes:
    plain = "".join(letter for letter in code.upper() if letter.isalnum())
    return hmac.digest(
        secret_key.encode(), b"langan enrolment code\0" + plain.encode("utf-8", "replace"), hashlib.sha256
    )
