"""What incidents a set of events must make: all of them at once, one after the other, from the bodies alone. Pure.

The server groups events as they come: late ones, resent ones, many at a time, by several processes. This is what all of
that must come to, as long as no person has touched an incident. Tests and the kill -9 benchmark compare the two. It
shares the tables of kinds with the server and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from contract.event import Event, EventState
from server.domain import grouping
from server.domain.hours import SiteHours
from server.domain.severity import Severity, severity_of


@dataclass(frozen=True, slots=True, order=True)
class ExpectedIncident:
    """An incident as its events make it."""

    key: str
    first_at: datetime
    last_at: datetime
    kind: str
    event_ids: frozenset[UUID]
    open_event_count: int
    after_hours: bool
    severity: Severity
    camera_id: str
    """Of the event with the newest activity."""


def expected_incidents(events: Iterable[Event], hours: SiteHours) -> list[ExpectedIncident]:
    """Compute every incident anew.

    Args:
        events: Every revision that the server accepted, in any order, any number of times; none that it quarantined.
        hours: The site's.

    Returns:
        The incidents, by key and first start.
    """
    newest: dict[UUID, Event] = {}
    for event in events:
        known = newest.get(event.event_id)
        if known is None or known.revision < event.revision:
            newest[event.event_id] = event
    by_key: dict[str, list[Event]] = {}
    for event in newest.values():
        by_key.setdefault(grouping.grouping_key(event.village, event.kind, event.spot), []).append(event)
    made = [
        _incident(key, members, hours)
        for key, mine in by_key.items()
        for members in _split(sorted(mine, key=lambda event: (event.started_at, event.event_id)))
    ]
    return sorted(made, key=lambda incident: (incident.key, incident.first_at))


def last_at(event: Event) -> datetime:
    """The last moment that an event speaks of."""
    return max(event.observed_at, event.ended_at or event.observed_at)


def _split(ordered: list[Event]) -> list[list[Event]]:
    """Cut a key's events, in order of their start, where a new incident begins."""
    runs: list[list[Event]] = []
    for event in ordered:
        run = runs[-1] if runs else None
        if run is None:
            runs.append([event])
            continue
        is_within_reach = any(event.started_at - last_at(other) <= _gap(other) for other in run)
        is_within_length = event.started_at - run[0].started_at < grouping.max_length_of(event.kind)
        if is_within_reach and is_within_length:
            run.append(event)
        else:
            runs.append([event])
    return runs


def _gap(event: Event) -> timedelta:
    return grouping.policy_for(event.kind).gap


def _incident(key: str, members: list[Event], hours: SiteHours) -> ExpectedIncident:
    first, last = members[0].started_at, max(last_at(event) for event in members)
    kind = grouping.lead_kind({event.kind for event in members})
    after = any(hours.is_after_hours(event.started_at) for event in members)
    school = any(hours.is_school_time(event.started_at, event.spot) for event in members)
    return ExpectedIncident(
        key=key,
        first_at=first,
        last_at=last,
        kind=kind,
        event_ids=frozenset(event.event_id for event in members),
        open_event_count=sum(event.state is not EventState.END for event in members),
        after_hours=after,
        severity=severity_of(kind, len(members), last - first, after_hours=after, school_hours=school),
        camera_id=max(members, key=lambda event: (last_at(event), event.event_id)).camera_id,
    )
