"""`/readyz` and `/metrics` of the web process."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, current_app, jsonify, request

from server.monitoring.readiness import Readiness
from server.services import services

blueprint = Blueprint("monitoring", __name__)

_READINESS = "langan_readiness"


@blueprint.get("/readyz")
def readyz() -> tuple[Response, HTTPStatus]:
    """Whether this process can serve: for load balancers."""
    readiness: Readiness = current_app.extensions.setdefault(_READINESS, Readiness(services()))
    status, body = readiness.look()
    return jsonify(body), status


@blueprint.get("/metrics")
def metrics() -> Response:
    """Prometheus's numbers, for this machine or who has the token."""
    parts = services()
    headers = {name.lower(): value for name, value in request.headers.items()}
    parts.metrics.refuse_strangers(parts.settings, request.remote_addr or "", headers)
    text, content_type = parts.metrics.page()
    return Response(text, content_type=content_type)
