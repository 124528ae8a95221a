"""How each camera does, as its box last told: reading, nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models import Camera, Device
from server.devices.service import fingerprints
from server.domain.access import Principal
from server.domain.watching import SILENT_AFTER, heard_at
from server.errors import NotFound
from server.ingest.service import MAX_AHEAD
from server.places.service import PlaceTree


@dataclass(frozen=True, slots=True)
class CameraRow:
    """A camera in the admin's list."""

    id: str
    name: str
    village_name: str
    device_id: str
    health: str
    """A word of `CameraHealth`, or `silent` (its box is not heard any more) or `unknown` (never heard)."""
    reason: str
    """A word of `HealthReason`; empty when it is not known."""
    message: str
    """The box's own English words."""
    fps_in: float | None
    fps_detected: float | None
    heard_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """An edge box in the admin's list."""

    id: str
    name: str
    place_name: str
    cameras: list[str]
    seen_at: datetime | None
    software_version: str
    clock_offset_s: float | None
    outbox_events: int | None
    outbox_media: int | None
    is_revoked: bool
    key: str
    """The fingerprint of its key; empty: it is not enrolled."""
    clock_is_wrong: bool
    """So wrong that what it sends is quarantined."""


def camera_rows(session: Session, principal: Principal, now: datetime) -> list[CameraRow]:
    """The cameras of the scope, by name."""
    tree = PlaceTree.read(session)
    rows = session.execute(
        select(Camera, Device.last_seen_at)
        .join(Device, Device.id == Camera.device_id)
        .where(Camera.village_id.in_(tree.villages_of(principal)))
        .order_by(Camera.name, Camera.id)
    )
    return [_camera_row(tree, row, box_heard_at, now) for row, box_heard_at in rows]


def camera_row(session: Session, principal: Principal, camera_id: str, now: datetime) -> CameraRow:
    """One camera.

    Raises:
        NotFound: There is none in the scope.
    """
    tree = PlaceTree.read(session)
    row = session.get(Camera, camera_id)
    if row is None or row.village_id not in tree.villages_of(principal):
        raise NotFound("no such camera")
    return _camera_row(tree, row, session.get_one(Device, row.device_id).last_seen_at, now)


def device_rows(session: Session, principal: Principal) -> list[DeviceRow]:
    """The boxes whose place lies in the scope, by name."""
    tree = PlaceTree.read(session)
    names: dict[str, list[str]] = {}
    for device_id, name in session.execute(select(Camera.device_id, Camera.name).order_by(Camera.name)):
        names.setdefault(device_id, []).append(name)
    places = {place.id: place.name for place in tree.all()}
    keys = fingerprints(session)
    return [
        DeviceRow(
            id=row.id,
            name=row.name,
            place_name=places.get(row.place_id, row.place_id),
            cameras=names.get(row.id, []),
            seen_at=row.last_seen_at,
            software_version=row.software_version,
            clock_offset_s=row.clock_offset_s,
            outbox_events=row.outbox_events if row.last_seen_at is not None else None,
            outbox_media=row.outbox_media if row.last_seen_at is not None else None,
            is_revoked=row.revoked_at is not None,
            key=keys.get(row.id, ""),
            clock_is_wrong=abs(row.clock_offset_s or 0.0) > MAX_AHEAD.total_seconds(),
        )
        for row in session.scalars(select(Device).order_by(Device.name, Device.id))
        if principal.place_id is None or principal.place_id in tree.path(row.place_id)
    ]


def _camera_row(tree: PlaceTree, row: Camera, box_heard_at: datetime | None, now: datetime) -> CameraRow:
    at = heard_at(row.health_at, box_heard_at)
    heard = row.health is not None and at is not None
    silent = at is not None and now - at > SILENT_AFTER
    return CameraRow(
        id=row.id,
        name=row.name,
        village_name=tree.names(row.village_id).village,
        device_id=row.device_id,
        health="silent" if silent else row.health.value if row.health is not None else "unknown",
        reason="" if silent else row.health_reason,
        message="" if silent else row.health_message,
        fps_in=row.fps_in if heard and not silent else None,
        fps_detected=row.fps_detected if heard and not silent else None,
        heard_at=at,
    )
