"""systemd's notify protocol (sd_notify(3)): one datagram for each message, no library."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping

log = logging.getLogger(__name__)

_ONCE_S = 1.0
"""For what is told once only; systemd would wait for it in vain."""


class SystemdNotifier:
    """Tells systemd how the service is; silent where none listens.

    Args:
        environment: Names the socket, and how often the watchdog wants to hear.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the NUL of an abstract socket.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_s = _watchdog_s(environment) if address else None
        """How long systemd waits for a sign of life; None: it does not."""
        self._status = ""

    def ready(self) -> None:
        """The service does its work, for the first time or again after a reload."""
        self._send("READY=1", _ONCE_S)

    def reloading(self) -> None:
        """The configuration is being read again; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}", _ONCE_S)

    def stopping(self) -> None:
        """The service ends: what is still to be sent may take some seconds."""
        self._send("STOPPING=1", _ONCE_S)

    def alive(self) -> None:
        """A sign of life for the watchdog."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`; sent when it changes."""
        line = " ".join(text.split())
        if line != self._status and self._send(f"STATUS={line}"):
            self._status = line

    def _send(self, message: str, patience_s: float = 0.0) -> bool:
        """Whether it was sent: a systemd that is busy reads nothing for a while, and few messages wait for it."""
        if not self._address:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(patience_s)
                sender.sendto(message.encode(), self._address)
        except OSError as error:
            log.debug("systemd_not_told message=%r cause=%r", message, str(error))
            return False
        return True


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    usec, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not usec.isascii() or not usec.isdigit() or int(usec) == 0 or pid not in {"", str(os.getpid())}:
        return None
    return int(usec) / 1e6
