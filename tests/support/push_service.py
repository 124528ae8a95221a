"""A push service on loopback with a browser behind it: it believes no unsigned post, and reads what is sealed.

What a push service checks (RFC 8030, 8292) and what a browser opens (RFC 8291) is done here with other code than the
server's: JWT and decryption from the standards, on `cryptography` alone.
"""

from __future__ import annotations

import base64
import http.server
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.https_files import serving

DAY_S = 24 * 3600


def unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def padded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@dataclass
class PushBrowser:
    """A browser's side of one subscription."""

    endpoint: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: os.urandom(16))

    @property
    def form(self) -> dict[str, str]:
        """What the page sends."""
        return {
            "endpoint": self.endpoint,
            "p256dh": unpadded(point(self.key.public_key())),
            "auth": unpadded(self.auth),
        }

    def open(self, body: bytes) -> bytes:
        """Decrypt one message of one record (RFC 8291, section 3).

        Raises:
            cryptography.exceptions.InvalidTag: It is not for this browser.
        """
        salt, length = body[:16], body[20]
        sender = body[21 : 21 + length]
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))
        about = b"WebPush: info\0" + point(self.key.public_key()) + sender
        material = HKDF(SHA256(), 32, self.auth, about).derive(shared)
        key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(material)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(material)
        plain = AESGCM(key).decrypt(nonce, body[21 + length :], None).rstrip(b"\0")
        assert plain[-1:] == b"\2", "the last record"
        return plain[:-1]


@dataclass(frozen=True)
class Pushed:
    """A message that was taken."""

    told: dict[str, Any]
    headers: dict[str, str]
    claims: dict[str, Any]
    body: bytes


@dataclass
class PushService:
    """The service."""

    port: int = 0
    site_key: str = ""
    """With which browsers have subscribed: another one's messages are refused."""
    browsers: dict[str, PushBrowser] = field(default_factory=dict)
    taken: list[Pushed] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    """For each coming post: this status instead of a look at it."""
    now_s: float | None = None

    @property
    def origin(self) -> str:
        """Which tokens must be for."""
        return f"https://localhost:{self.port}"

    def subscribe(self, name: str, site_key: str = "") -> PushBrowser:
        """A new browser."""
        self.site_key = site_key or self.site_key
        browser = self.browsers[f"/push/{name}"] = PushBrowser(f"{self.origin}/push/{name}")
        return browser

    def unsubscribe(self, name: str) -> None:
        """Its holder turned it off."""
        del self.browsers[f"/push/{name}"]

    def claims_of(self, authorization: str) -> dict[str, Any]:
        """Check a VAPID header (RFC 8292).

        Raises:
            ValueError: It does not let anybody in; the message says why.
        """
        scheme, _, rest = authorization.partition(" ")
        fields = dict(item.strip().partition("=")[::2] for item in rest.split(","))
        if scheme != "vapid" or fields.get("k") != self.site_key:
            raise ValueError("not the key that was subscribed with")
        head, body, signature = fields["t"].split(".")
        raw, public = (
            padded(signature),
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), padded(fields["k"])),
        )
        signed = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        try:
            public.verify(signed, f"{head}.{body}".encode(), ec.ECDSA(SHA256()))
        except InvalidSignature as error:
            raise ValueError("not signed with that key") from error
        if json.loads(padded(head))["alg"] != "ES256":
            raise ValueError("not ES256")
        claims: dict[str, Any] = json.loads(padded(body))
        now_s = time.time() if self.now_s is None else self.now_s
        if claims["aud"] != self.origin or not now_s < claims["exp"] <= now_s + DAY_S:
            raise ValueError("for somebody else, or of another time")
        if not str(claims["sub"]).startswith(("mailto:", "https://")):
            raise ValueError("nobody to ask")
        return claims


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        service = cast("_Server", self.server).service
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.send_response(self._judge(service, body))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _judge(self, service: PushService, body: bytes) -> int:
        if service.answers:
            return service.answers.pop(0)
        browser = service.browsers.get(self.path)
        if browser is None:
            return 410
        try:
            claims = service.claims_of(self.headers.get("Authorization", ""))
            if int(self.headers.get("TTL", "-1")) < 0 or self.headers.get("Content-Encoding") != "aes128gcm":
                raise ValueError("TTL or Content-Encoding")  # noqa: TRY301 - one answer
            if not 0 < len(body) <= 4096:
                raise ValueError("size")  # noqa: TRY301 - the same
        except (ValueError, KeyError) as error:
            service.refused.append(str(error))
            return 403
        headers = {name.lower(): value for name, value in self.headers.items()}
        service.taken.append(Pushed(json.loads(browser.open(body)), headers, claims, body))
        return 201

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


class _Server(http.server.ThreadingHTTPServer):
    service: PushService


@contextmanager
def running_push_service(certificate: Path, key: Path) -> Iterator[PushService]:
    """Serve until the end of the block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.service = PushService(port=server.server_address[1])
    with serving(server, certificate, key):
        yield server.service
