"""Puts events into incidents in the database, by the pure rules of `server.domain.grouping`.

The common event is the newest of its key: it extends the newest incident or opens one. An event that comes late may
join an incident that has closed, or show that two incidents are one; then the chain of incidents it touches is grouped
anew from its events. Incidents that an officer decided are never regrouped: late events join them, later ones do not.
Nor are those that an officer merged or split: events join them. What comes for an incident that an officer merged into
another one goes on there.

The caller holds the village's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import JSON, Select, String, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session, aliased

from contract.event import EventState
from contract.ids import uuid7
from server.alerts import service as alerts
from server.db.models import Incident
from server.domain import grouping
from server.domain.hours import SiteHours
from server.domain.incident import DECIDED_STATES, IncidentState
from server.domain.severity import escalation_of
from server.incidents.hours import site_hours
from server.incidents.regrouping import Regrouping, is_loose, release
from server.incidents.upkeep import add_opened, judge, reach

_AT_ONCE: Final = 200
"""Keys of one statement."""


def _newest_of(keys: Select[str]) -> Select[Incident]:
    """The incident of each key that begins last: one look at the index for each."""
    named, one = keys.subquery(), aliased(Incident)
    newest = (
        select(one.id)
        .where(one.key == named.c.key, or_(one.merged_into_id.is_(None), one.by_hand))
        .order_by(one.first_at.desc(), one.id.desc())
        .limit(1)
        .correlate(named)
        .scalar_subquery()
    )
    return select(Incident).where(Incident.id.in_(select(newest).select_from(named)))


# Made once: building a statement costs as much as running it.
_NEWEST: Final = {
    "sqlite": _newest_of(
        select(func.json_each(bindparam("keys", type_=JSON)).table_valued("value").c.value.label("key"))
    ),
    "postgresql": _newest_of(select(func.unnest(bindparam("keys", type_=ARRAY(String))).column_valued("key"))),
}


@dataclass(slots=True, eq=False)
class GroupedEvent:
    """An event as grouping knows it. Whoever stores it writes down what grouping sets."""

    event_id: UUID
    kind: str
    village_id: str
    spot: str
    camera_id: str
    state: EventState
    started_at: datetime
    observed_at: datetime
    ended_at: datetime | None
    incident_id: UUID | None = None
    """Set by grouping."""
    came_from_id: UUID | None = None
    """Set by grouping: the incident from which an officer's merge brought it."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """Groups events within one transaction.

    Attributes:
        session: Of `Database.write`, with the village's lock held.
        now: The server's time.
        zone: The site's time zone: decides after hours.
        events: Those that the caller has in its hands: where grouping moves one of them, it is told so.
        write_events: Writes what was given to `place` so far; called before events are read from the database.
    """

    session: Session
    now: datetime
    zone: ZoneInfo
    events: Mapping[UUID, GroupedEvent]
    write_events: Callable[[], None]
    _hours: list[SiteHours] = field(default_factory=list)
    _last: dict[str, Incident | None] = field(default_factory=dict)
    """The newest incident of each key that was looked at: most events belong there, and need no further look."""

    @property
    def hours(self) -> SiteHours:
        """The site's hours, read once."""
        if not self._hours:
            self._hours.append(site_hours(self.session, self.zone))
        return self._hours[0]

    def look_up(self, keys: Iterable[str]) -> None:
        """Look at the newest incidents of some keys at once."""
        wanted = sorted(set(keys) - self._last.keys())
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            statement = _NEWEST[self.session.get_bind().dialect.name]
            self._last.update(dict.fromkeys(part))
            for row in self.session.scalars(statement, {"keys": part}):
                self._last[row.key] = self._followed(row)

    def place(self, record: GroupedEvent, previous_state: EventState | None) -> Incident:
        """Put an event that is new or has a newer revision into its incident.

        Args:
            record: The event as its newest revision tells it; its fields are already updated.
            previous_state: Its state before; None when it is new to grouping.
        """
        if record.incident_id is None:
            return self._place_new(record)
        incident = self.session.get_one(Incident, record.incident_id)
        self._extend(incident, record)
        ended = record.state is EventState.END and previous_state is not EventState.END
        if ended:
            incident.open_event_count -= 1
        if _is_fixed(incident):
            incident.first_at = min(incident.first_at, record.started_at)
        elif record.started_at < incident.first_at or self._reaches_next(incident):
            incident = self._grouped_anew(incident, record)
        judge(self.session, incident, self.now)
        if ended:
            alerts.publish(self.session, incident, "updated", self.now)
        return incident

    def _place_new(self, record: GroupedEvent) -> Incident:
        key = grouping.grouping_key(record.village_id, record.kind, record.spot)
        newest = self._newest(key)
        if newest is None:
            return self._open_first(key, record)
        if newest.state not in DECIDED_STATES and _joins(newest, record):
            self._attach(newest, record)
            return newest
        return self._place_among(key, record, newest)

    def _place_among(self, key: str, record: GroupedEvent, newest: Incident) -> Incident:
        """Place an event that is late, or that begins the next incident of its key."""
        nearby = self._nearby(key, record)
        fixed = [row for row in nearby if _is_fixed(row) and _claims(row, record)]
        loose = [row for row in nearby if not _is_fixed(row)]
        before = [row for row in loose if row.first_at <= record.started_at]
        host = before[-1] if before else None
        if host is not None and not _joins(host, record):
            host = None
        if fixed and (host is None or fixed[-1].first_at > host.first_at):
            self._attach(fixed[-1], record)
            return fixed[-1]
        after = [row for row in loose if row.first_at > record.started_at]
        if host is not None:
            self._attach(host, record)
            if self._reaches_next(host):
                host = self._grouped_anew(host, record)
            return host
        incident = self._open(key, record)
        if newest.first_at < incident.first_at:
            self._last[key] = incident
            return incident
        if after and _reaches(incident, after[0].first_at):
            return self._grouped_anew(incident, record)
        return incident

    def _newest(self, key: str) -> Incident | None:
        """The incident of the key that begins last."""
        if key not in self._last:
            self.session.flush()
            self.look_up((key,))
        return self._last[key]

    def _followed(self, incident: Incident) -> Incident:
        """Where an incident's events are now."""
        while incident.merged_into_id is not None:
            incident = self.session.get_one(Incident, incident.merged_into_id)
        return incident

    def _open_first(self, key: str, record: GroupedEvent) -> Incident:
        """Open the only incident of a key."""
        incident = self._create(key, record, takes_new=True)
        self._last[key] = incident
        return incident

    def _nearby(self, key: str, record: GroupedEvent) -> list[Incident]:
        gap = grouping.widest_gap_of(record.kind)
        rows = self.session.scalars(
            select(Incident)
            .where(
                Incident.key == key,
                or_(Incident.merged_into_id.is_(None), Incident.by_hand),
                Incident.last_at >= record.started_at - gap,
                Incident.first_at <= last_at(record) + gap,
            )
            .order_by(Incident.first_at, Incident.id)
        ).all()
        followed = {row.id: row for row in map(self._followed, rows)}
        return sorted(followed.values(), key=lambda row: (row.first_at, row.id))

    def _open(self, key: str, record: GroupedEvent) -> Incident:
        newest = self.session.scalars(
            select(Incident)
            .where(Incident.key == key, Incident.merged_into_id.is_(None), Incident.state.not_in(DECIDED_STATES))
            .order_by(Incident.first_at.desc())
            .limit(1)
        ).first()
        is_newest = newest is None or newest.first_at <= record.started_at
        if is_newest:
            release(self.session, key)
        return self._create(key, record, takes_new=is_newest)

    def _create(self, key: str, record: GroupedEvent, *, takes_new: bool) -> Incident:
        incident = Incident(
            id=uuid7(record.started_at),
            village_id=record.village_id,
            kind=record.kind,
            spot=record.spot,
            key=key,
            open_key=key if takes_new else None,
            state=IncidentState.NEW,
            severity=escalation_of(record.kind).base,
            after_hours=False,
            school_hours=False,
            first_at=record.started_at,
            last_at=last_at(record),
            reach_at=grouping.reach_of(record.kind, last_at(record)),
            received_at=self.now,
            touched_at=self.now,
            event_count=0,
            open_event_count=0,
            camera_id=record.camera_id,
            version=1,
        )
        add_opened(self.session, incident, self.now)
        self._attach(incident, record)
        return incident

    def _attach(self, incident: Incident, record: GroupedEvent) -> None:
        """Add an event that is in no incident yet."""
        record.incident_id = incident.id
        if incident.camera_id != record.camera_id and last_at(record) >= incident.last_at:
            incident.camera_id = record.camera_id
        if record.started_at < incident.first_at:
            incident.first_at = record.started_at
            self._last.pop(incident.key, None)
        self._extend(incident, record)
        # What stays as it is is not set again: that takes as long as everything else here.
        if incident.kind != record.kind:
            incident.kind = grouping.lead_kind((incident.kind, record.kind))
        incident.event_count += 1
        if record.state is not EventState.END:
            incident.open_event_count += 1
        if not incident.after_hours and self.hours.is_after_hours(record.started_at):
            incident.after_hours = True
        if not incident.school_hours and self.hours.is_school_time(record.started_at, record.spot):
            incident.school_hours = True
        if incident.by_hand and incident.key != grouping.grouping_key(record.village_id, record.kind, record.spot):
            self._note_origin(incident, record)
        judge(self.session, incident, self.now)
        alerts.publish(self.session, incident, "updated", self.now)

    def _extend(self, incident: Incident, record: GroupedEvent) -> None:
        last, until = last_at(record), reach(incident)
        further = grouping.reach_of(record.kind, last)
        if last > incident.last_at:  # noqa: PLR1730 - see `_attach`
            incident.last_at = last
        if further > until or incident.reach_at is None:
            incident.reach_at = max(until, further)
        if incident.touched_at != self.now:
            incident.touched_at = self.now

    def _note_origin(self, incident: Incident, record: GroupedEvent) -> None:
        """An event of an incident that an officer merged into this one: undoing the merge takes it along."""
        origin = self.session.scalars(
            select(Incident)
            .where(
                Incident.merged_into_id == incident.id,
                Incident.key == grouping.grouping_key(record.village_id, record.kind, record.spot),
            )
            .order_by(Incident.first_at.desc())
            .limit(1)
        ).first()
        if origin is not None:
            record.came_from_id = origin.id
            origin.last_at = max(origin.last_at, last_at(record))

    def _reaches_next(self, incident: Incident) -> bool:
        """Whether the incident has grown up to the next one of its key, so that the two are one."""
        if _is_fixed(incident) or self._is_last(incident):
            return False
        self.session.flush()
        following = self.session.scalar(
            select(func.min(Incident.first_at)).where(
                Incident.key == incident.key,
                Incident.merged_into_id.is_(None),
                is_loose(),
                Incident.first_at >= incident.first_at,
                Incident.first_at <= reach(incident),
                Incident.id != incident.id,
            )
        )
        return following is not None and _reaches(incident, following)

    def _grouped_anew(self, start: Incident, record: GroupedEvent) -> Incident:
        self._last.pop(start.key, None)
        self.write_events()
        owners = Regrouping(self.session, self.now, self.hours).regroup(start)
        for event_id, owner in owners.items():
            if event_id in self.events:
                self.events[event_id].incident_id = owner.id
        return owners[record.event_id]

    def _is_last(self, incident: Incident) -> bool:
        """Whether no incident of the key begins after this one."""
        return self._newest(incident.key) is incident


def last_at(record: GroupedEvent) -> datetime:
    """The last moment that an event speaks of."""
    return max(record.observed_at, record.ended_at or record.observed_at)


def _is_fixed(incident: Incident) -> bool:
    """Whether a person settled what belongs to the incident."""
    return incident.state in DECIDED_STATES or incident.by_hand


def _reaches(incident: Incident, started_at: datetime) -> bool:
    return grouping.joins(grouping.max_length_of(incident.kind), incident.first_at, reach(incident), started_at)


def _joins(incident: Incident, record: GroupedEvent) -> bool:
    """Whether an event that began after the incident belongs to it."""
    return _reaches(incident, record.started_at)


def _claims(incident: Incident, record: GroupedEvent) -> bool:
    """Whether an incident that a person settled takes an event: only what began before a decision, told late."""
    is_decided = incident.state in DECIDED_STATES
    if is_decided and (incident.decided_at is None or record.started_at > incident.decided_at):
        return False
    return (
        incident.first_at <= grouping.reach_of(record.kind, last_at(record))
        and record.started_at <= reach(incident)
        and record.started_at < incident.first_at + grouping.max_length_of(incident.kind)
    )
