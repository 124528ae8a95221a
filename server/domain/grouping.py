"""Which events belong to one incident, and how severe it is. Pure.

Events of one key (village, kind, spot) are sorted by start. An event joins the group before it when it starts within
`gap` of the group's last activity and within `max_length` of its first. The result depends on the set of events only,
never on the order in which they arrive: whoever adds events one by one regroups where a late one changes the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

AFTER_HOURS_START = time(22, 0)
AFTER_HOURS_END = time(5, 0)
"""docs/rules: after hours are 22:00-05:00 in the site's time zone."""


class Severity(StrEnum):
    """How urgent an incident is, in rising order."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


SEVERITIES = tuple(Severity)


@dataclass(frozen=True, slots=True)
class GroupingPolicy:
    """How events of a kind become incidents."""

    gap: timedelta = timedelta(seconds=300)
    max_length: timedelta = timedelta(hours=4)
    severity: Severity = Severity.MEDIUM
    """Of a single short event by day."""


_DEFAULT = GroupingPolicy()
_POLICIES = {
    "abandoned_object": GroupingPolicy(gap=timedelta(seconds=600), severity=Severity.MEDIUM),
    # A camera that comes and goes is one matter; the edge tells of a lasting outage every hour.
    "camera_offline": GroupingPolicy(gap=timedelta(hours=2), max_length=timedelta(hours=24), severity=Severity.LOW),
    "camera_tampered": GroupingPolicy(severity=Severity.HIGH),
    "crowding": GroupingPolicy(severity=Severity.MEDIUM),
    "forbidden_turn": GroupingPolicy(max_length=timedelta(hours=1), severity=Severity.MEDIUM),
    "illegal_parking": GroupingPolicy(gap=timedelta(seconds=600), severity=Severity.LOW),
    "intrusion": GroupingPolicy(severity=Severity.HIGH),
    "jaywalking": GroupingPolicy(max_length=timedelta(hours=1), severity=Severity.LOW),
    "lane_misuse": GroupingPolicy(max_length=timedelta(hours=1), severity=Severity.LOW),
    # Who hangs around a house comes back: half an hour later it is still the same matter.
    "loitering": GroupingPolicy(gap=timedelta(seconds=1800), severity=Severity.MEDIUM),
    # Who throws something away is gone within minutes: each is a matter of its own.
    "littering": GroupingPolicy(gap=timedelta(seconds=120), max_length=timedelta(hours=1), severity=Severity.LOW),
    # Many riders pass one camera: each is a matter of its own only for as long as it takes to stop somebody.
    "no_helmet": GroupingPolicy(gap=timedelta(seconds=600), max_length=timedelta(hours=1), severity=Severity.LOW),
    "overloaded_motorbike": GroupingPolicy(max_length=timedelta(hours=1), severity=Severity.MEDIUM),
    "pavement_driving": GroupingPolicy(max_length=timedelta(hours=1), severity=Severity.LOW),
    # Each vehicle is a matter of its own; those of one cycle of the lights are told together.
    "red_light": GroupingPolicy(gap=timedelta(seconds=120), max_length=timedelta(hours=1), severity=Severity.MEDIUM),
    "speeding": GroupingPolicy(gap=timedelta(seconds=120), max_length=timedelta(hours=1), severity=Severity.MEDIUM),
    "stop_line": GroupingPolicy(gap=timedelta(seconds=120), max_length=timedelta(hours=1), severity=Severity.LOW),
    # A market that was cleared and comes back within the half hour is the same one.
    "street_market": GroupingPolicy(gap=timedelta(minutes=30), severity=Severity.MEDIUM),
    "wrong_way": GroupingPolicy(max_length=timedelta(hours=1), severity=Severity.MEDIUM),
}
"""Kinds that differ from the default; a kind that is not named here takes the default."""

ESCALATE_AT_EVENTS = (5, 20)
"""One step up at each of these numbers of events."""
ESCALATE_AT_LENGTH = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, order=True)
class EventSpan:
    """When an event happened. Sorts by start."""

    started_at: datetime
    event_id: UUID
    last_at: datetime


@dataclass(frozen=True, slots=True)
class EventGroup:
    """Events that make one incident."""

    first_at: datetime
    last_at: datetime
    event_ids: tuple[UUID, ...]


def policy_for(kind: str) -> GroupingPolicy:
    """How events of this kind are grouped."""
    return _POLICIES.get(kind, _DEFAULT)


def grouping_key(village: str, kind: str, spot: str) -> str:
    """What events of one incident share. Slugs hold no slash, so the key is unambiguous."""
    return f"{village}/{kind}/{spot}"


def joins(policy: GroupingPolicy, first_at: datetime, last_at: datetime, started_at: datetime) -> bool:
    """Whether an event that starts at `started_at` belongs to the group `first_at` .. `last_at` before it."""
    return first_at <= started_at <= last_at + policy.gap and started_at < first_at + policy.max_length


def group_events(policy: GroupingPolicy, spans: Iterable[EventSpan]) -> list[EventGroup]:
    """Group the events of one key; see the module's words."""
    groups: list[EventGroup] = []
    members: list[UUID] = []
    first_at = last_at = None
    for span in sorted(spans):
        if first_at is None or last_at is None or not joins(policy, first_at, last_at, span.started_at):
            if first_at is not None and last_at is not None:
                groups.append(EventGroup(first_at, last_at, tuple(members)))
            first_at, last_at, members = span.started_at, span.last_at, []
        members.append(span.event_id)
        last_at = max(last_at, span.last_at)
    if first_at is not None and last_at is not None:
        groups.append(EventGroup(first_at, last_at, tuple(members)))
    return groups


def is_after_hours(at: datetime, timezone: ZoneInfo) -> bool:
    """Whether a time lies in the hours in which few people have a reason to be out."""
    local = at.astimezone(timezone).time()
    return local >= AFTER_HOURS_START or local < AFTER_HOURS_END


def severity_of(kind: str, event_count: int, length: timedelta, *, after_hours: bool) -> Severity:
    """The severity of an incident: the kind's own, one step up for each reason to hurry."""
    steps = sum(event_count >= limit for limit in ESCALATE_AT_EVENTS)
    steps += length >= ESCALATE_AT_LENGTH
    steps += after_hours
    return SEVERITIES[min(SEVERITIES.index(policy_for(kind).severity) + steps, len(SEVERITIES) - 1)]


def worst(severities: Sequence[Severity]) -> Severity:
    """The most urgent of several."""
    return max(severities, key=SEVERITIES.index)
