"""The site's hours, from the site.yaml that was synchronised last."""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models import SiteDocument
from server.domain.hours import SiteHours
from server.places.service import parsed

_TEXT: Final = select(SiteDocument.yaml).limit(1)
_HELD: Final = "site_hours"


def site_hours(session: Session, zone: ZoneInfo) -> SiteHours:
    """The hours that hold now. The text is read each time, its meaning worked out once."""
    held: SiteHours | None = session.info.get(_HELD)
    return held or _parsed(session.connection().execute(_TEXT).scalar(), zone)


def hold(session: Session, hours: SiteHours) -> None:
    """Let a session go by hours that are known to be those of its moment."""
    session.info[_HELD] = hours


@lru_cache(maxsize=8)
def _parsed(text: str | None, zone: ZoneInfo) -> SiteHours:
    return SiteHours.of(parsed(text) if text is not None else None, zone)
