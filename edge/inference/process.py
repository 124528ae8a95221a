"""What runs in the inference process beside the server: the talk with the main process.

control thread  the pipe's end ends the process at once
report thread   each second
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from multiprocessing.connection import Connection

from edge.detection.loaded import LoadedModels
from edge.detection.manifest import models_of
from edge.inference.entry import InferenceSetup
from edge.inference.server import InferenceServer
from edge.workers.messages import Report, Stop, Usage
from edge.workers.process import ORPHANED, REPORT_EVERY_S


def run(connection: Connection, setup: InferenceSetup) -> None:
    """Serve until the main process says stop, or ends."""
    models = LoadedModels()
    server = InferenceServer(setup.listener, models)
    stopped = threading.Event()
    threading.Thread(target=_listen, args=(connection, server), name="control", daemon=True).start()
    threading.Thread(target=_report, args=(connection, server, stopped), name="report", daemon=True).start()
    with models_of(setup.config_dir):
        server.serve()
    stopped.set()
    models.close()


def _listen(connection: Connection, server: InferenceServer) -> None:
    try:
        while not isinstance(connection.recv(), Stop):
            pass
    except (EOFError, OSError):
        os._exit(ORPHANED)
    server.stop()


def _report(connection: Connection, server: InferenceServer, stopped: threading.Event) -> None:
    with suppress(OSError):  # the control thread sees the same end
        while True:
            connection.send(Report(Usage.of_this_process(), {}, server.figures()))
            if stopped.wait(REPORT_EVERY_S):
                return
