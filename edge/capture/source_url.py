"""Which inputs may be opened: streams over RTSP and HTTP, cameras of this machine, files below the media folder.

FFmpeg would also open `file:`, `concat:`, `pipe:`, playlists that name other addresses, and more; an allowlist here,
and the protocol and format lists of `edge.capture.connection`, keep a configuration from reading what it should not.
A host is looked up once, and the connection goes to the address that was checked: a name that points elsewhere a
moment later ("DNS rebinding") leads nowhere.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit

from edge.errors import SecretMissing, SourceNotFound, SourceRefused

STREAM_SCHEMES = frozenset({"rtsp", "rtsps", "http", "https"})
MAX_LENGTH = 1000
SECRET_PREFIX = "LANGAN_"  # noqa: S105 - the prefix of names, not a secret
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")
_CREDENTIALS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)\S*@")
"""Up to the last @: a raw @ or / in a password must not leave its tail visible."""
_SECRET_FIELD = re.compile(
    r"(?P<name>[?&;/_](?:user(?:name)?|usr|login|auth|pass(?:word|wd)?|pwd|token|key|secret)=)[^&;#\s]*", re.IGNORECASE
)
"""Some cameras take `/user=admin_password=..._channel=1` as a path, others a query."""
_DEVICE = re.compile(r"/dev/video[0-9]{1,2}")
_METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(text) for text in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254")
)
"""Where clouds hand out a machine's own credentials (AWS, GCP, Azure; ECS; Alibaba): never a camera."""


class SourceKind(StrEnum):
    """How an input is opened."""

    RTSP = "rtsp"
    HTTP = "http"
    FILE = "file"
    DEVICE = "device"


@dataclass(frozen=True, slots=True, repr=False)
class SourceAddress:
    """An input that passed the allowlist. Its text form is safe to log."""

    kind: SourceKind
    target: str
    """What FFmpeg opens; may hold credentials: never log it."""
    shown: str
    """The same without credentials."""

    @property
    def is_playlist(self) -> bool:
        """An HLS playlist: a list of further addresses."""
        return self.kind is SourceKind.HTTP and urlsplit(self.target).path.lower().endswith(".m3u8")

    def __str__(self) -> str:
        return self.shown

    __repr__ = __str__


def redact_url(text: str) -> str:
    """Strip credentials from every URL in a text: `rtsp://user:pass@host/x?pwd=1` to `rtsp://***@host/x?pwd=***`."""
    return _SECRET_FIELD.sub(r"\g<name>***", _CREDENTIALS.sub(r"\g<scheme>***@", text))


def expand_secrets(text: str, secrets: Mapping[str, str]) -> str:
    """Replace every `{LANGAN_...}` by its value.

    A value that stands for a user or a password in a URL is percent-encoded, so that it may hold `@`, `:` or `/`.

    Raises:
        SecretMissing: A name is unknown, or does not begin with LANGAN_.
    """
    authority_end = _end_of_credentials(text)

    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if not name.startswith(SECRET_PREFIX):
            raise SecretMissing(
                f"{{{name}}}: only variables that begin with {SECRET_PREFIX} may be used in an input", permanent=True
            )
        if name not in secrets:
            raise SecretMissing(
                f"{{{name}}} is not set: set the environment variable {name}, or add it to the secrets file",
                permanent=True,
            )
        return quote(secrets[name], safe="") if match.start() < authority_end else secrets[name]

    return _PLACEHOLDER.sub(replace, text)


def _end_of_credentials(text: str) -> int:
    """Position of the @ that ends a URL's credentials, or 0."""
    _, separator, rest = text.partition("://")
    if not separator:
        return 0
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return len(text) - len(rest) + authority.rfind("@") if "@" in authority else 0


def parse_source(text: str, media_folder: Path) -> SourceAddress:
    """Read an input's path (secrets already expanded) into something that may be opened.

    Args:
        text: `inputs[].path` of a camera file.
        media_folder: Files must lie below it; relative paths start there.

    Raises:
        SourceRefused: The input is not on the allowlist.
    """
    if len(text) > MAX_LENGTH or any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in text) or not text.strip():
        raise _refuse("an input is empty, too long or holds control characters")
    if "://" in text and text.split("://", 1)[0].lower() in STREAM_SCHEMES:
        return _parse_stream(text)
    if _DEVICE.fullmatch(text):
        return SourceAddress(SourceKind.DEVICE, text, text)
    if _SCHEME.match(text) or "://" in text:
        raise _refuse(f"{redact_url(text)}: this kind of input is not allowed")
    return _parse_file(text, media_folder)


def _parse_stream(text: str) -> SourceAddress:
    shown = redact_url(text)
    if re.search(r"[\s\\|<>\"'`{}]", text):
        raise _refuse(f"{shown}: the address holds a space, a quote or another letter that does not belong in a URL")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise _refuse(f"{shown}: the address cannot be read: check its host, its port and its brackets") from None
    if not host:
        raise _refuse(f"{shown}: the address names no host")
    kind = SourceKind.RTSP if parts.scheme.lower().startswith("rtsp") else SourceKind.HTTP
    return SourceAddress(kind, text, shown)


def _parse_file(text: str, media_folder: Path) -> SourceAddress:
    folder = media_folder.resolve()
    try:
        path = (folder / text).resolve()
    except OSError as error:
        raise _refuse(f"{text}: the path cannot be followed ({error.strerror})") from None
    if ".." in Path(text).parts or not path.is_relative_to(folder):
        raise _refuse(f"{text}: the file does not lie below the media folder {folder}: move or copy it there")
    return SourceAddress(SourceKind.FILE, str(path), text)


def _refuse(reason: str) -> SourceRefused:
    remedy = "give an rtsp://, rtsps://, http:// or https:// address, /dev/video0, or a file below the media folder"
    return SourceRefused(f"{reason}: {remedy}", permanent=True)


def check_host(address: SourceAddress) -> list[str]:
    """Look a stream's host up, and refuse addresses that are never cameras.

    Returns:
        The IP addresses that were checked, IPv4 first: few cameras speak anything else.

    Raises:
        SourceNotFound: The name cannot be resolved.
        SourceRefused: It resolves to a cloud's metadata service, or to no single machine.
    """
    host = urlsplit(address.target).hostname or ""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise SourceNotFound(
            f"{address}: the name {host!r} cannot be found: check its spelling, the network and the DNS server"
        ) from None
    for *_, place in found:
        ip = ipaddress.ip_address(str(place[0]).partition("%")[0])
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        if ip in _METADATA_ADDRESSES or ip.is_multicast or ip.is_unspecified:
            raise _refuse(f"{address}: {ip} is not the address of a camera")
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


def pinned(parts: SplitResult, ip: str) -> tuple[str, dict[str, str], dict[str, str]]:
    """Put a checked address into a URL instead of its host's name.

    Returns:
        The URL, HTTP headers and httpx's extensions that still tell the server the name it was asked by.
    """
    credentials, at, host = parts.netloc.rpartition("@")
    shown_ip = f"[{ip}]" if ":" in ip else ip
    port = "" if parts.port is None else f":{parts.port}"
    url = parts._replace(netloc=f"{credentials}{at}{shown_ip}{port}").geturl()
    return url, {"Host": host}, {"sni_hostname": parts.hostname or ""}
