"""The tables. Times are aware UTC; ids of places, cameras and devices are the slugs that people write in YAML."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from contract.event import CameraHealth, EventState, EvidenceRole
from server.db.incident_models import Incident, IncidentStep, Silence
from server.db.types import Base, BigKey, JsonColumn, UuidColumn, words
from server.domain.access import Role
from server.domain.copies import CopyState
from server.domain.silencing import AlertOutcome

__all__ = ["Incident", "IncidentStep", "Silence"]
_ABOUT_CAMERA_OPEN = "state <> 'end' AND kind IN ('camera_offline', 'camera_tampered')"


class Place(Base):
    """A province, commune or village."""

    __tablename__ = "places"

    id: Mapped[str] = mapped_column(String(63), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(120))
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("places.id"), index=True)
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    contact: Mapped[str] = mapped_column(String(200), default="", server_default="")
    """Whom residents ask, as site.yaml has it."""

    __table_args__ = (
        CheckConstraint("kind IN ('province', 'commune', 'village')", name="kind"),
        CheckConstraint("(kind = 'province') = (parent_id IS NULL)", name="parent"),
    )


class SiteDocument(Base):
    """The site.yaml that was synchronised last: schedules and holidays are needed to check camera files."""

    __tablename__ = "site_documents"

    id: Mapped[int] = mapped_column(primary_key=True)
    yaml: Mapped[str] = mapped_column(Text)
    synced_at: Mapped[datetime]


class User(Base):
    """A person with a role in a place."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(64), unique=True)
    """Lower case."""
    display_name: Mapped[str] = mapped_column(String(120))
    password_hash: Mapped[str] = mapped_column(String(200))
    """argon2id, in PHC format."""
    role: Mapped[Role] = mapped_column(words(Role))
    place_id: Mapped[str | None] = mapped_column(ForeignKey("places.id"))
    language: Mapped[str | None] = mapped_column(String(8))
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    password_changed_at: Mapped[datetime]
    has_second_factor: Mapped[bool] = mapped_column(default=False, server_default=false())
    """An authenticator app that was confirmed, or a passkey."""

    __table_args__ = (
        CheckConstraint("role IN ('officer', 'leader', 'resident', 'admin')", name="role"),
        CheckConstraint("place_id IS NOT NULL OR role = 'admin'", name="scope"),
    )


class LoginSession(Base):
    """A signed-in browser. The cookie holds the token, the table only its SHA-256."""

    __tablename__ = "login_sessions"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    method: Mapped[str] = mapped_column(String(16), default="password", server_default="password")
    """How its holder signed in: a word of `server.auth.sessions.Method`."""
    label: Mapped[str] = mapped_column(String(80), default="", server_default="")
    """Browser and system as its holder knows them: `Firefox, Android`."""
    confirmed_at: Mapped[datetime | None]
    """When its holder last gave a password or used a passkey; None in sessions of an older server."""

    user: Mapped[User] = relationship(lazy="joined")


class LoginAttempt(Base):
    """A sign-in that did not succeed (or is being checked). Kept for the length of the rate limit's window."""

    __tablename__ = "login_attempts"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    key: Mapped[str] = mapped_column(String(64))
    """SHA-256 of what is limited: an address, a user name, or both together."""
    at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = (Index(None, "key", "at"),)


