"""The police's pages: the wall, its cards, the incident page, and what officers do there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC
from typing import Any
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from contract.rules import RULES
from server import i18n
from server.alerts import service as alerts
from server.auth.web import request_id, require
from server.domain.access import Permission, Principal
from server.domain.incident import OFFICER_ACTIONS, IncidentAction, IncidentState
from server.domain.shifts import next_ends
from server.domain.views import TimelineItem
from server.errors import Conflict, InvalidInput
from server.incidents import detail, queries, service
from server.pages import STREAM_STRINGS, page_strings, village_choices
from server.police import presence, reasons
from server.police.incident_page import incident_page
from server.police.scene import scene_of
from server.police.wall import WallFilter, WallRow, wall_cards, wall_page, wall_rows
from server.services import services
from server.storage import copies

blueprint = Blueprint("police", __name__)

MAX_CARDS_AT_ONCE = 100
ALARM_STRINGS = (
    "live.sound.on",
    "live.sound.off",
    "live.sound.asleep",
    "live.sound.turn_on",
    "live.sound.turn_off",
    "mute.until",
)
_WALL_STRINGS = (
    *STREAM_STRINGS,
    *ALARM_STRINGS,
    "live.announce",
    "live.failed",
    "presence.others",
    "keys.nothing",
    "keys.no_card",
)
_SHIFTS_AHEAD = 9
"""A page may stay open for days: "until the shift ends" goes on being right."""


@blueprint.get("/live")
def live() -> str:
    """The wall: newest incidents first; the browser keeps it up to date."""
    principal = require(Permission.WATCH_INCIDENTS)
    wanted = WallFilter.read(request.args)
    with services().database.read() as session:
        position = alerts.latest_sequence(session)  # before the cards: what happens in between is sent again, not lost
        rows, next_cursor = wall_page(session, principal, wanted, request.args.get("before"))
        rows = _with_viewers(session, principal, rows)
        villages = village_choices(session, principal)
    return render_template(
        "police/live.html",
        cards=rows,
        villages=villages,
        **filter_choices(wanted),
        older_url=url_for("police.live", **wanted.query, before=next_cursor) if next_cursor else None,
        stream_url=stream_url(position),
        strings=page_strings(_WALL_STRINGS),
    )


def filter_choices(wanted: WallFilter) -> dict[str, Any]:
    """What the bar on top of the wall and of the map shows."""
    parts = services()
    ends = next_ends(parts.clock.utc(), parts.settings.shifts, parts.settings.zone, _SHIFTS_AHEAD)
    return {
        "filters": wanted,
        "kinds": [(kind, i18n.gettext(f"kind.{kind}")) for kind in RULES],
        "states": [(state.value, i18n.gettext(f"state.{state}")) for state in IncidentState],
        "shift_ends": [end.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for end in ends],
    }


@blueprint.get("/live/cards")
def cards() -> str:
    """Cards as HTML: those named by `id`, as far as they belong on the wall, or the whole first page."""
    principal = require(Permission.WATCH_INCIDENTS)
    wanted, ids = WallFilter.read(request.args), request.args.getlist("id")
    with services().database.read() as session:
        if ids:
            rows = wall_cards(session, principal, wanted, _uuids(ids[:MAX_CARDS_AT_ONCE]))
        else:
            rows, _ = wall_page(session, principal, wanted, None)
        rows = _with_viewers(session, principal, rows)
    return render_template("police/cards.html", cards=rows)


@blueprint.get("/live/viewers")
def viewers() -> dict[str, dict[str, list[str]]]:
    """Who else has incidents of the scope open now: names by incident. The wall asks every few seconds."""
    principal, parts = require(Permission.WATCH_INCIDENTS), services()
    with parts.database.read() as session:
        found = presence.open_elsewhere(session, parts.clock, principal)
    return {"viewers": {str(incident_id): names for incident_id, names in found.items()}}


@blueprint.get("/incidents/<uuid:incident_id>")
def incident(incident_id: UUID) -> str:
    """Everything about one incident."""
    return show_incident(require(Permission.WATCH_INCIDENTS), incident_id)


@blueprint.post("/incidents/<uuid:incident_id>/act")
def act(incident_id: UUID) -> BaseResponse:
    """Take a step of the life cycle, or add a note."""
    principal = require(Permission.HANDLE_INCIDENTS)
    action, note = request.form.get("action", ""), request.form.get("note", "").strip()
    as_card = request.headers.get("X-Fragment") == "card"
    if action == IncidentAction.FALSE_ALARM and not note:
        return make_response(show_incident(principal, incident_id, i18n.gettext("action.reason.missing")), 422)
    try:
        _act(principal, incident_id, action, note)
    except Conflict:
        # Told on the newest state, so that the officer can decide again at once.
        if as_card:
            return make_response(_card(principal, incident_id, conflict_words(principal, incident_id)), 409)
        return conflicted(principal, incident_id)
    if as_card:
        return make_response(_card(principal, incident_id))
    from_wall = request.form.get("from") == "live"
    return redirect(url_for("police.live") if from_wall else url_for("police.incident", incident_id=incident_id), 303)


@blueprint.post("/incidents/<uuid:incident_id>/seen")
def seen(incident_id: UUID) -> dict[str, list[str]]:
    """The viewer has the incident open (or has just closed it); answers who else has."""
    principal, parts = require(Permission.WATCH_INCIDENTS), services()
    if request.form.get("leaving"):
        presence.leave(parts.database, principal, incident_id)
        return {"others": []}
    return {"others": presence.look(parts.database, parts.clock, principal, incident_id)}


@blueprint.post("/incidents/<uuid:incident_id>/copies")
def ask_copy(incident_id: UUID) -> BaseResponse:
    """Ask the box that took a clip for a copy that every browser plays."""
    principal, parts = require(Permission.HANDLE_INCIDENTS), services()
    sha256 = request.form.get("clip", "")[:64]
    with parts.database.write() as session:
        copies.ask(session, parts.clock, principal, incident_id, sha256, request_id=request_id())
    return redirect(url_for("police.incident", incident_id=incident_id, _anchor=f"copy-{sha256}"), 303)


def _act(principal: Principal, incident_id: UUID, action: str, note: str) -> None:
    parts = services()
    with parts.database.write() as session:
        if action == IncidentAction.NOTE:
            service.add_note(session, parts.clock, principal, incident_id, note, request_id=request_id())
            return
        if action not in set(OFFICER_ACTIONS):
            raise InvalidInput(f"unknown action {action[:40]!r}", "Use the buttons of the page.")
        version = request.form.get("version", type=int, default=0)
        service.act(
            session,
            parts.clock,
            principal,
            incident_id,
            IncidentAction(action),
            version=version,
            note=note,
            request_id=request_id(),
        )


def conflicted(principal: Principal, incident_id: UUID) -> BaseResponse:
    """The incident as it is now, with what others did while the viewer decided on an older state."""
    version = request.form.get("version", type=int, default=0)
    with services().database.read() as session:
        missed = detail.steps_since(session, incident_id, version) if version else ()
    words = conflict_words(principal, incident_id)
    return make_response(show_incident(principal, incident_id, words, missed), 409)


def conflict_words(principal: Principal, incident_id: UUID) -> str:
    """Who was faster, and how things stand now."""
    with services().database.read() as session:
        card = queries.incident_card(session, principal, incident_id)
    state = i18n.gettext(f"state.{card.state}")
    if card.handled_by is None:
        return i18n.gettext("incident.conflict.system", state=state)
    return i18n.gettext("incident.conflict", name=card.handled_by, state=state)


def _card(principal: Principal, incident_id: UUID, conflict: str = "") -> str:
    with services().database.read() as session:
        card = queries.incident_card(session, principal, incident_id)
        [row] = _with_viewers(session, principal, wall_rows(session, principal, [card]))
    return render_template("police/cards.html", cards=[replace(row, conflict=conflict)])


def _with_viewers(session: Session, principal: Principal, rows: Sequence[WallRow]) -> list[WallRow]:
    found = presence.open_elsewhere(session, services().clock, principal, [row.card.id for row in rows])
    return [replace(row, viewers=tuple(found.get(row.card.id, ()))) for row in rows]


def show_incident(
    principal: Principal, incident_id: UUID, conflict: str = "", missed: Sequence[TimelineItem] = ()
) -> str:
    """The page of an incident.

    Raises:
        NotFound: There is none in the scope.
    """
    with services().database.read() as session:
        position = alerts.latest_sequence(session)
        found = detail.incident_detail(session, principal, incident_id)
        page = incident_page(
            session,
            principal,
            found,
            conflict,
            missed,
            scene=scene_of(session, services().store, found),
            viewers=presence.others_at(session, services().clock, principal, incident_id),
        )
    return render_template(
        "police/incident.html",
        page=page,
        stream_url=stream_url(position),
        strings=page_strings((*STREAM_STRINGS, "incident.updated", "presence.others")),
        false_alarm_reasons=[(reason, reasons.words(reason)) for reason in reasons.FALSE_ALARM],
        printed_at=services().clock.utc(),
    )


def stream_url(position: int) -> str:
    """The live feed from a position; when the browser resumes, its Last-Event-ID goes before this."""
    return f"/api/v1/live?last_event_id={position}"


def _uuids(texts: Iterable[str]) -> list[UUID]:
    found = []
    for text in texts:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found
