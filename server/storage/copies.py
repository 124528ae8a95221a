"""Playable copies of clips: asked for on an incident's page, made by the edge that took the clip, sent as evidence.

    officer --ask--> clip_copies --heartbeat's answer--> edge: making --> made --upload--> ready
                          ^                                       `-----> failed
                          `---- ask again --------------------------------'

A wish is told at each heartbeat until its copy has arrived or the edge said why there is none: an edge that is cut off
in the middle begins again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from contract.event import CopyFailure, CopyReport, CopyWish, EvidenceRole
from server.alerts import service as alerts
from server.audit import service as audit
from server.clock import Clock
from server.db.engine import LOCK_VILLAGE, lock
from server.db.models import Camera, ClipCopy, EventRecord, EvidenceFile, EvidenceReference, Incident
from server.domain import access
from server.domain.access import Permission, Principal
from server.domain.copies import UNFINISHED, CopyState
from server.errors import Conflict, Forbidden, InvalidInput, NotFound
from server.incidents.queries import find_incident
from server.places.service import PlaceTree

MAX_WAITING: Final = 50
"""Of one device: a small box makes one at a time, in its idle moments."""
MAX_TOLD: Final = 8
"""In one heartbeat's answer."""
_HAS_ARRIVED = and_(EvidenceFile.sha256.is_not(None), EvidenceFile.removed_at.is_(None))
_IS_WANTED = or_(
    ClipCopy.state.in_(UNFINISHED),
    # What was removed before the edge spoke last was an earlier copy with the same bytes.
    and_(
        ClipCopy.state == CopyState.MADE,
        or_(EvidenceFile.sha256.is_(None), EvidenceFile.removed_at < ClipCopy.told_at),
    ),
)
"""The edge has it still to make or to send. A copy that was removed to make room is not made again unasked."""


@dataclass(frozen=True, slots=True)
class CopyStatus:
    """What a page shows of a copy."""

    state: CopyState
    failure: str
    copy_sha256: str | None
    has_arrived: bool
    is_wanted: bool
    """It is still to be made or sent."""


def ask(
    session: Session, clock: Clock, principal: Principal, incident_id: UUID, sha256: str, *, request_id: str = ""
) -> None:
    """Note that somebody wants a playable copy of an incident's clip. Asked twice is asked once.

    Raises:
        NotFound: No such incident in the scope, or no such clip in it.
        Forbidden: The role may look, not ask.
        Conflict: The device has too much to do already.
    """
    incident = find_incident(session, principal, incident_id)
    path = PlaceTree.read(session).path(incident.village_id)
    if not access.may_here(principal, Permission.HANDLE_INCIDENTS, path):
        raise Forbidden("your role may not do this", "Ask an officer.")
    found = session.execute(
        select(EvidenceReference.size_bytes, Camera.device_id)
        .join(EventRecord, EventRecord.event_id == EvidenceReference.event_id)
        .join(Camera, Camera.id == EventRecord.camera_id)
        .where(
            EventRecord.incident_id == incident_id,
            EvidenceReference.sha256 == sha256,
            EvidenceReference.role == EvidenceRole.CLIP,
            EvidenceReference.codec == "hevc",
        )
        .limit(1)
    ).first()
    if found is None:
        raise NotFound("no such clip", "Load the page anew.")
    lock(session, LOCK_VILLAGE, {incident.village_id})
    known = session.get(ClipCopy, sha256, populate_existing=True)
    if known is not None and not _may_begin_again(session, sha256):
        return
    waiting = session.scalar(
        select(func.count()).where(ClipCopy.device_id == found.device_id, ClipCopy.state.in_(UNFINISHED))
    )
    if (waiting or 0) >= MAX_WAITING:
        raise Conflict(f"{waiting} copies are still to be made by this camera's box", "Try again later.")
    now = clock.utc()
    session.merge(
        ClipCopy(
            clip_sha256=sha256,
            device_id=found.device_id,
            size_bytes=found.size_bytes,
            state=CopyState.ASKED,
            failure="",
            copy_sha256=None,
            asked_at=now,
            asked_by=principal.actor,
            told_at=None,
        )
    )
    audit.record(
        session,
        at=now,
        actor=principal,
        action="clip.ask_copy",
        subject=f"incident:{incident_id}",
        detail={"clip": sha256, "device": found.device_id},
        request_id=request_id,
    )
    alerts.publish(session, incident, "evidence", now)


def wishes_for(session: Session, device: Principal) -> tuple[CopyWish, ...]:
    """What the device is to make or to send, in the order of asking."""
    rows = session.execute(
        select(ClipCopy.clip_sha256, ClipCopy.size_bytes)
        .outerjoin(EvidenceFile, EvidenceFile.sha256 == ClipCopy.copy_sha256)
        .where(ClipCopy.device_id == device.id, _IS_WANTED)
        .order_by(ClipCopy.asked_at)
        .limit(MAX_TOLD)
    )
    return tuple(CopyWish(sha256=sha256, size_bytes=size) for sha256, size in rows)


