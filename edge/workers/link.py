"""A worker's side of the pipe: an outbox and an evidence folder that are in the main process."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path

from contract.event import Event
from edge.errors import OutboxError
from edge.evidence.store import StoredFile
from edge.workers.messages import AdoptFile, Answer, FreeSpace, PutEvent

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class MainLink:
    """Asks the main process, and waits for its answers. Thread-safe."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._numbers = count()
        self._waiting: dict[int, Future[object]] = {}

    def send(self, message: object) -> None:
        """Say something; raises OSError when nobody listens any more."""
        with self._sending:
            self._connection.send(message)

    def ask(self, request: Callable[[int], object]) -> object:
        """Send a request and wait for its answer, as long as the main process lives.

        Args:
            request: Makes the message with the number that the answer will bear.

        Raises:
            Exception: What the main process met.
        """
        answer: Future[object] = Future()
        with self._sending:
            number = next(self._numbers)
            self._waiting[number] = answer
            self._connection.send(request(number))
        return answer.result()

    def settle(self, answer: Answer) -> None:
        """Hand an answer to whoever waits for it."""
        waiting = self._waiting.pop(answer.request)
        if answer.error is not None:
            waiting.set_exception(answer.error)
        else:
            waiting.set_result(answer.value)


class RemoteOutbox:
    """Implements `edge.recorder.EventSink`."""

    def __init__(self, link: MainLink) -> None:
        self._link = link

    def put(self, event: Event, media: Sequence[tuple[str, Path]]) -> None:
        """As `PatientOutbox.put`: on return the event is in the outbox.

        Raises:
            DiskFull: As there.
        """
        self._link.ask(lambda number: PutEvent(number, event, tuple(media)))


class RemoteEvidence:
    """Implements `edge.camera_evidence.EvidenceStore`: files are written here, and handed over whole.

    Args:
        link: To the main process.
        scratch_dir: This worker's own folder; made here, emptied by the main process when the worker has died.

    Raises:
        OutboxError: The folder cannot be made.
    """

    def __init__(self, link: MainLink, scratch_dir: Path) -> None:
        self._link = link
        self._scratch_dir = scratch_dir
        try:
            scratch_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutboxError(
                f"{scratch_dir}: cannot be made ({error.strerror}): check the data folder's owner and mode"
            ) from error

    def add_bytes(self, data: bytes, suffix: str) -> StoredFile:
        """As `EvidenceFolder.add_bytes`.

        Raises:
            OutboxError: As there.
            OSError: The file cannot be written.
        """
        while True:
            try:
                with self.scratch(suffix) as path:
                    path.write_bytes(data)
                    return self.add_file(path, suffix)
            except OSError as error:
                if error.errno not in _FULL or not self._link.ask(lambda number: FreeSpace(number, len(data))):
                    raise

    def add_file(self, source: Path, suffix: str | None = None) -> StoredFile:
        """As `EvidenceFolder.add_file`. Errors as `add_bytes`."""
        with source.open("rb") as file:
            os.fsync(file.fileno())
        stored = self._link.ask(lambda number: AdoptFile(number, source, suffix or source.suffix))
        assert isinstance(stored, StoredFile)  # noqa: S101 - the answer to this request
        return stored

    @contextlib.contextmanager
    def scratch(self, suffix: str) -> Iterator[Path]:
        """As `EvidenceFolder.scratch`."""
        handle, name = tempfile.mkstemp(suffix=suffix, dir=self._scratch_dir)
        os.close(handle)
        path = Path(name)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)
