"""The outbox file: SQLite in WAL mode, synced at every commit.

One connection behind one lock, in exclusive locking mode: a second edge on the same folder is refused instead of
sending everything twice, and SQLite's WAL-reset bug (3.7.0 to 3.51.2), which needs two connections, cannot happen.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from contract.event import Event, EventResult, EventState, EvidenceRef
from edge.errors import DiskFull, OutboxError
from edge.outbox.reserve import DiskReserve
from edge.outbox.sqlite_file import is_corrupt, open_file, set_aside, translated
from edge.ports import Clock

log = logging.getLogger(__name__)

ACCEPTED = frozenset({"created", "duplicate", "quarantined"})
"""The server has the event. A quarantined one waits there for an admin, so the edge is done with it too."""

SPARE_PAGES = 64
"""Empty pages (256 kB) that the file keeps; the rest goes back to the disk once a backlog was sent."""
_SHRINK_PAGES = 2048
"""At most so many (8 MB) at once: others wait for the lock meanwhile."""


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """One revision that the server has not confirmed."""

    event_id: UUID
    revision: int
    body: str
    """Event v1, JSON."""


@dataclass(frozen=True, slots=True)
class DeadEvent:
    """One revision that the server refused for good."""

    event_id: UUID
    revision: int
    body: str
    """Event v1, JSON."""
    status: str
    """`refused`, or `conflict`: the server has another body under this id and revision."""
    reason: str
    refused_at: str
    """UTC, ISO 8601."""


@dataclass(frozen=True, slots=True)
class PendingMedia:
    """A file whose event the server has taken."""

    sha256: str
    path: Path
    media_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits, counted."""

    events: int
    media: int
    media_bytes: int
    dead_events: int
    refused_media: int
    oldest_event_at: datetime | None
    """When what the first event in the queue says was seen."""


