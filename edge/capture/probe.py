"""What a stream is really like, measured on its own packets, and what its admin should change: `langan-edge probe`."""

from __future__ import annotations

import itertools
import statistics
import time
from dataclasses import dataclass, field
from typing import Literal

import av
import av.error
from av.packet import Packet
from av.video.frame import PictureType
from av.video.stream import VideoStream

from contract.messages import Text
from edge.capture.connection import Access, open_container, translate
from edge.capture.source_url import SourceAddress, SourceKind
from edge.errors import SourceStalled

DETECT_MIN_WIDTH = 600
DETECT_MAX_WIDTH = 1400
MAX_FPS = 16.0
MAX_KEYFRAME_S = 4.0
MAX_KBPS = 6000.0
_JUMP_S = 1.0
"""A step of the timestamps that differs from arrival by more than this is a jump."""
_DRIFT_SHARE = 0.02
_BAD_SHARE = 0.001
_PATIENCE_S = 10.0
_DRIFT_SPAN_S = 4.0
"""A shorter look cannot tell drift from the network's jitter."""


@dataclass(slots=True)
class StreamReport:
    """What was measured.

    Attributes:
        codec: FFmpeg's name, as `h264`.
        width: Pixels.
        height: Pixels.
        stated_fps: What the stream says of itself; 0: nothing.
        fps: Pictures a second as they came.
        keyframe_s: Median distance of keyframes in seconds; None: fewer than two came.
        kbps: Kilobits a second of video.
        b_frames: Whether pictures are stored out of order.
        sound: Whether a microphone is sent, too.
        clock: How its timestamps behave against arrival.
        open_s: From the call to the first packet.
        packets: Video packets read.
        broken: Packets or pictures of them that were broken.
        span_s: For how long was measured.
    """

    codec: str = ""
    width: int = 0
    height: int = 0
    stated_fps: float = 0.0
    fps: float = 0.0
    keyframe_s: float | None = None
    kbps: float = 0.0
    b_frames: bool = False
    sound: bool = False
    clock: Literal["steady", "missing", "jumps", "drifts"] = "steady"
    open_s: float = 0.0
    packets: int = 0
    broken: int = 0
    span_s: float = 0.0
    suggestions: list[Text] = field(default_factory=list)


@dataclass(slots=True)
class _Stamps:
    """Arrival and timestamp of each packet, in seconds."""

    arrived_s: list[float] = field(default_factory=list)
    stamped_s: list[float | None] = field(default_factory=list)


def probe(
    address: SourceAddress,
    *,
    seconds: float = 8.0,
    transport: Literal["tcp", "udp"] = "tcp",
    verify_tls: bool = False,
) -> StreamReport:
    """Read a stream for a while and report on it. A file is read as fast as it goes, by its own timestamps.

    Raises:
        SourceError: It cannot be opened or read, or sent no picture.
    """
    began_s = time.monotonic()
    access = Access(transport, verify_tls, with_sound=True)
    connection = open_container(address, access=access, open_timeout_s=_PATIENCE_S, read_timeout_s=_PATIENCE_S)
    container, stream = connection.container, connection.stream
    try:
        context = stream.codec_context
        report = StreamReport(codec=context.name, stated_fps=float(stream.average_rate or stream.guessed_rate or 0))
        report.sound = bool(container.streams.audio)
        stamps, keyframes_s = _Stamps(), list[float]()
        try:
            for packet in container.demux():
                now_s = time.monotonic()
                if not stamps.arrived_s:
                    report.open_s = now_s - began_s
                if packet.stream_index == stream.index and packet.size:
                    _take(packet, stream, now_s, report, stamps, keyframes_s)  # type: ignore[arg-type] # a video packet
                if stamps.arrived_s and _span_s(stamps, address.kind) >= seconds:
                    break
                if now_s - began_s > 2 * _PATIENCE_S + seconds:  # sound comes, and no picture
                    break
        except (av.error.FFmpegError, OSError, ValueError) as error:
            if report.packets == 0:
                raise translate(error, address, "read") from None
            report.broken += 1
        report.width, report.height = context.width, context.height
    finally:
        connection.close()
    if report.packets < 2 or not report.width:
        raise SourceStalled(f"{address}: sent no picture within {seconds:.0f} s: restart the camera, check the path")
    _sum_up(report, stamps, keyframes_s, address.kind)
    report.suggestions = suggest(report)
    return report


def _take(
    packet: Packet[VideoStream],
    stream: VideoStream,
    now_s: float,
    report: StreamReport,
    stamps: _Stamps,
    keyframes_s: list[float],
) -> None:
    report.packets += 1
    report.kbps += packet.size * 8 / 1000
    stamp = packet.dts if packet.dts is not None else packet.pts
    stamped_s = None if stamp is None else float(stamp * (stream.time_base or 0))
    stamps.arrived_s.append(now_s)
    stamps.stamped_s.append(stamped_s)
    if packet.is_keyframe:
        keyframes_s.append(now_s if stamped_s is None else stamped_s)
    if packet.is_corrupt:
        report.broken += 1
        return
    try:
        pictures = stream.codec_context.decode(packet)
    except av.error.FFmpegError:
        report.broken += 1
        return
    report.broken += sum(picture.is_corrupt for picture in pictures)
    report.b_frames = report.b_frames or any(picture.pict_type == PictureType.B for picture in pictures)


