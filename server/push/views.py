"""The notification page's own addresses for this browser: subscribe and unsubscribe."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, jsonify, request

from server.auth.own_sessions import browser_label
from server.auth.web import request_id, require
from server.domain.access import Permission
from server.push import keys, subscriptions
from server.services import services

blueprint = Blueprint("push", __name__)


@blueprint.get("/notifications/push")
def site_key() -> Response:
    """The key that a browser subscribes with."""
    require(Permission.WATCH_INCIDENTS)
    parts = services()
    return jsonify({"key": keys.site_key(parts.database, parts.clock, parts.sealer).public_key})


@blueprint.post("/notifications/push")
def subscribe() -> tuple[Response, int]:
    """Keep what this browser subscribed to."""
    person, parts = require(Permission.WATCH_INCIDENTS), services()
    key = keys.site_key(parts.database, parts.clock, parts.sealer)
    with parts.database.write() as session:
        number = subscriptions.subscribe(
            session,
            parts.clock,
            person,
            endpoint=request.form.get("endpoint", ""),
            p256dh=request.form.get("p256dh", ""),
            auth=request.form.get("auth", ""),
            site_key=key,
            label=browser_label(request.headers.get("User-Agent", "")[:400]),
            networks=parts.settings.webhook_ranges,
            request_id=request_id(),
        )
    return jsonify({"channel": number}), HTTPStatus.CREATED
