"""One stream of a camera, or one clip, as a sequence of frames. The only place that decodes it.

demux --+--> packet ring (compressed, for clips)
        `--> decode --> only frames that are due: a lazy picture, privacy masks burned in --> Frame
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from contract.camera_config import MotionConfig
from contract.geometry import Point
from edge.attention import Attention
from edge.capture.connection import Access, Connection, open_container, translate
from edge.capture.decode_plan import FrameGrid
from edge.capture.decoder import DecoderParts, StreamDecoder
from edge.capture.hardware import Decode
from edge.capture.packet_ring import PTS_PER_S, PacketRing, StoredPacket, StreamInfo
from edge.capture.parameter_sets import ParameterSets
from edge.capture.picture import Darkroom, PrivacyMasks, VideoPicture
from edge.capture.source_counts import SourceCounts
from edge.capture.source_url import SourceAddress, SourceKind
from edge.capture.still_picture import StillPicture
from edge.capture.timeline import ClipTimeline, LiveTimeline, Timeline
from edge.capture.together import Together
from edge.errors import SourceStalled, SourceUnreadable
from edge.ports import Clock
from edge.repeats import Repeats
from edge.types import Frame

MAX_BAD_RUN = 100
"""Packets in a row that cannot be decoded before the source counts as broken: 4 s of a usual camera."""
MAX_SILENCE_S = 30.0
"""Packets come but no picture: longer than any usual distance of keyframes."""
TROUBLE_S = 60.0
"""Broken pictures are told for so long after the last one."""
_SHORT_SLACK_S = 2.0
"""By how much containers overstate their duration: sound that is longer than the picture."""
_STATING_DURATION = {"mov", "mp4", "matroska"}
"""FFmpeg's names of containers whose header states the duration; of others it is estimated."""
_DEFAULT_RATE = 25.0
_WAIT_SLICE_S = 0.25
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """How a source is read."""

    role: Literal["detect", "record"] = "detect"
    """`record`: nothing is decoded and no frame is given, the packets only fill the ring."""
    fps: float = 5.0
    """Frames a second to give, at most."""
    transport: Literal["tcp", "udp"] = "tcp"
    verify_tls: bool = False
    """Refuse certificates that this machine does not trust."""
    decode: Decode = "cpu"
    loop: bool = False
    """A file plays again and again."""
    replay_start: datetime | None = None
    """A file is read as fast as possible; its first frame was taken then. None: as a camera, at its own speed."""
    privacy_masks: Sequence[Sequence[Point]] = ()
    """Normalised polygons, blackened before anybody sees the frame."""
    attention: Attention | None = None
    """How closely the pipeline needs to look; None: every picture is decoded."""
    motion: MotionConfig = field(default_factory=MotionConfig)
    """What counts as a change between two keyframes."""
    still: StillPicture | None = None
    """Notices a frozen picture; the same for all sources of a camera. None: nobody does."""
    open_timeout_s: float = 10.0
    read_timeout_s: float = 10.0

    @property
    def access(self) -> Access:
        """How the input is reached; only what is searched is decoded."""
        return Access(self.transport, self.verify_tls, self.decode if self.role == "detect" else "cpu")


