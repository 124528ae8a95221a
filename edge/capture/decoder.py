"""Decodes as little of a stream as its camera's scene allows.

    active:  every packet, or without those that no other refers to
    resting: keyframes only; the packets since the last one are kept, and decoded when something begins to move
    behind:  nothing until the next keyframe, when reading has fallen behind the camera

Three things wake a resting camera: the sizes of its packets (at once), a keyframe that differs from the one before
(then its whole group is decoded, so that the beginning is not lost), and the pipeline.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import av.error
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from contract.camera_config import MotionConfig
from edge.attention import Attention
from edge.capture.decode_plan import KeyframeDistance, Lag, ReferenceTrial
from edge.capture.keyframe_motion import KeyframeMotion
from edge.capture.packet_motion import PacketMotion
from edge.capture.picture import Darkroom
from edge.capture.source_counts import SourceCounts
from edge.repeats import Repeats

AWAKE_S = 3.0
"""After waking the source stays awake so long, whatever the pipeline says: it must see the pictures first."""
FALSE_WAKE_S = 3.5
"""Resting again so soon after waking means that nothing was there: motion of 1.5 s keeps it awake for longer."""
MAX_STRICTNESS = 6.0
MAX_GROUP_BYTES = 8_000_000
"""Packets since a keyframe that are kept while a camera rests."""
_STRICTER, _LAXER = 1.5, 0.8
_log = logging.getLogger(__name__)

VideoPacket: TypeAlias = "Packet[VideoStream]"


@dataclass(frozen=True, slots=True)
class DecoderParts:
    """What a decoder works with besides the stream.

    Attributes:
        attention: Shared with the pipeline; None: everything is decoded.
        fps: Pictures a second that are needed.
        motion: Threshold, area and masks for comparing keyframes.
    """

    camera_id: str
    attention: Attention | None
    fps: float
    motion: MotionConfig
    darkroom: Darkroom
    counts: SourceCounts
    repeats: Repeats


class StreamDecoder:
    """Decodes the video of one source. `begin` comes first, and again for each loop of a clip.

    Args:
        parts: What it needs besides the stream.
    """

    _context: VideoCodecContext

    def __init__(self, parts: DecoderParts) -> None:
        self._parts, self._counts = parts, parts.counts
        self._attention = parts.attention
        self._keyframes, self._lag = KeyframeDistance(), Lag()
        self._trial = ReferenceTrial(parts.fps)
        self._packet_motion, self._keyframe_motion = PacketMotion(), KeyframeMotion(parts.motion)
        self._luma = parts.darkroom.luma
        self._group: list[VideoPacket] = []
        """Packets since the last keyframe, with it."""
        self._group_bytes = 0
        self._decoded_of_group = 0
        """So many of them the decoder has seen in a row."""
        self._last_stamp: int | None = None
        self._resting = self._skipping = False
        self._awake_until_s = float("-inf")
        self._rested_s = self._woke_s = float("-inf")
        self._strictness = 1.0
        self.catching_up = False
        """What is given now was taken a while ago and comes all at once: whoever takes it should not drop it."""

    def begin(self, context: VideoCodecContext) -> None:
        """Decode with a new context, which nobody else uses; what is known of the stream and its scene stays.

        Args:
            context: Not opened yet.
        """
        self._context = context
        self._begin_group()
        self._last_stamp = None
        self._resting = self._skipping = self._counts.resting = False
        if self._trial.skips:
            context.skip_frame = "NONREF"

    def pictures(self, packet: VideoPacket, time_s: float, now_s: float) -> Iterator[VideoFrame]:
        """Take the next packet; an empty one drains the decoder.

        Args:
            packet: In decode order.
            time_s: When it was taken, monotonic.
            now_s: When it was read.

        Yields:
            Pictures in order of display.

        Raises:
            av.error.FFmpegError: It could not be decoded; the next one may be.
        """
        if self._attention is None or not packet.size or self._context.codec.intra_only:
            yield from self._decode(packet)
            return
        if packet.is_keyframe:
            self._keyframes.keyframe(time_s)
            self._packet_motion.keyframe(time_s)
        if self._is_behind(packet, time_s, now_s):
            self._counts.skipped += 1
            return
        if not self._resting:
            yield from self._active(packet, time_s)
        elif not self._attention.rests:
            yield from self._wake("the pipeline", time_s)
            yield from self._active(packet, time_s)
        elif packet.is_keyframe:
            yield from self._keyframe_at_rest(packet, time_s)
        else:
            yield from self._keep(packet, time_s)

    def _active(self, packet: VideoPacket, time_s: float) -> Iterator[VideoFrame]:
        if packet.is_keyframe:
            self._begin_group()
        else:
            self._packet_motion.learn(time_s, packet.size)
        self._add(packet)
        self._decoded_of_group = len(self._group)
        found = self._decode(packet)
        self._trial_step(time_s, len(found))
        for picture in found:
            if picture.key_frame:
                self._keyframe_motion.differs(self._luma(picture))
        yield from found
        if self._may_rest(time_s):
            self._rest(time_s)

    def _may_rest(self, time_s: float) -> bool:
        if self._attention is None or not self._attention.rests or time_s < self._awake_until_s:
            return False
        if not self._keyframes.lets_rest:
            if (apart_s := self._keyframes.seconds) is not None:
                self._tell(f"every picture even of a quiet scene, as keyframes are {apart_s:.1f} s apart: "
                           "set the camera's keyframe (I-frame) interval to 2 s")  # fmt: skip
            return False
        return bool(self._group)

    def _rest(self, time_s: float) -> None:
        if time_s - self._woke_s < FALSE_WAKE_S:
            self._strictness = min(MAX_STRICTNESS, self._strictness * _STRICTER)
            self._counts.false_wakes += 1
        self._resting, self._rested_s = True, time_s
        self._packet_motion.begin(time_s)
        self._counts.resting = True
        self._tell("keyframes only, as nothing moves")

    def _keep(self, packet: VideoPacket, time_s: float) -> Iterator[VideoFrame]:
        """A packet between the keyframes of a resting camera."""
        self._add(packet)
        if self._keyframes.is_overdue(time_s) or self._group_bytes > MAX_GROUP_BYTES:
            self._keyframes.note_overdue(time_s)
            yield from self._wake("keyframes stay away", time_s, is_motion=False)
        elif self._packet_motion.is_jump(time_s, packet.size, self._strictness):
            yield from self._wake("the sizes of its packets", time_s)
        else:
            self._counts.skipped += 1

    def _keyframe_at_rest(self, packet: VideoPacket, time_s: float) -> Iterator[VideoFrame]:
        """Look at a keyframe by itself; where it differs, decode what came before it, too."""
        try:
            self._context.flush_buffers()
            found = self._context.decode(packet)
            is_delayed = not found
            if is_delayed:  # the decoder waits for pictures that might be shown before it
                found = self._context.decode(None)
                self._context.flush_buffers()
        except av.error.FFmpegError:
            self._begin_group()  # as long as this one lasts, nothing can be gone back to
            raise
        differ = [self._keyframe_motion.differs(self._luma(picture), self._strictness) for picture in found]
        if any(differ):
            self._context.flush_buffers()
            self._decoded_of_group = 0
            yield from self._wake("a keyframe", time_s)
            yield from self._active(packet, time_s)
            return
        self._begin_group()
        self._add(packet)
        self._decoded_of_group = 0 if is_delayed else 1
        self._note(found)
        yield from found

    def _wake(self, by: str, time_s: float, *, is_motion: bool = True) -> Iterator[VideoFrame]:
        """Go back to every picture, and decode those since the last keyframe that were left out."""
        self._resting = self._counts.resting = False
        self._awake_until_s, self._woke_s = time_s + AWAKE_S, time_s
        self._lag.reset()
        if self._attention is not None:
            self._attention.wake()
        if is_motion:
            self._counts.wakes += 1
            if time_s - self._rested_s > 60.0:
                self._strictness = max(1.0, self._strictness * _LAXER)
        self._tell("every picture again", by)
        first = self._decoded_of_group
        after = None if first else self._last_stamp
        self.catching_up = True
        try:
            for packet in self._group[first:]:
                try:
                    found = self._decode(packet)
                except av.error.FFmpegError:
                    self._counts.bad_packets += 1
                    continue
                yield from (p for p in found if after is None or p.pts is None or p.pts > after)
            self._decoded_of_group = len(self._group)
        finally:
            self.catching_up = False

    def _is_behind(self, packet: VideoPacket, time_s: float, now_s: float) -> bool:
        lag_s = now_s - time_s
        if self._skipping:
            if not packet.is_keyframe or self._lag.is_too_long(now_s, lag_s, self._keyframes.seconds):
                return True
            self._skipping = False
            self._context.flush_buffers()
            self._lag.reset()
        elif time_s > self._awake_until_s and self._lag.is_too_long(now_s, lag_s, self._keyframes.seconds):
            self._skipping, self._resting, self._counts.resting = True, False, False
            self._counts.catch_ups += 1
            self._tell("nothing until the next keyframe, as this box is too slow for all its cameras")
            self._group.clear()
            return True
        return False

    def _begin_group(self) -> None:
        self._group, self._group_bytes, self._decoded_of_group = [], 0, 0

    def _add(self, packet: VideoPacket) -> None:
        """Keep a packet of a group whose keyframe is kept."""
        if packet.is_keyframe or self._group:
            self._group.append(packet)
            self._group_bytes += packet.size
        if not self._resting and (self._group_bytes > MAX_GROUP_BYTES or not self._keyframes.lets_rest):
            self._begin_group()  # too long to go back to

    def _decode(self, packet: VideoPacket) -> list[VideoFrame]:
        found = self._context.decode(packet if packet.size else None)
        self._note(found)
        return found

    def _note(self, found: list[VideoFrame]) -> None:
        stamps = [picture.pts for picture in found if picture.pts is not None]
        self._last_stamp = max(stamps, default=self._last_stamp)

    def _trial_step(self, time_s: float, pictures: int) -> None:
        was_open, skipped = not self._trial.says, self._trial.skips
        self._trial.decoded(time_s, pictures)
        if skipped != self._trial.skips:
            self._context.skip_frame = "NONREF" if self._trial.skips else "DEFAULT"
        if was_open and self._trial.says:
            self._tell(self._trial.says)

    def _tell(self, what: str, by: str = "") -> None:
        """Say what is decoded, each plan now and then only: a busy street changes it all day."""
        unsaid = self._parts.repeats.unsaid(what)
        if unsaid is not None:
            _log.info("decode_plan camera=%s decodes=%r woken_by=%r unsaid=%d", self._parts.camera_id, what, by, unsaid)
