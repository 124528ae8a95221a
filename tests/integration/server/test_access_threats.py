"""Who may do what: the matrix of routes and roles, races of officers, sessions, forgery, floods, the audit chain."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import threading
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text

from server.auth import service as auth
from server.db.models import Incident, IncidentStep
from server.devices import service as devices
from server.devices.web import OPEN
from server.domain.access import PublicLogPolicy, Role
from server.domain.incident import IncidentAction, IncidentState
from server.errors import Conflict, Forbidden, InvalidInput, NotFound, StaleVersion
from server.http import JsonLines
from server.incidents import detail as incident_page
from server.incidents import queries
from server.incidents import service as incidents
from tests.support.forms import csrf
from tests.support.media import jpeg
from tests.support.village import PASSWORD, Village, event, reference

CAMERA = """\
camera: {{id: {id}, name: {name}, village: {village}}}
inputs:
  - path: rtsp://{{LANGAN_CAM_USER}}:{{LANGAN_CAM_PASSWORD}}@192.168.1.20:554/sub
zones:
  san: {{name: Sân, coordinates: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]}}
rules:
  - {{kind: intrusion, zones: [san]}}
"""


def camera_yaml(camera_id: str = "cam-1", village: str = "village-a", name: str = "Cổng chợ") -> str:
    return CAMERA.format(id=camera_id, village=village, name=json.dumps(name, ensure_ascii=False))


def an_incident(village: Village, village_id: str = "village-a") -> UUID:
    device = "box-a" if village_id == "village-a" else "box-b"
    body = event(village=village_id, evidence=[reference(jpeg(1)), reference(jpeg(2), "snapshot_redacted")])
    result = village.post([body], device=device).get_json()["results"][0]
    for seed in (1, 2):
        assert village.put_evidence(jpeg(seed), device=device).status_code in {201, 204}
    return UUID(result["incident_id"])


def act(village: Village, name: str, incident_id: UUID, action: IncidentAction, version: int = 1) -> IncidentState:
    with village.parts.database.write() as session:
        return incidents.act(
            session, village.clock, village.principal(name), incident_id, action, version=version, note="bóng cây"
        ).state


def test_threat_18_of_two_officers_at_once_one_wins_and_the_other_is_told(village: Village) -> None:
    incident_id = an_incident(village)
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def acknowledge(name: str) -> None:
        barrier.wait()
        try:
            act(village, name, incident_id, IncidentAction.ACKNOWLEDGE)
            outcomes.append("won")
        except StaleVersion as error:
            outcomes.append(error.message)

    threads = [threading.Thread(target=acknowledge, args=(name,)) for name in ("officer_a", "officer_a2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(item == "won" for item in outcomes) == [False, True]
    assert any("faster" in item for item in outcomes)
    with village.parts.database.read() as session:
        steps = session.scalar(
            select(func.count()).select_from(IncidentStep).where(IncidentStep.action == IncidentAction.ACKNOWLEDGE)
        )
        assert (steps, session.get_one(Incident, incident_id).version) == (1, 2)


def test_the_life_cycle_refuses_what_makes_no_sense(village: Village) -> None:
    incident_id = an_incident(village)
    assert act(village, "officer_a", incident_id, IncidentAction.RESOLVE) is IncidentState.RESOLVED
    with pytest.raises(Conflict):
        act(village, "officer_a", incident_id, IncidentAction.ACKNOWLEDGE, version=2)
    assert act(village, "officer_a", incident_id, IncidentAction.REOPEN, version=2) is IncidentState.ACKNOWLEDGED
    with village.parts.database.read() as session:
        detail = incident_page.incident_detail(session, village.principal("officer_a"), incident_id)
    assert [item.action.value for item in detail.timeline] == ["open", "resolve", "reopen"]
    assert [item.role.value for item in detail.events[0].evidence if item.available] == [
        "snapshot",
        "snapshot_redacted",
    ]


# The matrix: who gets what status from each route of the API. `own` is an incident of village A.

WATCHERS_OF_A = ("officer_a", "officer_a2", "officer_commune", "admin")


OTHERS = ("officer_b", "resident_a", "resident_b", "admin_b")


@pytest.mark.parametrize("name", [*WATCHERS_OF_A, *OTHERS, None])
def test_threat_23_another_villages_incident_or_media_is_404_for_every_role(village: Village, name: str | None) -> None:
    incident_id = an_incident(village)
    browser = village.browser(name)
    raw, redacted = (f"/media/{incident_id}/{hashlib.sha256(jpeg(seed)).hexdigest()}" for seed in (1, 2))
    got = (browser.get(raw).status_code, browser.get(redacted).status_code)
    if name is None:
        assert got == (401, 401)
    elif name in WATCHERS_OF_A:
        assert got == (200, 200)
    elif name == "resident_a":
        assert got == (404, 200)
    else:
        assert got == (404, 404)
    for wrong in (f"/media/{uuid4()}/{hashlib.sha256(jpeg(1)).hexdigest()}", f"/media/{incident_id}/{'0' * 64}"):
        assert browser.get(wrong).status_code == (401 if name is None else 404)


@pytest.mark.parametrize("name", OTHERS)
def test_threat_23_services_do_not_tell_foreign_incidents_from_missing_ones(village: Village, name: str) -> None:
    incident_id = an_incident(village)
    who = village.principal(name)
    with village.parts.database.read() as session:
        for asked in (incident_id, uuid4()):
            for question in (incident_page.incident_detail, queries.incident_card):
                with pytest.raises(NotFound) as error:
                    question(session, who, asked)
                assert str(error.value) == "no such incident"
        assert queries.list_incidents(session, who).items == ()
        assert queries.cards_by_id(session, who, [incident_id]) == {}
        assert sum(queries.count_by_state(session, who).values()) == 0
    with pytest.raises(NotFound):
        act(village, name, incident_id, IncidentAction.ACKNOWLEDGE)


def test_threat_23_pages_of_a_foreign_incident_are_404_as_those_of_a_missing_one(village: Village) -> None:
    """Every page route that takes an incident's id: the same answer for another village's and for none."""
    foreign, missing = an_incident(village, "village-b"), uuid4()
    rules = [rule for rule in village.app.url_map.iter_rules() if "incident_id" in rule.arguments]
    assert rules
    for rule in rules:
        values: dict[str, Any] = {"incident_id": foreign, "sha256": hashlib.sha256(jpeg(1)).hexdigest()}
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            for name in ("officer_a", "resident_a"):
                answers = []
                for incident_id in (foreign, missing):
                    browser = village.browser(name)
                    with village.app.test_request_context():
                        from flask import url_for

                        path = url_for(
                            rule.endpoint,
                            **{key: values[key] for key in rule.arguments} | {"incident_id": incident_id},
                        )
                    form = {"csrf_token": csrf(village, browser), "action": "acknowledge", "version": "1"}
                    response = browser.open(path, method=method, data=form if method == "POST" else None)
                    answers.append(response.status_code)
                assert answers[0] == answers[1], (rule.rule, method, name)
                assert answers[0] in {403, 404}, (rule.rule, method, name, answers)


DEVICE_ROUTES = [
    ("POST", "/api/v1/events"),
    ("POST", "/api/v1/heartbeat"),
    ("PUT", "/api/v1/evidence/" + "0" * 64),
    ("GET", "/api/v1/evidence/" + "0" * 64),
    ("POST", "/api/v1/evidence/" + "0" * 64 + "/gone"),
    ("POST", "/api/v1/evidence/" + "0" * 64 + "/upload"),
    ("POST", "/api/v1/evidence/" + "0" * 64 + "/uploaded"),
    ("PUT", "/api/v1/copies/" + "0" * 64),
    ("PUT", "/api/v1/cameras/cam-1/config"),
    ("GET", "/api/v1/cameras/config"),
    ("PUT", "/api/v1/cameras/running"),
    ("GET", "/api/v1/what-if/1"),
    ("PUT", "/api/v1/what-if/1"),
    ("PUT", "/api/v1/cameras/cam-1/still"),
    ("GET", "/api/v1/look"),
    ("PUT", "/api/v1/cameras/cam-1/look"),
]


def test_threat_23_the_devices_api_takes_no_browser(embedded_village: Village) -> None:
    for name in (*WATCHERS_OF_A, *OTHERS, None):
        browser = embedded_village.browser(name)
        for method, path in DEVICE_ROUTES:
            assert browser.open(path, method=method, json={}).status_code == 401, (name, method, path)


def test_threat_23_a_device_reads_nothing_of_people(village: Village) -> None:
    incident_id = an_incident(village)
    for path in ("/api/v1/live", f"/media/{incident_id}/{hashlib.sha256(jpeg(1)).hexdigest()}"):
        response = village.app.test_client().get(path, headers=village.signed("box-a"))
        assert response.status_code in {401, 403, 404}


def test_every_route_is_known_to_a_test(embedded_village: Village) -> None:
    """A new API route must be put into the matrix above."""
    from server.alerts.views import blueprint as live

    rules = [rule for rule in embedded_village.app.url_map.iter_rules() if rule.endpoint.startswith("api.")]
    assert len([rule for rule in rules if rule.endpoint not in OPEN]) == len(DEVICE_ROUTES)
    assert len(live.deferred_functions) == 2


def test_threat_26_a_role_that_is_taken_away_ends_with_the_next_request(village: Village) -> None:
    incident_id = an_incident(village)
    browser = village.browser("officer_a")
    path = f"/media/{incident_id}/{hashlib.sha256(jpeg(1)).hexdigest()}"
    assert browser.get(path).status_code == 200
    user_id = village.user_ids["officer_a"]
    with village.parts.database.write() as session:
        auth.change_access(session, village.clock, user_id, role=Role.RESIDENT, place_id="village-a", active=True)
    assert browser.get(path).status_code == 401, "the session has ended"
    browser = village.browser("officer_a")
    assert browser.get(path).status_code == 404
    assert browser.get("/api/v1/live").status_code == 403
    with village.parts.database.write() as session:
        auth.change_access(session, village.clock, user_id, role=Role.OFFICER, place_id="village-a", active=False)
    assert browser.get(path).status_code == 401


def test_every_answer_has_the_security_headers(embedded_village: Village) -> None:
    for path in ("/healthz", "/login", "/nowhere", "/static/css/langan.css", "/api/v1/live"):
        headers = embedded_village.browser(None).get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
        assert headers["X-Request-Id"]
        if not path.startswith("/static/"):
            assert headers["Referrer-Policy"] == headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert "camera=()" in headers["Permissions-Policy"]


def test_an_admin_hands_out_no_more_than_they_have(village: Village) -> None:
    admin_b = village.principal("admin_b")
    tries: list[tuple[Role, str | None]] = [
        (Role.ADMIN, None),
        (Role.OFFICER, "village-a"),
        (Role.OFFICER, "nhon-loc"),
    ]
    for role, place in tries:
        with pytest.raises(Forbidden), village.parts.database.write() as session:
            auth.create_user(
                session, village.clock, username="x1", password=PASSWORD, role=role, place_id=place, actor=admin_b
            )
    with pytest.raises(Forbidden), village.parts.database.write() as session:
        auth.change_password(session, village.clock, village.user_ids["admin"], PASSWORD, actor=admin_b)
    with pytest.raises(Forbidden), village.parts.database.write() as session:
        devices.revoke_device(session, village.clock, "box-a", actor=admin_b)
    with village.parts.database.write() as session:
        devices.revoke_device(session, village.clock, "box-b", actor=admin_b)
    assert village.browser("admin_b").get("/admin/audit").status_code == 403


def test_threat_29_markup_in_a_cameras_name_is_inert(village: Village) -> None:
    name = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    text_ = camera_yaml("cam-village-a", name=name)
    response = village.app.test_client().put(
        "/api/v1/cameras/cam-village-a/config", data=text_.encode(), headers=village.signed("box-a")
    )
    assert response.status_code == 200
    incident_id = an_incident(village)
    with village.parts.database.read() as session:
        card = queries.incident_card(session, village.principal("officer_a"), incident_id)
    assert card.camera_name == name
    with village.app.test_request_context():
        from flask import url_for

        pages = [
            ("officer_a", url_for("police.live")),
            ("officer_a", url_for("police.incident", incident_id=incident_id)),
            ("admin", url_for("admin.cameras")),
            ("resident_a", url_for("residents.log")),
        ]
    for who, path in pages:
        page = village.browser(who).get(path).get_data(as_text=True)
        assert "<script>alert" not in page, path
        assert "<img src=x" not in page, path


def test_threat_37_bodies_over_the_limit_are_413(embedded_village: Village) -> None:
    client = embedded_village.app.test_client()
    big = b'{"events": [' + b" " * 5_000_000 + b"]}"
    headers = embedded_village.signed("box-a")
    assert client.post("/api/v1/events", data=big, headers=headers, content_type="application/json").status_code == 413
    yaml = b"#" * 300_000
    assert client.put("/api/v1/cameras/cam-1/config", data=yaml, headers=headers).status_code == 413


def test_threat_37_a_hundred_thousand_form_parts_are_413(embedded_village: Village) -> None:
    boundary = "x"
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    body = (part * 60_000 + f"--{boundary}--\r\n").encode()
    response = embedded_village.browser("officer_a").post(
        "/logout", data=body, content_type=f"multipart/form-data; boundary={boundary}"
    )
    assert response.status_code == 413


def test_threat_38_filters_are_bounded(village: Village) -> None:
    village.post([event(n, spot=f"spot-{n}", camera="cam-1") for n in range(150)])
    officer = village.principal("officer_a")
    with village.parts.database.read() as session:
        assert len(queries.list_incidents(session, officer, limit=10**9).items) == queries.MAX_PAGE
        for cursor in ("x" * 10_000, "", "AAAA", "MjAyNi0wMy0wMlQwMzowMDowMCB4", "\x00", "é"):
            with pytest.raises(InvalidInput):
                queries.list_incidents(session, officer, cursor=cursor)


def test_threat_39_log_lines_and_errors_hold_no_secret_and_cannot_be_forged(
    embedded_village: Village, caplog: pytest.LogCaptureFixture
) -> None:
    village = embedded_village
    caplog.set_level(logging.DEBUG)
    password = "rtsp://admin:Mat-khau-1@10.0.0.1/x"
    yaml = camera_yaml().replace("rtsp://{LANGAN_CAM_USER}:{LANGAN_CAM_PASSWORD}@192.168.1.20:554/sub", password)
    client = village.app.test_client()
    refused = client.put("/api/v1/cameras/cam-1/config", data=yaml.encode(), headers=village.signed("box-a"))
    assert refused.status_code == 422
    client.get("/a%0A%7B%22level%22%3A%22ERROR%22%7D%0d", headers=village.signed("box-a"))
    village.browser("officer_a").get("/healthz")
    lines = "\n".join(JsonLines().format(record) for record in caplog.records)
    private_keys = [
        base64.b64encode(identity.private_key.private_bytes_raw()).decode() for identity in village.identities.values()
    ]
    for secret in ("Mat-khau-1", *private_keys, village.parts.settings.secret_key.get_secret_value()):
        assert secret not in lines
        assert secret not in refused.get_data(as_text=True)
    for line in lines.splitlines():
        assert json.loads(line)["event"]
    with village.parts.database.read() as session:
        kept = session.execute(text("SELECT group_concat(yaml) FROM camera_config_versions")).scalar()
        assert "Mat-khau-1" not in (kept or "")


def test_threat_39_a_bug_tells_the_client_a_number_only(
    embedded_village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(queries, "openable_evidence", explode)
    response = embedded_village.browser("officer_a").get(f"/media/{uuid4()}/{'0' * 64}")
    assert response.status_code == 500
    assert "secret detail" not in response.get_data(as_text=True)
    assert response.headers["X-Request-Id"] in response.get_json()["error"]["remedy"]


def test_residents_read_a_delayed_log_without_false_alarms(village: Village) -> None:
    incident_id = an_incident(village)
    resident, policy = village.principal("resident_a"), PublicLogPolicy(timedelta(minutes=15))

    def shown() -> list[Any]:
        with village.parts.database.read() as session:
            return list(queries.public_log(session, resident, village.clock, policy).items)

    assert shown() == []
    village.clock.advance(minutes=15)
    (entry,) = shown()
    assert (entry.id, entry.kind, entry.place.village) == (incident_id, "crowding", "Thôn A")
    told = {"id", "kind", "place", "started_at", "state", "redacted_sha256", "handled_after", "is_picture_hidden"}
    assert set(entry.__slots__) == told
    act(village, "officer_a", incident_id, IncidentAction.FALSE_ALARM)
    assert shown() == []
