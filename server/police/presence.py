"""Who has an incident open right now, so that two officers do not set out for the same thing.

A page says every few seconds that it is looked at; what was not said for `GONE_AFTER` is over. The table is shared by
all processes; it is written only when the last word is older than `SAY_AGAIN`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from server.clock import Clock
from server.db.duty_models import IncidentViewer
from server.db.engine import Database
from server.db.incident_models import Incident
from server.domain.access import Principal
from server.incidents.queries import find_incident
from server.places.service import PlaceTree

GONE_AFTER: Final = timedelta(seconds=25)
SAY_AGAIN: Final = timedelta(seconds=8)
_SWEPT_AFTER: Final = timedelta(minutes=10)


def others_at(session: Session, clock: Clock, principal: Principal, incident_id: UUID) -> list[str]:
    """The names of others who have it open, by name."""
    rows = session.scalars(
        select(IncidentViewer.name)
        .where(
            IncidentViewer.incident_id == incident_id,
            IncidentViewer.user_id != int(principal.id),
            IncidentViewer.seen_at > clock.utc() - GONE_AFTER,
        )
        .order_by(IncidentViewer.name)
    )
    return list(rows)


def open_elsewhere(
    session: Session, clock: Clock, principal: Principal, incident_ids: Iterable[UUID] | None = None
) -> dict[UUID, list[str]]:
    """Who else has incidents of the scope open: names by incident.

    Args:
        session: To read with.
        clock: Tells what is too old to be true.
        principal: Who asks; their own pages do not count.
        incident_ids: Only these; without them all of the scope (few rows: who looks now).
    """
    query = (
        select(IncidentViewer.incident_id, IncidentViewer.name)
        .where(IncidentViewer.user_id != int(principal.id), IncidentViewer.seen_at > clock.utc() - GONE_AFTER)
        .order_by(IncidentViewer.name)
    )
    if incident_ids is not None:
        query = query.where(IncidentViewer.incident_id.in_(list(incident_ids)))
    rows = session.execute(query).all()
    if not rows:
        return {}
    villages = PlaceTree.read(session).villages_of(principal)
    mine = set(
        session.scalars(
            select(Incident.id).where(
                Incident.id.in_({incident_id for incident_id, _ in rows}), Incident.village_id.in_(villages)
            )
        )
    )
    found: dict[UUID, list[str]] = {}
    for incident_id, name in rows:
        if incident_id in mine:
            found.setdefault(incident_id, []).append(name)
    return found


def look(database: Database, clock: Clock, principal: Principal, incident_id: UUID) -> list[str]:
    """Somebody has the incident open; returns who else has.

    Raises:
        NotFound: There is none in the scope.
    """
    with database.read() as session:
        find_incident(session, principal, incident_id)
        mine = session.get(IncidentViewer, (incident_id, int(principal.id)))
        is_fresh = mine is not None and mine.seen_at > clock.utc() - SAY_AGAIN
        others = others_at(session, clock, principal, incident_id)
    if not is_fresh:
        with database.write() as session:
            now = clock.utc()
            session.execute(delete(IncidentViewer).where(IncidentViewer.seen_at < now - _SWEPT_AFTER))
            session.merge(
                IncidentViewer(incident_id=incident_id, user_id=int(principal.id), name=principal.name, seen_at=now)
            )
    return others


def leave(database: Database, principal: Principal, incident_id: UUID) -> None:
    """Somebody has closed the incident's page."""
    with database.write() as session:
        session.execute(
            delete(IncidentViewer).where(
                IncidentViewer.incident_id == incident_id, IncidentViewer.user_id == int(principal.id)
            )
        )
