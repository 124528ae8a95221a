"""What a reader of the residents' log chose to see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from server.domain.access import PUBLIC_KINDS
from server.incidents.queries import IncidentFilter


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What a reader chose to see."""

    village: str = ""
    kind: str = ""
    day_text: str = ""
    """As it was written; `day` is None when it is no date."""

    @classmethod
    def read(cls, arguments: Mapping[str, str]) -> Self:
        """Read it from a request's query."""
        kind = arguments.get("kind", "")
        return cls(
            village=arguments.get("village", "")[:63],
            kind=kind if kind in PUBLIC_KINDS else "",
            day_text=arguments.get("date", "").strip()[:20],
        )

    @property
    def day(self) -> date | None:
        """The chosen day."""
        try:
            return date.fromisoformat(self.day_text)
        except ValueError:
            return None

    @property
    def query(self) -> dict[str, Any]:
        """The chosen parts, for an address."""
        chosen = {"village": self.village, "kind": self.kind, "date": self.day_text}
        return {name: value for name, value in chosen.items() if value}

    @property
    def any(self) -> bool:
        """Whether anything was chosen."""
        return bool(self.query)

    def to_incident_filter(self, zone: ZoneInfo) -> IncidentFilter:
        """The same for the incident queries. A day runs from midnight to midnight in the site's zone."""
        since = until = None
        if (day := self.day) is not None and date.min < day < date.max:
            since = datetime.combine(day, time(), zone).astimezone(UTC)
            until = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
        return IncidentFilter(
            kinds=(self.kind,) if self.kind else (), place_id=self.village or None, since=since, until=until
        )
