"""Weekly schedules in the site's time zone.

A range belongs to the day on which it starts: Friday's `22:00-05:00` holds until Saturday 05:00, whatever Saturday
says, and `except: holidays` drops a range that starts on a holiday with all its hours after midnight. Ranges of `dates`
and of named `days` hold whatever `except` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Self

from contract.site_config import ScheduleConfig

Minutes = tuple[int, int]
"""Start and end in minutes since midnight; an end that is not after the start lies on the next day."""

_DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_FIRST_WEEKEND_DAY = 5


@dataclass(frozen=True, slots=True)
class Schedule:
    """Time ranges by weekday and by date.

    Attributes:
        timezone: The zone in which the ranges are meant.
        weekly: Seven tuples of ranges, Monday first.
        dates: Extra ranges on single dates; they hold on holidays too.
        left_out: Dates on which the weekly ranges do not hold.
    """

    timezone: tzinfo
    weekly: tuple[tuple[Minutes, ...], ...]
    dates: Mapping[date, tuple[Minutes, ...]]
    left_out: frozenset[date] = frozenset()

    @classmethod
    def from_config(cls, config: ScheduleConfig, timezone: tzinfo, named: Mapping[str, Iterable[date]]) -> Self:
        """Resolve a schedule of site.yaml.

        Args:
            config: As it is written.
            timezone: The site's.
            named: The dates of `SiteConfig.named_days`.
        """
        dates = {day: _parse(ranges) for day, ranges in config.dates.items()}
        for name, ranges in config.days.items():
            for day in named[name]:
                dates[day] = (*dates.get(day, ()), *_parse(ranges))
        weekly = []
        for index, name in enumerate(_DAY_NAMES):
            part_of_week = config.weekend if index >= _FIRST_WEEKEND_DAY else config.weekdays
            weekly.append(_parse((*config.every_day, *part_of_week, *getattr(config, name))))
        return cls(
            timezone=timezone,
            weekly=tuple(weekly),
            dates=dates,
            left_out=frozenset(day for name in config.left_out for day in named[name]),
        )

    @classmethod
    def from_ranges(cls, ranges: Iterable[str], timezone: tzinfo) -> Self:
        """Resolve ranges written in place of a schedule's name: they hold every day."""
        return cls(timezone=timezone, weekly=(_parse(ranges),) * len(_DAY_NAMES), dates={})

    def is_active(self, utc: datetime) -> bool:
        """Tell whether a range holds at an aware time. A range holds its start and not its end.

        Raises:
            ValueError: The time is naive.
        """
        if utc.tzinfo is None:
            raise ValueError("a schedule needs an aware time")
        local = utc.astimezone(self.timezone)
        today = local.date()
        minute = local.hour * 60 + local.minute
        return any(start <= minute and (minute < end or end <= start) for start, end in self._ranges_of(today)) or any(
            end <= start and minute < end for start, end in self._ranges_of(today - timedelta(days=1))
        )

    def _ranges_of(self, day: date) -> tuple[Minutes, ...]:
        weekly = () if day in self.left_out else self.weekly[day.weekday()]
        return (*weekly, *self.dates.get(day, ()))


def _parse(ranges: Iterable[str]) -> tuple[Minutes, ...]:
    """Read `HH:MM-HH:MM`; the contract has checked the form."""
    return tuple((_minutes(start), _minutes(end)) for start, end in (text.split("-") for text in ranges))


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)
