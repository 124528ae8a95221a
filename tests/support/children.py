"""What child processes of tests do: real processes, small work."""

from __future__ import annotations

import os
import signal
import threading
from multiprocessing.connection import Connection

from edge.workers.messages import Stop


def echo(connection: Connection, argument: object) -> None:
    """Tell the argument, then say everything back; leave when told to stop."""
    connection.send(argument)
    while True:
        message = connection.recv()
        if isinstance(message, Stop):
            return
        if message == "crash":
            os.kill(os.getpid(), signal.SIGABRT)
        connection.send(message)


def deaf(connection: Connection, argument: object) -> None:
    """Talk, and never listen."""
    silence = threading.Event()
    while True:
        connection.send(argument)
        silence.wait(0.1)


def stutter(connection: Connection, argument: object) -> None:
    """Begin a message, and never end it."""
    connection.send(argument)
    os.write(connection.fileno(), (1000).to_bytes(4, "big") + b"half")
    threading.Event().wait()


def linger(connection: Connection, argument: object) -> None:
    """Tell the process id, hang up, and stay."""
    connection.send(os.getpid())
    connection.close()
    threading.Event().wait()
