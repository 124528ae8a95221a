"""The camera's side: asks the inference process, and gets over its death."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import weakref
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from contract.camera_config import CameraConfig
from edge.detection.model import Boxes
from edge.detection.search import CameraSearch
from edge.errors import ModelError
from edge.inference.address import same_user
from edge.inference.slot import make_slot
from edge.inference.wire import (
    MAX_PACKET,
    Ask,
    Dropped,
    Failed,
    Found,
    Hello,
    Loading,
    Message,
    Ready,
    Refused,
    Share,
    pack,
    unpack,
)
from edge.parts import needed_classes, parts_model_of

log = logging.getLogger(__name__)

LOAD_PATIENCE_S = 120.0
"""Reading, compiling and trying a large model takes a minute on a small box."""
GIVE_UP_WITHIN_S = 0.5
LOAD_DEATHS = 3
"""A model during whose loading the process died so often is to blame."""
ANSWER_PATIENCE_S = 5.0
"""A picture that waited for so long shows the past; a healthy box answers within a tenth."""
RETURN_PATIENCE_S = 0.02
"""While the process is away, each search looks for it this long: the frames must go on."""


class RemoteAsker:
    """Implements `edge.detection.search.Asker` with the inference process of the box. One thread uses it.

    Args:
        address: Where it is called.
        hello: What the camera wants.
        give_up: Set: the model is not waited for any more.

    Raises:
        ModelError: The model cannot be had, or the process does not come up.
    """

    def __init__(self, address: str, hello: Hello, give_up: threading.Event | None = None) -> None:
        self._address = address
        self._hello = hello
        self._give_up = give_up or threading.Event()
        self._connection: socket.socket | None = None
        self._closed = False
        self._number = 0
        self._ready: Ready | None = None
        """None: not connected, or the model is still being loaded there."""
        self._loading = False
        """It was said to be."""
        self._canvas: NDArray[np.uint8] = np.zeros((0, 0, 3), np.uint8)
        self._class_names: tuple[str, ...] = ()
        self._first_ready()

    def __del__(self) -> None:
        self._drop_connection()

    @property
    def class_names(self) -> tuple[str, ...]:
        """See `Asker`."""
        return self._class_names

    @property
    def canvas(self) -> NDArray[np.uint8]:
        """See `Asker`."""
        return self._canvas

    def ask(self) -> Boxes | None:
        """See `Asker`. None as well while the process is away: it is looked for again at each search.

        Raises:
            ModelError: The model failed, or is refused by the process that came back.
        """
        try:
            return self._search() if self._ready or self._return() else None
        except (OSError, ValueError) as error:
            self._lost(error)
            return None

    def close(self) -> None:
        """No more searches. May be called from any thread."""
        self._closed = True
        connection = self._connection
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # whoever waits for an answer wakes up, and closes it

    def _search(self) -> Boxes | None:
        self._number += 1
        self._send(Ask(self._number))
        deadline_s = time.monotonic() + ANSWER_PATIENCE_S
        while True:
            message = self._receive(deadline_s)
            match message:
                case None:
                    return None
                case Found() if message.number == self._number:
                    return message.boxes
                case Dropped() if message.number == self._number:
                    return None
                case Failed() if message.number == self._number:
                    told = f"model {self._hello.model_id!r} failed on a picture ({message.message})"
                    raise ModelError(f"{told}: see whether its GPU or its server is well, or choose another model")
                case Found() | Dropped() | Failed():
                    continue  # an answer that nobody waits for any more
                case _:
                    raise ValueError(f"{type(message).__name__} is no answer")

    def _first_ready(self) -> None:
        """Wait for the model, over deaths of the process."""
        deadline_s, deaths = time.monotonic() + LOAD_PATIENCE_S, 0
        while deaths < LOAD_DEATHS and time.monotonic() < deadline_s and not self._give_up.is_set():
            try:
                if self._await_ready(min(deadline_s, time.monotonic() + GIVE_UP_WITHIN_S)) is not None:
                    return
            except (OSError, ValueError) as error:
                deaths += self._loading
                self._lost(error)
                self._give_up.wait(RETURN_PATIENCE_S)
        self._drop_connection()
        if self._give_up.is_set():
            raise ModelError(f"model {self._hello.model_id!r}: not waited for, as the edge stops")
        raise ModelError(
            f"model {self._hello.model_id!r}: the inference process did not come up with it: see the log, and whether "
            "the box has memory enough, or choose another model"
        )

    def _return(self) -> bool:
        """See whether the process is back. What was drawn is taken along, if the model's input is what it was."""
        drawn = self._canvas
        if self._await_ready(time.monotonic() + RETURN_PATIENCE_S) is None:
            return False
        log.info("inference_back camera=%s", self._hello.camera_id)
        if drawn.shape != self._canvas.shape:
            return False
        self._canvas[:] = drawn
        return True

    def _await_ready(self, deadline_s: float) -> Ready | None:
        """Get connected, and wait until the model is loaded; None: it is not yet."""
        if self._connection is None:
            self._connect()
        while True:
            message = self._receive(deadline_s)
            match message:
                case None:
                    return None
                case Loading():
                    self._loading = True
                case Ready():
                    self._share(message)
                    return message
                case Refused():
                    self._drop_connection()
                    raise ModelError(message.message)
                case _:
                    raise ValueError(f"{type(message).__name__} is no answer to Hello")

    def _connect(self) -> None:
        if self._closed:
            raise OSError("closed")
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            connection.settimeout(ANSWER_PATIENCE_S)
            connection.connect(self._address)
        except OSError:
            connection.close()
            raise
        self._connection = connection
        if not same_user(connection):
            raise OSError("another user's process answers at the address of the inference process")
        self._send(self._hello)

    def _share(self, ready: Ready) -> None:
        """Make a slot of the model's size and hand it over."""
        assert self._connection is not None  # noqa: S101 - it just spoke
        handle, canvas = make_slot(ready.input_wh)
        try:
            socket.send_fds(self._connection, [pack(Share(ready.input_wh))], [handle])
        finally:
            os.close(handle)
        self._canvas, self._class_names, self._ready = canvas, ready.class_names, ready

    def _send(self, message: Message) -> None:
        assert self._connection is not None  # noqa: S101 - connected
        self._connection.settimeout(ANSWER_PATIENCE_S)
        self._connection.send(pack(message))

    def _receive(self, deadline_s: float) -> Message | None:
        """The next message; None: none came in time."""
        assert self._connection is not None  # noqa: S101 - connected
        # Never zero: that would make the socket one that does not wait at all.
        self._connection.settimeout(max(0.001, deadline_s - time.monotonic()))
        try:
            packet = self._connection.recv(MAX_PACKET)
        except TimeoutError:
            return None
        if not packet:
            raise ConnectionResetError("the inference process ended")
        return unpack(packet)

    def _lost(self, error: Exception) -> None:
        # Once for each loss: not at each search while the process is away.
        if not self._closed and (self._ready or self._loading):
            log.warning("inference_lost camera=%s cause=%r", self._hello.camera_id, str(error))
        self._drop_connection()

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        self._ready, self._loading = None, False
        if connection is not None:
            connection.close()


