"""What stands on a card of the wall, and which cards: reading, nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from contract.event import EventState, EvidenceRole
from contract.rules import RULES
from server import wording
from server.db.incident_models import Incident
from server.db.models import EventRecord, EvidenceFile, EvidenceReference
from server.domain import access
from server.domain.access import Permission, Principal
from server.domain.incident import DECIDED_STATES, ENDED_STATES, IncidentAction, IncidentState, actions_from
from server.domain.views import IncidentCard
from server.incidents import queries
from server.incidents.queries import IncidentFilter

PAGE_CARDS: Final = 48
_EVENTS_ASKED: Final = 20
"""The newest of a flood tell whether a picture is to come."""


@dataclass(frozen=True, slots=True)
class WallFilter:
    """What an officer chose to see. An unknown word counts as not chosen."""

    village: str = ""
    kind: str = ""
    state: str = ""

    @classmethod
    def read(cls, arguments: Mapping[str, str]) -> Self:
        """Read it from a request's query."""
        kind, state = arguments.get("kind", ""), arguments.get("state", "")
        return cls(
            village=arguments.get("village", "")[:63],
            kind=kind if kind in RULES else "",
            state=state if state in set(IncidentState) else "",
        )

    @property
    def query(self) -> dict[str, Any]:
        """The chosen parts, for an address."""
        chosen = {"village": self.village, "kind": self.kind, "state": self.state}
        return {name: value for name, value in chosen.items() if value}

    @property
    def any(self) -> bool:
        """Whether anything was chosen."""
        return bool(self.query)

    def to_incident_filter(self) -> IncidentFilter:
        """The same for the incident queries."""
        return IncidentFilter(
            states=(IncidentState(self.state),) if self.state else (),
            kinds=(self.kind,) if self.kind else (),
            place_id=self.village or None,
        )

    def matches(self, card: IncidentCard) -> bool:
        """Whether a card belongs on a wall with this filter."""
        return (
            card.merged_into is None
            and self.village in {"", *card.place.path}
            and self.kind in {"", card.kind}
            and self.state in {"", card.state.value}
        )


@dataclass(frozen=True, slots=True)
class WallRow:
    """A card with what was measured, in words, and what the viewer may do."""

    card: IncidentCard
    summary: str
    actions: tuple[IncidentAction, ...]
    conflict: str = ""
    """Why the viewer's last press changed nothing."""
    snapshot_absent: str = "pending"
    """Where there is no picture: `pending`, `gone` or `none`."""
    viewers: tuple[str, ...] = ()
    """Who else has it open."""

    @property
    def is_closed(self) -> bool:
        """Nothing is left to do."""
        return self.card.state in ENDED_STATES

    @property
    def is_suspected(self) -> bool:
        """No officer has decided yet."""
        return self.card.state not in DECIDED_STATES


def wall_page(
    session: Session, principal: Principal, wanted: WallFilter, cursor: str | None
) -> tuple[list[WallRow], str | None]:
    """The newest cards under a filter, and the cursor of the next page.

    Raises:
        InvalidInput: The cursor is not one of ours.
    """
    page = queries.list_incidents(session, principal, wanted.to_incident_filter(), cursor=cursor, limit=PAGE_CARDS)
    return wall_rows(session, principal, page.items), page.next_cursor


def wall_cards(
    session: Session, principal: Principal, wanted: WallFilter, incident_ids: Iterable[UUID]
) -> list[WallRow]:
    """Those of the named incidents that belong on the wall, newest first."""
    found = queries.cards_by_id(session, principal, incident_ids).values()
    cards = sorted((card for card in found if wanted.matches(card)), key=lambda card: card.first_at, reverse=True)
    return wall_rows(session, principal, cards)


def wall_rows(session: Session, principal: Principal, cards: Sequence[IncidentCard]) -> list[WallRow]:
    """Cards with their facts in words and the viewer's actions."""
    facts = newest_facts(session, [card.id for card in cards])
    absent = absent_snapshots(session, [card for card in cards if card.snapshot_sha256 is None])
    return [
        WallRow(
            card,
            wording.summary(card.kind, facts.get(card.id)),
            actions_for(principal, card),
            snapshot_absent=absent.get(card.id, "pending"),
        )
        for card in cards
    ]


def actions_for(principal: Principal, card: IncidentCard) -> tuple[IncidentAction, ...]:
    """What the viewer may do to an incident now."""
    if card.merged_into is not None or not access.may_here(principal, Permission.HANDLE_INCIDENTS, card.place.path):
        return ()
    return actions_from(card.state)


def newest_facts(session: Session, incident_ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """The facts of the newest event of each incident."""
    # One look-up each by the index on incident and time: a flood of 50,000 events in one incident costs no more.
    newest = (
        select(EventRecord.facts)
        .where(EventRecord.incident_id == Incident.id)
        .order_by(EventRecord.started_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = session.execute(select(Incident.id, newest).where(Incident.id.in_(incident_ids)))
    return {incident_id: facts for incident_id, facts in rows if facts is not None}


def absent_snapshots(session: Session, cards: Sequence[IncidentCard]) -> dict[UUID, str]:
    """Whether the picture of an incident that has none is still to come (`pending`), is `gone`, or there is `none`."""
    events = select(EventRecord.incident_id, EventRecord.event_id, EventRecord.state)
    few = [card.id for card in cards if card.event_count <= _EVENTS_ASKED]
    asked = [events.where(EventRecord.incident_id.in_(few))] if few else []
    asked += [
        events.where(EventRecord.incident_id == card.id).order_by(EventRecord.started_at.desc()).limit(_EVENTS_ASKED)
        for card in cards
        if card.event_count > _EVENTS_ASKED
    ]
    found: dict[UUID, str] = {}
    for query in asked:
        newest = query.subquery()
        is_snapshot = and_(
            EvidenceReference.event_id == newest.c.event_id, EvidenceReference.role == EvidenceRole.SNAPSHOT
        )
        rows = session.execute(
            select(
                newest.c.incident_id,
                newest.c.state,
                EvidenceReference.sha256,
                EvidenceReference.gone_at,
                EvidenceFile.sha256,
            )
            .select_from(newest)
            .outerjoin(EvidenceReference, is_snapshot)
            .outerjoin(EvidenceFile, EvidenceFile.sha256 == EvidenceReference.sha256)
        )
        by_incident: dict[UUID, list[tuple[Any, ...]]] = {}
        for incident_id, *row in rows:
            by_incident.setdefault(incident_id, []).append(tuple(row))
        found |= {incident_id: _why_absent(of_it) for incident_id, of_it in by_incident.items()}
    return {card.id: found.get(card.id, "pending") for card in cards}


def _why_absent(rows: list[tuple[Any, ...]]) -> str:
    named = [(gone_at, file) for _, sha256, gone_at, file in rows if sha256 is not None]
    if named:  # a file that came and is not shown was removed for room
        return "gone" if all(gone_at or file for gone_at, file in named) else "pending"
    return "none" if all(state == EventState.END for state, *_ in rows) else "pending"
