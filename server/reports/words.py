"""Strings, numbers, dates and periods of reports in one language, inside of requests and outside."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel import dates, numbers

from server import i18n
from server.domain.access import NOT_PUBLIC_KINDS
from server.domain.periods import Grain, Period, PeriodKind

_DATE: Final = {"vi": "dd/MM/yyyy", "en": "d MMM yyyy"}
_SHORT: Final = {"vi": "dd/MM", "en": "d MMM"}
_MONTH: Final = {"vi": "MM/yyyy", "en": "MMM yyyy"}
_ROMAN: Final = ("I", "II", "III", "IV")
NOTHING: Final = "–"
"""In a table, where there is no number."""


class Words:
    """What reports say.

    Args:
        language: `vi` or `en`.
        zone: The site's time zone.
    """

    def __init__(self, language: str, zone: ZoneInfo) -> None:
        self.language = language if language in i18n.LOCALES else i18n.LOCALES[0]
        self.zone = zone
        self._strings = i18n.translations(self.language)

    def __call__(self, msgid: str, **values: object) -> str:
        """A string with its values filled in."""
        text = self._strings.gettext(msgid)
        return text % values if values else text

    def number(self, value: float | None, digits: int = 0) -> str:
        """A number."""
        if value is None:
            return NOTHING
        return str(numbers.format_decimal(round(value, digits), locale=self.language))

    def percent(self, share: float | None, digits: int = 1) -> str:
        """A share; never 100 % of what is not all."""
        if share is None:
            return NOTHING
        percent = round(100 * share, digits)
        if share < 1 and percent >= 100:
            percent = 100 - 10**-digits
        return f"{self.number(percent, digits)}%"

    def change(self, share: float | None) -> str:
        """How a number has changed: `+12,5%`."""
        if share is None:
            return NOTHING
        sign = "+" if share > 0 else "−" if share < 0 else ""
        return f"{sign}{self.number(abs(100 * share), 1)}%"

    def duration(self, seconds: float | None) -> str:
        """A duration in at most two units."""
        if seconds is None:
            return NOTHING
        whole = round(seconds)
        if whole < 120:
            return self._many("duration.seconds", whole)
        minutes = round(whole / 60)
        if minutes < 120:
            return self._many("duration.minutes", minutes)
        hours, rest = divmod(minutes, 60)
        if hours < 48:
            return (
                f"{self._many('duration.hours', hours)} {self._many('duration.minutes', rest)}"
                if rest
                else (self._many("duration.hours", hours))
            )
        days, hours = divmod(round(minutes / 60), 24)
        words = self._many("report.days", days)
        return f"{words} {self._many('duration.hours', hours)}" if hours else words

    def kind(self, kind: str) -> str:
        """A kind of incident."""
        return self(f"kind.{kind}")

    def suspected(self, kind: str) -> str:
        """A kind as what it is until somebody has decided: suspected."""
        return self(f"kind.{kind}") if kind in NOT_PUBLIC_KINDS else self("notice.suspected", kind=self.kind(kind))

    def day(self, day: date) -> str:
        """A date."""
        return dates.format_date(day, _DATE[self.language], locale=self.language)

    def moment(self, at: datetime) -> str:
        """A time to the minute."""
        return dates.format_datetime(
            at, i18n.MINUTE_FORMATS["vi" if self.language == "vi" else "en"], tzinfo=self.zone, locale=self.language
        )

    def weekday(self, day: int, width: str = "abbreviated") -> str:
        """A day of the week; 0 is Monday."""
        names = dates.get_day_names("wide" if width == "wide" else "abbreviated", locale=self.language)
        return str(names[day])

    def period(self, period: Period) -> str:
        """A period as a title: `Tháng 11 năm 2026`."""
        first = period.first
        match period.kind:
            case PeriodKind.DAY:
                return self("report.period.day", day=self.day(first))
            case PeriodKind.WEEK:
                year, week, _ = first.isocalendar()
                days = f"{self.day(first)} – {self.day(period.last)}"
                return self("report.period.week", week=week, year=year, days=days)
            case PeriodKind.MONTH:
                name = str(dates.get_month_names("wide", context="stand-alone", locale=self.language)[first.month])
                return self("report.period.month", name=name[:1].upper() + name[1:], year=first.year)
            case PeriodKind.QUARTER:
                return self("report.period.quarter", quarter=_ROMAN[(first.month - 1) // 3], year=first.year)
            case PeriodKind.YEAR:
                return self("report.period.year", year=first.year)
            case PeriodKind.FREE:
                return self("report.period.free", first=self.day(first), last=self.day(period.last))

    def within(self, text: str) -> str:
        """A title within a sentence: Vietnamese writes it small there, English names of months are large everywhere."""
        return text[:1].lower() + text[1:] if self.language == "vi" else text

    def days(self, period: Period) -> str:
        """First and last day of a period."""
        if period.first == period.last:
            return self.day(period.first)
        return self("report.period.days", first=self.day(period.first), last=self.day(period.last))

    def step(self, first: date, last: date, grain: Grain) -> str:
        """A part of a period's course, briefly."""
        if grain is Grain.MONTH:
            return dates.format_date(first, _MONTH[self.language], locale=self.language)
        start = dates.format_date(first, _SHORT[self.language], locale=self.language)
        if first == last:
            return start
        return f"{start}–{dates.format_date(last, _SHORT[self.language], locale=self.language)}"

    def _many(self, msgid: str, number: int) -> str:
        text = self._strings.ngettext(msgid, f"{msgid}.many", number)
        return str(text % {"num": self.number(number)})
