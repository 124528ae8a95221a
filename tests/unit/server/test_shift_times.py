"""Shifts begin at the same times each day, by the site's clock."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from server.domain.shifts import next_ends, read_starts, shift_at

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
THREE = read_starts("06:00,14:00,22:00")


def at(hour: int, minute: int = 0, day: int = 10) -> datetime:
    return datetime(2026, 7, day, hour, minute, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("now", "begins", "ends"),
    [
        (at(6), at(6), at(14)),
        (at(13, 59), at(6), at(14)),
        (at(14), at(14), at(22)),
        (at(23), at(22), at(6, day=11)),
        (at(2), at(22, day=9), at(6)),
        (datetime(2026, 7, 10, 1, tzinfo=UTC), at(6), at(14)),
    ],
)
def test_a_moment_lies_in_one_shift(now: datetime, begins: datetime, ends: datetime) -> None:
    shift = shift_at(now, THREE, ZONE)
    assert (shift.begins_at, shift.ends_at) == (begins, ends)


def test_one_shift_a_day_lasts_a_day() -> None:
    shift = shift_at(at(3), read_starts("07:30"), ZONE)
    assert (shift.begins_at, shift.ends_at) == (at(7, 30, day=9), at(7, 30))


def test_the_ends_of_this_shift_and_the_next() -> None:
    assert next_ends(at(15), THREE, ZONE, 3) == [at(22), at(6, day=11), at(14, day=11)]


def test_times_are_put_in_order() -> None:
    assert read_starts(" 22:00, 06:00") == (time(6), time(22))


@pytest.mark.parametrize(
    ("text", "why"), [("", "'' is not a time"), ("6:00", "'6:00'"), ("24:00", "'24:00'"), ("06:00,06:00", "twice")]
)
def test_what_is_no_time_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_starts(text)
