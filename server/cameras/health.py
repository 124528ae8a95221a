"""What heartbeats tell: how each camera and each edge is, and how far a device's clock is off."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.event import Heartbeat
from server.db.models import Camera, Device, Place
from server.domain import watching
from server.reports import cameras as history


def take_heartbeat(
    session: Session, row: Device, heartbeat: Heartbeat, now: datetime, heard_at: datetime | None = None
) -> None:
    """Keep the newest word of a device. Cameras that are not its own are left alone.

    Args:
        session: Of `Database.write`.
        row: The device, locked.
        heartbeat: What it says.
        now: When it came.
        heard_at: When the device was heard before, where that is not written yet.

    A camera that nobody knows yet gets a row: its file was wrong from the first start, and the admin must see that.
    That needs a device of one village; one of a commune cannot say where the camera belongs.
    """
    seen_at = max((at for at in (row.last_seen_at, heard_at) if at is not None), default=None)
    row.last_seen_at = now
    row.clock_offset_s = (heartbeat.sent_at - now).total_seconds()
    row.software_version = heartbeat.software_version
    row.outbox_events, row.outbox_media = heartbeat.outbox_events, heartbeat.outbox_media
    statuses = {status.camera_id: status for status in heartbeat.cameras}
    known = set(session.scalars(select(Camera.id).where(Camera.id.in_(statuses))))
    place = session.get_one(Place, row.place_id)
    if place.kind == "village":
        for camera_id in statuses.keys() - known:
            session.add(Camera(id=camera_id, device_id=row.id, village_id=place.id, name=camera_id, created_at=now))
        session.flush()
    own = select(Camera).where(Camera.device_id == row.id, Camera.id.in_(statuses))
    for camera in session.scalars(own):
        status = statuses[camera.id]
        history.note(session, camera, status.health, now, watching.heard_at(camera.health_at, seen_at))
        camera.health, camera.health_at = status.health, now
        camera.health_message, camera.health_reason = status.message, status.reason.value
        camera.fps_in, camera.fps_detected = status.fps_in, status.fps_detected
        camera.last_frame_at = status.last_frame_at
