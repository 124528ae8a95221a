"""Reports by mail: each once, to confirmed addresses, of their place."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pypdf
import pytest
from sqlalchemy import select, update

from server.audit import anchors
from server.db.models import User
from server.db.report_models import ReportSubscription
from server.db.work_models import NotificationChannel
from server.domain.access import Role
from server.domain.grouping import Severity
from server.domain.notices import Channel
from server.jobs.registry import REGISTRY
from server.reports import form, mailing, subscriptions
from tests.support.mailbox import Mailbox, running_mailbox
from tests.support.reports import ZONE, happen
from tests.support.village import Village, event, running_village

SENDER = "Làng An <lang-an@example.vn>"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with running_mailbox() as box:
        yield box


@pytest.fixture
def mailing_village(database_url: str, tmp_path: Path, mailbox: Mailbox) -> Iterator[Village]:
    mail = {"smtp_url": mailbox.url, "mail_from": SENDER, "public_url": "https://lang-an.example.vn"}
    with running_village(tmp_path / "data", database_url, **mail) as made:
        yield made


def subscribe(village: Village, every: str, *, name: str = "officer_commune", confirmed: bool = True) -> None:
    with village.parts.database.write() as session:
        address = f"{name}@example.vn"
        known = select(NotificationChannel).where(NotificationChannel.address == address)
        channel = session.scalars(known).first() or NotificationChannel(
            user_id=village.user_ids[name],
            kind=Channel.EMAIL,
            address=address,
            min_severity=Severity.CRITICAL,
            kinds=[],
            places=[],
            active=True,
            created_at=village.clock.utc(),
            confirmed_at=village.clock.utc() if confirmed else None,
            code_attempts=0,
        )
        session.add(channel)
        session.flush()
        who = village.principal(name)
        subscriptions.add(session, village.clock, ZONE, who, channel.id, None, every)


def send(village: Village) -> int:
    sent = mailing.send_due(village.parts)
    assert mailing.send_due(village.parts) == 0  # once
    return sent


def test_a_daily_report_comes_once_after_its_day_with_the_head_of_the_audit_log(
    mailing_village: Village, mailbox: Mailbox
) -> None:
    village = mailing_village
    happen(village)
    subscribe(village, "day")
    assert send(village) == 0
    village.clock.advance(hours=18)  # 04:30 of the next day: boxes may still tell of the night
    assert send(village) == 0
    village.clock.advance(hours=2)
    with village.parts.database.read() as session:
        anchor = str(anchors.head(session, village.clock))
    assert send(village) == 1
    mail = mailbox.to("officer_commune@example.vn")[0]
    assert mail["Subject"] == "[Làng An] Báo cáo Xã Nhơn Lộc – Ngày 02/03/2026"
    body = mail.get_body()
    assert body is not None
    text = body.get_content()
    assert anchor in text
    assert "- Vụ việc: 5 (kỳ trước: 0)" in text
    assert "https://lang-an.example.vn/reports?period=day&at=2026-03-02" in text
    files = list(mail.iter_attachments())
    assert len(files) == 1
    if not form.why_not():
        assert files[0].get_filename() == "langan-nhon-loc-2026-03-02.pdf"
        document = pypdf.PdfReader(io.BytesIO(files[0].get_content()))
        assert anchor[:20] in "".join(page.extract_text() for page in document.pages)
    village.clock.advance(days=1)
    assert send(village) == 1


def test_missed_days_come_together_and_once(mailing_village: Village, mailbox: Mailbox) -> None:
    village = mailing_village
    happen(village)
    subscribe(village, "day")
    village.clock.advance(days=4)
    assert send(village) == 1
    assert "Từ 02/03/2026 đến 05/03/2026" in mailbox.mails[0]["Subject"]
    village.clock.advance(days=1)
    assert send(village) == 1
    assert mailbox.mails[1]["Subject"].endswith("Ngày 06/03/2026")


def test_weekly_and_monthly_reports_follow_the_calendar(mailing_village: Village, mailbox: Mailbox) -> None:
    village = mailing_village
    subscribe(village, "week")
    subscribe(village, "month")
    village.clock.advance(days=6)  # Sunday
    assert send(village) == 0
    village.clock.advance(days=1)
    assert send(village) == 1
    assert "Tuần 10 năm 2026" in mailbox.mails[0]["Subject"]
    body = mailbox.mails[0].get_body()
    assert body is not None
    assert "audit" not in body.get_content()  # only the daily one carries the head of the log
    village.clock.advance(days=24)  # 2 April
    assert send(village) == 2


def test_a_mail_that_is_not_taken_is_tried_again_with_the_same_number(
    mailing_village: Village, mailbox: Mailbox
) -> None:
    village = mailing_village
    subscribe(village, "day")
    village.clock.advance(days=1)
    mailbox.refusals["officer_commune@example.vn"] = "451 later"
    assert send(village) == 0
    with village.parts.database.read() as session:
        row = session.scalars(select(ReportSubscription)).one()
        assert row.next_try_at is not None
        assert "451" in row.last_error
    mailbox.refusals.clear()
    assert send(village) == 0  # not at once
    village.clock.advance(minutes=5)
    assert send(village) == 1
    mailbox.refusals["officer_commune@example.vn"] = "550 unknown"
    village.clock.advance(days=1)
    assert send(village) == 0
    with village.parts.database.read() as session:
        row = session.scalars(select(ReportSubscription)).one()
        assert "550" in row.last_error
        assert row.next_try_at is None  # trying this one again cannot help


def test_nothing_is_sent_to_an_unconfirmed_address_or_out_of_the_scope(
    mailing_village: Village, mailbox: Mailbox
) -> None:
    village = mailing_village
    subscribe(village, "day", name="officer_a", confirmed=False)
    subscribe(village, "day", name="officer_b")
    with village.parts.database.write() as session:
        session.execute(update(ReportSubscription).values(place_id="village-b"))
        session.execute(update(User).where(User.username == "officer_b").values(place_id="village-a"))
    village.clock.advance(days=1)
    assert send(village) == 0
    assert mailbox.mails == []


def test_a_leader_adds_an_address_confirms_it_and_is_told_of_no_incident(
    database_url: str, tmp_path: Path, mailbox: Mailbox
) -> None:
    mail = {"smtp_url": mailbox.url, "mail_from": SENDER}
    with running_village(tmp_path / "data", database_url, **mail) as village:
        with village.parts.database.write() as session:
            session.execute(update(User).where(User.username == "officer_commune").values(role=Role.LEADER))
        browser = village.browser("officer_commune")

        def post(where: str, **values: str) -> int:
            page = browser.get("/reports/mail").get_data(as_text=True)
            token = re.search(r'name="csrf_token" value="([^"]+)"', page)
            assert token is not None
            return browser.post(where, data={"csrf_token": token[1], **values}).status_code

        assert post("/reports/mail/addresses", address="lanh-dao@example.vn") == 303
        assert post("/reports/mail/addresses", address="không phải") == 422
        with village.parts.database.read() as session:
            channel = session.scalars(select(NotificationChannel)).one().id
        REGISTRY["notifications.confirm"].run(village.parts, {"channel_id": channel})
        body = mailbox.to("lanh-dao@example.vn")[0].get_body()
        assert body is not None
        code = re.search(r"\b(\d{6,})\b", body.get_content())
        assert code is not None
        assert post(f"/reports/mail/addresses/{channel}/confirm", code="000000") == 422
        assert post(f"/reports/mail/addresses/{channel}/confirm", code=code[1]) == 303
        values = {"channel": str(channel), "every": "month", "place": "village-a"}
        assert post("/reports/mail/subscriptions", **values) == 303
        assert post("/reports/mail/subscriptions", **values) == 422  # the same once more
        assert post("/reports/mail/subscriptions", **(values | {"place": "gia-lai"})) == 422
        assert "Hằng tháng" in browser.get("/reports/mail").get_data(as_text=True)
        village.post([event(0)])
        assert browser.get("/notifications").status_code == 403
        with village.parts.database.read() as session:
            own = subscriptions.list_own(session, village.principal("officer_commune"))[0].id
        assert post(f"/reports/mail/subscriptions/{own}/remove") == 303
        assert post(f"/reports/mail/subscriptions/{own}/remove") == 404
