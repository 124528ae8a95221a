"""Holds the questions of boxes until something is wished of them: how a wish is known at once without our calling.

In `langan-server run` a held question takes a thread, so only some are held and the others are asked to come again;
`langan-server stream` (`server.stream.looks`) holds thousands. One small query for all of them looks for news.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy.orm import Session

from contract.device_api import LOOK_HELD_S, LookWishes
from server.clock import Clock
from server.db.engine import Database
from server.errors import Unavailable
from server.look import service

log = logging.getLogger(__name__)

POLL_S: Final = 0.3
"""News of other processes is looked for so often, while a question is held."""
ASK_AGAIN_S: Final = 3.0
"""A box whose question cannot be held asks again after so long."""


class LookBoard:
    """What is wished of boxes, and the questions that wait for it in this process. Thread-safe.

    Args:
        database: Where wishes are.
        clock: The time.
        places: Questions that may be held at once.
        is_closing: The process is to end.
    """

    def __init__(self, database: Database, clock: Clock, places: int, is_closing: Callable[[], bool]) -> None:
        self._database = database
        self._clock = clock
        self._places = threading.BoundedSemaphore(places)
        self._is_closing = is_closing
        self._changed = threading.Condition()
        self._rings = 0

    def ring(self, session: Session) -> None:
        """Tell the held questions of this process: a hook after commit."""
        if session.info.pop(service.CHANGED, False):
            with self._changed:
                self._rings += 1
                self._changed.notify_all()

    def wait(self, device_id: str, seen: str, hold_s: float = LOOK_HELD_S) -> LookWishes:
        """What is wished of a box, as soon as it is not what the box has seen.

        Args:
            device_id: Whose question.
            seen: The version that the box knows; empty: it asks for the first time.
            hold_s: How long to wait for another.

        Raises:
            Unavailable: The database is not to be had.
        """
        wishes = self.now(device_id)
        if wishes.version != seen:
            return wishes
        if not self._places.acquire(blocking=False):
            return wishes.model_copy(update={"ask_again_s": ASK_AGAIN_S})
        try:
            return self._held(device_id, seen, time.monotonic() + hold_s)
        finally:
            self._places.release()

    def now(self, device_id: str) -> LookWishes:
        """What is wished of a box now.

        Raises:
            Unavailable: The database is not to be had.
        """
        with self._database.read() as session:
            return service.read_wishes(session, self._clock.utc()).get(device_id, service.NOTHING)

    def _held(self, device_id: str, seen: str, deadline_s: float) -> LookWishes:
        wishes = service.NOTHING
        while True:
            with self._changed:
                rings = self._rings
            try:
                wishes = self.now(device_id)
            except Unavailable:
                log.warning("look_wishes_not_read")
                return wishes.model_copy(update={"version": seen, "ask_again_s": ASK_AGAIN_S})
            left_s = deadline_s - time.monotonic()
            if wishes.version != seen or left_s <= 0 or self._is_closing():
                return wishes
            with self._changed:
                if self._rings == rings:
                    self._changed.wait(min(left_s, POLL_S))
