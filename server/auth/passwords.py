"""argon2id, bounded: each check takes 64 MiB, so only a few run at once."""

from __future__ import annotations

import secrets
import threading
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from server.errors import InvalidInput

MIN_LENGTH: Final = 10
MAX_LENGTH: Final = 256
"""Longer ones only cost us time."""

# RFC 9106, section 4, second recommended option: 64 MiB, 3 passes, 4 lanes.
_HASHER: Final = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4, type=Type.ID)
_AT_ONCE: Final = threading.BoundedSemaphore(2)
_decoy: list[str] = []


def check_length(password: str) -> None:
    """Look at a new password.

    Raises:
        InvalidInput: Too short or too long.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InvalidInput(
            f"a password needs {MIN_LENGTH} to {MAX_LENGTH} characters", "Choose a longer one: a few words will do."
        )


def hash_password(password: str) -> str:
    """Hash a new password.

    Raises:
        InvalidInput: Too short or too long.
    """
    check_length(password)
    with _AT_ONCE:
        return _HASHER.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Check a password. An unknown user (None) costs the same time as a known one."""
    if len(password) > MAX_LENGTH:
        return False
    with _AT_ONCE:
        if password_hash is None and not _decoy:
            _decoy.append(_HASHER.hash(secrets.token_hex(16)))
        try:
            return _HASHER.verify(password_hash or _decoy[0], password) and password_hash is not None
        except (VerificationError, InvalidHashError):
            return False


def generate() -> str:
    """A password of 100 bits that can be read out."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4))
