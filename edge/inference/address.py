"""Where the inference process of an edge is called: a local socket in Linux's namespace without files.

Nothing stays behind on the disk, and only processes of the same user are served.
"""

from __future__ import annotations

import os
import secrets
import socket
import struct

_CREDENTIALS = struct.Struct("3i")
_BACKLOG = 256


def new_address() -> str:
    """An address that no one can guess."""
    return f"\0langan-inference-{secrets.token_hex(16)}"


def listen(address: str) -> socket.socket:
    """Open the socket that cameras call at."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address)
    listener.listen(_BACKLOG)
    return listener


def same_user(peer: socket.socket) -> bool:
    """Whether the process at the other end belongs to this process's user."""
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(credentials)[1]) == os.geteuid()
