"""What runs in the inference process beside the server: the talk with the main process.

control thread  the pipe's end ends the process at once
report thread   each second; ends the process when a model hangs
"""

from __future__ import annotations

import logging
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

log = logging.getLogger(__name__)

HUNG_S = 120.0
"""No picture takes so long, not even where a server is asked that is away. A fresh process may have more luck."""
HUNG = 4
"""Exit status of a process whose model hung."""


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
            if server.longest_s > HUNG_S:
                log.critical("model_hung for_s=%.0f: see whether its GPU or its server is well", server.longest_s)
                os._exit(HUNG)
            if stopped.wait(REPORT_EVERY_S):
                return
