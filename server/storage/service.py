"""Evidence: accepted only for events of the sender's cameras, kept while there is room; the oldest goes first."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from contract.event import EvidenceRole
from server.alerts import service as alerts
from server.clock import Clock
from server.db.engine import LOCK_VILLAGE, Database, DiskFull, lock
from server.db.models import Camera, EventRecord, EvidenceFile, EvidenceReference, Incident
from server.domain.access import Principal
from server.errors import InvalidInput, NotFound, TooLarge, Unavailable
from server.ingest.service import show_picture
from server.retention import deletions, holds
from server.retention.policy import why
from server.storage import copies
from server.storage.store import Body, EvidenceStore, StoredFile, check_sha256

log = logging.getLogger(__name__)

_REMOVE_AT_ONCE: Final = 50
_FREED_FOR_EVENTS: Final = 64 * 1024 * 1024
"""Room for about 100,000 events."""


def put_evidence(
    database: Database,
    store: EvidenceStore,
    clock: Clock,
    device: Principal,
    sha256: str,
    body: Body,
    *,
    limits: dict[str, int],
    total_limit_bytes: int,
) -> bool:
    """Store one piece of evidence.

    Args:
        database: Where its reference is.
        store: Where to.
        clock: The time.
        device: Who sends it.
        sha256: Its hash, as the event named it.
        body: The content.
        limits: Bytes allowed for each media type.
        total_limit_bytes: Room for all evidence; 0 for no limit. The oldest goes first.

    Returns:
        True when it was stored now, False when it was there already.

    Raises:
        NotFound: No event of a camera of this device names it.
        TooLarge: Over its type's limit.
        InvalidInput: Not what the event announced.
        DiskFull: No room; send it again later.
    """
    announced = announced_evidence(database, store, device, sha256, limits)
    if announced is None:
        return False
    if total_limit_bytes:
        make_room(database, store, clock, total_limit_bytes - announced.size_bytes)
    try:
        stored = store.put(sha256, body, max_bytes=announced.max_bytes, expected_bytes=announced.size_bytes)
    except DiskFull:
        with database.read() as session:
            kept = session.scalar(_kept_bytes()) or 0
        make_room(database, store, clock, max(0, kept - announced.size_bytes))
        raise
    keep_evidence(database, store, clock, stored, announced)
    return True


@dataclass(frozen=True, slots=True)
class Announced:
    """What an event said of a file that has not arrived."""

    media_type: str
    size_bytes: int
    max_bytes: int


def announced_evidence(
    database: Database, store: EvidenceStore, device: Principal, sha256: str, limits: dict[str, int]
) -> Announced | None:
    """What may be sent under a hash; None when it is here already.

    Raises:
        NotFound: No event of a camera of this device names it.
        TooLarge: Over its type's limit.
        Unavailable: The store does not answer, or is about to let go of the same file.
    """
    check_sha256(sha256)
    with database.read() as session:
        reference = _reference(session, device, sha256)
        file = session.get(EvidenceFile, sha256)
        is_known = file is not None and file.removed_at is None
        if file is not None and file.removed_at is not None and file.purged_at is None:
            # The store is about to let go of the earlier file, and would take the new one along.
            raise Unavailable("an earlier file with this content is being removed", "Send it again.", retry_after_s=60)
    if is_known and store.has(sha256):
        return None
    limit = limits[reference.media_type]
    if reference.size_bytes > limit:
        raise TooLarge(f"{reference.size_bytes} bytes are over the limit of {limit}", "Make it shorter or smaller.")
    return Announced(reference.media_type, reference.size_bytes, limit)


def keep_evidence(
    database: Database, store: EvidenceStore, clock: Clock, stored: StoredFile, announced: Announced
) -> None:
    """Note that a file is in the store now.

    Raises:
        InvalidInput: It is not what the event announced.
        Unavailable: It went while it came; send it again.
    """
    if stored.media_type != announced.media_type:
        store.remove(stored.sha256)
        raise InvalidInput(f"the file is {stored.media_type}, not {announced.media_type}", "Announce what you send.")
    with database.write() as session:
        _arrived(session, clock, stored.sha256, stored.media_type, stored.size_bytes)
    if not store.has(stored.sha256):
        # An earlier file with the same content was due to go, and went between `put` and the row.
        with database.write() as session:
            session.execute(
                update(EvidenceFile).where(EvidenceFile.sha256 == stored.sha256).values(removed_at=clock.utc())
            )
        raise Unavailable("the file went while it came", "Send it again.", retry_after_s=5)


def make_room(database: Database, store: EvidenceStore, clock: Clock, keep_bytes: int) -> int:
    """Remove the oldest evidence until at most `keep_bytes` are kept; gives the number of files removed.

    Files go before their rows: on a full disk the database cannot be written until there is room. A reader that meets
    a row without its file says that the file is gone.
    """
    removed = 0
    while True:
        with database.read() as session:
            excess = (session.scalar(_kept_bytes()) or 0) - max(0, keep_bytes)
            oldest = (
                select(EvidenceFile.sha256, EvidenceFile.size_bytes)
                .where(EvidenceFile.removed_at.is_(None), holds.file_is_free(session))
                .order_by(EvidenceFile.stored_at)
                .limit(_REMOVE_AT_ONCE)
            )
            victims: dict[str, int] = {}
            for sha256, size_bytes in session.execute(oldest):
                if excess <= 0:
                    break
                excess -= size_bytes
                victims[sha256] = size_bytes
        if not victims:
            return removed
        for sha256 in victims:
            store.remove(sha256)
        with database.write() as session:
            deletions.remove_files(session, victims, clock.utc(), why("room"))
            deletions.purged(session, victims, clock.utc())
        removed += len(victims)
        log.warning("evidence_removed", extra={"fields": {"files": len(victims), "why": "room"}})


def free_for_events(database: Database, store: EvidenceStore, clock: Clock) -> None:
    """The disk is full and an event could not be stored: the oldest media go before any event does."""
    with database.read() as session:
        kept = session.scalar(_kept_bytes()) or 0
    make_room(database, store, clock, max(0, kept - _FREED_FOR_EVENTS))


def evidence_is_gone(session: Session, clock: Clock, device: Principal, sha256: str) -> None:
    """Note that a file of the device will not come: nobody waits for it any more. One that has come stays.

    Raises:
        NotFound: No event of a camera of this device names it.
    """
    _reference(session, device, sha256)
    incidents = _named_in(session, sha256)
    lock(session, LOCK_VILLAGE, {village for _, _, village in incidents})
    file = session.get(EvidenceFile, sha256)
    if file is not None and file.removed_at is None:
        return
    now = clock.utc()
    session.execute(
        update(EvidenceReference)
        .where(EvidenceReference.sha256 == sha256, EvidenceReference.gone_at.is_(None))
        .values(gone_at=now)
    )
    copies.copy_is_gone(session, sha256)
    for incident_id, _, _ in incidents:
        alerts.publish(session, session.get_one(Incident, incident_id), "evidence", now)


def _kept_bytes() -> Select[int]:
    return select(func.coalesce(func.sum(EvidenceFile.size_bytes), 0)).where(EvidenceFile.removed_at.is_(None))


def _reference(session: Session, device: Principal, sha256: str) -> EvidenceReference:
    reference = session.scalars(
        select(EvidenceReference)
        .join(EventRecord, EventRecord.event_id == EvidenceReference.event_id)
        .join(Camera, Camera.id == EventRecord.camera_id)
        .where(EvidenceReference.sha256 == sha256, Camera.device_id == device.id)
        .limit(1)
    ).first()
    if reference is None:
        raise NotFound("no event of this device's cameras names this file", "Send the event first.")
    return reference


def _arrived(session: Session, clock: Clock, sha256: str, media_type: str, size_bytes: int) -> None:
    found = _named_in(session, sha256)
    lock(session, LOCK_VILLAGE, {village for _, _, village in found})
    now = clock.utc()
    session.merge(
        EvidenceFile(
            sha256=sha256, media_type=media_type, size_bytes=size_bytes, stored_at=now, removed_at=None, purged_at=None
        )
    )
    for incident_id, role, _ in found:
        incident = session.get_one(Incident, incident_id, populate_existing=True)
        show_picture(incident, role, sha256)
        alerts.publish(session, incident, "evidence", now)
    session.execute(update(EvidenceReference).where(EvidenceReference.sha256 == sha256).values(gone_at=None))


def _named_in(session: Session, sha256: str) -> list[tuple[UUID, EvidenceRole, str]]:
    """The incidents whose events name a file, in which role, and their villages."""
    rows = session.execute(
        select(EventRecord.incident_id, EvidenceReference.role, EventRecord.village_id)
        .join(EvidenceReference, EvidenceReference.event_id == EventRecord.event_id)
        .where(EvidenceReference.sha256 == sha256, EventRecord.incident_id.is_not(None))
    )
    return [
        (incident_id, EvidenceRole(role), village) for incident_id, role, village in rows if incident_id is not None
    ]
