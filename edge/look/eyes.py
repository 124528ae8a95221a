"""A worker's side: takes frames that its cameras read anyway, and makes small JPEGs of those that are asked for.

The capture thread only compares an empty dictionary while nobody asks. Scaling and encoding happen in a thread of
their own with the lowest priority: they never hold up a search.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import cv2

from edge.attention import Attention
from edge.look.messages import Glance, Purpose, Shown
from edge.ports import Clock
from edge.types import Frame, Scalable

log = logging.getLogger(__name__)

_NICE: Final = 19
_WORSE: Final = 15
"""By so much the quality is lowered where a picture is over its bytes."""
_WORST: Final = 25


@dataclass(slots=True)
class _Wish:
    glance: Glance
    until_s: float
    next_s: float = float("-inf")
    is_busy: bool = False
    """A picture is being made: whatever comes meanwhile is let go, the newest after it is taken."""


class Eyes:
    """What the cameras of one worker process are asked to show. Thread-safe.

    Args:
        send: Hands a picture to the main process; called by the thread that encodes.
        clock: Time.
    """

    def __init__(self, send: Callable[[Shown], None], clock: Clock) -> None:
        self._send = send
        self._clock = clock
        self._lock = threading.Lock()
        self._wishes: dict[tuple[str, Purpose], _Wish] = {}
        self._attention: dict[str, Attention] = {}
        self._maker: ThreadPoolExecutor | None = None

    def of(self, camera_id: str, attention: Attention) -> Callable[[Frame], None]:
        """What a camera's capture thread calls with each frame.

        Args:
            camera_id: Whose.
            attention: A camera that rests decodes every picture again while somebody looks.
        """
        with self._lock:
            self._attention[camera_id] = attention
            attention.set_watched((camera_id, Purpose.LOOK) in self._wishes)
        return self.see

    def ask(self, glance: Glance) -> None:
        """Show a camera from now on, for as long as the wish says; a newer wish replaces it, one of 0 s ends it."""
        key = glance.camera_id, glance.purpose
        with self._lock:
            before = self._wishes.pop(key, None)
            if glance.for_s > 0:
                until_s = self._clock.monotonic_s() + glance.for_s
                self._wishes[key] = _Wish(glance, until_s, before.next_s if before else float("-inf"))
            self._watch(glance)

    def see(self, frame: Frame) -> None:
        """Take a frame if somebody asked for it."""
        if not self._wishes:
            return
        now_s = self._clock.monotonic_s()
        with self._lock:
            for purpose in Purpose:
                wish = self._wishes.get((frame.camera_id, purpose))
                if wish is None:
                    continue
                if now_s >= wish.until_s:
                    self._drop(wish.glance)
                elif now_s >= wish.next_s and not wish.is_busy:
                    # By the wish's own clock: pictures come at the camera's pace, and would drift towards every other.
                    wish.next_s = max(wish.next_s + wish.glance.every_s, now_s)
                    wish.is_busy = True
                    self._pool().submit(self._make, wish, frame)

    def close(self) -> None:
        """No more pictures."""
        with self._lock:
            self._wishes.clear()
            maker, self._maker = self._maker, None
        if maker is not None:
            maker.shutdown(wait=False, cancel_futures=True)

    @property
    def is_idle(self) -> bool:
        """Nobody ever asked: not even the thread was made."""
        return self._maker is None

    def _pool(self) -> ThreadPoolExecutor:
        if self._maker is None:
            self._maker = ThreadPoolExecutor(1, thread_name_prefix="look", initializer=_be_last)
        return self._maker

    def _drop(self, glance: Glance) -> None:
        self._wishes.pop((glance.camera_id, glance.purpose), None)
        self._watch(glance)

    def _watch(self, glance: Glance) -> None:
        attention = self._attention.get(glance.camera_id)
        if attention is not None and glance.purpose is Purpose.LOOK:
            attention.set_watched((glance.camera_id, glance.purpose) in self._wishes)

    def _make(self, wish: _Wish, frame: Frame) -> None:
        try:
            jpeg = draw(frame, wish.glance)
            if jpeg is not None:
                with suppress(OSError):  # the main process has gone; so will we
                    self._send(Shown(frame.camera_id, wish.glance.purpose, frame.utc, jpeg))
        except cv2.error as error:
            log.warning("look_failed camera=%s cause=%r", frame.camera_id, str(error))
        finally:
            with self._lock:
                wish.is_busy = False
                if wish.glance.once and self._wishes.get((frame.camera_id, wish.glance.purpose)) is wish:
                    self._drop(wish.glance)


def draw(frame: Frame, glance: Glance) -> bytes | None:
    """A JPEG of a frame within the wish's sides and bytes; None where even a poor one is over them.

    Raises:
        cv2.error: It cannot be encoded.
    """
    width, height = frame.resolution_wh
    share = min(1.0, glance.side_px / max(width, height))
    size = max(2, round(width * share) & ~1), max(2, round(height * share) & ~1)
    picture = frame.picture
    # A scaling of its own: what `resized` keeps is the detector's and the tracker's, in another thread.
    image = picture.scaled(*size) if isinstance(picture, Scalable) else cv2.resize(picture.bgr(), size)
    for quality in range(glance.quality, _WORST - 1, -_WORSE):
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if data.size <= glance.max_bytes:
            return data.tobytes()
    log.warning("look_too_large camera=%s bytes=%d", frame.camera_id, data.size)
    return None


def _be_last() -> None:
    """Let this thread run only while nobody else wants to; where the system does not know threads, as usual."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
