"""The tables of incidents and of what people do to them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server.db.types import Base, BigKey, JsonColumn, UuidColumn, words
from server.domain.grouping import Severity
from server.domain.incident import IncidentAction, IncidentState
from server.domain.silencing import AlertOutcome

if TYPE_CHECKING:
    from server.db.models import Camera, Place, User


class Incident(Base):
    """Events of one village that belong together."""

    __tablename__ = "incidents"

    id: Mapped[UUID] = mapped_column(UuidColumn, primary_key=True)
    village_id: Mapped[str] = mapped_column(ForeignKey("places.id"))
    kind: Mapped[str] = mapped_column(String(40))
    spot: Mapped[str] = mapped_column(String(63))
    key: Mapped[str] = mapped_column(String(180))
    """`grouping_key(village, kind, spot)`."""
    open_key: Mapped[str | None] = mapped_column(String(180), unique=True)
    """The key while the incident takes new events, null after: two open incidents of a key cannot exist."""
    state: Mapped[IncidentState] = mapped_column(words(IncidentState))
    severity: Mapped[Severity] = mapped_column(words(Severity))
    after_hours: Mapped[bool] = mapped_column(default=False)
    school_hours: Mapped[bool] = mapped_column(default=False, server_default=false())
    first_at: Mapped[datetime]
    """Start of the first event."""
    last_at: Mapped[datetime]
    """Last activity of any event."""
    reach_at: Mapped[datetime | None]
    """An event that starts until then belongs here (None: written before this was kept; `queries.reach` knows)."""
    received_at: Mapped[datetime]
    """When the server first heard of it."""
    touched_at: Mapped[datetime] = mapped_column(index=True)
    """Last event or action, by the server's clock: decides expiry."""
    decided_at: Mapped[datetime | None]
    """When an officer resolved it or called it a false alarm."""
    acknowledged_at: Mapped[datetime | None]
    """When somebody first did something about it."""
    dispatched_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    """When it was decided or expired last; None while it is open."""
    event_count: Mapped[int] = mapped_column(default=0)
    open_event_count: Mapped[int] = mapped_column(default=0)
    """Events that have not ended."""
    camera_id: Mapped[str] = mapped_column(ForeignKey("cameras.id"))
    """Of the newest event."""
    snapshot_sha256: Mapped[str | None] = mapped_column(String(64))
    picture_hidden_at: Mapped[datetime | None]
    """Since when residents are no longer shown its picture: something in it was not covered."""
    redacted_sha256: Mapped[str | None] = mapped_column(String(64))
    """The newest pictures that have arrived."""
    version: Mapped[int] = mapped_column(default=1)
    """Goes up with each step of the life cycle; actions name it (optimistic locking)."""
    handled_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    assigned_to_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    """Who has it in hand."""
    merged_into_id: Mapped[UUID | None] = mapped_column(UuidColumn, ForeignKey("incidents.id"))
    """A late event or an officer found that it is part of this other incident."""
    by_hand: Mapped[bool] = mapped_column(default=False, server_default=false())
    """An officer merged or split it: grouping adds events to it, and never takes it apart or puts it together."""
    alert_decision: Mapped[AlertOutcome] = mapped_column(
        words(AlertOutcome), default=AlertOutcome.ALERT, server_default=AlertOutcome.ALERT.value
    )
    """What became of its newest alert, and by what."""
    silence_id: Mapped[int | None]
    inhibited_by_id: Mapped[UUID | None] = mapped_column(UuidColumn)

    village: Mapped[Place] = relationship()
    camera: Mapped[Camera] = relationship()
    handled_by: Mapped[User | None] = relationship(foreign_keys=[handled_by_id])
    assigned_to: Mapped[User | None] = relationship(foreign_keys=[assigned_to_id])

    __table_args__ = (
        Index(None, "key", "first_at"),
        Index(None, "village_id", "first_at", "id"),
        Index(None, "state", "touched_at"),
        Index(None, "first_at", "id"),
        Index(None, "state", "first_at"),
        Index(None, "kind", "first_at", "id"),
        Index(None, "village_id", "state", "first_at", "id"),
        Index(None, "village_id", "kind", "first_at", "id"),
        Index(
            None,
            "merged_into_id",
            sqlite_where=text("merged_into_id IS NOT NULL"),
            postgresql_where=text("merged_into_id IS NOT NULL"),
        ),
    )


class IncidentStep(Base):
    """One step of an incident's life, or a note: its timeline."""

    __tablename__ = "incident_steps"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    incident_id: Mapped[UUID] = mapped_column(UuidColumn, ForeignKey("incidents.id"), index=True)
    at: Mapped[datetime]
    action: Mapped[IncidentAction] = mapped_column(words(IncidentAction))
    from_state: Mapped[IncidentState | None] = mapped_column(words(IncidentState))
    to_state: Mapped[IncidentState | None] = mapped_column(words(IncidentState))
    actor: Mapped[str] = mapped_column(String(80))
    actor_name: Mapped[str] = mapped_column(String(120))
    text: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int | None]
    """The incident's version after the step: who decided on an older one is shown the steps since."""
    other_id: Mapped[UUID | None] = mapped_column(UuidColumn)
    """The other incident of a merge, a split or an inhibition."""
    silence_id: Mapped[int | None]


class Silence(Base):
    """A silence, or a maintenance window of cameras. Never deleted: what kept an alert back can be looked up."""

    __tablename__ = "silences"

    id: Mapped[int] = mapped_column(primary_key=True)
    is_maintenance: Mapped[bool] = mapped_column(default=False)
    place_id: Mapped[str] = mapped_column(ForeignKey("places.id"))
    kinds: Mapped[list[str]] = mapped_column(JsonColumn)
    camera_ids: Mapped[list[str]] = mapped_column(JsonColumn)
    spots: Mapped[list[str]] = mapped_column(JsonColumn)
    """Empty: all. So with kinds and cameras."""
    up_to: Mapped[Severity | None] = mapped_column(words(Severity))
    """What gets worse than this is told all the same."""
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)
    """Moved to the present by whoever ends it early."""
    weekdays: Mapped[list[int] | None] = mapped_column(JsonColumn)
    """Only on these days of the week (0 is Monday), between the two minutes below; None: all the time."""
    from_minute: Mapped[int | None]
    to_minute: Mapped[int | None]
    reason: Mapped[str] = mapped_column(String(500))
    author: Mapped[str] = mapped_column(String(80))
    author_name: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime]
    incident_id: Mapped[UUID | None] = mapped_column(UuidColumn)
    """The incident it was made from."""
    ended_by_name: Mapped[str | None] = mapped_column(String(120))
    """Who ended it before its time."""

    place: Mapped[Place] = relationship()
