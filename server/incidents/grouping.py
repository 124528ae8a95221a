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
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from contract.event import EventState
from contract.ids import uuid7
from server.alerts import service as alerts
from server.audit.service import SYSTEM
from server.db.models import EventRecord, Incident, IncidentStep
from server.domain import grouping
from server.domain.grouping import EventGroup, EventSpan, GroupingPolicy, Severity
from server.domain.incident import DECIDED_STATES, OPEN_STATES, IncidentAction, IncidentState, merged_state

_CHUNK = 500
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
            incident = self._regroup(incident, record)
        self._refresh_severity(incident)
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
                host = self._regroup(host, record)
            return host
        incident = self._open(key, record)
        if newest.first_at < incident.first_at:
            self._last[key] = incident
            return incident
        if after and grouping.joins(policy, incident.first_at, incident.last_at, after[0].first_at):
            return self._regroup(incident, record)
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
            self._release(key)
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
        self.session.add(incident)
        self.session.flush()
        self.session.add(self._step(incident, IncidentAction.OPEN, IncidentState.NEW))
        alerts.publish(self.session, incident, "opened", self.now)
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
        self._refresh_severity(incident)
        alerts.publish(self.session, incident, "updated", self.now)

    def _refresh_severity(self, incident: Incident) -> None:
        incident.severity = Severity(
            grouping.severity_of(
                incident.kind,
                incident.event_count,
                incident.last_at - incident.first_at,
                after_hours=incident.after_hours,
            )
        )

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

    def _regroup(self, start: Incident, record: EventRecord) -> Incident:
        """Group the chain of incidents from `start` on anew, from its events; gives the incident of `record`."""
        self.session.flush()
        self._last.pop(start.key, None)
        chain = self._chain(start)
        spans = self._spans([row.id for row in chain])
        groups = grouping.group_events(grouping.policy_for(start.kind), spans.keys())
        owners = self._choose_owners(chain, groups, {span.event_id: owner for span, owner in spans.items()})
        self._release(start.key)
        for group, owner in zip(groups, owners, strict=True):
            self._move(group, owner)
        self.session.flush()
        owner_of = {
            event_id: owner for group, owner in zip(groups, owners, strict=True) for event_id in group.event_ids
        }
        first_event = {spans[span]: span.event_id for span in sorted(spans, reverse=True)}
        for row in chain:
            if row not in owners:
                self._merge(row, owner_of[first_event[row.id]])
        for owner in owners:
            self._recount(owner)
            alerts.publish(self.session, owner, "updated", self.now)
        if owners[-1].state in OPEN_STATES and not self._has_later(owners[-1]):
            owners[-1].open_key = start.key
        self.session.refresh(record)
        return owner_of[record.event_id]

    def _chain(self, start: Incident) -> list[Incident]:
        gap = grouping.policy_for(start.kind).gap
        rows = self.session.scalars(
            select(Incident)
            .where(
                Incident.key == start.key,
                Incident.merged_into_id.is_(None),
                Incident.state.not_in(DECIDED_STATES),
                Incident.first_at >= start.first_at,
            )
            .order_by(Incident.first_at, Incident.received_at, Incident.id)
        )
        chain, reach = [], start.last_at
        for row in rows:
            if row.first_at > reach + gap:
                break
            chain.append(row)
            reach = max(reach, row.last_at)
        return chain

    def _spans(self, incident_ids: list[UUID]) -> dict[EventSpan, UUID]:
        rows = self.session.execute(
            select(
                EventRecord.started_at,
                EventRecord.event_id,
                EventRecord.observed_at,
                EventRecord.ended_at,
                EventRecord.incident_id,
            ).where(EventRecord.incident_id.in_(incident_ids))
        )
        return {
            EventSpan(started, event_id, max(observed, ended or observed)): owner
            for started, event_id, observed, ended, owner in rows
            if owner is not None
        }

    def _choose_owners(
        self, chain: list[Incident], groups: list[EventGroup], owner_ids: dict[UUID, UUID]
    ) -> list[Incident]:
        """One incident for each group: the one heard of first among those with events in it, else a free or new one."""
        by_id = {row.id: row for row in chain}
        free = dict(by_id)
        chosen: list[Incident | None] = []
        for group in groups:
            inside = {owner_ids[event_id] for event_id in group.event_ids} & free.keys()
            best = min(inside, key=lambda item: (by_id[item].received_at, by_id[item].first_at, item), default=None)
            chosen.append(free.pop(best) if best is not None else None)
        return [
            owner or (free.pop(next(iter(free))) if free else self._blank(chain[0], group))
            for owner, group in zip(chosen, groups, strict=True)
        ]

    def _blank(self, like: Incident, group: EventGroup) -> Incident:
        incident = Incident(
            id=uuid7(group.first_at),
            village_id=like.village_id,
            kind=like.kind,
            spot=like.spot,
            key=like.key,
            state=IncidentState.NEW,
            severity=like.severity,
            first_at=group.first_at,
            last_at=group.last_at,
            received_at=self.now,
            touched_at=self.now,
            event_count=0,
            open_event_count=0,
            camera_id=like.camera_id,
            version=1,
        )
        self.session.add(incident)
        self.session.flush()
        self.session.add(self._step(incident, IncidentAction.OPEN, IncidentState.NEW))
        alerts.publish(self.session, incident, "opened", self.now)
        return incident

    def _move(self, group: EventGroup, owner: Incident) -> None:
        for start in range(0, len(group.event_ids), _CHUNK):
            self.session.execute(
                update(EventRecord)
                .where(EventRecord.event_id.in_(group.event_ids[start : start + _CHUNK]))
                .values(incident_id=owner.id)
                .execution_options(synchronize_session="fetch")
            )
        owner.first_at, owner.last_at = group.first_at, group.last_at

    def _merge(self, row: Incident, owner: Incident) -> None:
        """Fold an incident whose events have all moved into another one, with what people did to it."""
        state = merged_state([owner.state, row.state])
        if state is not owner.state:
            owner.handled_by_id = row.handled_by_id
        owner.state = state
        owner.version = max(owner.version, row.version) + 1
        owner.received_at = min(owner.received_at, row.received_at)
        owner.snapshot_sha256 = owner.snapshot_sha256 or row.snapshot_sha256
        owner.redacted_sha256 = owner.redacted_sha256 or row.redacted_sha256
        self.session.execute(
            update(IncidentStep)
            .where(IncidentStep.incident_id == row.id, IncidentStep.action != IncidentAction.OPEN)
            .values(incident_id=owner.id)
        )
        row.merged_into_id = owner.id
        row.event_count = row.open_event_count = 0
        row.version += 1
        self.session.add(self._step(owner, IncidentAction.MERGE, None))
        alerts.publish(self.session, row, "merged", self.now)

    def _recount(self, incident: Incident) -> None:
        newest = self.session.execute(
            select(EventRecord.camera_id)
            .where(EventRecord.incident_id == incident.id)
            .order_by(EventRecord.observed_at.desc(), EventRecord.event_id)
            .limit(1)
        ).scalar_one()
        starts = self.session.execute(
            select(EventRecord.started_at, EventRecord.state).where(EventRecord.incident_id == incident.id)
        ).all()
        incident.camera_id = newest
        incident.event_count = len(starts)
        incident.open_event_count = sum(state is not EventState.END for _, state in starts)
        incident.after_hours = any(grouping.is_after_hours(started, self.zone) for started, _ in starts)
        incident.touched_at = self.now
        self._refresh_severity(incident)

    def _release(self, key: str) -> None:
        """Take the open key from whoever holds it, before another one gets it."""
        holder = self.session.scalar(select(Incident).where(Incident.open_key == key))
        if holder is not None:
            holder.open_key = None
            self.session.flush()

    def _is_last(self, incident: Incident) -> bool:
        """Whether no incident of the key begins after this one."""
        return self._newest(incident.key) is incident

    def _has_later(self, incident: Incident) -> bool:
        later = select(Incident.id).where(
            Incident.key == incident.key,
            Incident.merged_into_id.is_(None),
            Incident.state.not_in(DECIDED_STATES),
            Incident.first_at > incident.first_at,
            Incident.id != incident.id,
        )
        return self.session.scalar(later.limit(1)) is not None

    def _step(self, incident: Incident, action: IncidentAction, after: IncidentState | None) -> IncidentStep:
        return IncidentStep(
            incident_id=incident.id,
            at=self.now,
            action=action,
            to_state=after,
            actor=SYSTEM,
            actor_name=SYSTEM,
            text="",
        )


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
