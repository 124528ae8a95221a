"""Opening a source by FFmpeg with every limit set, and FFmpeg's errors in our words.

No message ever carries FFmpeg's own text of the address: it holds the password.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

import av
import av.error
from av.container import InputContainer
from av.video.stream import VideoStream

from edge.capture.source_url import SourceAddress, SourceKind, check_host
from edge.errors import SourceError, SourceNotFound, SourceRefused, SourceStalled, SourceUnreadable

MAX_PIXELS = 8192 * 4320
"""The largest picture that is decoded (8K): a made-up header must not take all memory."""
_US_PER_S = 1_000_000
_FILE_FORMATS = "mov,matroska,avi,mpegts,mpeg,flv,h264,hevc,mjpeg"
_STREAM_FORMATS = {
    # No playlists (hls, dash, concat): they name further addresses, which nobody has checked.
    SourceKind.RTSP: "rtsp,sdp,rtp,mpegts",
    SourceKind.HTTP: f"mpjpeg,{_FILE_FORMATS}",
    SourceKind.FILE: _FILE_FORMATS,
}
_PROTOCOLS = {
    SourceKind.RTSP: "rtsp,rtp,rtcp,srtp,udp,tcp,tls,crypto",
    SourceKind.HTTP: "http,https,tcp,tls",
    SourceKind.FILE: "file",
}


def _options(address: SourceAddress, transport: str, read_timeout_s: float) -> dict[str, str]:
    options = {"protocol_whitelist": _PROTOCOLS[address.kind], "format_whitelist": _STREAM_FORMATS[address.kind]}
    # FFmpeg waits once more for its farewell to a dead peer, so half of the time-out is the whole.
    socket_timeout = str(round(read_timeout_s / 2 * _US_PER_S))
    if address.kind is SourceKind.RTSP:
        # The session description names the codec, so nothing need be probed: the first frame comes at once.
        options |= {"rtsp_transport": transport, "timeout": socket_timeout, "allowed_media_types": "video"}
        options |= {"probesize": "32", "analyzeduration": "0"}
    elif address.kind is SourceKind.HTTP:
        options |= {"rw_timeout": socket_timeout, "max_redirects": "0"}
        options |= {"probesize": "500000", "analyzeduration": str(_US_PER_S)}
    return options


def open_container(
    address: SourceAddress, *, transport: str, open_timeout_s: float, read_timeout_s: float
) -> tuple[InputContainer, VideoStream]:
    """Open a source and find its video.

    Raises:
        SourceError: It cannot be opened, or holds no video.
    """
    if address.kind is not SourceKind.FILE:
        check_host(address)
    started_s = time.monotonic()
    try:
        container = av.open(
            address.target,
            options=_options(address, transport, read_timeout_s),
            timeout=(open_timeout_s, read_timeout_s),
            metadata_errors="replace",
        )
    except (av.error.FFmpegError, OSError, ValueError) as error:
        # FFmpeg says "invalid data" of a camera that answers nothing at all.
        waited = time.monotonic() - started_s > 0.9 * min(open_timeout_s, read_timeout_s / 2)
        silent = waited and isinstance(error, av.error.InvalidDataError) and address.kind is not SourceKind.FILE
        raise translate(TimeoutError() if silent else error, address, "opened") from None
    if not container.streams.video:
        container.close()
        raise SourceUnreadable(
            f"{address}: holds no video: give the address of a camera's video stream or a video file",
            permanent=address.kind is SourceKind.FILE,
        )
    stream = container.streams.video[0]
    context = stream.codec_context
    if context is None:
        container.close()  # type: ignore[unreachable] # PyAV's stubs forget that an unknown codec has no context
        raise SourceUnreadable(f"{address}: its codec is unknown: set the camera to H.264 or H.265", permanent=True)
    # One thread a camera: many cameras share few cores, and threads add delay.
    context.thread_count = 1
    # Without the deblocking filter decoding is a quarter cheaper, and the picture stays within 37 dB for 4 s without a
    # keyframe (measured on four clips). Evidence clips are cut from the packets and keep their full quality.
    context.options = {"max_pixels": str(MAX_PIXELS), "skip_loop_filter": "all"}
    return container, stream


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What an error of FFmpeg or the system means for a source."""

    raised: tuple[type[Exception], ...]
    becomes: type[SourceError]
    says: str
    permanent: bool = False


_MEANINGS = (
    _Meaning(
        (av.error.HTTPUnauthorizedError,),
        SourceRefused,
        "the camera refused the credentials (401): set its user and password in the secrets file, and look whether "
        "the account is locked",
        permanent=True,
    ),
    _Meaning(
        (av.error.HTTPForbiddenError,),
        SourceRefused,
        "the camera forbids access (403): give its user the right to see live video, or use another user",
        permanent=True,
    ),
    _Meaning(
        (av.error.HTTPClientError,),
        SourceNotFound,
        "the camera knows no such stream: compare the path with the camera's manual",
    ),
    _Meaning(
        (av.error.HTTPServerError,),
        SourceUnreadable,
        "the camera answered with a fault of its own (5xx): restart the camera",
    ),
    _Meaning((PermissionError,), SourceRefused, "not allowed to read it: change its owner or mode", permanent=True),
    _Meaning(
        (FileNotFoundError, NotADirectoryError),
        SourceNotFound,
        "no such file below the media folder: check the name",
        permanent=True,
    ),
    _Meaning((IsADirectoryError,), SourceUnreadable, "is a folder: name a video file in it", permanent=True),
    _Meaning(
        (av.error.ExitError, TimeoutError),
        SourceStalled,
        "could not be {doing} in time: check the camera's power and the network",
    ),
    _Meaning(
        (ConnectionRefusedError,),
        SourceNotFound,
        "nothing listens there: check address and port, and that the camera is on",
    ),
    _Meaning(
        (OSError,),
        SourceNotFound,
        "could not be {doing}: check power, cable and network; an address that redirects must be replaced by the one "
        "it leads to",
    ),
)
_NOT_A_VIDEO_FILE = _Meaning(
    (Exception,),
    SourceUnreadable,
    "is not a video that can be {doing}: it is broken, cut short or something else; record it again or convert it to "
    "H.264 in MP4",
    permanent=True,
)
_NOT_A_VIDEO_STREAM = _Meaning(
    (Exception,),
    SourceUnreadable,
    "sends nothing that can be {doing} as video: check the path, and set the camera to H.264 over RTSP",
)


def translate(error: Exception, address: SourceAddress, doing: Literal["opened", "read"]) -> SourceError:
    """Turn FFmpeg's error into ours, with the place and the remedy but never a credential."""
    otherwise = _NOT_A_VIDEO_FILE if address.kind is SourceKind.FILE else _NOT_A_VIDEO_STREAM
    meaning = next((meaning for meaning in _MEANINGS if isinstance(error, meaning.raised)), otherwise)
    return meaning.becomes(f"{address}: {meaning.says.format(doing=doing)}", permanent=meaning.permanent)
