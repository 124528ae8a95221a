"""Opening a source by FFmpeg with every limit set, and FFmpeg's errors in our words.

No message ever carries FFmpeg's own text of the address: it holds the password.
"""

from __future__ import annotations

import errno
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

import av
import av.error
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from edge.capture.hardware import Decode, open_decoder
from edge.capture.playlist import PlaylistReader
from edge.capture.source_url import SourceAddress, SourceKind, check_host, pinned
from edge.errors import SourceError, SourceNotFound, SourceRefused, SourceStalled, SourceUnreadable

MAX_PIXELS = 8192 * 4320
"""The largest picture that is decoded (8K): a made-up header must not take all memory."""
_MAX_PLACES = 3
"""Addresses of one host that are tried."""
_US_PER_S = 1_000_000
_FILE_FORMATS = "mov,matroska,avi,mpegts,mpeg,flv,h264,hevc,mjpeg"
_STREAM_FORMATS = {
    # No playlists (dash, concat; HLS by `edge.capture.playlist` only): they name further addresses, unchecked ones.
    SourceKind.RTSP: "rtsp,sdp,rtp,mpegts",
    SourceKind.HTTP: f"mpjpeg,{_FILE_FORMATS}",
    SourceKind.FILE: _FILE_FORMATS,
    SourceKind.DEVICE: "video4linux2,v4l2",
}
_PLAYLIST_FORMATS = "hls,mpegts,mov"
_PROTOCOLS = {
    SourceKind.RTSP: "rtsp,rtp,rtcp,srtp,udp,tcp,tls,crypto",
    SourceKind.HTTP: "http,https,tcp,tls",
    SourceKind.FILE: "file",
    SourceKind.DEVICE: "file",
}


@dataclass(frozen=True, slots=True)
class Access:
    """How an input is reached.

    Attributes:
        transport: How RTSP carries media.
        verify_tls: Refuse certificates that this machine does not trust.
        decode: What decodes it.
        with_sound: Let the camera send its microphone, too: only to tell that there is one.
    """

    transport: Literal["tcp", "udp"] = "tcp"
    verify_tls: bool = False
    decode: Decode = "cpu"
    with_sound: bool = False


@dataclass(slots=True)
class Connection:
    """An opened input.

    Attributes:
        container: Gives packets; closed by `close`.
        stream: Its video.
        context: Decodes the stream, not opened yet where it is the CPU's.
        decoder: `cpu`, or which hardware.
    """

    container: InputContainer
    stream: VideoStream
    context: VideoCodecContext
    decoder: str = "cpu"
    playlist: PlaylistReader | None = None

    def close(self) -> None:
        """Free it."""
        self.container.close()
        if self.playlist is not None:
            self.playlist.close()


def _options(address: SourceAddress, access: Access, read_timeout_s: float) -> dict[str, str]:
    options = {"protocol_whitelist": _PROTOCOLS[address.kind], "format_whitelist": _STREAM_FORMATS[address.kind]}
    # FFmpeg waits once more for its farewell to a dead peer, so half of the time-out is the whole.
    socket_timeout = str(round(read_timeout_s / 2 * _US_PER_S))
    if address.kind is SourceKind.RTSP:
        # The session description names the codec, so nothing need be probed: the first frame comes at once.
        options |= {"rtsp_transport": access.transport, "timeout": socket_timeout}
        options |= {"allowed_media_types": "video+audio" if access.with_sound else "video"}
        options |= {"probesize": "32", "analyzeduration": "0"}
    elif address.kind is SourceKind.HTTP:
        options |= {"rw_timeout": socket_timeout, "max_redirects": "0"}
        options |= {"probesize": "500000", "analyzeduration": str(_US_PER_S)}
    if access.verify_tls:
        options |= {"tls_verify": "1", "ca_file": ssl.get_default_verify_paths().cafile or ""}
    return options


