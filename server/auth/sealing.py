"""What must be readable again, or checked again, but not by whoever only has a copy of the database."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12


class Sealer:
    """Seals small secrets with keys that are made of the site's secret key, one for each purpose."""

    def __init__(self, secret_key: str) -> None:
        self._secret = secret_key.encode()

    def seal(self, purpose: str, owner: int, secret: str) -> bytes:
        """Encrypt a secret (AES-256-GCM). It opens for the same purpose and owner only."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self._key(purpose)).encrypt(nonce, secret.encode(), str(owner).encode())

    def unseal(self, purpose: str, owner: int, sealed: bytes) -> str | None:
        """Decrypt a secret; None when the site's secret key has changed since, or the row was tampered with."""
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return AESGCM(self._key(purpose)).decrypt(nonce, rest, str(owner).encode()).decode()
        except InvalidTag:
            return None

    def digest(self, purpose: str, text: str) -> bytes:
        """A fingerprint (32 bytes) that cannot be tried out without the site's secret key."""
        return hmac.digest(self._key(purpose), text.encode("utf-8", "replace"), hashlib.sha256)

    def _key(self, purpose: str) -> bytes:
        return hmac.digest(self._secret, b"langan " + purpose.encode(), hashlib.sha256)
