"""The devices' API: which versions run, and what a changed configuration would have told."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response

from contract.device_api import RunningConfigs, WhatIfReport, WhatIfTask
from server.cameras import what_if
from server.devices import web
from server.devices.reading import read
from server.devices.web import device_request
from server.ingest.views import blueprint
from server.services import services

__all__ = ["blueprint"]  # of the devices' API, with the addresses below in it


@blueprint.put("/api/v1/cameras/running")
def put_running() -> tuple[str, int]:
    """Keep which version of its configuration each camera runs."""
    asked, parts, running = device_request(), services(), read(RunningConfigs)
    with parts.database.write() as session:
        asked.use_once(session)
        what_if.take_running(session, parts.clock, asked.device, running)
    return "", HTTPStatus.NO_CONTENT


@blueprint.get("/api/v1/what-if/<what_if_id>")
def get_what_if(what_if_id: str) -> Response:
    """Give a box the configuration that it is to try."""
    device, parts = device_request().device, services()
    with parts.database.read() as session:
        row = what_if.task_for(session, device, what_if_id)
        task = WhatIfTask(id=row.id, camera_id=row.camera_id, yaml=row.yaml)
    return web.sign_answer(Response(task.model_dump_json(), mimetype="application/json"))


@blueprint.put("/api/v1/what-if/<what_if_id>")
def put_what_if(what_if_id: str) -> tuple[str, int]:
    """Keep a box's answer."""
    asked, parts, report = device_request(), services(), read(WhatIfReport)
    with parts.database.write() as session:
        asked.use_once(session)
        what_if.take_report(session, asked.device, what_if_id, report)
    return "", HTTPStatus.NO_CONTENT
