"""argon2id, bounded: each check takes 64 MiB, so only a few run at once."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from server.errors import InvalidInput, Unavailable

MIN_LENGTH: Final = 10
MAX_LENGTH: Final = 256
"""Longer ones only cost us time."""

# RFC 9106, section 4, second recommended option: 64 MiB, 3 passes, 4 lanes.
_HASHER: Final = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4, type=Type.ID)
_AT_ONCE: Final = threading.BoundedSemaphore(2)
_PATIENCE_S: Final = 10.0
_DECOY: Final = "$argon2id$v=19$m=65536,t=3,p=4$V53fInpm4X3xXfdYE4yBMw$FVMwrmlLOFM1VtgqWxtEeBvdrkgtlplKLWJ9IM8328g"
"""Of a password that nobody knows: checked when there is no such user, so that the answer takes as long."""


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
        Unavailable: Too many others are being hashed.
    """
    check_length(password)
    with _slot():
        return _HASHER.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Check a password. An unknown user (None) costs the same time as a known one.

    Raises:
        Unavailable: Too many others are being checked.
    """
    if len(password) > MAX_LENGTH:
        return False
    with _slot():
        try:
            return _HASHER.verify(password_hash or _DECOY, password) and password_hash is not None
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(password_hash: str) -> bool:
    """Whether a hash was made with other parameters than today's: it is made anew when its password is known."""
    try:
        return _HASHER.check_needs_rehash(password_hash)
    except InvalidHashError:
        return False  # `!`: nobody signs in with a password here


@contextmanager
def _slot() -> Iterator[None]:
    """A flood of sign-ins must not hold every thread of the server."""
    if not _AT_ONCE.acquire(timeout=_PATIENCE_S):
        raise Unavailable("too many people sign in at once", "Try again in a moment.")
    try:
        yield
    finally:
        _AT_ONCE.release()


def generate() -> str:
    """A password of 100 bits that can be read out."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4))