def take_report(
    session: Session, clock: Clock, device: Principal, sha256: str, report: CopyReport, *, max_bytes: int
) -> CopyFailure | None:
    """Keep what the edge says of a copy; gives why the copy cannot be taken, None when it can.

    Raises:
        NotFound: Nobody asked this device for it.
    """
    wish = session.get(ClipCopy, sha256)
    if wish is None or wish.device_id != device.id:
        raise NotFound(
            "nobody asked for a copy of this clip", "Make copies of those clips only that a heartbeat names."
        )
    incidents = _incidents_of(session, sha256)
    lock(session, LOCK_VILLAGE, {incident.village_id for incident in incidents})
    session.refresh(wish)
    failure = report.failure
    if report.evidence is not None and report.evidence.size_bytes > max_bytes:
        failure = CopyFailure.NO_ROOM
    wish.told_at = clock.utc()
    wish.failure = failure.value if failure is not None else ""
    wish.state = CopyState.FAILED if failure is not None else CopyState(report.state)
    if failure is None and report.evidence is not None:
        _refer(session, sha256, report, wish)
    for incident in incidents:
        alerts.publish(session, incident, "evidence", wish.told_at)
    return failure if report.failure is None else None


def clip_for_device(session: Session, device: Principal, sha256: str) -> EvidenceFile:
    """A clip that a device may have back.

    Raises:
        NotFound: Nobody wants a copy of it, it is not the device's, or it is gone.
    """
    wish = session.get(ClipCopy, sha256)
    status = statuses(session, [sha256]).get(sha256)
    if (
        wish is None
        or status is None
        or not access.may_fetch_clip(device, wish.device_id, is_copy_wanted=status.is_wanted)
    ):
        raise NotFound("nobody asked for a copy of this clip", "Fetch those clips only that a heartbeat names.")
    file = session.get(EvidenceFile, sha256)
    if file is None or file.removed_at is not None:
        raise NotFound("this clip has not arrived, or was removed to make room", "Say that the copy failed.")
    return file


def statuses(session: Session, clips: Iterable[str]) -> dict[str, CopyStatus]:
    """How far the copies of these clips are; clips that nobody asked for are left out."""
    rows = session.execute(
        select(ClipCopy, _HAS_ARRIVED, _IS_WANTED)
        .outerjoin(EvidenceFile, EvidenceFile.sha256 == ClipCopy.copy_sha256)
        .where(ClipCopy.clip_sha256.in_(list(clips)))
    )
    return {
        copy.clip_sha256: CopyStatus(copy.state, copy.failure, copy.copy_sha256, bool(has_arrived), bool(is_wanted))
        for copy, has_arrived, is_wanted in rows
    }


def _may_begin_again(session: Session, clip_sha256: str) -> bool:
    """It failed, or its file was removed to make room."""
    status = statuses(session, [clip_sha256])[clip_sha256]
    return not status.has_arrived and not status.is_wanted


def _incidents_of(session: Session, sha256: str) -> list[Incident]:
    query = (
        select(Incident)
        .join(EventRecord, EventRecord.incident_id == Incident.id)
        .join(EvidenceReference, EvidenceReference.event_id == EventRecord.event_id)
        .where(EvidenceReference.sha256 == sha256)
        .distinct()
    )
    return list(session.scalars(query.order_by(Incident.id)))


def _refer(session: Session, clip_sha256: str, report: CopyReport, wish: ClipCopy) -> None:
    """Let every event with the clip name the copy too: from now on its file is taken."""
    if report.evidence is None:
        raise InvalidInput("a copy without evidence", "Name the file.")
    owners = list(session.scalars(select(EvidenceReference.event_id).where(EvidenceReference.sha256 == clip_sha256)))
    if wish.copy_sha256 not in {None, report.evidence.sha256}:  # an earlier one that never came, or is gone
        session.execute(
            delete(EvidenceReference).where(
                EvidenceReference.sha256 == wish.copy_sha256, EvidenceReference.role == EvidenceRole.CLIP_PLAYABLE
            )
        )
    for event_id in set(owners):
        session.merge(EvidenceReference(event_id=event_id, gone_at=None, **report.evidence.model_dump()))
    wish.copy_sha256 = report.evidence.sha256


def copy_is_gone(session: Session, sha256: str) -> None:
    """The edge gave the file of a copy up before it was sent."""
    session.execute(
        update(ClipCopy)
        .where(ClipCopy.copy_sha256 == sha256)
        .values(state=CopyState.FAILED, failure=CopyFailure.NO_ROOM.value)
    )
