"""What main process and workers say to each other about looks. Imports nothing heavy: the main process does, too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Purpose(StrEnum):
    """What a picture is for."""

    LOOK = "look"
    STILL = "still"


@dataclass(frozen=True, slots=True)
class Glance:
    """To a worker: show a camera."""

    camera_id: str
    purpose: Purpose
    side_px: int
    max_bytes: int
    quality: int
    every_s: float
    for_s: float
    """It ends by itself after so long; 0: at once."""
    once: bool = False
    """After one picture."""


@dataclass(frozen=True, slots=True)
class Shown:
    """From a worker: what a camera saw."""

    camera_id: str
    purpose: Purpose
    utc: datetime
    jpeg: bytes
