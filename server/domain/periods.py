"""Periods of reports: days, weeks, months, quarters and years of the calendar, or any days from and to. Pure."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, Self
from zoneinfo import ZoneInfo

DAY: Final = timedelta(days=1)
MOST_DAYS: Final = 3660
"""Of a free period: ten years."""
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2199
_KEYS: Final = {
    "day": r"(\d{4})-(\d\d)-(\d\d)",
    "week": r"(\d{4})-W(\d\d)",
    "month": r"(\d{4})-(\d\d)",
    "quarter": r"(\d{4})-Q([1-4])",
    "year": r"(\d{4})",
}


class PeriodKind(StrEnum):
    """What a period is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    FREE = "free"


class Grain(StrEnum):
    """The steps in which sums are kept, and in which a course of time is drawn."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Period:
    """Whole local days.

    Attributes:
        kind: What it is.
        first: Its first day.
        last: Its last day.
    """

    kind: PeriodKind
    first: date
    last: date

    @classmethod
    def day(cls, day: date) -> Self:
        """One day."""
        return cls(PeriodKind.DAY, day, day)

    @classmethod
    def week(cls, day: date) -> Self:
        """The week of a day, from Monday."""
        monday = day - day.weekday() * DAY
        return cls(PeriodKind.WEEK, monday, monday + 6 * DAY)

    @classmethod
    def month(cls, year: int, month: int) -> Self:
        """A month."""
        return cls(PeriodKind.MONTH, date(year, month, 1), _last_of(year, month))

    @classmethod
    def quarter(cls, year: int, quarter: int) -> Self:
        """A quarter, 1 to 4."""
        return cls(PeriodKind.QUARTER, date(year, 3 * quarter - 2, 1), _last_of(year, 3 * quarter))

    @classmethod
    def year(cls, year: int) -> Self:
        """A year."""
        return cls(PeriodKind.YEAR, date(year, 1, 1), date(year, 12, 31))

    @classmethod
    def free(cls, first: date, last: date) -> Self:
        """Any days.

        Raises:
            ValueError: The last day is before the first, or there are too many.
        """
        if last < first:
            raise ValueError("the last day is before the first")
        if (last - first).days >= MOST_DAYS:
            raise ValueError(f"more than {MOST_DAYS} days")
        return cls(PeriodKind.FREE, first, last)

    @classmethod
    def of(cls, kind: PeriodKind, day: date) -> Self:
        """The period of a kind that a day lies in."""
        match kind:
            case PeriodKind.DAY | PeriodKind.FREE:
                return cls.day(day)
            case PeriodKind.WEEK:
                return cls.week(day)
            case PeriodKind.MONTH:
                return cls.month(day.year, day.month)
            case PeriodKind.QUARTER:
                return cls.quarter(day.year, (day.month + 2) // 3)
            case PeriodKind.YEAR:
                return cls.year(day.year)

    @classmethod
    def read(cls, kind: PeriodKind, key: str) -> Self:
        """Read what `key` writes: `2026-11-23`, `2026-W48`, `2026-11`, `2026-Q4`, `2026`, `2026-11-01..2026-11-15`.

        Raises:
            ValueError: It is none of the kind.
        """
        if kind is PeriodKind.FREE:
            first, _, last = key.partition("..")
            return cls.free(_checked(date.fromisoformat(first)), _checked(date.fromisoformat(last)))
        found = re.fullmatch(_KEYS[kind], key)
        if found is None:
            raise ValueError(f"{key[:20]!r} is no {kind.value}")
        numbers = [int(number) for number in found.groups()]
        match kind:
            case PeriodKind.DAY:
                return cls.day(_checked(date(*numbers)))
            case PeriodKind.WEEK:
                return cls.week(_checked(date.fromisocalendar(numbers[0], numbers[1], 1)))
            case PeriodKind.MONTH:
                return cls.of(kind, _checked(date(numbers[0], numbers[1], 1)))
            case PeriodKind.QUARTER:
                return cls.of(kind, _checked(date(numbers[0], 3 * numbers[1], 1)))
            case _:
                return cls.of(kind, _checked(date(numbers[0], 1, 1)))

    @property
    def key(self) -> str:
        """How addresses and files name it."""
        match self.kind:
            case PeriodKind.DAY:
                return self.first.isoformat()
            case PeriodKind.WEEK:
                year, week, _ = self.first.isocalendar()
                return f"{year}-W{week:02}"
            case PeriodKind.MONTH:
                return f"{self.first:%Y-%m}"
            case PeriodKind.QUARTER:
                return f"{self.first.year}-Q{(self.first.month + 2) // 3}"
            case PeriodKind.YEAR:
                return f"{self.first.year}"
            case PeriodKind.FREE:
                return f"{self.first.isoformat()}..{self.last.isoformat()}"

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def before(self) -> Self:
        """The same period before: of the calendar, or as many days."""
        if self.kind is PeriodKind.FREE:
            return type(self)(self.kind, self.first - self.days * DAY, self.first - DAY)
        return self.of(self.kind, self.first - DAY)

    def after(self) -> Self:
        """The same period after."""
        if self.kind is PeriodKind.FREE:
            return type(self)(self.kind, self.last + DAY, self.last + self.days * DAY)
        return self.of(self.kind, self.last + DAY)

    def until(self, today: date) -> Self:
        """As much of it as has begun; at least its first day."""
        return type(self)(self.kind, self.first, max(self.first, min(self.last, today)))

    def compared(self, today: date) -> tuple[Self, Self]:
        """What is compared: as much of it as has begun, and as many days of the same period before.

        A period that is over is compared with the whole one before, however long that was.
        """
        earlier = self.before()
        if self.last < today:
            return self, earlier
        begun = self.until(today)
        return begun, type(self)(self.kind, earlier.first, min(earlier.last, earlier.first + (begun.days - 1) * DAY))

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """From when (inclusive) to when (exclusive), in UTC."""
        return starts_at(self.first, zone), starts_at(self.last + DAY, zone)

    def cover(self) -> tuple[list[date], list[date]]:
        """The whole months in it, and the days that are in none of these."""
        months, days, day = [], [], self.first
        while day <= self.last:
            end = _last_of(day.year, day.month)
            if day.day == 1 and end <= self.last:
                months.append(day)
                day = end + DAY
            else:
                days.append(day)
                day += DAY
        return months, days

    @property
    def grain(self) -> Grain:
        """The steps in which its course is drawn."""
        if self.days <= 31:
            return Grain.DAY
        return Grain.WEEK if self.days <= 190 else Grain.MONTH

    def steps(self, grain: Grain) -> Iterator[tuple[date, date]]:
        """First and last day of each step of its course; the outer ones are cut at its ends."""
        day = self.first
        while day <= self.last:
            match grain:
                case Grain.DAY:
                    end = day
                case Grain.WEEK:
                    end = day + (6 - day.weekday()) * DAY
                case Grain.MONTH:
                    end = _last_of(day.year, day.month)
            yield day, min(end, self.last)
            day = end + DAY


def read_period(arguments: Mapping[str, str], today: date) -> tuple[Period, bool]:
    """The period that a form asks for (`period`, `at`, or `from` and `to`), and whether it was one.

    What is missing is this month; what is no period is this month, too, and said to be wrong.
    """
    word = arguments.get("period", "")
    kind = PeriodKind(word) if word in set(PeriodKind) else PeriodKind.MONTH
    key = arguments.get("at", "").strip()[:30]
    if kind is PeriodKind.FREE and not key:
        first, last = (arguments.get(name, "").strip()[:10] for name in ("from", "to"))
        key = f"{first}..{last}" if first or last else month_of(today).isoformat()
    if not key:
        return Period.of(kind, today), word in {"", *PeriodKind}
    try:
        return Period.read(kind, key), True
    except ValueError:
        pass
    try:  # any day of it, as a date field of a form gives it
        day = _checked(date.fromisoformat(key))
        return Period.free(day, max(day, today)) if kind is PeriodKind.FREE else Period.of(kind, day), True
    except ValueError:
        return Period.of(PeriodKind.MONTH, today), False


def starts_at(day: date, zone: ZoneInfo) -> datetime:
    """When a local day begins, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def month_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def _last_of(year: int, month: int) -> date:
    return date(year, month, calendar.monthrange(year, month)[1])


def _checked(day: date) -> date:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"{day.isoformat()} is not between {FIRST_YEAR} and {LAST_YEAR}")
    return day
