"""Who on this network is an ONVIF camera: WS-Discovery over UDP multicast.

One probe leaves through each network card, and answers are collected for a few seconds. An answer comes from whoever
likes to send one: addresses that lead to another machine than the sender are left out, because we would show that
machine our credentials' digest.
"""

from __future__ import annotations

import ipaddress
import logging
import select
import socket
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from edge.errors import SourceNotFound, SourceUnreadable
from edge.onvif.soap import envelope, find_all, parse, text_of

MULTICAST = ("239.255.255.250", 3702)
MAX_DEVICES = 256
"""More answers than this are a storm, not a village."""
MAX_OF_ONE = 8
"""Of one address: whoever says to be a thousand cameras must not hide the others."""
_REPEAT_S = 0.8
"""UDP loses packets: the probe is sent again."""
_WSA = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_WSD = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
_NETWORK = "http://www.onvif.org/ver10/network/wsdl"
_NAME_SCOPE = "onvif://www.onvif.org/name/"
_HARDWARE_SCOPE = "onvif://www.onvif.org/hardware/"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FoundDevice:
    """A device that answered.

    Attributes:
        address: Its IP address: who sent the answer.
        service_url: Where its device service listens.
        name: As it calls itself; may be empty.
        hardware: Its model; may be empty.
    """

    address: str
    service_url: str
    name: str = ""
    hardware: str = ""


def discover(timeout_s: float = 4.0, interfaces: Sequence[str] = ()) -> list[FoundDevice]:
    """Ask the local network for ONVIF devices.

    Args:
        timeout_s: How long answers are collected.
        interfaces: IPv4 addresses of the cards to ask through; empty: every card of this machine.

    Returns:
        Devices in order of their addresses, each once.

    Raises:
        SourceNotFound: No card could send the probe.
    """
    cards = list(interfaces) or local_addresses()
    sockets = [opened for card in cards if (opened := _open(card)) is not None]
    if not sockets:
        raise SourceNotFound(
            f"no network card could send the search ({', '.join(cards) or 'none found'}): check the network, or name "
            "a card by its address with --interface"
        )
    try:
        return _collect(sockets, timeout_s)
    finally:
        for opened in sockets:
            opened.close()


def local_addresses() -> list[str]:
    """IPv4 addresses of this machine's cards, without loopback where there is another."""
    import psutil

    found = [
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == socket.AF_INET
    ]
    return [address for address in found if not ipaddress.ip_address(address).is_loopback] or found


def _open(card: str) -> socket.socket | None:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(card))
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        opened.bind((card, 0))
        opened.setblocking(False)
    except OSError as error:
        log.warning("card_unusable address=%s cause=%r", card, str(error))
        opened.close()
        return None
    return opened


def _collect(sockets: Sequence[socket.socket], timeout_s: float) -> list[FoundDevice]:
    devices: dict[str, FoundDevice] = {}
    began_s = time.monotonic()
    ends_s, next_probe_s, probes = began_s + timeout_s, began_s, 2
    while (now_s := time.monotonic()) < ends_s:
        if probes and now_s >= next_probe_s:
            probes -= 1
            next_probe_s = now_s + _REPEAT_S
            _send(sockets)
        until_s = min(ends_s, next_probe_s) if probes else ends_s
        ready, _, _ = select.select(sockets, [], [], max(0.0, until_s - time.monotonic()))
        for opened in ready:
            try:
                data, (sender, _port) = opened.recvfrom(65_535)
            except OSError:  # a card that went down, or a port-unreachable answer
                continue
            for device in read_answer(data, sender):
                of_one = sum(known.address == sender for known in devices.values())
                if len(devices) < MAX_DEVICES and of_one < MAX_OF_ONE:
                    devices.setdefault(device.service_url, device)
    return sorted(devices.values(), key=lambda device: (ipaddress.ip_address(device.address), device.service_url))


def _send(sockets: Iterable[socket.socket]) -> None:
    sent = False
    for opened in sockets:
        for types in ("<d:Types>n:NetworkVideoTransmitter</d:Types>", ""):  # some answer only one of the two
            try:
                opened.sendto(_probe(types), MULTICAST)
                sent = True
            except OSError as error:
                log.warning("probe_failed card=%s cause=%r", opened.getsockname()[0], str(error))
                break
    if not sent:
        raise SourceNotFound("the search could not be sent on any network card: check cable, Wi-Fi and firewall")


def _probe(types: str) -> bytes:
    header = (
        f'<a:Action xmlns:a="{_WSA}">{_WSD}/Probe</a:Action>'
        f'<a:MessageID xmlns:a="{_WSA}">uuid:{uuid.uuid4()}</a:MessageID>'
        f'<a:To xmlns:a="{_WSA}">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>'
    )
    return envelope(f'<d:Probe xmlns:d="{_WSD}" xmlns:n="{_NETWORK}">{types}</d:Probe>', header)


def read_answer(data: bytes, sender: str) -> list[FoundDevice]:
    """Read one datagram: the devices of a ProbeMatches message whose address is the sender's; [] for anything else."""
    try:
        message = parse(data)
    except SourceUnreadable as error:
        log.info("answer_unreadable from=%s cause=%r", sender, str(error))
        return []
    found: list[FoundDevice] = []
    for match in find_all(message, "ProbeMatch"):
        scopes = text_of(match, "Scopes").split()
        own = [url for url in text_of(match, "XAddrs").split() if is_at(url, sender)]
        if not own:
            log.warning("answer_refused from=%s cause='it names no address of its own'", sender)
            continue
        found.append(FoundDevice(sender, own[0], _scope(scopes, _NAME_SCOPE), _scope(scopes, _HARDWARE_SCOPE)))
    return found


def is_at(url: str, host: str) -> bool:
    """Whether an http(s) URL leads to a host, written as an IP address."""
    try:
        parts = urlsplit(url)
        _ = parts.port
        is_own = ipaddress.ip_address(parts.hostname or "") == ipaddress.ip_address(host)
        return is_own and parts.scheme in {"http", "https"} and url.isprintable() and not parts.username
    except ValueError:
        return False


def _scope(scopes: Sequence[str], prefix: str) -> str:
    found = next((scope[len(prefix) :] for scope in scopes if scope.startswith(prefix)), "")
    return "".join(letter for letter in unquote(found) if letter.isprintable())[:100]
