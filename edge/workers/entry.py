"""Where a worker process begins: imports nothing heavy, because the main process imports it too."""

from __future__ import annotations

from multiprocessing.connection import Connection

from edge.workers.messages import WorkerSetup


def run_worker(connection: Connection, setup: WorkerSetup) -> None:
    """Watch cameras until told to stop."""
    from edge.workers.process import WorkerProcess, prepare

    prepare(setup)
    WorkerProcess(connection, setup).run()
