"""The table of what residents write, and of what they are answered."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.types import Base, BigKey, UuidColumn, words
from server.domain.feedback import About, FeedbackState


class Feedback(Base):
    """A resident's words about the cameras, the log or the village."""

    __tablename__ = "feedback"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    village_id: Mapped[str] = mapped_column(ForeignKey("places.id"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    """Only the author sees that it is theirs: those who answer do not (Decree 61/2026 keeps who tells confidential)."""
    about: Mapped[About] = mapped_column(words(About))
    incident_id: Mapped[UUID | None] = mapped_column(UuidColumn)
    """The entry of the log that it speaks of; it may be deleted before."""
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(index=True)
    state: Mapped[FeedbackState] = mapped_column(words(FeedbackState))
    answer: Mapped[str] = mapped_column(Text, default="")
    public_text: Mapped[str] = mapped_column(Text, default="")
    """The words as everybody in the village sees them; empty: nobody else does."""
    answered_at: Mapped[datetime | None]
    answered_by_name: Mapped[str] = mapped_column(String(120), default="")
    version: Mapped[int] = mapped_column(default=1)
    """Goes up with each answer: two officers do not write over each other."""

    __table_args__ = (Index(None, "village_id", "state", "created_at"),)
