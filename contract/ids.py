"""UUIDv7 (RFC 9562, section 5.7): ids that sort by time, chosen by the edge before anything is sent."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from uuid import UUID

_RANDOM_BITS = 74


def uuid7(at: datetime, random_bits: int | None = None) -> UUID:
    """Build a version 7 UUID.

    Args:
        at: Aware time; its Unix milliseconds fill the first 48 bits.
        random_bits: The 74 random bits; drawn from the system when None.

    Raises:
        ValueError: `at` is naive or before 1970.
    """
    if at.tzinfo is None:
        raise ValueError("uuid7 needs an aware time")
    milliseconds = int(at.timestamp() * 1000)
    if not 0 <= milliseconds < 1 << 48:
        raise ValueError(f"uuid7 cannot hold the time {at.isoformat()}")
    bits = secrets.randbits(_RANDOM_BITS) if random_bits is None else random_bits & ((1 << _RANDOM_BITS) - 1)
    high, low = bits >> 62, bits & ((1 << 62) - 1)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


def uuid7_from_content(at: datetime, content: str) -> UUID:
    """Build a version 7 UUID whose random part is a digest of `content`: replays of one clip give the same ids."""
    digest = hashlib.sha256(content.encode()).digest()
    return uuid7(at, int.from_bytes(digest[:10], "big"))
