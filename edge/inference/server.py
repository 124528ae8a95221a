"""The inference process's side: takes cameras in, loads their models, answers their searches.

main thread     takes connections and packets
loader thread   loads models, one after another, while those that are loaded go on working
model threads   search, and send the answers themselves
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import count

import numpy as np
from numpy.typing import NDArray

from edge.detection.loaded import LoadedModels
from edge.detection.model import Boxes
from edge.detection.worker import InferenceWorker
from edge.errors import ModelError
from edge.inference.address import same_user
from edge.inference.slot import open_slot
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

log = logging.getLogger(__name__)


class _Caller:
    """One camera's connection."""

    def __init__(self, connection: socket.socket, name: str) -> None:
        self.name = name
        self.camera_id = ""
        self.worker: InferenceWorker | None = None
        self.slot: NDArray[np.uint8] | None = None
        self.connection = connection
        self._lock = threading.Lock()
        self._closed = False

    def send(self, message: Message) -> None:
        """Send without waiting. A caller that is gone, or does not listen, is hung up on."""
        with self._lock:
            if self._closed:
                return
            try:
                self.connection.send(pack(message), socket.MSG_DONTWAIT)
            except OSError:
                with suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)  # the main thread reads its end

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self.connection.close()


class InferenceServer:
    """Serves cameras until it is stopped.

    Args:
        listener: Where they call; stays the caller's.
        models: Stay the caller's.
    """

    def __init__(self, listener: socket.socket, models: LoadedModels) -> None:
        self._listener = listener
        self._models = models
        self._callers: set[_Caller] = set()
        self._numbers = count(1)
        self._loader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loader")
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._woken, selectors.EVENT_READ, None)

    def serve(self) -> None:
        """Take calls until `stop`."""
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    self._close()
                    return
                key.data()

    def stop(self) -> None:
        """End `serve`. May be called from any thread."""
        self._waker.send(b"x")

    @property
    def longest_s(self) -> float:
        """For how long some model has been at a picture that it has not answered. May be asked from any thread."""
        return max((worker.longest_s for worker in self._models.workers().values()), default=0.0)

    def figures(self) -> dict[str, float]:
        """By the names of `edge.metrics.WORKER_FIGURES`. May be called from any thread."""
        workers = list(self._models.workers().values())
        counters = [worker.counters for worker in workers]
        busiest = max(workers, key=lambda worker: worker.counters.detected, default=None)
        return {
            "models_loaded": len(workers),
            "cameras_connected": len(self._callers),
            "queue_depth": sum(worker.queue_depth for worker in workers),
            "search_batches": sum(each.batches for each in counters),
            "searches_done": sum(each.detected for each in counters),
            "searches_superseded": sum(each.superseded for each in counters),
            "searches_failed": sum(each.failed for each in counters),
            "search_usual_s": round(busiest.usual_ms / 1000, 5) if busiest is not None else 0.0,
        }

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # it hung up before it was heard
            return
        if not same_user(connection):
            log.warning("caller_refused cause='it belongs to another user'")
            connection.close()
            return
        caller = _Caller(connection, f"caller-{next(self._numbers)}")
        self._callers.add(caller)
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._read(caller))

    def _read(self, caller: _Caller) -> None:
        handles: list[int] = []
        try:
            packet, handles, _, _ = socket.recv_fds(caller.connection, MAX_PACKET, 1, socket.MSG_DONTWAIT)
            if packet:
                self._take(caller, unpack(packet), handles)
            else:
                self._hang_up(caller)
        except BlockingIOError:
            return
        except (ValueError, OSError) as error:
            log.warning("caller_hung_up camera=%s cause=%r", caller.camera_id, str(error))
            self._hang_up(caller)
        finally:
            for handle in handles:
                os.close(handle)

    def _take(self, caller: _Caller, message: Message, handles: list[int]) -> None:
        match message:
            case Hello() if not caller.camera_id:
                caller.camera_id = message.camera_id
                loading = self._loader.submit(self._load, caller, message)
                loading.add_done_callback(lambda loaded: self._loaded(caller, message, loaded))
            case Share() if handles and caller.worker is not None and caller.worker.input_wh == message.input_wh:
                caller.slot = open_slot(handles[0], message.input_wh)
            case Ask() if caller.worker is not None and caller.slot is not None:
                answer = caller.worker.submit(caller.name, caller.slot)
                answer.add_done_callback(_answering(caller, message.number))
            case _:
                raise ValueError(f"{type(message).__name__} does not belong here")

    def _load(self, caller: _Caller, hello: Hello) -> InferenceWorker:
        caller.send(Loading())
        return self._models.worker_for(hello.model_id, hello.needed)

    @staticmethod
    def _loaded(caller: _Caller, hello: Hello, loaded: Future[InferenceWorker]) -> None:
        """Tell a camera whether it has its model. Called by the loader."""
        if loaded.cancelled():
            return
        error = loaded.exception()
        if error is None:
            caller.worker = loaded.result()
            caller.send(Ready(caller.worker.class_names, caller.worker.input_wh))
        elif isinstance(error, ModelError):
            caller.send(Refused(str(error)))
        else:
            log.error("model_failed model=%s", hello.model_id, exc_info=error)
            remedy = "see the log, and report this defect"
            caller.send(
                Refused(f"model {hello.model_id!r} cannot be loaded ({type(error).__name__}: {error}): {remedy}")
            )

    def _hang_up(self, caller: _Caller) -> None:
        self._selector.unregister(caller.connection)
        self._callers.discard(caller)
        if caller.worker is not None:
            caller.worker.forget(caller.name)
        caller.slot = None
        caller.close()

    def _close(self) -> None:
        for caller in list(self._callers):
            self._hang_up(caller)
        self._loader.shutdown(cancel_futures=True)
        self._selector.close()
        self._woken.close()
        self._waker.close()


def _answering(caller: _Caller, number: int) -> Callable[[Future[Boxes | None]], None]:
    """What is done with an answer, by the thread that found it."""

    def answer(found: Future[Boxes | None]) -> None:
        error = found.exception()
        if error is not None:
            log.debug("search_failed camera=%s", caller.camera_id, exc_info=error)  # the camera's own log tells it
            caller.send(Failed(number, f"{type(error).__name__}: {error}"))
            return
        boxes = found.result()
        caller.send(Dropped(number) if boxes is None else Found(number, boxes))

    return answer
