"""Which file of evidence goes next, in the order in which they came: no folder is read to find it."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Entry:
    """A file of the folder."""

    sha256: str
    path: Path
    size_bytes: int
    uploaded: bool
    age: int
    """Counts up with each file. Not a time: the clock of a small box jumps when it first hears of NTP."""


class AgeIndex:
    """Files by content and by age. Not thread-safe: its folder locks."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._waiting: OrderedDict[str, Entry] = OrderedDict()
        """Not uploaded, by age: they come in that order."""
        self._uploaded: list[tuple[int, str]] = []
        """A heap, as files are not uploaded in the order of their age. What was removed is skipped when it comes up."""
        self._next_age = 0
        self.used_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, sha256: str, path: Path, size_bytes: int, *, uploaded: bool) -> None:
        """Note a file that is newer than all others."""
        entry = Entry(sha256, path, size_bytes, uploaded, self._next_age)
        self._next_age += 1
        self._entries[sha256] = entry
        self.used_bytes += size_bytes
        if uploaded:
            heapq.heappush(self._uploaded, (entry.age, sha256))
        else:
            self._waiting[sha256] = entry

    def path_of(self, sha256: str) -> Path | None:
        """Where a file lies; None when it is not known."""
        entry = self._entries.get(sha256)
        return entry.path if entry is not None else None

    def mark_uploaded(self, sha256: str) -> None:
        """The server has a file."""
        entry = self._entries[sha256]
        if not entry.uploaded:
            entry.uploaded = True
            del self._waiting[sha256]
            heapq.heappush(self._uploaded, (entry.age, sha256))

    def remove(self, sha256: str) -> Entry:
        """Forget a file."""
        entry = self._entries.pop(sha256)
        self._waiting.pop(sha256, None)
        self.used_bytes -= entry.size_bytes
        return entry

    def oldest(self) -> Entry | None:
        """The file to delete next: the oldest uploaded one, else the oldest; None: there is none."""
        while self._uploaded:
            age, sha256 = self._uploaded[0]
            entry = self._entries.get(sha256)
            if entry is not None and entry.age == age:
                return entry
            heapq.heappop(self._uploaded)
        return next(iter(self._waiting.values()), None)
