"""The devices' API. Every view but the open ones takes nothing but a request that an enrolled device has signed."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel
from werkzeug.wrappers import Response as BaseResponse

from contract.device_api import CameraConfigs, CameraConfigTaken, CameraConfigVersion, Enrolment, Health
from contract.event import CopyReport, EventBatch, EventBatchResult, Heartbeat, HeartbeatResult
from server.audit import service as audit
from server.auth.web import client_address, request_id
from server.cameras import service as cameras
from server.cameras import what_if
from server.cameras.heartbeats import Beat
from server.db.engine import DiskFull, is_reachable
from server.devices import codes, web
from server.devices.reading import read
from server.devices.web import confirm_device, device_request
from server.errors import ClockOff, Forbidden, InvalidInput, NotFound, TooLarge, Unavailable
from server.ingest import service as ingest
from server.ingest.openapi import openapi_json
from server.services import services
from server.storage import copies
from server.storage import service as storage
from server.storage.reading import send_evidence

blueprint = Blueprint("api", __name__)
blueprint.before_request(web.limit_body)
blueprint.before_request(web.identify)

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
    asked, parts = device_request(), services()
    try:
        batch = read(EventBatch, 'Send {"events": [...]} with 1 to 256 events.')
    except InvalidInput:
        confirm_device()
        raise
    try:
        bodies = tuple(map(ingest.read_body, batch.events))
        taken = parts.intake.take(
            ingest.Delivery(asked.device, bodies, asked.clock_offset, request_id(), asked.credential)
        )
    except DiskFull:
        storage.free_for_events(parts.database, parts.store, parts.clock)
        raise
    response = _json(EventBatchResult(results=tuple(item.result for item in taken)))
    parts.metrics.events(item.result.status for item in taken)
    if len(taken) == 1:
        # The status of a single event is the status of the request; a batch answers for each event in its body.
        response.status_code = _SINGLE[taken[0].verdict]
    return response


@blueprint.put("/api/v1/evidence/<sha256>")
def put_evidence(sha256: str) -> tuple[str, int]:
    """Take one file of evidence."""
    device, parts = device_request().device, services()
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
    device, parts = device_request().device, services()
    with parts.database.read() as session:
        file = copies.clip_for_device(session, device, sha256)
    try:
        return send_evidence(parts.store, file)
    except FileNotFoundError as error:
        raise NotFound("this clip was removed", "Say that the copy failed.") from error


@blueprint.post("/api/v1/evidence/<sha256>/gone")
def post_evidence_gone(sha256: str) -> tuple[str, int]:
    """Note that a file which an event names will not come."""
    asked, parts = device_request(), services()
    with parts.database.write() as session:
        asked.use_once(session)
        storage.evidence_is_gone(session, parts.clock, asked.device, sha256)
    return "", HTTPStatus.NO_CONTENT


@blueprint.put("/api/v1/copies/<sha256>")
def put_copy_report(sha256: str) -> tuple[str, int]:
    """Keep how far the playable copy of a clip is."""
    asked, parts = device_request(), services()
    report = read(CopyReport, "Send a report as the contract has it.")
    limit = parts.settings.max_clip_bytes
    with parts.database.write() as session:
        asked.use_once(session)
        refused = copies.take_report(session, parts.clock, asked.device, sha256, report, max_bytes=limit)
    if refused is not None:
        raise TooLarge(f"the copy is over the limit of {limit} bytes", "Make it smaller.")
    return "", HTTPStatus.NO_CONTENT


@blueprint.post("/api/v1/heartbeat")
def post_heartbeat() -> Response:
    """Keep how a device and its cameras are; answer with what it is asked to do."""
    asked, parts = device_request(), services()
    heartbeat = read(Heartbeat, "Send a heartbeat as the contract has it.")
    beat = Beat(asked.device, heartbeat, asked.received_at, asked.signature.created, asked.use_once)
    answer = parts.heartbeats.take(
        parts.database,
        beat,
        lambda session, device: HeartbeatResult(
            copies=copies.wishes_for(session, device),
            what_ifs=what_if.wishes_for(session, device, parts.clock.utc()),
        ),
    )
    if answer == HeartbeatResult():
        return Response(status=HTTPStatus.NO_CONTENT)
    return _json(answer)


def _json(answer: BaseModel) -> Response:
    return Response(answer.model_dump_json(), mimetype="application/json")


@blueprint.put("/api/v1/cameras/<camera_id>/config")
def put_camera_config(camera_id: str) -> Response:
    """A device registers its local file of a camera; the answer names the version in force."""
    asked, parts = device_request(), services()
    try:
        text = request.get_data().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"byte {error.start} is not UTF-8", "Save the file as UTF-8.") from error
    try:
        with parts.database.write() as session:
            asked.use_once(session)
            version = cameras.register_from_device(
                session, parts.clock, asked.device, camera_id, text, request_id=request_id()
            )
            answer = CameraConfigTaken(camera_id=version.camera_id, version=version.number, author=version.author)
    except Forbidden as error:
        with parts.database.write() as session:
            audit.record(
                session,
                at=parts.clock.utc(),
                actor=asked.device,
                action="camera.refuse",
                subject=f"camera:{camera_id}",
                detail={"why": error.message},
                request_id=request_id(),
            )
        raise
    return _json(answer)


@blueprint.get("/api/v1/cameras/config")
def get_camera_configs() -> Response:
    """The configurations in force for the device's cameras, signed by the server."""
    asked, parts = device_request(), services()
    with parts.database.read() as session:
        found = cameras.configs_for_device(session, asked.device)
    configs = CameraConfigs(
        version=found.etag, cameras=tuple(CameraConfigVersion.model_validate(item) for item in found.cameras)
    )
    response = _json(configs)
    response.set_etag(configs.version)
    response.headers["Cache-Control"] = "private, no-cache"
    response = response.make_conditional(request)  # type: ignore[assignment]  # werkzeug names its base class
    return web.sign_answer(response) if response.status_code == HTTPStatus.OK else response


@blueprint.post("/api/v1/enrolment")
def post_enrolment() -> Response:
    """Let a device in that has a one-time code; it signs with the key that it brings."""
    parts = services()
    enrolment = read(Enrolment, "Send a code and a public key as the contract has it.")
    web.check_enrolment(enrolment)
    result = codes.enrol(
        parts.database,
        parts.clock,
        parts.settings.secret_key.get_secret_value(),
        enrolment,
        parts.server_key.public_key,
        address=client_address(),
        request_id=request_id(),
    )
    return _json(result)


@blueprint.errorhandler(ClockOff)
def tell_the_time(error: ClockOff) -> tuple[Response, int]:
    """Tell a device whose clock is off what time it is, so that it can sign; nobody else can tell it that."""
    response = jsonify(error.as_json())
    response.status_code = error.status
    return web.sign_answer(response), error.status


@blueprint.get("/api/v1/openapi.json")
def openapi() -> Response:
    """The description of this API (OpenAPI 3.1)."""
    return Response(openapi_json(), mimetype="application/json")


@blueprint.get("/healthz")
def healthz() -> tuple[Response, int]:
    """Whether the server can do its work: the database answers and the disk has room."""
    parts = services()
    reachable = is_reachable(parts.database)
    free_bytes = parts.store.free_bytes()
    healthy = reachable and free_bytes > 0
    body = Health(
        status="ok" if healthy else "unavailable",
        database="ok" if reachable else "unreachable",
        disk_free_bytes=free_bytes,
        low_disk=free_bytes < parts.settings.min_free_bytes,
    )
    return _json(body), HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE
