"""Which events a process stored a while ago: a hint that a request holds nothing new. The database has the word."""

from __future__ import annotations

from array import array
from typing import Final

SLOTS: Final = 1 << 16
"""Half a megabyte: two hours of a busy commune, ten seconds of a server at its limit."""


class Recent:
    """Digests of bodies that were stored. A later one takes the slot of another; none is ever wrong for long.

    Threads need no lock: a slot is read or written as a whole.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * SLOTS))

    def add(self, digest: bytes) -> None:
        """Remember one."""
        number = int.from_bytes(digest[:8], "big")
        self._slots[number % SLOTS] = number

    def has(self, digest: bytes) -> bool:
        """Whether it was added, most likely."""
        number = int.from_bytes(digest[:8], "big")
        return self._slots[number % SLOTS] == number
