"""Cameras that misbehave: MPEG-TS over HTTP at any speed, with a fault every minute of their own time.

A process of its own (`python -m bench.faulty_cameras FOLDER ...`), so that its work does not count as the edge's. It
prints its port, waits for a line, and prints one JSON line for each fault when it is over: `{"camera", "kind",
"began_s", "returned_s"}`, times of the machine's monotonic clock.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
import threading
import time
from dataclasses import dataclass, field
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

FPS = 5
GOP = 2 * FPS
TICKS = 90_000
MINUTE_S = 60.0
FAULTS = ("cut", "down", "stall", "corrupt", "freeze", "resize", "jump")
_NOISE = 3.0
_QUIET_S, _MOVING_S = 108, 12
_FREEZE_S = 20.0


def make_stream(footage: Path, path: Path, size: tuple[int, int]) -> None:
    """Two minutes of a yard: mostly empty, then people walk through it. Raw H.264 with headers before each keyframe."""
    dice = np.random.default_rng(7)
    moving = _pictures(footage, size, _MOVING_S * FPS)
    empty = np.median(np.stack(moving[:: max(1, len(moving) // 25)]), axis=0).astype(np.uint8)
    with av.open(str(path), "w", format="h264") as output:
        options = {
            "preset": "veryfast",
            "tune": "zerolatency",
            "g": str(GOP),
            "crf": "27",
            "x264-params": "repeat-headers=1:bframes=0:scenecut=0",
        }
        stream = output.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for index in range((_QUIET_S + _MOVING_S) * FPS):
            quiet = index < _QUIET_S * FPS
            picture = empty if quiet else moving[index - _QUIET_S * FPS]
            noisy = np.clip(picture + dice.normal(0, _NOISE, picture.shape), 0, 255).astype(np.uint8)
            output.mux(stream.encode(VideoFrame.from_ndarray(noisy, "bgr24")))
        output.mux(stream.encode())


def _pictures(footage: Path, size: tuple[int, int], count: int) -> list[NDArray[np.uint8]]:
    found: list[NDArray[np.uint8]] = []
    with av.open(str(footage)) as container:
        rate = float(container.streams.video[0].average_rate or 10)
        for index, frame in enumerate(container.decode(video=0)):
            if int(index * FPS / rate) >= len(found):
                found.append(np.asarray(cv2.resize(frame.to_ndarray(format="bgr24"), size), np.uint8))
            if len(found) == count:
                break
    return found


@dataclass(frozen=True)
class Footage:
    """A stream's packets in memory."""

    packets: tuple[tuple[bytes, bool], ...]
    """Bytes, and whether it is a keyframe."""
    path: Path


def read_footage(path: Path) -> Footage:
    """Read raw H.264."""
    with av.open(str(path), format="h264") as container:
        packets = [(bytes(packet), packet.is_keyframe) for packet in container.demux(video=0) if packet.size]
    return Footage(tuple(packets), path)