class VideoSource:
    """A camera's stream or a clip. Opened by `frames`, which one thread iterates; a fresh one is made to reconnect.

    Args:
        camera_id: Whose frames these are.
        address: From `parse_source`.
        clock: Time.
        settings: How it is read.
        packet_ring: Gets the compressed packets, for evidence clips.
    """

    def __init__(
        self,
        camera_id: str,
        address: SourceAddress,
        clock: Clock,
        settings: SourceSettings | None = None,
        packet_ring: PacketRing | None = None,
    ) -> None:
        self.counts = SourceCounts()
        self._camera_id, self._address, self._clock = camera_id, address, clock
        self._settings, self._ring = settings or SourceSettings(), packet_ring
        self._closed = threading.Event()
        self._darkroom = Darkroom(PrivacyMasks(self._settings.privacy_masks))
        self._grid = FrameGrid(self._settings.fps)
        self._bad_run = 0
        self._frame_size: tuple[int, int] | None = None
        self._last_picture_s = 0.0
        self._last_bad_s = float("-inf")
        self._last_pts_s = 0.0
        self._short_by_s = 0.0
        self._decoder: StreamDecoder | None = None
        self._sets = ParameterSets("")
        self._no_hardware = False
        self._repeats = Repeats(clock)

    @property
    def catching_up(self) -> bool:
        """See `edge.worker.CameraSource`."""
        return self._decoder is not None and self._decoder.catching_up

    @property
    def trouble(self) -> str:
        """See `edge.worker.CameraSource`."""
        is_file = self._address.kind is SourceKind.FILE
        if self._short_by_s > 0:
            return f"{self._address}: is cut short, the last {self._short_by_s:.0f} s are missing: copy it again"
        if self._clock.monotonic_s() - self._last_bad_s > TROUBLE_S:
            return self._hardware_trouble()
        bad = self.counts.bad_packets + self.counts.bad_pictures
        remedy = "record it again" if is_file else "check the network, and use `transport: tcp`"
        return f"{self._address}: {bad} of {self.counts.packets} pictures are broken and were left out: {remedy}"

    def _hardware_trouble(self) -> str:
        if not self._no_hardware:
            return ""
        wanted = self._settings.decode
        return (
            f"{self._address}: decoded by the CPU, as {wanted} cannot be used here: check its driver and that this "
            "user may open its device, or set `decode: cpu`"
        )

    def figures(self) -> dict[str, float]:
        """See `edge.worker.CameraSource`."""
        return self.counts.figures()

    def close(self) -> None:
        """See `edge.ports.FrameSource`. A read that waits for a silent camera ends within the read time-out."""
        self._closed.set()

    def frames(self) -> Iterator[Frame]:
        """See `edge.ports.FrameSource`. A clip without `loop` ends; a camera that ends has failed.

        Raises:
            SourceError: The source cannot be opened or read on.
        """
        timeline: Timeline | None = None
        while not self._closed.is_set():
            connection = open_container(
                self._address,
                access=self._settings.access,
                open_timeout_s=self._settings.open_timeout_s,
                read_timeout_s=self._settings.read_timeout_s,
            )
            container, stream = connection.container, connection.stream
            self._note_decoder(connection.decoder)
            given_before = self.counts.decoded + self.counts.packets
            try:
                is_clip = self._address.kind is SourceKind.FILE or self._is_clip_over_http(container)
                # A playlist's segments come each at once: arrival says nothing of their pictures' times.
                plays = is_clip or self._address.is_playlist
                timeline = timeline or self._make_timeline(stream, is_clip=plays)
                yield from self._play(connection, timeline)
                if is_clip and not self._closed.is_set():
                    self._note_end(container)
            finally:
                connection.close()
            if self._closed.is_set():
                return
            if not is_clip:
                raise SourceStalled(f"{self._address}: the camera ended the stream: is it restarting?")
            if self.counts.decoded + self.counts.packets == given_before:
                raise SourceUnreadable(f"{self._address}: holds no picture: record it again", permanent=True)
            if not self._settings.loop:
                return
            if isinstance(timeline, ClipTimeline):
                timeline.begin_loop()

    def _is_clip_over_http(self, container: InputContainer) -> bool:
        is_file = self._address.kind is SourceKind.HTTP and not self._address.is_playlist
        return is_file and container.duration is not None

    def _make_timeline(self, stream: VideoStream, *, is_clip: bool) -> Timeline:
        if not is_clip:
            return LiveTimeline(self._clock)
        interval_s = 1.0 / float(stream.average_rate or _DEFAULT_RATE)
        if self._settings.replay_start is not None:
            return ClipTimeline(0.0, self._settings.replay_start, interval_s)
        return ClipTimeline(self._clock.monotonic_s(), self._clock.utc(), interval_s, self._wait_until)

    def _wait_until(self, monotonic_s: float) -> None:
        while not self._closed.is_set() and (left_s := monotonic_s - self._clock.monotonic_s()) > 0:
            self._clock.sleep(min(left_s, _WAIT_SLICE_S))

    def _note_decoder(self, decoder: str) -> None:
        """Say what decodes, where the camera's file asks for hardware."""
        wanted = self._settings.decode
        if wanted == "cpu" or self._settings.role == "record":
            return
        self._no_hardware = decoder == "cpu" and wanted != "auto"
        if self._repeats.unsaid(f"decoder {decoder}") is not None:
            _log.info("decoder camera=%s wanted=%s found=%s", self._camera_id, wanted, decoder)

    def _play(self, connection: Connection, timeline: Timeline) -> Iterator[Frame]:
        stream, context = connection.stream, connection.context
        stated, tick_s = stream.codec_context, float(stream.time_base or 0)
        if self._ring is not None:
            self._ring.restart(StreamInfo(stated.name, stated.width, stated.height, stated.extradata))
        self._last_picture_s = self._clock.monotonic_s()
        if self._decoder is None:
            self._decoder = StreamDecoder(self._decoder_parts())
        self._decoder.begin(context)
        self._sets = ParameterSets(stated.name)
        time_s = self._last_picture_s
        together = Together(tick_s)
        for packet in self._packets(connection):
            if together.begins_anew(packet):
                yield from self._frames_of(together, timeline, tick_s)
            if packet.size:
                time_s = self._store(packet, timeline, tick_s)
            if self._settings.role == "record":
                self._last_picture_s = self._clock.monotonic_s()
                continue
            if packet.size and context.codec.intra_only and not self._grid.is_due(time_s):
                self.counts.skipped += 1  # every picture stands alone: one that nobody will see need not be decoded
                continue
            together.add(packet, time_s)
            if together.is_full or not packet.size or self._is_wanted(time_s):
                yield from self._frames_of(together, timeline, tick_s)
            if self._closed.is_set():
                return

    def _is_wanted(self, time_s: float) -> bool:
        """Tell whether a packet must be decoded at once, with those that wait for it."""
        if self._settings.replay_start is not None or self.counts.resting:
            return True  # nothing is to be gained: a replay has no other cameras, and rest decodes next to nothing
        return self._grid.is_due(time_s)

    def _frames_of(self, together: Together, timeline: Timeline, tick_s: float) -> Iterator[Frame]:
        assert self._decoder is not None  # noqa: S101 - made before the first packet
        for packet, time_s in together.take():
            for picture in self._decode(self._decoder, packet, time_s):
                frame = self._to_frame(picture, timeline, tick_s)
                if frame is not None:
                    yield frame
                if self._closed.is_set():
                    return

    def _decoder_parts(self) -> DecoderParts:
        return DecoderParts(
            camera_id=self._camera_id,
            # A replay is judged by every picture of its clip.
            attention=self._settings.attention if self._settings.replay_start is None else None,
            fps=self._settings.fps,
            motion=self._settings.motion,
            darkroom=self._darkroom,
            counts=self.counts,
            repeats=self._repeats,
        )

    def _packets(self, connection: Connection) -> Iterator[Packet[VideoStream]]:
        """Packets of the video; the last one is empty and drains the decoder."""
        container, stream = connection.container, connection.stream
        packets = container.demux()  # all streams, so that sound cannot hide that the picture stands still
        while not self._closed.is_set():
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError, ValueError) as error:
                if connection.playlist is not None and connection.playlist.error is not None:
                    raise connection.playlist.error from None
                if self._is_clip_over_http(container) and not self.counts.packets:
                    raise SourceUnreadable(
                        f"{self._address}: this video file has its index at the end, and the server sends no parts of "
                        "files: copy it below the media folder, or convert it with `ffmpeg -movflags +faststart`"
                    ) from None
                raise translate(error, self._address, "read") from None
            if packet is None:
                return
            if self._clock.monotonic_s() - self._last_picture_s > MAX_SILENCE_S and self._settings.replay_start is None:
                raise SourceStalled(f"{self._address}: sends data but no picture: restart the camera")
            if packet.stream_index == stream.index:
                yield packet  # type: ignore[misc] # the index says that it is a video packet

    def _store(self, packet: Packet[VideoStream], timeline: Timeline, tick_s: float) -> float:
        self.counts.packets += 1
        pts_s = None if packet.pts is None else packet.pts * tick_s
        self._last_pts_s = max(self._last_pts_s, pts_s or 0.0)
        time_s = timeline.packet_s(pts_s, None if packet.dts is None else packet.dts * tick_s)
        if self._ring is not None and not packet.is_corrupt:
            # A clip's own timestamps start again with each loop; its place on the timeline does not.
            placed_s = time_s if isinstance(timeline, ClipTimeline) else pts_s
            pts = None if placed_s is None else round(placed_s * PTS_PER_S)
            data = bytes(packet)
            if packet.is_keyframe and (sets := self._sets.changed(data)) is not None:
                self._begin_ring_anew(self._ring, sets)
            self._ring.append(StoredPacket(data, pts, time_s, packet.is_keyframe))
        return time_s

    def _begin_ring_anew(self, ring: PacketRing, sets: bytes) -> None:
        """The camera changed its resolution or profile: one clip holds one of each. Its pictures tell the size."""
        if ring.stream is not None:
            _log.warning("stream_changed camera=%s role=%s", self._camera_id, self._settings.role)
            ring.restart(StreamInfo(ring.stream.codec_name, 0, 0, sets))

    def _decode(self, decoder: StreamDecoder, packet: Packet[VideoStream], time_s: float) -> Iterator[VideoFrame]:
        """Decode one packet, if anybody needs it; a broken one is counted and skipped."""
        is_bad = packet.is_corrupt
        try:
            if not is_bad:
                for picture in decoder.pictures(packet, time_s, self._clock.monotonic_s()):
                    self._bad_run = 0
                    yield picture
        except av.error.FFmpegError:
            is_bad = bool(packet.size)  # a drained decoder may say "end of file"
        if not is_bad:
            return
        self.counts.bad_packets += 1
        self._note_bad()
        self._bad_run += 1
        if self._bad_run > MAX_BAD_RUN:
            raise SourceUnreadable(
                f"{self._address}: {MAX_BAD_RUN} packets in a row are broken: check the network, or the file",
                permanent=self._address.kind is SourceKind.FILE,
            )

    def _note_bad(self) -> None:
        is_first = self._last_bad_s == float("-inf")
        self._last_bad_s = self._clock.monotonic_s()
        if is_first:  # how many there are is told by `trouble`
            _log.warning("pictures_broken camera=%s cause=%r", self._camera_id, self.trouble)

    def _note_end(self, container: InputContainer) -> None:
        """A clip was played: does it hold all that its header promises?"""
        states_duration = not _STATING_DURATION.isdisjoint(container.format.name.split(","))
        if not states_duration or container.duration is None or self._short_by_s:
            return
        end_s = ((container.start_time or 0) + container.duration) / av.time_base
        if end_s - self._last_pts_s > _SHORT_SLACK_S:
            self._short_by_s = end_s - self._last_pts_s
            _log.warning("clip_cut_short camera=%s cause=%r", self._camera_id, self.trouble)

    def _to_frame(self, picture: VideoFrame, timeline: Timeline, tick_s: float) -> Frame | None:
        """Make a frame of a picture that is due; None for the others and for broken ones."""
        self.counts.decoded += 1
        self._last_picture_s = self._clock.monotonic_s()
        stamp = picture.dts if picture.pts is None else picture.pts
        time_s = timeline.frame_s(None if stamp is None else stamp * tick_s)
        self._watch_size(picture)
        if picture.is_corrupt:
            self.counts.bad_pictures += 1
            self._note_bad()
            return None
        self._watch_still(picture, time_s)
        if not self._grid.takes(time_s):
            return None
        self.counts.given += 1
        shown = VideoPicture(picture, self._darkroom)
        return Frame(self._camera_id, shown, time_s, timeline.utc(time_s), self.counts.given)

    def _watch_size(self, picture: VideoFrame) -> None:
        """Begin the ring anew when the camera changes its resolution, where its packets did not tell it before."""
        size = picture.width, picture.height
        if self._frame_size not in {None, size}:
            _log.warning("resolution_changed camera=%s from=%s to=%s", self._camera_id, self._frame_size, size)
            info = None if self._ring is None else self._ring.stream
            if self._ring is not None and info is not None and info.width:
                self._ring.restart(StreamInfo(info.codec_name, *size, info.extradata))
        self._frame_size = size

    def _watch_still(self, picture: VideoFrame, time_s: float) -> None:
        """Give a camera up whose picture is frozen; it is tried again as after any loss."""
        still, is_keyframe = self._settings.still, bool(picture.key_frame)
        if still is None or self._address.kind is SourceKind.FILE or not still.wants(time_s, is_keyframe=is_keyframe):
            return
        if frozen_s := still.look(self._darkroom.luma(picture), time_s, is_keyframe=is_keyframe):
            raise SourceStalled(
                f"{self._address}: its picture has been frozen for {frozen_s:.0f} s though it goes on sending: restart "
                "the camera; where nothing ever changes in the picture, set `frozen_after_s: 0`"
            )
