"""The admin's page of edge boxes: add one, give it a new token, refuse it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from server import i18n
from server.admin.camera_health import device_rows
from server.admin.places import place_choices
from server.auth import service as auth
from server.auth.web import require
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


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that is shown once."""

    device_id: str
    token: str


@blueprint.get("")
def devices() -> str:
    """The edge boxes of the scope."""
    return _page(require(Permission.MANAGE_DEVICES))


@blueprint.post("")
def add_device() -> BaseResponse:
    """Add a box; its token is shown once."""
    principal, parts = require(Permission.MANAGE_DEVICES), services()
    form = DeviceForm(
        request.form.get("device_id", "").strip()[:80],
        request.form.get("name", "").strip()[:120],
        request.form.get("place_id", ""),
    )
    try:
        with parts.database.write() as session:
            token = auth.create_device(
                session,
                parts.clock,
                device_id=form.device_id,
                place_id=form.place_id,
                name=form.name,
                actor=principal,
            )
    except (InvalidInput, Conflict, Forbidden) as error:
        return make_response(_page(principal, form=form, error=error), error.status)
    return make_response(_page(principal, new_token=NewToken(form.device_id, token)))


@blueprint.post("/<device_id>/token")
def renew_token(device_id: str) -> BaseResponse:
    """Give a box a new token, shown once; the old one ends at once, and a refused box may send again."""
    principal, parts = require(Permission.MANAGE_DEVICES), services()
    try:
        with parts.database.write() as session:
            token = auth.renew_device_token(session, parts.clock, device_id, principal)
    except (NotFound, Forbidden) as error:
        return make_response(_page(principal, error=error), error.status)
    return make_response(_page(principal, new_token=NewToken(device_id, token)))


@blueprint.post("/<device_id>/revoke")
def revoke(device_id: str) -> BaseResponse:
    """Refuse a box from now on."""
    principal, parts = require(Permission.MANAGE_DEVICES), services()
    try:
        with parts.database.write() as session:
            auth.revoke_device(session, parts.clock, device_id, principal)
    except (NotFound, Forbidden) as error:
        return make_response(_page(principal, error=error), error.status)
    return redirect(url_for("devices.devices", revoked=device_id), 303)


def _page(
    principal: Principal,
    *,
    form: DeviceForm | None = None,
    error: ServerError | None = None,
    new_token: NewToken | None = None,
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
        new_token=new_token,
        notice=("good", i18n.gettext("devices.revoked.done", name=revoked.name)) if revoked is not None else None,
    )
