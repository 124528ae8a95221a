"""Cuts an MP4 clip out of the packets of a camera.

H.264 and HEVC are copied packet by packet, which keeps the camera's quality and costs no encoding. Other codecs,
and cameras with privacy masks, are decoded and encoded to H.264. The index stands at the front ("fast start"), so that
a browser plays the clip while it loads.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, cast

import av
import av.error
import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from contract.geometry import Point
from edge.capture.packet_ring import PTS_PER_S, PacketCut, StoredPacket, StreamInfo
from edge.capture.picture import PrivacyMasks
from edge.errors import DiskFull, SourceUnreadable
from edge.evidence.annexb import Codec, has_parameter_sets, is_annexb, read_record, to_annexb
from edge.evidence.soundness import seem_sound

MAX_WIDTH = 1280
"""Encoded clips are scaled down to this width: enough to see what happened, at a quarter of the cost of 1080p."""
MAX_RATE = 15.0
"""Encoded clips hold at most so many pictures a second."""
_MAX_STRAY_S = 2.0
"""Timestamps that stray further from the packets' arrival are not trusted."""
_ENCODER_OPTIONS = {"preset": "veryfast", "crf": "27", "profile": "main"}
_FAST_START = {"movflags": "+faststart"}
_NO_PICTURE = "no picture of the clip can be decoded: is the camera's stream broken?"
_TICK = Fraction(1, PTS_PER_S)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What a written clip is."""

    path: Path
    codec: Literal["h264", "hevc"]
    duration_s: float
    start_s: float
    """Monotonic time of its first picture."""


def cut_clip(
    cut: PacketCut, path: Path, privacy_masks: Sequence[Sequence[Point]] = (), *, copy_hevc: bool = True
) -> ClipInfo:
    """Write a clip.

    Args:
        cut: From `PacketRing.cut`.
        path: Where to write; overwritten.
        privacy_masks: Normalised polygons to blacken; the clip is encoded anew where there are any.
        copy_hevc: False: HEVC is encoded to H.264, as browsers play HEVC on some devices only.

    Raises:
        SourceUnreadable: No picture of the cut can be decoded, or its codec cannot be put into MP4.
        DiskFull: There is no room for it.
    """
    copied = {"h264", "hevc"} if copy_hevc else {"h264"}
    try:
        if cut.stream.codec_name in copied and not privacy_masks:
            return _copy(cut, path)
        return _encode(cut, path, PrivacyMasks(privacy_masks))
    except av.error.FFmpegError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull(f"{path.parent}: no room for a clip: free space on the disk") from error
        codec = cut.stream.codec_name
        raise SourceUnreadable(f"no clip can be made of {codec} ({error.strerror}): set the camera to H.264") from error


def _copy(cut: PacketCut, path: Path) -> ClipInfo:
    codec = cast("Codec", cut.stream.codec_name)
    checked = _check(cut)
    packets, times = _presentable(checked.packets)
    size = checked.stream.width, checked.stream.height
    length_size, headers = _headers(codec, cut.stream)
    with av.open(str(path), "w", format="mp4", options=_FAST_START) as output:
        stream = output.add_mux_stream(codec, width=size[0], height=size[1], time_base=_TICK)
        step = (max(times) - min(times)) // max(1, len(times) - 1)
        for index, (packet, pts, dts) in enumerate(zip(packets, times, _decode_times(times), strict=True)):
            data = to_annexb(packet.data, length_size) if length_size else packet.data
            if index == 0 and not has_parameter_sets(codec, data):
                data = headers + data
            muxed = Packet(data)
            muxed.stream, muxed.time_base, muxed.pts, muxed.dts = stream, _TICK, pts, dts
            muxed.duration = step  # a last picture of no duration is never shown
            muxed.is_keyframe = packet.is_keyframe
            output.mux_one(muxed)
    return ClipInfo(path, codec, (max(times) - min(times)) / PTS_PER_S, packets[0].time_s)


def _headers(codec: Codec, stream: StreamInfo) -> tuple[int, bytes]:
    """Size of the lengths in packets (0 for Annex B) and the parameter sets."""
    if is_annexb(stream.extradata):
        return 0, stream.extradata or b""
    return read_record(codec, stream.extradata or b"")


def _presentable(packets: Sequence[StoredPacket]) -> tuple[list[StoredPacket], list[int]]:
    """Drop pictures that need one before the cut, and give each of the others a time from 0 on.

    Returns:
        Packets in decode order and their presentation times in ticks, all different.
    """
    first = packets[0]
    stamped = all(
        packet.pts is not None
        and first.pts is not None
        and abs((packet.pts - first.pts) / PTS_PER_S - (packet.time_s - first.time_s)) < _MAX_STRAY_S
        for packet in packets
    )
    if stamped:
        pairs = [(p, (p.pts or 0) - (first.pts or 0)) for p in packets]
        unique = len({pts for _, pts in pairs}) == len(pairs)
        if unique:
            kept = [(packet, pts) for packet, pts in pairs if pts >= 0]
            return [packet for packet, _ in kept], [pts for _, pts in kept]
    # Arrival knows nothing of reordered pictures, but cameras that lose their timestamps do not reorder.
    times: list[int] = []
    for packet in packets:
        arrived = round((packet.time_s - first.time_s) * PTS_PER_S)
        times.append(max(arrived, times[-1] + 1) if times else 0)
    return list(packets), times


def _decode_times(times: Sequence[int]) -> list[int]:
    """Decode times for presentation times in decode order: rising, and never after the presentation.

    The k-th packet decoded is needed no later than the k-th picture shown; a picture that is shown d places before it
    was decoded moves all of them d places ahead.
    """
    in_order = sorted(times)
    place = {pts: index for index, pts in enumerate(in_order)}
    delay = max((index - place[pts] for index, pts in enumerate(times)), default=0)
    step = (in_order[-1] - in_order[0]) // max(1, len(in_order) - 1) or 1
    lead = [in_order[0] - step * (delay - index) for index in range(min(delay, len(times)))]
    return lead + in_order[: len(times) - len(lead)]


def _check(cut: PacketCut) -> PacketCut:
    """Drop broken packets (browsers stop playing at one) and learn the true size of the picture.

    Decoding all of it would cost a fifth of encoding it, so that is done only where something is strange.

    Returns:
        What can be decoded, from its first whole keyframe on.

    Raises:
        SourceUnreadable: Nothing can be decoded.
    """
    size = _size_if_sound(cut)
    if size is not None:
        return PacketCut(dataclasses.replace(cut.stream, width=size[0], height=size[1]), cut.packets)
    broken: set[int] = set()
    for frame in _pictures(cut.stream, cut.packets, broken):
        size = size or (frame.width, frame.height)
    whole = [packet for index, packet in enumerate(cut.packets) if index not in broken]
    first = next((index for index, packet in enumerate(whole) if packet.is_keyframe), None)
    if size is None or first is None:
        raise SourceUnreadable(_NO_PICTURE)
    if broken:
        _log.warning("clip_packets_broken broken=%d packets=%d", len(broken), len(cut.packets))
    stream = dataclasses.replace(cut.stream, width=size[0], height=size[1])
    return PacketCut(stream, tuple(whole[first:]))


def _size_if_sound(cut: PacketCut) -> tuple[int, int] | None:
    """Width and height of the first picture, where no packet is strange; None: look closer.

    The decoder takes every packet apart, but reconstructs only the first keyframe.
    """
    codec, packets = cast("Codec", cut.stream.codec_name), cut.packets
    length_size, _ = _headers(codec, cut.stream)
    if not packets[0].is_keyframe or not seem_sound(
        codec, [to_annexb(packet.data, length_size) if length_size else packet.data for packet in packets]
    ):
        return None
    context = _decoder(cut.stream)
    context.skip_frame = "NONKEY"
    size: tuple[int, int] | None = None
    for packet in (*packets, None):
        try:
            pictures = context.decode(None if packet is None else Packet(packet.data))
        except av.error.FFmpegError:
            return size if packet is None else None
        if pictures and size is None:
            size = pictures[0].width, pictures[0].height
            context.skip_frame = "ALL"
    return size


def _decoder(stream: StreamInfo) -> VideoCodecContext:
    context = cast("VideoCodecContext", av.CodecContext.create(stream.codec_name, "r"))
    context.thread_count = 1
    context.extradata = stream.extradata
    if stream.width and stream.height:
        context.width, context.height = stream.width, stream.height
    return context


def _pictures(stream: StreamInfo, packets: Sequence[StoredPacket], broken: set[int]) -> Iterator[VideoFrame]:
    """Decode; a corrupt packet loses its picture, never the clip.

    Args:
        stream: What the packets are.
        packets: In decode order.
        broken: Gets the indices of packets that cannot be decoded.

    Yields:
        Pictures in order; `pts` is the index of the packet.
    """
    context = _decoder(stream)
    for index, stored in enumerate(packets):
        if not stored.data:  # to a decoder this would mean the end
            broken.add(index)
            continue
        packet = Packet(stored.data)
        packet.pts, packet.time_base, packet.is_keyframe = index, Fraction(1), stored.is_keyframe
        try:
            yield from context.decode(packet)
        except av.error.FFmpegError:
            broken.add(index)
    with contextlib.suppress(av.error.FFmpegError):
        yield from context.decode(None)


def _encode(cut: PacketCut, path: Path, masks: PrivacyMasks) -> ClipInfo:
    packets, times = _presentable(cut.packets)
    shrink = VideoReformatter()
    written: ClipEncoder | None = None
    first = last = 0
    with av.open(str(path), "w", format="mp4", options=_FAST_START) as output:
        for frame in _pictures(cut.stream, packets, set()):
            index = frame.pts or 0
            if written is None:
                written, first = ClipEncoder(output, frame), index
            elif times[index] - times[last] < PTS_PER_S / MAX_RATE * 0.9:
                continue
            last = index
            written.write(frame, times[last] - times[first], masks, shrink)
        if written is None:
            raise SourceUnreadable(_NO_PICTURE)
        written.finish()
    return ClipInfo(path, "h264", (times[last] - times[first]) / PTS_PER_S, packets[first].time_s)


class ClipEncoder:
    """Encodes pictures to H.264 in one MP4."""

    def __init__(self, output: OutputContainer, frame: VideoFrame) -> None:
        scale = min(1.0, MAX_WIDTH / frame.width)
        self._output = output
        self._stream = output.add_stream("libx264", rate=round(MAX_RATE), options=_ENCODER_OPTIONS)
        # 4:2:0 needs even sides.
        self._size = max(2, round(frame.width * scale) // 2 * 2), max(2, round(frame.height * scale) // 2 * 2)
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = self._stream.codec_context.time_base = _TICK
        self._stream.codec_context.thread_count = 1

    def write(self, frame: VideoFrame, pts: int, masks: PrivacyMasks, shrink: VideoReformatter) -> None:
        """Encode one picture, masked."""
        width, height = self._size
        if masks:
            image = np.ascontiguousarray(shrink.reformat(frame, width, height, "bgr24").to_ndarray(), np.uint8)
            masks.apply(image)
            frame = VideoFrame.from_ndarray(image, "bgr24")
        small = shrink.reformat(frame, width, height, "yuv420p")
        small.pts, small.time_base = pts, _TICK
        small.pict_type = 0  # the encoder chooses its own keyframes
        self._output.mux(self._stream.encode(small))

    def finish(self) -> None:
        """Write what the encoder still holds."""
        self._output.mux(self._stream.encode(None))
