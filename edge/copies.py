"""Playable copies of H.265 clips, one at a time and at the lowest priority, for those that somebody asked for.

    wish (heartbeat's answer) -> clip: from the evidence folder, or fetched back -> child process -> evidence folder
        -> told to the server -> outbox -> uploaded as any evidence

A wish is repeated by the server until its copy has arrived. Nothing of it is kept here through a restart.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from contract.event import CopyFailure, CopyReport, CopyWish, EvidenceRef, EvidenceRole
from edge.errors import DeliveryError, DiskFull
from edge.evidence import copy_status
from edge.evidence.store import EvidenceFolder, StoredFile
from edge.outbox.link import Rejected, ServerLink, TooLarge
from edge.outbox.sender import IDLE_S, SenderThread
from edge.outbox.store import SqliteOutbox
from edge.ports import Clock

log = logging.getLogger(__name__)

LIMIT_S = 900.0
"""A minute of 4K H.265 on one slow core, many times over."""
_MAX_SAID = 2000


class _NoCopy(Exception):
    """There will be none."""

    def __init__(self, failure: CopyFailure) -> None:
        super().__init__(failure.value)
        self.failure = failure


class CopyMaker(SenderThread):
    """Makes copies in a thread that waits for a child process.

    Args:
        link: The server.
        clock: Measures the time that `stop` may take.
        store: Gets the finished file for upload.
        folder: Has the clips, and keeps the copies.
        on_made: Called after each copy: wakes the media sender.
        limit_s: A copy that takes longer is given up.
    """

    name = "copy-maker"

    def __init__(
        self,
        link: ServerLink,
        clock: Clock,
        *,
        store: SqliteOutbox,
        folder: EvidenceFolder,
        on_made: Callable[[], None] = lambda: None,
        limit_s: float = LIMIT_S,
    ) -> None:
        super().__init__(link, clock)
        self._store, self._folder, self._on_made, self._limit_s = store, folder, on_made, limit_s
        self._waiting: dict[str, CopyWish] = {}
        self._made: dict[str, str] = {}
        """SHA-256 of a clip to that of its copy, which may still wait for its upload."""
        self._making = ""
        self._child: subprocess.Popen[bytes] | None = None
        self._wishes_lock = threading.Lock()

    def want(self, wishes: Sequence[CopyWish]) -> None:
        """Take the server's list, as it is now."""
        with self._wishes_lock:
            wanted = {wish.sha256: wish for wish in wishes}
            for clip in self._made.keys() - wanted.keys():  # it has arrived; if it is ever wanted again, it is made
                del self._made[clip]
            self._waiting = {
                clip: wish for clip, wish in wanted.items() if clip != self._making and not self._is_made(clip)
            }
        if self._waiting:
            self.wake()

    def _is_made(self, clip: str) -> bool:
        copy = self._made.get(clip)
        return copy is not None and self._folder.path_of(copy) is not None

    def is_empty(self) -> bool:
        """A copy can always wait for the next start."""
        return True

    def step(self) -> float:
        """Make one copy.

        Raises:
            EdgeError: The server was not reached; the wish is repeated.
        """
        with self._wishes_lock:
            wish = next(iter(self._waiting.values()), None)
            if wish is None:
                return IDLE_S
            del self._waiting[wish.sha256]
            self._making = wish.sha256
        try:
            self._make(wish)
        except _NoCopy as error:
            log.warning("copy_failed clip=%s cause=%s", wish.sha256, error.failure.value)
            with suppress(Rejected):
                self._link.report_copy(wish.sha256, CopyReport(state="failed", failure=error.failure))
        except (Rejected, TooLarge) as error:  # nobody wants it any more, or the server will not take it
            log.warning("copy_refused clip=%s cause=%r", wish.sha256, str(error))
        finally:
            self._making = ""
        return 0.0

    def stop(self, drain_s: float = 0.0) -> None:
        """End the thread and what it is making."""
        self._stop.set()
        child = self._child
        if child is not None:
            child.kill()
        super().stop(drain_s)

    def _make(self, wish: CopyWish) -> None:
        self._link.report_copy(wish.sha256, CopyReport(state="making"))
        try:
            with self._folder.scratch(".mp4") as copy:
                self._encode_from(wish, copy)
                stored = self._folder.add_file(copy)
        except (DiskFull, OSError) as error:
            log.warning("copy_no_room clip=%s cause=%r", wish.sha256, str(error))
            raise _NoCopy(CopyFailure.NO_ROOM) from error
        ref = _reference(stored)
        # In this order: a file that the server does not expect is refused. Cut off between, the wish comes again.
        self._link.report_copy(wish.sha256, CopyReport(state="made", evidence=ref))
        self._store.put_media(ref, stored.path)
        with self._wishes_lock:
            self._made[wish.sha256] = stored.sha256
        log.info("copy_made clip=%s copy=%s bytes=%d", wish.sha256, stored.sha256, stored.size_bytes)
        self._on_made()

    def _encode_from(self, wish: CopyWish, copy: Path) -> None:
        local = self._folder.path_of(wish.sha256)
        if local is not None:
            try:
                self._encode(local, copy)
            except _NoCopy:
                if local.exists():
                    raise
            else:
                return
        with self._folder.scratch(".mp4") as fetched:
            try:
                self._link.fetch_clip(wish, fetched)
            except Rejected as error:
                raise _NoCopy(CopyFailure.GONE) from error
            self._encode(fetched, copy)

    def _encode(self, clip: Path, copy: Path) -> None:
        """Run the child to its end.

        Raises:
            _NoCopy: It failed.
            DeliveryError: We are to stop: the copy is made after the next start.
        """
        command = [sys.executable, "-m", "edge.evidence.playable", str(clip), str(copy)]
        # Its input stays open and silent until it ends: that we live is all it is told.
        with (
            tempfile.TemporaryFile() as said,
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said) as child,
        ):
            self._child = child
            try:
                if self._stop.is_set():
                    child.kill()
                child.wait(self._limit_s)
            except subprocess.TimeoutExpired as error:
                child.kill()
                raise _NoCopy(CopyFailure.TOO_SLOW) from error
            finally:
                self._child = None
            said.seek(0)
            why = said.read(_MAX_SAID).decode("utf-8", "replace")
        if self._stop.is_set() and child.returncode != 0:
            raise DeliveryError("stopped while a copy was being made: it is made after the next start")
        if child.returncode != 0:
            log.warning("copy_not_made clip=%s status=%d said=%r", clip.name, child.returncode, why)
            raise _NoCopy(CopyFailure.NO_ROOM if child.returncode == copy_status.NO_ROOM else CopyFailure.UNREADABLE)


def _reference(stored: StoredFile) -> EvidenceRef:
    return EvidenceRef(
        role=EvidenceRole.CLIP_PLAYABLE,
        sha256=stored.sha256,
        media_type="video/mp4",
        size_bytes=stored.size_bytes,
        codec="h264",
    )
