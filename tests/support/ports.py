"""Ports for servers that tests stop and start again at the same address."""

from __future__ import annotations

import random
import socket

_FIRST, _LAST = 20_000, 32_000
"""Below the ports that systems give to whoever asks for any (Linux: from 32768): nobody gets ours between two uses."""


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    while True:
        port = random.SystemRandom().randint(_FIRST, _LAST)  # tests beside this one, even of the same seed, get others
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
