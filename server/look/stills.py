"""The newest still of each camera: sent by its box, replaced by the next, shown to officers and admins of the place.

Kept in the database, not among the evidence: there is one a camera, nothing refers to it, and it goes with its row.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from contract.device_api import MAX_STILL_BYTES, STILL_SIDE_PX
from server.clock import Clock
from server.db.look_models import CameraStill
from server.db.models import Camera
from server.domain import access
from server.domain.access import Permission, Principal
from server.errors import InvalidInput, NotFound, TooLarge
from server.places.service import PlaceTree
from server.storage.media import jpeg_size

ASKED_AGAIN_AFTER: Final = timedelta(seconds=20)
"""A wish that the box did not fulfil by then may be made anew; until then it stands."""
FORGOTTEN_AFTER: Final = timedelta(minutes=10)
"""Nobody waits for a still any longer than that: a box that was away does not make old wishes true."""
MAX_AHEAD: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class StillView:
    """The newest still of a camera, as a page shows it."""

    camera_id: str
    url: str
    """Changes with the picture."""
    taken_at: datetime
    width: int
    """Pixels of the JPEG."""
    height: int


def put(session: Session, clock: Clock, device: Principal, camera_id: str, jpeg: bytes, taken_at: datetime) -> None:
    """Take a still from a camera's own box; an older one than is known is dropped.

    Args:
        session: Of `Database.write`.
        clock: The time.
        device: Who sends it.
        camera_id: Of which camera.
        jpeg: As it came.
        taken_at: By the box's clock.

    Raises:
        NotFound: No camera of this device.
        TooLarge, InvalidInput: Not a whole JPEG within the limits, or of a time that cannot be.
    """
    own_camera(session, device, camera_id)
    width, height = checked_size(jpeg, MAX_STILL_BYTES, STILL_SIDE_PX)
    now = clock.utc()
    if taken_at > now + MAX_AHEAD:
        raise InvalidInput("at: a time to come", "Set the clock of the box (NTP).")
    row = session.get(CameraStill, camera_id)
    if row is None:
        row = CameraStill(camera_id=camera_id)
        session.add(row)
    elif row.taken_at is not None and row.taken_at > taken_at:
        return  # sent late, or played back
    row.taken_at, row.received_at, row.wanted_at = taken_at, now, None
    row.width, row.height = width, height
    row.jpeg, row.sha256 = jpeg, hashlib.sha256(jpeg).hexdigest()


def still_of(session: Session, camera_id: str) -> StillView | None:
    """The newest still of a camera; None while there is none. The caller has looked whether it may be shown."""
    return stills_of(session, [camera_id]).get(camera_id)


def stills_of(session: Session, camera_ids: Iterable[str]) -> dict[str, StillView]:
    """The newest stills by camera; those without one are left out."""
    rows = session.scalars(
        select(CameraStill).where(CameraStill.camera_id.in_(list(camera_ids)), CameraStill.taken_at.is_not(None))
    )
    return {
        row.camera_id: StillView(
            row.camera_id,
            url_for("look.still", camera_id=row.camera_id, v=row.sha256[:12]),
            row.taken_at,
            row.width,
            row.height,
        )
        for row in rows
        if row.taken_at is not None
    }


def open_still(session: Session, principal: Principal, camera_id: str) -> CameraStill:
    """A camera's still with its picture, for somebody who may see it.

    Raises:
        NotFound: There is none, or the camera is elsewhere.
    """
    visible_camera(session, principal, camera_id)
    row = session.get(CameraStill, camera_id, options=[undefer(CameraStill.jpeg)])
    if row is None or row.jpeg is None:
        raise NotFound("no still of this camera has come yet")
    return row


def ask(session: Session, clock: Clock, principal: Principal, camera_id: str) -> None:
    """Ask the camera's box for a fresh still; asked again while one is awaited changes nothing.

    Raises:
        NotFound: No such camera in the scope.
    """
    visible_camera(session, principal, camera_id)
    row = session.get(CameraStill, camera_id)
    if row is None:
        row = CameraStill(camera_id=camera_id)
        session.add(row)
    now = clock.utc()
    if row.wanted_at is None or row.wanted_at < now - ASKED_AGAIN_AFTER:
        row.wanted_at = now


def checked_size(jpeg: bytes, max_bytes: int, max_side_px: int) -> tuple[int, int]:
    """Width and height of a picture that a box sent; nothing is decoded.

    Raises:
        TooLarge: Over the limit of bytes.
        InvalidInput: Not a whole JPEG, or larger than boxes make them.
    """
    if len(jpeg) > max_bytes:
        raise TooLarge(f"the picture is over {max_bytes} bytes", "Make it smaller.")
    width, height = jpeg_size(io.BytesIO(jpeg), len(jpeg)) if len(jpeg) > 4 else (0, 0)
    if not 0 < max(width, height) <= max_side_px:
        raise InvalidInput(f"the picture has {width} x {height} pixels", f"Send at most {max_side_px} a side.")
    return width, height


def own_camera(session: Session, device: Principal, camera_id: str) -> Camera:
    """A camera of a device.

    Raises:
        NotFound: It has no such camera.
    """
    camera = session.get(Camera, camera_id)
    if camera is None or camera.device_id != device.id:
        raise NotFound(f"this device has no camera {camera_id[:70]!r}", "Register the camera's file first.")
    return camera


def visible_camera(session: Session, principal: Principal, camera_id: str) -> Camera:
    """A camera that somebody may look through.

    Raises:
        NotFound: There is none, or it is elsewhere.
    """
    camera = session.get(Camera, camera_id)
    if camera is None or not access.may_here(
        principal, Permission.LOOK_LIVE, PlaceTree.read(session).path(camera.village_id)
    ):
        raise NotFound(f"no camera {camera_id[:70]!r}")
    return camera
