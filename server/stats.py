"""How much the server holds: for the demonstration, for monitoring, and for a look by an admin."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.db.models import Alert, EventRecord, EvidenceFile, Incident


def count_rows(session: Session) -> dict[str, int]:
    """Events, events kept aside for their clock, incidents, feed entries, and evidence files that are here."""
    quarantined = EventRecord.quarantine_reason.is_not(None)
    queries = {
        "events": select(func.count()).select_from(EventRecord),
        "quarantined_events": select(func.count()).select_from(EventRecord).where(quarantined),
        "incidents": select(func.count()).select_from(Incident).where(Incident.merged_into_id.is_(None)),
        "alerts": select(func.count()).select_from(Alert),
        "evidence_files": select(func.count()).select_from(EvidenceFile).where(EvidenceFile.removed_at.is_(None)),
    }
    return {name: session.scalar(query) or 0 for name, query in queries.items()}
