"""Asks one ONVIF camera what it is and where its streams are.

The password never travels: WS-Security sends a digest, and a camera that wants HTTP's own digest gets that.
Redirects are not followed and every address is the camera's own, the streams' too, so that no digest and later no
password goes anywhere else.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

import httpx

from edge.capture.source_url import parse_source, redact_url
from edge.errors import SourceError, SourceNotFound, SourceRefused, SourceUnreadable
from edge.onvif.discovery import is_at
from edge.onvif.soap import MAX_BYTES, envelope, fault_of, find, find_all, parse, text_of, username_token

_DEVICE = "http://www.onvif.org/ver10/device/wsdl"
_MEDIA = "http://www.onvif.org/ver10/media/wsdl"
_SCHEMA = "http://www.onvif.org/ver10/schema"
_TIMEOUT_S = 6.0
ANSWER_S = 20.0
"""For a whole answer: a stranger could send a byte every few seconds for days."""
_MAX_PROFILES = 32
_DETECT_MIN_WIDTH = 600
"""Below this a person far away is a few pixels: the sub-stream is too small."""
_DETECT_MAX_WIDTH = 1400
"""Above this decoding costs more than detection gains."""


@dataclass(frozen=True, slots=True)
class DeviceInformation:
    """What a camera says of itself."""

    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    clock_offset_s: float | None = None
    """Its clock minus ours; None: it does not tell."""


@dataclass(frozen=True, slots=True)
class StreamProfile:
    """One stream that a camera offers."""

    token: str
    name: str
    encoding: str
    """`H264`, `H265`, `JPEG`, ...; empty when the camera does not tell."""
    width: int
    height: int
    fps: float
    url: str
    """At the camera itself, with the path that it says, without credentials; empty: it says none that can be used."""

    @property
    def pixels(self) -> int:
        """Size of one picture; 0: unknown."""
        return self.width * self.height


class OnvifClient:
    """One camera. Use it as a context manager.

    Args:
        service_url: Its device service, from `discover`, or `http://<address>/onvif/device_service`.
        user: An account of the camera; empty: ask without.
        password: Its password.

    Raises:
        SourceRefused: The address is none.
    """

    def __init__(self, service_url: str, user: str = "", password: str = "") -> None:
        try:
            address = httpx.URL(service_url)
        except httpx.InvalidURL:
            address = httpx.URL()
        if not address.host or address.userinfo:
            raise SourceRefused(
                f"{redact_url(service_url)}: is no address: write one such as 192.168.1.20, without the account",
                permanent=True,
            )
        self._host = address.host
        self._service_url = service_url
        self._user, self._password = user, password
        self._clock_offset = timedelta()
        self._http = httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False)
        self._digest = httpx.DigestAuth(user, password) if user else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._http.close()

    def information(self) -> DeviceInformation:
        """Ask who it is, and set our time to its clock: it refuses tokens that are minutes off.

        Raises:
            SourceError: It does not answer, or refuses the account.
        """
        offset_s = self._read_clock()
        answer = self._ask(self._service_url, f'<GetDeviceInformation xmlns="{_DEVICE}"/>')
        return DeviceInformation(
            _plain(text_of(answer, "Manufacturer")),
            _plain(text_of(answer, "Model")),
            _plain(text_of(answer, "FirmwareVersion")),
            offset_s,
        )

    def profiles(self) -> list[StreamProfile]:
        """Every stream with its address, the largest picture first.

        Raises:
            SourceError: It does not answer, refuses the account or has no media service.
        """
        media_url = self._media_url()
        answer = self._ask(media_url, f'<GetProfiles xmlns="{_MEDIA}"/>')
        found: list[StreamProfile] = []
        trouble: SourceUnreadable | None = None
        for element in list(find_all(answer, "Profiles"))[:_MAX_PROFILES]:
            try:
                found.append(self._profile(media_url, element))
            except SourceUnreadable as error:  # a profile for sound or metadata has no stream of pictures
                trouble = error
        if not found and trouble is not None:
            raise trouble
        return sorted(found, key=lambda profile: -profile.pixels)

    def _read_clock(self) -> float | None:
        """The camera's clock minus ours in seconds. The standard lets everybody ask; some cameras do not."""
        try:
            answer = self._ask(self._service_url, f'<GetSystemDateAndTime xmlns="{_DEVICE}"/>', signed=False)
        except SourceRefused:
            return None
        moment = find(answer, "UTCDateTime")
        if moment is None:
            return None
        try:
            parts = [int(text_of(moment, name)) for name in ("Year", "Month", "Day", "Hour", "Minute", "Second")]
            told = datetime(parts[0], parts[1], parts[2], parts[3], parts[4], min(parts[5], 59), tzinfo=UTC)
        except (ValueError, OverflowError):
            return None
        self._clock_offset = told - datetime.now(UTC)
        return self._clock_offset.total_seconds()

    def _media_url(self) -> str:
        request = f'<GetCapabilities xmlns="{_DEVICE}"><Category>Media</Category></GetCapabilities>'
        url = text_of(self._ask(self._service_url, request), "Media", "XAddr")
        if not url:
            raise SourceUnreadable(f"{self._host}: has no media service: it is no camera, or ONVIF is switched off")
        if is_at(url, self._host):
            return url
        # Behind address translation a camera tells an address that only it knows: the path is right all the same.
        ours = urlsplit(self._service_url)
        try:
            path = urlsplit(url).path
        except ValueError:
            path = ""
        return ours._replace(path=path or ours.path, query="").geturl()

    def _profile(self, media_url: str, element: Element) -> StreamProfile:
        token = element.get("token", "")
        encoder = find(element, "VideoEncoderConfiguration")
        request = (
            f'<GetStreamUri xmlns="{_MEDIA}"><StreamSetup><Stream xmlns="{_SCHEMA}">RTP-Unicast</Stream>'
            f'<Transport xmlns="{_SCHEMA}"><Protocol>RTSP</Protocol></Transport></StreamSetup>'
            f"<ProfileToken>{escape(token)}</ProfileToken></GetStreamUri>"
        )
        url = text_of(self._ask(media_url, request), "Uri")
        return StreamProfile(
            token=_plain(token),
            name=_plain(text_of(element, "Name")),
            encoding=_plain(text_of(encoder, "Encoding")) if encoder is not None else "",
            width=_whole(encoder, "Resolution", "Width"),
            height=_whole(encoder, "Resolution", "Height"),
            fps=float(_whole(encoder, "FrameRateLimit")),
            url=_stream_url(url, self._host),
        )

    def _ask(self, url: str, body: str, *, signed: bool = True) -> Element:
        header = ""
        if signed and self._user:
            header = username_token(self._user, self._password, datetime.now(UTC) + self._clock_offset)
        content = envelope(body, header)
        try:
            status, data = self._post(url, content)
            if status == httpx.codes.UNAUTHORIZED and signed and self._digest is not None:
                status, data = self._post(url, content, self._digest)
        except httpx.HTTPError as error:
            raise SourceNotFound(
                f"{self._host}: does not answer ({type(error).__name__}): check its address, power and that ONVIF is "
                "switched on in its settings"
            ) from None
        except (httpx.InvalidURL, UnicodeError):
            raise SourceUnreadable(
                f"{self._host}: its address or that of its media service is none: check what you wrote, update its "
                "firmware"
            ) from None
        if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise self._refused()
        try:
            message = parse(data)
        except SourceUnreadable as error:
            raise SourceUnreadable(f"{self._host}: {error} (HTTP {status})") from None
        fault = fault_of(message)
        if "NotAuthorized" in fault or "FailedAuthentication" in fault:
            raise self._refused()
        if fault or status >= httpx.codes.BAD_REQUEST:
            raise SourceUnreadable(f"{self._host}: answers {_plain(fault) or f'HTTP {status}'}: update its firmware")
        return message

    def _post(self, url: str, content: bytes, auth: httpx.Auth | None = None) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
        ends_s = time.monotonic() + ANSWER_S
        with self._http.stream("POST", url, content=content, headers=headers, auth=auth) as response:
            data = b""
            for chunk in response.iter_bytes():
                data += chunk
                if len(data) > MAX_BYTES:
                    break
                if time.monotonic() > ends_s:
                    raise httpx.ReadTimeout(f"no whole answer in {ANSWER_S:.0f} s")
            return response.status_code, data

    def _refused(self) -> SourceError:
        what = "refused the account" if self._user else "asks for an account"
        return SourceRefused(
            f"{self._host}: {what}: give --user and the password, and on many cameras add an ONVIF user of its own",
            permanent=True,
        )


