"""The tables behind stills of cameras and live looks. No picture of a live look is ever in a table."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.types import Base, BigKey


class CameraStill(Base):
    """The newest still of a camera. There is one at most: the next replaces it."""

    __tablename__ = "camera_stills"

    camera_id: Mapped[str] = mapped_column(ForeignKey("cameras.id", ondelete="CASCADE"), primary_key=True)
    wanted_at: Mapped[datetime | None]
    """Somebody asked for a fresh one, which has not come yet."""
    taken_at: Mapped[datetime | None] = mapped_column(index=True)
    """By the box's clock; None while none has come."""
    received_at: Mapped[datetime | None]
    width: Mapped[int] = mapped_column(default=0)
    height: Mapped[int] = mapped_column(default=0)
    jpeg: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    sha256: Mapped[str] = mapped_column(String(64), default="")


class Look(Base):
    """Somebody who looks at a camera, or did within the last day: what limits how often, and tells others."""

    __tablename__ = "looks"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    camera_id: Mapped[str] = mapped_column(ForeignKey("cameras.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    user_name: Mapped[str] = mapped_column(String(120))
    why: Mapped[str] = mapped_column(String(200), default="")
    began_at: Mapped[datetime]
    until: Mapped[datetime]
    extended: Mapped[bool] = mapped_column(default=False)
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ix_looks_open",
            "camera_id",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(None, "user_id", "began_at"),
    )
