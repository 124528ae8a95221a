"""The residents' page: a redacted log that works without JavaScript."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for

from server import i18n
from server.auth.web import require
from server.domain.access import PUBLIC_KINDS, Permission
from server.incidents import queries
from server.pages import village_choices
from server.residents.log import LogFilter, watching_cameras
from server.services import services

blueprint = Blueprint("residents", __name__)


@blueprint.get("/log")
def log() -> str:
    """What happened in the reader's area and what was done about it; which cameras watch and why."""
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
        cameras = watching_cameras(session, principal)
        villages = village_choices(session, principal)
    return render_template(
        "residents/log.html",
        entries=page.items,
        filters=chosen,
        date_problem=i18n.gettext("filter.date.wrong") if chosen.day_text and chosen.day is None else "",
        delay_s=parts.settings.public_delay_s,
        cameras=cameras,
        villages=villages,
        kinds=[(kind, i18n.gettext(f"kind.{kind}")) for kind in PUBLIC_KINDS],
        older_url=url_for("residents.log", **chosen.query, before=page.next_cursor) if page.next_cursor else None,
        newer_url=url_for("residents.log", **chosen.query) if cursor else None,
    )
