"""Somebody's own notification settings: an address is proved by a code before anything is told there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from server.db.work_models import NotificationChannel
from server.jobs.registry import REGISTRY
from server.jobs.worker import Worker
from server.notifications import delivery
from tests.support.mailbox import Mailbox
from tests.support.notices import mail_settings
from tests.support.village import Village, event, running_village

PAGE = "/notifications"


@pytest.fixture
def told_village(database_url: str, tmp_path: Path, mailbox: Mailbox) -> Iterator[Village]:
    with running_village(tmp_path / "data", database_url, **mail_settings(mailbox)) as made:
        yield made


def send(browser: FlaskClient, path: str, **form: Any) -> Any:
    text = browser.get(PAGE).get_data(as_text=True)
    token = text.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]
    return browser.post(path, data={"csrf_token": token, **form})


def channels(village: Village) -> list[NotificationChannel]:
    with village.parts.database.read() as session:
        return list(session.scalars(select(NotificationChannel).order_by(NotificationChannel.id)))


def do_jobs(village: Village) -> None:
    worker = Worker(village.parts, {"notifications.confirm": REGISTRY["notifications.confirm"]})
    while worker.do_one_job():
        pass


def code_of(mailbox: Mailbox) -> str:
    found = re.search(r"\b(\d{6})\b", mailbox.mails[-1].get_content())
    assert found is not None
    return found[1]


def test_an_address_is_used_only_after_its_code_came_back(told_village: Village, mailbox: Mailbox) -> None:
    village = told_village
    officer = village.browser("officer_a")
    added = send(officer, PAGE, kind="email", address="a@example.vn", min_severity="low")
    assert added.status_code == 303
    [channel] = channels(village)
    assert channel.confirmed_at is None
    do_jobs(village)
    assert mailbox.mails[0]["To"] == "a@example.vn"
    village.post([event()])
    village.clock.advance(seconds=5)
    while delivery.work(village.parts):
        pass
    assert len(mailbox.mails) == 1
    wrong = f"{(int(code_of(mailbox)) + 1) % 1_000_000:06d}"
    assert send(officer, f"{PAGE}/{channel.id}/confirm", code=wrong).status_code == 422
    assert channels(village)[0].confirmed_at is None
    assert send(officer, f"{PAGE}/{channel.id}/confirm", code=code_of(mailbox)).status_code == 303
    assert channels(village)[0].confirmed_at is not None
    village.post([event(2000, spot="other")])
    for _ in range(2):
        village.clock.advance(seconds=5)
        while delivery.work(village.parts):
            pass
    assert len(mailbox.mails) == 2


def test_codes_cannot_be_tried_out(told_village: Village, mailbox: Mailbox) -> None:
    village = told_village
    officer = village.browser("officer_a")
    send(officer, PAGE, kind="email", address="a@example.vn", min_severity="low")
    do_jobs(village)
    path = f"{PAGE}/{channels(village)[0].id}/confirm"
    right = code_of(mailbox)
    for n in range(5):
        assert send(officer, path, code=f"{(int(right) + 1 + n) % 1_000_000:06d}").status_code == 422
    assert send(officer, path, code=right).status_code == 422
    village.clock.advance(minutes=2)
    send(officer, f"{PAGE}/{channels(village)[0].id}/code")
    do_jobs(village)
    village.clock.advance(minutes=31)
    assert send(officer, path, code=code_of(mailbox)).status_code == 422
    assert channels(village)[0].confirmed_at is None


@pytest.mark.parametrize(
    "address",
    ["", "nobody", "a@b", "a@example.vn\nBcc: x@example.vn", "a@example.vn,b@example.vn", "a" * 300 + "@example.vn"],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_no_address_is_refused(told_village: Village, address: str) -> None:
    officer = told_village.browser("officer_a")
    assert send(officer, PAGE, kind="email", address=address, min_severity="low").status_code == 422
    assert channels(told_village) == []


@pytest.mark.parametrize("kind", ["", "push", "fax", "EMAIL"])
def test_a_way_that_there_is_not_is_refused_with_what_to_do(embedded_village: Village, kind: str) -> None:
    officer = embedded_village.browser("officer_a")
    answer = send(officer, f"{PAGE}?lang=en", kind=kind, address="a@example.vn", min_severity="low")
    assert answer.status_code == 422
    assert "Choose one of the ways in the list" in answer.get_data(as_text=True)
    assert channels(embedded_village) == []


@pytest.mark.parametrize(
    "address",
    [
        "http://example.vn/hook",
        "https://127.0.0.1/hook",
        "https://[::1]/hook",
        "https://[::ffff:10.0.0.1]/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://user:secret@example.vn/",
        "https://2130706433/",
        "file:///etc/passwd",
        "https://0.0.0.0/",
        "https://[64:ff9b::7f00:1]/",
    ],
)
def test_threat_32_a_webhook_into_the_inside_is_refused_at_once(embedded_village: Village, address: str) -> None:
    admin = embedded_village.browser("admin")
    assert send(admin, PAGE, kind="webhook", address=address, min_severity="low").status_code == 422
    assert channels(embedded_village) == []


def test_webhooks_are_for_admins(embedded_village: Village) -> None:
    officer = embedded_village.browser("officer_a")
    assert send(officer, PAGE, kind="webhook", address="https://1.1.1.1/x", min_severity="low").status_code == 403


def test_one_address_once_and_not_too_many(told_village: Village) -> None:
    officer = told_village.browser("officer_a")
    for n in range(8):
        assert send(officer, PAGE, kind="email", address=f"a{n}@example.vn", min_severity="low").status_code == 303
    assert send(officer, PAGE, kind="email", address="b@example.vn", min_severity="low").status_code == 422
    send(officer, f"{PAGE}/{channels(told_village)[0].id}/remove")
    assert send(officer, PAGE, kind="email", address="A1@example.vn", min_severity="low").status_code == 422
    assert len(channels(told_village)) == 7


def test_somebody_else_s_channel_is_404(told_village: Village) -> None:
    village = told_village
    send(village.browser("officer_a"), PAGE, kind="email", address="a@example.vn", min_severity="low")
    [channel] = channels(village)
    other = village.browser("officer_a2")
    for end in ("", "/remove", "/code", "/secret"):
        assert send(other, f"{PAGE}/{channel.id}{end}", min_severity="low").status_code == 404
    assert send(other, f"{PAGE}/{channel.id}/confirm", code="123456").status_code == 422
    assert "a@example.vn" not in other.get(PAGE).get_data(as_text=True)
    assert village.browser("resident_a").get(PAGE).status_code == 403


def test_a_choice_stays_within_the_scope(told_village: Village) -> None:
    village = told_village
    officer = village.browser("officer_a")
    send(officer, PAGE, kind="email", address="a@example.vn", min_severity="low")
    path = f"{PAGE}/{channels(village)[0].id}"
    form = {"min_severity": "high", "kinds": ["crowding", "nonsense"], "places": ["village-a", "village-b"]}
    assert send(officer, path, **form).status_code == 303
    [channel] = channels(village)
    assert (channel.min_severity, channel.kinds, channel.places) == ("high", ["crowding"], ["village-a"])
    assert not channel.active


def test_the_page_speaks_both_languages(embedded_village: Village) -> None:
    browser = embedded_village.browser("admin")
    assert "Thông báo của tôi" in browser.get(PAGE).get_data(as_text=True)
    assert "My notifications" in browser.get(f"{PAGE}?lang=en").get_data(as_text=True)
    assert "Tình trạng gửi thông báo" in browser.get("/admin/notifications").get_data(as_text=True)
    assert browser.get("/admin/retention?lang=en").status_code == 200
