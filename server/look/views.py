"""Pages: the cameras of a place with their newest stills, and the live look through one of them."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from contract.device_api import LOOK_LEFT
from contract.event import CameraHealth
from server import i18n
from server.auth.web import request_id, require
from server.db.models import Camera
from server.domain.access import Permission, Principal
from server.errors import Conflict, Forbidden, TooManyRequests
from server.look import service, stills
from server.look.service import Looker
from server.look.stills import StillView
from server.pages import local_path, page_strings
from server.places.service import PlaceTree
from server.services import services

blueprint = Blueprint("look", __name__)

_STRINGS: Final = ("look.waiting", "look.slow", "look.lost", "look.over.announce", "look.left")
AT: Final = "Langan-Look-At"
"""Header of a picture: its number, with which the next one is asked for."""


@dataclass(frozen=True, slots=True)
class CameraCard:
    """A camera of the list."""

    id: str
    name: str
    place: str
    still: StillView | None
    lookers: list[Looker]
    is_well: bool


@blueprint.get("/cameras")
def cameras() -> str:
    """The cameras of somebody's scope: the newest still of each, and who looks through it now."""
    principal, parts = require(Permission.LOOK_LIVE), services()
    with parts.database.read() as session:
        shown = _cards(session, principal)
    villages = sorted({card.place for card in shown})
    wanted = request.args.get("village", "")
    return render_template(
        "look/cameras.html",
        cards=[card for card in shown if wanted in {"", card.place}],
        villages=villages,
        wanted=wanted,
    )


@blueprint.get("/cameras/<camera_id>/look")
def look(camera_id: str) -> str:
    """One camera: its newest still, or the live look of who has begun one."""
    return _page(require(Permission.LOOK_LIVE), camera_id)


@blueprint.post("/cameras/<camera_id>/look")
def begin(camera_id: str) -> BaseResponse:
    """Begin to look for a minute."""
    principal, parts = require(Permission.LOOK_LIVE), services()
    try:
        with parts.database.write() as session:
            service.begin(
                session, parts.clock, principal, camera_id, request.form.get("why", ""), request_id=request_id()
            )
    except TooManyRequests as error:
        response = make_response(_page(principal, camera_id, problem=i18n.gettext("look.too_many")), error.status)
        response.headers["Retry-After"] = str(error.retry_after_s)
        return response
    return redirect(_own_page(camera_id), 303)


@blueprint.post("/cameras/<camera_id>/look/extend")
def extend(camera_id: str) -> BaseResponse:
    """Look for another minute, once."""
    principal, parts = require(Permission.LOOK_LIVE), services()
    try:
        with parts.database.write() as session:
            service.extend(session, parts.clock, principal, camera_id, request_id=request_id())
    except Conflict:
        return make_response(_page(principal, camera_id, problem=i18n.gettext("look.extended")), HTTPStatus.CONFLICT)
    return redirect(_own_page(camera_id), 303)


@blueprint.post("/cameras/<camera_id>/look/stop")
def stop(camera_id: str) -> BaseResponse:
    """Stop looking."""
    principal, parts = require(Permission.LOOK_LIVE), services()
    with parts.database.write() as session:
        service.stop(session, parts.clock, principal, camera_id, request_id=request_id())
    return redirect(_own_page(camera_id), 303)


@blueprint.get("/cameras/<camera_id>/look/frame.jpg")
def frame(camera_id: str) -> BaseResponse:
    """The newest picture for who looks now: 204 while there is none newer than `?after=`.

    Without `after`, as a page without scripts asks, the newest still stands in until the first picture has come.
    """
    principal, parts = require(Permission.LOOK_LIVE), services()
    now = parts.clock.utc()
    with parts.database.read() as session:
        stills.visible_camera(session, principal, camera_id)
        own = service.own_look(session, principal, camera_id, now)
        if own is None:
            raise Forbidden("you do not look through this camera, or not any more", "Begin a live look.")
    picture, after = parts.frames.get(camera_id), request.args.get("after", "", str)
    response: BaseResponse
    if picture is not None and str(picture.at_ms) != after:
        response = Response(picture.jpeg, mimetype="image/jpeg")
        response.headers[AT] = str(picture.at_ms)
    elif after or picture is not None:
        response = Response(status=HTTPStatus.NO_CONTENT)
    else:
        response = redirect(url_for("look.still", camera_id=camera_id))
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Disposition"] = "inline"
    response.headers[LOOK_LEFT] = f"{(own.until - now).total_seconds():.1f}"
    return response


@blueprint.get("/cameras/<camera_id>/still.jpg")
def still(camera_id: str) -> Response:
    """The newest still of a camera."""
    principal = require(Permission.LOOK_LIVE)
    with services().database.read() as session:
        row = stills.open_still(session, principal, camera_id)
        response = Response(row.jpeg, mimetype="image/jpeg")
    response.set_etag(row.sha256)
    # A browser may keep a still, but asks each time whether it still may show it.
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Content-Disposition"] = "inline"
    response.headers["Vary"] = "Cookie"
    return response.make_conditional(request)  # type: ignore[return-value]  # werkzeug names its base class


@blueprint.post("/cameras/<camera_id>/still")
def ask_still(camera_id: str) -> BaseResponse:
    """Ask the box for a fresh still."""
    principal, parts = require(Permission.LOOK_LIVE), services()
    with parts.database.write() as session:
        stills.ask(session, parts.clock, principal, camera_id)
        session.info[service.CHANGED] = True
    return redirect(local_path(request.form.get("next")), 303)


def _page(principal: Principal, camera_id: str, *, problem: str = "") -> str:
    parts = services()
    now = parts.clock.utc()
    with parts.database.read() as session:
        camera = stills.visible_camera(session, principal, camera_id)
        own = service.own_look(session, principal, camera_id, now)
        all_lookers = service.lookers(session, [camera_id], now).get(camera_id, [])
        names = PlaceTree.read(session).names(camera.village_id)
        return render_template(
            "look/look.html",
            camera=camera,
            is_well=camera.health is CameraHealth.OK,
            place=", ".join(name for name in (names.village, names.commune) if name),
            own=own,
            left_s=0 if own is None else max(0, round((own.until - now).total_seconds())),
            others=[item for item in all_lookers if item.user_id != int(principal.id)],
            still=stills.still_of(session, camera_id),
            problem=problem,
            incident_id=_incident(),
            strings=page_strings(_STRINGS),
        )


def _incident() -> UUID | None:
    """The incident from whose page somebody came."""
    try:
        return UUID(request.values.get("incident", ""))
    except ValueError:
        return None


def _own_page(camera_id: str) -> str:
    return url_for("look.look", camera_id=camera_id, incident=_incident())


def _cards(session: Session, principal: Principal) -> list[CameraCard]:
    tree, now = PlaceTree.read(session), services().clock.utc()
    villages = tree.villages_of(principal)
    rows = session.scalars(
        select(Camera)
        .where(Camera.village_id.in_(villages), Camera.enabled)
        .order_by(Camera.village_id, Camera.name, Camera.id)
    ).all()
    ids = [row.id for row in rows]
    pictures, looking = stills.stills_of(session, ids), service.lookers(session, ids, now)
    return [
        CameraCard(
            row.id,
            row.name,
            tree.names(row.village_id).village,
            pictures.get(row.id),
            looking.get(row.id, []),
            row.health is CameraHealth.OK,
        )
        for row in rows
    ]
