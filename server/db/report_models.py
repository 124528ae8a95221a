"""The tables behind reports: sums that are kept right, the cameras' history, letterheads, subscriptions."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Date, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from server.db.types import Base, BigKey, JsonColumn

JsonOrNothing = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""None is NULL of SQL, which can be asked for."""


class ReportRollup(Base):
    """What happened in a place on a local day or in a month, summed up: see docs/design/reports.md.

    A row of a commune is the sum of its villages', a row of a month the sum of its days'.
    """

    __tablename__ = "report_rollups"

    place_id: Mapped[str] = mapped_column(ForeignKey("places.id"), primary_key=True)
    grain: Mapped[str] = mapped_column(String(5), primary_key=True)
    """`day` or `month`."""
    start: Mapped[date] = mapped_column(Date, primary_key=True)
    incidents: Mapped[int] = mapped_column(default=0)
    """Without those about cameras; so the four below."""
    open: Mapped[int] = mapped_column(default=0)
    resolved: Mapped[int] = mapped_column(default=0)
    false_alarms: Mapped[int] = mapped_column(default=0)
    expired: Mapped[int] = mapped_column(default=0)
    about_cameras: Mapped[int] = mapped_column(default=0)
    camera_up_s: Mapped[int] = mapped_column(BigInteger, default=0)
    camera_down_s: Mapped[int] = mapped_column(BigInteger, default=0)
    camera_silent_s: Mapped[int] = mapped_column(BigInteger, default=0)
    tally: Mapped[dict[str, Any]] = mapped_column(JsonColumn)
    """`server.domain.tallies.Tally`."""
    erased: Mapped[dict[str, Any] | None] = mapped_column(JsonOrNothing)
    """The part of the tally whose incidents retention has deleted (days of villages only): cannot be counted again."""

    __table_args__ = (CheckConstraint("grain IN ('day', 'month')", name="grain"),)


class ReportMark(Base):
    """Something about the incidents of a village and a time has changed: that day is counted anew.

    Triggers of the database write them in the transaction of the change. Rows are only added and deleted, never
    changed: whoever counts deletes exactly the rows that it read.
    """

    __tablename__ = "report_marks"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    village_id: Mapped[str] = mapped_column(String(63))
    at: Mapped[datetime]
    """When the incident began."""
    erased: Mapped[dict[str, Any] | None] = mapped_column(JsonOrNothing)
    """What is counted of an incident that retention deletes."""

    __table_args__ = ({"sqlite_autoincrement": True},)


class ReportState(Base):
    """What the job of the reports has to remember."""

    __tablename__ = "report_state"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[Any] = mapped_column(JsonColumn)


class CameraState(Base):
    """From when on a camera was in a state, until its next row. Written when the state changes."""

    __tablename__ = "camera_states"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    camera_id: Mapped[str] = mapped_column(ForeignKey("cameras.id"))
    since: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10))
    """A word of `server.domain.watching.Watch`."""

    __table_args__ = (Index(None, "camera_id", "since"),)


class CameraDay(Base):
    """How long a camera was seen well, not well, or not heard of on a local day."""

    __tablename__ = "camera_days"

    camera_id: Mapped[str] = mapped_column(ForeignKey("cameras.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    village_id: Mapped[str] = mapped_column(ForeignKey("places.id"))
    """Where it was then."""
    up_s: Mapped[int]
    down_s: Mapped[int]
    silent_s: Mapped[int]

    __table_args__ = (Index(None, "village_id", "day"),)


class CameraRules(Base):
    """How many rules a version of a camera's file has: reading the file each time would be slow."""

    __tablename__ = "camera_rules"

    camera_id: Mapped[str] = mapped_column(ForeignKey("cameras.id"), primary_key=True)
    config_number: Mapped[int]
    rules: Mapped[int]
    """Without those about the camera itself, which every camera has."""


class Letterhead(Base):
    """What the printed reports of a place carry beside the numbers."""

    __tablename__ = "report_letterheads"

    place_id: Mapped[str] = mapped_column(ForeignKey("places.id"), primary_key=True)
    superior: Mapped[str] = mapped_column(String(160), default="")
    """The body above the agency."""
    agency: Mapped[str] = mapped_column(String(160), default="")
    sign: Mapped[str] = mapped_column(String(40), default="")
    """After the number: `BC-CAX`."""
    town: Mapped[str] = mapped_column(String(80), default="")
    """Where it is signed."""
    authority: Mapped[str] = mapped_column(String(160), default="")
    """On whose behalf: `TM. ỦY BAN NHÂN DÂN`."""
    office: Mapped[str] = mapped_column(String(160), default="")
    """Of who signs: `CHỦ TỊCH`."""
    signer: Mapped[str] = mapped_column(String(120), default="")
    recipients: Mapped[str] = mapped_column(Text, default="")
    """A line each."""


class ReportSubscription(Base):
    """Somebody wants a report by mail each day, week or month."""

    __tablename__ = "report_subscriptions"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("notification_channels.id", ondelete="CASCADE"), index=True)
    place_id: Mapped[str | None] = mapped_column(ForeignKey("places.id"))
    """None: the whole site."""
    every: Mapped[str] = mapped_column(String(8))
    """`day`, `week` or `month`."""
    created_at: Mapped[datetime]
    told_until: Mapped[date] = mapped_column(Date)
    """The last day that was told, or was over when this was made."""
    next_try_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    """Failures in a row."""
    last_sent_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(String(300), default="")

    __table_args__ = (
        UniqueConstraint("user_id", "channel_id", "place_id", "every"),
        CheckConstraint("every IN ('day', 'week', 'month')", name="every"),
    )
