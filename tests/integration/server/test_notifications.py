"""Who is told of an incident, how, and what becomes of it: against a real mail server and a real HTTPS receiver."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from contract.ids import uuid7
from server.db.models import Camera, Incident, User
from server.db.work_models import NotificationChannel, NotificationOutbox
from server.domain.access import Principal
from server.domain.grouping import Severity
from server.domain.incident import IncidentAction
from server.domain.notices import Channel, NoticeState
from server.incidents import service as incidents
from server.notifications import delivery, planning, senders
from tests.support.https_files import make_certificate
from tests.support.mailbox import Mailbox, running_mailbox
from tests.support.notices import add_channel, notifications, send_due
from tests.support.village import Village, event, running_village
from tests.support.webhook import Webhook, running_webhook


@pytest.fixture
def webhook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    certificate, key = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with running_webhook(certificate, key) as hook:
        yield hook


def test_an_officer_is_told_by_mail_once_in_their_language_with_a_link(told_village: Village, mailbox: Mailbox) -> None:
    village = told_village
    add_channel(village, "officer_a")
    add_channel(village, "officer_b")
    result = village.post([event()]).get_json()["results"][0]
    village.post([event(20)])
    send_due(village)
    send_due(village)
    [mail] = mailbox.mails
    assert mail["To"] == "officer_a@example.vn"
    body = mail.get_content()
    assert f"https://lang-an.example.vn/incidents/{result['incident_id']}" in body
    assert "Nghi vấn" in body
    assert "09:00, 02/03/2026" in body  # of the village, not UTC
    assert mail["Auto-Submitted"] == "auto-generated"
    assert not list(mail.iter_attachments())
    [row] = notifications(village)
    assert (row.state, row.decision, row.attempts) == (NoticeState.SENT, "alert", 0)
    with village.parts.database.write() as session:
        session.execute(update(User).where(User.username == "officer_a").values(language="en"))
    village.post([event(2000, spot="elsewhere")])
    send_due(village)
    assert "Suspected" in mailbox.mails[1].get_content()


def test_only_what_was_chosen_is_told(told_village: Village, mailbox: Mailbox) -> None:
    village = told_village
    add_channel(village, "officer_a", min_severity=Severity.HIGH, address="high@example.vn")
    add_channel(village, "officer_a", kinds=["intrusion"], address="intrusion@example.vn")
    add_channel(village, "officer_commune", places=["village-b"], address="village-b@example.vn")
    add_channel(village, "officer_a", active=False, address="paused@example.vn")
    add_channel(village, "officer_a", confirmed_at=None, address="unconfirmed@example.vn")
    add_channel(village, "resident_a", address="resident@example.vn")
    village.post([event()])
    send_due(village)
    assert mailbox.mails == []
    village.post([event(100, kind="intrusion", spot="yard")])
    village.post([event(village="village-b")], device="box-b")
    send_due(village)
    assert sorted(mail["To"] for mail in mailbox.mails) == [
        "high@example.vn",
        "intrusion@example.vn",
        "village-b@example.vn",
    ]


def test_what_grows_worse_while_it_is_being_sent_is_told_again(
    told_village: Village, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    village = told_village
    add_channel(village, "officer_a")
    village.post([event()])
    delivery.work(village.parts)
    village.clock.advance(seconds=4)
    under_way, go_on = threading.Event(), threading.Event()
    send, recipients = senders.send, planning.confirmed_channels

    def slowly(*parcel: Any) -> None:
        under_way.set()
        assert go_on.wait(60)
        send(*parcel)

    def chosen(session: Session) -> list[tuple[NotificationChannel, Principal]]:
        go_on.set()  # the notification's row has been read: now its mail goes out ...
        sending.join(timeout=1.5)  # ... and is written down, if nothing keeps it from that
        return recipients(session)

    sending = threading.Thread(target=delivery.work, args=[village.parts])
    with monkeypatch.context() as patched:
        patched.setattr(senders, "send", slowly)
        sending.start()
        assert under_way.wait(60)
        village.post([event(10 * n) for n in range(1, 8)])
        patched.setattr(planning, "confirmed_channels", chosen)
        assert planning.plan(village.parts.database, village.clock)
        sending.join()
    send_due(village)
    assert len(mailbox.mails) == 2


def test_a_worse_severity_is_told_again(told_village: Village, mailbox: Mailbox) -> None:
    village = told_village
    add_channel(village, "officer_a")
    village.post([event()])
    send_due(village)
    village.post([event(10 * n) for n in range(1, 8)])
    send_due(village)
    assert len(mailbox.mails) == 2
    assert "Trung bình" in mailbox.mails[0]["Subject"]
    assert "Cao" in mailbox.mails[1]["Subject"]
    assert len(notifications(village)) == 1


def test_who_lost_the_right_while_it_waited_is_not_told(told_village: Village, mailbox: Mailbox) -> None:
    village = told_village
    add_channel(village, "officer_a")
    add_channel(village, "officer_a2")
    village.post([event()])
    while delivery.work(village.parts):
        pass
    with village.parts.database.write() as session:
        session.execute(update(User).where(User.username == "officer_a").values(place_id="village-b"))
        session.execute(update(User).where(User.username == "officer_a2").values(active=False))
    send_due(village)
    assert mailbox.mails == []
    assert {row.state for row in notifications(village)} == {NoticeState.DROPPED}


def test_what_was_handled_while_it_waited_is_not_told(told_village: Village, mailbox: Mailbox) -> None:
    village = told_village
    add_channel(village, "officer_a")
    result = village.post([event()]).get_json()["results"][0]
    with village.parts.database.write() as session:
        incident = session.scalars(select(Incident)).one()
        incidents.act(
            session, village.clock, village.principal("officer_a"), incident.id, IncidentAction.RESOLVE, version=1
        )
    send_due(village)
    assert result["incident_id"]
    assert mailbox.mails == []


def test_fifty_incidents_at_once_become_one_summary(told_village: Village, mailbox: Mailbox) -> None:
    village = told_village
    add_channel(village, "officer_a")
    village.post([event(n, spot=f"spot-{n}") for n in range(50)])
    send_due(village)
    [mail] = mailbox.mails
    assert "50" in mail["Subject"]
    assert mail.get_content().count("Nghi vấn") == 30  # and "20 more"
    assert "20" in mail.get_content()
    rows = notifications(village)
    assert len(rows) == 50
    assert {row.state for row in rows} == {NoticeState.SENT}
    assert len({row.message_id for row in rows}) == 1


def test_fifty_incidents_over_five_minutes_are_five_mails_and_one_summary(
    told_village: Village, mailbox: Mailbox
) -> None:
    village = told_village
    add_channel(village, "officer_a")
    for n in range(50):
        village.post([event(6 * n, spot=f"spot-{n}")])
        send_due(village, 3)
    assert len(mailbox.mails) == 5
    send_due(village, 300)
    assert len(mailbox.mails) == 6
    assert "45" in mailbox.mails[5]["Subject"]


def test_a_mail_server_that_is_down_is_tried_again_with_the_same_message(tmp_path: Path, database_url: str) -> None:
    with running_mailbox() as box:
        port = box.port
    settings = {"smtp_url": f"smtp://127.0.0.1:{port}?tls=none", "mail_from": "lang-an@example.vn"}
    with running_village(tmp_path / "data", database_url, **settings) as village:
        add_channel(village, "officer_a")
        village.post([event()])
        send_due(village)
        [row] = notifications(village)
        assert row.state is NoticeState.PENDING
        assert row.attempts == 1
        assert "not reached" in row.last_error
        assert row.next_at is not None
        # 10 s and a quarter more or less, since one of the two times that `send_due` let pass
        assert 7.5 - 4 <= (row.next_at - village.clock.utc()).total_seconds() <= 12.5
        with running_mailbox(port) as box:
            send_due(village, 20)
            [mail] = box.mails
        assert str(row.message_id) in mail["Message-ID"]
        assert notifications(village)[0].state is NoticeState.SENT


def test_an_address_that_is_unknown_is_given_up_and_shown(told_village: Village, mailbox: Mailbox) -> None:
    village = told_village
    mailbox.refusals["officer_a@example.vn"] = "550 no such user"
    mailbox.refusals["officer_a2@example.vn"] = "451 greylisted"
    add_channel(village, "officer_a")
    add_channel(village, "officer_a2")
    village.post([event()])
    send_due(village)
    assert sorted(row.state for row in notifications(village)) == [NoticeState.FAILED, NoticeState.PENDING]


def test_what_could_not_be_sent_for_a_day_is_given_up(told_village: Village, mailbox: Mailbox) -> None:
    village = told_village
    mailbox.refusals["officer_a@example.vn"] = "451 try later"
    add_channel(village, "officer_a")
    village.post([event()])
    for _ in range(60):
        send_due(village, 1800)
    [row] = notifications(village)
    assert row.state is NoticeState.FAILED
    assert row.next_at is None


def test_a_webhook_gets_a_signed_post(webhook: Webhook, database_url: str, tmp_path: Path) -> None:
    settings = {"webhook_networks": "127.0.0.0/8,::1/128", "public_url": "https://lang-an.example.vn"}
    with running_village(tmp_path / "data", database_url, **settings) as village:
        channel_id = add_channel(village, "admin", Channel.WEBHOOK, address=webhook.url)
        village.post([event()])
        webhook.answers.append((503, {}))
        send_due(village)
        send_due(village, 30)
        first, second = webhook.posts
        assert first.body != b""
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        with village.parts.database.read() as session:
            created_at = session.get_one(NotificationChannel, channel_id).created_at
        secret = senders.webhook_secret(village.parts.settings, channel_id, created_at)
        signed = f"{second.headers['webhook-id']}.{second.headers['webhook-timestamp']}.".encode() + second.body
        key = base64.b64decode(secret.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert second.headers["webhook-signature"] == f"v1,{expected}"
        body = json.loads(second.body)
        assert body["type"] == "incident"
        [told] = body["data"]["incidents"]
        assert told["kind"] == "crowding"
        assert told["url"].startswith("https://lang-an.example.vn/incidents/")
        assert not re.search(r"plate|facts|sha256|jpg", second.body.decode())
        assert notifications(village)[0].state is NoticeState.SENT


@pytest.mark.parametrize("networks", ["", "10.0.0.0/8"])
def test_threat_32_a_webhook_leads_into_no_network_that_was_not_named(
    webhook: Webhook, tmp_path: Path, networks: str
) -> None:
    with running_village(tmp_path / "data", webhook_networks=networks) as village:
        add_channel(village, "admin", Channel.WEBHOOK, address=webhook.url)
        village.post([event()])
        send_due(village)
        assert webhook.posts == []
        [row] = notifications(village)
        assert row.state is NoticeState.FAILED
        assert "LANGAN_WEBHOOK_NETWORKS" in row.last_error


def test_threat_32_a_webhook_that_redirects_is_not_followed(webhook: Webhook, tmp_path: Path) -> None:
    with running_village(tmp_path / "data", webhook_networks="127.0.0.0/8,::1/128") as village:
        add_channel(village, "admin", Channel.WEBHOOK, address=webhook.url)
        webhook.answers.append((302, {"Location": f"https://localhost:{webhook.port}/other"}))
        village.post([event()])
        send_due(village)
        assert [post.path for post in webhook.posts] == ["/hook"]
        assert notifications(village)[0].state is NoticeState.FAILED


def test_a_webhook_with_a_certificate_of_another_name_gets_nothing(
    webhook: Webhook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_village(tmp_path / "data", webhook_networks="127.0.0.0/8") as village:
        add_channel(village, "admin", Channel.WEBHOOK, address=f"https://127.0.0.1:{webhook.port}/hook")
        village.post([event()])
        send_due(village)
        assert webhook.posts == []
        assert "certificate" in notifications(village)[0].last_error


def test_threat_29_a_camera_s_name_stays_within_its_line(told_village: Village, mailbox: Mailbox) -> None:
    village = told_village
    add_channel(village, "officer_a")
    village.post([event()])
    name = "Cổng\r\nBcc: everybody@example.vn\r\n\r\n<script>alert(1)</script>\u202e"
    with village.parts.database.write() as session:
        session.execute(update(Camera).values(name=name[:120]))
    send_due(village)
    [mail] = mailbox.mails
    assert mail["Bcc"] is None
    assert mail.get_content_type() == "text/plain"
    [line] = [line for line in mail.get_content().splitlines() if line.startswith("Camera:")]
    assert "Bcc: everybody@example.vn <script>" in line
    assert "\u202e" not in line


def test_nothing_is_left_in_the_outbox(told_village: Village) -> None:
    village = told_village
    add_channel(village, "officer_a")
    same = uuid7(village.clock.utc())
    village.post([event(event_id=same)])
    village.post([event(event_id=same)])
    send_due(village)
    with village.parts.database.read() as session:
        assert session.scalar(select(func.count()).select_from(NotificationOutbox)) == 0
