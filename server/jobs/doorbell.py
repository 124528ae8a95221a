"""Wakes the threads that do work: at once in the process that wrote it down, elsewhere by looking now and then."""

from __future__ import annotations

import threading
from typing import Final

from sqlalchemy.orm import Session

_FLAG = "work_written"
POLL_S: Final = 1.0
"""How late work of another process may be noticed. The database is the truth: a ring that is lost costs only this."""


def announce(session: Session) -> None:
    """Ring when this transaction has committed."""
    session.info[_FLAG] = True


class Doorbell:
    """The bell of one process."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rings = 0

    def ring_after(self, session: Session) -> None:
        """Ring if the transaction wrote work: a hook after commit."""
        if session.info.pop(_FLAG, False):
            self.ring()

    def ring(self) -> None:
        """Wake everybody who waits."""
        with self._changed:
            self._rings += 1
            self._changed.notify_all()

    @property
    def rings(self) -> int:
        """How often it rang: to be read before looking for work, and given to `wait`."""
        return self._rings

    def wait(self, seen: int, timeout_s: float = POLL_S) -> None:
        """Wait until it rings anew, or the time is up."""
        with self._changed:
            if self._rings == seen:
                self._changed.wait(timeout_s)
