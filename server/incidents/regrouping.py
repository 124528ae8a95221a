"""Groups a chain of incidents of one key anew, when a late event shows that they belong together or apart.

Of the incidents that events leave, one that still has events keeps its number and what people did to it; one that has
none left is merged into the one that took its first event. The caller holds the village's lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.orm import Session

from contract.ids import uuid7
from server.alerts import service as alerts
from server.db.models import EventRecord, Incident, IncidentStep
from server.domain import grouping
from server.domain.grouping import EventGroup, EventSpan
from server.domain.hours import SiteHours
from server.domain.incident import DECIDED_STATES, OPEN_STATES, IncidentAction, IncidentState, merged_state
from server.domain.severity import escalation_of
from server.incidents.upkeep import add_opened, chunks, fold_history, reach, recount, step
from server.retention import holds


@dataclass(frozen=True, slots=True)
class Regrouping:
    """Groups anew within one transaction.

    Attributes:
        session: Of `Database.write`, with the village's lock held.
        now: The server's time.
        hours: The site's hours: decide how urgent an incident is.
    """

    session: Session
    now: datetime
    hours: SiteHours

    def regroup(self, start: Incident) -> dict[UUID, Incident]:
        """Group the chain of incidents from `start` on anew, from its events.

        Args:
            start: Where the chain begins.

        Returns:
            The incident that has each of its events now.
        """
        self.session.flush()
        chain = self._chain(start)
        spans = self._spans([row.id for row in chain])
        groups = grouping.group_events(grouping.max_length_of(start.kind), spans.keys())
        owners = self._choose_owners(chain, groups, {span.event_id: owner for span, owner in spans.items()})
        release(self.session, start.key)
        for group, owner in zip(groups, owners, strict=True):
            self._move(group, owner)
        self.session.flush()
        owner_of = {
            event_id: owner for group, owner in zip(groups, owners, strict=True) for event_id in group.event_ids
        }
        first_event = {spans[span]: span.event_id for span in sorted(spans, reverse=True)}
        for before_id, after_id in {(was, owner_of[span.event_id].id) for span, was in spans.items()}:
            if before_id != after_id:
                holds.follow(self.session, before_id, after_id, self.now)
        for row in chain:
            if row not in owners:
                self._merge(row, owner_of[first_event[row.id]])
        for owner in owners:
            recount(self.session, owner, self.hours, self.now)
            alerts.publish(self.session, owner, "updated", self.now)
        if owners[-1].state in OPEN_STATES and not self._has_later(owners[-1]):
            owners[-1].open_key = start.key
        return owner_of

    def _chain(self, start: Incident) -> list[Incident]:
        rows = self.session.scalars(
            select(Incident)
            .where(
                Incident.key == start.key,
                Incident.merged_into_id.is_(None),
                is_loose(),
                Incident.first_at >= start.first_at,
            )
            .order_by(Incident.first_at, Incident.received_at, Incident.id)
        )
        chain, reaches = [], reach(start)
        for row in rows:
            if row.first_at > reaches:
                break
            chain.append(row)
            reaches = max(reaches, reach(row))
        return chain

    def _spans(self, incident_ids: list[UUID]) -> dict[EventSpan, UUID]:
        rows = self.session.execute(
            select(
                EventRecord.started_at,
                EventRecord.event_id,
                EventRecord.observed_at,
                EventRecord.ended_at,
                EventRecord.kind,
                EventRecord.incident_id,
            ).where(EventRecord.incident_id.in_(incident_ids))
        )
        return {
            EventSpan.of(kind, event_id, started, max(observed, ended or observed)): owner
            for started, event_id, observed, ended, kind, owner in rows
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
            severity=escalation_of(like.kind).base,
            first_at=group.first_at,
            last_at=group.last_at,
            reach_at=group.reach_at,
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
        for part in chunks(group.event_ids):
            self.session.execute(
                update(EventRecord)
                .where(EventRecord.event_id.in_(part))
                .values(incident_id=owner.id)
                .execution_options(synchronize_session=False)  # no session that groups holds events
            )
        owner.first_at, owner.last_at, owner.reach_at = group.first_at, group.last_at, group.reach_at

    def _merge(self, row: Incident, owner: Incident) -> None:
        """Fold an incident whose events have all moved into another one, with what people did to it."""
        state = merged_state([owner.state, row.state])
        if state is not owner.state:
            owner.handled_by_id = row.handled_by_id
        owner.state = state
        owner.version = max(owner.version, row.version) + 1
        fold_history(owner, row)
        self.session.execute(
            update(IncidentStep)
            .where(IncidentStep.incident_id == row.id, IncidentStep.action != IncidentAction.OPEN)
            .values(incident_id=owner.id)
        )
        row.merged_into_id = owner.id
        row.event_count = row.open_event_count = 0
        row.version += 1
        self.session.add(step(owner, self.now, IncidentAction.MERGE, other_id=row.id))
        self.session.add(step(row, self.now, IncidentAction.MERGE, other_id=owner.id))
        alerts.publish(self.session, row, "merged", self.now)

    def _has_later(self, incident: Incident) -> bool:
        later = select(Incident.id).where(
            Incident.key == incident.key,
            Incident.merged_into_id.is_(None),
            is_loose(),
            Incident.first_at > incident.first_at,
            Incident.id != incident.id,
        )
        return self.session.scalar(later.limit(1)) is not None


def is_loose() -> ColumnElement[bool]:
    """Whether grouping may put an incident together with others, or take it apart: no officer decided on that."""
    return and_(Incident.state.not_in(DECIDED_STATES), Incident.by_hand.is_(False))


def release(session: Session, key: str) -> None:
    """Take the open key from whoever holds it, before another one gets it."""
    holder = session.scalar(select(Incident).where(Incident.open_key == key))
    if holder is not None:
        holder.open_key = None
        session.flush()
