"""The table in which alerts wait for their number in the feed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from server.db.types import Base, BigKey, UuidColumn, words
from server.domain.silencing import AlertOutcome


class UnnumberedAlert(Base):
    """An alert as its transaction wrote it, until the relay gives it a number and moves it to `alerts`.

    A transactional outbox, only where several transactions commit at once (PostgreSQL). Empty but for milliseconds.
    """

    __tablename__ = "alert_outbox"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    """Taken before commit: no order of commits, and nobody may read on from it."""
    incident_id: Mapped[UUID] = mapped_column(UuidColumn, ForeignKey("incidents.id"))
    village_id: Mapped[str] = mapped_column(ForeignKey("places.id"))
    change: Mapped[str] = mapped_column(String(24))
    at: Mapped[datetime]
    decision: Mapped[AlertOutcome | None] = mapped_column(words(AlertOutcome))
    silence_id: Mapped[int | None]
    inhibited_by_id: Mapped[UUID | None] = mapped_column(UuidColumn)
