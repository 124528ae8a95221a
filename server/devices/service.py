"""Devices in the database: made, found, revoked; whose key it is; nonces that count once."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from contract.device_api import ENROLLING, MAX_AGE
from server.audit import service as audit
from server.clock import Clock
from server.db.device_models import DeviceKey, DeviceNonce, EnrolmentCode
from server.db.models import Device, Place
from server.domain import access
from server.domain.access import Principal, Role
from server.errors import Conflict, Forbidden, InvalidInput, NotFound, Replayed
from server.places.service import PlaceTree

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_KEY_OF_DEVICE: Final = (
    select(Device.id, Device.name, Device.place_id, DeviceKey.public_key)
    .join(DeviceKey, DeviceKey.device_id == Device.id)
    .where(Device.id == bindparam("device_id"), Device.revoked_at.is_(None))
)


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device that may ask now, and the key with which it has to sign."""

    principal: Principal
    public_key: bytes


def create_device(
    session: Session, clock: Clock, *, device_id: str, place_id: str, name: str = "", actor: Principal | None = None
) -> Device:
    """Add an edge box, bound to a place. It can do nothing until it is enrolled.

    Raises:
        InvalidInput: The id or the place is wrong.
        Conflict: The id is taken.
        Forbidden: The place is outside the actor's scope.
    """
    if not _SLUG.fullmatch(device_id) or device_id == ENROLLING:
        raise InvalidInput(
            f"device id {device_id[:70]!r} is not usable",
            f"Use 1-63 of: a-z 0-9 _ - (first a letter or digit), not {ENROLLING!r}.",
        )
    if session.get(Place, place_id) is None:
        raise InvalidInput(f"no place {place_id!r}", "Add it to site.yaml and run `langan-server places sync`.")
    _within_scope(session, actor, place_id)
    if session.get(Device, device_id) is not None:
        raise Conflict(f"device id {device_id!r} is taken", "Choose another one, or make a new code for this one.")
    row = Device(id=device_id, name=name or device_id, place_id=place_id, created_at=clock.utc())
    session.add(row)
    session.flush()
    detail = {"place": place_id}
    subject = f"device:{device_id}"
    audit.record(session, at=clock.utc(), actor=actor, action="device.create", subject=subject, detail=detail)
    return row


def find_device(
    session: Session,
    device_id: str,
    actor: Principal | None = None,
    *,
    remedy: str = "`langan-server device list` names those that there are.",
) -> Device:
    """A device of the actor's scope.

    Raises:
        NotFound: No such device.
        Forbidden: It is outside the actor's scope.
    """
    device = session.get(Device, device_id)
    if device is None:
        raise NotFound(f"no device {device_id[:70]!r}", remedy)
    _within_scope(session, actor, device.place_id)
    return device


def revoke_device(session: Session, clock: Clock, device_id: str, actor: Principal | None = None) -> None:
    """Refuse a device from now on: its key was stolen, or it was taken down. Codes that wait for it end, too.

    Raises:
        NotFound: No such device.
        Forbidden: It is outside the actor's scope.
    """
    device = find_device(session, device_id, actor)
    device.revoked_at = clock.utc()
    session.execute(delete(EnrolmentCode).where(EnrolmentCode.device_id == device_id))
    audit.record(session, at=clock.utc(), actor=actor, action="device.revoke", subject=f"device:{device_id}")


def known_device(session: Session, device_id: str) -> KnownDevice | None:
    """A device that is enrolled and not revoked *now*."""
    found = session.execute(_KEY_OF_DEVICE, {"device_id": device_id}).one_or_none()
    if found is None:
        return None
    return KnownDevice(Principal(Role.DEVICE, found.id, found.name, found.place_id), found.public_key)


def use_once(session: Session, device_id: str, nonce: str, now: datetime) -> None:
    """Let a signed request have its effect once. Call within the transaction that has the effect.

    Raises:
        Replayed: The nonce had its effect before.
    """
    session.execute(delete(DeviceNonce).where(DeviceNonce.device_id == device_id, DeviceNonce.expires_at < now))
    try:
        with session.begin_nested():
            session.add(DeviceNonce(device_id=device_id, nonce=nonce, expires_at=now + 2 * MAX_AGE))
    except IntegrityError as error:
        raise Replayed from error


def list_devices(session: Session) -> list[Device]:
    """Devices by id."""
    return list(session.scalars(select(Device).order_by(Device.id)))


def fingerprints(session: Session) -> dict[str, str]:
    """The keys of enrolled devices, by device id, as they are compared by eye."""
    keys = session.execute(select(DeviceKey.device_id, DeviceKey.public_key))
    return {device_id: fingerprint(key) for device_id, key in keys}


def fingerprint(public_key: bytes) -> str:
    """A short name of a key, to be compared by eye."""
    digest = hashlib.sha256(public_key).hexdigest()[:16]
    return " ".join(digest[start : start + 4] for start in range(0, 16, 4))


def _within_scope(session: Session, actor: Principal | None, place_id: str) -> None:
    """Refuse an admin who reaches beyond their own scope; the command line (None) has the whole site."""
    if actor is not None and not access.may_grant(actor, PlaceTree.read(session).path(place_id)):
        raise Forbidden("this is outside your own scope", "Ask an admin of the whole site.")
