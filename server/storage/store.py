"""Evidence in a local folder, addressed by content: `evidence/ab/cd/<sha256>`. Client names are never used.

put()  body -> temporary file (limit, hash) -> type from content -> fsync -> rename
The temporary file is on the same file system, so the rename is atomic: a file that has its name is whole.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from server.db.engine import DiskFull, is_disk_full
from server.errors import InvalidInput, TooLarge
from server.storage.media import detect_media_type

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_CHUNK: Final = 256 * 1024


class Body(Protocol):
    """What is read: a request's stream or a file."""

    def read(self, size: int = -1, /) -> bytes:
        """Read at most so many bytes; empty at the end."""
        ...


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is in the store now."""

    sha256: str
    media_type: str
    size_bytes: int


class LocalStore:
    """A folder of evidence."""

    def __init__(self, folder: Path, *, min_free_bytes: int = 0) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"
        self._min_free_bytes = min_free_bytes

    def put(self, sha256: str, body: Body, *, max_bytes: int, expected_bytes: int) -> StoredFile:
        """Store a body under its hash, which is checked.

        Raises:
            TooLarge: More than `max_bytes` came.
            InvalidInput: Hash or size are not those announced, or the file is neither JPEG nor MP4.
            DiskFull: No room, or less than the reserve would be left; nothing stays behind.
        """
        target = self.path_of(sha256)
        if self.free_bytes() < self._min_free_bytes + expected_bytes:
            raise DiskFull
        with _disk_full_named():
            self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(dir=self._incoming, delete=False) as file:
                temporary = Path(file.name)
                try:
                    stored = _receive(file, sha256, body, max_bytes, expected_bytes)
                    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                    temporary.replace(target)
                    _sync_folder(target.parent)
                except BaseException:
                    temporary.unlink(missing_ok=True)
                    raise
        return stored

    def path_of(self, sha256: str) -> Path:
        """Where a file lies, or would lie.

        Raises:
            InvalidInput: Not a SHA-256 in lower-case hexadecimal.
        """
        if not _SHA256.fullmatch(sha256):
            raise InvalidInput("not a SHA-256", "Give 64 lower-case hexadecimal digits.")
        return self._folder / sha256[:2] / sha256[2:4] / sha256

    def remove(self, sha256: str) -> None:
        """Remove a file; it may be gone already."""
        self.path_of(sha256).unlink(missing_ok=True)

    def forget_unfinished(self) -> None:
        """Remove what an earlier process was receiving when it ended. Call before any request is served."""
        for path in self._incoming.glob("tmp*"):
            path.unlink(missing_ok=True)

    def free_bytes(self) -> int:
        """Room left on the disk, in bytes."""
        folder = self._folder
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free


def _receive(
    file: tempfile._TemporaryFileWrapper[bytes], sha256: str, body: Body, limit: int, expected: int
) -> StoredFile:
    digest, size = hashlib.sha256(), 0
    while chunk := body.read(_CHUNK):
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"the file is larger than {limit} bytes", "Make the clip shorter or the picture smaller.")
        digest.update(chunk)
        file.write(chunk)
    if size != expected:
        raise InvalidInput(f"{size} bytes came, {expected} were announced by the event", "Send the whole file.")
    if digest.hexdigest() != sha256:
        raise InvalidInput("the content does not have this SHA-256", "Send the file that the event named.")
    file.flush()
    os.fsync(file.fileno())
    reader: BinaryIO = file.file  # type: ignore[assignment]  # typeshed names the wrapper's file IO[bytes]
    return StoredFile(sha256, detect_media_type(reader, size), size)


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _disk_full_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise DiskFull from error
        raise
