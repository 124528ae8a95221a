"""The admin's pages: cameras with their YAML, and the audit log."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from contract.config_loader import load_camera
from contract.event import CameraHealth
from contract.messages import in_language
from server import i18n
from server.admin import compare, merging
from server.admin.camera_health import CameraRow, camera_row, camera_rows, device_rows
from server.admin.editor_words import STRINGS, presets, rule_names
from server.admin.starter import starter_text
from server.admin.versions import version_rows
from server.audit.queries import AuditFilter, known_actions, list_entries
from server.auth.web import request_id, require
from server.cameras import service as cameras_service
from server.cameras import what_if
from server.domain.access import Permission, Principal
from server.errors import Conflict, Forbidden, InvalidInput, NotFound, ServerError, TooLarge
from server.look import stills
from server.pages import page_strings, village_choices
from server.services import services

blueprint = Blueprint("admin", __name__, url_prefix="/admin")

AUDIT_ROWS = 50
_REFUSALS = {
    TooLarge.code: ("config.refused.too_large", "config.refused.too_large.remedy"),
    Forbidden.code: ("config.refused.outside", "config.refused.outside.remedy"),
    NotFound.code: ("config.refused.no_device", "config.refused.no_device.remedy"),
    InvalidInput.code: ("config.refused.invalid", "config.refused.invalid.remedy"),
}
"""Why a text was refused as a whole, by the error's code."""
_HEALTHS = frozenset({*CameraHealth, "silent", "unknown"})
_HASH = re.compile(r"[0-9a-f]{64}")


@blueprint.get("/cameras")
def cameras() -> str:
    """The cameras and how they do."""
    principal, parts = require(Permission.MANAGE_CAMERAS), services()
    words, health = request.args.get("q", "").strip()[:80], request.args.get("health", "")
    with parts.database.read() as session:
        rows = camera_rows(session, principal, parts.clock.utc())
        shown = [row for row in rows if _fits(row, words) and (not health or row.health == health)]
        pictures = stills.stills_of(session, [row.id for row in shown])
    return render_template(
        "admin/cameras.html",
        cameras=shown,
        total=len(rows),
        stills=pictures,
        words=words,
        health_chosen=health,
        healths=sorted({row.health for row in rows} | ({health} & _HEALTHS)),
    )


@blueprint.get("/cameras/<camera_id>")
def camera(camera_id: str) -> str:
    """One camera: its health, its YAML, its versions."""
    return camera_page(require(Permission.MANAGE_CAMERAS), camera_id)


@blueprint.post("/cameras/<camera_id>")
def save_camera(camera_id: str) -> BaseResponse:
    """Check the YAML and make it a version; when it is wrong, show where and keep the text in the box."""
    principal, parts = require(Permission.MANAGE_CAMERAS), services()
    text = posted_yaml()
    try:
        with parts.database.write() as session:
            version = cameras_service.save(
                session,
                parts.clock,
                principal,
                camera_id,
                text,
                based_on=_based_on(),
                note=_note(),
                request_id=request_id(),
            )
            number = version.number
    except Conflict as error:
        return make_response(_conflict_page(principal, camera_id, text), error.status)
    except (InvalidInput, TooLarge, Forbidden) as error:
        return make_response(camera_page(principal, camera_id, text=text, error=error), error.status)
    return redirect(url_for("admin.camera", camera_id=camera_id, saved=number), 303)


@blueprint.post("/cameras/<camera_id>/edit")
def edit_camera(camera_id: str) -> str:
    """The editor with a text that was tried and is not saved."""
    return camera_page(require(Permission.MANAGE_CAMERAS), camera_id, text=posted_yaml())


@blueprint.post("/cameras/<camera_id>/rollback")
def rollback_camera(camera_id: str) -> BaseResponse:
    """Put an old text back in force."""
    principal, parts = require(Permission.MANAGE_CAMERAS), services()
    number = request.form.get("number", type=int, default=0)
    try:
        with parts.database.write() as session:
            cameras_service.rollback(
                session, parts.clock, principal, camera_id, number, based_on=_based_on(), request_id=request_id()
            )
    except (InvalidInput, Forbidden, Conflict) as error:
        return make_response(camera_page(principal, camera_id, error=error), error.status)
    return redirect(url_for("admin.camera", camera_id=camera_id, restored=number), 303)


@blueprint.get("/new-camera")
def new_camera() -> str:
    """An editor with a whole file to change."""
    principal = require(Permission.MANAGE_CAMERAS)
    with services().database.read() as session:
        villages = village_choices(session, principal)
    return _newcamera_page(principal, text=starter_text(villages[0][0]) if villages else "")


@blueprint.post("/new-camera")
def create_camera() -> BaseResponse:
    """Add a camera by its YAML."""
    principal, parts = require(Permission.MANAGE_CAMERAS), services()
    text = posted_yaml()
    try:
        with parts.database.write() as session:
            row = cameras_service.create_camera(
                session, parts.clock, principal, request.form.get("device", ""), text, request_id=request_id()
            )
            camera_id = row.id
    except (InvalidInput, TooLarge, Forbidden, Conflict, NotFound) as error:
        return make_response(_newcamera_page(principal, text=text, error=error), error.status)
    return redirect(url_for("admin.camera", camera_id=camera_id, saved=1), 303)


