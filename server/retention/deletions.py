"""Takes files out of use, and writes down what was deleted and why.

remove_files()  row: removed_at, nobody is shown it any more   } one transaction, with its line in `deletions`
purge_removed() store: the file goes; row: purged_at           } any time after, again after a crash
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from server.db.models import EventRecord, EvidenceFile, EvidenceReference, Incident
from server.db.work_models import Deletion
from server.retention.policy import What


def remove_files(session: Session, files: Mapping[str, int], at: datetime, reason: str) -> None:
    """Take files out of use; the store lets go of them later.

    Args:
        session: Of `Database.write`.
        files: Size in bytes by SHA-256.
        at: The time.
        reason: For the list of deletions.
    """
    names = list(files)
    session.execute(
        update(EvidenceFile)
        .where(EvidenceFile.sha256.in_(names), EvidenceFile.removed_at.is_(None))
        .values(removed_at=at, purged_at=None)
    )
    belongs: dict[str, tuple[UUID | None, str]] = {}
    shown_by: set[UUID] = set()
    owners = (
        select(EvidenceReference.sha256, EventRecord.incident_id, EventRecord.village_id)
        .join(EventRecord, EventRecord.event_id == EvidenceReference.event_id)
        .where(EvidenceReference.sha256.in_(names))
    )
    for sha256, incident_id, village_id in session.execute(owners):
        belongs.setdefault(sha256, (incident_id, village_id))
        if incident_id is not None:
            shown_by.add(incident_id)
    for column in (Incident.snapshot_sha256, Incident.redacted_sha256):
        of_them = Incident.id.in_(shown_by)  # no index leads from a picture to its incident
        session.execute(update(Incident).where(of_them, column.in_(names)).values({column: None}))
    rows = [
        line(What.EVIDENCE, sha256, at, reason, size_bytes=size, rows=1)
        | dict(zip(("incident_id", "village_id"), belongs.get(sha256, (None, None)), strict=True))
        for sha256, size in files.items()
    ]
    if rows:
        session.execute(insert(Deletion), rows)


def purged(session: Session, names: Iterable[str], at: datetime) -> None:
    """Note that the store has let go of files."""
    session.execute(
        update(EvidenceFile)
        .where(EvidenceFile.sha256.in_(list(names)), EvidenceFile.removed_at.is_not(None))
        .values(purged_at=at)
    )


def line(
    what: What,
    subject: str,
    at: datetime,
    reason: str,
    *,
    rows: int,
    size_bytes: int = 0,
    village_id: str | None = None,
    incident_id: UUID | None = None,
) -> dict[str, object]:
    """A row of the list of deletions."""
    return {
        "at": at,
        "what": what.value,
        "subject": subject,
        "village_id": village_id,
        "incident_id": incident_id,
        "rows": rows,
        "size_bytes": size_bytes,
        "reason": reason,
    }
