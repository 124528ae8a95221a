"""Writes a push message: encrypted for the browser (RFC 8291, aes128gcm), and signed for its push service (RFC 8292).

Nobody between us and the browser can read it, and even the browser is told no name, no plate and no picture.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

from server.auth.sealing import Sealer
from server.push.keys import from_base64url, private_key
from server.push.subscriptions import PushAddress
from server.settings import Settings

LIVES: Final = timedelta(hours=4)
"""So long the push service keeps it for a phone that is off: older news is seen on the wall."""
_TOKEN_LIVES: Final = timedelta(hours=12)
"""At most 24 hours are allowed."""


class KeyLost(Exception):
    """The browser has to subscribe again: the site's key is another one now."""


@dataclass(frozen=True, slots=True)
class SealedPush:
    """What is posted."""

    body: bytes
    headers: dict[str, str]


def seal(
    settings: Settings, address: PushAddress | None, endpoint: str, told: dict[str, Any], at: datetime
) -> SealedPush:
    """Write the post of one message.

    Args:
        settings: Of the server.
        address: Of the browser; None: it has to subscribe again.
        endpoint: At its push service.
        told: What the service worker is told (server/frontend/src/worker/sw.ts).
        at: Now.

    Raises:
        KeyLost: It cannot be written any more.
    """
    key = None
    if address is not None:
        key = private_key(Sealer(settings.secret_key.get_secret_value()), address.key.sealed)
    if address is None or key is None:
        raise KeyLost
    body = http_ece.encrypt(
        json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode(),
        private_key=ec.generate_private_key(ec.SECP256R1()),  # a fresh one for each message
        dh=from_base64url(address.p256dh),
        auth_secret=from_base64url(address.auth),
        version="aes128gcm",
    )
    parts = urlsplit(endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int((at + _TOKEN_LIVES).timestamp()),
        "sub": _contact(settings),
    }
    token = jwt.encode({"typ": "JWT", "alg": "ES256"}, claims, ECKey.import_key(key), algorithms=["ES256"])
    return SealedPush(
        body,
        {
            "Authorization": f"vapid t={token}, k={address.key.public_key}",
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(int(LIVES.total_seconds())),
            "Urgency": "high" if told.get("urgent") else "normal",
            "Topic": str(told["tag"]),  # a newer word on the same incident replaces one that still waits
        },
    )


def _contact(settings: Settings) -> str:
    """Whom a push service may ask: the site, or whoever sends its mail."""
    if settings.public_url.startswith("https://"):
        return settings.public_url
    mail = settings.mail_from.rpartition("<")[2].rstrip(">").strip()
    return f"mailto:{mail or 'langan@localhost'}"
