"""Sends reports by mail once their period is over: once each, and missed ones together.

The period is noted as told only after the mail server took the mail. Who dies in between sends it once more, with the
same Message-ID, by which mail programs know it.
"""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from server.audit import anchors
from server.auth import service as auth
from server.db.models import User
from server.db.report_models import ReportSubscription
from server.db.work_models import NotificationChannel
from server.domain import notices
from server.domain.periods import Period
from server.domain.reports import Report
from server.errors import NotFound
from server.notifications import senders
from server.notifications.planning import is_usable
from server.notifications.senders import SendingFailed
from server.notifications.text import Attachment, Message, one_line
from server.reports import form, letterheads, rollup, sheets
from server.reports.service import report as read_report
from server.reports.subscriptions import Every, due
from server.reports.tables import file_name, heading, table, tables
from server.reports.words import Words
from server.services import Services

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Due:
    """A report that is to be sent now."""

    subscription_id: int
    period: Period
    message: Message


def send_due(parts: Services) -> int:
    """Send every report whose period is over; gives how many went out.

    Raises:
        Unavailable: The database is not to be had now.
    """
    if parts.settings.smtp is None:
        return 0
    now = parts.clock.utc()
    with parts.database.read() as session:
        waiting = session.execute(
            select(ReportSubscription.id, ReportSubscription.every, ReportSubscription.told_until).where(
                or_(ReportSubscription.next_try_at.is_(None), ReportSubscription.next_try_at <= now)
            )
        ).all()
    ready = [row.id for row in waiting if due(Every(row.every), row.told_until, now, parts.settings.zone) is not None]
    if ready:
        rollup.catch_up(parts.database, parts.settings.zone)
    sent = 0
    for subscription_id in ready:
        made = _make(parts, subscription_id, now)
        if made is not None:
            sent += _send(parts, made)
    return sent


def _make(parts: Services, subscription_id: int, now: datetime) -> _Due | None:
    """Write the mail; None where its holder may not have it any more."""
    with parts.database.read() as session:
        row = session.get(ReportSubscription, subscription_id)
        if row is None:
            return None
        period = due(Every(row.every), row.told_until, now, parts.settings.zone)
        channel, user = session.get(NotificationChannel, row.channel_id), session.get(User, row.user_id)
        if period is None or channel is None or user is None or not is_usable(channel, user):
            return None
        principal, zone = auth.principal_of_user(user), parts.settings.zone
        try:
            found = read_report(session, parts.clock, zone, principal, row.place_id, period)
        except NotFound:  # the place left the holder's scope
            return None
        anchor = str(anchors.head(session, parts.clock)) if row.every == Every.DAY else ""
        message = _compose(parts, session, row, channel, user.language or parts.settings.language, found, anchor)
        return _Due(row.id, period, message)


def _compose(
    parts: Services,
    session: Session,
    row: ReportSubscription,
    channel: NotificationChannel,
    language: str,
    found: Report,
    anchor: str,
) -> Message:
    say = Words(language, parts.settings.zone)
    site = one_line(parts.settings.site_name)
    place, period = one_line(found.place or parts.settings.site_name), say.period(found.period)
    lines = [say("report.mail.head", place=place, period=period), ""]
    lines += [
        f"- {name.text}: {now.text} ({say('report.column.before').lower()}: {was.text})"
        for name, now, was in table(found, say, "summary").rows
    ]
    most = [f"- {line[0].text}: {line[1].text}" for line in table(found, say, "kinds").rows[:-1]]
    lines += ["", say("report.kinds.title") + ":", *most] if most else []
    lines += ["", say("report.suspected.note")]
    if anchor:
        lines += ["", say("report.anchor"), anchor]
    if parts.settings.public_url:
        lines += ["", f"{parts.settings.public_url}/reports?period={found.period.kind}&at={found.period.key}"]
        lines += [say("report.mail.footer") + f" {parts.settings.public_url}/reports/mail"]
    name = file_name(found)
    if form.why_not():
        head = heading(found, say, parts.settings.site_name)
        content = sheets.as_workbook(head, tables(found, say), say)
        attachment = Attachment(f"{name}.xlsx", *sheets.WORKBOOK_TYPE, content)
    else:
        letterhead = letterheads.letterhead_of(session, found.place_id)
        content = form.as_pdf(found, letterhead, say, parts.settings.site_name, anchor=anchor)
        attachment = Attachment(f"{name}.pdf", "application", "pdf", content)
    return Message(
        id=_message_id(row, found.period),
        channel_id=channel.id,
        channel=channel.kind,
        address=channel.address,
        created_at=channel.created_at,
        language=say.language,
        subject=say("report.mail.subject", site=site, place=place, period=period),
        body="\n".join(lines) + "\n",
        data={},
        at=found.made_at,
        attachments=(attachment,),
    )


def _message_id(row: ReportSubscription, period: Period) -> UUID:
    """The same each time that a period is sent to somebody."""
    return uuid5(NAMESPACE_URL, f"langan report {row.id} {row.created_at.isoformat()} {period.key}")


def _send(parts: Services, made: _Due) -> int:
    failure: SendingFailed | None = None
    try:
        senders.send(parts.settings, made.message)
    except SendingFailed as error:
        failure = error
        fields = {"subscription": made.subscription_id, "permanent": error.permanent, "why": error.reason}
        log.warning("report_not_sent", extra={"fields": fields})
    now = parts.clock.utc()
    with parts.database.write() as session:
        row = session.get(ReportSubscription, made.subscription_id, with_for_update=True)
        if row is None:
            return int(failure is None)
        if failure is None:
            row.told_until, row.last_sent_at = made.period.last, now
            row.attempts, row.next_try_at, row.last_error = 0, None, ""
            return 1
        row.attempts, row.last_error = row.attempts + 1, failure.reason[:300]
        if failure.permanent:
            row.told_until, row.next_try_at, row.attempts = made.period.last, None, 0
        else:
            row.next_try_at = notices.retry_at(row.attempts, now, random.random())  # noqa: S311 (no secret: spreads tries)
    return 0
