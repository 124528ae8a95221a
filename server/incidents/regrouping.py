"""Groups a chain of incidents of one key anew, when a late event shows that they belong together or apart.

Of the incidents that events leave, one that still has events keeps its number and what people did to it; one that has
none left is merged into the one that took its first event. The caller holds the village's lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from contract.event import EventState
from contract.ids import uuid7
from server.alerts import service as alerts
from server.audit.service import SYSTEM
from server.db.models import EventRecord, Incident, IncidentStep
from server.domain import grouping
from server.domain.grouping import EventGroup, EventSpan, Severity
from server.domain.incident import DECIDED_STATES, OPEN_STATES, IncidentAction, IncidentState, merged_state

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Regrouping:
    """Groups anew within one transaction.

    Attributes:
        session: Of `Database.write`, with the village's lock held.
        now: The server's time.
        zone: The site's time zone: decides after hours.
    """

    session: Session
    now: datetime
    zone: ZoneInfo

    def regroup(self, start: Incident, record: EventRecord) -> Incident:
        """Group the chain of incidents from `start` on anew, from its events.

        Args:
            start: Where the chain begins.
            record: The event that brought this up; already in one of the chain's incidents.

        Returns:
            The incident that has the event now.
        """
        self.session.flush()
        chain = self._chain(start)
        spans = self._spans([row.id for row in chain])
        groups = grouping.group_events(grouping.policy_for(start.kind), spans.keys())
        owners = self._choose_owners(chain, groups, {span.event_id: owner for span, owner in spans.items()})
        release(self.session, start.key)
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
        add_opened(self.session, incident, self.now)
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
        self.session.add(step(owner, self.now, IncidentAction.MERGE))
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
        refresh_severity(incident)

    def _has_later(self, incident: Incident) -> bool:
        later = select(Incident.id).where(
            Incident.key == incident.key,
            Incident.merged_into_id.is_(None),
            Incident.state.not_in(DECIDED_STATES),
            Incident.first_at > incident.first_at,
            Incident.id != incident.id,
        )
        return self.session.scalar(later.limit(1)) is not None


def release(session: Session, key: str) -> None:
    """Take the open key from whoever holds it, before another one gets it."""
    holder = session.scalar(select(Incident).where(Incident.open_key == key))
    if holder is not None:
        holder.open_key = None
        session.flush()


def add_opened(session: Session, incident: Incident, now: datetime) -> None:
    """Write a new incident down, with the first step of its life, and tell the feed."""
    session.add(incident)
    session.flush()
    session.add(step(incident, now, IncidentAction.OPEN, IncidentState.NEW))
    alerts.publish(session, incident, "opened", now)


def step(incident: Incident, at: datetime, action: IncidentAction, after: IncidentState | None = None) -> IncidentStep:
    """What the system itself did to an incident."""
    return IncidentStep(
        incident_id=incident.id, at=at, action=action, to_state=after, actor=SYSTEM, actor_name=SYSTEM, text=""
    )


def refresh_severity(incident: Incident) -> None:
    """Judge an incident by what is known of it now."""
    length = incident.last_at - incident.first_at
    incident.severity = Severity(
        grouping.severity_of(incident.kind, incident.event_count, length, after_hours=incident.after_hours)
    )
