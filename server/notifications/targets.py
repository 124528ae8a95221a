"""Where a webhook may lead: HTTPS to public addresses, or to networks that the site's settings name.

The name is looked up once and the connection goes to the address that was judged: a name that answers differently the
second time leads nowhere else. The certificate must still be the name's.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_URL: Final = 1000
_TRANSLATED: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("2002::/16"))
"""IPv6 addresses that hold an IPv4 address, and would lead to it."""


class Refused(Exception):
    """A webhook does not lead to where we post.

    Attributes:
        permanent: It never will, as it is written.
    """

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Target:
    """Where to post: a name, and the address that was judged for it."""

    host: str
    port: int
    address: str
    path: str


def check_url(url: str) -> tuple[str, int, str]:
    """Host, port and path of a webhook's URL.

    Raises:
        Refused: It is no plain https URL.
    """
    if len(url) > MAX_URL or not url.isascii() or any(letter <= " " or letter in '"<>\\^`{|}' for letter in url):
        raise Refused("the address holds letters that no URL has", permanent=True)
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError as error:
        raise Refused("the address is not a URL", permanent=True) from error
    if parts.scheme != "https" or not parts.hostname:
        raise Refused("the address must begin with https://", permanent=True)
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Refused("no user, password or #fragment in the address: the post is signed", permanent=True)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.hostname, port, path


def resolve(url: str, networks: Sequence[Network]) -> Target:
    """Look a webhook's name up, and choose an address that may be posted to.

    Args:
        url: `https://...`.
        networks: Private networks that the site's settings allow.

    Raises:
        Refused: The URL is no such one, its name is unknown, or it leads into a private network.
    """
    host, port, path = check_url(url)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Refused("the webhook's name is not known", permanent=False) from error
    addresses = [str(item[4][0]) for item in found]
    allowed = [address for address in addresses if is_allowed(ipaddress.ip_address(address), networks)]
    if not allowed:
        raise Refused(
            "the webhook leads into a private network: name it in LANGAN_WEBHOOK_NETWORKS if that is meant",
            permanent=True,
        )
    return Target(host, port, allowed[0], path)


def is_allowed(address: Address, networks: Sequence[Network]) -> bool:
    """Whether posts may go to an address."""
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        address = mapped
    if any(address.version == network.version and address in network for network in networks):
        return True
    if any(address.version == network.version and address in network for network in _TRANSLATED):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


class PinnedConnection(http.client.HTTPSConnection):
    """TLS to the address that was judged; the certificate must be the name's."""

    def __init__(self, target: Target, *, timeout_s: float) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(target.host, target.port, timeout=timeout_s, context=self._tls)
        self._target = target

    def connect(self) -> None:
        """Connect to the address, and prove the name."""
        plain = socket.create_connection((self._target.address, self._target.port), self.timeout)
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self._target.host)
        except BaseException:
            plain.close()
            raise
