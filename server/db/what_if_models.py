"""The tables behind "what would have changed" and "which version does the box run"."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.types import Base, JsonColumn, UuidColumn


class CameraRun(Base):
    """Which configuration a camera's box said it runs."""

    __tablename__ = "camera_runs"

    camera_id: Mapped[str] = mapped_column(ForeignKey("cameras.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[str] = mapped_column(String(64))
    """The first 12 characters of its text's SHA-256."""
    refused: Mapped[str] = mapped_column(String(500))
    """Why the newest version is not in force; the box's own English words."""
    told_at: Mapped[datetime]


class WhatIf(Base):
    """A configuration that an admin wants tried over a box's stored observations. Retention deletes it."""

    __tablename__ = "what_ifs"

    id: Mapped[UUID] = mapped_column(UuidColumn, primary_key=True)
    camera_id: Mapped[str] = mapped_column(ForeignKey("cameras.id", ondelete="CASCADE"))
    device_id: Mapped[str] = mapped_column(String(63))
    yaml: Mapped[str] = mapped_column(Text)
    based_on: Mapped[int]
    """The version that was edited."""
    asked_by: Mapped[str] = mapped_column(String(80))
    asked_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16))
    """`asked`, or a word of `contract.device_api.WhatIfReport.state`."""
    report: Mapped[dict[str, Any] | None] = mapped_column(JsonColumn)

    __table_args__ = (Index(None, "device_id", "state"), Index(None, "camera_id"))
