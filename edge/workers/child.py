"""One child process that is kept running: started, listened to, killed when it hangs, and started again when it died.

Children come from a fork server that has their libraries loaded already: each then starts in some 10 ms and shares its
code and constants with the others (`docs/design/decisions.md` has the figures).
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from os import close, dup, pidfd_open
from typing import Any

from edge.backoff import Backoff
from edge.workers.messages import Death, Stop

log = logging.getLogger(__name__)

SILENCE_S = 20.0
"""A child that says nothing for so long hangs. It reports each second."""
STABLE_S = 60.0
"""A child that lived so long has recovered: its next death is a new one."""
_FIRST_RETRY_S = 0.5
_LAST_RETRY_S = 30.0
_SEND_S = 5.0
_REAP_S = 2.0
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["edge.workers.process"])
_PROCESSES = threading.Lock()
"""`multiprocessing` keeps one book of all children, and is not made for several threads."""
_OURS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
"""Signals to a whole group of processes (Ctrl-C, systemd) are the main process's alone."""


class Child:
    """Keeps one process running. Thread-safe.

    Args:
        name: For logs and figures; stable over restarts.
        target: Runs in the child: `target(connection, argument)`. A function of a module.
        argument: Made anew for each start; pickled.
        on_start: Called when it was started: send it what it needs.
        on_message: Called with what it says, in order, by one thread.
        on_death: Called when it ended, asked or not, after its last message and before it is started again.
        silence_s: A child that says nothing for so long is killed.
    """

    def __init__(
        self,
        name: str,
        target: Callable[[Connection, Any], None],
        argument: Callable[[], object],
        *,
        on_start: Callable[[], None],
        on_message: Callable[[object], None],
        on_death: Callable[[Death], None],
        silence_s: float = SILENCE_S,
    ) -> None:
        self.name = name
        self.restarts = 0
        self._target = target
        self._argument = argument
        self._on_start = on_start
        self._on_message = on_message
        self._on_death = on_death
        self._silence_s = silence_s
        self._stopping = threading.Event()
        self._sending = threading.Lock()
        self._connection: Connection | None = None
        self._pid = 0
        self._handling = threading.Lock()
        self._handle: int | None = None
        """Of the process itself: its number may be another's once it is dead."""
        self._thread = threading.Thread(target=self._keep, name=f"keep-{name}", daemon=True)

    def start(self) -> None:
        """Start it, and keep it running from now on."""
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """None while it does not run."""
        return self._pid if self._connection is not None else None

    def send(self, message: object) -> bool:
        """Say something to the child; False: it is not there to hear. One that does not listen is killed."""
        with self._sending:
            if self._connection is None:
                return False
            try:
                self._connection.send(message)
            except OSError as error:
                log.warning("child_deaf child=%s cause=%r", self.name, str(error))
                self._kill()
                return False
            return True

    def ask_to_stop(self) -> None:
        """Begin to stop: it is not started again."""
        self._stopping.set()
        self.send(Stop())

    def join(self, deadline_s: float) -> None:
        """Wait until it has ended; at `deadline_s` of the monotonic clock it is killed.

        One that not even that ends, because a driver holds it up, is left behind.
        """
        if not self._thread.is_alive():
            return
        self._thread.join(max(0.0, deadline_s - time.monotonic()))
        if self._thread.is_alive():
            log.error("child_killed child=%s cause='it did not stop in time'", self.name)
            self._kill()
            self._thread.join(_REAP_S)

    def _keep(self) -> None:
        backoff = Backoff(_FIRST_RETRY_S, _LAST_RETRY_S)
        while not self._stopping.is_set():
            started_s = time.monotonic()
            try:
                reason = self._live()
            except Exception as error:  # no memory, no file handles: the next try may find some
                log.exception("child_not_started child=%s", self.name)
                reason = f"it could not be started ({type(error).__name__})"
            lived_s = time.monotonic() - started_s
            if lived_s > STABLE_S:
                backoff.succeeded()
            delay_s = backoff.failed()
            if not self._stopping.is_set():
                log.error(
                    "child_died child=%s cause=%r lived_s=%.0f retry_in_s=%.1f", self.name, reason, lived_s, delay_s
                )
            try:
                self._on_death(Death(reason, lived_s, delay_s))
            except Exception:  # a defect here must not leave the cameras without a worker
                log.exception("death_not_met child=%s", self.name)
            if self._stopping.wait(delay_s):
                return
            self.restarts += 1

    def _live(self) -> str:
        """Run the child once, from start to end; return how it ended."""
        with ExitStack() as stack:
            ours, theirs = _CONTEXT.Pipe()
            stack.callback(ours.close)
            stack.callback(theirs.close)
            _limit_waiting(ours, self._silence_s)
            process = _CONTEXT.Process(
                target=self._target, args=(theirs, self._argument()), name=f"langan-{self.name}", daemon=True
            )
            with _PROCESSES:
                _start_deaf_to_signals(process)
            stack.callback(self._bury, process)
            theirs.close()
            assert process.pid is not None  # noqa: S101 - it was started
            with suppress(ProcessLookupError):  # it is dead already
                self._handle = pidfd_open(process.pid)
            with self._sending:
                self._connection, self._pid = ours, process.pid
            log.info("child_started child=%s pid=%d", self.name, process.pid)
            self._on_start()
            if self._stopping.is_set():
                self.send(Stop())
            hung = self._listen(ours)
            with self._sending:
                self._connection = None
            if self._handle is not None and not wait([self._handle], _REAP_S):
                self._kill()
            self._await_end()
            with _PROCESSES:
                process.join()
            return hung or _told(process.exitcode)

    def _bury(self, process: ForkServerProcess) -> None:
        """Let nothing of a child stay behind, however far it came."""
        with self._sending:
            self._connection = None
        self._kill()
        self._await_end()
        with self._handling:
            if self._handle is not None:
                close(self._handle)
            self._handle = None
        with _PROCESSES:
            process.join()
            process.close()

    def _listen(self, connection: Connection) -> str:
        """Take messages until the child is gone; return what was wrong if it had to be killed."""
        hung = ""
        while True:
            try:
                if not connection.poll(self._silence_s):
                    hung = f"it said nothing for {self._silence_s:.0f} s"
                    self._kill()
                message = connection.recv()
            except BlockingIOError:  # what was begun to be said is lost, and all after it
                self._kill()
                return f"it stopped in the middle of a message for {self._silence_s:.0f} s"
            except (EOFError, OSError):
                return hung
            try:
                self._on_message(message)
            except Exception:  # a defect here must not leave the child, and its cameras, without a listener
                log.exception("message_failed child=%s kind=%s", self.name, type(message).__name__)
                hung = "the main process could not take its message"
                self._kill()

    def _await_end(self) -> None:
        """Wait for the end of one that was killed. Without the lock: one that a driver holds up holds up no other."""
        if self._handle is not None:
            wait([self._handle])

    def _kill(self) -> None:
        with self._handling, suppress(ProcessLookupError):
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)


def _start_deaf_to_signals(process: ForkServerProcess) -> None:
    """Start a process that the group's signals do not reach: blocked signals are inherited."""
    resource_tracker.ensure_running()  # it would unblock them while it is started
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OURS)
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _limit_waiting(connection: Connection, silence_s: float) -> None:
    """Let `send` and `recv` fail rather than wait for a child that stopped in the middle of a message."""
    with socket.socket(fileno=dup(connection.fileno())) as handle:
        for option, limit_s in ((socket.SO_SNDTIMEO, _SEND_S), (socket.SO_RCVTIMEO, silence_s)):
            whole_s = int(limit_s)
            microseconds = int((limit_s - whole_s) * 1e6)
            handle.setsockopt(socket.SOL_SOCKET, option, struct.pack("@ll", whole_s, microseconds))


def _told(status: int | None) -> str:
    if status is not None and status < 0:
        try:
            return f"it was killed by {signal.Signals(-status).name}"
        except ValueError:
            return f"it was killed by signal {-status}"
    return f"it ended with status {status}"