def open_container(
    address: SourceAddress, *, access: Access | None = None, open_timeout_s: float, read_timeout_s: float
) -> Connection:
    """Open a source and find its video.

    Raises:
        SourceError: It cannot be opened, or holds no video.
    """
    access = access or Access()
    options = _options(address, access, read_timeout_s)
    opener = partial(av.open, timeout=(open_timeout_s, read_timeout_s), metadata_errors="replace")
    started_s = time.monotonic()
    playlist: PlaylistReader | None = None
    try:
        if address.is_playlist:
            ip = check_host(address)[0]
            playlist = PlaylistReader(address, ip, verify=access.verify_tls, timeout_s=read_timeout_s / 2)
            options |= {"format_whitelist": _PLAYLIST_FORMATS, "http_persistent": "0", "http_multiple": "0"}
            container = opener(playlist.url, format="hls", options=options, io_open=playlist.open)
        elif address.kind is SourceKind.DEVICE:
            container = opener(address.target, format="v4l2", options=options)
        else:
            container = _open_first(_places(address, access), opener, options)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        if playlist is not None:
            playlist.close()
            if playlist.error is not None:
                raise playlist.error from None
        if access.verify_tls and isinstance(error, OSError) and error.errno == errno.EIO:  # all that FFmpeg tells
            raise SourceNotFound(f"{address}: {_UNTRUSTED}") from None
        # FFmpeg says "invalid data" of a camera that answers nothing at all.
        waited = time.monotonic() - started_s > 0.9 * min(open_timeout_s, read_timeout_s / 2)
        is_stream = address.kind in {SourceKind.RTSP, SourceKind.HTTP}
        silent = waited and isinstance(error, av.error.InvalidDataError) and is_stream
        raise translate(TimeoutError() if silent else error, address, "opened") from None
    try:
        return _find_video(address, container, access, playlist)
    except SourceError:
        container.close()
        if playlist is not None:
            playlist.close()
        raise


def _places(address: SourceAddress, access: Access) -> list[tuple[str, dict[str, str]]]:
    """URLs to try, with their options: the addresses that were checked instead of a name that may change meanwhile."""
    if address.kind is SourceKind.FILE:
        return [(address.target, {})]
    parts = urlsplit(address.target)
    ips = check_host(address)
    if access.verify_tls or parts.hostname in ips:
        # With a verified certificate the name itself is what is checked.
        return [(address.target, {})]
    found = [pinned(parts, ip) for ip in ips[:_MAX_PLACES]]
    is_http = address.kind is SourceKind.HTTP
    return [(url, {"headers": f"Host: {headers['Host']}\r\n"} if is_http else {}) for url, headers, _ in found]


def _open_first(
    places: Sequence[tuple[str, dict[str, str]]], opener: Callable[..., InputContainer], options: dict[str, str]
) -> InputContainer:
    """Open the first of several addresses of a host that listens."""
    for url, more in places[:-1]:
        try:
            return opener(url, options=options | more)
        except (ConnectionRefusedError, TimeoutError):
            continue
    url, more = places[-1]
    return opener(url, options=options | more)


def _find_video(
    address: SourceAddress, container: InputContainer, access: Access, playlist: PlaylistReader | None
) -> Connection:
    if not container.streams.video:
        raise SourceUnreadable(
            f"{address}: holds no video: give the address of a camera's video stream or a video file",
            permanent=address.kind is SourceKind.FILE,
        )
    stream = container.streams.video[0]
    context = stream.codec_context
    if context is None:
        raise SourceUnreadable(f"{address}: its codec is unknown: set the camera to H.264 or H.265", permanent=True)
    # One thread a camera: many cameras share few cores, and threads add delay.
    context.thread_count = 1
    # Without the deblocking filter decoding is a quarter cheaper, and the picture stays within 37 dB for 4 s without a
    # keyframe (measured on four clips). Evidence clips are cut from the packets and keep their full quality.
    context.options = {"max_pixels": str(MAX_PIXELS), "skip_loop_filter": "all"}
    decoding, decoder = open_decoder(context, access.decode)
    return Connection(container, stream, decoding, decoder, playlist)


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
_UNTRUSTED = (
    "could not be opened: with `tls: verify` the camera's certificate must be made out to this address and trusted by "
    "this machine (SSL_CERT_FILE, or Debian's ca-certificates); else check power, cable and network"
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
    if address.kind is SourceKind.DEVICE and isinstance(error, (FileNotFoundError, OSError)):
        said = (
            "is not allowed: add this user to the group `video`"
            if isinstance(error, PermissionError)
            else ("no such camera, or it is in use: check that it is plugged in and that nobody else reads it")
        )
        return (SourceRefused if isinstance(error, PermissionError) else SourceNotFound)(f"{address}: {said}")
    otherwise = _NOT_A_VIDEO_FILE if address.kind is SourceKind.FILE else _NOT_A_VIDEO_STREAM
    meaning = next((meaning for meaning in _MEANINGS if isinstance(error, meaning.raised)), otherwise)
    return meaning.becomes(f"{address}: {meaning.says.format(doing=doing)}", permanent=meaning.permanent)
