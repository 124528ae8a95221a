"""The tables behind web push: the site's own key, and what a browser gave to be told by."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from server.db.types import Base


class PushKey(Base):
    """The key (VAPID) by which push services know this site. One row."""

    __tablename__ = "push_keys"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """The private half, sealed with the site's secret key."""
    public_key: Mapped[str] = mapped_column(String(100))
    """The point, uncompressed, in unpadded base64url: what browsers subscribe with."""
    created_at: Mapped[datetime]


class PushSubscription(Base):
    """What a browser gave beside the address, which is its channel's."""

    __tablename__ = "push_subscriptions"

    channel_id: Mapped[int] = mapped_column(
        ForeignKey("notification_channels.id", ondelete="CASCADE"), primary_key=True
    )
    p256dh: Mapped[str] = mapped_column(String(100))
    """The browser's public key."""
    auth: Mapped[str] = mapped_column(String(40))
    site_key: Mapped[str] = mapped_column(String(100))
    """The site's key that it subscribed with: under another one it is told nothing."""
    label: Mapped[str] = mapped_column(String(80), default="")
    """Browser and system as its holder knows them."""
