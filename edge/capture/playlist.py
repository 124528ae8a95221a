"""Opens what an HLS playlist names: only what lies on the playlist's own server, fetched by us and never by FFmpeg.

A playlist is a list of addresses that nobody has checked: local files, other machines, a cloud's metadata service. So
FFmpeg only reads the playlist's text, and asks here for every address in it.
"""

from __future__ import annotations

import io
import ssl
from urllib.parse import SplitResult, urlsplit

import httpx

from edge.capture.source_url import SourceAddress, pinned
from edge.errors import SourceError, SourceNotFound, SourceRefused, SourceStalled

MAX_BYTES = 64_000_000
"""Of a segment: 10 s of the heaviest camera."""
_PORTS = {"http": 80, "https": 443}


class PlaylistReader:
    """Fetches one playlist and its segments.

    Args:
        address: Of the playlist.
        ip: The address its host was checked to have; every connection goes there.
        verify: Refuse certificates that this machine does not trust.
        timeout_s: Of each fetch.
    """

    def __init__(self, address: SourceAddress, ip: str, *, verify: bool, timeout_s: float) -> None:
        self._address, self._ip = address, ip
        parts = urlsplit(address.target)
        self._origin = _origin(parts)
        auth = httpx.BasicAuth(parts.username, parts.password or "") if parts.username else None
        # What this machine trusts, its site's own authority included: httpx alone would ask a list of its own.
        trust = ssl.create_default_context() if verify else False
        # No proxy and no .netrc from the environment: a camera is reached directly.
        self._client = httpx.Client(verify=trust, auth=auth, timeout=timeout_s, follow_redirects=False, trust_env=False)
        self.url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        """The playlist's address without credentials: what FFmpeg is given."""
        self.error: SourceError | None = None
        """Why the last fetch failed; FFmpeg passes no reason on."""

    def open(self, url: str, _flags: int, _options: dict[str, str]) -> io.BytesIO:
        """Fetch an address for FFmpeg (`av.open(io_open=...)`).

        Raises:
            OSError: It lies elsewhere or cannot be fetched; `error` says why.
        """
        try:
            self.error = None
            return io.BytesIO(self._fetch(url))
        except SourceError as error:
            self.error = error
            raise OSError("refused") from None

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def _fetch(self, url: str) -> bytes:
        parts = urlsplit(url)
        if _origin(parts) != self._origin or parts.username:
            raise SourceRefused(
                f"{self._address}: this playlist names something outside its own server: give the camera's own address",
                permanent=True,
            )
        target, headers, extensions = pinned(parts, self._ip)
        try:
            with self._client.stream("GET", target, headers=headers, extensions=extensions) as answer:
                self._check(answer.status_code)
                body = bytearray()
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > MAX_BYTES:
                        raise SourceRefused(
                            f"{self._address}: a part of this playlist is larger than any video segment"
                        )
                return bytes(body)
        except httpx.TimeoutException:
            raise SourceStalled(
                f"{self._address}: no answer in time: check the camera's power and the network"
            ) from None
        except httpx.HTTPError:
            raise SourceNotFound(
                f"{self._address}: nothing answers there: check address, port and certificate"
            ) from None

    def _check(self, status: int) -> None:
        if status in {401, 403}:
            raise SourceRefused(
                f"{self._address}: the camera refused the credentials ({status}): set its user and password in the "
                "secrets file",
                permanent=True,
            )
        if status != httpx.codes.OK:
            raise SourceNotFound(
                f"{self._address}: the camera answered {status}: compare the path with its manual; an address that "
                "redirects must be replaced by the one it leads to"
            )


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    try:
        port = parts.port
    except ValueError:
        port = -1
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), port if port is not None else _PORTS.get(scheme)
