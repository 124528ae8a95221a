"""An ONVIF camera on loopback: answers WS-Discovery by multicast and SOAP over HTTP, and checks who asks."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

_GROUP = ("239.255.255.250", 3702)
_REPLY = (
    '<?xml version="1.0"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" '
    'xmlns:tt="http://www.onvif.org/ver10/schema" '
    'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><SOAP-ENV:Body>{}</SOAP-ENV:Body></SOAP-ENV:Envelope>'
)
_FAULT = (
    "<SOAP-ENV:Fault><SOAP-ENV:Code><SOAP-ENV:Value>SOAP-ENV:Sender</SOAP-ENV:Value><SOAP-ENV:Subcode>"
    "<SOAP-ENV:Value>ter:NotAuthorized</SOAP-ENV:Value></SOAP-ENV:Subcode></SOAP-ENV:Code><SOAP-ENV:Reason>"
    '<SOAP-ENV:Text xml:lang="en">Sender not authorized</SOAP-ENV:Text></SOAP-ENV:Reason></SOAP-ENV:Fault>'
)
MAX_SKEW = timedelta(seconds=30)


@dataclass(frozen=True)
class Stream:
    """A profile that the camera offers."""

    token: str
    encoding: str
    width: int
    height: int
    fps: int
    url: str


@dataclass
class OnvifCamera:
    """A camera. Use it as a context manager; `port` is known inside.

    Attributes:
        streams: Its profiles; of one without a URL it gives none.
        user: Empty: everybody may ask.
        password: Of the user.
        clock_offset: Its clock minus the true time.
        told_address: What it says its address is, in discovery and capabilities; None: the truth.
        http_digest: It wants HTTP's digest instead of WS-Security.
        year: What it says the year is; empty: the true one.
        drips: Its answers come byte by byte and never end.
        services: It says that it is so many devices.
    """

    streams: tuple[Stream, ...]
    user: str = ""
    password: str = ""
    clock_offset: timedelta = timedelta()
    told_address: str | None = None
    http_digest: bool = False
    year: str = ""
    drips: bool = False
    services: int = 1
    name: str = "Cong%20cho"
    requests: list[str] = field(default_factory=list)
    """Bodies as they came."""

    def __enter__(self) -> Self:
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                camera.requests.append(body)
                status, answer, challenge = camera.answer(body, self.headers.get("Authorization", ""))
                data = _REPLY.format(answer).encode()
                self.send_response(status)
                if challenge:
                    self.send_header("WWW-Authenticate", challenge)
                self.send_header("Content-Type", "application/soap+xml")
                self.send_header("Content-Length", str(len(data) + camera.drips))
                self.end_headers()
                with suppress(OSError):  # the client went away
                    while camera.drips and not camera._stop.wait(0.02):
                        self.wfile.write(b" ")
                    self.wfile.write(data)

            def log_message(self, *_: object) -> None: ...

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._udp.bind(("", _GROUP[1]))
        member = struct.pack("4s4s", socket.inet_aton(_GROUP[0]), socket.inet_aton("127.0.0.1"))
        self._udp.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        self._udp.settimeout(0.2)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._http.serve_forever, args=(0.05,)),
            threading.Thread(target=self._answer_probes),
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._http.shutdown()
        for thread in self._threads:
            thread.join()
        self._http.server_close()
        self._udp.close()

    @property
    def port(self) -> int:
        """Where SOAP is served."""
        return self._http.server_port

    @property
    def service_url(self) -> str:
        """Its device service."""
        return f"http://127.0.0.1:{self.port}/onvif/device_service"

    def _told(self, path: str) -> str:
        return f"http://{self.told_address or '127.0.0.1'}:{self.port}{path}"

    def _answer_probes(self) -> None:
        while not self._stop.is_set():
            try:
                data, sender = self._udp.recvfrom(65_535)
            except TimeoutError:
                continue
            if b"/Probe<" not in data:
                continue
            matches = "".join(
                "<d:ProbeMatch><d:Types>dn:NetworkVideoTransmitter</d:Types>"
                f"<d:Scopes>onvif://www.onvif.org/name/{self.name} onvif://www.onvif.org/hardware/IPC-1</d:Scopes>"
                f"<d:XAddrs>{self._told('/onvif/device_service' + '?' * number)}</d:XAddrs></d:ProbeMatch>"
                for number in range(self.services)
            )
            self._udp.sendto(_REPLY.format(f"<d:ProbeMatches>{matches}</d:ProbeMatches>").encode(), sender)

    def answer(self, body: str, authorization: str) -> tuple[int, str, str]:
        """Status, body and challenge for a request."""
        if "GetSystemDateAndTime" in body:
            now = datetime.now(UTC) + self.clock_offset
            return 200, (
                "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:UTCDateTime>"
                f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute>"
                f"<tt:Second>{now.second}</tt:Second></tt:Time><tt:Date><tt:Year>{self.year or now.year}</tt:Year>"
                f"<tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day></tt:Date></tt:UTCDateTime>"
                "</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
            ), ""  # fmt: skip
        if self.http_digest and not self._digest_is_right(authorization):
            return 401, "", 'Digest realm="cam", qop="auth", nonce="abc", algorithm=MD5'
        if self.user and not self.http_digest and not self._token_is_right(body):
            return 400, _FAULT, ""
        return 200, self._content(body), ""

    def _content(self, body: str) -> str:
        if "GetDeviceInformation" in body:
            return (
                "<tds:GetDeviceInformationResponse><tds:Manufacturer>Acme</tds:Manufacturer><tds:Model>IPC &lt;1&gt;"
                "</tds:Model><tds:FirmwareVersion>1.2</tds:FirmwareVersion></tds:GetDeviceInformationResponse>"
            )
        if "GetCapabilities" in body:
            media = f"<tt:Media><tt:XAddr>{self._told('/onvif/media')}</tt:XAddr></tt:Media>"
            capabilities = f"<tds:Capabilities>{media}</tds:Capabilities>"
            return f"<tds:GetCapabilitiesResponse>{capabilities}</tds:GetCapabilitiesResponse>"
        if "GetProfiles" in body:
            profiles = "".join(
                f'<trt:Profiles token="{s.token}" fixed="true"><tt:Name>{s.token}</tt:Name>'
                f"<tt:VideoEncoderConfiguration><tt:Encoding>{s.encoding}</tt:Encoding><tt:Resolution>"
                f"<tt:Width>{s.width}</tt:Width><tt:Height>{s.height}</tt:Height></tt:Resolution><tt:RateControl>"
                f"<tt:FrameRateLimit>{s.fps}</tt:FrameRateLimit></tt:RateControl></tt:VideoEncoderConfiguration>"
                "</trt:Profiles>"
                for s in self.streams
            )
            return f"<trt:GetProfilesResponse>{profiles}</trt:GetProfilesResponse>"
        wanted = re.search(r"<ProfileToken>(.*?)</ProfileToken>", body)
        stream = next(s for s in self.streams if wanted is not None and s.token == wanted[1])
        if not stream.url:
            return _FAULT.replace("NotAuthorized", "ActionNotSupported").replace("not authorized", "cannot do this")
        uri = f"<trt:MediaUri><tt:Uri>{stream.url}</tt:Uri></trt:MediaUri>"
        return f"<trt:GetStreamUriResponse>{uri}</trt:GetStreamUriResponse>"

    def _token_is_right(self, body: str) -> bool:
        parts = [
            re.search(rf"<\w+:{tag}\b[^>]*>([^<]*)<", body) for tag in ("Username", "Password", "Nonce", "Created")
        ]
        if None in parts:
            return False
        user, digest, nonce, created = (part[1] for part in parts if part)
        expected = hashlib.sha1(base64.b64decode(nonce) + created.encode() + self.password.encode()).digest()  # noqa: S324
        age = datetime.now(UTC) + self.clock_offset - datetime.fromisoformat(created)
        return user == self.user and base64.b64decode(digest) == expected and abs(age) < MAX_SKEW

    def _digest_is_right(self, authorization: str) -> bool:
        told = dict(re.findall(r'(\w+)="?([^",]+)"?', authorization))

        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - RFC 2617

        if told.get("username") != self.user:
            return False
        first, second = md5(f"{self.user}:cam:{self.password}"), md5(f"POST:{told['uri']}")
        return str(told["response"]) == md5(":".join([first, "abc", told["nc"], told["cnonce"], "auth", second]))
