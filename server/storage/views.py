"""Direct uploads: a device writes a file straight to the object store, and the server checks it there.

POST .../upload   -> an address that holds for minutes and lets it write one object, nothing else
PUT  that address -> the object store
POST .../uploaded -> checked as if it had come here, then evidence
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Response, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from contract.device_api import OFFERS_DIRECT_UPLOADS, UploadAddress
from server.devices.web import device_request
from server.errors import InvalidInput, NotFound, Unavailable
from server.ingest.views import blueprint
from server.services import Services, services
from server.storage import service as storage
from server.storage.objects import UPLOAD_HOLDS, ObjectStore
from server.storage.service import make_room

__all__ = ["blueprint"]  # of the devices' API, with the addresses below in it

_SALT = "evidence upload"


@blueprint.after_request
def _offer(response: Response) -> Response:
    """Tell a device that sends a file that the next one may go straight to the store."""
    if request.endpoint == "api.put_evidence" and services().settings.direct_uploads:
        response.headers[OFFERS_DIRECT_UPLOADS] = "1"
    return response


@blueprint.post("/api/v1/evidence/<sha256>/upload")
def begin_upload(sha256: str) -> tuple[Response, int]:
    """Tell where to write a file of evidence; 204 when it is here already."""
    device, parts = device_request().device, services()
    store = _direct_store(parts)
    announced = storage.announced_evidence(parts.database, store, device, sha256, _limits(parts))
    if announced is None:
        return Response(), HTTPStatus.NO_CONTENT
    url, key, holds = store.begin_upload(sha256)
    token = _signer(parts).dumps([device.id, sha256, key])
    address = UploadAddress(url=url, upload=token, holds_s=int(holds.total_seconds()))
    return Response(address.model_dump_json(), mimetype="application/json"), HTTPStatus.OK


@blueprint.post("/api/v1/evidence/<sha256>/uploaded")
def finish_upload(sha256: str) -> tuple[str, int]:
    """Check what was written, and take it."""
    device, parts = device_request().device, services()
    store = _direct_store(parts)
    key = _key_of(parts, request.args.get("upload", ""), device.id, sha256)
    announced = storage.announced_evidence(parts.database, store, device, sha256, _limits(parts))
    if announced is None:
        return "", HTTPStatus.NO_CONTENT
    if not parts.uploads.acquire(blocking=False):
        raise Unavailable("many files are being received", "Say it again.", retry_after_s=5)
    try:
        if parts.settings.media_limit_bytes:
            keep_bytes = parts.settings.media_limit_bytes - announced.size_bytes
            make_room(parts.database, store, parts.clock, keep_bytes)
        stored = store.finish_upload(sha256, key, max_bytes=announced.max_bytes, expected_bytes=announced.size_bytes)
        storage.keep_evidence(parts.database, store, parts.clock, stored, announced)
    finally:
        parts.uploads.release()
    return "", HTTPStatus.CREATED


def _direct_store(parts: Services) -> ObjectStore:
    if not parts.settings.direct_uploads or not isinstance(parts.store, ObjectStore):
        raise NotFound("this server takes evidence itself", "PUT it to /api/v1/evidence/<sha256>.")
    return parts.store


def _limits(parts: Services) -> dict[str, int]:
    return {"image/jpeg": parts.settings.max_image_bytes, "video/mp4": parts.settings.max_clip_bytes}


def _signer(parts: Services) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(parts.settings.secret_key.get_secret_value(), salt=_SALT)


def _key_of(parts: Services, token: str, device_id: str, sha256: str) -> str:
    """The object that this device was let write for this file."""
    try:
        said = _signer(parts).loads(token, max_age=2 * int(UPLOAD_HOLDS.total_seconds()))
    except BadSignature as error:
        raise InvalidInput("upload: not what we gave out, or too old", "Begin the upload again.") from error
    if said[:2] != [device_id, sha256]:
        raise InvalidInput("upload: of another device or file", "Begin the upload again.")
    return str(said[2])
