"""The main process's side: asks the server what it wants to be shown, and sends it. The server never connects to us.

One question is held by the server while there is nothing new, so that a wish is known at once. Of pictures only the
newest of each camera waits: what a slow line cannot carry is let go. A picture that could not be sent is never sent
again; stills are made again later.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

import httpx
from pydantic import ValidationError

from contract.device_api import (
    LOOK_EVERY_S,
    LOOK_HELD_S,
    LOOK_LEFT,
    LOOK_SIDE_PX,
    MAX_LOOK_BYTES,
    MAX_STILL_BYTES,
    STILL_SIDE_PX,
    LookWishes,
)
from contract.event import CameraHealth
from edge.backoff import Backoff
from edge.errors import DeliveryError
from edge.look.messages import Glance, Purpose, Shown
from edge.outbox.link import NotOurServer, Rejected, ServerLink, TooLarge
from edge.outbox.sender import SenderThread
from edge.ports import Clock

log = logging.getLogger(__name__)

STILL_EVERY_S: Final = 600.0
STILL_AGAIN_S: Final = 30.0
"""After a still was asked for and none came: the camera has no picture just now."""
LOOK_QUALITY: Final = 70
STILL_QUALITY: Final = 82
NOT_OFFERED_S: Final = 900.0
"""A server that does not know the question is asked again so much later: it may have become newer."""
_IDLE_S: Final = 5.0
"""Between two looks for stills that are due; a picture, or a wish, wakes the sender at once."""
_HELD: Final = httpx.Timeout(LOOK_HELD_S + 20.0, connect=5.0)
_UNKNOWN_THERE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})


class LookSender(SenderThread):
    """Asks workers for stills when they are due, and sends the newest picture of each camera.

    Args:
        link: The server.
        clock: Time.
        health: How each camera is.
        ask: Tells the worker of a camera what to show.
    """

    name = "look-sender"

    def __init__(
        self,
        link: ServerLink,
        clock: Clock,
        *,
        health: Callable[[], Mapping[str, CameraHealth]],
        ask: Callable[[Glance], None],
    ) -> None:
        super().__init__(link, clock, Backoff(0.5, 30.0))
        self._health = health
        self._ask = ask
        self._lock = threading.Lock()
        self._newest: dict[tuple[str, Purpose], Shown] = {}
        self._due: dict[str, float] = {}
        """When the next still of a camera is, monotonic."""
        self._looked_s = float("-inf")

    def is_empty(self) -> bool:
        """Pictures can always be left out."""
        return True

    def take(self, shown: Shown) -> None:
        """A worker has a picture: it replaces an older one that was not sent yet. Any thread."""
        with self._lock:
            self._newest[shown.camera_id, shown.purpose] = shown
        self.wake()

    def want_still(self, camera_id: str) -> None:
        """Somebody waits for a fresh still. Any thread."""
        with self._lock:
            self._due[camera_id] = float("-inf")
        self._looked_s = float("-inf")
        self.wake()

    def step(self) -> float:
        """Send one picture.

        Raises:
            EdgeError: It was not taken; it is not sent again.
        """
        now_s = self._clock.monotonic_s()
        if now_s - self._looked_s >= _IDLE_S:
            self._looked_s = now_s
            self._ask_for_stills(now_s)
        with self._lock:
            if not self._newest:
                return _IDLE_S
            # Looks first, and of each camera in turn: what is sent goes behind the others when it comes again.
            key = min(self._newest, key=lambda item: item[1] is Purpose.STILL)
            shown = self._newest.pop(key)
        if shown.purpose is Purpose.STILL:
            self._send_still(shown)
        else:
            self._send_look(shown)
        return 0.0

    def _ask_for_stills(self, now_s: float) -> None:
        for camera_id, health in self._health().items():
            with self._lock:
                is_due = health is CameraHealth.OK and now_s >= self._due.get(camera_id, float("-inf"))
                if is_due:
                    self._due[camera_id] = now_s + STILL_AGAIN_S
            if is_due:
                self._ask(
                    Glance(
                        camera_id, Purpose.STILL, STILL_SIDE_PX, MAX_STILL_BYTES, STILL_QUALITY, STILL_AGAIN_S,
                        STILL_AGAIN_S, once=True,
                    )
                )  # fmt: skip

    def _send_still(self, shown: Shown) -> None:
        next_s = self._backoff.jitter(STILL_EVERY_S)
        try:
            self._put(shown, "still")
        except (Rejected, TooLarge) as error:
            log.info("still_refused camera=%s cause=%r", shown.camera_id, str(error))
        except NotOurServer:
            next_s = NOT_OFFERED_S
            raise
        finally:
            with self._lock:
                self._due[shown.camera_id] = self._clock.monotonic_s() + next_s

    def _send_look(self, shown: Shown) -> None:
        try:
            left_s = float(self._put(shown, "look").headers.get(LOOK_LEFT, "0"))
        except (Rejected, TooLarge, ValueError) as error:
            log.info("look_refused camera=%s cause=%r", shown.camera_id, str(error))
            left_s = 0.0
        if left_s <= 0:
            self._ask(look_at(shown.camera_id, 0.0))

    def _put(self, shown: Shown, what: str) -> httpx.Response:
        at_ms = int(shown.utc.timestamp() * 1000)
        return self._link.request(
            "PUT",
            f"/api/v1/cameras/{shown.camera_id}/{what}?at={at_ms}",
            content=shown.jpeg,
            headers={"Content-Type": "image/jpeg"},
            rejections=_UNKNOWN_THERE,
        )


class LookListener(SenderThread):
    """Asks what the server wants to be shown; the question is held there while there is nothing new.

    Args:
        link: The server.
        clock: Time.
        ask: Tells the worker of a camera what to show.
        want_still: Called with a camera of which a fresh still is wanted.
    """

    name = "look-listener"

    def __init__(
        self,
        link: ServerLink,
        clock: Clock,
        *,
        ask: Callable[[Glance], None],
        want_still: Callable[[str], None],
    ) -> None:
        super().__init__(link, clock, Backoff(0.5, 30.0))
        self._ask = ask
        self._want_still = want_still
        self._version = ""
        self._shown: set[str] = set()
        """Cameras that somebody looks at."""

    def is_empty(self) -> bool:
        """A question can always be left out."""
        return True

    def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 - the base's signature
        """End the thread. It is not waited for: the server holds its question until the connection ends."""
        self._stop.set()
        self.wake()

    def step(self) -> float:
        """Ask once, and do as is wished.

        Raises:
            EdgeError: The server was not reached, or did not answer so.
        """
        path = f"/api/v1/look?seen={self._version}"
        try:
            response = self._link.request("GET", path, timeout=_HELD, rejections=_UNKNOWN_THERE)
        except Rejected as error:
            log.info("look_not_offered cause=%r", str(error))
            return NOT_OFFERED_S
        self._link.check_signed(path, response)
        try:
            wishes = LookWishes.model_validate_json(response.content)
        except ValidationError as error:
            raise DeliveryError(f"{path}: not an answer that we know: is the server newer?") from error
        self._follow(wishes)
        return wishes.ask_again_s

    def _follow(self, wishes: LookWishes) -> None:
        looked_at = {wish.camera_id for wish in wishes.looks}
        for wish in wishes.looks:
            self._ask(look_at(wish.camera_id, wish.left_s))
        for camera_id in self._shown - looked_at:
            self._ask(look_at(camera_id, 0.0))
        if wishes.version != self._version:
            for camera_id in wishes.stills:
                self._want_still(camera_id)
        self._shown, self._version = looked_at, wishes.version


def look_at(camera_id: str, for_s: float) -> Glance:
    """The wish to show a camera live for so long; 0: not any more."""
    return Glance(camera_id, Purpose.LOOK, LOOK_SIDE_PX, MAX_LOOK_BYTES, LOOK_QUALITY, LOOK_EVERY_S, for_s)
