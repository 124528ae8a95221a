"""The folder that holds evidence until the server has it, and for a while after.

    root/ab/abcdef....jpg            a file, named by the SHA-256 of its bytes
    root/ab/abcdef....jpg.uploaded   the server has it: the first to go when room is needed
    root/tmp/                        files being written; emptied at start

A file appears by an atomic rename after its bytes are on the disk: a power cut leaves a whole file or none. The folder
is read once, at the start; from then on an index in order of age says which file goes next, however many there are.
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
from pathlib import Path
from typing import NamedTuple

from edge.errors import DiskFull, OutboxError
from edge.evidence.ages import AgeIndex

MAX_KEPT_FREE_BYTES = 64_000_000
"""Room on the disk that evidence leaves to everything else: an outbox of a month without a server, logs, updates."""
_KEPT_FREE_SHARE = 20
"""At most this part of a small disk (1/20) is left free."""
_SUFFIX = re.compile(r"^\.[a-z0-9]{1,8}$")
_FILE_NAME = re.compile(r"^[0-9a-f]{64}\.[a-z0-9]{1,8}$")
_SHA256 = re.compile(r"[0-9a-f]{64}")
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


class EvidenceFolder:
    """A bounded folder of evidence, addressed by content. Thread-safe within one process.

    Args:
        root: Made when it does not exist.
        budget_bytes: All files together stay below this.
        data_dir: A folder above `root` whose other files (outbox, pulled configurations) count towards the budget too;
            None: only evidence does.

    Raises:
        OutboxError: The folder cannot be made or written.
    """

    def __init__(self, root: Path, budget_bytes: int, data_dir: Path | None = None) -> None:
        self._root, self._budget, self._lock = root, budget_bytes, threading.RLock()
        self._data_dir = data_dir
        self._partial = root / "tmp"
        self._index = AgeIndex()
        self._lost = 0
        try:
            shutil.rmtree(self._partial, ignore_errors=True)
            self._partial.mkdir(parents=True)
            self._read()
        except OSError as error:
            raise OutboxError(
                f"{root}: the evidence folder cannot be used ({error.strerror}): check its owner and mode"
            ) from error

    @property
    def used_bytes(self) -> int:
        """Bytes of all files of evidence."""
        with self._lock:
            return self._index.used_bytes

    @property
    def budget_bytes(self) -> int:
        """What evidence and everything beside it may take together."""
        return self._budget

    @property
    def files(self) -> int:
        """How many files of evidence there are."""
        with self._lock:
            return len(self._index)

    @property
    def lost_files(self) -> int:
        """How many were deleted, since the start, before the server had them."""
        with self._lock:
            return self._lost

    def beside_bytes(self) -> int:
        """Bytes of everything else in the data folder, files that are being written included."""
        if self._data_dir is None:
            return 0
        return _size_of(self._data_dir, lambda path: path.parent == self._root and len(path.name) == 2)

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
            digest.hexdigest(),
            size,
            source.suffix if suffix is None else suffix,
            lambda target: _move(source, target),
            # What is being written in the data folder was counted there already.
            is_counted=self._data_dir is not None and source.resolve().is_relative_to(self._data_dir.resolve()),
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
        with self._lock:
            path = self._index.path_of(sha256)
            if path is None or path.is_file():
                return path
            self._forget(sha256)  # somebody deleted it by hand
            return None

    def mark_uploaded(self, sha256: str) -> None:
        """Note that the server has a file: it may go when room is needed."""
        with self._lock:
            path = self.path_of(sha256)
            if path is None:
                return
            self._index.mark_uploaded(sha256)
            with contextlib.suppress(OSError):  # on a full disk the note is not kept through a restart: no harm
                _marker(path).touch()

    def enforce_budget(self, room_for_bytes: int = 0) -> list[str]:
        """Delete files until the rest and what is to come fit: uploaded ones first, then the oldest.

        Returns:
            SHA-256 of each deleted file that the server did not have yet: their events go without them.
        """
        with self._lock:
            return self._delete_until(self._index.used_bytes + self.beside_bytes() + room_for_bytes - self._budget)

    def free(self, wanted_bytes: int) -> int:
        """Give up the oldest files, at least so many bytes if there are as many; return how many that was."""
        with self._lock:
            before = self._index.used_bytes
            self._delete_until(wanted_bytes)
            return before - self._index.used_bytes

    def _delete_until(self, excess: int) -> list[str]:
        lost: list[str] = []
        while excess > 0 and (entry := self._index.oldest()) is not None:
            self._forget(entry.sha256)
            entry.path.unlink(missing_ok=True)
            excess -= entry.size_bytes
            if not entry.uploaded:
                lost.append(entry.sha256)
        before, self._lost = self._lost, self._lost + len(lost)
        if self._lost.bit_length() != before.bit_length():  # at 1, 2, 4, ...: each one would fill the disk with words
            _log.warning("evidence_deleted_before_upload files_since_start=%d", self._lost)
        return lost

    def _forget(self, sha256: str) -> None:
        entry = self._index.remove(sha256)
        _marker(entry.path).unlink(missing_ok=True)

    def _read(self) -> None:
        """Take up what an earlier process left, the oldest first."""
        found: list[tuple[int, Path, int]] = []
        markers: set[Path] = set()
        for path in self._root.glob("[0-9a-f][0-9a-f]/*"):
            if _FILE_NAME.match(path.name):
                status = path.stat()
                found.append((status.st_mtime_ns, path, status.st_size))
            elif path.name.endswith(_UPLOADED):
                markers.add(path)
        for _, path, size_bytes in sorted(found):
            marker = _marker(path)
            self._index.add(path.stem, path, size_bytes, uploaded=marker in markers)
            markers.discard(marker)
        for marker in markers:  # of files that are gone
            marker.unlink(missing_ok=True)

    def _add(self, sha256: str, size: int, suffix: str, put: _Put, *, is_counted: bool = False) -> StoredFile:
        if not _SUFFIX.match(suffix):
            raise ValueError(f"suffix: expected something like '.jpg', got {suffix!r}")
        with self._lock:
            existing = self.path_of(sha256)
            if existing is not None:
                return StoredFile(sha256, existing, size)
            beside = self.beside_bytes() - (size if is_counted else 0)
            if size > self._budget - beside:
                raise DiskFull(
                    f"{self._root}: a file of {size} bytes does not fit the evidence budget of {self._budget} bytes"
                    + (f", of which {beside} bytes are the outbox and configurations" if beside else "")
                    + ": raise the budget (--evidence-mb) or shorten the clips"
                )
            self._delete_until(self._index.used_bytes + beside + size - self._budget)
            self._keep_disk_free(0 if is_counted else size)
            path = self._root / sha256[:2] / f"{sha256}{suffix}"
            self._put_or_make_room(path, size, put)
            self._index.add(sha256, path, size, uploaded=False)
            return StoredFile(sha256, path, size)

    def _keep_disk_free(self, size: int) -> None:
        """Leave others room on the disk, as far as giving up older evidence can: an event needs it more."""
        disk = shutil.disk_usage(self._root)
        kept = min(MAX_KEPT_FREE_BYTES, disk.total // _KEPT_FREE_SHARE)
        self._delete_until(size + kept - disk.free)

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
                if self.free(size) == 0:
                    raise DiskFull(
                        f"{self._root}: the disk is full and no evidence is left to delete: free space on it"
                    ) from error
            else:
                return


def _size_of(folder: Path, skip: Callable[[Path], bool]) -> int:
    """Bytes of the files below a folder, without those of folders to skip; what vanishes meanwhile counts nothing."""
    total = 0
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                path = Path(entry.path)
                total += 0 if skip(path) else _size_of(path, skip)
            else:
                with contextlib.suppress(FileNotFoundError):
                    total += entry.stat(follow_symlinks=False).st_size
    return total


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
