"""The residents' page: a redacted log that works without JavaScript."""

from __future__ import annotations

from flask import Blueprint, request, url_for

from contract.rules import RULES
from server import i18n
from server.domain.access import Permission, PublicLogPolicy
from server.incidents import queries
from server.pages import render_page, services, viewer_with, village_choices
from server.residents.log import LogFilter, watching_cameras

blueprint = Blueprint("residents", __name__)


@blueprint.get("/log")
def log() -> str:
    """What happened in the reader's area and what was done about it; which cameras watch and why."""
    principal = viewer_with(Permission.READ_PUBLIC_LOG)
    parts = services()
    wanted, cursor = LogFilter.read(request.args), request.args.get("before")
    policy = PublicLogPolicy(parts.settings.public_delay)
    with parts.database.read() as session:
        page = queries.public_log(
            session, principal, parts.clock, policy, wanted.to_incident_filter(parts.settings.zone), cursor=cursor
        )
        cameras = watching_cameras(session, principal)
        villages = village_choices(session, principal)
    return render_page(
        "residents/log.html",
        entries=page.items,
        filters=wanted,
        date_problem=i18n.gettext("filter.date.wrong") if wanted.day_text and wanted.day is None else "",
        delay_s=parts.settings.public_delay_s,
        cameras=cameras,
        villages=villages,
        kinds=[(kind, i18n.gettext(f"kind.{kind}")) for kind in RULES],
        older_url=url_for("residents.log", **wanted.query, before=page.next_cursor) if page.next_cursor else None,
        newer_url=url_for("residents.log", **wanted.query) if cursor else None,
    )
