"""Room on the disk that is kept for deleting: a full database must write a little before it can shrink."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

RESERVE_BYTES = 2_000_000
"""More than the WAL takes for settling one batch of events."""


class DiskReserve:
    """A file of zeros that is given up when the disk is full, and made again when there is room.

    Args:
        path: Where it lies: on the disk whose room it keeps.
        size_bytes: How much it keeps.
    """

    def __init__(self, path: Path, size_bytes: int = RESERVE_BYTES) -> None:
        self._path = path
        self._size_bytes = size_bytes

    @property
    def is_full(self) -> bool:
        """The room is kept."""
        return self._path.is_file() and self._path.stat().st_size == self._size_bytes

    def fill(self) -> None:
        """Take the room, if it is there."""
        if self.is_full:
            return
        try:
            with self._path.open("wb") as file:
                file.write(bytes(self._size_bytes))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self.release()
            log.warning("no_reserve path=%s cause=%r: free space on this disk", self._path, str(error))

    def release(self) -> None:
        """Give the room back."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
