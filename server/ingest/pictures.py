"""Pictures on the cards of incidents."""

from __future__ import annotations

from contract.event import EvidenceRole
from server.db.models import Incident


def show_picture(incident: Incident, role: EvidenceRole, sha256: str) -> bool:
    """Let an incident's card show a picture that has arrived; tells whether the card changed."""
    if role is EvidenceRole.SNAPSHOT and incident.snapshot_sha256 != sha256:
        incident.snapshot_sha256 = sha256
        return True
    if role is EvidenceRole.SNAPSHOT_REDACTED and incident.redacted_sha256 != sha256:
        incident.redacted_sha256 = sha256
        return True
    return False