@dataclass
class Camera:
    """One camera's life: its clock, its footage and its faults."""

    number: int
    variants: tuple[Footage, Footage]
    factor: float
    origin_s: float
    until_s: float
    dice: random.Random
    fault: str = ""
    began_s: float = 0.0
    ends_s: float = 0.0
    variant: int = 0
    shift_s: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)

    def own_s(self) -> float:
        """Its time since the start."""
        return (time.monotonic() - self.origin_s) * self.factor

    def live(self) -> None:
        """Have a fault each minute; runs in a thread."""
        minute = int(self.own_s() / MINUTE_S) + 1
        while (start_s := minute * MINUTE_S + self.dice.uniform(3, 20)) < self.until_s:
            minute += 1
            time.sleep(max(0.0, (start_s - self.own_s()) / self.factor))
            kind = self.dice.choice(FAULTS)
            lasts_s = {"cut": 0.0, "down": self.dice.uniform(3, 25), "stall": self.dice.uniform(12, 25),
                       "corrupt": self.dice.uniform(1, 8), "freeze": _FREEZE_S}.get(kind, 0.0)  # fmt: skip
            self.began_s = time.monotonic()
            self.variant ^= kind == "resize"
            self.shift_s += self.dice.choice((-700.0, 700.0)) if kind == "jump" else 0.0
            self.fault = kind
            time.sleep(max(lasts_s / self.factor, 0.02))
            self.fault = ""
            self.counts[kind] = self.counts.get(kind, 0) + 1
            told = {"camera": self.number, "kind": kind, "began_s": self.began_s, "returned_s": time.monotonic()}
            sys.stdout.write(json.dumps(told) + "\n")  # one call: two threads' lines must not run into each other
            sys.stdout.flush()

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        """Stream to one edge until it hangs up, or a fault does."""
        if self.fault in {"down", "cut"}:
            request.send_error(503)
            return
        request.send_response(200)
        request.send_header("Content-Type", "video/mp2t")
        request.end_headers()
        pipe = _Pipe(request.wfile, self)
        current = self.variants[self.variant]
        try:
            with av.open(str(current.path), format="h264") as template, av.open(
                pipe, "w", format="mpegts", options={"flush_packets": "1"}
            ) as output:  # fmt: skip
                stream = output.add_stream_from_template(template.streams.video[0])
                assert isinstance(stream, VideoStream)
                self._play(output, stream)
        except (OSError, av.error.FFmpegError):
            return  # it hung up

    def _play(self, output: av.container.OutputContainer, stream: VideoStream) -> None:
        variant = self.variant
        footage = self.variants[variant]
        index = self._next_keyframe(footage, int(self.own_s() * FPS))
        while self.own_s() < self.until_s + MINUTE_S:
            time.sleep(max(0.0, (index / FPS - self.own_s()) / self.factor))
            if self.fault in {"cut", "down"}:
                return
            if self.fault == "stall":
                index = self._next_keyframe(footage, int(self.own_s() * FPS))
                continue
            data, is_key = footage.packets[index % len(footage.packets)]
            if is_key and self.variant != variant:
                variant = self.variant
                footage = self.variants[variant]
                data, is_key = footage.packets[index % len(footage.packets)]
            if self.fault == "freeze":
                data, is_key = footage.packets[0]
            packet = Packet(data)
            packet.stream = stream
            packet.time_base = Fraction(1, TICKS)
            packet.dts = packet.pts = round((index / FPS + self.shift_s + 1000.0) * TICKS)
            packet.is_keyframe = is_key
            if not (packet.pts < 0):
                output.mux(packet)
            index += 1

    @staticmethod
    def _next_keyframe(footage: Footage, index: int) -> int:
        while not footage.packets[index % len(footage.packets)][1]:
            index += 1
        return index


class _Pipe(io.RawIOBase):
    """Hands the muxer's bytes to a socket, with errors while the camera's line is bad."""

    def __init__(self, sink: io.BufferedIOBase, camera: Camera) -> None:
        self._sink, self._camera = sink, camera

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override] # PyAV gives bytes
        if self._camera.fault == "corrupt":
            broken = bytearray(data)
            for _ in range(max(1, len(broken) // 100)):
                broken[self._camera.dice.randrange(len(broken))] ^= 0xFF
            data = bytes(broken)
        self._sink.write(data)
        self._sink.flush()
        return len(data)


def main() -> None:
    """Serve until told to stop by the end of standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="small.h264 and large.h264")
    parser.add_argument("--cameras", type=int, default=8)
    parser.add_argument("--factor", type=float, default=30.0)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    variants = read_footage(options.folder / "small.h264"), read_footage(options.folder / "large.h264")
    origin_s = time.monotonic()
    cameras = [
        Camera(n, variants, options.factor, origin_s, float("inf"), random.Random(options.seed * 1000 + n))
        for n in range(options.cameras)
    ]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            cameras[int(self.path.rpartition("/")[2])].serve(self)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(json.dumps({"port": server.server_port, "origin_s": origin_s}), flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.readline()  # faults begin when the edge has seen every camera
    for camera in cameras:
        camera.until_s = camera.own_s() + options.hours * 3600
    lives = [threading.Thread(target=camera.live, daemon=True) for camera in cameras]
    for life in lives:
        life.start()
    for life in lives:
        life.join()
    sys.stdin.read()


if __name__ == "__main__":
    main()
