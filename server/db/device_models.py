"""Tables about how devices prove who they are: keys, one-time codes, guesses at codes, nonces."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from server.db.types import Base, BigKey


class DeviceKey(Base):
    """The public key of an enrolled device. The private one never leaves the box."""

    __tablename__ = "device_keys"

    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    """Ed25519, raw."""
    enrolled_at: Mapped[datetime]


class EnrolmentCode(Base):
    """A one-time code that an admin made for a device; only its HMAC is kept."""

    __tablename__ = "enrolment_codes"

    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_by_key: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """The public key that it let in: who asks again with it lost our answer."""


class EnrolmentGuess(Base):
    """An attempt with a code that did not fit (or is being checked)."""

    __tablename__ = "enrolment_guesses"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    address: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = (Index(None, "address", "at"),)


class DeviceNonce(Base):
    """A nonce of a request that changed something, kept until its signature is too old to be taken."""

    __tablename__ = "device_nonces"

    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    nonce: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime]

    __table_args__ = (Index(None, "device_id", "expires_at"),)