def _span_s(stamps: _Stamps, kind: SourceKind) -> float:
    known = [stamp for stamp in (stamps.stamped_s[0], stamps.stamped_s[-1]) if stamp is not None]
    if kind is SourceKind.FILE and len(known) == 2:
        return known[1] - known[0]
    return stamps.arrived_s[-1] - stamps.arrived_s[0]


def _sum_up(report: StreamReport, stamps: _Stamps, keyframes_s: list[float], kind: SourceKind) -> None:
    report.span_s = max(_span_s(stamps, kind), 1e-3)
    report.fps = (report.packets - 1) / report.span_s
    report.kbps /= report.span_s
    gaps = [late - early for early, late in itertools.pairwise(keyframes_s) if late > early]
    report.keyframe_s = statistics.median(gaps) if gaps else None
    report.clock = _judge_clock(stamps, kind)


def _judge_clock(stamps: _Stamps, kind: SourceKind) -> Literal["steady", "missing", "jumps", "drifts"]:
    pairs = [(a, s) for a, s in zip(stamps.arrived_s, stamps.stamped_s, strict=True) if s is not None]
    if len(pairs) < 0.9 * len(stamps.arrived_s):  # the first one is often missing
        return "missing"
    if any(late[1] < early[1] for early, late in itertools.pairwise(pairs)):
        return "jumps"
    if kind is SourceKind.FILE:
        return "steady"
    # Within a step arrival may be late by the network's jitter, but not early by more than it was late before.
    offsets = [arrived - stamped for arrived, stamped in pairs]
    if max(abs(late - early) for early, late in itertools.pairwise(offsets)) > _JUMP_S:
        return "jumps"
    half = len(pairs) // 2
    span_s = pairs[-1][0] - pairs[0][0]
    # The earliest arrivals of each half: what the network delayed least.
    drift_s = min(offsets[half:]) - min(offsets[:half])
    return "drifts" if span_s > _DRIFT_SPAN_S and abs(drift_s) > _DRIFT_SHARE * span_s else "steady"


def suggest(report: StreamReport) -> list[Text]:
    """What to change at the camera, the weightiest first; one sentence of praise when there is nothing."""
    size = f"{report.width}x{report.height}"
    found: list[tuple[bool, Text]] = [
        (
            report.broken > max(1.0, _BAD_SHARE * report.packets),
            Text(
                "{broken} of {packets} pictures are broken: check cable and Wi-Fi, and keep `transport: tcp`",
                broken=report.broken, packets=report.packets,
            ),
        ),
        (
            report.codec not in {"h264", "hevc"},
            Text("the codec is {codec}: set the camera to H.264, or no clip can be cut by copying",
                codec=report.codec),
        ),
        (
            report.codec == "hevc",
            Text("the codec is H.265: set the camera to H.264, then every browser plays the clips"),
        ),
        (
            report.width > DETECT_MAX_WIDTH,
            Text(
                "{size} is more than a search needs: give the sub-stream (about 640x360 to 1280x720) the role detect, "
                "and keep this one for record", size=size,
            ),
        ),
        (
            report.width < DETECT_MIN_WIDTH,
            Text("{size} is small: people far away are missed; set the sub-stream to 640x360 or more", size=size),
        ),
        (
            report.fps > MAX_FPS,
            Text("{fps:.0f} pictures a second: 10 are enough for a search and cost less to decode", fps=report.fps),
        ),
        (
            report.fps < 4.0,
            Text("only {fps:.1f} pictures a second: set 10, or motorbikes jump too far to be followed", fps=report.fps),
        ),
        (
            report.keyframe_s is None or report.keyframe_s > MAX_KEYFRAME_S,
            Text(
                "keyframes come too rarely: set the I-frame interval to 2 s, and switch H.264+ / smart codec off: "
                "clips begin at a keyframe, and a quiet scene is decoded by keyframes alone",
            ),
        ),
        (report.b_frames, Text("B-frames delay every picture: set the profile to Main or Baseline without B-frames")),
        (
            report.clock == "missing",
            Text("pictures carry no times: arrival is used instead; look for newer firmware"),
        ),
        (
            report.clock == "jumps",
            Text("the times of the pictures jump: arrival is used instead; switch the camera's NTP on, or update it"),
        ),
        (
            report.clock == "drifts",
            Text("the camera's clock runs fast or slow: switch its NTP on"),
        ),
        (report.kbps > MAX_KBPS, Text("{kbps:.0f} kbit/s: 4000 are enough for 1080p at 25 a second", kbps=report.kbps)),
        (report.sound, Text("the microphone is on: it is never used here; switch it off")),
    ]  # fmt: skip
    return [text for applies, text in found if applies] or [Text("well suited: nothing to change")]
