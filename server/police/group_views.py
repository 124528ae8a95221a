"""What officers do beyond the life cycle: give an incident to somebody, merge, split, silence.

Each is a plain form that works without scripts; who was too slow sees the incident as it is now, and what others did.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from flask import Blueprint, make_response, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from server import i18n
from server.auth.web import request_id, require
from server.db.incident_models import Incident, Silence
from server.domain.access import Permission, Principal
from server.errors import Conflict, InvalidInput, StaleVersion
from server.incidents import by_hand, service
from server.incidents.queries import find_incident
from server.police.views import conflicted, show_incident
from server.services import services
from server.silences import service as silences

blueprint = Blueprint("grouping", __name__)

SILENCE_HOURS: Final = (1, 4, 24)
"""What one tap offers."""


@blueprint.post("/incidents/<uuid:incident_id>/assign")
def assign(incident_id: UUID) -> BaseResponse:
    """Give the incident to an officer; `me` is who asks, empty is nobody."""
    principal, who = _asker(incident_id), request.form.get("who", "")
    user_id = int(principal.id) if who == "me" else request.form.get("who", type=int)

    def change(session: Session) -> Incident:
        return service.assign(
            session, services().clock, principal, incident_id, user_id, version=_version(), request_id=request_id()
        )

    return _done(principal, incident_id, change)


@blueprint.post("/incidents/<uuid:incident_id>/merge")
def merge(incident_id: UUID) -> BaseResponse:
    """Make this and another incident one."""
    principal = _asker(incident_id)
    other, _, other_version = request.form.get("other", "").partition(":")
    other_id = _uuid(other)

    def change(session: Session) -> Incident:
        return by_hand.merge(
            session,
            services().clock,
            services().settings.zone,
            principal,
            incident_id,
            other_id,
            version=_version(),
            other_version=int(other_version) if other_version.isascii() and other_version.isdigit() else 0,
            reason=_reason(),
            request_id=request_id(),
        )

    return _done(principal, incident_id, change)


@blueprint.post("/incidents/<uuid:incident_id>/unmerge")
def unmerge(incident_id: UUID) -> BaseResponse:
    """Take an incident that was merged into this one out again."""
    principal, taken_id = _asker(incident_id), _uuid(request.form.get("other", ""))

    def change(session: Session) -> Incident:
        return by_hand.unmerge(
            session,
            services().clock,
            services().settings.zone,
            principal,
            incident_id,
            taken_id,
            version=_version(),
            reason=_reason(),
            request_id=request_id(),
        )

    return _done(principal, incident_id, change)


@blueprint.post("/incidents/<uuid:incident_id>/split")
def split(incident_id: UUID) -> BaseResponse:
    """Take events out into an incident of their own: those that were ticked, or all from a time on."""
    principal = _asker(incident_id)
    event_ids = [_uuid(text) for text in request.form.getlist("event")]
    since = _time(request.form.get("since", ""))

    def change(session: Session) -> Incident:
        return by_hand.split(
            session,
            services().clock,
            services().settings.zone,
            principal,
            incident_id,
            version=_version(),
            reason=_reason(),
            event_ids=event_ids,
            since=since,
            request_id=request_id(),
        )

    return _done(principal, incident_id, change)


@blueprint.post("/incidents/<uuid:incident_id>/silence")
def silence(incident_id: UUID) -> BaseResponse:
    """Keep the alerts of this kind at this spot back for some hours."""
    principal, hours = _asker(incident_id), request.form.get("hours", type=int, default=0)
    if hours not in SILENCE_HOURS:
        raise InvalidInput("unknown length of a silence", "Use the buttons of the page.")

    def change(session: Session) -> Silence:
        return silences.silence_incident(
            session,
            services().clock,
            services().settings.zone,
            principal,
            incident_id,
            timedelta(hours=hours),
            _reason(),
            request_id=request_id(),
        )

    return _done(principal, incident_id, change)


def _asker(incident_id: UUID) -> Principal:
    """Who asks, once it is certain that the incident is theirs to see: only then is the form looked at.

    Raises:
        NotFound: There is no such incident in the scope.
    """
    principal = require(Permission.HANDLE_INCIDENTS)
    with services().database.read() as session:
        find_incident(session, principal, incident_id)
    return principal


def _done(principal: Principal, incident_id: UUID, change: Callable[[Session], Incident | Silence]) -> BaseResponse:
    """Make a change and show the incident that came of it, or why nothing did."""
    try:
        with services().database.write() as session:
            made = change(session)
            shown = made.id if isinstance(made, Incident) else incident_id
    except StaleVersion:
        return conflicted(principal, incident_id)
    except Conflict:
        return make_response(show_incident(principal, incident_id, i18n.gettext("group.impossible")), 409)
    except InvalidInput:
        return make_response(show_incident(principal, incident_id, i18n.gettext("group.incomplete")), 422)
    return redirect(url_for("police.incident", incident_id=shown), 303)


def _version() -> int:
    return request.form.get("version", type=int, default=0)


def _reason() -> str:
    return request.form.get("reason", "").strip()


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput("not the number of an incident or event", "Use the form of the page.") from None


def _time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("not a time", "Use the form of the page.") from None
    if at.tzinfo is None:
        raise InvalidInput("a time without its zone", "Use the form of the page.")
    return at
