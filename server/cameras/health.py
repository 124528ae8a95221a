"""What heartbeats tell: how each camera and each edge is, and how far a device's clock is off."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.event import Heartbeat
from server.clock import Clock
from server.db.models import Camera, Device
from server.domain.access import Principal


def take_heartbeat(session: Session, clock: Clock, device: Principal, heartbeat: Heartbeat) -> None:
    """Keep the newest word of a device. Cameras that are not its own are left alone."""
    now = clock.utc()
    row = session.get_one(Device, device.id)
    row.last_seen_at = now
    row.clock_offset_s = (heartbeat.sent_at - now).total_seconds()
    row.software_version = heartbeat.software_version
    row.outbox_events, row.outbox_media = heartbeat.outbox_events, heartbeat.outbox_media
    statuses = {status.camera_id: status for status in heartbeat.cameras}
    own = select(Camera).where(Camera.device_id == device.id, Camera.id.in_(statuses))
    for camera in session.scalars(own):
        status = statuses[camera.id]
        camera.health, camera.health_at = status.health, now
        camera.health_message, camera.health_reason = status.message, status.reason.value
        camera.fps_in, camera.fps_detected = status.fps_in, status.fps_detected
        camera.last_frame_at = status.last_frame_at
