"""Devices: requests that are altered, replayed, old or by another hand; wrong clocks; other people's cameras."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from contract.event import CameraHealth, CameraStatus, Heartbeat
from edge.outbox import PatientOutbox, ServerLink, SqliteOutbox
from edge.outbox.sender import EventSender
from server.db.device_models import DeviceNonce
from server.db.models import AuditEntry, Camera, CameraConfigVersion, Device, EventRecord, EventRevision, Incident
from server.devices import service as devices
from tests.edge_fakes import FakeClock, make_event
from tests.support.identity import make_identity, signed_headers
from tests.support.media import jpeg
from tests.support.seed import camera_yaml
from tests.support.village import NOW, Village, event, listening, reference


def audited(village: Village) -> list[str]:
    with village.parts.database.read() as session:
        return [entry.action for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.sequence))]


def stored_events(village: Village) -> int:
    with village.parts.database.read() as session:
        return session.scalar(select(func.count()).select_from(EventRevision)) or 0


def heartbeat(outbox: int = 0, sent_at: datetime = NOW) -> bytes:
    beat = {"sent_at": sent_at.isoformat(), "software_version": "1", "outbox_events": outbox, "outbox_media": 0}
    return json.dumps(beat).encode()


class Sent:
    """A request of box-a as it went over the line, to be sent as often as one likes."""

    def __init__(self, village: Village, method: str, target: str, body: bytes = b"", **signing: Any) -> None:
        self.village, self.method, self.target, self.body = village, method, target, body
        self.headers = signed_headers(
            village.identities["box-a"], method, target, body, now=signing.pop("now", village.clock.utc()), **signing
        )

    def again(self, **changed: Any) -> TestResponse:
        """Send it, with what is changed."""
        headers = {**self.headers, "Content-Type": "application/json", **changed.pop("headers", {})}
        data = changed.pop("body", self.body)
        target, method = changed.pop("target", self.target), changed.pop("method", self.method)
        length = {"CONTENT_LENGTH": str(len(data))}  # the test client leaves out that of an empty body
        with self.village.app.test_client() as client:
            return client.open(target, method=method, data=data, headers=headers, environ_overrides=length)


# Row 20


def test_threat_20_a_replayed_heartbeat_does_not_bring_old_news_back(village: Village) -> None:
    old = Sent(village, "POST", "/api/v1/heartbeat", heartbeat(outbox=7))
    assert old.again().status_code == 204
    assert Sent(village, "POST", "/api/v1/heartbeat", heartbeat(outbox=0)).again().status_code == 204
    replayed = old.again()
    assert replayed.status_code == 409
    assert replayed.get_json()["error"]["code"] == "replayed"
    with village.parts.database.read() as session:
        assert session.get_one(Device, "box-a").outbox_events == 0


def test_threat_20_replayed_events_change_nothing(village: Village) -> None:
    sent = Sent(village, "POST", "/api/v1/events", json.dumps({"events": [event()]}).encode())
    first, second = sent.again().get_json()["results"][0], sent.again().get_json()["results"][0]
    assert (first["status"], second["status"]) == ("created", "duplicate")
    assert stored_events(village) == 1


def test_threat_20_a_replayed_camera_file_is_not_put_in_force_again(village: Village) -> None:
    path = "/api/v1/cameras/cam-1/config"
    old = Sent(village, "PUT", path, camera_yaml("cam-1", village="village-a").encode())
    new = Sent(village, "PUT", path, camera_yaml("cam-1", village="village-a", fps=7).encode())
    assert old.again().get_json()["version"] == 1
    assert new.again().get_json()["version"] == 2
    assert old.again().status_code == 409
    with village.parts.database.read() as session:
        assert session.get_one(Camera, "cam-1").config_number == 2
        assert session.scalar(select(func.count()).select_from(CameraConfigVersion)) == 2


def test_threat_20_a_request_is_too_old_after_five_minutes_and_its_nonce_is_forgotten(village: Village) -> None:
    sent = Sent(village, "POST", "/api/v1/heartbeat", heartbeat())
    assert sent.again().status_code == 204
    village.clock.advance(minutes=5, seconds=1)
    refused = sent.again()
    assert refused.status_code == 401
    assert refused.get_json()["error"]["code"] == "clock_off"
    village.clock.advance(minutes=6)
    assert Sent(village, "POST", "/api/v1/heartbeat", heartbeat()).again().status_code == 204
    with village.parts.database.read() as session:
        assert session.scalar(select(func.count()).select_from(DeviceNonce)) == 1


def test_threat_20_a_failed_request_may_be_repeated_with_a_new_nonce_only(village: Village) -> None:
    """The nonce is used in the transaction that has the effect: one that was rolled back leaves none."""
    sent = Sent(village, "POST", "/api/v1/evidence/" + "0" * 64 + "/gone")
    assert [sent.again().status_code for _ in range(2)] == [404, 404]


# Altered, unsigned, by another's hand


def _other_key(sent: Sent) -> dict[str, str]:
    return signed_headers(make_identity("box-b"), sent.method, sent.target, sent.body, now=sent.village.clock.utc())


ALTERED: dict[str, Callable[[Sent], dict[str, Any]]] = {
    "another method": lambda _sent: {"method": "PUT"},
    "another path": lambda _sent: {"target": "/api/v1/heartbeat"},
    "a query": lambda _sent: {"target": "/api/v1/events?x=1"},
    "another body": lambda sent: {"body": sent.body.replace(b"0.8", b"0.9")},
    "another length": lambda sent: {"body": sent.body + b" "},
    "another clock": lambda _sent: {"headers": {"Date": "Mon, 02 Mar 2026 03:00:01 GMT"}},
    "another digest": lambda _sent: {"headers": {"Content-Digest": f"sha-256=:{'A' * 43}=:"}},
    "another device": lambda sent: {
        "headers": {"Signature-Input": sent.headers["Signature-Input"].replace("box-a", "box-b")}
    },
    "another time": lambda sent: {
        "headers": {"Signature-Input": sent.headers["Signature-Input"].replace("created=17", "created=18")}
    },
    "another tag": lambda sent: {
        "headers": {"Signature-Input": sent.headers["Signature-Input"].replace('tag="langan"', 'tag="other"')}
    },
    "less covered": lambda sent: {
        "headers": {"Signature-Input": sent.headers["Signature-Input"].replace(' "content-digest"', "")}
    },
    "an unknown device": lambda sent: {
        "headers": {"Signature-Input": sent.headers["Signature-Input"].replace("box-a", "box-z")}
    },
    "no signature": lambda _sent: {"headers": {"Signature": "", "Signature-Input": ""}},
    "another's key": lambda sent: {
        "headers": {
            **_other_key(sent),
            "Signature-Input": _other_key(sent)["Signature-Input"].replace("box-b", "box-a"),
        }
    },
}


@pytest.mark.parametrize("name", ALTERED)
def test_threat_21_an_altered_request_is_refused_and_changes_nothing(embedded_village: Village, name: str) -> None:
    sent = Sent(embedded_village, "POST", "/api/v1/events", json.dumps({"events": [event()]}).encode())
    refused = sent.again(**ALTERED[name](sent))
    assert refused.status_code in {401, 405}
    assert stored_events(embedded_village) == 0
    assert refused.get_json()["error"]["remedy"]
    assert sent.again().status_code == 200, "as it was signed it is taken"


@pytest.mark.parametrize("cut", ["date", "@method", "@path", "@query", "content-length", "content-digest", "nonce"])
def test_threat_21_a_signature_that_covers_too_little_is_no_signature(
    embedded_village: Village, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    from edge.outbox import signing

    for name in ("REQUEST_COMPONENTS", "BODY_COMPONENTS"):
        kept = tuple(item for item in getattr(signing, name) if item != cut)
        monkeypatch.setattr(signing, name, kept)
    if cut == "nonce":
        monkeypatch.setattr(secrets, "token_urlsafe", lambda _size: "short")
    sent = Sent(embedded_village, "POST", "/api/v1/events", json.dumps({"events": [event()]}).encode())
    assert sent.again().status_code == 401


@pytest.mark.parametrize("in_place_of", ["date", "content-digest"])
def test_threat_21_what_is_covered_in_part_or_in_another_form_is_not_covered(
    embedded_village: Village, monkeypatch: pytest.MonkeyPatch, in_place_of: str
) -> None:
    from edge.outbox import signing

    for name in ("REQUEST_COMPONENTS", "BODY_COMPONENTS"):
        changed = tuple(f'"{item}";bs' if item == in_place_of else item for item in getattr(signing, name))
        monkeypatch.setattr(signing, name, changed)
    sent = Sent(embedded_village, "POST", "/api/v1/events", json.dumps({"events": [event()]}).encode())
    assert f'"{in_place_of}";bs' in sent.headers["Signature-Input"]
    assert sent.again().status_code == 401


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    given_input=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200)
    | st.from_regex(
        r'langan=\(("(@method|@path|@query|date|x|@status|content-digest)"(;(sf|bs|req|key="a"))? ?){0,4}\)'
        r'(;created=-?[0-9]{1,20})?;keyid="box-a"(;nonce="[a-z]{0,20}")?(;tag="langan")?(;alg="[a-z0-9-]{0,9}")?',
        fullmatch=True,
    ),
    given_signature=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)
    | st.binary(min_size=64, max_size=64).map(lambda raw: f"langan=:{base64.b64encode(raw).decode()}:"),
)
def test_no_signature_that_somebody_makes_up_is_taken_or_a_bug(
    embedded_village: Village, given_input: str, given_signature: str
) -> None:
    sent = Sent(embedded_village, "POST", "/api/v1/events", b"{}")
    answer = sent.again(headers={"Signature-Input": given_input, "Signature": given_signature})
    assert answer.status_code == 401


def test_threat_21_who_has_the_key_of_a_revoked_device_has_nothing(village: Village) -> None:
    sent = Sent(village, "POST", "/api/v1/events", json.dumps({"events": [event()]}).encode())
    with village.parts.database.write() as session:
        devices.revoke_device(session, village.clock, "box-a")
    assert sent.again().status_code == 401
    for method, path in (("GET", "/api/v1/cameras/config"), ("POST", "/api/v1/heartbeat")):
        answer = Sent(village, method, path, heartbeat() if method == "POST" else b"").again()
        assert answer.status_code == 401, path
    assert stored_events(village) == 0


# Row 22


def test_threat_22_the_file_of_another_devices_camera_is_403_and_audited(village: Village) -> None:
    path = "/api/v1/cameras/cam-1/config"
    text = camera_yaml("cam-1", village="village-a").encode()
    client = village.app.test_client()
    assert client.put(path, data=text, headers=village.signed("box-a")).status_code == 200
    assert client.put(path, data=text, headers=village.signed("box-b")).status_code == 403
    elsewhere = camera_yaml("cam-2", village="village-b").encode()
    assert (
        client.put("/api/v1/cameras/cam-2/config", data=elsewhere, headers=village.signed("box-a")).status_code == 403
    )
    assert audited(village).count("camera.refuse") == 2


def test_threat_22_evidence_of_another_devices_event_is_not_taken(village: Village) -> None:
    village.post([event(evidence=[reference(jpeg())])])
    assert village.put_evidence(jpeg(), device="box-b").status_code == 404
    assert village.put_evidence(jpeg(), device="box-a").status_code == 201


def test_threat_22_a_file_under_another_address_than_it_was_signed_for_is_refused(village: Village) -> None:
    village.post([event(evidence=[reference(jpeg())])])
    address = f"/api/v1/evidence/{reference(jpeg())['sha256']}"
    assert Sent(village, "PUT", address, b"something else").again().status_code == 401
    lying = Sent(village, "PUT", address, b"something else", sha256=bytes.fromhex(reference(jpeg())["sha256"]))
    assert lying.again().status_code == 422, "signed as the picture, but it is not"


# Row 4


@pytest.mark.parametrize("off", [timedelta(days=1), timedelta(days=-1)], ids=["a day ahead", "a day behind"])
def test_threat_04_a_device_whose_clock_is_a_day_off_still_reports(
    village: Village, tmp_path: Any, off: timedelta
) -> None:
    """With the real edge's link: it is told the time, its events are kept apart, and the admin sees why."""

    def own_clock() -> datetime:
        return village.clock.utc() + off

    seen = own_clock()
    with listening(village) as url, ServerLink(url, village.identities["box-a"], now=own_clock) as link:
        camera = CameraStatus(camera_id="cam-1", health=CameraHealth.OK)
        link.heartbeat(
            Heartbeat(sent_at=seen, software_version="1", outbox_events=1, outbox_media=0, cameras=(camera,))
        )
        store = SqliteOutbox(tmp_path / "outbox.sqlite", FakeClock())
        times = {"started_at": seen, "observed_at": seen, "village": "village-a", "camera_id": "cam-1"}
        store.put(make_event("late").model_copy(update=times), [])
        sender = EventSender(PatientOutbox(store, lambda _size: 0), link, FakeClock())
        while not sender.is_empty():
            sender.step()
        assert store.dead_events() == []
        store.close()
    with village.parts.database.read() as session:
        (row,) = session.scalars(select(EventRecord)).all()
        assert row.quarantine_reason is not None
        assert f"24.0 h {'ahead' if off > timedelta(0) else 'behind'}" in row.quarantine_reason
        assert session.scalars(select(Incident)).all() == []
        assert session.get_one(Device, "box-a").clock_offset_s == pytest.approx(off.total_seconds(), abs=2)
    page = village.browser("admin").get("/admin/devices?lang=en").text
    assert f"24 hours {'ahead' if off > timedelta(0) else 'behind'}" in page
    assert "more than 1 hour off" in page


def test_threat_04_a_clock_that_is_a_minute_off_needs_no_telling(village: Village) -> None:
    now = village.clock.utc()
    sent = Sent(
        village,
        "POST",
        "/api/v1/events",
        json.dumps({"events": [event()]}).encode(),
        now=now - timedelta(minutes=4),
        own_clock=now - timedelta(minutes=4),
    )
    assert sent.again().get_json()["results"][0]["status"] == "created"


def test_the_refusal_that_tells_the_time_is_signed_for_the_one_who_asked(embedded_village: Village) -> None:
    long_ago = embedded_village.clock.utc() - timedelta(days=1)
    answer = Sent(embedded_village, "GET", "/api/v1/cameras/config", now=long_ago).again()
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"]) == (401, "clock_off")
    assert datetime.fromisoformat(error["server_time"]) == embedded_village.clock.utc()
    assert '"signature";req;key="langan"' in answer.headers["Signature-Input"]
    stranger = embedded_village.app.test_client().get("/api/v1/cameras/config")
    assert "Signature" not in stranger.headers
    assert "server_time" not in stranger.get_json()["error"]
