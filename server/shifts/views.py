"""The page of handing over: what is open, a note to the next shift, and former notes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from server import i18n
from server.auth.web import request_id, require
from server.db.duty_models import ShiftNote
from server.domain.access import Permission, Principal
from server.domain.shifts import Shift, shift_at
from server.errors import Conflict, Forbidden, InvalidInput
from server.places.service import PlaceTree
from server.services import services
from server.shifts import service
from server.shifts.service import NoteDraft

blueprint = Blueprint("shifts", __name__)


@dataclass(frozen=True, slots=True)
class NoteRow:
    """A note as the page shows it."""

    note: ShiftNote
    place: str
    incidents: list[dict[str, Any]]
    may_confirm: bool


@blueprint.get("/shift")
def page() -> str:
    """Hand over, or take over."""
    return _page(require(Permission.WATCH_INCIDENTS))


@blueprint.post("/shift")
def hand_over() -> BaseResponse:
    """Write a note to the next shift."""
    principal, parts = require(Permission.HANDLE_INCIDENTS), services()
    draft = NoteDraft(
        request.form.get("place", "")[:63], request.form.get("text", ""), request.form.get("to", type=int) or None
    )
    try:
        with parts.database.write() as session:
            note = service.write(
                session,
                parts.clock,
                parts.settings.zone,
                parts.settings.shifts,
                principal,
                draft,
                request_id=request_id(),
            )
            note_id = note.id
    except InvalidInput:
        return make_response(_page(principal, i18n.gettext("shift.incomplete"), draft.text, draft.place_id), 422)
    return redirect(url_for("shifts.page", _anchor=f"note-{note_id}"), 303)


@blueprint.post("/shift/<int:note_id>/confirm")
def confirm(note_id: int) -> BaseResponse:
    """The next officer has read it."""
    principal, parts = require(Permission.HANDLE_INCIDENTS), services()
    try:
        with parts.database.write() as session:
            service.confirm(session, parts.clock, principal, note_id, request_id=request_id())
    except Conflict:
        return make_response(_page(principal, i18n.gettext("shift.confirmed_already")), 409)
    except Forbidden:
        return make_response(_page(principal, i18n.gettext("shift.own")), 403)
    return redirect(url_for("shifts.page", _anchor=f"note-{note_id}"), 303)


def _page(principal: Principal, problem: str = "", text: str = "", place_id: str = "") -> str:
    parts = services()
    now = parts.clock.utc()
    with parts.database.read() as session:
        places = service.places_of(session, principal)
        wanted = place_id or request.args.get("place", "")
        chosen = next((place for place, _ in places if place == wanted), places[0][0] if places else "")
        listed, count = service.open_incidents(session, principal, chosen) if chosen else ((), 0)
        tree = PlaceTree.read(session)
        rows = [_row(tree, principal, note) for note in service.notes(session, principal)]
        colleagues = service.colleagues(session, principal, chosen) if chosen else []
    return render_template(
        "shift/shift.html",
        problem=problem,
        text=text,
        places=places,
        chosen=chosen,
        listed=listed,
        count=count,
        rows=rows,
        colleagues=colleagues,
        shift=_now(now),
    )


def _now(now: datetime) -> Shift:
    settings = services().settings
    return shift_at(now, settings.shifts, settings.zone)


def _row(tree: PlaceTree, principal: Principal, note: ShiftNote) -> NoteRow:
    incidents = [{**item, "first_at": datetime.fromisoformat(item["first_at"])} for item in note.open_incidents]
    may_confirm = note.confirmed_at is None and note.author_id != int(principal.id)
    return NoteRow(note, tree.place(note.place_id).name, incidents, may_confirm)