class RemoteDetectors:
    """Implements `edge.ports.DetectorSource` with the inference process of the box.

    Args:
        address: Where it is called.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._give_up = threading.Event()
        self._askers: weakref.WeakSet[RemoteAsker] = weakref.WeakSet()

    def worker_for(self, camera: CameraConfig) -> CameraSearch:
        """Who searches a camera's frames.

        Raises:
            ModelError: The model cannot be loaded, or does not know what the camera has to look for.
        """
        return self._search(Hello(camera.camera.id, camera.detect.model, needed_classes(camera)))

    def parts_worker_for(self, camera: CameraConfig) -> CameraSearch | None:
        """See `DetectorSource`.

        Raises:
            ModelError: The model cannot be loaded, or does not know the parts that the camera's rules are about.
        """
        model_id = parts_model_of(camera)
        return None if model_id is None else self._search(Hello(camera.camera.id, model_id, camera.part_classes))

    def plates_worker_for(self, camera: CameraConfig) -> CameraSearch | None:
        """See `DetectorSource`.

        Raises:
            ModelError: The model cannot be loaded.
        """
        plates = camera.plates
        if not plates.enabled or plates.model is None:
            return None
        return self._search(Hello(camera.camera.id, plates.model, ()))

    def _search(self, hello: Hello) -> CameraSearch:
        asker = RemoteAsker(self._address, hello, self._give_up)
        self._askers.add(asker)
        return CameraSearch(asker)

    def stop_loading(self) -> None:
        """See `DetectorSource`."""
        self._give_up.set()

    def close(self) -> None:
        """No more searches."""
        for asker in list(self._askers):
            asker.close()
