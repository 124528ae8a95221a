"""What a transaction of ingest has in its hands: requests, their events, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from contract.event import Event, EventResult
from server.domain.access import Principal
from server.incidents.grouping import GroupedEvent
from server.ingest.bodies import Body, Taken
from server.ingest.standing import Credential

Key = tuple[UUID, int]
"""Event and revision."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The events of one request.

    Attributes:
        device: Who sent them.
        bodies: In order; an answer in place of what cannot be an event.
        clock_offset: The device's clock minus ours, as it is now.
        request_id: For the audit log.
        credential: By what it was believed to be the device; None: the caller answers for it.
    """

    device: Principal
    bodies: tuple[Body | Taken, ...]
    clock_offset: timedelta = timedelta(0)
    request_id: str = ""
    credential: Credential | None = None


@dataclass(slots=True, eq=False)
class Known(GroupedEvent):
    """An event that is stored, or is about to be.

    Attributes:
        newest: The newest revision that counts.
        quarantine_reason: Set while every revision so far came with an impossible clock.
        row: What is to be written of it; empty where nothing is.
        is_stored: It has its row in the table.
    """

    newest: int = 0
    quarantine_reason: str | None = None
    row: dict[str, Any] = field(default_factory=dict)
    is_stored: bool = True


@dataclass(slots=True, eq=False)
class Item:
    """An event on its way through.

    Attributes:
        delivery: What it came with.
        body: As it came.
        checked: The event, or what is wrong with it; None where the same is stored, so that nobody needs to look.
    """

    delivery: Delivery
    body: Body
    checked: Event | Taken | None = None

    @property
    def key(self) -> Key | None:
        """Which revision of which event; None: it is no event."""
        if isinstance(self.checked, Event):
            return self.checked.event_id, self.checked.revision
        return (self.body.event_id, self.body.revision) if self.checked is None else None


def same_subject(known: Known, event: Event) -> bool:
    """Revisions of one event speak of the same thing."""
    return (known.kind, known.camera_id, known.village_id, known.spot) == (
        event.kind,
        event.camera_id,
        event.village,
        event.spot,
    )


def result_of(key: Key, status: Any, incident_id: UUID | None = None, detail: str | None = None) -> EventResult:
    """The server's word on a revision."""
    incident = None if incident_id is None else str(incident_id)
    return EventResult(event_id=key[0], revision=key[1], status=status, incident_id=incident, detail=detail)
