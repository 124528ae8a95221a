"""kill -9 at the worst moments: whoever was to be told is told, by real processes and a real mail server."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from server.db.models import Incident
from server.db.work_models import Notification, NotificationOutbox
from server.domain.notices import NoticeState
from server.notifications import delivery
from tests.integration.server.test_crash_threats import crashing, environment, now_event
from tests.support.mailbox import Mailbox
from tests.support.notices import PUBLIC_URL, add_channel, mail_settings
from tests.support.village import MovableClock, Village

ROOT = Path(__file__).parents[3]
PATIENCE_S = 120.0


@pytest.fixture
def told_village(told_village: Village) -> Village:
    """A village with an officer who is told by mail; all its processes know the mail server and the real time."""
    add_channel(told_village, "officer_a", at=datetime.now(UTC))
    return told_village


def in_environment(mailbox: Mailbox) -> dict[str, str]:
    return {
        f"LANGAN_{name.upper()}": str(value)
        for name, value in (mail_settings(mailbox) | {"public_url": PUBLIC_URL}).items()
    }


@contextmanager
def worker(village: Village, mailbox: Mailbox) -> Iterator[subprocess.Popen[bytes]]:
    """`langan-server worker`, killed at the end."""
    child = subprocess.Popen(
        [sys.executable, "-m", "server.cli", "worker"],
        env=environment(village, LANGAN_JOBS="separate", **in_environment(mailbox)),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def wait_until(what: str, is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError(f"no {what} within {PATIENCE_S:.0f} s")


def states(village: Village) -> list[NoticeState]:
    with village.parts.database.read() as session:
        return list(session.scalars(select(Notification.state)))


def post(village: Village, url: str, bodies: list[dict[str, Any]]) -> httpx.Response:
    return httpx.post(f"{url}/api/v1/events", json={"events": bodies}, auth=village.auth("box-a"), timeout=60)


def test_threat_07_killed_between_commit_and_sending_the_mail_is_sent(told_village: Village, mailbox: Mailbox) -> None:
    village = told_village
    with crashing(village, "after_commit") as (child, url):
        with pytest.raises(httpx.TransportError):
            post(village, url, [now_event()])
        assert child.wait(30) == -signal.SIGKILL
    assert mailbox.mails == []
    with worker(village, mailbox):
        wait_until("mail", lambda: bool(mailbox.mails))
        wait_until("word of it", lambda: states(village) == [NoticeState.SENT])
    with village.parts.database.read() as session:
        incident = session.scalars(select(Incident)).one()
    assert f"{PUBLIC_URL}/incidents/{incident.id}" in mailbox.mails[0].get_content()
    assert len(mailbox.mails) == 1


def test_threat_05_killed_before_commit_nobody_is_told(told_village: Village) -> None:
    village = told_village
    with crashing(village, "before_commit") as (child, url):
        with pytest.raises(httpx.TransportError):
            post(village, url, [now_event()])
        assert child.wait(30) == -signal.SIGKILL
    with village.parts.database.read() as session:
        assert session.scalars(select(NotificationOutbox)).all() == []


def test_threat_07_workers_that_are_killed_again_and_again_leave_nobody_untold(
    told_village: Village, mailbox: Mailbox
) -> None:
    village, chance = told_village, random.Random(7)
    with crashing(village, "") as (_, url):
        for cycle in range(6):
            with worker(village, mailbox):
                time.sleep(chance.uniform(0.0, 2.5))
                bodies = [now_event() | {"spot": f"spot-{cycle}-{n}"} for n in range(5)]
                assert post(village, url, bodies).status_code == 200
                time.sleep(chance.uniform(0.0, 4.0))  # the group wait is 3 s: some die before, some while sending
    clock = MovableClock(datetime.now(UTC) + timedelta(minutes=10))  # every lease has run out
    parts = village.parts.__class__(
        **{name: getattr(village.parts, name) for name in village.parts.__slots__} | {"clock": clock}
    )
    for _ in range(4):
        while delivery.work(parts):
            pass
        clock.advance(minutes=6)
    with village.parts.database.read() as session:
        told = {f"{PUBLIC_URL}/incidents/{incident.id}" for incident in session.scalars(select(Incident))}
    assert len(told) == 30
    assert set(states(village)) == {NoticeState.SENT}
    with village.parts.database.read() as session:
        sent = {row.message_id for row in session.scalars(select(Notification))}
    carried = {mail["Message-ID"].strip("<>").partition("@")[0] for mail in mailbox.mails}
    assert {str(item) for item in sent} <= carried


def test_threat_15_a_worker_that_is_told_to_stop_ends_what_it_does(told_village: Village, mailbox: Mailbox) -> None:
    village = told_village
    with crashing(village, "") as (_, url):
        post(village, url, [now_event()])
    with worker(village, mailbox) as child:
        wait_until("mail", lambda: bool(mailbox.mails))
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0
    assert states(village) == [NoticeState.SENT]
