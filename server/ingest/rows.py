"""The statements of ingest: each is made once and reads or writes the rows of a whole batch."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Insert, Table, Text, Update, and_, bindparam, cast, insert, select, update
from sqlalchemy.dialects.postgresql import JSONB

from contract.event import Event, TrackPath
from server.db.models import EventRecord, EventRevision, EvidenceFile, EvidenceReference

_EVENTS: Final[Table] = EventRecord.__table__  # type: ignore[assignment]  # of a mapped class it is a table
_REVISIONS: Final[Table] = EventRevision.__table__  # type: ignore[assignment]  # as above
_PATHS: Final = TypeAdapter(tuple[TrackPath, ...])
_JSON: Final = frozenset({"facts", "paths", "plate", "body"})
_TOLD: Final = (
    "revision", "kind", "camera_id", "village_id", "spot", "zone", "state", "started_at", "observed_at", "ended_at",
    "confidence", "facts", "paths", "plate", "config_version", "quarantine_reason", "incident_id", "came_from_id",
)  # fmt: skip
_KEPT: Final = ("event_id", "revision", "body_sha256", "body", "device_id", "received_at", "quarantined")

KNOWN: Final = (
    select(
        _EVENTS.c.event_id,
        _EVENTS.c.revision.label("newest"),
        _EVENTS.c.kind,
        _EVENTS.c.camera_id,
        _EVENTS.c.village_id,
        _EVENTS.c.spot,
        _EVENTS.c.state,
        _EVENTS.c.started_at,
        _EVENTS.c.observed_at,
        _EVENTS.c.ended_at,
        _EVENTS.c.quarantine_reason,
        _EVENTS.c.incident_id,
        _EVENTS.c.came_from_id,
        _REVISIONS.c.revision,
        _REVISIONS.c.body_sha256,
        _REVISIONS.c.quarantined,
    )
    .select_from(
        _EVENTS.outerjoin(
            _REVISIONS,
            and_(
                _REVISIONS.c.event_id == _EVENTS.c.event_id,
                _REVISIONS.c.event_id.in_(bindparam("ids", expanding=True)),  # so that only their months are asked
                _REVISIONS.c.revision.in_(bindparam("revisions", expanding=True)),
            ),
        )
    )
    .where(_EVENTS.c.event_id.in_(bindparam("ids", expanding=True)))
)
"""Events that came before, once for each of the given revisions of theirs that did (once, where none did)."""
STORED: Final = (
    select(
        _REVISIONS.c.event_id,
        _REVISIONS.c.revision,
        _REVISIONS.c.body_sha256,
        _REVISIONS.c.quarantined,
        _EVENTS.c.incident_id,
        _EVENTS.c.village_id,
        _EVENTS.c.camera_id,
    )
    .join_from(_REVISIONS, _EVENTS, _EVENTS.c.event_id == _REVISIONS.c.event_id)
    .where(
        _REVISIONS.c.event_id.in_(bindparam("ids", expanding=True)),
        _REVISIONS.c.revision.in_(bindparam("revisions", expanding=True)),
    )
)
"""Revisions that came before: what a duplicate is answered with, and no more."""
REFERENCES: Final = select(EvidenceReference.event_id, EvidenceReference.role, EvidenceReference.sha256).where(
    EvidenceReference.event_id.in_(bindparam("ids", expanding=True))
)
ARRIVED: Final = select(EvidenceFile.sha256).where(
    EvidenceFile.sha256.in_(bindparam("sha256", expanding=True)), EvidenceFile.removed_at.is_(None)
)
ADD_REFERENCES: Final = insert(EvidenceReference)


@cache
def add_events(dialect: str) -> Insert:
    """Insert events as `event_row` and grouping tell them."""
    return insert(_EVENTS).values(_given(_EVENTS, ("event_id", "received_at", *_TOLD), dialect))


@cache
def add_revisions(dialect: str) -> Insert:
    """Insert revisions."""
    return insert(_REVISIONS).values(_given(_REVISIONS, _KEPT, dialect))


@cache
def change_events(dialect: str) -> Update:
    """Give the event `known_id` what a newer revision tells of it."""
    known = bindparam("known_id", type_=_EVENTS.c.event_id.type)
    return update(_EVENTS).where(_EVENTS.c.event_id == known).values(_given(_EVENTS, _TOLD, dialect))


def event_row(event: Event) -> dict[str, Any]:
    """What an event tells, as its row has it; JSON is text by now."""
    return {
        "event_id": event.event_id,
        "revision": event.revision,
        "kind": event.kind,
        "camera_id": event.camera_id,
        "village_id": event.village,
        "spot": event.spot,
        "zone": event.zone,
        "state": event.state,
        "started_at": event.started_at,
        "observed_at": event.observed_at,
        "ended_at": event.ended_at,
        "confidence": event.confidence,
        "facts": event.facts.model_dump_json(),
        "paths": _PATHS.dump_json(event.paths).decode() if event.paths else "[]",
        "plate": event.plate.model_dump_json() if event.plate is not None else "null",
        "config_version": event.config_version,
    }


def _given(table: Table, names: tuple[str, ...], dialect: str) -> dict[str, Any]:
    """Columns and where their values come from. JSON comes as text, which is written already."""
    values: dict[str, Any] = {}
    for name in names:
        values[name] = bindparam(name, type_=Text if name in _JSON else table.c[name].type)
        if name in _JSON and dialect == "postgresql":
            values[name] = cast(values[name], JSONB)
    return values
