"""What must be told: written in the transaction of the incident, so that no crash between commit and sending loses it.

Rows are only added and deleted, never changed: whoever plans deletes exactly the rows that it read, and an incident
that grows worse meanwhile has a row of its own.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from server.db.models import Incident
from server.db.work_models import NotificationOutbox
from server.jobs import doorbell

_PENDING = "pending_notices"


def tell(session: Session, incident: Incident, at: datetime) -> None:
    """Note that an incident opened or grew worse: its recipients are chosen once the transaction has committed."""
    pending: dict[UUID, datetime] = session.info.setdefault(_PENDING, {})
    pending.setdefault(incident.id, at)


def write_pending(session: Session) -> None:
    """Write what the transaction wants told: a hook before commit."""
    pending: dict[UUID, datetime] = session.info.pop(_PENDING, {})
    if not pending:
        return
    session.execute(insert(NotificationOutbox), [{"incident_id": key, "at": at} for key, at in pending.items()])
    doorbell.announce(session)
