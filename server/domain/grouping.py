"""Which events belong to one incident. Pure.

Events of one key (village, family of kinds, spot) are sorted by start. An event joins the group before it when it
starts within reach of the group's last activity (each event reaches as far as its kind's gap) and within the family's
`max_length` of the group's first. The result depends on the set of events only, never on the order in which they
arrive: whoever adds events one by one regroups where a late one changes the picture.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final, Self
from uuid import UUID

from server.domain.severity import SEVERITIES, Severity, escalation_of, severity_of, worst

__all__ = [
    "RELATED",
    "SEVERITIES",
    "EventGroup",
    "EventSpan",
    "GroupingPolicy",
    "Severity",
    "family_of",
    "group_events",
    "grouping_key",
    "joins",
    "lead_kind",
    "max_length_of",
    "policy_for",
    "reach_of",
    "severity_of",
    "widest_gap_of",
    "worst",
]


@dataclass(frozen=True, slots=True)
class GroupingPolicy:
    """How events of a kind become incidents."""

    gap: timedelta = timedelta(seconds=300)
    """An event reaches this far beyond its last activity."""
    max_length: timedelta = timedelta(hours=4)
    """No event joins an incident that began so long before."""


_DEFAULT = GroupingPolicy()
_POLICIES = {
    "abandoned_object": GroupingPolicy(gap=timedelta(seconds=600)),
    # A camera that comes and goes is one matter; the edge tells of a lasting outage every hour.
    "camera_offline": GroupingPolicy(gap=timedelta(hours=2), max_length=timedelta(hours=24)),
    "forbidden_turn": GroupingPolicy(max_length=timedelta(hours=1)),
    "illegal_parking": GroupingPolicy(gap=timedelta(seconds=600)),
    "jaywalking": GroupingPolicy(max_length=timedelta(hours=1)),
    "lane_misuse": GroupingPolicy(max_length=timedelta(hours=1)),
    # Who hangs around a house comes back: half an hour later it is still the same matter.
    "loitering": GroupingPolicy(gap=timedelta(seconds=1800)),
    # Who throws something away is gone within minutes: each is a matter of its own.
    "littering": GroupingPolicy(gap=timedelta(seconds=120), max_length=timedelta(hours=1)),
    # Many riders pass one camera: each is a matter of its own only for as long as it takes to stop somebody.
    "no_helmet": GroupingPolicy(gap=timedelta(seconds=600), max_length=timedelta(hours=1)),
    "overloaded_motorbike": GroupingPolicy(max_length=timedelta(hours=1)),
    "pavement_driving": GroupingPolicy(max_length=timedelta(hours=1)),
    # Each vehicle is a matter of its own; those of one cycle of the lights are told together.
    "red_light": GroupingPolicy(gap=timedelta(seconds=120), max_length=timedelta(hours=1)),
    "speeding": GroupingPolicy(gap=timedelta(seconds=120), max_length=timedelta(hours=1)),
    "stop_line": GroupingPolicy(gap=timedelta(seconds=120), max_length=timedelta(hours=1)),
    # A market that was cleared and comes back within the half hour is the same one.
    "street_market": GroupingPolicy(gap=timedelta(minutes=30)),
    "wrong_way": GroupingPolicy(max_length=timedelta(hours=1)),
}
"""Kinds that differ from the default; a kind that is not named here takes the default."""

RELATED: Final = {
    # Who hangs around a house and then enters it is one matter.
    "loitering": "intrusion",
    # Who stands beyond the line at red, and who drives on.
    "stop_line": "red_light",
    # One and the same thing on the ground is first thrown away, then left there.
    "littering": "abandoned_object",
    # A camera is covered or turned away, then its cable is cut.
    "camera_offline": "camera_tampered",
}
"""Kinds that make one incident with another kind at the same spot: each names the family's first kind. Explicit, as
two kinds at one place and time are most often two matters: a fight in a market must not vanish in the market."""


@dataclass(frozen=True, slots=True, order=True)
class EventSpan:
    """When an event happened, and how far it reaches. Sorts by start."""

    started_at: datetime
    event_id: UUID
    last_at: datetime
    reach_at: datetime
    """An event that starts until then belongs to the same incident."""

    @classmethod
    def of(cls, kind: str, event_id: UUID, started_at: datetime, last_at: datetime) -> Self:
        """The span of an event of a kind."""
        return cls(started_at, event_id, last_at, reach_of(kind, last_at))


@dataclass(frozen=True, slots=True)
class EventGroup:
    """Events that make one incident."""

    first_at: datetime
    last_at: datetime
    reach_at: datetime
    event_ids: tuple[UUID, ...]


def policy_for(kind: str) -> GroupingPolicy:
    """How events of this kind are grouped."""
    return _POLICIES.get(kind, _DEFAULT)


def family_of(kind: str) -> str:
    """The kinds that make one incident with this one, by the name of the first of them."""
    return RELATED.get(kind, kind)


def _kinds_of(family: str) -> tuple[str, ...]:
    return (family, *(kind for kind, first in RELATED.items() if first == family))


def grouping_key(village: str, kind: str, spot: str) -> str:
    """What events of one incident share. Slugs hold no slash, so the key is unambiguous."""
    return f"{village}/{family_of(kind)}/{spot}"


def reach_of(kind: str, last_at: datetime) -> datetime:
    """Until when an event with this last activity takes others into its incident."""
    return last_at + policy_for(kind).gap


@cache
def widest_gap_of(kind: str) -> timedelta:
    """The longest gap in the kind's family."""
    return max(policy_for(item).gap for item in _kinds_of(family_of(kind)))


@cache
def max_length_of(kind: str) -> timedelta:
    """How long an incident of the kind's family takes new events."""
    return max(policy_for(item).max_length for item in _kinds_of(family_of(kind)))


def lead_kind(kinds: Iterable[str]) -> str:
    """The kind by which an incident with events of several kinds is called: the most urgent one by itself.

    Raises:
        ValueError: There are none.
    """
    return max(kinds, key=lambda kind: (SEVERITIES.index(escalation_of(kind).base), kind == family_of(kind), kind))


def joins(max_length: timedelta, first_at: datetime, reach_at: datetime, started_at: datetime) -> bool:
    """Whether an event that starts at `started_at` belongs to the group before it."""
    return first_at <= started_at <= reach_at and started_at < first_at + max_length


def group_events(max_length: timedelta, spans: Iterable[EventSpan]) -> list[EventGroup]:
    """Group the events of one key; see the module's words."""
    groups: list[EventGroup] = []
    members: list[UUID] = []
    first: EventSpan | None = None
    last_at = reach_at = datetime.min.replace(tzinfo=UTC)
    for span in sorted(spans):
        if first is None or not joins(max_length, first.started_at, reach_at, span.started_at):
            if first is not None:
                groups.append(EventGroup(first.started_at, last_at, reach_at, tuple(members)))
            first, last_at, reach_at, members = span, span.last_at, span.reach_at, []
        members.append(span.event_id)
        last_at, reach_at = max(last_at, span.last_at), max(reach_at, span.reach_at)
    if first is not None:
        groups.append(EventGroup(first.started_at, last_at, reach_at, tuple(members)))
    return groups
