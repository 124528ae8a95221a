"""`configs/site.yaml`: the site, its places (province > commune > village), its server and its schedules."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from contract.base import ContractModel, Name, Slug
from contract.rules.base import TimeRange

PLACE_PARENTS: dict[str, str | None] = {"province": None, "commune": "province", "village": "commune"}
"""Which kind of place lies in which: two tiers of local government since 2025-07-01, villages below."""


class PlaceConfig(ContractModel):
    """A province, a commune or a village."""

    id: Slug
    kind: Literal["province", "commune", "village"]
    name: Name
    parent: Slug | None = None
    location: tuple[Annotated[float, Field(ge=-90, le=90)], Annotated[float, Field(ge=-180, le=180)]] | None = None
    """Latitude, longitude in degrees (WGS 84)."""


class SiteIdentity(ContractModel):
    """The site's own name, zone and language."""

    name: Name
    timezone: str = "Asia/Ho_Chi_Minh"
    language: Literal["vi", "en"] = "vi"


class ServerConfig(ContractModel):
    """Where the edge posts to. The device token stays out of the file: `LANGAN_DEVICE_TOKEN` or the secrets file."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s/@?#]+(/[^\s?#]*)?$")]


class ScheduleConfig(ContractModel):
    """A weekly schedule: the union of its ranges, in the site's time zone."""

    every_day: tuple[TimeRange, ...] = ()
    weekdays: tuple[TimeRange, ...] = ()
    """Monday to Friday."""
    weekend: tuple[TimeRange, ...] = ()
    monday: tuple[TimeRange, ...] = ()
    tuesday: tuple[TimeRange, ...] = ()
    wednesday: tuple[TimeRange, ...] = ()
    thursday: tuple[TimeRange, ...] = ()
    friday: tuple[TimeRange, ...] = ()
    saturday: tuple[TimeRange, ...] = ()
    sunday: tuple[TimeRange, ...] = ()
    dates: dict[date, tuple[TimeRange, ...]] = {}
    """Extra ranges on single dates: market days, festivals."""
    except_: Annotated[
        Literal["holidays"] | None, Field(alias="except", validation_alias=AliasChoices("except", "except_"))
    ] = None
    """`holidays`: the weekly ranges do not hold on the site's `holidays`."""


class SiteConfig(ContractModel):
    """The whole of site.yaml."""

    site: SiteIdentity
    places: Annotated[tuple[PlaceConfig, ...], Field(min_length=1)]
    server: ServerConfig | None = None
    schedules: dict[Slug, ScheduleConfig] = {}
    holidays: tuple[date, ...] = ()
    """Dates that schedules with `except: holidays` leave out."""