class SqliteOutbox:
    """Events and media that the server has not confirmed yet. Implements `edge.ports.Outbox`; safe between threads.

    Args:
        path: The SQLite file; its folder is made when missing. A file that SQLite finds corrupt is set aside beside it
            (renamed, never deleted) and a new one is begun.
        clock: Names the moment of a refusal, and the file that is set aside.

    Raises:
        OutboxError: The folder cannot be used, or another process uses it.
        DiskFull: There is no room for an empty outbox.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._reserve = DiskReserve(path.with_name(path.name + ".reserve"))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutboxError(
                f"{path.parent}: cannot make the outbox folder ({error}): choose another with --data"
            ) from error
        try:
            self._db = open_file(path)
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise translated(error, path) from error
            set_aside(path, clock, error)
            try:
                self._db = open_file(path)
            except sqlite3.DatabaseError as again:
                raise translated(again, path) from again
        self._reserve.fill()

    def put(self, event: Event, media: Sequence[tuple[str, Path]]) -> None:
        """Store an event and its new media files (`(sha256, path)`) in one transaction; on return both are on the disk.

        Raises:
            DiskFull: No room; nothing was stored.
            ValueError: A media file is not among the event's evidence.
        """
        refs = {ref.sha256: ref for ref in event.evidence}
        unknown = [sha256 for sha256, _ in media if sha256 not in refs]
        if unknown:
            raise ValueError(f"media {', '.join(unknown)} is not among the evidence of event {event.event_id}")
        body = event.model_dump_json(by_alias=True)
        with self._transaction() as db:
            db.execute(
                "INSERT INTO event (event_id, revision, body) VALUES (?, ?, ?)",
                (str(event.event_id), event.revision, body),
            )
            for sha256, path in media:
                ref = refs[sha256]
                db.execute(
                    "INSERT INTO media (sha256, path, media_type, size_bytes, state) VALUES (?, ?, ?, ?, 'held')"
                    " ON CONFLICT (sha256) DO UPDATE SET path = excluded.path",
                    (sha256, str(path), ref.media_type, ref.size_bytes),
                )
            if event.state is EventState.END:
                db.execute("DELETE FROM open_event WHERE event_id = ?", (str(event.event_id),))
            else:
                db.execute(
                    "INSERT INTO open_event (event_id, body) VALUES (?, ?)"
                    " ON CONFLICT (event_id) DO UPDATE SET body = excluded.body",
                    (str(event.event_id), body),
                )

    def pending(self, limit: int) -> list[PendingEvent]:
        """The oldest events, in the order in which they were put, as the bytes that were put.

        Another edge version may have put them: sent as they are, a body that was sent before stays the same body.
        """
        with self._reading() as db:
            rows = db.execute("SELECT event_id, revision, body FROM event ORDER BY seq LIMIT ?", (limit,)).fetchall()
        return [PendingEvent(UUID(event_id), revision, body) for event_id, revision, body in rows]

    def pending_events(self, limit: int) -> list[Event]:
        """The same, read."""
        return [Event.model_validate_json(item.body) for item in self.pending(limit)]

    def settle(self, results: Sequence[EventResult]) -> None:
        """Delete what the server took, and free its media for upload; keep what it refused among the dead events.

        Deleting needs a little room itself: the reserve gives it, so that a full disk never keeps an outbox full.

        Raises:
            DiskFull: No room; the same results may be settled again, or the events sent again.
        """
        try:
            self._settle_all(results)
        except DiskFull:
            self._reserve.release()
            self._settle_all(results)
        self._shrink()
        if not self._reserve.is_full:
            self._compact()
            self._reserve.fill()

    def _settle_all(self, results: Sequence[EventResult]) -> None:
        with self._transaction() as db:
            for result in results:
                self._settle_one(db, result)

    def _settle_one(self, db: sqlite3.Connection, result: EventResult) -> None:
        key = (str(result.event_id), result.revision)
        row = db.execute("SELECT body FROM event WHERE event_id = ? AND revision = ?", key).fetchone()
        if row is None:
            return
        shas = _named_media(row[0])
        db.execute("DELETE FROM event WHERE event_id = ? AND revision = ?", key)
        if result.status in ACCEPTED:
            db.executemany("UPDATE media SET state = 'ready', reason = NULL WHERE sha256 = ?", [(sha,) for sha in shas])
            return
        reason = result.detail or "the server gave no reason"
        db.execute(
            "INSERT OR REPLACE INTO dead_event (event_id, revision, body, status, reason, refused_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (*key, row[0], result.status, reason, self._clock.utc().isoformat()),
        )
        # A later revision that the server takes makes them ready after all.
        db.executemany(
            "UPDATE media SET state = 'refused', reason = ? WHERE sha256 = ? AND state = 'held'",
            [(f"its event was refused: {reason}", sha) for sha in shas],
        )
        log.error(
            "event_refused event_id=%s revision=%d status=%s reason=%r kept=dead_event outbox=%s",
            *key, result.status, reason, self.path,
        )  # fmt: skip

    def pending_media(self, limit: int) -> list[PendingMedia]:
        """Files whose event the server has taken; those that failed least and waited longest come first."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT sha256, path, media_type, size_bytes FROM media WHERE state = 'ready'"
                " ORDER BY failures, seq LIMIT ?",
                (limit,),
            ).fetchall()
        return [PendingMedia(sha, Path(path), kind, size) for sha, path, kind, size in rows]

    def put_media(self, ref: EvidenceRef, path: Path) -> None:
        """Store a file that the server waits for already: it goes with the next upload.

        Raises:
            DiskFull: No room; nothing was stored.
        """
        with self._transaction() as db:
            db.execute(
                "INSERT INTO media (sha256, path, media_type, size_bytes, state) VALUES (?, ?, ?, ?, 'ready')"
                " ON CONFLICT (sha256) DO UPDATE SET path = excluded.path, state = 'ready', reason = NULL",
                (ref.sha256, str(path), ref.media_type, ref.size_bytes),
            )

    def media_done(self, sha256: str) -> None:
        """The server has the file, or the file is gone: forget it. Its place on the disk is the caller's to free."""
        with self._transaction() as db:
            db.execute("DELETE FROM media WHERE sha256 = ?", (sha256,))

    def media_failed(self, sha256: str) -> None:
        """Let the other files go first next time."""
        with self._transaction() as db:
            db.execute("UPDATE media SET failures = failures + 1 WHERE sha256 = ?", (sha256,))

    def media_refused(self, sha256: str, reason: str) -> None:
        """The server never takes this file: keep it, with the reason, until its place is needed."""
        with self._transaction() as db:
            db.execute("UPDATE media SET state = 'refused', reason = ? WHERE sha256 = ?", (reason, sha256))
        log.error("media_refused sha256=%s reason=%r outbox=%s", sha256, reason, self.path)

    def media_paths(self) -> frozenset[Path]:
        """Every file the outbox knows of. Files of an evidence folder that are not among them belong to no event."""
        with self._reading() as db:
            return frozenset(Path(path) for (path,) in db.execute("SELECT path FROM media"))

    def open_events(self) -> list[Event]:
        """The last revision of every event that was put without an end: what a killed process left open."""
        with self._reading() as db:
            rows = db.execute("SELECT body FROM open_event ORDER BY event_id").fetchall()
        return [Event.model_validate_json(body) for (body,) in rows]

    def dead_events(self) -> list[DeadEvent]:
        """What the server refused for good, oldest first."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT event_id, revision, body, status, reason, refused_at FROM dead_event"
                " ORDER BY refused_at, event_id, revision"
            ).fetchall()
        return [DeadEvent(UUID(event_id), *row) for event_id, *row in rows]

    def refused_by_camera(self) -> dict[str, tuple[int, str]]:
        """Camera id to how many of its events were refused, and why the last one was."""
        with self._reading() as db:
            # SQLite takes the reason from the row that holds the maximum.
            rows = db.execute(
                "SELECT json_extract(body, '$.camera_id'), count(*), reason, max(refused_at) FROM dead_event GROUP BY 1"
            ).fetchall()
        return {str(camera_id): (count, reason) for camera_id, count, reason, _ in rows}

    def revive(self, chosen: Sequence[DeadEvent]) -> None:
        """Let refused events, and what was refused of media, be sent again: the mistake was mended.

        Raises:
            DiskFull: No room; nothing was changed.
        """
        with self._transaction() as db:
            for event in chosen:
                key = (str(event.event_id), event.revision)
                db.execute(
                    "INSERT OR IGNORE INTO event (event_id, revision, body) VALUES (?, ?, ?)", (*key, event.body)
                )
                db.execute("DELETE FROM dead_event WHERE event_id = ? AND revision = ?", key)
            # Each file waits for its event, unless the server has that event already and refused only the file.
            waits = {sha for event in chosen for sha in _named_media(event.body)}
            dead = {sha for (body,) in db.execute("SELECT body FROM dead_event") for sha in _named_media(body)}
            refused = [sha for (sha,) in db.execute("SELECT sha256 FROM media WHERE state = 'refused'")]
            states = [("held" if sha in waits else "ready", sha) for sha in refused if sha in waits or sha not in dead]
            db.executemany("UPDATE media SET state = ?, reason = NULL WHERE sha256 = ?", states)

    def refused_media(self) -> list[tuple[Path, str]]:
        """Files that the server refused, with its reasons."""
        with self._reading() as db:
            rows = db.execute("SELECT path, reason FROM media WHERE state = 'refused' ORDER BY seq").fetchall()
        return [(Path(path), reason or "") for path, reason in rows]

    def counts(self) -> tuple[int, int]:
        """How many events wait, and how many media files."""
        with self._reading() as db:
            events = db.execute("SELECT count(*) FROM event").fetchone()[0]
            media = db.execute("SELECT count(*) FROM media WHERE state <> 'refused'").fetchone()[0]
        return int(events), int(media)

    def backlog(self) -> Backlog:
        """How much waits, and since when."""
        with self._reading() as db:
            events, dead = db.execute(
                "SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM dead_event)"
            ).fetchone()
            media, size, refused = db.execute(
                "SELECT count(*) FILTER (WHERE state <> 'refused'),"
                " coalesce(sum(size_bytes) FILTER (WHERE state <> 'refused'), 0),"
                " count(*) FILTER (WHERE state = 'refused') FROM media"
            ).fetchone()
            oldest = db.execute("SELECT json_extract(body, '$.observed_at') FROM event ORDER BY seq LIMIT 1").fetchone()
        return Backlog(events, media, size, dead, refused, datetime.fromisoformat(oldest[0]) if oldest else None)

    def close(self) -> None:
        """Write the WAL back into the file and close it."""
        self._compact()
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException as error:
                with suppress(sqlite3.Error):  # SQLite rolls back by itself when the disk is full
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                if isinstance(error, sqlite3.DatabaseError):
                    self._checkpoint()  # the WAL may hold room that the next attempt needs
                    raise translated(error, self.path) from error
                raise

    def _compact(self) -> None:
        with self._lock:
            self._checkpoint()

    def _shrink(self) -> None:
        """Give the disk back what a backlog took. A failure is made up for by the next one."""
        with self._lock, suppress(sqlite3.Error):
            spare = self._db.execute("PRAGMA freelist_count").fetchone()[0] - SPARE_PAGES
            if spare > 0:
                # `execute` would take one step, which is one page.
                self._db.executescript(f"PRAGMA incremental_vacuum({min(spare, _SHRINK_PAGES)})")

    def _checkpoint(self) -> None:
        """Write the WAL back into the file and cut it to nothing. A failure is made up for by the next one."""
        with suppress(sqlite3.Error):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._db
            except sqlite3.DatabaseError as error:
                raise translated(error, self.path) from error


def _named_media(body: str) -> list[str]:
    return [ref["sha256"] for ref in json.loads(body).get("evidence", [])]
