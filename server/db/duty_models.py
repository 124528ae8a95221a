"""The tables of officers on duty: who looks at what right now, and what one shift tells the next."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.types import Base, BigKey, JsonColumn, UuidColumn


class IncidentViewer(Base):
    """An officer who has an incident open. Rows live for seconds: nothing refers to them, nobody keeps them."""

    __tablename__ = "incident_viewers"

    incident_id: Mapped[UUID] = mapped_column(UuidColumn, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    seen_at: Mapped[datetime] = mapped_column(index=True)


class ShiftNote(Base):
    """What a shift hands over to the next. Signed by its author, never changed; confirmed once by who takes over."""

    __tablename__ = "shift_notes"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    place_id: Mapped[str] = mapped_column(ForeignKey("places.id"))
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    """The shift that hands over."""
    written_at: Mapped[datetime]
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    author_name: Mapped[str] = mapped_column(String(120))
    to_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    to_name: Mapped[str] = mapped_column(String(120), default="")
    """Whom it is meant for; None and empty: whoever comes next."""
    text: Mapped[str] = mapped_column(Text)
    open_incidents: Mapped[list[dict[str, Any]]] = mapped_column(JsonColumn)
    """Those that were open then, as they stood, the newest 100."""
    open_count: Mapped[int]
    """All of them."""
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    confirmed_by_name: Mapped[str | None] = mapped_column(String(120))
    confirmed_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "place_id", "written_at"),)
