"""Puts events into incidents in the database, by the pure rules of `server.domain.grouping`.

The common event is the newest of its key: it extends the newest incident or opens one. An event that comes late may
join an incident that has closed, or show that two incidents are one; then the chain of incidents it touches is grouped
anew from its events. Incidents that an officer decided are never regrouped: late events join them, later ones do not.

The caller holds the village's lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from contract.event import EventState
from contract.ids import uuid7
from server.alerts import service as alerts
from server.db.models import EventRecord, Incident
from server.domain import grouping
from server.domain.grouping import GroupingPolicy
from server.domain.incident import DECIDED_STATES, IncidentState
from server.incidents.regrouping import Regrouping, add_opened, refresh_severity, release

# Made once: building a statement costs as much as running it, and this one runs for every event that comes alone.
_NEWEST = (
    select(Incident)
    .where(Incident.key == bindparam("key"), Incident.merged_into_id.is_(None))
    .order_by(Incident.first_at.desc(), Incident.id.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Grouping:
    """Groups events within one transaction.

    Attributes:
        session: Of `Database.write`, with the village's lock held.
        now: The server's time.
        zone: The site's time zone: decides after hours.
    """

    session: Session
    now: datetime
    zone: ZoneInfo
    _last: dict[str, Incident] = field(default_factory=dict)
    """The newest incident of each key that was looked at: most events belong there, and need no further look."""

    def place(self, record: EventRecord, previous_state: EventState | None) -> Incident:
        """Put an event that is new or has a newer revision into its incident.

        Args:
            record: The event as its newest revision tells it; its fields are already updated.
            previous_state: Its state before; None when it is new to grouping.
        """
        if record.incident_id is None:
            return self._place_new(record)
        incident = self.session.get_one(Incident, record.incident_id)
        severity = incident.severity
        incident.last_at = max(incident.last_at, last_at(record))
        incident.touched_at = self.now
        ended = record.state is EventState.END and previous_state is not EventState.END
        if ended:
            incident.open_event_count -= 1
        if record.started_at < incident.first_at or self._reaches_next(incident):
            incident = self._grouped_anew(incident, record)
        refresh_severity(incident)
        if ended or incident.severity is not severity:
            alerts.publish(self.session, incident, "updated", self.now)
        return incident

    def _place_new(self, record: EventRecord) -> Incident:
        policy = grouping.policy_for(record.kind)
        key = grouping.grouping_key(record.village_id, record.kind, record.spot)
        newest = self._newest(key)
        if newest is None:
            return self._open_first(key, record)
        if newest.state not in DECIDED_STATES and grouping.joins(
            policy, newest.first_at, newest.last_at, record.started_at
        ):
            self._attach(newest, record)
            return newest
        return self._place_among(key, policy, record, newest)

    def _place_among(self, key: str, policy: GroupingPolicy, record: EventRecord, newest: Incident) -> Incident:
        """Place an event that is late, or that begins the next incident of its key."""
        nearby = self._nearby(key, policy, record)
        decided = [row for row in nearby if _claims_late(policy, row, record.started_at)]
        undecided = [row for row in nearby if row.state not in DECIDED_STATES]
        before = [row for row in undecided if row.first_at <= record.started_at]
        host = before[-1] if before else None
        if host is not None and not grouping.joins(policy, host.first_at, host.last_at, record.started_at):
            host = None
        if decided and (host is None or decided[-1].first_at > host.first_at):
            self._attach(decided[-1], record)
            return decided[-1]
        after = [row for row in undecided if row.first_at > record.started_at]
        if host is not None:
            self._attach(host, record)
            if self._reaches_next(host):
                host = self._grouped_anew(host, record)
            return host
        incident = self._open(key, record)
        if newest.first_at < incident.first_at:
            self._last[key] = incident
            return incident
        if after and grouping.joins(policy, incident.first_at, incident.last_at, after[0].first_at):
            return self._grouped_anew(incident, record)
        return incident

    def _newest(self, key: str) -> Incident | None:
        """The incident of the key that begins last."""
        newest = self._last.get(key)
        if newest is None:
            newest = self.session.scalar(_NEWEST, {"key": key})
            if newest is not None:
                self._last[key] = newest
        return newest

    def _open_first(self, key: str, record: EventRecord) -> Incident:
        """Open the only incident of a key."""
        incident = self._create(key, record, takes_new=True)
        self._last[key] = incident
        return incident

    def _nearby(self, key: str, policy: GroupingPolicy, record: EventRecord) -> Sequence[Incident]:
        return self.session.scalars(
            select(Incident)
            .where(
                Incident.key == key,
                Incident.merged_into_id.is_(None),
                Incident.last_at >= record.started_at - policy.gap,
                Incident.first_at <= last_at(record) + policy.gap,
            )
            .order_by(Incident.first_at, Incident.id)
        ).all()

    def _open(self, key: str, record: EventRecord) -> Incident:
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

    def _create(self, key: str, record: EventRecord, *, takes_new: bool) -> Incident:
        incident = Incident(
            id=uuid7(record.started_at),
            village_id=record.village_id,
            kind=record.kind,
            spot=record.spot,
            key=key,
            open_key=key if takes_new else None,
            state=IncidentState.NEW,
            severity=grouping.policy_for(record.kind).severity,
            after_hours=False,
            first_at=record.started_at,
            last_at=last_at(record),
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

    def _attach(self, incident: Incident, record: EventRecord) -> None:
        """Add an event that is in no incident yet."""
        record.incident_id = incident.id
        self.session.add(record)  # only now: it is written once, with its incident
        if last_at(record) >= incident.last_at:
            incident.camera_id = record.camera_id
        if record.started_at < incident.first_at:
            incident.first_at = record.started_at
            self._last.pop(incident.key, None)
        incident.last_at = max(incident.last_at, last_at(record))
        incident.event_count += 1
        incident.open_event_count += record.state is not EventState.END
        incident.after_hours |= grouping.is_after_hours(record.started_at, self.zone)
        incident.touched_at = self.now
        refresh_severity(incident)
        alerts.publish(self.session, incident, "updated", self.now)

    def _reaches_next(self, incident: Incident) -> bool:
        """Whether the incident has grown up to the next one of its key, so that the two are one."""
        if incident.state in DECIDED_STATES or self._is_last(incident):
            return False
        policy = grouping.policy_for(incident.kind)
        self.session.flush()
        following = self.session.scalar(
            select(func.min(Incident.first_at)).where(
                Incident.key == incident.key,
                Incident.merged_into_id.is_(None),
                Incident.state.not_in(DECIDED_STATES),
                Incident.first_at >= incident.first_at,
                Incident.first_at <= incident.last_at + policy.gap,
                Incident.id != incident.id,
            )
        )
        return following is not None and grouping.joins(policy, incident.first_at, incident.last_at, following)

    def _grouped_anew(self, start: Incident, record: EventRecord) -> Incident:
        self._last.pop(start.key, None)
        return Regrouping(self.session, self.now, self.zone).regroup(start, record)

    def _is_last(self, incident: Incident) -> bool:
        """Whether no incident of the key begins after this one."""
        return self._newest(incident.key) is incident


def last_at(record: EventRecord) -> datetime:
    """The last moment that an event speaks of."""
    return max(record.observed_at, record.ended_at or record.observed_at)


def _claims_late(policy: GroupingPolicy, incident: Incident, started_at: datetime) -> bool:
    """Whether a decided incident takes an event that began before the decision and reached us only now."""
    if incident.state not in DECIDED_STATES or incident.decided_at is None or started_at > incident.decided_at:
        return False
    return (
        incident.first_at - policy.gap <= started_at <= incident.last_at + policy.gap
        and started_at < incident.first_at + policy.max_length
    )
