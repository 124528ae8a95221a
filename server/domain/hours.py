"""The hours that make incidents more urgent: when few people have a reason to be out, and when children pass. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Self

from contract.schedule import Schedule
from contract.site_config import HoursConfig, SiteConfig


@dataclass(frozen=True, slots=True)
class SiteHours:
    """A site's hours.

    Attributes:
        after: After hours.
        school: When children are on their way; None: no school has been named.
        school_spots: Where that counts; empty: everywhere.
    """

    after: Schedule
    school: Schedule | None = None
    school_spots: frozenset[str] = frozenset()

    @classmethod
    def of(cls, site: SiteConfig | None, timezone: tzinfo) -> Self:
        """The hours of a site.yaml; the defaults while there is none."""
        hours = site.hours if site is not None else HoursConfig()
        return cls(
            after=_resolved(hours.after, site, timezone),
            school=_resolved(hours.school, site, timezone) if hours.school is not None else None,
            school_spots=frozenset(hours.school_spots),
        )

    def is_after_hours(self, at: datetime) -> bool:
        """Whether few people have a reason to be out at this time."""
        return self.after.is_active(at)

    def is_school_time(self, at: datetime, spot: str) -> bool:
        """Whether children are on their way at this time and spot."""
        if self.school is None or (self.school_spots and spot not in self.school_spots):
            return False
        return self.school.is_active(at)


def _resolved(reference: str | tuple[str, ...], site: SiteConfig | None, timezone: tzinfo) -> Schedule:
    """The schedule that a name or ranges stand for; `config_checks` has refused unknown names."""
    if isinstance(reference, tuple):
        return Schedule.from_ranges(reference, timezone)
    if site is None:
        raise ValueError(f"schedule {reference!r}: only a site.yaml names schedules")
    return Schedule.from_config(site.schedules[reference], timezone, site.named_days)
