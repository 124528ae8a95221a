"""Who is told of incidents, in tests: confirmed channels, and time for everything to be sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from server.db.work_models import Notification, NotificationChannel
from server.domain.grouping import Severity
from server.domain.notices import Channel
from server.notifications import delivery
from tests.support.mailbox import Mailbox
from tests.support.village import Village

PUBLIC_URL = "https://lang-an.example.vn"
"""Where its messages lead; with it, browsers must come by https."""


def mail_settings(mailbox: Mailbox) -> dict[str, Any]:
    """Of a server that sends mail."""
    return {"smtp_url": mailbox.url, "mail_from": "Làng An <lang-an@example.vn>"}


def add_channel(
    village: Village, name: str, kind: Channel = Channel.EMAIL, *, at: datetime | None = None, **more: Any
) -> int:
    """Give somebody a confirmed channel on which all is told; gives its number.

    Args:
        village: The server.
        name: Somebody of the cast.
        kind: Of the channel.
        at: When it was made; the village's now when None.
        more: Other values of the row.
    """
    now = at or village.clock.utc()
    values: dict[str, Any] = {"min_severity": Severity.LOW, "kinds": [], "places": [], "active": True}
    values |= {"address": f"{name}@example.vn", "confirmed_at": now} | more
    with village.parts.database.write() as session:
        row = NotificationChannel(user_id=village.user_ids[name], kind=kind, created_at=now, code_attempts=0, **values)
        session.add(row)
        session.flush()
        return row.id


def send_due(village: Village, after_s: float = 4) -> None:
    """Let time pass twice, and everything be sent that is due each time: planned first, then sent."""
    for _ in range(2):
        village.clock.advance(seconds=after_s)
        while delivery.work(village.parts):
            pass


def notifications(village: Village) -> list[Notification]:
    """All there are."""
    with village.parts.database.read() as session:
        return list(session.scalars(select(Notification).order_by(Notification.id)))
