"""A bad network between a camera and the edge: a TCP proxy that damages RTP, sets its clock or falls silent."""

from __future__ import annotations

import random
import socket
import threading
from types import TracebackType
from typing import Self

_INTERLEAVED = 0x24  # "$" begins an RTP packet inside RTSP (RFC 2326, 10.12)
_RTP_HEAD = 12
_CHUNK = 65_536


class FaultyProxy:
    """Forwards one RTSP server over TCP.

    Attributes:
        damage: Share of the RTP packets of video in which some bytes are flipped.
        shift_s: Added to the camera's clock (the timestamps of its packets).
        deaf: Nothing more reaches the client, but its connection stays open.
    """

    def __init__(self, port: int) -> None:
        self.damage, self.shift_s, self.deaf = 0.0, 0.0, False
        self.damaged = 0
        self._target = ("127.0.0.1", port)
        self._rng = random.Random(4)
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def port(self) -> int:
        """Where to connect."""
        return int(self._server.getsockname()[1])

    def url(self, name: str) -> str:
        """Address of a stream through the proxy."""
        return f"rtsp://127.0.0.1:{self.port}/{name}"

    def cut(self) -> None:
        """Close every connection."""
        for one in self._open:
            one.close()
        self._open.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
                camera = socket.create_connection(self._target, timeout=10)
            except OSError:
                return  # the proxy or the camera has gone
            camera.settimeout(None)
            self._open += [client, camera]
            threading.Thread(target=self._forward, args=(client, camera), daemon=True).start()
            threading.Thread(target=self._spoil, args=(camera, client), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(_CHUNK):
                target.sendall(data)
        except OSError:
            pass
        finally:
            target.close()

    def _spoil(self, camera: socket.socket, client: socket.socket) -> None:
        waiting = b""
        try:
            while data := camera.recv(_CHUNK):
                waiting += data
                while waiting:
                    if waiting[0] != _INTERLEAVED:  # an answer of RTSP: GStreamer sends each in one piece
                        ready, waiting = waiting, b""
                    elif len(waiting) >= 4 and len(waiting) >= (size := 4 + int.from_bytes(waiting[2:4], "big")):
                        ready, waiting = self._packet(bytearray(waiting[:size])), waiting[size:]
                    else:
                        break
                    if not self.deaf:
                        client.sendall(ready)
        except OSError:
            pass
        finally:
            client.close()

    def _packet(self, frame: bytearray) -> bytes:
        if frame[1] % 2 or len(frame) < 4 + _RTP_HEAD:
            return b"" if self.shift_s else bytes(frame)  # reports of a clock that was set would undo it
        if self.shift_s:
            stamp = int.from_bytes(frame[8:12], "big") + round(self.shift_s * 90_000)
            frame[8:12] = (stamp % 2**32).to_bytes(4, "big")
        first = 4 + _RTP_HEAD + 2  # the payload's own header stays: flipped there, a packet is merely dropped
        if len(frame) > first + 20 and self._rng.random() < self.damage:
            self.damaged += 1
            for _ in range(8):
                frame[self._rng.randrange(first, len(frame))] ^= self._rng.randrange(1, 256)
        return bytes(frame)
