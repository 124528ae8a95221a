"""The table that tells whether what changes rarely has changed."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from server.db.types import Base, BigKey


class ChangeCounter(Base):
    """Counts the changes of some tables, whoever makes them: triggers do it (migration 0017).

    A process that keeps rows between transactions reads the numbers first in each: while they stay, so do the rows.
    """

    __tablename__ = "change_counters"

    name: Mapped[str] = mapped_column(String(16), primary_key=True)
    """`site` (places, site_documents), `silences`, `devices` (with their keys), `cameras` (whose they are)."""
    number: Mapped[int] = mapped_column(BigKey)
