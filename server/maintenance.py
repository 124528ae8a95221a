"""What time does by itself: incidents close and expire, old feed rows go, evidence stays within its limit."""

from __future__ import annotations

import logging

from server.alerts import service as alerts
from server.incidents.service import close_and_expire
from server.services import Services
from server.storage.service import make_room

log = logging.getLogger(__name__)


def maintain(parts: Services) -> None:
    """Do one round. Two at once do no harm: each looks again under the village's lock.

    Raises:
        Unavailable: The database is not to be had now.
    """
    expired = close_and_expire(parts.database, parts.clock)
    with parts.database.write() as session:
        alerts.forget_old(session, parts.clock.utc())
    if expired:
        log.info("incidents_expired", extra={"fields": {"count": expired}})
    if parts.settings.media_limit_bytes:
        make_room(parts.database, parts.store, parts.clock, parts.settings.media_limit_bytes)
