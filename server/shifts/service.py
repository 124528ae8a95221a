"""Notes of one shift to the next: written and signed once, confirmed once by somebody else, never changed.

A note belongs to a place; it is seen by those whose area holds that place. Open incidents stand in it by themselves, as
they were at that moment: who takes over sees what was known, not what has become of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from server.audit import service as audit
from server.clock import Clock
from server.db.duty_models import ShiftNote
from server.db.models import Incident, User
from server.domain import access
from server.domain.access import PERMISSIONS, Permission, Principal, Role
from server.domain.incident import OPEN_STATES
from server.domain.shifts import shift_at
from server.domain.views import IncidentCard
from server.errors import Conflict, Forbidden, InvalidInput, NotFound
from server.incidents.queries import IncidentFilter, list_incidents
from server.places.service import PlaceTree

MAX_TEXT: Final = 4000
LISTED: Final = 100
"""Open incidents in a note; the number of all of them stands beside."""
MAX_NOTES: Final = 30


@dataclass(frozen=True, slots=True)
class NoteDraft:
    """What an officer wrote."""

    place_id: str
    text: str
    to_id: int | None = None
    """An officer; None: whoever comes next."""


def places_of(session: Session, principal: Principal) -> list[tuple[str, str]]:
    """Where somebody may hand over: id and name, their own place first."""
    tree = PlaceTree.read(session)
    rows = [row for row in tree.all() if access.may_here(principal, Permission.HANDLE_INCIDENTS, tree.path(row.id))]
    return [(row.id, row.name) for row in sorted(rows, key=lambda row: row.id != principal.place_id)]


def open_incidents(session: Session, principal: Principal, place_id: str) -> tuple[tuple[IncidentCard, ...], int]:
    """The open incidents of a place, newest first, and how many there are in all."""
    wanted = IncidentFilter(states=tuple(sorted(OPEN_STATES)), place_id=place_id)
    page = list_incidents(session, principal, wanted, limit=LISTED)
    villages = PlaceTree.read(session).villages_in(place_id)
    count = select(func.count()).where(
        Incident.village_id.in_(villages), Incident.merged_into_id.is_(None), Incident.state.in_(OPEN_STATES)
    )
    return page.items, session.scalar(count) or 0


def colleagues(session: Session, principal: Principal, place_id: str) -> list[tuple[int, str]]:
    """Who may take over in a place: number and name, without who asks."""
    path = PlaceTree.read(session).path(place_id)
    roles = [role for role in Role if Permission.HANDLE_INCIDENTS in PERMISSIONS[role]]
    rows = session.execute(
        select(User.id, User.display_name)
        .where(
            User.active,
            User.id != int(principal.id),
            User.role.in_(roles),
            or_(User.place_id.in_(path), User.place_id.is_(None)),
        )
        .order_by(User.display_name, User.id)
    )
    return [(number, name) for number, name in rows]


def write(
    session: Session,
    clock: Clock,
    zone: ZoneInfo,
    starts: Sequence[time],
    principal: Principal,
    draft: NoteDraft,
    *,
    request_id: str = "",
) -> ShiftNote:
    """Hand over.

    Raises:
        NotFound: The place, or the colleague, is not in the author's area.
        InvalidInput: Too long, or nothing to say: no word and nothing open.
    """
    check_place(session, principal, draft.place_id)
    text, now = draft.text.strip(), clock.utc()
    if len(text) > MAX_TEXT:
        raise InvalidInput(f"the note is over {MAX_TEXT} letters", "Write what the next shift must know, not more.")
    listed, count = open_incidents(session, principal, draft.place_id)
    if not text and not count:
        raise InvalidInput("the note is empty and nothing is open", "Write something, or hand nothing over.")
    names = dict(colleagues(session, principal, draft.place_id))
    if draft.to_id is not None and draft.to_id not in names:
        raise NotFound("no such officer of this place", "Choose one of the list.")
    shift = shift_at(now, starts, zone)
    note = ShiftNote(
        place_id=draft.place_id,
        begins_at=shift.begins_at,
        ends_at=shift.ends_at,
        written_at=now,
        author_id=int(principal.id),
        author_name=principal.name,
        to_id=draft.to_id,
        to_name=names[draft.to_id] if draft.to_id is not None else "",
        text=text,
        open_incidents=[_as_it_stands(card) for card in listed],
        open_count=count,
    )
    session.add(note)
    session.flush()
    _audit(session, now, principal, "shift.hand_over", note, request_id)
    return note


def confirm(session: Session, clock: Clock, principal: Principal, note_id: int, *, request_id: str = "") -> ShiftNote:
    """The next officer has read a note and takes over.

    Raises:
        NotFound: There is none in the area.
        Forbidden: Its own author asks.
        Conflict: Somebody has confirmed it.
    """
    note = session.get(ShiftNote, note_id, with_for_update=True)
    if note is None:
        raise NotFound("no such note")
    check_place(session, principal, note.place_id)
    if note.author_id == int(principal.id):
        raise Forbidden("nobody takes over from themselves", "Let the next officer confirm it.")
    if note.confirmed_at is not None:
        raise Conflict("somebody has confirmed this note", "Load the page again.")
    note.confirmed_by_id, note.confirmed_by_name = int(principal.id), principal.name
    note.confirmed_at = clock.utc()
    session.flush()
    _audit(session, note.confirmed_at, principal, "shift.confirm", note, request_id)
    return note


def notes(session: Session, principal: Principal) -> list[ShiftNote]:
    """The newest notes of somebody's area."""
    ids = [place_id for place_id, _ in places_of(session, principal)]
    rows = session.scalars(
        select(ShiftNote)
        .where(ShiftNote.place_id.in_(ids))
        .order_by(ShiftNote.written_at.desc(), ShiftNote.id.desc())
        .limit(MAX_NOTES)
    )
    return list(rows)


def check_place(session: Session, principal: Principal, place_id: str) -> None:
    """Whether somebody handles incidents in a place.

    Raises:
        NotFound: They do not, or there is no such place.
    """
    if not access.may_here(principal, Permission.HANDLE_INCIDENTS, PlaceTree.read(session).path(place_id)):
        raise NotFound("no such place", "Choose one of your area.")


def _as_it_stands(card: IncidentCard) -> dict[str, Any]:
    return {
        "id": str(card.id),
        "kind": card.kind,
        "village": card.place.village,
        "camera": card.camera_name,
        "state": card.state.value,
        "severity": card.severity.value,
        "first_at": card.first_at.isoformat(),
        "assigned_to": card.assigned_to,
    }


def _audit(session: Session, at: datetime, principal: Principal, action: str, note: ShiftNote, request_id: str) -> None:
    audit.record(
        session,
        at=at,
        actor=principal,
        action=action,
        subject=f"shift:{note.id}",
        detail={"place": note.place_id, "open": note.open_count, "to": note.to_id},
        request_id=request_id,
    )
