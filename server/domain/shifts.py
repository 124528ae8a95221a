"""When one shift of officers ends and the next begins: the same times each day, by the site's clock."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Shift:
    """From when until when; aware times in the site's zone."""

    begins_at: datetime
    ends_at: datetime


def read_starts(text: str) -> tuple[time, ...]:
    """Read `06:00,14:00,22:00`: when shifts begin, in order.

    Raises:
        ValueError: A time is none, or stands there twice; the message names it.
    """
    found: list[time] = []
    for part in text.split(","):
        match = _TIME.fullmatch(part.strip())
        if match is None:
            raise ValueError(
                f"{part.strip()!r} is not a time: write hours and minutes with a comma between shifts, 06:00,18:00"
            )
        found.append(time(int(match[1]), int(match[2])))
    if len(set(found)) < len(found):
        raise ValueError(f"{text!r} names a time twice: each shift begins at its own time")
    return tuple(sorted(found))


def shift_at(now: datetime, starts: Sequence[time], zone: ZoneInfo) -> Shift:
    """The shift that a moment lies in.

    Args:
        now: The moment, aware.
        starts: When shifts begin, in order; at least one.
        zone: The site's.
    """
    local = now.astimezone(zone)
    days = (local.date() + timedelta(days=offset) for offset in (-1, 0, 1))
    bounds = [datetime.combine(day, start, zone) for day in days for start in starts]
    begins_at = max(bound for bound in bounds if bound <= local)
    following = [bound for bound in bounds if bound > begins_at]
    return Shift(begins_at, following[0])


def next_ends(now: datetime, starts: Sequence[time], zone: ZoneInfo, count: int) -> list[datetime]:
    """When this shift and those after it end."""
    ends: list[datetime] = []
    for _ in range(count):
        ends.append(shift_at(ends[-1] if ends else now, starts, zone).ends_at)
    return ends