@blueprint.get("/audit")
def audit_log() -> str:
    """Who did what, newest first."""
    require(Permission.READ_AUDIT)
    parts, wanted = services(), AuditFilter.read(request.args)
    before = request.args.get("before", type=int)
    with parts.database.read() as session:
        rows = list_entries(session, wanted, zone=parts.settings.zone, before=before, limit=AUDIT_ROWS)
        actions = known_actions(session)
    is_full = len(rows) == AUDIT_ROWS and rows[-1].sequence > 1
    return render_template(
        "admin/audit.html",
        rows=[(row, i18n.gettext(f"audit.{row.action}"), _words(row.detail)) for row in rows],
        filters=wanted,
        actions=sorted(((action, i18n.gettext(f"audit.{action}")) for action in actions), key=lambda item: item[1]),
        date_problem=i18n.gettext("filter.date.wrong") if wanted.has_wrong_day else "",
        older_url=url_for("admin.audit_log", **wanted.query, before=rows[-1].sequence) if is_full else None,
        newer_url=url_for("admin.audit_log", **wanted.query) if before is not None else None,
    )


def _fits(row: CameraRow, words: str) -> bool:
    """Whether name, id or village has every word, with accents or without."""
    text = _plain(f"{row.name} {row.id} {row.village_name}")
    return all(word in text for word in _plain(words).split())


def _plain(text: str) -> str:
    """Without accents and capitals: `Cổng chợ` is found by `cong cho`."""
    letters = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def camera_page(
    principal: Principal, camera_id: str, *, text: str | None = None, error: ServerError | None = None
) -> str:
    """The page of a camera; with a text that was refused, and why."""
    parts = services()
    with parts.database.read() as session:
        record = cameras_service.find_camera(session, principal, camera_id)
        row = camera_row(session, principal, camera_id, parts.clock.utc())
        in_force = cameras_service.version_in_force(session, record)
        versions = version_rows(cameras_service.versions(session, record))
        still = stills.still_of(session, camera_id)
        running = what_if.running(session, [camera_id]).get(camera_id)
    if text is None:
        text = in_force.yaml if in_force is not None else ""
        based_on = record.config_number
    else:
        based_on = _based_on()  # what was edited, even when somebody else has saved since
    return render_template(
        "admin/camera.html",
        camera=row,
        text=text,
        based_on=based_on,
        versions=versions,
        notice=_saved_notice(),
        conflict=i18n.gettext("config.conflict", number=record.config_number) if _is_conflict(error) else "",
        problems=_problems(error),
        devices=[],
        still=still,
        running=running,
        stores_observations=_stores_observations(in_force.yaml if in_force is not None else ""),
        note=_note(),
        **_editor(),
    )


def _conflict_page(principal: Principal, camera_id: str, text: str) -> str:
    """Somebody else saved meanwhile: both changes, and one text with both where they do not touch."""
    with services().database.read() as session:
        record = cameras_service.find_camera(session, principal, camera_id)
        found = {version.number: version for version in cameras_service.versions(session, record)}
        current, base = found[record.config_number], found.get(_based_on())
        merged = merging.merge(base.yaml, current.yaml, text) if base is not None else None
        return render_template(
            "admin/camera_conflict.html",
            camera=record,
            current=current,
            text=text,
            note=_note(),
            merged=merged,
            theirs=compare.in_words(base.yaml, current.yaml) if base is not None else None,
            mine=compare.in_words(base.yaml if base is not None else current.yaml, text),
            rows=compare.side_by_side(current.yaml, merged if merged is not None else text),
            strings=page_strings(STRINGS),
        )


def _editor() -> dict[str, Any]:
    """What the editor's script needs beside the text."""
    return {"strings": page_strings(STRINGS), "rule_kinds": rule_names(), "presets": presets()}


def _newcamera_page(principal: Principal, *, text: str = "", error: ServerError | None = None) -> str:
    with services().database.read() as session:
        boxes = [row for row in device_rows(session, principal) if not row.is_revoked]
    return render_template(
        "admin/camera.html",
        camera=None,
        text=text,
        based_on=0,
        versions=[],
        conflict=i18n.gettext("config.taken") if _is_conflict(error) else "",
        problems=_problems(error),
        devices=boxes,
        device=request.form.get("device", ""),
        still=None,
        running=None,
        stores_observations=False,
        note=_note(),
        **_editor(),
    )


def _stores_observations(text: str) -> bool:
    config = load_camera(text, "draft.yaml").config
    return config is not None and config.observations.store


def _problems(error: ServerError | None) -> list[dict[str, object]]:
    """The findings of a refused text; one without a line stands for the whole file."""
    if error is None or isinstance(error, Conflict):
        return []
    if isinstance(error, InvalidInput) and error.issues:
        language = i18n.current_locale()
        return [{name: in_language(value, language) for name, value in issue.items()} for issue in error.issues]
    what, remedy = _REFUSALS[error.code]
    return [{"line": 1, "path": "", "message": i18n.gettext(what), "remedy": i18n.gettext(remedy)}]


def _is_conflict(error: ServerError | None) -> bool:
    return isinstance(error, Conflict)


def _saved_notice() -> tuple[str, str] | None:
    if (saved := request.args.get("saved", type=int)) is not None:
        return "good", i18n.gettext("config.saved", number=saved)
    if (restored := request.args.get("restored", type=int)) is not None:
        return "good", i18n.gettext("config.rolled_back", number=restored)
    return None


def posted_yaml() -> str:
    """The text as it was typed: browsers send line ends as CR LF."""
    return request.form.get("yaml", "").replace("\r\n", "\n")


def _note() -> str:
    return request.form.get("note", "").strip()[:300]


def _based_on() -> int:
    return request.form.get("based_on", type=int, default=0)


def _words(detail: str) -> str:
    """An audit row's facts on one line; a hash by its beginning."""
    facts = json.loads(detail)
    return ", ".join(f"{name}: {_short(value)}" for name, value in facts.items() if value is not None)


def _short(value: object) -> str:
    if isinstance(value, list):
        return " ".join(str(item) for item in value)
    text = str(value)
    return f"{text[:12]}…" if _HASH.fullmatch(text) else text
