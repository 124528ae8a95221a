"""What belongs, or may belong, to an incident: what was merged into it, and likely errors of grouping."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from server.db.incident_models import Incident
from server.db.models import Camera, EventRecord
from server.domain.grouping import EventSpan, max_length_of, widest_gap_of
from server.domain.grouping_hints import SHORTLY, HintReason, IncidentSpan, SplitHint, merge_hints, split_hint
from server.domain.views import IncidentCard
from server.incidents.queries import cards
from server.places.service import PlaceTree

MAX_SPANS: Final = 2000
"""Bursts are looked for in incidents of up to so many events: a flood has none."""
_CANDIDATES: Final = 200
_CHOICES: Final = 12
_AROUND: Final = timedelta(hours=6)
_SIMILAR: Final = 5
_SIMILAR_FOR: Final = timedelta(days=30)
_NEARBY_WITHIN: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class MergeSuggestion:
    """Another incident that may be the same happening; `reason` is None where nothing but time speaks for it."""

    card: IncidentCard
    reason: HintReason | None = None


def parts_of(session: Session, incident_id: UUID) -> tuple[IncidentCard, ...]:
    """The incidents that an officer merged into this one: each can be taken out again."""
    rows = session.scalars(
        select(Incident)
        .options(joinedload(Incident.camera), joinedload(Incident.handled_by), joinedload(Incident.assigned_to))
        .where(Incident.merged_into_id == incident_id, Incident.by_hand)
        .order_by(Incident.first_at)
    ).all()
    return cards(PlaceTree.read(session), rows)


def suggestions(session: Session, card: IncidentCard) -> tuple[list[MergeSuggestion], SplitHint | None]:
    """Likely errors of grouping around an incident: what to merge with it, and where to split it."""
    if card.merged_into is not None:
        return [], None
    rows = _around(session, card, SHORTLY * widest_gap_of(card.kind) + max_length_of(card.kind))
    mine = next((row for row in rows if row.id == card.id), None)
    if mine is None:
        return [], None
    # What an officer has put together or taken apart is not questioned again.
    open_questions = [row for row in rows if not (mine.by_hand and row.by_hand)]
    hints = merge_hints(_span(mine), map(_span, open_questions), _neighbours(session, card, rows))
    found = {item.id: item for item in cards(PlaceTree.read(session), rows)}
    merges = [MergeSuggestion(found[hint.incident_id], hint.reason) for hint in hints]
    return merges, None if mine.by_hand else _split_hint(session, card)


def merge_choices(session: Session, card: IncidentCard, but: Iterable[UUID]) -> list[IncidentCard]:
    """Other incidents of the village around the same time, nearest first: an officer may know better than the rules."""
    left_out = {card.id, *but}
    rows = [row for row in _around(session, card, _AROUND) if row.id not in left_out]
    nearest = sorted(rows, key=lambda row: (abs(row.first_at - card.first_at), row.id))[:_CHOICES]
    return list(cards(PlaceTree.read(session), nearest))


def similar(session: Session, card: IncidentCard) -> list[IncidentCard]:
    """What happened at the same spot of the same family before: the newest of the last weeks, newest first."""
    mine = session.get(Incident, card.id)
    if mine is None:
        return []
    rows = session.scalars(
        select(Incident)
        .options(joinedload(Incident.camera), joinedload(Incident.handled_by), joinedload(Incident.assigned_to))
        .where(
            Incident.key == mine.key,
            Incident.first_at < card.first_at,
            Incident.first_at >= card.first_at - _SIMILAR_FOR,
            Incident.merged_into_id.is_(None),
        )
        .order_by(Incident.first_at.desc(), Incident.id.desc())
        .limit(_SIMILAR)
    ).all()
    return list(cards(PlaceTree.read(session), rows))


def nearby(session: Session, card: IncidentCard) -> list[IncidentCard]:
    """Other incidents of the village at about the same time, nearest in time first."""
    rows = [row for row in _around(session, card, _NEARBY_WITHIN) if row.id != card.id]
    nearest = sorted(rows, key=lambda row: (abs(row.first_at - card.first_at), row.id))[:_SIMILAR]
    return list(cards(PlaceTree.read(session), nearest))


def _around(session: Session, card: IncidentCard, span: timedelta) -> list[Incident]:
    """Incidents of the village that began near this one, itself among them."""
    common = (Incident.village_id == card.place.village_id, Incident.merged_into_id.is_(None))
    options = (joinedload(Incident.camera), joinedload(Incident.handled_by), joinedload(Incident.assigned_to))
    before = session.scalars(
        select(Incident)
        .options(*options)
        .where(*common, Incident.first_at <= card.first_at, Incident.first_at >= card.first_at - span)
        .order_by(Incident.first_at.desc(), Incident.id.desc())
        .limit(_CANDIDATES)
    ).all()
    after = session.scalars(
        select(Incident)
        .options(*options)
        .where(*common, Incident.first_at > card.first_at, Incident.first_at <= card.last_at + span)
        .order_by(Incident.first_at, Incident.id)
        .limit(_CANDIDATES)
    ).all()
    return [*before, *after]


def _span(row: Incident) -> IncidentSpan:
    return IncidentSpan(row.id, row.kind, row.key, row.camera_id, row.first_at, row.last_at)


def _neighbours(session: Session, card: IncidentCard, rows: Iterable[Incident]) -> frozenset[str]:
    """Cameras near the incident's own: as its file says, or as theirs say of it."""
    names = {row.camera_id for row in rows} | {card.camera_id}
    near = {
        camera_id: set(listed or ())
        for camera_id, listed in session.execute(select(Camera.id, Camera.near).where(Camera.id.in_(names)))
    }
    mine = near.get(card.camera_id, set())
    return frozenset(mine | {camera_id for camera_id, listed in near.items() if card.camera_id in listed})


def _split_hint(session: Session, card: IncidentCard) -> SplitHint | None:
    if not 2 <= card.event_count <= MAX_SPANS:
        return None
    rows = session.execute(
        select(
            EventRecord.kind,
            EventRecord.event_id,
            EventRecord.started_at,
            EventRecord.observed_at,
            EventRecord.ended_at,
        ).where(EventRecord.incident_id == card.id)
    )
    spans = [
        EventSpan.of(kind, event_id, started, max(observed, ended or observed))
        for kind, event_id, started, observed, ended in rows
    ]
    return split_hint(card.kind, spans)
