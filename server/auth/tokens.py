"""Secrets that we hand out: random, shown once, stored only as SHA-256 (they have 256 bits: no slow hash is needed)."""

from __future__ import annotations

import hashlib
import hmac
import secrets


def new_token() -> str:
    """A fresh secret of 256 bits, safe in headers and cookies."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def csrf_token(secret_key: str, subject: str) -> str:
    """The CSRF token that belongs to a session token (or to the cookie of a visitor who is about to sign in)."""
    return hmac.new(
        secret_key.encode(), b"langan csrf\0" + subject.encode("utf-8", "replace"), hashlib.sha256
    ).hexdigest()


def same(a: str, b: str) -> bool:
    """Compare without telling by time where two secrets differ."""
    return hmac.compare_digest(a.encode("utf-8", "replace"), b.encode("utf-8", "replace"))
