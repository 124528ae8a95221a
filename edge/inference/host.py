"""The main process's side: keeps the inference process running, and tells how it is."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from edge.inference.address import listen, new_address
from edge.inference.entry import InferenceSetup, SharedInference, run_inference
from edge.status import WorkerSnapshot
from edge.workers.child import Child
from edge.workers.messages import Death, Report

log = logging.getLogger(__name__)

NAME = "inference"


class InferenceHost:
    """Runs the inference process of a box. Thread-safe.

    Args:
        config_dir: The configuration folder.
        secret_values: What no log may repeat.
    """

    def __init__(self, config_dir: Path, secret_values: Sequence[str] = ()) -> None:
        self._address = new_address()
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._report: Report | None = None
        self._config_dir = config_dir
        self._secret_values = tuple(secret_values)
        self._child = Child(
            NAME,
            run_inference,
            self._setup,
            on_start=lambda: None,
            on_message=self._heard,
            on_death=self._died,
        )

    @property
    def inference(self) -> SharedInference:
        """What workers are given."""
        return SharedInference(self._address)

    def start(self) -> None:
        """Start the process, and keep it running."""
        self._listener = listen(self._address)
        self._child.start()

    def snapshot(self) -> WorkerSnapshot:
        """How it is now."""
        with self._lock:
            report = self._report
        return WorkerSnapshot(
            name=NAME,
            kind="inference",
            pid=self._child.pid,
            rss_bytes=report.usage.rss_bytes if report else 0,
            cpu_s=report.usage.cpu_s if report else 0.0,
            restarts=self._child.restarts,
            figures=report.figures if report else {},
        )

    def stop(self, within_s: float) -> None:
        """End the process; after `within_s` it is killed."""
        self._child.ask_to_stop()
        self._child.join(time.monotonic() + within_s)
        if self._listener is not None:
            self._listener.close()

    def _setup(self) -> InferenceSetup:
        assert self._listener is not None  # noqa: S101 - opened at the start
        return InferenceSetup(self._listener, self._config_dir, log.getEffectiveLevel(), self._secret_values)

    def _heard(self, message: object) -> None:
        if isinstance(message, Report):
            with self._lock:
                self._report = message

    def _died(self, _death: Death) -> None:
        with self._lock:
            self._report = None