class Device(Base):
    """An edge box, bound to a place and its cameras."""

    __tablename__ = "devices"

    id: Mapped[str] = mapped_column(String(63), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    place_id: Mapped[str] = mapped_column(ForeignKey("places.id"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True, default=lambda: secrets.token_bytes(32))
    """Of no token: devices had one until they got keys, and servers of that time must go on beside newer ones."""
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]
    """Of the last heartbeat, by the server's clock."""
    clock_offset_s: Mapped[float | None]
    """The device's clock minus the server's, at the last heartbeat."""
    software_version: Mapped[str] = mapped_column(String(40), default="")
    outbox_events: Mapped[int] = mapped_column(default=0)
    outbox_media: Mapped[int] = mapped_column(default=0)
    beat_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """Of what the last heartbeat that was written whole said ..."""
    beat_written_at: Mapped[datetime | None]
    """... when that was ..."""
    beat_signed_at: Mapped[datetime | None]
    """... and when the newest heartbeat was signed, by the server's clock: an earlier one is no news."""


class Camera(Base):
    """A camera of a device, and how it does."""

    __tablename__ = "cameras"

    id: Mapped[str] = mapped_column(String(63), primary_key=True)
    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"), index=True)
    village_id: Mapped[str] = mapped_column(ForeignKey("places.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    purpose: Mapped[str] = mapped_column(String(300), default="")
    near: Mapped[list[str] | None] = mapped_column(JsonColumn)
    """Cameras close by, as its file says."""
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    """Where it hangs, as its file says."""
    enabled: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    config_number: Mapped[int] = mapped_column(default=0)
    """The version of the configuration in force; 0 while none is known."""
    health: Mapped[CameraHealth | None] = mapped_column(words(CameraHealth))
    health_message: Mapped[str] = mapped_column(String(500), default="")
    health_reason: Mapped[str] = mapped_column(String(20), default="", server_default="")
    """A word of `HealthReason`."""
    health_at: Mapped[datetime | None]
    fps_in: Mapped[float] = mapped_column(default=0.0)
    fps_detected: Mapped[float] = mapped_column(default=0.0)
    last_frame_at: Mapped[datetime | None]

    device: Mapped[Device] = relationship()
    village: Mapped[Place] = relationship()


class CameraConfigVersion(Base):
    """A version of a camera's YAML. Never changed: a rollback is a new version with the old text."""

    __tablename__ = "camera_config_versions"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    camera_id: Mapped[str] = mapped_column(ForeignKey("cameras.id"))
    number: Mapped[int]
    """Counts from 1 for each camera."""
    yaml: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    author: Mapped[str] = mapped_column(String(80))
    """`user:<number>` or `device:<id>`."""
    author_name: Mapped[str] = mapped_column(String(120))
    note: Mapped[str] = mapped_column(String(300), default="")
    rollback_of: Mapped[int | None]
    created_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("camera_id", "number"),)


class EventRecord(Base):
    """An event as its newest accepted revision tells it."""

    __tablename__ = "events"

    event_id: Mapped[UUID] = mapped_column(UuidColumn, primary_key=True)
    revision: Mapped[int]
    kind: Mapped[str] = mapped_column(String(40))
    camera_id: Mapped[str] = mapped_column(ForeignKey("cameras.id"), index=True)
    village_id: Mapped[str] = mapped_column(ForeignKey("places.id"))
    spot: Mapped[str] = mapped_column(String(63))
    zone: Mapped[str | None] = mapped_column(String(63))
    state: Mapped[EventState] = mapped_column(words(EventState))
    started_at: Mapped[datetime]
    observed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    confidence: Mapped[float]
    facts: Mapped[dict[str, Any]] = mapped_column(JsonColumn)
    paths: Mapped[list[dict[str, Any]]] = mapped_column(JsonColumn)
    plate: Mapped[dict[str, Any] | None] = mapped_column(JsonColumn)
    """The vehicle's number plate (`contract.plates`): on officers' and admins' pages only."""
    config_version: Mapped[str] = mapped_column(String(64), default="")
    received_at: Mapped[datetime]
    quarantine_reason: Mapped[str | None] = mapped_column(String(300))
    """Set while every revision so far came with an impossible clock: kept, but in no incident."""
    incident_id: Mapped[UUID | None] = mapped_column(UuidColumn, ForeignKey("incidents.id"))
    came_from_id: Mapped[UUID | None] = mapped_column(UuidColumn)
    """The incident from which an officer's merge brought it: a merge can be undone."""

    __table_args__ = (
        Index(None, "quarantine_reason", "received_at"),
        Index(None, "incident_id", "started_at"),
        Index(
            "ix_events_about_camera",
            "village_id",
            sqlite_where=text(_ABOUT_CAMERA_OPEN),
            postgresql_where=text(_ABOUT_CAMERA_OPEN),
        ),
    )


class EventRevision(Base):
    """Each revision as it came: the idempotency key and the body's hash.

    On PostgreSQL by month (`server.db.partitions`) and without the foreign key to `events`: rows may outlive theirs.
    """

    __tablename__ = "event_revisions"

    event_id: Mapped[UUID] = mapped_column(UuidColumn, ForeignKey("events.event_id"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    body_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    body: Mapped[dict[str, Any]] = mapped_column(JsonColumn)
    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"))
    received_at: Mapped[datetime]
    quarantined: Mapped[bool] = mapped_column(default=False)


class EvidenceReference(Base):
    """That an event has a piece of evidence, whether or not the file has arrived."""

    __tablename__ = "evidence_references"

    event_id: Mapped[UUID] = mapped_column(UuidColumn, ForeignKey("events.event_id"), primary_key=True)
    role: Mapped[EvidenceRole] = mapped_column(words(EvidenceRole), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    media_type: Mapped[str] = mapped_column(String(20))
    size_bytes: Mapped[int] = mapped_column(BigKey)
    codec: Mapped[str | None] = mapped_column(String(8))
    gone_at: Mapped[datetime | None]
    """The edge said that the file will not come: it was given up for room."""

    __table_args__ = (Index(None, "sha256"),)


class EvidenceFile(Base):
    """A file that has arrived and was checked, addressed by its content."""

    __tablename__ = "evidence_files"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    media_type: Mapped[str] = mapped_column(String(20))
    """Found from the content."""
    size_bytes: Mapped[int] = mapped_column(BigKey)
    stored_at: Mapped[datetime] = mapped_column(index=True)
    removed_at: Mapped[datetime | None]
    """Not to be shown any more: its time is over, or room was needed. The file itself goes right after."""
    purged_at: Mapped[datetime | None]
    """The store has said that the file is gone."""

    __table_args__ = (
        Index(
            "ix_evidence_files_in_use",
            "stored_at",
            "sha256",
            sqlite_where=text("removed_at IS NULL"),
            postgresql_where=text("removed_at IS NULL"),
        ),
        Index(
            "ix_evidence_files_to_purge",
            "removed_at",
            sqlite_where=text("removed_at IS NOT NULL AND purged_at IS NULL"),
            postgresql_where=text("removed_at IS NOT NULL AND purged_at IS NULL"),
        ),
    )


class ClipCopy(Base):
    """Somebody's wish for a playable copy of a clip, and what became of it."""

    __tablename__ = "clip_copies"

    clip_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"))
    size_bytes: Mapped[int] = mapped_column(BigKey)
    """Of the clip."""
    state: Mapped[CopyState] = mapped_column(words(CopyState))
    failure: Mapped[str] = mapped_column(String(20), default="")
    """A word of `CopyFailure`."""
    copy_sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    asked_at: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(String(80))
    told_at: Mapped[datetime | None]
    """When the edge last said something about it."""

    __table_args__ = (Index(None, "device_id", "state"),)


class Alert(Base):
    """The live feed, in commit order. The table is the truth; everything else is a doorbell."""

    __tablename__ = "alerts"

    sequence: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    incident_id: Mapped[UUID] = mapped_column(UuidColumn, ForeignKey("incidents.id"))
    village_id: Mapped[str] = mapped_column(ForeignKey("places.id"))
    change: Mapped[str] = mapped_column(String(24))
    """`opened`, `updated`, `evidence`, `merged` or a state of the life cycle."""
    at: Mapped[datetime] = mapped_column(index=True)
    decision: Mapped[AlertOutcome | None] = mapped_column(words(AlertOutcome))
    """What was decided when the alert came up; it holds even when the silence ends while the alert is being sent."""
    silence_id: Mapped[int | None]
    inhibited_by_id: Mapped[UUID | None] = mapped_column(UuidColumn)

    __table_args__ = ({"sqlite_autoincrement": True},)


class AuditEntry(Base):
    """One row of the hash-chained audit log."""

    __tablename__ = "audit_log"

    sequence: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=False)
    """Counts from 1 without a hole."""
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(String(80), index=True)
    actor_name: Mapped[str] = mapped_column(String(120))
    action: Mapped[str] = mapped_column(String(60), index=True)
    subject: Mapped[str] = mapped_column(String(140), index=True)
    """What it was done to: `incident:<id>`, `camera:<id>`, ..."""
    detail: Mapped[str] = mapped_column(Text)
    """Canonical JSON."""
    request_id: Mapped[str] = mapped_column(String(32), default="")
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    """HMAC-SHA256 over the previous row's hash and this row."""


class AuditHead(Base):
    """The newest row's number, and a seal on it: without it the removal of the last rows would go unseen."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(BigKey)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    """HMAC-SHA256 over the number and the newest row's hash."""
