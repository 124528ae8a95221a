"""What time does by itself: incidents close and expire, old feed rows go, evidence stays within its limit."""

from __future__ import annotations

import logging

from server.alerts import service as alerts
from server.db.engine import LOCK_MAINTENANCE, try_lock
from server.incidents.service import close_and_expire
from server.services import Services
from server.storage.service import make_room

log = logging.getLogger(__name__)


def maintain(parts: Services) -> bool:
    """Do one round; of several processes only one does.

    Returns:
        Whether it was this one.

    Raises:
        Unavailable: The database is not to be had now.
    """
    with parts.database.write() as session:
        if not try_lock(session, LOCK_MAINTENANCE):
            return False
        expired = close_and_expire(session, parts.clock)
        alerts.forget_old(session, parts.clock.utc())
    if expired:
        log.info("incidents_expired", extra={"fields": {"count": expired}})
    if parts.settings.media_limit_bytes:
        make_room(parts.database, parts.store, parts.clock, parts.settings.media_limit_bytes)
    return True
