"""`configs/site.yaml`: the site, its places (province > commune > village), its server and its schedules."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from contract.base import ContractModel, Name, Slug
from contract.rules.base import ScheduleRef, TimeRange

PLACE_PARENTS: dict[str, str | None] = {"province": None, "commune": "province", "village": "commune"}
"""Which kind of place lies in which: two tiers of local government since 2025-07-01, villages below."""


MAX_SPAN_DAYS = 366
"""A span of named days is at most a year."""

SERVER_URL_PATTERN = r"^https?://[^\s/@?#]+(/[^\s?#]*)?$"


class PlaceConfig(ContractModel):
    """A province, a commune or a village."""

    id: Slug
    """How other files and the server name the place; never change it once events exist."""
    kind: Literal["province", "commune", "village"]
    """What kind of place: villages are where cameras and incidents belong."""
    name: Name
    """As people call it."""
    parent: Slug | None = None
    """The place it lies in: a village in a commune, a commune in a province."""
    location: tuple[Annotated[float, Field(ge=-90, le=90)], Annotated[float, Field(ge=-180, le=180)]] | None = None
    """Latitude, longitude in degrees (WGS 84)."""
    contact: Annotated[str, Field(max_length=200)] = ""
    """Whom residents ask about the cameras: an office, a telephone, an address. Left out: as the place around it."""


class SiteIdentity(ContractModel):
    """The site's own name, zone and language."""

    name: Name
    """Shown on top of every page."""
    timezone: str = "Asia/Ho_Chi_Minh"
    """IANA name; schedules and pages use it. Everything stored is UTC."""
    language: Literal["vi", "en"] = "vi"
    """Language of pages and drawings for who has not chosen one."""


class ServerConfig(ContractModel):
    """Where the edge posts to. Left out: where the box enrolled."""

    url: Annotated[str, Field(pattern=SERVER_URL_PATTERN)]
    """Address of the server, without user name, query or fragment."""


class ScheduleConfig(ContractModel):
    """A weekly schedule: the union of its ranges, in the site's time zone."""

    every_day: tuple[TimeRange, ...] = ()
    """All seven days."""
    weekdays: tuple[TimeRange, ...] = ()
    """Monday to Friday."""
    weekend: tuple[TimeRange, ...] = ()
    """Saturday and Sunday."""
    monday: tuple[TimeRange, ...] = ()
    """Mondays."""
    tuesday: tuple[TimeRange, ...] = ()
    """Tuesdays."""
    wednesday: tuple[TimeRange, ...] = ()
    """Wednesdays."""
    thursday: tuple[TimeRange, ...] = ()
    """Thursdays."""
    friday: tuple[TimeRange, ...] = ()
    """Fridays."""
    saturday: tuple[TimeRange, ...] = ()
    """Saturdays."""
    sunday: tuple[TimeRange, ...] = ()
    """Sundays."""
    dates: dict[date, tuple[TimeRange, ...]] = {}
    """Extra ranges on single dates: festivals."""
    days: dict[Slug, tuple[TimeRange, ...]] = {}
    """Extra ranges on days that site.yaml names under `days`: market days."""
    except_: Annotated[
        Slug | tuple[Slug, ...] | None, Field(alias="except", validation_alias=AliasChoices("except", "except_"))
    ] = None
    """Days on which the weekly ranges do not hold: `holidays`, a name of the site's `days`, or a list of such names."""

    @property
    def left_out(self) -> tuple[str, ...]:
        """The names under `except`."""
        return (self.except_,) if isinstance(self.except_, str) else self.except_ or ()


class HoursConfig(ContractModel):
    """Hours that make incidents more urgent; each is a schedule's name, or time ranges that hold every day."""

    after: ScheduleRef = ("22:00-05:00",)
    """After hours: few people have a reason to be out."""
    school: ScheduleRef | None = None
    """Children are on their way to or from school. None: the site names no school hours."""
    school_spots: tuple[Slug, ...] = ()
    """The spots (a camera's `spot`, or its id) where school hours count; empty: all."""


class SiteConfig(ContractModel):
    """The whole of site.yaml."""

    site: SiteIdentity
    places: Annotated[tuple[PlaceConfig, ...], Field(min_length=1)]
    server: ServerConfig | None = None
    schedules: dict[Slug, ScheduleConfig] = {}
    holidays: tuple[date, ...] = ()
    """Dates that schedules with `except: holidays` leave out."""
    days: dict[Slug, tuple[date | tuple[date, date], ...]] = {}
    """Named days for schedules: dates, and spans `[first, last]` such as school holidays."""
    hours: HoursConfig = HoursConfig()
    """When incidents are more urgent than by day."""

    @property
    def named_days(self) -> dict[str, frozenset[date]]:
        """Every name that a schedule may use, `holidays` among them, and its dates."""
        named = {name: frozenset(day for item in items for day in _each(item)) for name, items in self.days.items()}
        return {**named, "holidays": frozenset(self.holidays)}


def _each(item: date | tuple[date, date]) -> tuple[date, ...]:
    first, last = item if isinstance(item, tuple) else (item, item)
    return tuple(first + timedelta(days=index) for index in range(min((last - first).days + 1, MAX_SPAN_DAYS)))
