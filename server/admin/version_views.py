"""Pages about a camera's versions: any two side by side, and the page of two people who saved at once."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from server.admin import compare as comparing
from server.auth.web import require
from server.cameras import service as cameras_service
from server.domain.access import Permission
from server.errors import NotFound
from server.services import services

blueprint = Blueprint("versions", __name__, url_prefix="/admin/cameras")


@blueprint.get("/<camera_id>/compare")
def compare(camera_id: str) -> str:
    """Two versions of a camera's file."""
    principal, parts = require(Permission.MANAGE_CAMERAS), services()
    with parts.database.read() as session:
        record = cameras_service.find_camera(session, principal, camera_id)
        found = {version.number: version for version in cameras_service.versions(session, record)}
        old = found.get(request.args.get("old", type=int, default=record.config_number - 1))
        new = found.get(request.args.get("new", type=int, default=record.config_number))
        if old is None or new is None:
            raise NotFound("this camera has no such version", "Choose two versions of the list.")
        return render_template(
            "admin/camera_compare.html",
            camera=record,
            old=old,
            new=new,
            in_force=record.config_number,
            versions=list(found.values()),
            rows=comparing.side_by_side(old.yaml, new.yaml),
            words=comparing.in_words(old.yaml, new.yaml),
        )
