"""What runs in a worker process: the supervisor of a few cameras, and the talk with the main process.

reader thread   answers go to whoever asked; the pipe's end ends the process at once
main thread     puts configurations in force, one after another, and tries again what was refused
report thread   each second
cameras         three threads each, see `edge.worker`
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import logging
import os
import queue
import signal
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from multiprocessing.connection import Connection
from uuid import UUID

import cv2

from contract.config_loader import LoadedCamera
from contract.ids import uuid7
from contract.site_config import SiteConfig
from edge.backoff import Backoff
from edge.bootstrap import make_parts
from edge.clock import SystemClock
from edge.logs import configure_logging, log_threads_that_fail
from edge.look.eyes import Eyes
from edge.look.messages import Glance
from edge.supervisor import Supervisor
from edge.worker import CameraParts
from edge.workers.link import MainLink, RemoteEvidence, RemoteOutbox
from edge.workers.messages import Answer, Apply, CameraReport, Report, Stop, Usage, WorkerSetup

log = logging.getLogger(__name__)

REPORT_EVERY_S = 1.0
AGAIN_S, AGAIN_CAP_S = 60.0, 3600.0
"""Between attempts at what was refused. Seldom at last: loading a model that cannot be loaded may cost the others."""
KEPT_PICTURE_BYTES = 32 << 20
"""Larger blocks go back to the system when they are freed: a 4K picture in colour has 25 MB. It is glibc's largest."""
KEPT_BYTES = 64 << 20
"""So much free memory is kept for what comes next."""
ARENAS = 2
"""Cameras use each other's free memory, instead of each of their threads its own."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h
ORPHANED = 3
"""Exit status of a worker whose main process died."""


def prepare(secret_values: Iterable[str], log_level: int) -> None:
    """Make this process one of ours.

    Args:
        secret_values: What no log may repeat.
        log_level: As the main process's.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a group's are the main process's, which stops its children in order
    cv2.setNumThreads(1)  # cameras share the cores: a small picture split among threads costs more than it gains
    _keep_large_memory()
    gc.freeze()  # a full collection would touch, and so copy, all that is shared with the fork server
    configure_logging(secret_values, log_level)
    log_threads_that_fail()
    faulthandler.enable(all_threads=False)  # a decoder or a model that crashes leaves a trace of what it was doing


def _keep_large_memory() -> None:
    """Let the C library keep freed memory of a picture's size for the next picture.

    By default it gives such memory back to the system at once, and each new picture costs a page fault for every 4 kB:
    drawing a 1080p picture took 3.5 ms instead of 0.7. Where the library is not glibc, nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, ARENAS)
        mallopt(_M_MMAP_THRESHOLD, KEPT_PICTURE_BYTES)
        mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)


class WorkerProcess:
    """The cameras of one worker.

    Args:
        connection: To the main process.
        setup: How it was started.
    """

    def __init__(self, connection: Connection, setup: WorkerSetup) -> None:
        self._connection = connection
        self._settings = setup.settings
        self._clock = SystemClock()
        self._link = MainLink(connection)
        self._told: queue.SimpleQueue[Apply | Stop] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._site: SiteConfig | None = None
        self._outbox = RemoteOutbox(self._link)
        self._evidence = RemoteEvidence(self._link, setup.scratch_dir)
        self._clips = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clips")
        self._eyes = Eyes(self._link.send, self._clock)
        self._supervisor = Supervisor(self._make_parts, self._clock)
        self._detectors = setup.inference.open()
        threading.Thread(target=self._read, name="read", daemon=True).start()
        threading.Thread(target=self._report, name="report", daemon=True).start()

    def run(self) -> None:
        """Do as told until told to stop; open events are ended, and in the outbox, on return."""
        again = Backoff(AGAIN_S, AGAIN_CAP_S)
        while True:
            try:
                told = self._told.get(timeout=again.failed())
            except queue.Empty:
                self._supervisor.try_again()
                gc.collect()  # cameras that were exchanged go round in circles, with their packets in memory
                continue
            if isinstance(told, Stop):
                break
            again.succeeded()
            if self._site is not None and told.site != self._site:
                self._supervisor.apply({})  # schedules and villages may have changed for every camera
            self._site = told.site
            self._supervisor.apply(told.cameras)
        self._eyes.close()
        self._supervisor.stop()
        self._clips.shutdown(wait=False, cancel_futures=True)
        self._detectors.close()
        self._stopped.set()

    def _read(self) -> None:
        try:
            while True:
                message = self._connection.recv()
                if isinstance(message, Answer):
                    self._link.settle(message)
                elif isinstance(message, Glance):
                    self._eyes.ask(message)
                else:
                    self._told.put(message)
                    if isinstance(message, Stop):  # the main thread may be waiting for a model
                        self._detectors.stop_loading()
        except (EOFError, OSError):
            pass
        except Exception:  # an answer that cannot be read: whoever waits for it would wait forever
            log.exception("reader_failed")
        if not self._stopped.is_set():
            os._exit(ORPHANED)  # what is open is ended by the next start; cameras must not be read twice

    def _report(self) -> None:
        with suppress(OSError):  # the reader sees the same end
            while not self._stopped.is_set():
                versions, figures = self._supervisor.versions(), self._supervisor.figures()
                cameras = {
                    status.camera_id: CameraReport(
                        status, versions.get(status.camera_id, ""), figures.get(status.camera_id, {})
                    )
                    for status in self._supervisor.statuses()
                }
                self._link.send(Report(Usage.of_this_process(), cameras, {}))
                self._stopped.wait(REPORT_EVERY_S)

    def _make_parts(self, loaded: LoadedCamera) -> CameraParts:
        assert self._site is not None  # noqa: S101 - set before cameras are
        return make_parts(
            loaded,
            self._site,
            self._settings,
            detectors=self._detectors,
            folder=self._evidence,
            sink=self._outbox,
            new_id=_random_id,
            run_clip=self._clips.submit,
            clock=self._clock,
            eyes=self._eyes,
        )


def _random_id(at: datetime, _content: str) -> UUID:
    return uuid7(at)
