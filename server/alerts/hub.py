"""Wakes live clients. One thread in a process looks at the feed's newest number; commits here ring at once.

The table is the truth: a client reads its alerts from there, at its own pace, so a slow one costs no memory.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from server.alerts.service import latest_sequence
from server.db.engine import Database
from server.errors import Unavailable

log = logging.getLogger(__name__)

MAX_CLIENTS_A_PERSON: Final = 6
"""As many connections as a browser opens to one host."""
POLL_S: Final = 0.5
"""How late another process's alert may be noticed."""


class FeedHub:
    """The doorbell of one process."""

    def __init__(self, database: Database, *, max_clients: int) -> None:
        self._database = database
        self._max_clients = max_clients
        self._changed = threading.Condition()
        self._newest = 0
        self._clients: Counter[str] = Counter()
        self._thread: threading.Thread | None = None
        self.closing = False
        """Set from a signal handler, which must take no lock; clients look at least every `POLL_S`."""

    def enter(self, who: str) -> Callable[[], None]:
        """Count one live client in.

        Args:
            who: The person: one must not take every place.

        Returns:
            What counts it out again; to be called when the answer is closed, and once only.

        Raises:
            Unavailable: As many as this process can hold are connected, or as many as one person may have.
        """
        with self._changed:
            full = self._clients.total() >= self._max_clients or self._clients[who] >= MAX_CLIENTS_A_PERSON
            if self.closing or full:
                raise Unavailable("too many live views are open", "Close one, or try again soon.", retry_after_s=15)
            self._clients[who] += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="feed-watcher", daemon=True)
                self._thread.start()
        return lambda: self._leave(who)

    def _leave(self, who: str) -> None:
        with self._changed:
            self._clients[who] -= 1
            if not self._clients[who]:
                del self._clients[who]

    @property
    def clients(self) -> int:
        """How many live clients are connected."""
        return self._clients.total()

    def ring(self, session: Session) -> None:
        """Wake the clients of this process: a hook after commit."""
        if session.info.pop("feed_written", False):
            self.wake()

    def wake(self) -> None:
        """Something may have changed."""
        with self._changed:
            self._newest += 1
            self._changed.notify_all()

    def wait(self, seen: int, timeout_s: float) -> int:
        """Wait until something may have changed since `seen` (a value this gave before; 0 at first)."""
        with self._changed:
            if not self.closing and self._newest == seen:
                self._changed.wait(min(timeout_s, POLL_S))
            return self._newest

    def close(self) -> None:
        """End every stream and the watcher."""
        self.closing = True
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _watch(self) -> None:
        known: int | None = None
        while not self.closing:
            try:
                with self._database.read() as session:
                    sequence = latest_sequence(session)
            except (Unavailable, SQLAlchemyError) as error:
                log.warning("feed_watch_failed", extra={"fields": {"cause": type(error).__name__}})
                sequence = known or 0
            with self._changed:
                if known is not None and sequence != known:
                    self._newest += 1
                    self._changed.notify_all()
                known = sequence
                self._changed.wait(POLL_S)
