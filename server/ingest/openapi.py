"""`/api/v1/openapi.json`: the devices' API in OpenAPI 3.1, made of the contract's models.

The models are the schema (`contract.event`, `contract.device_api`); this file adds only which path takes what.
A test holds it against the routes that there are and against real answers.
"""

from __future__ import annotations

import json
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from contract.device_api import (
    CameraConfigs,
    CameraConfigTaken,
    Enrolment,
    EnrolmentResult,
    ErrorAnswer,
    Health,
    LookWishes,
    RunningConfigs,
    UploadAddress,
    WhatIfReport,
    WhatIfTask,
)
from contract.event import CopyReport, EventBatch, EventBatchResult, Heartbeat, HeartbeatResult
from contract.json_schemas import event_schema

Answer = type[BaseModel] | str | None
"""A model; a media type of a file; nothing."""

_REF: Final = "#/components/schemas/{model}"
_SENT: Final[tuple[type[BaseModel], ...]] = (
    EventBatch,
    Heartbeat,
    CopyReport,
    Enrolment,
    RunningConfigs,
    WhatIfReport,
)
_GIVEN: Final[tuple[type[BaseModel], ...]] = (
    EventBatchResult,
    HeartbeatResult,
    EnrolmentResult,
    CameraConfigs,
    CameraConfigTaken,
    UploadAddress,
    LookWishes,
    WhatIfTask,
    ErrorAnswer,
    Health,
)
_SIGNED: Final = "Signed as `docs/reference/http-api.md` has it: RFC 9421, Ed25519, label and tag `langan`."
_SHA256: Final = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_AT: Final = {"type": "string", "pattern": "^[0-9]{1,14}$"}
"""When a picture was taken: milliseconds since 1970, by the box's clock."""
_ANYBODY: Final = (413, 429, 503)
_DEVICE: Final = (401, 413, 422, 503)


@cache
def openapi_json() -> str:
    """The document; the same for the whole life of the process."""
    return json.dumps(document(), ensure_ascii=False, separators=(",", ":"))


