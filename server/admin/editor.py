"""What the camera editor's script asks while somebody writes: is it right, what does it draw, make this change."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from flask import Blueprint, Response, jsonify, request
from sqlalchemy.orm import Session

from server import i18n
from server.admin import drafts
from server.admin.drafts import Draft, DraftRefused
from server.admin.schema import editor_schema
from server.auth.web import require
from server.cameras import service as cameras_service
from server.cameras.service import MAX_YAML_BYTES
from server.domain.access import Permission, Principal
from server.errors import InvalidInput, TooLarge
from server.places.service import site_config
from server.services import services

blueprint = Blueprint("editor", __name__, url_prefix="/admin/editor")


@blueprint.get("/schema.json")
def schema() -> Response:
    """The schema with descriptions in the reader's language, for completion and hover."""
    require(Permission.MANAGE_CAMERAS)
    text = json.dumps(editor_schema(i18n.current_locale()), ensure_ascii=False, separators=(",", ":"))
    response = Response(text, mimetype="application/json")
    response.set_etag(hashlib.sha256(text.encode()).hexdigest()[:16])
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Cookie"
    return response.make_conditional(request)  # type: ignore[return-value]  # werkzeug names its base class


@blueprint.post("/check")
def check() -> Response:
    """Say what is wrong with a text, and what it draws; nothing is saved."""
    principal = require(Permission.MANAGE_CAMERAS)
    body = _body()
    with services().database.read() as session:
        camera_id = _camera(session, principal, body)
        draft = drafts.look_at(session, camera_id, _text(body), i18n.current_locale())
        schedules = _schedules(session)
    return jsonify(**_told(draft), schedules=schedules)


@blueprint.post("/change")
def change() -> tuple[Response, int]:
    """Give the text back with a change made in it; nothing is saved."""
    principal = require(Permission.MANAGE_CAMERAS)
    body = _body()
    changes = drafts.changes_from(body.get("changes"))
    with services().database.read() as session:
        camera_id = _camera(session, principal, body)
        try:
            draft = drafts.change(session, camera_id, _text(body), changes, i18n.current_locale())
        except DraftRefused as error:
            return jsonify(problems=error.problems), 422
    return jsonify(**_told(draft)), 200


def _told(draft: Draft) -> dict[str, Any]:
    return {
        "text": draft.text,
        "problems": draft.problems,
        "shapes": draft.shapes,
        "rules": draft.rules,
        "own_rules": draft.own_rules,
    }


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise InvalidInput("a JSON object is needed", "Send what the page's script sends.")
    return body


def _text(body: dict[str, Any]) -> str:
    text = body.get("text")
    if not isinstance(text, str):
        raise InvalidInput("text: the camera's YAML is needed", "Send what the page's script sends.")
    if len(text.encode("utf-8", "replace")) > MAX_YAML_BYTES:
        raise TooLarge(f"the file is over {MAX_YAML_BYTES} bytes", "A camera file has a few hundred lines at most.")
    return text.replace("\r\n", "\n")


def _camera(session: Session, principal: Principal, body: dict[str, Any]) -> str | None:
    """The camera that the text is of, in the admin's scope; None for a new one."""
    camera_id = body.get("camera")
    if camera_id is None:
        return None
    return cameras_service.find_camera(session, principal, str(camera_id)).id


def _schedules(session: Session) -> list[str]:
    site = site_config(session)
    return sorted(site.schedules) if site is not None else []
