"""What time does by itself: incidents close and expire, old feed rows go, evidence stays within its limit."""

from __future__ import annotations

import logging
import threading
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from server.alerts import service as alerts
from server.db.engine import LOCK_MAINTENANCE, try_lock
from server.errors import ServerError, Unavailable
from server.incidents.service import close_and_expire
from server.services import Services
from server.storage.service import make_room

log = logging.getLogger(__name__)

EVERY_S: Final = 30.0


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


class MaintenanceThread:
    """Does a round now and then until it is stopped."""

    def __init__(self, parts: Services) -> None:
        self._parts = parts
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="maintenance", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; a round in progress is finished."""
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                maintain(self._parts)
            except Unavailable as error:
                log.warning("maintenance_postponed", extra={"fields": {"why": error.message}})
            except (ServerError, SQLAlchemyError, OSError):
                # A file that cannot be removed must not end expiry for good.
                log.exception("maintenance_failed")
