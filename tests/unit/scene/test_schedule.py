"""Schedules in the site's time zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contract.site_config import ScheduleConfig
from edge.scene import Schedule

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


def local(text: str) -> datetime:
    """A time in Việt Nam, as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM).astimezone(UTC)


def schedule(
    *, holidays: tuple[date, ...] = (), named: Mapping[str, tuple[date, ...]] | None = None, **keys: Any
) -> Schedule:
    return Schedule.from_config(ScheduleConfig.model_validate(keys), VIETNAM, {"holidays": holidays, **(named or {})})


@pytest.mark.parametrize(
    ("at", "active"),
    [
        ("2026-03-02T05:59:59", False),
        ("2026-03-02T06:00:00", True),
        ("2026-03-02T07:29:59", True),
        ("2026-03-02T07:30:00", False),
    ],
)
def test_a_range_holds_its_start_and_not_its_end(at: str, active: bool) -> None:
    assert schedule(every_day=["06:00-07:30"]).is_active(local(at)) is active


@pytest.mark.parametrize(
    ("at", "active"),
    [
        ("2026-03-06T21:59:00", False),
        ("2026-03-06T22:00:00", True),  # Friday
        ("2026-03-06T23:59:59", True),
        ("2026-03-07T00:00:00", True),
        ("2026-03-07T04:59:59", True),  # Saturday morning belongs to Friday's range
        ("2026-03-07T05:00:00", False),
        ("2026-03-07T22:00:00", False),
        ("2026-03-06T04:00:00", False),  # Friday morning belongs to Thursday, which has none
    ],
)
def test_the_hours_after_midnight_belong_to_the_day_before(at: str, active: bool) -> None:
    assert schedule(friday=["22:00-05:00"]).is_active(local(at)) is active


def test_a_range_to_24_00_ends_at_midnight() -> None:
    whole_monday = schedule(monday=["00:00-24:00"])
    assert whole_monday.is_active(local("2026-03-02T23:59:59"))
    assert not whole_monday.is_active(local("2026-03-03T00:00:00"))


def test_weekdays_weekend_and_single_days_add_up() -> None:
    mixed = schedule(weekdays=["06:00-07:00"], weekend=["08:00-09:00"], sunday=["10:00-11:00"])
    assert mixed.is_active(local("2026-03-06T06:30:00"))
    assert not mixed.is_active(local("2026-03-07T06:30:00"))
    assert mixed.is_active(local("2026-03-07T08:30:00"))
    assert not mixed.is_active(local("2026-03-07T10:30:00"))
    assert mixed.is_active(local("2026-03-08T10:30:00"))


def test_holidays_are_left_out_only_where_asked_for() -> None:
    holidays = (date(2026, 4, 30),)
    keys: dict[str, Any] = {"every_day": ["22:00-05:00"], "dates": {"2026-04-30": ["08:00-09:00"]}}
    without = schedule(holidays=holidays, **keys, except_="holidays")
    assert not without.is_active(local("2026-04-30T23:00:00"))
    assert not without.is_active(local("2026-05-01T03:00:00"))  # the holiday's own night
    assert without.is_active(local("2026-04-30T03:00:00"))  # the night before began on a working day
    assert without.is_active(local("2026-04-30T08:30:00"))  # single dates hold all the same
    assert schedule(holidays=holidays, **keys).is_active(local("2026-04-30T23:00:00"))


def test_market_days_have_hours_of_their_own_over_midnight_too() -> None:
    market = schedule(named={"phien_cho": (date(2026, 3, 5), date(2026, 3, 10))}, days={"phien_cho": ["22:00-11:00"]})
    assert not market.is_active(local("2026-03-05T04:00:00"))
    assert market.is_active(local("2026-03-05T22:00:00"))
    assert market.is_active(local("2026-03-06T10:59:00"))
    assert not market.is_active(local("2026-03-06T22:00:00"))
    assert market.is_active(local("2026-03-11T05:00:00"))


def test_several_kinds_of_days_are_left_out_and_dates_hold_all_the_same() -> None:
    school = schedule(
        holidays=(date(2026, 4, 30),),
        named={"nghi_he": (date(2026, 6, 1), date(2026, 6, 2)), "phien_cho": (date(2026, 6, 2),)},
        weekdays=["06:30-07:30"],
        days={"phien_cho": ["05:00-06:00"]},
        except_=["holidays", "nghi_he"],
    )
    assert school.is_active(local("2026-04-29T07:00:00"))
    assert not school.is_active(local("2026-04-30T07:00:00"))
    assert not school.is_active(local("2026-06-01T07:00:00"))
    assert not school.is_active(local("2026-06-02T07:00:00"))
    assert school.is_active(local("2026-06-02T05:30:00"))
    assert school.is_active(local("2026-06-03T07:00:00"))


def test_ranges_hold_by_the_zones_wall_clock_when_summer_time_begins() -> None:
    berlin = Schedule.from_ranges(["03:00-04:00"], ZoneInfo("Europe/Berlin"))
    assert berlin.is_active(datetime(2026, 3, 28, 2, 30, tzinfo=UTC))
    assert berlin.is_active(datetime(2026, 3, 29, 1, 30, tzinfo=UTC))


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        schedule(every_day=["06:00-07:00"]).is_active(datetime(2026, 3, 2, 6, 0))  # noqa: DTZ001 - what is refused
