"""The leaders' pages: a report and its files, the letterhead, reports by mail."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from server import i18n
from server.auth.web import request_id, require
from server.domain.access import Permission, Principal, may
from server.domain.grouping import Severity
from server.domain.notices import Channel
from server.domain.periods import Period, PeriodKind, read_period
from server.domain.reports import Report
from server.errors import InvalidInput, NotFound, TooManyRequests
from server.notifications import channels, confirming
from server.notifications.channels import ChannelRefused, Choice
from server.reports import form, letterheads, service, sheets, subscriptions
from server.reports.charts import charts
from server.reports.letterheads import Head
from server.reports.subscriptions import Every
from server.reports.tables import file_name, heading, tables
from server.reports.words import Words
from server.services import services

blueprint = Blueprint("reports", __name__)


@blueprint.get("/reports")
def page() -> BaseResponse:
    """A report, with charts and tables."""
    principal, parts = require(Permission.READ_OVERVIEW), services()
    period, is_one = _period()
    say = _words()
    with parts.database.read() as session:
        found = _read(session, principal, period)
        places = service.places_of(session, principal)
        may_head = found.place_id is not None and letterheads.may_write(session, principal, found.place_id)
    body = render_template(
        "reports/report.html",
        report=found,
        place=found.place or parts.settings.site_name,
        tables={table.id: table for table in tables(found, say)},
        charts=charts(found, say),
        say=say,
        places=places,
        whole_site=principal.place_id is None,
        period=period,
        kinds=[(kind.value, i18n.gettext(f"report.kind.{kind}")) for kind in PeriodKind],
        problem="" if is_one else i18n.gettext("report.period.wrong"),
        earlier=_address(found.place_id, period.before()),
        later=_address(found.place_id, period.after()) if found.is_over else "",
        files=[(ending, url_for("reports.file", ending=ending, **_query(found))) for ending in ("pdf", "xlsx", "csv")],
        why_no_pdf=form.why_not(),
        packages=form.PACKAGES,
        place_address=lambda place_id: _address(place_id, period),
        may_head=may_head,
    )
    return make_response(body, 200 if is_one else 422)


@blueprint.get("/reports/file.<ending>")
def file(ending: str) -> Response:
    """The same as PDF, workbook or CSV."""
    principal, parts = require(Permission.READ_OVERVIEW), services()
    period, is_one = _period()
    if ending not in {"pdf", "xlsx", "csv"}:
        raise NotFound("no such file", "Choose PDF, XLSX or CSV.")
    if not is_one:
        raise InvalidInput("this is no period", "Choose one on the page of the report.")
    say = _words()
    with parts.database.read() as session:
        found = _read(session, principal, period)
        head = letterheads.letterhead_of(session, found.place_id)
    if ending == "pdf":
        content, kind = form.as_pdf(found, head, say, parts.settings.site_name), "application/pdf"
    else:
        made, top = tables(found, say), heading(found, say, parts.settings.site_name)
        if ending == "csv":
            content, kind = sheets.as_csv(top, made), "text/csv; charset=utf-8"
        else:
            content, kind = sheets.as_workbook(top, made, say), "/".join(sheets.WORKBOOK_TYPE)
    response = Response(content, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name(found)}.{ending}"'
    return response


@blueprint.get("/reports/letterhead")
def letterhead() -> str:
    """What the printed form carries beside the numbers."""
    principal, place_id = require(Permission.MANAGE_REPORTS), request.args.get("place") or None
    return _letterhead_page(principal, place_id)


@blueprint.post("/reports/letterhead")
def save_letterhead() -> BaseResponse:
    """Keep it."""
    principal, parts = require(Permission.MANAGE_REPORTS), services()
    place_id = request.form.get("place", "")
    try:
        head = Head.read(request.form)
    except InvalidInput as error:
        return make_response(_letterhead_page(principal, place_id or None, problem=error.message), 422)
    with parts.database.write() as session:
        letterheads.write(session, parts.clock, principal, place_id, head, request_id=request_id())
    return redirect(url_for("reports.letterhead", place=place_id, saved=1), 303)


def _letterhead_page(principal: Principal, place_id: str | None, problem: str = "") -> str:
    with services().database.read() as session:
        places = service.places_of(session, principal)
        if place_id is None:
            place_id = principal.place_id or (places[0][0] if places else None)
        if place_id is None or not letterheads.may_write(session, principal, place_id):
            raise NotFound("no such place in your area", "Choose one of the list.")
        head = letterheads.letterhead_of(session, place_id)
    saved = ("good", i18n.gettext("letterhead.saved")) if "saved" in request.args else None
    return render_template(
        "reports/letterhead.html", head=head, places=places, place_id=place_id, problem=problem, notice=saved
    )


@blueprint.get("/reports/mail")
def mail() -> str:
    """Which reports come by mail, and where to."""
    notice = ("good", i18n.gettext("notices.saved")) if "saved" in request.args else None
    return _mail_page(require(Permission.READ_OVERVIEW), notice=notice)


@blueprint.post("/reports/mail/subscriptions")
def subscribe() -> BaseResponse:
    """Subscribe to a report."""
    principal, parts = require(Permission.READ_OVERVIEW), services()
    try:
        with parts.database.write() as session:
            subscriptions.add(
                session,
                parts.clock,
                parts.settings.zone,
                principal,
                request.form.get("channel", type=int, default=0),
                request.form.get("place") or None,
                request.form.get("every", ""),
                request_id=request_id(),
            )
    except (InvalidInput, NotFound):
        return make_response(_mail_page(principal, problem=i18n.gettext("report.mail.refused")), 422)
    return redirect(url_for("reports.mail", saved=1), 303)


@blueprint.post("/reports/mail/subscriptions/<int:subscription_id>/remove")
def unsubscribe(subscription_id: int) -> BaseResponse:
    """Stop a report."""
    principal, parts = require(Permission.READ_OVERVIEW), services()
    with parts.database.write() as session:
        subscriptions.remove(session, parts.clock, principal, subscription_id, request_id=request_id())
    return redirect(url_for("reports.mail", saved=1), 303)


@blueprint.post("/reports/mail/addresses")
def add_address() -> BaseResponse:
    """Add a mail address; a code is sent there."""
    principal, parts = require(Permission.READ_OVERVIEW), services()
    address = request.form.get("address", "")
    # Of those who may be told of incidents, an address that came for reports is told only of the worst.
    choice = Choice(Severity.CRITICAL, (), ())
    try:
        with parts.database.write() as session:
            channels.add(session, parts.clock, principal, Channel.EMAIL, address, choice, (), request_id=request_id())
    except ChannelRefused as error:
        problem = i18n.gettext(f"notices.{error.refusal}", most=channels.MAX_CHANNELS)
        return make_response(_mail_page(principal, problem=problem, address=address[:254]), 422)
    return redirect(url_for("reports.mail"), 303)


@blueprint.post("/reports/mail/addresses/<int:channel_id>/confirm")
def confirm_address(channel_id: int) -> BaseResponse:
    """Take the code that was sent there."""
    principal, parts = require(Permission.READ_OVERVIEW), services()
    try:
        confirming.confirm(parts, int(principal.id), channel_id, request.form.get("code", ""))
    except (InvalidInput, TooManyRequests) as error:
        msgid = "notices.too_many" if isinstance(error, TooManyRequests) else "notices.wrong_code"
        return make_response(_mail_page(principal, problem=i18n.gettext(msgid)), 422)
    return redirect(url_for("reports.mail", saved=1), 303)


@blueprint.post("/reports/mail/addresses/<int:channel_id>/code")
def send_code(channel_id: int) -> BaseResponse:
    """Send a new code."""
    principal, parts = require(Permission.READ_OVERVIEW), services()
    with parts.database.write() as session:
        channels.ask_code(session, parts.clock, principal, channel_id)
    return redirect(url_for("reports.mail"), 303)


@blueprint.post("/reports/mail/addresses/<int:channel_id>/remove")
def remove_address(channel_id: int) -> BaseResponse:
    """Remove an address, with the reports that go there."""
    principal, parts = require(Permission.READ_OVERVIEW), services()
    with parts.database.write() as session:
        channels.remove(session, parts.clock, principal, channel_id, request_id=request_id())
    return redirect(url_for("reports.mail", saved=1), 303)


def _mail_page(
    principal: Principal, *, problem: str = "", notice: tuple[str, str] | None = None, address: str = ""
) -> str:
    parts = services()
    with parts.database.read() as session:
        own = subscriptions.list_own(session, principal)
        addresses = subscriptions.mail_addresses(session, principal)
        places = service.places_of(session, principal)
    return render_template(
        "reports/mail.html",
        subscriptions=own,
        addresses=addresses,
        places=places,
        place_names={place_id: name.strip() for place_id, name in places},
        whole_site=principal.place_id is None,
        rhythms=[(every.value, i18n.gettext(f"report.every.{every}")) for every in Every],
        is_told_of_incidents=may(principal, Permission.WATCH_INCIDENTS),
        has_mail=parts.settings.smtp is not None,
        problem=problem,
        notice=notice,
        address=address,
    )


def _period() -> tuple[Period, bool]:
    parts = services()
    today = parts.clock.utc().astimezone(parts.settings.zone).date()
    return read_period(request.args, today)


def _read(session: Session, principal: Principal, period: Period) -> Report:
    parts = services()
    place_id = request.args.get("place") or None
    return service.report(session, parts.clock, parts.settings.zone, principal, place_id, period)


def _words() -> Words:
    return Words(i18n.current_locale(), services().settings.zone)


def _query(found: Report) -> dict[str, Any]:
    query = {"period": found.period.kind.value, "at": found.period.key}
    return query if found.place_id is None else {"place": found.place_id, **query}


def _address(place_id: str | None, period: Period) -> str:
    query: dict[str, Any] = {"period": period.kind.value, "at": period.key}
    return url_for("reports.page", **(query if place_id is None else {"place": place_id, **query}))
