"""The tables behind what the server does by itself: jobs, notifications, retention."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.types import Base, BigKey, JsonColumn, UuidColumn, words
from server.domain.grouping import Severity
from server.domain.notices import Channel, NoticeState


class Job(Base):
    """Work to be done: once, or again and again. Written in the transaction that makes it necessary."""

    __tablename__ = "jobs"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    """What does it: a key of `server.jobs.registry`."""
    unique_key: Mapped[str | None] = mapped_column(String(120), unique=True)
    """Of work that must not stand in the queue twice; a regular job has its name here."""
    arguments: Mapped[dict[str, Any]] = mapped_column(JsonColumn)
    due_at: Mapped[datetime | None]
    """None: given up after too many failures; kept for an admin to see."""
    leased_until: Mapped[datetime | None]
    """A worker has it until then. One that dies leaves it to the next."""
    leased_by: Mapped[str] = mapped_column(String(80), default="")
    attempts: Mapped[int] = mapped_column(default=0)
    """Failures in a row, and the try that runs now."""
    last_error: Mapped[str] = mapped_column(String(500), default="")
    last_done_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    __table_args__ = (Index(None, "due_at"),)


class NotificationChannel(Base):
    """Where somebody wants to be told, and of what."""

    __tablename__ = "notification_channels"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    kind: Mapped[Channel] = mapped_column(words(Channel))
    address: Mapped[str] = mapped_column(String(1000))
    """An e-mail address, or the URL of a webhook."""
    min_severity: Mapped[Severity] = mapped_column(words(Severity))
    kinds: Mapped[list[str]] = mapped_column(JsonColumn)
    """Kinds of incidents; empty for all."""
    places: Mapped[list[str]] = mapped_column(JsonColumn)
    """Places inside the holder's scope; empty for all of it."""
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    """The code that was sent there came back: nothing about incidents goes to an address before."""
    code_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    code_expires_at: Mapped[datetime | None]
    code_attempts: Mapped[int] = mapped_column(default=0)
    last_sent_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(String(300), default="")

    __table_args__ = (UniqueConstraint("user_id", "kind", "address"),)


class NotificationOutbox(Base):
    """An incident that opened or grew worse: written with it, deleted once its notifications are planned."""

    __tablename__ = "notification_outbox"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    incident_id: Mapped[UUID] = mapped_column(UuidColumn)
    at: Mapped[datetime]


class Notification(Base):
    """One incident told to one recipient on one channel, and how far that is."""

    __tablename__ = "notifications"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    incident_id: Mapped[UUID] = mapped_column(UuidColumn, ForeignKey("incidents.id"))
    channel_id: Mapped[int] = mapped_column(ForeignKey("notification_channels.id", ondelete="CASCADE"))
    state: Mapped[NoticeState] = mapped_column(words(NoticeState))
    severity: Mapped[Severity] = mapped_column(words(Severity))
    """Of the incident when this was planned; a worse one is told again."""
    planned_at: Mapped[datetime]
    next_at: Mapped[datetime | None]
    """When to send, or to try again; None once it is settled."""
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    message_id: Mapped[UUID | None] = mapped_column(UuidColumn)
    """The message that carries it; the notifications of a summary share one."""
    sent_at: Mapped[datetime | None]
    decision: Mapped[str] = mapped_column(String(200), default="")
    """Why it was sent, held or not sent: the word of the silences at that moment."""
    last_error: Mapped[str] = mapped_column(String(300), default="")

    __table_args__ = (
        UniqueConstraint("incident_id", "channel_id"),
        Index(
            "ix_notifications_due",
            "next_at",
            sqlite_where=text("next_at IS NOT NULL"),
            postgresql_where=text("next_at IS NOT NULL"),
        ),
        Index(None, "channel_id", "sent_at"),
        Index(None, "state", "planned_at"),
    )


class LegalHold(Base):
    """A reason to keep an incident and all its evidence beyond their periods."""

    __tablename__ = "legal_holds"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    incident_id: Mapped[UUID] = mapped_column(UuidColumn, ForeignKey("incidents.id"), index=True)
    reason: Mapped[str] = mapped_column(String(500))
    placed_at: Mapped[datetime]
    placed_by: Mapped[str] = mapped_column(String(80))
    placed_by_name: Mapped[str] = mapped_column(String(120))
    released_at: Mapped[datetime | None]
    released_by_name: Mapped[str] = mapped_column(String(120), default="")
    release_reason: Mapped[str] = mapped_column(String(500), default="")


class Deletion(Base):
    """What was deleted, when and why. Speaks of no person, and outlives what it speaks of."""

    __tablename__ = "deletions"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    what: Mapped[str] = mapped_column(String(24))
    """A word of `server.retention.policy.What`."""
    subject: Mapped[str] = mapped_column(String(140))
    """A file's SHA-256, an incident's id, or how far a log was cut."""
    village_id: Mapped[str | None] = mapped_column(String(63))
    incident_id: Mapped[UUID | None] = mapped_column(UuidColumn)
    rows: Mapped[int] = mapped_column(default=0)
    size_bytes: Mapped[int] = mapped_column(BigKey, default=0)
    reason: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint("reason <> ''", name="reason"),
        Index(None, "what", "at"),
        Index(None, "incident_id", "what"),
    )


class AuditBase(Base):
    """Where the audit log begins, once its oldest rows went with their period."""

    __tablename__ = "audit_base"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(BigKey)
    """Of the last row that went."""
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    """Of the same row: the first one that stayed is chained to it."""
    seal: Mapped[bytes] = mapped_column(LargeBinary(32))
    """HMAC-SHA256 over both."""
