"""Pages: somebody's own notification settings, and what became of notifications for admins."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from contract.rules import RULES
from server import i18n
from server.auth.web import request_id, require
from server.domain.access import Permission, Principal, may
from server.domain.grouping import SEVERITIES
from server.domain.notices import Channel
from server.errors import InvalidInput, TooManyRequests
from server.jobs import queue
from server.notifications import channels, confirming, queries, senders
from server.notifications.channels import ChannelRefused, Choice
from server.pages import page_strings, village_choices
from server.services import services

blueprint = Blueprint("notices", __name__)

_PUSH_STRINGS = ("push.is_on", "push.is_off", "push.denied", "push.unavailable", "push.failed")


@blueprint.get("/notifications")
def settings() -> str:
    """Where I am told, and of what."""
    return _page(_person(), notice=("good", i18n.gettext("notices.saved")) if "saved" in request.args else None)


@blueprint.post("/notifications")
def add_channel() -> BaseResponse:
    """Add an address."""
    person, parts = _person(), services()
    kind, address = request.form.get("kind", ""), request.form.get("address", "")
    try:
        with parts.database.write() as session:
            channels.add(
                session,
                parts.clock,
                person,
                channels.read_kind(kind),
                address,
                channels.read_choice(session, person, request.form.get("min_severity", ""), [], []),
                parts.settings.webhook_ranges,
                request_id=request_id(),
            )
    except ChannelRefused as error:
        problem = i18n.gettext(f"notices.{error.refusal}", most=channels.MAX_CHANNELS)
        return make_response(_page(person, problem=problem, address=address[:254], kind=kind), 422)
    return redirect(url_for("notices.settings"), 303)


@blueprint.post("/notifications/<int:channel_id>")
def change_channel(channel_id: int) -> BaseResponse:
    """Change what is told there."""
    person, parts = _person(), services()
    with parts.database.write() as session:
        choice: Choice = channels.read_choice(
            session,
            person,
            request.form.get("min_severity", ""),
            request.form.getlist("kinds"),
            request.form.getlist("places"),
        )
        channels.choose(session, person, channel_id, choice, active=request.form.get("active") == "1")
    return redirect(url_for("notices.settings", saved=1), 303)


@blueprint.post("/notifications/<int:channel_id>/confirm")
def confirm_channel(channel_id: int) -> BaseResponse:
    """Take the code that was sent there."""
    person, parts = _person(), services()
    try:
        confirming.confirm(parts, int(person.id), channel_id, request.form.get("code", ""))
    except (InvalidInput, TooManyRequests) as error:
        msgid = "notices.too_many" if isinstance(error, TooManyRequests) else "notices.wrong_code"
        return make_response(_page(person, problem=i18n.gettext(msgid)), 422)
    return redirect(url_for("notices.settings", saved=1), 303)


@blueprint.post("/notifications/<int:channel_id>/code")
def send_code(channel_id: int) -> BaseResponse:
    """Send a new code."""
    person, parts = _person(), services()
    with parts.database.write() as session:
        channels.ask_code(session, parts.clock, person, channel_id)
    return redirect(url_for("notices.settings"), 303)


@blueprint.post("/notifications/<int:channel_id>/remove")
def remove_channel(channel_id: int) -> BaseResponse:
    """Remove an address."""
    person, parts = _person(), services()
    with parts.database.write() as session:
        channels.remove(session, parts.clock, person, channel_id, request_id=request_id())
    return redirect(url_for("notices.settings", saved=1), 303)


@blueprint.post("/notifications/<int:channel_id>/secret")
def show_secret(channel_id: int) -> str:
    """Show what signs a webhook's posts."""
    person, parts = _person(), services()
    with parts.database.read() as session:
        made_at = channels.webhook_made_at(session, person, channel_id)
    return _page(person, secret=(channel_id, senders.webhook_secret(parts.settings, channel_id, made_at)))


@blueprint.get("/admin/notifications")
def delivery() -> str:
    """What became of notifications in an admin's scope."""
    principal, parts = require(Permission.MANAGE_USERS), services()
    only_failed = "failed" in request.args
    now = parts.clock.utc()
    with parts.database.read() as session:
        rows = queries.newest(session, principal, only_failed=only_failed)
        is_of_site = principal.place_id is None
        waiting = queries.depth(session, now) if is_of_site else None
        jobs = queue.depth(session, now) if is_of_site else None
    return render_template(
        "admin/notifications.html",
        rows=rows,
        only_failed=only_failed,
        waiting=waiting,
        jobs=jobs,
        has_mail=parts.settings.smtp is not None,
    )


def _person() -> Principal:
    """Who may be told of incidents."""
    return require(Permission.WATCH_INCIDENTS)


def _page(
    person: Principal,
    *,
    problem: str = "",
    notice: tuple[str, str] | None = None,
    address: str = "",
    kind: str = "",
    secret: tuple[int, str] | None = None,
) -> str:
    parts = services()
    with parts.database.read() as session:
        own = channels.list_own(session, person)
        villages = village_choices(session, person)
    kinds = [Channel.EMAIL, *([Channel.WEBHOOK] if channels.may_have_webhooks(person) else [])]
    return render_template(
        "account/notifications.html",
        channels=own,
        channel_kinds=kinds,
        severities=[severity.value for severity in SEVERITIES],
        rule_kinds=sorted(((name, i18n.gettext(f"kind.{name}")) for name in RULES), key=lambda item: item[1]),
        villages=villages,
        problem=problem,
        notice=notice,
        address=address,
        kind=kind,
        secret=secret,
        may_see_delivery=may(person, Permission.MANAGE_USERS),
        strings=page_strings(_PUSH_STRINGS),
        has_mail=parts.settings.smtp is not None,
    )
