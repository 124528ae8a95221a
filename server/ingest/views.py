"""The devices' API. Every view takes nothing but a device's bearer token."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, jsonify, request
from pydantic import ValidationError
from werkzeug.wrappers import Response as BaseResponse

from contract.event import CopyReport, EventBatch, EventBatchResult, Heartbeat, HeartbeatResult
from server.audit import service as audit
from server.auth.web import request_id, require_device
from server.cameras import health
from server.cameras import service as cameras
from server.db.engine import DiskFull, is_reachable
from server.errors import Forbidden, InvalidInput, NotFound, TooLarge, Unavailable
from server.ingest import service as ingest
from server.services import services
from server.storage import copies
from server.storage import service as storage
from server.storage.reading import send_evidence

blueprint = Blueprint("api", __name__)

_DRAIN_BYTES = 64 * 1024
_SINGLE = {
    ingest.Verdict.STORED: HTTPStatus.OK,
    ingest.Verdict.CONFLICT: HTTPStatus.CONFLICT,
    ingest.Verdict.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    ingest.Verdict.FORBIDDEN: HTTPStatus.FORBIDDEN,
}


@blueprint.post("/api/v1/events")
def post_events() -> Response:
    """Take a batch of events; answer for each one."""
    device, parts = require_device(), services()
    try:
        batch = EventBatch.model_validate(_json_body())
    except ValidationError as error:
        raise _not_valid(error, 'Send {"events": [...]} with 1 to 256 events.') from error
    try:
        taken = ingest.ingest(
            parts.database, parts.clock, parts.settings.zone, device, batch.events, request_id=request_id()
        )
    except DiskFull:
        storage.free_for_events(parts.database, parts.store, parts.clock)
        raise
    answer = EventBatchResult(results=tuple(item.result for item in taken))
    response = Response(answer.model_dump_json(), mimetype="application/json")
    if len(taken) == 1:
        # The status of a single event is the status of the request; a batch answers for each event in its body.
        response.status_code = _SINGLE[taken[0].verdict]
    return response


@blueprint.put("/api/v1/evidence/<sha256>")
def put_evidence(sha256: str) -> tuple[str, int]:
    """Take one file of evidence."""
    device, parts = require_device(), services()
    settings = parts.settings
    limits = {"image/jpeg": settings.max_image_bytes, "video/mp4": settings.max_clip_bytes}
    request.max_content_length = max(limits.values())
    if not parts.uploads.acquire(blocking=False):
        raise Unavailable("many files are being received", "Send it again; events go first.", retry_after_s=5)
    try:
        created = storage.put_evidence(
            parts.database,
            parts.store,
            parts.clock,
            device,
            sha256,
            request.stream,
            limits=limits,
            total_limit_bytes=settings.media_limit_bytes,
        )
    finally:
        parts.uploads.release()
    if not created:
        # The file is here already. gunicorn cuts a connection whose body was not read, without a word to the client.
        while request.stream.read(_DRAIN_BYTES):
            pass
    return "", HTTPStatus.CREATED if created else HTTPStatus.NO_CONTENT


@blueprint.get("/api/v1/evidence/<sha256>")
def get_evidence(sha256: str) -> BaseResponse:
    """Give a device a clip back of which somebody wants a playable copy."""
    device, parts = require_device(), services()
    with parts.database.read() as session:
        file = copies.clip_for_device(session, device, sha256)
    try:
        return send_evidence(parts.store, file)
    except FileNotFoundError as error:
        raise NotFound("this clip was removed", "Say that the copy failed.") from error


@blueprint.post("/api/v1/evidence/<sha256>/gone")
def post_evidence_gone(sha256: str) -> tuple[str, int]:
    """Note that a file which an event names will not come."""
    device, parts = require_device(), services()
    with parts.database.write() as session:
        storage.evidence_is_gone(session, parts.clock, device, sha256)
    return "", HTTPStatus.NO_CONTENT


@blueprint.put("/api/v1/copies/<sha256>")
def put_copy_report(sha256: str) -> tuple[str, int]:
    """Keep how far the playable copy of a clip is."""
    device, parts = require_device(), services()
    try:
        report = CopyReport.model_validate(_json_body())
    except ValidationError as error:
        raise _not_valid(error, "Send a report as the contract has it.") from error
    limit = parts.settings.max_clip_bytes
    with parts.database.write() as session:
        refused = copies.take_report(session, parts.clock, device, sha256, report, max_bytes=limit)
    if refused is not None:
        raise TooLarge(f"the copy is over the limit of {limit} bytes", "Make it smaller.")
    return "", HTTPStatus.NO_CONTENT


@blueprint.post("/api/v1/heartbeat")
def post_heartbeat() -> Response:
    """Keep how a device and its cameras are; answer with what it is asked to do."""
    device, parts = require_device(), services()
    try:
        heartbeat = Heartbeat.model_validate(_json_body())
    except ValidationError as error:
        raise _not_valid(error, "Send a heartbeat as the contract has it.") from error
    with parts.database.write() as session:
        health.take_heartbeat(session, parts.clock, device, heartbeat)
        wishes = copies.wishes_for(session, device)
    if not wishes:
        return Response(status=HTTPStatus.NO_CONTENT)
    return Response(HeartbeatResult(copies=wishes).model_dump_json(), mimetype="application/json")


def _not_valid(error: ValidationError, remedy: str) -> InvalidInput:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "body"
    return InvalidInput(f"{where}: {first['msg']}", remedy)


@blueprint.put("/api/v1/cameras/<camera_id>/config")
def put_camera_config(camera_id: str) -> Response:
    """A device registers its local file of a camera; the answer names the version in force."""
    device, parts = require_device(), services()
    request.max_content_length = cameras.MAX_YAML_BYTES
    try:
        text = request.get_data(cache=False).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"byte {error.start} is not UTF-8", "Save the file as UTF-8.") from error
    try:
        with parts.database.write() as session:
            version = cameras.register_from_device(
                session, parts.clock, device, camera_id, text, request_id=request_id()
            )
            answer = {"camera_id": camera_id, "version": version.number, "author": version.author}
    except Forbidden as error:
        with parts.database.write() as session:
            audit.record(
                session,
                at=parts.clock.utc(),
                actor=device,
                action="camera.refuse",
                subject=f"camera:{camera_id}",
                detail={"why": error.message},
                request_id=request_id(),
            )
        raise
    return jsonify(answer)


@blueprint.get("/api/v1/cameras/config")
def get_camera_configs() -> Response:
    """The configurations in force for the device's cameras."""
    device, parts = require_device(), services()
    with parts.database.read() as session:
        configs = cameras.configs_for_device(session, device)
    response = jsonify({"cameras": list(configs.cameras)})
    response.set_etag(configs.etag)
    response.headers["Cache-Control"] = "private, no-cache"
    return response.make_conditional(request)  # type: ignore[return-value]  # werkzeug names its base class


@blueprint.get("/healthz")
def healthz() -> tuple[Response, int]:
    """Whether the server can do its work: the database answers and the disk has room."""
    parts = services()
    reachable = is_reachable(parts.database)
    free_bytes = parts.store.free_bytes()
    healthy = reachable and free_bytes > 0
    body = {
        "status": "ok" if healthy else "unavailable",
        "database": "ok" if reachable else "unreachable",
        "disk_free_bytes": free_bytes,
        "low_disk": free_bytes < parts.settings.min_free_bytes,
    }
    return jsonify(body), HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are all different: of two, readers disagree on which one counts."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key twice")
    return made


def _json_body() -> Any:
    if not request.is_json:
        raise InvalidInput("the body is not application/json", "Set Content-Type: application/json.")
    try:
        return json.loads(request.get_data(cache=False), object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("the body is not JSON", "Send valid JSON in UTF-8.") from error
