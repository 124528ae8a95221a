"""What every transaction of ingest needs and what changes rarely: kept between transactions while nobody changed it.

Places, the site's hours, silences, whose a camera is, devices' keys. The first statement of a transaction reads the
numbers of `change_counters`, which the database itself counts up in the transaction of each change. While a number is
the same, so is what was kept; so a revocation, or a silence, counts from its commit on, in every process. The numbers
are read before what they stand for: what was kept is at least as new as its number.

Only ingest's own transactions read and keep here: they change none of it, but for cameras that they note, which they
do not keep. One that changes something and is rolled back would leave here what never was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from server.db.change_models import ChangeCounter
from server.db.models import Camera
from server.devices import service as devices
from server.devices.service import KnownDevice
from server.incidents import hours
from server.places.service import PlaceTree
from server.silences import service as silences

T = TypeVar("T")
Numbers = dict[str, int]
"""Of `change_counters`, as a transaction found them."""

_NUMBERS: Final = select(ChangeCounter.name, ChangeCounter.number)
_OWNERS: Final = select(Camera.id, Camera.device_id).where(Camera.id.in_(bindparam("ids", expanding=True)))
_MOST_OWNERS: Final = 50_000


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    """Something, and its counter's number from before it was read."""

    number: int
    value: T


@dataclass(frozen=True, slots=True)
class Credential:
    """A device as it was known at a number of the counter `devices`."""

    device: KnownDevice
    number: int


class Standing:
    """What a process keeps. Each part is replaced as a whole, so that threads need no lock.

    Args:
        zone: The site's time zone.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._kept: dict[str, _Kept[object]] = {}
        self._owners: _Kept[dict[str, str]] = _Kept(-1, {})
        self._devices: dict[str, Credential] = {}

    def enter(self, session: Session, now: datetime) -> Numbers:
        """Give a transaction of ingest the places, hours and silences of its moment."""
        numbers = _numbers(session)
        PlaceTree.hold(session, self._get("tree", numbers["site"], lambda: PlaceTree.read(session)))
        hours.hold(session, self._get("hours", numbers["site"], lambda: hours.site_hours(session, self._zone)))
        silences.hold(session, self._get("rules", numbers["silences"], lambda: silences.rules_from(session, now)))
        return numbers

    def owners(self, session: Session, numbers: Numbers, camera_ids: Collection[str]) -> dict[str, str]:
        """The devices of those cameras that there are. Call before the transaction changes any."""
        kept = self._owners
        if kept.number != numbers["cameras"] or len(kept.value) > _MOST_OWNERS:
            kept = self._owners = _Kept(numbers["cameras"], {})
        if missing := [camera_id for camera_id in camera_ids if camera_id not in kept.value]:
            kept.value.update(session.connection().execute(_OWNERS, {"ids": missing}).all())
        return {camera_id: kept.value[camera_id] for camera_id in camera_ids if camera_id in kept.value}

    def credential(self, device_id: str) -> Credential | None:
        """What was known of a device: to be confirmed in the transaction that acts on it."""
        return self._devices.get(device_id)

    def read_credential(self, session: Session, device_id: str, numbers: Numbers | None = None) -> Credential | None:
        """What is known of a device now; None: it is not enrolled, or was revoked."""
        number = (numbers or _numbers(session))["devices"]
        device = devices.known_device(session, device_id)
        if device is None:
            self._devices.pop(device_id, None)
            return None
        self._devices[device_id] = Credential(device, number)
        return self._devices[device_id]

    def _get(self, name: str, number: int, read: Callable[[], T]) -> T:
        kept: _Kept[T] | None = self._kept.get(name)  # type: ignore[assignment]  # each name has one type
        if kept is None or kept.number != number:
            kept = _Kept(number, read())
            self._kept[name] = kept  # type: ignore[assignment]  # as above
        return kept.value


def _numbers(session: Session) -> Numbers:
    return dict(session.connection().execute(_NUMBERS).all())
