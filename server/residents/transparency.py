"""What the public may know of the cameras: purpose, what they decide, how long what is kept, how often it is right."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from contract.config_loader import load_camera
from server.clock import Clock
from server.db.models import Camera, CameraConfigVersion, Incident, Place
from server.domain import access
from server.domain.access import PUBLIC_KINDS, Permission, Principal
from server.domain.incident import IncidentState
from server.errors import NotFound
from server.places.service import PlaceTree

ENOUGH_DECIDED: Final = 20
"""Fewer decisions of officers say nothing about a rule."""
YEAR: Final = timedelta(days=365)
_CHECK_LETTERS: Final = 10
_MEASURED: Final = Path(__file__).parent / "accuracy.json"


@dataclass(frozen=True, slots=True)
class WatchingCamera:
    """A camera as the public may know it: never its device, address, position or picture."""

    id: str
    name: str
    village_id: str
    village: str
    purpose: str
    kinds: tuple[str, ...]
    """What it decides; what concerns the camera itself is left out."""
    reads_plates: bool
    contact: str
    """Whom to ask; empty where the site names nobody."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How often a rule was right, missed or raised for nothing, in simulated worlds with exact truth."""

    right: int
    false: int
    missed: int


@dataclass(frozen=True, slots=True)
class Decided:
    """What officers said of a rule's incidents here, in a year."""

    confirmed: int
    false_alarms: int


def watching_cameras(session: Session, principal: Principal) -> list[WatchingCamera]:
    """The cameras that are in use in the reader's area."""
    if not access.may(principal, Permission.READ_PUBLIC_LOG):
        return []
    villages = PlaceTree.read(session).villages_of(principal)
    return _describe(session, select(Camera.id).where(Camera.village_id.in_(villages), Camera.enabled))


def camera_of_sign(session: Session, secret: str, camera_id: str, check: str) -> WatchingCamera:
    """The camera that a notice sign's code names. Anybody may ask who stands before the sign.

    Raises:
        NotFound: No such sign, or the camera is not in use.
    """
    if hmac.compare_digest(sign_check(secret, camera_id).encode(), check.encode()):
        found = _describe(session, select(Camera.id).where(Camera.id == camera_id, Camera.enabled))
        if found:
            return found[0]
    raise NotFound("no such sign", "Scan the code again.")


def sign_check(secret: str, camera_id: str) -> str:
    """What makes a sign's address hard to guess: who has not seen the sign cannot list the cameras."""
    digest = hmac.new(secret.encode(), b"sign\0" + camera_id.encode(), hashlib.sha256)
    return digest.hexdigest()[:_CHECK_LETTERS]


def contact_of(session: Session, village_id: str) -> str:
    """Whom residents of a village ask: the nearest place that names somebody."""
    path = PlaceTree.read(session).path(village_id)
    named = dict(session.execute(select(Place.id, Place.contact).where(Place.id.in_(path))).all())
    return next((named[place] for place in reversed(path) if named.get(place)), "")


@cache
def measured() -> dict[str, Measured]:
    """How right each rule was when it was measured last; rules that were not are left out."""
    return {kind: Measured(*counts) for kind, counts in json.loads(_MEASURED.read_text(encoding="utf-8")).items()}


def decided_here(session: Session, principal: Principal, clock: Clock) -> dict[str, Decided]:
    """What officers decided in the reader's area within a year, of rules with enough decisions."""
    villages = PlaceTree.read(session).villages_of(principal)
    rows = session.execute(
        select(Incident.kind, Incident.state, func.count())
        .where(
            Incident.village_id.in_(villages),
            Incident.state.in_((IncidentState.RESOLVED, IncidentState.FALSE_ALARM)),
            Incident.first_at > clock.utc() - YEAR,
            Incident.merged_into_id.is_(None),
        )
        .group_by(Incident.kind, Incident.state)
    )
    counts = {(kind, state): count for kind, state, count in rows}
    found = {
        kind: Decided(counts.get((kind, IncidentState.RESOLVED), 0), counts.get((kind, IncidentState.FALSE_ALARM), 0))
        for kind in PUBLIC_KINDS
    }
    return {kind: item for kind, item in found.items() if item.confirmed + item.false_alarms >= ENOUGH_DECIDED}


def _describe(session: Session, which: Select[str]) -> list[WatchingCamera]:
    tree = PlaceTree.read(session)
    rows = session.execute(
        select(Camera, CameraConfigVersion.yaml)
        .outerjoin(
            CameraConfigVersion,
            (CameraConfigVersion.camera_id == Camera.id) & (CameraConfigVersion.number == Camera.config_number),
        )
        .where(Camera.id.in_(which))
        .order_by(Camera.village_id, Camera.name)
    ).all()
    contacts = {village: contact_of(session, village) for village in {camera.village_id for camera, _ in rows}}
    described = []
    for camera, yaml in rows:
        kinds, reads_plates = _decides(yaml or "", camera.id)
        described.append(
            WatchingCamera(
                id=camera.id,
                name=camera.name,
                village_id=camera.village_id,
                village=tree.names(camera.village_id).village,
                purpose=camera.purpose,
                kinds=kinds,
                reads_plates=reads_plates,
                contact=contacts[camera.village_id],
            )
        )
    return described


@lru_cache(maxsize=4096)
def _decides(yaml: str, camera_id: str) -> tuple[tuple[str, ...], bool]:
    """What a camera file makes the camera decide, and whether it reads number plates. Parsing takes milliseconds."""
    # Without the site: what is wrong with its schedules was said when the file was saved.
    config = load_camera(yaml, f"{camera_id}.yaml", None, camera_id).config if yaml else None
    if config is None:
        return (), False
    kinds = {rule.kind for rule in config.rules}
    return tuple(kind for kind in PUBLIC_KINDS if kind in kinds), config.plates.enabled
