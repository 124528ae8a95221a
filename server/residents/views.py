"""The residents' pages: the log, its numbers, which cameras watch. All work without JavaScript."""

from __future__ import annotations

from datetime import date

from babel import dates
from flask import Blueprint, make_response, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from server import i18n
from server.auth.qr import qr_code
from server.auth.web import own_address, require
from server.domain import access
from server.domain.access import PUBLIC_KINDS, Permission
from server.errors import NotFound
from server.incidents import queries
from server.pages import village_choices
from server.places.service import PlaceTree
from server.residents import transparency
from server.residents.log import LogFilter
from server.residents.numbers import monthly_numbers
from server.retention.views import periods
from server.services import services

blueprint = Blueprint("residents", __name__)
KEPT = ("false_alarm", "evidence", "resolved", "incident")
"""Periods of retention that residents are told of."""


@blueprint.get("/log")
def log() -> str:
    """What happened in the reader's area and what was done about it."""
    principal = require(Permission.READ_PUBLIC_LOG)
    parts = services()
    chosen, cursor = LogFilter.read(request.args), request.args.get("before")
    wanted = chosen.to_incident_filter(parts.settings.zone)
    with parts.database.read() as session:
        page = queries.public_log(
            session,
            principal,
            parts.clock,
            parts.public_policy,
            wanted,
            cursor=cursor,
        )
        villages = village_choices(session, principal)
    return render_template(
        "residents/log.html",
        entries=page.items,
        filters=chosen,
        date_problem=i18n.gettext("filter.date.wrong") if chosen.day_text and chosen.day is None else "",
        delay_s=parts.settings.public_delay_s,
        villages=villages,
        may_write=access.may(principal, Permission.WRITE_FEEDBACK),
        kinds=[(kind, i18n.gettext(f"kind.{kind}")) for kind in PUBLIC_KINDS],
        older_url=url_for("residents.log", **chosen.query, before=page.next_cursor) if page.next_cursor else None,
        newer_url=url_for("residents.log", **chosen.query) if cursor else None,
    )


@blueprint.get("/log/numbers")
def numbers() -> str:
    """The log of a year in numbers."""
    principal, parts = require(Permission.READ_PUBLIC_LOG), services()
    village = request.args.get("village", "")[:63]
    with parts.database.read() as session:
        villages = village_choices(session, principal)
        found = monthly_numbers(
            session, principal, parts.clock, parts.settings.zone, parts.public_policy, village_id=village or None
        )
    return render_template(
        "residents/numbers.html", numbers=found, villages=villages, village=village, month_name=_month_name
    )


@blueprint.get("/transparency")
def cameras() -> str:
    """Which cameras watch the reader's area, why, what they decide, and how often that is right."""
    principal, parts = require(Permission.READ_PUBLIC_LOG), services()
    with parts.database.read() as session:
        found = transparency.watching_cameras(session, principal)
        decided = transparency.decided_here(session, principal, parts.clock)
    kinds = [kind for kind in PUBLIC_KINDS if any(kind in camera.kinds for camera in found)]
    return render_template(
        "residents/transparency.html",
        cameras=found,
        kinds=kinds,
        measured=transparency.measured(),
        decided=decided,
        kept=[period for period in periods(parts.settings) if period.name in KEPT],
    )


@blueprint.get("/cameras/<camera_id>/sign")
def sign(camera_id: str) -> str:
    """A notice sign to print and to hang up beside the camera: the law asks for notice (Law 91/2025, Art. 32)."""
    principal, parts = require(Permission.WATCH_INCIDENTS), services()
    secret = parts.settings.secret_key.get_secret_value()
    with parts.database.read() as session:
        # Its own check opens it: who may print it is asked below, of the village.
        camera = transparency.camera_of_sign(session, secret, camera_id, transparency.sign_check(secret, camera_id))
        if not access.may_here(principal, Permission.WATCH_INCIDENTS, PlaceTree.read(session).path(camera.village_id)):
            raise NotFound("no such camera")
    address = own_address() + url_for(
        "residents.read_sign", camera_id=camera_id, check=transparency.sign_check(secret, camera_id)
    )
    return render_template("residents/sign.html", camera=camera, address=address, code=qr_code(address))


@blueprint.get("/sign/<camera_id>/<check>")
def read_sign(camera_id: str, check: str) -> BaseResponse:
    """What a sign's code leads to, for whoever stands before it; nobody signs in for that."""
    parts = services()
    with parts.database.read() as session:
        camera = transparency.camera_of_sign(session, parts.settings.secret_key.get_secret_value(), camera_id, check)
    response = make_response(
        render_template(
            "residents/read_sign.html",
            camera=camera,
            measured=transparency.measured(),
            kept=[period for period in periods(parts.settings) if period.name in KEPT],
        )
    )
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _month_name(month: date) -> str:
    """A month as the language writes it: `Tháng 11/2026`, `November 2026`."""
    locale = i18n.current_locale()
    return dates.format_date(month, {"vi": "'Tháng' M/y", "en": "MMMM y"}[locale], locale=locale)
