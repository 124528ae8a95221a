"""The tables behind signing in: second factors, passkeys, identities of an OpenID provider, tokens that work once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from server.db.types import Base, BigKey, JsonColumn


class OneTimeToken(Base):
    """A secret that is handed out for one use and a short time. The table keeps only its SHA-256."""

    __tablename__ = "one_time_tokens"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(24))
    """A word of `server.auth.one_time.Purpose`."""
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    data: Mapped[dict[str, Any]] = mapped_column(JsonColumn)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class TotpSecret(Base):
    """The secret that an authenticator app shares with us."""

    __tablename__ = "totp_secrets"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary(200))
    """Encrypted with the site's secret key: a copy of the database alone makes no codes."""
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    """Set when the app has shown a right code; until then it counts for nothing."""
    last_step: Mapped[int] = mapped_column(BigKey, default=0)
    """The 30 s step of the newest code that was taken: no code is taken twice."""


class RecoveryCode(Base):
    """A code for the day the phone is lost; works once."""

    __tablename__ = "recovery_codes"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    """HMAC-SHA256 with the site's secret key."""
    used_at: Mapped[datetime | None]


class Passkey(Base):
    """A public key whose private half a phone, a computer or a key ring keeps."""

    __tablename__ = "passkeys"

    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1023), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary(2000))
    """COSE."""
    sign_count: Mapped[int] = mapped_column(BigKey)
    name: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class FederatedIdentity(Base):
    """Who an account is to the OpenID provider."""

    __tablename__ = "federated_identities"

    issuer: Mapped[str] = mapped_column(String(300), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), unique=True)


class SecondFactorRule(Base):
    """A role that must have a second factor."""

    __tablename__ = "second_factor_rules"

    role: Mapped[str] = mapped_column(String(24), primary_key=True)
    since: Mapped[datetime]
