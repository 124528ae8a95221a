"""Pages on which residents write and are answered, and on which officers answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from server import i18n
from server.auth.web import request_id, require
from server.db.feedback_models import Feedback
from server.domain import access
from server.domain.access import Permission, Principal
from server.domain.feedback import A_DAY, MAX_TEXT, About
from server.domain.views import PublicIncident
from server.errors import Conflict, InvalidInput, NotFound, TooManyRequests
from server.incidents.queries import public_incident
from server.pages import too_many, village_choices
from server.places.service import PlaceTree
from server.residents import feedback as service
from server.residents.feedback import Answer, Words
from server.services import services

blueprint = Blueprint("feedback", __name__)


@dataclass(frozen=True, slots=True)
class FeedbackItem:
    """What was written, with the village's name."""

    row: Feedback
    village: str


@blueprint.get("/feedback")
def page() -> str:
    """Write; what became of what one wrote; what others asked and were answered."""
    return _page(require(Permission.READ_PUBLIC_LOG))


@blueprint.post("/feedback")
def write() -> BaseResponse:
    """Keep a resident's words."""
    principal, parts, form = require(Permission.WRITE_FEEDBACK), services(), request.form
    words = Words(
        village_id=form.get("village", "")[:63],
        about=form.get("about", ""),
        text=form.get("text", ""),
        incident_id=_uuid(form.get("incident", "")),
    )
    try:
        with parts.database.write() as session:
            row = service.write(session, parts.clock, parts.public_policy, principal, words)
            number = row.id
    except (InvalidInput, NotFound):
        return make_response(_page(principal, problem=i18n.gettext("feedback.incomplete"), words=words), 422)
    except TooManyRequests as error:
        problem = i18n.gettext("feedback.enough", count=A_DAY)
        return too_many(error, _page(principal, problem=problem, words=words))
    return redirect(url_for("feedback.page", sent=1, _anchor=f"feedback-{number}"), 303)


@blueprint.get("/feedback/inbox")
def inbox() -> str:
    """What residents wrote, for those who answer."""
    return _inbox(require(Permission.ANSWER_FEEDBACK))


@blueprint.post("/feedback/<int:feedback_id>/answer")
def answer(feedback_id: int) -> BaseResponse:
    """Answer a resident."""
    principal, parts, form = require(Permission.ANSWER_FEEDBACK), services(), request.form
    said = Answer(
        text=form.get("answer", ""),
        declined=form.get("decline") == "yes",
        public_text=form.get("public_text", "") if form.get("show") == "yes" else "",
        hide_picture=form.get("hide_picture") == "yes",
    )
    try:
        with parts.database.write() as session:
            version = form.get("version", type=int, default=0)
            service.answer(session, parts.clock, principal, feedback_id, version, said, request_id=request_id())
    except InvalidInput:
        return make_response(_inbox(principal, i18n.gettext("feedback.no_answer", most=MAX_TEXT)), 422)
    except Conflict:
        return make_response(_inbox(principal, i18n.gettext("feedback.answered_meanwhile")), 409)
    return redirect(url_for("feedback.inbox", _anchor=f"feedback-{feedback_id}"), 303)


@blueprint.post("/incidents/<uuid:incident_id>/hide-picture")
def hide_picture(incident_id: UUID) -> BaseResponse:
    """Take an incident's picture from the residents' log."""
    principal, parts = require(Permission.HANDLE_INCIDENTS), services()
    with parts.database.write() as session:
        service.hide_picture(session, parts.clock, principal, incident_id, request_id=request_id())
    return redirect(url_for("police.incident", incident_id=incident_id), 303)


def _page(principal: Principal, *, problem: str = "", words: Words | None = None) -> str:
    parts = services()
    wanted = words.incident_id if words is not None else _uuid(request.args.get("incident", ""))
    with parts.database.read() as session:
        entry = _entry(session, principal, wanted)
        may_write = access.may(principal, Permission.WRITE_FEEDBACK)
        mine = _items(session, service.written_by(session, principal)) if may_write else []
        shown = _items(session, service.shown_to_all(session, principal))
        villages = village_choices(session, principal)
    return render_template(
        "residents/feedback.html",
        subjects=[(about.value, i18n.gettext(f"feedback.about.{about}")) for about in About],
        entry=entry,
        about=words.about if words is not None else ("picture" if entry is not None else ""),
        text=words.text if words is not None else "",
        village=words.village_id if words is not None else (entry.place.village_id if entry is not None else ""),
        villages=villages,
        mine=mine,
        shown=shown,
        may_write=may_write,
        longest=MAX_TEXT,
        problem=problem,
        was_sent="sent" in request.args,
    )


def _inbox(principal: Principal, problem: str = "") -> str:
    parts = services()
    with parts.database.read() as session:
        waiting = _items(session, service.inbox(session, principal, is_open=True))
        answered = _items(session, service.inbox(session, principal, is_open=False))
    return render_template(
        "police/feedback.html",
        waiting=waiting,
        answered=answered,
        problem=problem,
        longest=MAX_TEXT,
    )


def _items(session: Session, rows: Sequence[Feedback]) -> list[FeedbackItem]:
    tree = PlaceTree.read(session)
    return [FeedbackItem(row, tree.names(row.village_id).village) for row in rows]


def _entry(session: Session, principal: Principal, incident_id: UUID | None) -> PublicIncident | None:
    """The entry of the log that is written about, if the reader sees it."""
    if incident_id is None:
        return None
    parts = services()
    try:
        return public_incident(session, principal, parts.clock, parts.public_policy, incident_id)
    except NotFound:
        return None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