def choose(profiles: Sequence[StreamProfile]) -> tuple[StreamProfile, StreamProfile] | None:
    """Which stream to search and which to record; None when there is none.

    Searched is a sub-stream: the smallest picture that still shows people far away. Recorded is the largest. H.264
    before H.265 where both would do: every browser plays it.
    """
    usable = [profile for profile in profiles if profile.url and profile.encoding.upper() != "JPEG"]
    usable = usable or [profile for profile in profiles if profile.url]
    if not usable:
        return None
    record = max(usable, key=lambda profile: (profile.pixels, _is_h264(profile), profile.fps))
    fitting = [p for p in usable if _DETECT_MIN_WIDTH <= p.width <= _DETECT_MAX_WIDTH]
    detect = min(fitting, key=lambda p: (not _is_h264(p), p.pixels)) if fitting else None
    if detect is None:  # all are very small or very large: the one nearest to what is wanted
        detect = min(usable, key=lambda p: (p.width < _DETECT_MIN_WIDTH, abs(p.width - _DETECT_MIN_WIDTH)))
    return detect, record


def _is_h264(profile: StreamProfile) -> bool:
    return profile.encoding.upper() in {"H264", ""}


def _whole(parent: Element | None, *names: str) -> int:
    text = text_of(parent, *names) if parent is not None else ""
    return int(text) if text.isdecimal() and len(text) < 7 else 0


def _plain(text: str) -> str:
    """A stranger's words without control characters, shortened."""
    return "".join(letter for letter in text if letter.isprintable())[:200]


def _stream_url(url: str, host: str) -> str:
    """A stream's address as a camera file may hold it; empty when it is none.

    What a stranger says could otherwise send the cameras' password to another machine, or name one of our secrets.
    """
    if not url.startswith(("rtsp://", "rtsps://", "http://", "https://")) or not url.isprintable():
        return ""
    try:
        parse_source(url, Path())
    except SourceRefused:
        return ""
    parts = urlsplit(url)
    port = "" if parts.port is None else f":{parts.port}"
    return redact_url(parts._replace(netloc=f"{f'[{host}]' if ':' in host else host}{port}").geturl())
