"""The admin's page of edge boxes: make a one-time code for one, refuse one."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from server import i18n
from server.admin.camera_health import device_rows
from server.admin.places import place_choices
from server.auth.web import require
from server.devices import codes
from server.devices.service import fingerprint, revoke_device
from server.domain.access import Permission, Principal
from server.errors import Conflict, Forbidden, InvalidInput, NotFound, ServerError
from server.places.service import PlaceTree
from server.services import services

blueprint = Blueprint("devices", __name__, url_prefix="/admin/devices")

_REFUSALS = {
    Conflict.code: "devices.taken",
    Forbidden.code: "devices.outside",
    NotFound.code: "devices.gone",
    InvalidInput.code: "devices.invalid",
}


@dataclass(frozen=True, slots=True)
class DeviceForm:
    """What was typed, to be shown again when it is wrong."""

    device_id: str = ""
    name: str = ""
    place_id: str = ""


@blueprint.get("")
def devices() -> str:
    """The edge boxes of the scope."""
    return _page(require(Permission.MANAGE_DEVICES))


@blueprint.post("")
def add_device() -> BaseResponse:
    """Add a box; the code with which it enrols is shown once."""
    principal = require(Permission.MANAGE_DEVICES)
    form = DeviceForm(
        request.form.get("device_id", "").strip()[:80],
        request.form.get("name", "").strip()[:120],
        request.form.get("place_id", ""),
    )
    try:
        fresh = _make_code(principal, form.device_id, place_id=form.place_id, name=form.name)
    except (InvalidInput, Conflict, Forbidden) as error:
        return make_response(_page(principal, form=form, error=error), error.status)
    return make_response(_page(principal, fresh=fresh))


@blueprint.post("/<device_id>/code")
def make_code(device_id: str) -> BaseResponse:
    """Make a code for a box that has no key yet, or is to get a new one; its old key ends when the code is used."""
    principal = require(Permission.MANAGE_DEVICES)
    try:
        fresh = _make_code(principal, device_id)
    except (NotFound, Forbidden) as error:
        return make_response(_page(principal, error=error), error.status)
    return make_response(_page(principal, fresh=fresh))


@blueprint.post("/<device_id>/revoke")
def revoke(device_id: str) -> BaseResponse:
    """Refuse a box from now on."""
    principal, parts = require(Permission.MANAGE_DEVICES), services()
    try:
        with parts.database.write() as session:
            revoke_device(session, parts.clock, device_id, principal)
    except (NotFound, Forbidden) as error:
        return make_response(_page(principal, error=error), error.status)
    return redirect(url_for("devices.devices", revoked=device_id), 303)


def _make_code(principal: Principal, device_id: str, *, place_id: str | None = None, name: str = "") -> codes.FreshCode:
    parts = services()
    secret = parts.settings.secret_key.get_secret_value()
    with parts.database.write() as session:
        return codes.create(session, parts.clock, secret, device_id, place_id=place_id, name=name, actor=principal)


def _page(
    principal: Principal,
    *,
    form: DeviceForm | None = None,
    error: ServerError | None = None,
    fresh: codes.FreshCode | None = None,
) -> str:
    with services().database.read() as session:
        rows = device_rows(session, principal)
        places = place_choices(PlaceTree.read(session), principal)
    revoked = next((row for row in rows if row.is_revoked and row.id == request.args.get("revoked")), None)
    return render_template(
        "admin/devices.html",
        devices=rows,
        places=places,
        form=form or DeviceForm(),
        problem=i18n.gettext(_REFUSALS[error.code]) if error is not None else "",
        fresh=fresh,
        server_key=fingerprint(services().server_key.public_bytes),
        server_url=services().settings.public_url or request.host_url.rstrip("/"),
        notice=("good", i18n.gettext("devices.revoked.done", name=revoked.name)) if revoked is not None else None,
    )
