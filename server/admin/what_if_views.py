"""The page of "what would have changed": asked with a text that nobody has saved, answered by the camera's box."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as BaseResponse

from contract.device_api import WhatIfEvent, WhatIfReport
from contract.rules import RULES
from server import i18n
from server.admin import compare, views
from server.auth.web import request_id, require
from server.cameras import service as cameras_service
from server.cameras import what_if
from server.domain.access import Permission
from server.errors import InvalidInput, TooLarge
from server.services import services

blueprint = Blueprint("what_if", __name__, url_prefix="/admin/cameras")


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event in the page's words."""

    kind: str
    zone: str
    started_at: datetime
    ended_at: datetime | None
    words: str


@blueprint.post("/<camera_id>/what-if")
def ask(camera_id: str) -> BaseResponse:
    """Ask the camera's box what the text would have told; nothing is saved."""
    principal, parts = require(Permission.MANAGE_CAMERAS), services()
    text = views.posted_yaml()
    try:
        with parts.database.write() as session:
            row = what_if.ask(
                session,
                parts.clock,
                principal,
                camera_id,
                text,
                based_on=request.form.get("based_on", type=int, default=0),
                request_id=request_id(),
            )
            what_if_id = row.id
    except (InvalidInput, TooLarge) as error:
        return make_response(views.camera_page(principal, camera_id, text=text, error=error), error.status)
    return redirect(url_for("what_if.page", camera_id=camera_id, what_if_id=what_if_id), 303)


@blueprint.get("/<camera_id>/what-if/<what_if_id>")
def page(camera_id: str, what_if_id: str) -> str:
    """What the box has said so far."""
    principal, parts = require(Permission.MANAGE_CAMERAS), services()
    now = parts.clock.utc()
    with parts.database.read() as session:
        camera, row = what_if.find(session, principal, camera_id, what_if_id)
        in_force = cameras_service.version_in_force(session, camera)
        runs = what_if.running(session, [camera.id])
        report = WhatIfReport.model_validate(row.report) if row.report is not None else None
        old_text = in_force.yaml if in_force is not None else ""
        return render_template(
            "admin/what_if.html",
            camera=camera,
            asked=row,
            state="over" if what_if.is_over(row, now) else row.state,
            is_known_to_box=camera.id in runs,
            report=report,
            appear=[_row(event) for event in report.appear] if report is not None else [],
            vanish=[_row(event) for event in report.vanish] if report is not None else [],
            words=compare.in_words(old_text, row.yaml),
        )


@blueprint.get("/<camera_id>/what-if/<what_if_id>/camera.yaml")
def text_of(camera_id: str, what_if_id: str) -> Response:
    """The text that is tried, to try it on a box by hand."""
    principal = require(Permission.MANAGE_CAMERAS)
    with services().database.read() as session:
        _, row = what_if.find(session, principal, camera_id, what_if_id)
        response = Response(row.yaml, mimetype="application/yaml")
    response.headers["Content-Disposition"] = f'attachment; filename="{camera_id}.yaml"'
    return response


def _row(event: WhatIfEvent) -> EventRow:
    kind = event.kind if event.kind in RULES else ""
    return EventRow(
        i18n.gettext(f"kind.{kind}") if kind else event.kind,
        event.zone or "",
        event.started_at,
        event.ended_at,
        _described(kind, event.facts) if kind else "",
    )


def _described(kind: str, facts: dict[str, Any]) -> str:
    """An event's facts in words; empty where a newer box tells others than we know."""
    contract = RULES[kind]
    try:
        return contract.describe(contract.facts.model_validate(facts), i18n.current_locale())
    except ValidationError:
        return ""