def document() -> dict[str, Any]:
    """OpenAPI 3.1 of the devices' API."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Làng An, devices' API",
            "version": "1",
            "description": "How edge boxes enrol, and send events, evidence and health.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"signature": []}],
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "signature": {"type": "apiKey", "in": "header", "name": "Signature", "description": _SIGNED}
            },
        },
    }


def _paths() -> dict[str, Any]:
    return {
        "/api/v1/enrolment": {
            "post": _operation(
                "Enrol with a one-time code",
                body=Enrolment,
                answers={200: EnrolmentResult},
                errors=(401, 422, *_ANYBODY),
                security=[{"signature": []}],
            )
        },
        "/api/v1/events": {
            "post": _operation(
                "Send revisions of events; one result for each, in order. A batch of one answers with its status",
                body=EventBatch,
                answers={200: EventBatchResult, 403: EventBatchResult, 409: EventBatchResult},
                either={422: EventBatchResult},
                errors=_DEVICE,
            )
        },
        "/api/v1/evidence/{sha256}": {
            "parameters": [_parameter("sha256", _SHA256)],
            "put": _operation(
                "Upload a file that an event has named",
                files=("image/jpeg", "video/mp4"),
                answers={201: None, 204: None},
                errors=(*_DEVICE, 404),
            ),
            "get": _operation(
                "Fetch a clip back of which a copy is wanted", answers={200: "video/mp4"}, errors=(401, 404, 422)
            ),
        },
        "/api/v1/evidence/{sha256}/gone": {
            "parameters": [_parameter("sha256", _SHA256)],
            "post": _operation("Tell that a file will not come", answers={204: None}, errors=(*_DEVICE, 404, 409)),
        },
        "/api/v1/evidence/{sha256}/upload": {
            "parameters": [_parameter("sha256", _SHA256)],
            "post": _operation(
                "Ask where to write a file straight to the object store; 404 where the server takes files itself",
                answers={200: UploadAddress, 204: None},
                errors=(*_DEVICE, 404),
            ),
        },
        "/api/v1/evidence/{sha256}/uploaded": {
            "parameters": [_parameter("sha256", _SHA256), _parameter("upload", {"type": "string"}, where="query")],
            "post": _operation(
                "Tell that it was written; it is checked as any evidence",
                answers={201: None, 204: None},
                errors=(*_DEVICE, 404),
            ),
        },
        "/api/v1/copies/{sha256}": {
            "parameters": [_parameter("sha256", _SHA256)],
            "put": _operation(
                "Tell how far the playable copy of a clip is",
                body=CopyReport,
                answers={204: None},
                errors=(*_DEVICE, 404, 409),
            ),
        },
        "/api/v1/heartbeat": {
            "post": _operation(
                "Tell how the device and its cameras are; learn what is asked of it",
                body=Heartbeat,
                answers={200: HeartbeatResult, 204: None},
                errors=(*_DEVICE, 409),
            )
        },
        "/api/v1/cameras/{camera_id}/config": {
            "parameters": [_parameter("camera_id", {"type": "string"})],
            "put": _operation(
                "Register the local file of a camera",
                files=("application/yaml",),
                answers={200: CameraConfigTaken},
                errors=(*_DEVICE, 403, 409),
            ),
        },
        "/api/v1/cameras/config": {
            "get": _operation(
                "The configurations in force, signed by the server",
                answers={200: CameraConfigs, 304: None},
                errors=(401, 503),
            )
        },
        "/api/v1/cameras/{camera_id}/still": {
            "parameters": [_parameter("camera_id", {"type": "string"}), _parameter("at", _AT, where="query")],
            "put": _operation(
                "Replace the newest still of a camera",
                files=("image/jpeg",),
                answers={204: None},
                errors=(*_DEVICE, 404),
            ),
        },
        "/api/v1/cameras/{camera_id}/look": {
            "parameters": [_parameter("camera_id", {"type": "string"}), _parameter("at", _AT, where="query")],
            "put": _operation(
                "Show a camera to those who look; the header Langan-Look-Left-S says for how long somebody still does",
                files=("image/jpeg",),
                answers={204: None},
                errors=(*_DEVICE, 404),
            ),
        },
        "/api/v1/look": {
            "parameters": [_parameter("seen", {"type": "string"}, where="query", required=False)],
            "get": _operation(
                "What the server wants to be shown, signed by it; held up to 25 s while it is what `seen` names",
                answers={200: LookWishes},
                errors=(401, 503),
            ),
        },
        "/api/v1/cameras/running": {
            "put": _operation(
                "Tell which configuration each camera runs, and why a newer one was refused",
                body=RunningConfigs,
                answers={204: None},
                errors=_DEVICE,
            ),
        },
        "/api/v1/what-if/{what_if_id}": {
            "parameters": [_parameter("what_if_id", {"type": "string", "format": "uuid"})],
            "get": _operation(
                "Get a changed configuration that is to be tried over stored observations, signed by the server",
                answers={200: WhatIfTask},
                errors=(401, 404),
            ),
            "put": _operation(
                "Tell which events it would have added and dropped",
                body=WhatIfReport,
                answers={204: None},
                errors=(*_DEVICE, 404),
            ),
        },
        "/api/v1/openapi.json": {
            "get": _operation("This document", answers={200: "application/json"}, security=[]),
        },
        "/healthz": {"get": _operation("Whether the server can work", answers={200: Health, 503: Health}, security=[])},
    }


def _operation(
    summary: str,
    *,
    body: type[BaseModel] | None = None,
    files: tuple[str, ...] = (),
    answers: dict[int, Answer],
    either: dict[int, type[BaseModel]] | None = None,
    errors: tuple[int, ...] = (),
    security: list[dict[str, list[str]]] | None = None,
) -> dict[str, Any]:
    """One method of a path.

    Args:
        summary: What it is for.
        body: What is sent as JSON.
        files: Media types of what is sent as it is.
        answers: By status.
        either: Statuses that bring this or an error.
        errors: Statuses of errors.
        security: What it needs; None: a signature, as everything does.
    """
    responses = {status: _response(status, [answer]) for status, answer in answers.items()}
    responses |= {status: _response(status, [ErrorAnswer]) for status in errors if status not in responses}
    responses |= {status: _response(status, [model, ErrorAnswer]) for status, model in (either or {}).items()}
    made: dict[str, Any] = {
        "summary": summary,
        "responses": {str(status): responses[status] for status in sorted(responses)},
    }
    if body is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": _reference(body)}}}
    if files:
        made["requestBody"] = {"required": True, "content": {kind: {} for kind in files}}
    if security is not None:
        made["security"] = security
    return made


def _response(status: int, answers: list[Answer]) -> dict[str, Any]:
    made: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    schemas = [_reference(answer) for answer in answers if isinstance(answer, type)]
    if schemas:
        schema = schemas[0] if len(schemas) == 1 else {"oneOf": schemas}
        made["content"] = {"application/json": {"schema": schema}}
    for answer in answers:
        if isinstance(answer, str):
            made["content"] = {answer: {}}
    return made


def _parameter(name: str, schema: dict[str, str], *, where: str = "path", required: bool = True) -> dict[str, Any]:
    return {"name": name, "in": where, "required": required, "schema": schema}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _schemas() -> dict[str, Any]:
    asked = [(model, "validation") for model in _SENT] + [(model, "serialization") for model in _GIVEN]
    _, made = models_json_schema(asked, ref_template=_REF)  # type: ignore[arg-type]  # a list of one of two words
    schemas: dict[str, Any] = made["$defs"]
    event = json.loads(json.dumps(event_schema()).replace("#/$defs/", "#/components/schemas/"))
    schemas |= event.pop("$defs")
    schemas["Event"] = event
    schemas["EventBatch"]["properties"]["events"]["items"] = {"$ref": _REF.format(model="Event")}
    return schemas
