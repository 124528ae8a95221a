"""What keeps an alert back: a silence, a maintenance window, or a camera that cannot be trusted now. Pure.

Nothing here keeps an event or an incident from being recorded. The decision is made once for each alert, when it comes
up, and is kept with it: a silence that ends while the alert is being sent changes nothing of it; the incident's next
alert is decided anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Final
from uuid import UUID

from contract.rules import RULES
from server.domain.severity import SEVERITIES, Severity

INHIBITING_KINDS: Final = ("camera_offline", "camera_tampered")
"""A camera with one of these going on sees nothing, or something else than it should."""
ALL_WEEK: Final = frozenset(range(7))


class AlertOutcome(StrEnum):
    """What became of an alert."""

    ALERT = "alert"
    SILENCED = "silenced"
    INHIBITED = "inhibited"


@dataclass(frozen=True, slots=True)
class AlertSubject:
    """What an alert is about."""

    place_path: tuple[str, ...]
    """Ids of its places, from the province down to the village."""
    kind: str
    camera_id: str
    spot: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Weekly:
    """A time of the week that comes again, in the site's time zone.

    Attributes:
        weekdays: 0 is Monday; the days on which it begins.
        start: Minutes since midnight.
        end: The same; not after the start: it ends on the next day.
    """

    weekdays: frozenset[int]
    start: int
    end: int

    def holds(self, at: datetime, zone: tzinfo) -> bool:
        """Whether the time lies in it; it holds its start and not its end."""
        local = at.astimezone(zone)
        minute = local.hour * 60 + local.minute
        if self.end > self.start:
            return local.weekday() in self.weekdays and self.start <= minute < self.end
        began_today = local.weekday() in self.weekdays and minute >= self.start
        return began_today or (_day_before(local.date()).weekday() in self.weekdays and minute < self.end)


@dataclass(frozen=True, slots=True)
class SilenceRule:
    """A silence or a maintenance window. A matcher that is empty matches everything.

    Attributes:
        id: Its number.
        place_id: A place; everything in it.
        kinds: Rule kinds.
        camera_ids: Cameras.
        spots: Spots.
        up_to: The highest severity that it keeps back: what gets worse is told. None: all.
        starts_at: From then.
        ends_at: Until just before then.
        weekly: Only at these times of the week between the two; None: all the time.
    """

    id: int
    place_id: str
    starts_at: datetime
    ends_at: datetime
    kinds: frozenset[str] = frozenset()
    camera_ids: frozenset[str] = frozenset()
    spots: frozenset[str] = frozenset()
    up_to: Severity | None = None
    weekly: Weekly | None = None

    def is_active(self, at: datetime, zone: tzinfo) -> bool:
        """Whether it is in force at a time."""
        return self.starts_at <= at < self.ends_at and (self.weekly is None or self.weekly.holds(at, zone))

    def matches(self, subject: AlertSubject) -> bool:
        """Whether it is about this."""
        return (
            self.place_id in subject.place_path
            and (not self.kinds or subject.kind in self.kinds)
            and (not self.camera_ids or subject.camera_id in self.camera_ids)
            and (not self.spots or subject.spot in self.spots)
            and (self.up_to is None or SEVERITIES.index(subject.severity) <= SEVERITIES.index(self.up_to))
        )


@dataclass(frozen=True, slots=True)
class AlertDecision:
    """What became of an alert, and what kept it back."""

    outcome: AlertOutcome = AlertOutcome.ALERT
    silence_id: int | None = None
    inhibited_by: UUID | None = None
    """The incident about the camera."""


def decide_alert(
    subject: AlertSubject,
    silences: Iterable[SilenceRule],
    inhibitors: Mapping[str, UUID],
    at: datetime,
    zone: tzinfo,
) -> AlertDecision:
    """Decide whether an alert is told.

    Args:
        subject: What it is about.
        silences: Silences and maintenance windows that may be in force.
        inhibitors: Cameras with an incident about themselves going on, and that incident.
        at: Now.
        zone: The site's time zone.

    Returns:
        A silence, which a person chose, goes before an inhibition; of several silences the one that ends last.
    """
    fitting = [item for item in silences if item.is_active(at, zone) and item.matches(subject)]
    if fitting:
        longest = max(fitting, key=lambda item: (item.ends_at, item.id))
        return AlertDecision(AlertOutcome.SILENCED, silence_id=longest.id)
    inhibitor = inhibitors.get(subject.camera_id)
    if inhibitor is not None and not is_about_camera(subject.kind):
        return AlertDecision(AlertOutcome.INHIBITED, inhibited_by=inhibitor)
    return AlertDecision()


def is_about_camera(kind: str) -> bool:
    """Whether a kind is about a camera itself: nothing inhibits that."""
    contract = RULES.get(kind)
    return contract is not None and contract.about_camera


def _day_before(day: date) -> date:
    return day - timedelta(days=1)
