"""What pages, the API and the live feed are given: frozen view models, never database rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

from contract.event import EventState, EvidenceRole
from server.domain.grouping import Severity
from server.domain.incident import IncidentAction, IncidentState, ResponseTimes
from server.domain.silencing import AlertOutcome

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PlaceNames:
    """A village and what it lies in; `path` holds the ids from the province down."""

    path: tuple[str, ...]
    village: str
    commune: str = ""
    province: str = ""

    @property
    def village_id(self) -> str:
        """The village's id."""
        return self.path[-1]


@dataclass(frozen=True, slots=True)
class IncidentCard:
    """An incident as officers and admins see it on the wall and in the live feed."""

    id: UUID
    kind: str
    severity: Severity
    state: IncidentState
    place: PlaceNames
    spot: str
    camera_id: str
    camera_name: str
    first_at: datetime
    last_at: datetime
    ongoing: bool
    """An event of it has not ended yet."""
    event_count: int
    late: bool
    """It reached the server long after it happened: the edge caught up after an outage."""
    after_hours: bool
    version: int
    """Goes up with each step of the life cycle; an action names the version it decided on."""
    snapshot_sha256: str | None = None
    redacted_sha256: str | None = None
    handled_by: str | None = None
    """Who took the last step of the life cycle."""
    merged_into: UUID | None = None
    """It turned out to be part of that other incident."""
    assigned_to: str | None = None
    """Who has it in hand."""
    alert: AlertOutcome = AlertOutcome.ALERT
    """What became of its newest alert: pages stay quiet about one that was kept back."""
    school_hours: bool = False
    is_picture_hidden: bool = False
    """Residents are not shown its picture: something in it was not covered."""
    acknowledged_after: timedelta | None = None
    """From when the server heard of it until somebody took it on."""

    @property
    def snapshot_url(self) -> str | None:
        """Where the picture is, for those who may see it."""
        return media_url(self.id, self.snapshot_sha256)

    @property
    def thumbnail_url(self) -> str | None:
        """The same as small as a card, without its bar of text."""
        return None if self.snapshot_url is None else f"{self.snapshot_url}?size=card"


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """A piece of evidence of an incident."""

    event_id: UUID
    role: EvidenceRole
    sha256: str
    media_type: str
    size_bytes: int
    codec: str | None
    available: bool
    """Arrived, and not yet removed to make room."""
    gone: bool
    """It will not come any more, or was removed."""
    url: str | None


@dataclass(frozen=True, slots=True)
class EventItem:
    """An event of an incident, as its newest revision tells it."""

    event_id: UUID
    kind: str
    camera_id: str
    camera_name: str
    zone: str | None
    state: EventState
    started_at: datetime
    observed_at: datetime
    ended_at: datetime | None
    confidence: float
    facts: dict[str, Any]
    paths: list[dict[str, Any]]
    plate: dict[str, Any] | None
    """Only here, in the detail that officers and admins open: no card and no public incident carries it."""
    config_version: str
    evidence: tuple[EvidenceItem, ...]


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One step of an incident's life, or a note."""

    at: datetime
    action: IncidentAction
    actor: str
    text: str = ""
    from_state: IncidentState | None = None
    to_state: IncidentState | None = None
    other_id: UUID | None = None
    """The other incident of a merge, a split or an inhibition."""
    silence_id: int | None = None


@dataclass(frozen=True, slots=True)
class IncidentDetail:
    """Everything officers and admins see of an incident."""

    card: IncidentCard
    events: tuple[EventItem, ...]
    timeline: tuple[TimelineItem, ...]
    actions: tuple[IncidentAction, ...]
    """What the viewer may do now."""
    times: ResponseTimes
    assigned_to_id: int | None = None
    inhibited_by: UUID | None = None
    """The incident about its camera that keeps its alerts back."""
    silence_id: int | None = None


@dataclass(frozen=True, slots=True)
class PublicIncident:
    """An incident as residents see it: what, roughly when, which village, whether it was handled. Nothing else."""

    id: UUID
    kind: str
    place: PlaceNames
    started_at: datetime
    """Cut to the minute."""
    state: IncidentState
    """`new`, `acknowledged` (also when somebody is on the way), `resolved`, or `expired` (nobody handled it)."""
    redacted_sha256: str | None
    handled_after: timedelta | None = None
    """How long it took until somebody took it on."""
    is_picture_hidden: bool = False

    @property
    def snapshot_url(self) -> str | None:
        """Where the redacted picture is."""
        return media_url(self.id, self.redacted_sha256)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list, and the cursor of the next; None at the end."""

    items: tuple[T, ...]
    next_cursor: str | None


def media_url(incident_id: UUID, sha256: str | None) -> str | None:
    """The address of a piece of evidence of an incident."""
    return None if sha256 is None else f"/media/{incident_id}/{sha256}"


def card_json(card: IncidentCard) -> dict[str, Any]:
    """The card as the live feed and the API carry it."""
    return {
        "id": str(card.id),
        "kind": card.kind,
        "severity": card.severity.value,
        "state": card.state.value,
        "village_id": card.place.village_id,
        "village": card.place.village,
        "commune": card.place.commune,
        "province": card.place.province,
        "spot": card.spot,
        "camera_id": card.camera_id,
        "camera": card.camera_name,
        "first_at": card.first_at.isoformat(),
        "last_at": card.last_at.isoformat(),
        "ongoing": card.ongoing,
        "event_count": card.event_count,
        "late": card.late,
        "after_hours": card.after_hours,
        "version": card.version,
        "snapshot_url": card.snapshot_url,
        "handled_by": card.handled_by,
        "merged_into": None if card.merged_into is None else str(card.merged_into),
        "assigned_to": card.assigned_to,
        "alert": card.alert.value,
    }
