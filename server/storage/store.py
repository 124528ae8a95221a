"""The port of the evidence store, and its adapter for a local folder. Files are addressed by content.

put()  body -> temporary file (limit, hash) -> type from content -> fsync -> its place
A file that has its name is whole; client names are never used.
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
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from server.db.engine import DiskFull, is_disk_full
from server.errors import InvalidInput, TooLarge, Unavailable
from server.storage.media import detect_media_type

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_CHUNK: Final = 256 * 1024


class Body(Protocol):
    """What is read: a request's stream or a file."""

    def read(self, size: int = -1, /) -> bytes:
        """Read at most so many bytes; empty at the end."""
        ...


class Readable(Body, Protocol):
    """A stored file, opened."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place."""
        ...

    def tell(self) -> int:
        """Where it stands."""
        ...

    def close(self) -> None:
        """End."""
        ...


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is in the store now."""

    sha256: str
    media_type: str
    size_bytes: int


class StoreUnavailable(Unavailable):
    """The store does not answer. Events and alerts go on; evidence follows once it does."""

    code = "store_unavailable"
    retry_after_s = 30

    def __init__(self) -> None:
        super().__init__("the evidence store does not answer", "Try again later; nothing is lost.")


class EvidenceStore(Protocol):
    """Where evidence lies. Every method but `path_of` may raise `StoreUnavailable`."""

    def put(self, sha256: str, body: Body, *, max_bytes: int, expected_bytes: int) -> StoredFile:
        """Store a body under its hash, which is checked.

        Raises:
            TooLarge: More than `max_bytes` came.
            InvalidInput: Hash or size are not those announced, or the file is neither JPEG nor MP4.
            DiskFull: No room; nothing stays behind.
        """
        ...

    def has(self, sha256: str) -> bool:
        """Whether a file is there.

        Raises:
            InvalidInput: Not a SHA-256 in lower-case hexadecimal.
        """
        ...

    def open(self, sha256: str, size_bytes: int) -> Readable:
        """Open a file.

        Raises:
            FileNotFoundError: It is not there.
        """
        ...

    def path_of(self, sha256: str) -> Path | None:
        """Where it lies on this machine; None where the store is elsewhere."""
        ...

    def remove(self, sha256: str) -> None:
        """Remove a file; it may be gone already."""
        ...

    def names(self) -> Iterator[tuple[str, datetime]]:
        """Every file that is there, and when it came."""
        ...

    def forget_unfinished(self) -> None:
        """Remove what an earlier process was receiving when it ended. Call before any request is served."""
        ...

    def free_bytes(self) -> int:
        """Room left on this machine's disk, in bytes."""
        ...


def check_sha256(sha256: str) -> str:
    """The hash itself.

    Raises:
        InvalidInput: Not a SHA-256 in lower-case hexadecimal.
    """
    if not _SHA256.fullmatch(sha256):
        raise InvalidInput("not a SHA-256", "Give 64 lower-case hexadecimal digits.")
    return sha256


class Incoming:
    """A folder in which bodies are received and checked before they are evidence."""

    def __init__(self, folder: Path, *, min_free_bytes: int = 0) -> None:
        self.folder = folder
        self._min_free_bytes = min_free_bytes

    @contextmanager
    def received(
        self, sha256: str, body: Body, *, max_bytes: int, expected_bytes: int
    ) -> Iterator[tuple[Path, StoredFile]]:
        """A checked body in a file of its own, which goes unless it was moved away.

        Raises:
            TooLarge, InvalidInput, DiskFull: As `EvidenceStore.put`.
        """
        if self.free_bytes() < self._min_free_bytes + expected_bytes:
            raise DiskFull
        with disk_full_named():
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as file:
                temporary = Path(file.name)
                try:
                    yield temporary, _receive(file, sha256, body, max_bytes, expected_bytes)
                finally:
                    temporary.unlink(missing_ok=True)

    def forget_unfinished(self) -> None:
        """Remove what an earlier process left."""
        for path in self.folder.glob("tmp*"):
            path.unlink(missing_ok=True)

    def free_bytes(self) -> int:
        """Room left on the disk, in bytes."""
        folder = self.folder
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free


class LocalStore:
    """A folder of evidence: `evidence/ab/cd/<sha256>`."""

    def __init__(self, folder: Path, *, min_free_bytes: int = 0) -> None:
        self._folder = folder
        # On the same file system as the evidence: a rename is atomic.
        self._incoming = Incoming(folder / "incoming", min_free_bytes=min_free_bytes)

    def put(self, sha256: str, body: Body, *, max_bytes: int, expected_bytes: int) -> StoredFile:
        """See `EvidenceStore`."""
        target = self.path_of(sha256)
        received = self._incoming.received(sha256, body, max_bytes=max_bytes, expected_bytes=expected_bytes)
        with received as (temporary, stored):
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary.replace(target)
            _sync_folder(target.parent)
        return stored

    def has(self, sha256: str) -> bool:
        """See `EvidenceStore`."""
        return self.path_of(sha256).is_file()

    def open(self, sha256: str, size_bytes: int) -> Readable:  # noqa: ARG002 (the port's signature)
        """See `EvidenceStore`."""
        return self.path_of(sha256).open("rb")

    def path_of(self, sha256: str) -> Path:
        """Where a file lies, or would lie.

        Raises:
            InvalidInput: Not a SHA-256 in lower-case hexadecimal.
        """
        check_sha256(sha256)
        return self._folder / sha256[:2] / sha256[2:4] / sha256

    def remove(self, sha256: str) -> None:
        """See `EvidenceStore`."""
        self.path_of(sha256).unlink(missing_ok=True)

    def names(self) -> Iterator[tuple[str, datetime]]:
        """See `EvidenceStore`."""
        for path in self._folder.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*"):
            if _SHA256.fullmatch(path.name):
                try:
                    yield path.name, datetime.fromtimestamp(path.stat().st_mtime, UTC)
                except FileNotFoundError:  # removed since it was listed
                    continue

    def forget_unfinished(self) -> None:
        """See `EvidenceStore`."""
        self._incoming.forget_unfinished()

    def free_bytes(self) -> int:
        """See `EvidenceStore`."""
        return self._incoming.free_bytes()


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
    check_arrived(sha256, size, expected, digest.hexdigest())
    file.flush()
    os.fsync(file.fileno())
    reader: BinaryIO = file.file  # type: ignore[assignment]  # typeshed names the wrapper's file IO[bytes]
    return StoredFile(sha256, detect_media_type(reader, size), size)


def check_arrived(sha256: str, size: int, expected: int, digest: str) -> None:
    """Whether what came is what was announced.

    Raises:
        InvalidInput: It is not.
    """
    if size != expected:
        raise InvalidInput(f"{size} bytes came, {expected} were announced by the event", "Send the whole file.")
    if digest != sha256:
        raise InvalidInput("the content does not have this SHA-256", "Send the file that the event named.")


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk_full_named() -> Iterator[None]:
    """Tell a full disk from other faults.

    Raises:
        DiskFull: It was one.
    """
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise DiskFull from error
        raise
