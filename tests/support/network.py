"""A network of its own for a test: an edge, two cameras and a bad switch, each in a Linux network namespace.

    edge 10.77.0.1 --- switch of our own --- camera 10.77.0.2
    edge 10.78.0.1 ------------------------- other  10.78.0.2

The kernels' real TCP, UDP and ARP run over it. The switch loses, delays and damages Ethernet frames itself, because
many kernels lack netem; whoever lost its cable behind a switch is not told to the others, as in a real network.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import itertools
import os
import random
import re
import select
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

EDGE, CAMERA, OTHER, _SWITCH = "edge", "camera", "other", "switch"
ADDRESSES = {CAMERA: "10.77.0.2", OTHER: "10.78.0.2"}
_PREFIX = "langan-test"
_MINE = itertools.count()
_CLONE_NEWNET = 0x40000000
_ETH_P_ALL = 0x0003
_PACKET_OUTGOING = 4
_SIOCETHTOOL, _ETHTOOL_SRXCSUM, _ETHTOOL_STXCSUM = 0x8946, 0x15, 0x17
_MAX_FRAME = 65_536
_HEADERS = 14 + 20 + 8
"""Ethernet, IPv4 and UDP: bytes behind them are what a checksum must notice."""
Result = TypeVar("Result")


def namespaces_refused() -> str | None:
    """Say what keeps network namespaces from being made here, or None: the reason of a visible skip."""
    name = f"{_PREFIX}-{os.getpid()}-probe"
    try:
        _ip("netns", "add", name)
    except FileNotFoundError:
        return "`ip` is missing: apt-get install iproute2"
    except subprocess.CalledProcessError as error:
        return f"network namespaces need root: `ip netns add` said: {error.stderr.strip()}"
    _ip("netns", "del", name)
    return None


class Switch:
    """Forwards Ethernet frames between two ports, and does it badly when told to.

    Attributes:
        loss: Share of the frames that vanish, either way; 1: a black hole, nobody is told anything.
        damage: Share of the frames in which one byte is flipped: the receiver's checksum must notice.
        delay_s: Each way.
        lost: Frames that vanished so far.
        damaged: Frames that were damaged so far.
    """

    def __init__(self) -> None:
        self.loss, self.damage, self.delay_s = 0.0, 0.0, 0.0
        self.lost = self.damaged = 0
        self._rng = random.Random(7)
        self._stopping = threading.Event()
        self._ports: list[socket.socket] = []
        self._thread = threading.Thread(target=self._forward, name="switch", daemon=True)

    def start(self) -> None:
        """Begin to forward between `port0` and `port1` of the calling thread's namespace."""
        for name in ("port0", "port1"):
            port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
            self._ports.append(port)
            port.bind((name, 0))
            port.setblocking(False)
        self._thread.start()

    def stop(self) -> None:
        """End and free the ports."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        for port in self._ports:
            port.close()

    def _forward(self) -> None:
        waiting: list[tuple[float, int, socket.socket, bytes]] = []
        numbers = itertools.count()
        first, second = self._ports
        while not self._stopping.is_set():
            patience_s = max(0.0, min(0.1, waiting[0][0] - time.monotonic())) if waiting else 0.1
            for port in select.select(self._ports, [], [], patience_s)[0]:
                target = second if port is first else first
                for frame in _arrived(port):
                    if (passed := self._pass(frame)) is not None:
                        due_s = time.monotonic() + self.delay_s
                        heapq.heappush(waiting, (due_s, next(numbers), target, passed))
            while waiting and waiting[0][0] <= time.monotonic():
                *_, target, frame = heapq.heappop(waiting)
                with suppress(OSError):  # the cable is out, or its queue is full: lost
                    target.send(frame)

    def _pass(self, frame: bytes) -> bytes | None:
        if self._rng.random() < self.loss:
            self.lost += 1
            return None
        if len(frame) > _HEADERS and self._rng.random() < self.damage:
            self.damaged += 1
            spoilt = bytearray(frame)
            spoilt[self._rng.randrange(_HEADERS, len(frame))] ^= 1 << self._rng.randrange(8)
            return bytes(spoilt)
        return frame


def _arrived(port: socket.socket) -> list[bytes]:
    frames = []
    with suppress(OSError):  # nothing more, or the cable is out
        while True:
            frame, (_, _, kind, *_) = port.recvfrom(_MAX_FRAME)
            if kind != _PACKET_OUTGOING:
                frames.append(frame)
    return frames


class Network:
    """The network; gone with everything in it at the end of the block, whatever happened.

    Attributes:
        switch: Stands between the edge and the camera.
    """

    def __init__(self) -> None:
        self._base = f"{_PREFIX}-{os.getpid()}-{next(_MINE)}"
        self.switch = Switch()

    def name(self, of: str) -> str:
        """The namespace of `edge`, `camera` or `other`, for `ip netns exec`."""
        return f"{self._base}-{of}"

    def inside(self, of: str, call: Callable[[], Result]) -> Result:
        """Call something in a thread of that namespace: a socket belongs where it was made."""
        with ThreadPoolExecutor(1, initializer=self.enter, initargs=(of,)) as pool:
            return pool.submit(call).result()

    def enter(self, of: str) -> None:
        """Put the calling thread, and it only, into a namespace. For threads that end with their work."""
        with Path(f"/run/netns/{self.name(of)}").open("rb") as file:
            if _libc.setns(file.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")

    def cable(self, of: str, *, plugged: bool) -> None:
        """Pull or plug the cable of the camera or the edge to the switch.

        An edge's side that comes up again has lost no address: `ip link set down` keeps IPv4 addresses.
        """
        _ip("-n", self.name(of), "link", "set", "eth0", "up" if plugged else "down")

    def address(self, of: str, *, given: bool) -> None:
        """Take the address of the camera or the edge away (its lease has run out), or give it again."""
        ip = ADDRESSES.get(of, "10.77.0.1")
        _ip("-n", self.name(of), "addr", "add" if given else "del", f"{ip}/24", "dev", "eth0")

    def _build(self) -> None:
        for of in (EDGE, CAMERA, OTHER, _SWITCH):
            _ip("netns", "add", self.name(of))
            _ip("-n", self.name(of), "link", "set", "lo", "up")
        self._join((EDGE, "eth0", "10.77.0.1"), (_SWITCH, "port0", ""))
        self._join((CAMERA, "eth0", ADDRESSES[CAMERA]), (_SWITCH, "port1", ""))
        self._join((EDGE, "eth1", "10.78.0.1"), (OTHER, "eth0", ADDRESSES[OTHER]))
        for of in (EDGE, CAMERA):
            self.inside(of, _sum_in_software)
        self.inside(_SWITCH, self.switch.start)

    def _join(self, *ends: tuple[str, str, str]) -> None:
        (one, one_name, _), (other, other_name, _) = ends
        peer = ["peer", "name", other_name, "netns", self.name(other)]
        _ip("link", "add", one_name, "netns", self.name(one), "type", "veth", *peer)
        for of, name, ip in ends:
            if ip:
                _ip("-n", self.name(of), "addr", "add", f"{ip}/24", "dev", name)
            _ip("-n", self.name(of), "link", "set", name, "up")

    def _remove(self) -> None:
        self.switch.stop()
        for name in _names():
            if name.startswith(f"{self._base}-"):
                _ip("netns", "del", name)  # and its end of each cable, and so the cable

    def __enter__(self) -> Self:
        _remove_orphans()
        try:
            self._build()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()


_libc = ctypes.CDLL(None, use_errno=True)


def _sum_in_software() -> None:
    """Let `eth0` send whole frames with true checksums, and check them: a virtual card trusts its cable."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command in (_ETHTOOL_STXCSUM, _ETHTOOL_SRXCSUM):
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP", b"eth0", ctypes.addressof(value))
            fcntl.ioctl(any_socket, _SIOCETHTOOL, request.ljust(40, b"\0"))


def _remove_orphans() -> None:
    """Remove what a test run that was killed has left."""
    for name in _names():
        found = re.fullmatch(rf"{_PREFIX}-(\d+)-.*", name)
        if found and not Path(f"/proc/{found[1]}").exists():
            _ip("netns", "del", name)


def _names() -> list[str]:
    return [line.split()[0] for line in _ip("netns", "list").splitlines() if line.strip()]


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True, timeout=60).stdout
