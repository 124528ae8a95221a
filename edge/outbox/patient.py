"""An outbox that takes an event even while the disk is full, or fails."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from contract.event import Event, EventResult
from edge.errors import DiskFull, OutboxError
from edge.outbox.sqlite_file import AlreadyStored
from edge.outbox.store import PendingEvent, SqliteOutbox

log = logging.getLogger(__name__)

MAX_WAITING = 10_000
"""Events kept in memory while the disk takes none: some 20 MB, and weeks of a quiet village."""

FREE_BYTES = 4_000_000
"""How much media is given up for an event's sake at a time: more than a transaction and the WAL need."""


class PatientOutbox:
    """Puts events into a `SqliteOutbox`; when the disk takes none, they wait in memory, and none is lost meanwhile.

    A full disk is met in three steps: give up the oldest evidence files and try again; keep the event in memory, in
    order; store what waits as soon as there is room (at the next `put` or `retry`). A disk that cannot be written for
    another reason (it failed, and became read-only) is met by the second and third.

    Args:
        store: Where the events belong.
        free_space: Deletes the oldest evidence files, at least so many bytes if there are as many, and returns how many
            bytes that was.
        on_put: Called after each event that was stored: wakes the sender.
    """

    def __init__(
        self, store: SqliteOutbox, free_space: Callable[[int], int], on_put: Callable[[], None] = lambda: None
    ) -> None:
        self._store = store
        self._free_space = free_space
        self._on_put = on_put
        self._waiting: deque[tuple[Event, Sequence[tuple[str, Path]]]] = deque()
        self._lock = threading.Lock()

    def put(self, event: Event, media: Sequence[tuple[str, Path]]) -> None:
        """Store an event, or keep it in memory until it can be stored.

        Raises:
            DiskFull: The disk takes none, and the waiting room is full.
            ValueError: As `SqliteOutbox.put`.
        """
        with self._lock:
            if len(self._waiting) >= MAX_WAITING:
                raise DiskFull(
                    f"{self._store.path}: cannot be written, and {MAX_WAITING} events wait in memory: free space on "
                    "this disk, and check it"
                )
            self._waiting.append((event, media))
            self._store_waiting()

    def retry(self) -> int:
        """Try again to store what waits; return how many events still do."""
        with self._lock:
            try:
                self._store_waiting()
            except ValueError as error:  # who put it was told that it waits
                log.error("event_unfit cause=%r", str(error))  # noqa: TRY400 - it says all
                self._store_waiting()
            return len(self._waiting)

    @property
    def waiting(self) -> int:
        """Events that are in memory only."""
        return len(self._waiting)

    def pending(self, limit: int) -> list[PendingEvent]:
        """As `SqliteOutbox.pending`."""
        return self._store.pending(limit)

    def pending_events(self, limit: int) -> list[Event]:
        """As `SqliteOutbox.pending_events`."""
        return self._store.pending_events(limit)

    def settle(self, results: Sequence[EventResult]) -> None:
        """As `SqliteOutbox.settle`; deleting needs a little room too.

        Raises:
            DiskFull: No room, and no media left to give up. The events will be sent, and settled, again.
        """
        try:
            self._store.settle(results)
        except DiskFull:
            if self._free_space(FREE_BYTES) == 0:
                raise
            self._store.settle(results)

    def _store_waiting(self) -> None:
        has_tried_twice = False
        while self._waiting:
            event, media = self._waiting[0]
            try:
                self._store.put(event, media)
            except AlreadyStored as error:  # it must not stand in the way of all that come after it
                log.error("event_twice event_id=%s revision=%d cause=%r", event.event_id, event.revision, str(error))  # noqa: TRY400 - it says all
                self._waiting.popleft()
            except ValueError:  # the same
                self._waiting.popleft()
                raise
            except DiskFull as error:
                if not has_tried_twice:  # the first failure made the WAL give its room back
                    has_tried_twice = True
                    continue
                freed = self._free_space(FREE_BYTES)
                log.error(  # noqa: TRY400 - the cause is the disk, a traceback would only fill it further
                    "disk_full waiting=%d freed_bytes=%d cause=%r", len(self._waiting), freed, str(error)
                )
                if freed == 0:
                    return
            except OutboxError as error:
                log.error("outbox_failed waiting=%d cause=%r kept=memory", len(self._waiting), str(error))  # noqa: TRY400 - the same
                return
            else:
                self._waiting.popleft()
                self._on_put()
