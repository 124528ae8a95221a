"""How closely a camera must be looked at: the pipeline says it, the source obeys by decoding less."""

from __future__ import annotations

import threading


class Attention:
    """Shared by one camera's pipeline (which sets it) and its source (which reads it). Thread-safe.

    While it is idle the source may decode keyframes only; it goes back to every picture by itself when the stream's
    packets tell of motion (`wake`), and the pipeline's next word stands above that.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle = False
        self._watched = False

    @property
    def rests(self) -> bool:
        """Keyframes are enough: nothing moves, nobody is followed, and no officer looks on."""
        with self._lock:
            return self._idle and not self._watched

    def set_watched(self, watched: bool) -> None:
        """An officer looks on live, and wants to see every picture; for the rules nothing changes."""
        with self._lock:
            self._watched = watched

    @property
    def idle(self) -> bool:
        """Nothing moves and nobody is followed: keyframes are enough."""
        with self._lock:
            return self._idle

    def set_idle(self, idle: bool) -> None:
        """The pipeline's word after each frame."""
        with self._lock:
            self._idle = idle

    def wake(self) -> None:
        """The source's own word: something changes in the compressed stream."""
        self.set_idle(False)
