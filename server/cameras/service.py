"""Versions of camera configurations. The last good one stays in force; a rollback is a new version with the old text.

Secrets are never stored: the loader refuses a password that is written out (`{LANGAN_...}` names it instead).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from contract.camera_config import CameraConfig
from contract.config_loader import load_camera
from contract.issues import ConfigIssue
from server.audit import service as audit
from server.clock import Clock
from server.db.engine import LOCK_CAMERA, lock
from server.db.models import Camera, CameraConfigVersion, Device
from server.domain import access
from server.domain.access import Permission, Principal
from server.errors import Conflict, Forbidden, InvalidInput, NotFound, TooLarge
from server.places.service import PlaceTree, site_config

MAX_YAML_BYTES: Final = 256 * 1024
MAX_VERSIONS_LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class DeviceConfigs:
    """The configurations in force for one device."""

    cameras: tuple[dict[str, Any], ...]
    etag: str


def check(session: Session, camera_id: str | None, text: str) -> CameraConfig:
    """Validate a camera file as the edge would.

    Raises:
        InvalidInput: It is wrong; `issues` name the lines.
        TooLarge: Over 256 KiB.
    """
    if len(text.encode("utf-8", "replace")) > MAX_YAML_BYTES:
        raise TooLarge(f"the file is over {MAX_YAML_BYTES} bytes", "A camera file has a few hundred lines at most.")
    file_name = f"{camera_id or 'camera'}.yaml"
    result = load_camera(text, file_name, site_config(session), camera_id)
    if result.config is None:
        raise InvalidInput(
            "\n".join(str(issue) for issue in result.errors),
            "Correct the lines; the last good version stays in force.",
            [_issue_json(issue) for issue in result.errors],
        )
    return result.config


def register_from_device(
    session: Session, clock: Clock, device: Principal, camera_id: str, text: str, *, request_id: str = ""
) -> CameraConfigVersion:
    """A device tells its local file. It becomes a version unless an admin has written a later one.

    Returns:
        The version in force.

    Raises:
        InvalidInput, TooLarge: The file is wrong.
        Forbidden: The village or the camera is not this device's; audited by the caller.
    """
    config = check(session, camera_id, text)
    lock(session, LOCK_CAMERA, [camera_id])
    camera = session.get(Camera, camera_id)
    if camera is not None and camera.device_id != device.id:
        raise Forbidden(f"camera {camera_id!r} belongs to another device", "Give the camera another id.")
    _village_in_scope(session, device, Permission.POST_EVENTS, config.camera.village)
    if camera is None:
        camera = _new_camera(session, clock, camera_id, device.id, config)
    current = _version(session, camera.id, camera.config_number)
    if current is not None and (current.yaml == text or not current.author.startswith("device:")):
        return current
    return _append(session, clock, camera, config, text, device, request_id=request_id)


def create_camera(
    session: Session, clock: Clock, actor: Principal, device_id: str, text: str, *, request_id: str = ""
) -> Camera:
    """An admin adds a camera by its file.

    Raises:
        InvalidInput, TooLarge: The file is wrong.
        NotFound: No such device in the scope.
        Forbidden: The village is outside the admin's or the device's scope.
        Conflict: The camera exists.
    """
    config = check(session, None, text)
    camera_id = config.camera.id
    lock(session, LOCK_CAMERA, [camera_id])
    device = session.get(Device, device_id)
    if device is None or not access.may_here(
        actor, Permission.MANAGE_CAMERAS, PlaceTree.read(session).path(device.place_id)
    ):
        raise NotFound(f"no device {device_id!r}")
    _village_in_scope(session, actor, Permission.MANAGE_CAMERAS, config.camera.village)
    if device.place_id not in PlaceTree.read(session).path(config.camera.village):
        raise Forbidden(f"device {device_id!r} does not serve this village", "Choose the device of the village.")
    if session.get(Camera, camera_id) is not None:
        raise Conflict(f"camera {camera_id!r} exists", "Edit it, or choose another id.")
    camera = _new_camera(session, clock, camera_id, device_id, config)
    _append(session, clock, camera, config, text, actor, request_id=request_id)
    return camera


def save(
    session: Session,
    clock: Clock,
    actor: Principal,
    camera_id: str,
    text: str,
    *,
    based_on: int,
    note: str = "",
    request_id: str = "",
) -> CameraConfigVersion:
    """An admin changes a camera's file.

    Args:
        session: Of `Database.write`.
        clock: The time.
        actor: The admin.
        camera_id: Whose file.
        text: The YAML.
        based_on: Number of the version that was edited.
        note: What for.
        request_id: For the audit log.

    Raises:
        NotFound: No such camera in the scope.
        InvalidInput, TooLarge: The file is wrong; nothing changes.
        Conflict: Somebody else saved since.
        Forbidden: The new village is outside the scope.
    """
    camera = find_camera(session, actor, camera_id)
    config = check(session, camera_id, text)
    lock(session, LOCK_CAMERA, [camera_id])
    session.refresh(camera)
    if camera.config_number != based_on:
        raise Conflict(
            f"version {camera.config_number} was saved while you edited version {based_on}", "Load it, then edit again."
        )
    _village_in_scope(session, actor, Permission.MANAGE_CAMERAS, config.camera.village)
    current = _version(session, camera_id, camera.config_number)
    if current is not None and current.yaml == text and current.author.startswith("user:"):
        return current
    return _append(session, clock, camera, config, text, actor, note=note, request_id=request_id)


def rollback(
    session: Session,
    clock: Clock,
    actor: Principal,
    camera_id: str,
    number: int,
    *,
    based_on: int,
    request_id: str = "",
) -> CameraConfigVersion:
    """Put an old text back in force, as a new version.

    Raises:
        NotFound: No such camera in the scope, or no such version.
        InvalidInput: The old text is not valid any more (a place or schedule is gone).
        Conflict: Somebody else saved since.
    """
    camera = find_camera(session, actor, camera_id)
    old = _version(session, camera_id, number)
    if old is None:
        raise NotFound(f"camera {camera_id!r} has no version {number}")
    config = check(session, camera_id, old.yaml)
    lock(session, LOCK_CAMERA, [camera_id])
    session.refresh(camera)
    if camera.config_number != based_on:
        raise Conflict(f"version {camera.config_number} was saved since", "Look at it, then decide again.")
    _village_in_scope(session, actor, Permission.MANAGE_CAMERAS, config.camera.village)
    return _append(session, clock, camera, config, old.yaml, actor, rollback_of=number, request_id=request_id)


def configs_for_device(session: Session, device: Principal) -> DeviceConfigs:
    """Every configuration in force for a device's cameras, and a tag that changes with any of them."""
    rows = session.scalars(
        select(CameraConfigVersion)
        .join(
            Camera,
            (Camera.id == CameraConfigVersion.camera_id) & (Camera.config_number == CameraConfigVersion.number),
        )
        .where(Camera.device_id == device.id)
        .order_by(Camera.id)
    ).all()
    digest = hashlib.sha256("\n".join(f"{row.camera_id} {row.number} {row.sha256}" for row in rows).encode())
    return DeviceConfigs(
        tuple(
            {"camera_id": row.camera_id, "version": row.number, "yaml": row.yaml, "author": row.author} for row in rows
        ),
        digest.hexdigest()[:32],
    )


