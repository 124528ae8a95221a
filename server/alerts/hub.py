"""Wakes live clients. One thread in a process looks at the feed's newest number; commits here ring at once.

The table is the truth: a client reads its alerts from there, at its own pace, so a slow one costs no memory.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.orm import Session

from server.alerts.service import latest_sequence
from server.db.engine import Database
from server.errors import Unavailable

log = logging.getLogger(__name__)

POLL_S: Final = 0.5
"""How late another process's alert may be noticed."""


class FeedHub:
    """The doorbell of one process."""

    def __init__(self, database: Database, *, max_clients: int) -> None:
        self._database = database
        self._max_clients = max_clients
        self._changed = threading.Condition()
        self._newest = 0
        self._clients = 0
        self._thread: threading.Thread | None = None
        self.closing = False
        """Set from a signal handler, which must take no lock; clients look at least every `POLL_S`."""

    @contextmanager
    def client(self) -> Iterator[None]:
        """Count one live client in.

        Raises:
            Unavailable: As many as this process can hold are connected.
        """
        with self._changed:
            if self.closing or self._clients >= self._max_clients:
                raise Unavailable("too many live views are open", "Close one, or try again soon.", retry_after_s=15)
            self._clients += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="feed-watcher", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._changed:
                self._clients -= 1

    @property
    def clients(self) -> int:
        """How many live clients are connected."""
        return self._clients

    def ring(self, session: Session) -> None:
        """Wake the clients of this process: a hook after commit."""
        if session.info.pop("alerts_written", False):
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
            except Unavailable:
                log.warning("feed_watch_failed")
                sequence = known or 0
            with self._changed:
                if known is not None and sequence != known:
                    self._newest += 1
                    self._changed.notify_all()
                known = sequence
                self._changed.wait(POLL_S)
