"""The folder that holds evidence until the server has it, and for a while after.

    root/ab/abcdef....jpg            a file, named by the SHA-256 of its bytes
    root/ab/abcdef....jpg.uploaded   the server has it: the first to go when room is needed
    root/tmp/                        files being written; emptied at start

A file appears by an atomic rename after its bytes are on the disk: a power cut leaves a whole file or none.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from edge.errors import DiskFull, OutboxError

_SUFFIX = re.compile(r"^\.[a-z0-9]{1,8}$")
_FILE_NAME = re.compile(r"^[0-9a-f]{64}\.[a-z0-9]{1,8}$")
_UPLOADED = ".uploaded"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_CHUNK = 1 << 20
_Put = Callable[[Path], None]
"""Puts the content into a path of the folder, flushed to the disk."""
_log = logging.getLogger(__name__)


class StoredFile(NamedTuple):
    """A file of the folder."""

    sha256: str
    path: Path
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Entry:
    path: Path
    size_bytes: int
    written_ns: int
    uploaded: bool

    @property
    def order_of_deletion(self) -> tuple[bool, int]:
        """Uploaded ones first, then the oldest."""
        return not self.uploaded, self.written_ns


class EvidenceFolder:
    """A bounded folder of evidence, addressed by content. Thread-safe within one process.

    Args:
        root: Made when it does not exist.
        budget_bytes: All files together stay below this.

    Raises:
        OutboxError: The folder cannot be made or written.
    """

    def __init__(self, root: Path, budget_bytes: int) -> None:
        self._root, self._budget, self._lock = root, budget_bytes, threading.RLock()
        self._partial = root / "tmp"
        try:
            shutil.rmtree(self._partial, ignore_errors=True)
            self._partial.mkdir(parents=True)
        except OSError as error:
            raise OutboxError(
                f"{root}: the evidence folder cannot be used ({error.strerror}): check its owner and mode"
            ) from error
        self._used = sum(entry.size_bytes for entry in self._entries())

    @property
    def used_bytes(self) -> int:
        """Bytes of all files."""
        with self._lock:
            return self._used

    def add_bytes(self, data: bytes, suffix: str) -> StoredFile:
        """Store bytes. The same bytes again change nothing.

        Args:
            data: The content.
            suffix: `.jpg` or `.mp4`.

        Raises:
            DiskFull: There is no room even after all that may be deleted was.
            OutboxError: The folder cannot be written.
        """
        return self._add(hashlib.sha256(data).hexdigest(), len(data), suffix, lambda target: _write(target, data))

    def add_file(self, source: Path, suffix: str | None = None) -> StoredFile:
        """Move a finished file (a clip) into the folder. The source is gone afterwards. Errors as `add_bytes`."""
        digest, size = hashlib.sha256(), 0
        with source.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
        stored = self._add(
            digest.hexdigest(), size, source.suffix if suffix is None else suffix, lambda target: _move(source, target)
        )
        source.unlink(missing_ok=True)
        return stored

    @contextlib.contextmanager
    def scratch(self, suffix: str) -> Iterator[Path]:
        """A path on the folder's own disk for a clip that is being written; removed at the end."""
        handle, name = tempfile.mkstemp(suffix=suffix, dir=self._partial)
        os.close(handle)
        path = Path(name)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def path_of(self, sha256: str) -> Path | None:
        """Where a file lies, or None when it was deleted to make room."""
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):
            return None
        found = (path for path in (self._root / sha256[:2]).glob(f"{sha256}.*") if _FILE_NAME.match(path.name))
        return next(found, None)

    def mark_uploaded(self, sha256: str) -> None:
        """Note that the server has a file: it may go when room is needed."""
        with self._lock:
            if (path := self.path_of(sha256)) is not None:
                _marker(path).touch()

    def enforce_budget(self, room_for_bytes: int = 0) -> list[str]:
        """Delete files until the rest and what is to come fit: uploaded ones first, then the oldest.

        Returns:
            SHA-256 of each deleted file that the server did not have yet: their events go without them.
        """
        with self._lock:
            return self._delete_until(self._used - max(0, self._budget - room_for_bytes))

    def _delete_until(self, excess: int) -> list[str]:
        lost: list[str] = []
        if excess <= 0:
            return lost
        for entry in sorted(self._entries(), key=lambda entry: entry.order_of_deletion):
            entry.path.unlink(missing_ok=True)
            _marker(entry.path).unlink(missing_ok=True)
            self._used -= entry.size_bytes
            excess -= entry.size_bytes
            if not entry.uploaded:
                lost.append(entry.path.stem)
            if excess <= 0:
                break
        if lost:
            _log.warning("evidence_deleted_before_upload files=%d", len(lost))
        return lost

    def _entries(self) -> Iterator[_Entry]:
        for path in self._root.glob("[0-9a-f][0-9a-f]/*"):
            if _FILE_NAME.match(path.name):
                status = path.stat()
                yield _Entry(path, status.st_size, status.st_mtime_ns, _marker(path).exists())

    def _add(self, sha256: str, size: int, suffix: str, put: _Put) -> StoredFile:
        if not _SUFFIX.match(suffix):
            raise ValueError(f"suffix: expected something like '.jpg', got {suffix!r}")
        with self._lock:
            existing = self.path_of(sha256)
            if existing is not None:
                return StoredFile(sha256, existing, size)
            if size > self._budget:
                raise DiskFull(
                    f"{self._root}: a file of {size} bytes does not fit the evidence budget of {self._budget} bytes: "
                    "raise the budget or shorten the clips"
                )
            self.enforce_budget(size)
            path = self._root / sha256[:2] / f"{sha256}{suffix}"
            self._put_or_make_room(path, size, put)
            self._used += size
            return StoredFile(sha256, path, size)

    def _put_or_make_room(self, path: Path, size: int, put: _Put) -> None:
        while True:
            partial = self._partial / path.name
            try:
                path.parent.mkdir(exist_ok=True)
                put(partial)
                partial.replace(path)
                _sync_folder(path.parent)
            except OSError as error:
                partial.unlink(missing_ok=True)
                if error.errno not in _FULL:
                    raise OutboxError(
                        f"{self._root}: evidence cannot be written ({error.strerror}): check the disk, owner and mode"
                    ) from error
                used_before = self._used
                self._delete_until(size)
                if self._used == used_before:
                    raise DiskFull(
                        f"{self._root}: the disk is full and no evidence is left to delete: free space on it"
                    ) from error
            else:
                return


def _marker(path: Path) -> Path:
    return path.with_name(path.name + _UPLOADED)


def _write(target: Path, data: bytes) -> None:
    with target.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _move(source: Path, target: Path) -> None:
    """Move, by copying where the source lies on another disk."""
    try:
        with source.open("rb") as file:
            os.fsync(file.fileno())
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copyfile(source, target)
        with target.open("rb") as file:
            os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Flush a folder, so that a rename in it survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
