"""Devices that can sign: identities without the enrolment, and signatures for clients other than the edge's own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from datetime import datetime

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge.clock import utc_now
from edge.identity import DeviceIdentity
from edge.outbox.signing import RequestSigner
from server.devices.signatures import ServerKey

SECRET_KEY = "of the servers in tests that have no database"
SERVER_KEY = ServerKey(SECRET_KEY)


def make_identity(
    device_id: str = "demo", *, server: ServerKey = SERVER_KEY, url: str = "http://127.0.0.1:8000"
) -> DeviceIdentity:
    """A device whose key is made from its id, and which believes a server's key."""
    return DeviceIdentity(
        device_id=device_id,
        server_url=url,
        private_key=Ed25519PrivateKey.from_private_bytes(hashlib.sha256(device_id.encode()).digest()),
        server_key=Ed25519PublicKey.from_public_bytes(server.public_bytes),
    )


class SignedAuth(httpx.Auth):
    """Signs what an httpx client sends.

    Args:
        identity: The device.
        now: Its clock.
    """

    requires_request_body = True

    def __init__(self, identity: DeviceIdentity, now: Callable[[], datetime] = utc_now) -> None:
        self._signer = RequestSigner(identity.device_id, identity.private_key, now)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign each request anew."""
        self._signer.sign(request)
        yield request


def signed_headers(
    identity: DeviceIdentity,
    method: str,
    target: str,
    body: bytes = b"",
    *,
    now: datetime | None = None,
    own_clock: datetime | None = None,
    length: int | None = None,
    sha256: bytes | None = None,
) -> dict[str, str]:
    """The headers that make a request one of the device, for clients that are not httpx.

    Args:
        identity: The device.
        method: Upper case.
        target: Path and query.
        body: What is sent.
        now: When it is signed; the real time when None.
        own_clock: What the device's own clock shows, where that is another time.
        length: Content-Length, where it lies.
        sha256: What Content-Digest says, where it lies.
    """
    at = now or utc_now()
    own = own_clock or at
    signer = RequestSigner(identity.device_id, identity.private_key, lambda: own)
    signer.correction = at - own
    request = httpx.Request(method, f"http://device{target}", content=body)
    if method not in {"GET", "HEAD"}:
        request.headers["Content-Length"] = str(len(body) if length is None else length)
    signer.sign(request, sha256)
    names = ("Date", "Content-Digest", "Content-Length", "Signature-Input", "Signature")
    return {name: request.headers[name] for name in names if name in request.headers}
