"""What boxes send of their cameras besides events: stills now and then, and pictures while somebody looks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

from flask import Response, request

from contract.device_api import LOOK_LEFT, LOOK_SIDE_PX, MAX_LOOK_BYTES
from server.devices import web
from server.devices.web import device_request
from server.errors import InvalidInput
from server.ingest.views import blueprint
from server.look import service, stills
from server.look.relay import Picture
from server.services import services

__all__ = ["blueprint"]  # of the devices' API, with the addresses below in it

_EARLIER: Final = timedelta(seconds=5)
"""A picture that was signed so long before anybody began to look is played back, not live."""
_MAX_VERSION: Final = 64


@blueprint.put("/api/v1/cameras/<camera_id>/still")
def put_still(camera_id: str) -> tuple[str, int]:
    """Take the newest still of a camera."""
    device, parts, taken_at = device_request().device, services(), _time_of_picture()
    with parts.database.write() as session:
        stills.put(session, parts.clock, device, camera_id, request.get_data(), taken_at)
    return "", HTTPStatus.NO_CONTENT


@blueprint.get("/api/v1/look")
def get_look() -> Response:
    """What the server wants to be shown of the device's cameras; held while it is what the device knows."""
    device, parts = device_request().device, services()
    wishes = parts.looks.wait(device.id, request.args.get("seen", "")[:_MAX_VERSION])
    response = Response(wishes.model_dump_json(), mimetype="application/json")
    return web.sign_answer(response)


@blueprint.put("/api/v1/cameras/<camera_id>/look")
def put_look(camera_id: str) -> Response:
    """Pass a picture on to those who look; tell for how long somebody still does."""
    asked, parts, taken_at = device_request(), services(), _time_of_picture()
    jpeg, now = request.get_data(), parts.clock.utc()
    with parts.database.read() as session:
        stills.own_camera(session, asked.device, camera_id)
        looked = service.open_until(session, camera_id, now)
    stills.checked_size(jpeg, MAX_LOOK_BYTES, LOOK_SIDE_PX)
    if looked is None:
        parts.frames.drop(camera_id)
    elif asked.signature.created >= looked[0].replace(microsecond=0) - _EARLIER:
        parts.frames.put(camera_id, Picture(int(taken_at.timestamp() * 1000), jpeg))
    left_s = 0.0 if looked is None else (looked[1] - now).total_seconds()
    return Response(status=HTTPStatus.NO_CONTENT, headers={LOOK_LEFT: f"{max(0.0, left_s):.1f}"})


def _time_of_picture() -> datetime:
    """When the picture was taken: `?at=` in milliseconds since 1970, by the box's clock.

    Raises:
        InvalidInput: It says something else.
    """
    text = request.args.get("at", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 14):
        raise InvalidInput("at: not a time", "Give ?at= in milliseconds since 1970.")
    return datetime.fromtimestamp(int(text) / 1000, UTC)
