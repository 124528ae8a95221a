"""Where a worker process begins: imports nothing heavy, because the main process imports it too."""

from __future__ import annotations

import logging
import sys
from multiprocessing.connection import Connection

from edge.workers.messages import WorkerSetup

log = logging.getLogger(__name__)


def run_worker(connection: Connection, setup: WorkerSetup) -> None:
    """Watch cameras until told to stop."""
    from edge.workers.process import WorkerProcess, prepare

    prepare(setup.settings.secret_values, setup.log_level)
    try:
        WorkerProcess(connection, setup).run()
    except Exception:  # multiprocessing would print it past the log, which blanks secrets
        log.exception("worker_failed worker=%s", setup.name)
        sys.exit(1)
