"""Web push, against a push service on loopback that checks who signed and a browser that opens what was sealed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from contract.ids import uuid7
from server.db.models import Incident, User
from server.db.push_models import PushKey, PushSubscription
from server.db.work_models import Notification, NotificationChannel
from server.domain.grouping import Severity
from server.domain.notices import STORM_MESSAGES, Channel, NoticeState
from server.notifications import outbox
from server.push import keys
from tests.support.forms import csrf
from tests.support.https_files import make_certificate
from tests.support.notices import notifications, send_due
from tests.support.push_service import PushBrowser, PushService, running_push_service
from tests.support.village import Village, event, running_village


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PushService]:
    certificate, key = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with running_push_service(certificate, key) as made:
        yield made


@pytest.fixture
def village(database_url: str, tmp_path: Path, service: PushService) -> Iterator[Village]:
    """A server that may post to loopback: everywhere else push services have public addresses."""
    more: dict[str, Any] = {"webhook_networks": "127.0.0.0/8", "mail_from": "Làng An <lang-an@example.vn>"}
    with running_village(tmp_path / "data", database_url, **more) as made:
        service.now_s = made.clock.utc().timestamp()
        yield made


def site_key(village: Village, name: str = "officer_a") -> str:
    answer = village.browser(name).get("/notifications/push")
    assert answer.status_code == 200
    return str(answer.get_json()["key"])


def subscribe(village: Village, browser: PushBrowser, name: str = "officer_a", **changed: str) -> TestResponse:
    client = village.browser(name)
    form = {"csrf_token": csrf(village, client), **browser.form, **changed}
    agent = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36"
    return client.post("/notifications/push", data=form, headers={"User-Agent": agent})


def push_channels(village: Village) -> list[NotificationChannel]:
    with village.parts.database.read() as session:
        found = session.scalars(select(NotificationChannel).where(NotificationChannel.kind == Channel.PUSH))
        return list(found)


def test_an_officer_is_told_on_the_phone_and_a_touch_opens_the_incident(village: Village, service: PushService) -> None:
    phone = service.subscribe("a", site_key(village))
    assert subscribe(village, phone).status_code == 201
    incident_id = village.post([event()]).get_json()["results"][0]["incident_id"]
    send_due(village)
    assert service.refused == []
    [pushed] = service.taken
    assert pushed.told["url"] == f"/incidents/{incident_id}"
    assert pushed.told["title"].startswith("Nghi vấn")
    assert "Thôn A" in pushed.told["body"]
    assert "09:00" in pushed.told["body"]  # of the village, not UTC
    assert pushed.told["lang"] == "vi"
    assert pushed.claims["sub"] == "mailto:lang-an@example.vn"
    assert pushed.headers["ttl"] == "14400"
    assert incident_id.encode() not in pushed.body
    [row] = notifications(village)
    assert row.state is NoticeState.SENT
    page = village.browser("officer_a").get("/notifications").get_data(as_text=True)
    assert "Chrome" in page
    assert phone.endpoint not in page, "the address is a secret of the browser's, and says nothing to a person"


def test_threat_45_a_push_holds_no_name_no_plate_and_no_picture(village: Village, service: PushService) -> None:
    subscribe(village, service.subscribe("a", site_key(village)))
    with village.parts.database.write() as session:
        session.execute(update(User).values(display_name="Nguyễn Văn Kín"))
    village.post([event(camera="nha-ong-bay", village="village-a")])
    send_due(village)
    [pushed] = service.taken
    assert pushed.told.keys() == {"title", "body", "tag", "url", "lang", "urgent"}
    text = json.dumps(pushed.told, ensure_ascii=False)
    for secret in ("Nguyễn", "nha-ong-bay", "cam-", "media", "jpg", "sha256", "http"):
        assert secret not in text, secret


def test_what_somebody_may_not_see_or_does_not_want_is_not_pushed(village: Village, service: PushService) -> None:
    key = site_key(village)
    subscribe(village, service.subscribe("a", key), "officer_a")
    subscribe(village, service.subscribe("b", key), "officer_b")
    village.post([event()])
    send_due(village)
    assert [pushed.told["body"].partition(",")[0] for pushed in service.taken] == ["Thôn A"]
    with village.parts.database.write() as session:
        session.execute(update(NotificationChannel).values(min_severity=Severity.CRITICAL))
    village.post([event(camera="other", spot="other")])
    send_due(village)
    assert len(service.taken) == 1


def test_a_storm_is_summed_up_as_on_other_channels(village: Village, service: PushService) -> None:
    subscribe(village, service.subscribe("a", site_key(village)))
    village.post([event(camera=f"cam-{number}", spot=f"cam-{number}") for number in range(STORM_MESSAGES + 2)])
    send_due(village)
    [pushed] = service.taken
    assert pushed.told["url"] == "/live"
    assert pushed.told["tag"] == "summary"
    assert str(STORM_MESSAGES + 2) in pushed.told["title"]


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_is_over_is_removed(village: Village, service: PushService, status: int) -> None:
    subscribe(village, service.subscribe("a", site_key(village)))
    subscribe(village, service.subscribe("b"), "officer_a2")
    service.answers = [status]
    village.post([event()])
    send_due(village)
    assert len(push_channels(village)) == 1
    assert len(service.taken) == 1
    with village.parts.database.read() as session:
        assert session.scalar(select(func.count()).select_from(PushSubscription)) == 1
        assert session.scalar(select(func.count()).select_from(Notification)) == 1


def test_a_push_service_that_is_away_is_tried_again_and_nothing_is_lost(village: Village, service: PushService) -> None:
    subscribe(village, service.subscribe("a", site_key(village)))
    service.answers = [503, 429]
    village.post([event()])
    for _ in range(3):
        send_due(village)
        village.clock.advance(minutes=5)
    assert len(service.taken) == 1
    assert len(push_channels(village)) == 1


def test_the_same_browser_is_one_channel_whoever_uses_it(village: Village, service: PushService) -> None:
    phone = service.subscribe("a", site_key(village))
    first = subscribe(village, phone).get_json()["channel"]
    assert subscribe(village, phone).get_json()["channel"] == first
    subscribe(village, phone, "officer_commune")
    [channel] = push_channels(village)
    assert channel.user_id == village.user_ids["officer_commune"]


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example.com/x",
        "https://10.1.2.3/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://user:pass@fcm.googleapis.com/x",
        "https://192.168.1.1:8443/x",
        "file:///etc/passwd",
        "",
    ],
)
def test_threat_32_a_push_address_leads_into_no_private_network(
    village: Village, service: PushService, endpoint: str
) -> None:
    phone = service.subscribe("a", site_key(village))
    assert subscribe(village, phone, endpoint=endpoint).status_code == 422
    assert push_channels(village) == []


def test_threat_32_a_push_service_that_moved_inside_is_not_posted_to(village: Village, service: PushService) -> None:
    subscribe(village, service.subscribe("a", site_key(village)))
    with village.parts.database.write() as session:  # the name leads elsewhere now
        session.execute(update(NotificationChannel).values(address=f"https://10.0.0.1:{service.port}/push/a"))
    village.post([event()])
    send_due(village)
    assert service.taken == []
    [row] = notifications(village)
    assert row.state is NoticeState.FAILED
    assert "private network" in row.last_error


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("p256dh", "AAAA"),
        ("p256dh", base64.urlsafe_b64encode(b"\x04" + b"\x01" * 64).decode()),
        ("p256dh", "!" * 87),
        ("auth", "AAAA"),
        ("auth", ""),
    ],
)
def test_keys_that_are_none_are_refused(village: Village, service: PushService, name: str, value: str) -> None:
    phone = service.subscribe("a", site_key(village))
    assert subscribe(village, phone, **{name: value}).status_code == 422


def test_residents_and_leaders_are_not_pushed_to(village: Village, service: PushService) -> None:
    phone = service.subscribe("a", site_key(village))
    assert subscribe(village, phone, "resident_a").status_code == 403
    assert village.browser("resident_a").get("/notifications/push").status_code == 403


def test_the_key_is_made_once_sealed_and_rotated(village: Village, service: PushService) -> None:
    key = site_key(village)
    assert site_key(village, "admin") == key
    with village.parts.database.read() as session:
        row = session.scalars(select(PushKey)).one()
    private = keys.private_key(village.parts.sealer, row.sealed)
    assert private is not None
    assert f"{private.private_numbers().private_value:x}".encode() not in row.sealed
    subscribe(village, service.subscribe("a", key))
    with village.parts.database.write() as session:
        assert keys.rotate(session, village.clock, village.parts.sealer) == 1
    assert site_key(village) != key
    assert push_channels(village) == []


def test_a_message_to_a_browser_of_the_key_before_goes_nowhere(village: Village, service: PushService) -> None:
    subscribe(village, service.subscribe("a", site_key(village)))
    with village.parts.database.write() as session:
        session.execute(update(PushSubscription).values(site_key="another"))
    village.post([event()])
    send_due(village)
    assert service.taken == []
    assert push_channels(village) == []


def test_the_push_service_of_the_tests_believes_nobody_else(village: Village, service: PushService) -> None:
    """The loopback service must be able to refuse, or the tests above would show nothing."""
    service.subscribe("a", site_key(village))
    for header in ("", "vapid t=x.y.z, k=AAAA", f"vapid t=e30.e30.AAAA, k={service.site_key}"):
        with pytest.raises((ValueError, KeyError)):
            service.claims_of(header)


def test_an_incident_that_grows_worse_replaces_its_notice(village: Village, service: PushService) -> None:
    subscribe(village, service.subscribe("a", site_key(village)))
    incident_id = uuid7(village.clock.utc())
    result = village.post([event(event_id=incident_id)]).get_json()["results"][0]
    send_due(village)
    with village.parts.database.write() as session:
        incident = session.scalars(select(Incident)).one()
        incident.severity = Severity.CRITICAL
        outbox.tell(session, incident, village.clock.utc())
    send_due(village)
    first, second = service.taken
    assert first.told["tag"] == second.told["tag"]
    assert first.headers["topic"] == second.headers["topic"]
    assert second.told["urgent"]
    assert second.headers["urgency"] == "high"
    assert result["incident_id"] in second.told["url"]