def list_cameras(session: Session, principal: Principal) -> Sequence[Camera]:
    """The cameras of an admin's scope, with device and village."""
    if not access.may(principal, Permission.MANAGE_CAMERAS):
        return ()
    villages = PlaceTree.read(session).villages_of(principal)
    return session.scalars(
        select(Camera)
        .options(joinedload(Camera.device), joinedload(Camera.village))
        .where(Camera.village_id.in_(villages))
        .order_by(Camera.village_id, Camera.name)
    ).all()


def find_camera(session: Session, principal: Principal, camera_id: str) -> Camera:
    """A camera of an admin's scope.

    Raises:
        NotFound: There is none, or it is elsewhere.
    """
    camera = session.get(Camera, camera_id, options=(joinedload(Camera.device), joinedload(Camera.village)))
    if camera is None or not access.may_here(
        principal, Permission.MANAGE_CAMERAS, PlaceTree.read(session).path(camera.village_id)
    ):
        raise NotFound(f"no camera {camera_id[:70]!r}")
    return camera


def versions(session: Session, camera: Camera) -> Sequence[CameraConfigVersion]:
    """A camera's versions, the newest first."""
    return session.scalars(
        select(CameraConfigVersion)
        .where(CameraConfigVersion.camera_id == camera.id)
        .order_by(CameraConfigVersion.number.desc())
        .limit(MAX_VERSIONS_LISTED)
    ).all()


def version_in_force(session: Session, camera: Camera) -> CameraConfigVersion | None:
    """What the camera runs on; None while nothing is known."""
    return _version(session, camera.id, camera.config_number)


def _version(session: Session, camera_id: str, number: int) -> CameraConfigVersion | None:
    return session.scalar(
        select(CameraConfigVersion).where(
            CameraConfigVersion.camera_id == camera_id, CameraConfigVersion.number == number
        )
    )


def _village_in_scope(session: Session, principal: Principal, permission: Permission, village: str) -> None:
    tree = PlaceTree.read(session)
    if village not in tree or not access.may_here(principal, permission, tree.path(village)):
        raise Forbidden(f"village {village!r} is outside the scope", "Use a village of your scope (site.yaml).")


def _new_camera(session: Session, clock: Clock, camera_id: str, device_id: str, config: CameraConfig) -> Camera:
    camera = Camera(
        id=camera_id,
        device_id=device_id,
        village_id=config.camera.village,
        name=config.camera.name,
        created_at=clock.utc(),
        config_number=0,
    )
    session.add(camera)
    session.flush()
    return camera


def _append(
    session: Session,
    clock: Clock,
    camera: Camera,
    config: CameraConfig,
    text: str,
    actor: Principal,
    *,
    note: str = "",
    rollback_of: int | None = None,
    request_id: str = "",
) -> CameraConfigVersion:
    now = clock.utc()
    version = CameraConfigVersion(
        camera_id=camera.id,
        number=camera.config_number + 1,
        yaml=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        author=actor.actor,
        author_name=actor.name,
        note=note[:300],
        rollback_of=rollback_of,
        created_at=now,
    )
    session.add(version)
    camera.config_number = version.number
    camera.name, camera.purpose = config.camera.name, config.camera.purpose
    camera.near = list(config.camera.near)
    camera.latitude, camera.longitude = config.camera.location or (None, None)
    camera.village_id, camera.enabled = config.camera.village, config.camera.enabled
    session.flush()
    audit.record(
        session,
        at=now,
        actor=actor,
        action="camera.rollback" if rollback_of is not None else "camera.configure",
        subject=f"camera:{camera.id}",
        detail={"version": version.number, "sha256": version.sha256, "rollback_of": rollback_of},
        request_id=request_id,
    )
    return version


def _issue_json(issue: ConfigIssue) -> dict[str, Any]:
    return {
        "file": issue.file,
        "line": issue.line,
        "path": issue.path,
        "message": issue.message,
        "remedy": issue.remedy,
    }
