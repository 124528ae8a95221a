"""Where the inference process begins, and where workers find it: nothing heavy, as the main process imports it too."""

from __future__ import annotations

import logging
import socket
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from edge.ports import DetectorSource

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InferenceSetup:
    """What the process is given at its start: through the pipe of its making."""

    listener: socket.socket
    """Where cameras call; the main process keeps it open over deaths."""
    config_dir: Path
    """Its own models lie there."""
    log_level: int
    secret_values: tuple[str, ...]
    """What no log may repeat."""


def run_inference(connection: Connection, setup: InferenceSetup) -> None:
    """Search the cameras' pictures until told to stop."""
    from edge.inference.process import run
    from edge.workers.process import prepare

    prepare(setup.secret_values, setup.log_level)
    try:
        run(connection, setup)
    except Exception:  # multiprocessing would print it past the log, which blanks secrets
        log.exception("inference_failed")
        sys.exit(1)


@dataclass(frozen=True, slots=True)
class SharedInference:
    """Implements `edge.workers.messages.Inference`: every worker asks one process."""

    address: str

    def open(self) -> DetectorSource:
        """See `Inference`."""
        from edge.inference.client import RemoteDetectors

        return RemoteDetectors(self.address)
