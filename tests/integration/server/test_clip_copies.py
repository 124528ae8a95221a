"""Playable copies of clips: who may ask, what the edge is told and may fetch, what the page shows."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from contract.event import EventState
from server.db.models import AuditEntry, EventRecord, EvidenceFile, EvidenceReference
from server.storage import service as storage
from tests.support.media import jpeg, mp4
from tests.support.village import NOW, Village, event, reference

CLIP = mp4()
CLIP_SHA = hashlib.sha256(CLIP).hexdigest()
COPY = CLIP[:-1] + bytes([CLIP[-1] ^ 1])
"""Another file of the same size that is an MP4 too."""
COPY_SHA = hashlib.sha256(COPY).hexdigest()


def seen(village: Village, *, codec: str = "hevc", arrives: bool = True) -> str:
    """An event with a clip; gives the incident's id."""
    clip = reference(CLIP, "clip", "video/mp4") | {"codec": codec}
    picture = reference(jpeg())
    incident: str = village.post([event(evidence=[picture, clip])]).get_json()["results"][0]["incident_id"]
    if arrives:
        assert village.put_evidence(CLIP).status_code == 201
    return incident


def csrf(browser: FlaskClient, incident: str) -> str:
    page = browser.get(f"/incidents/{incident}").get_data(as_text=True)
    return page.partition('name="csrf_token" value="')[2].partition('"')[0]


def ask(village: Village, incident: str, name: str = "officer_a", clip: str = CLIP_SHA) -> TestResponse:
    browser = village.browser(name)
    token = csrf(browser, incident) or csrf(village.browser("officer_a"), incident)
    return browser.post(f"/incidents/{incident}/copies", data={"csrf_token": token, "clip": clip})


def beat(village: Village, device: str = "box-a") -> list[str]:
    """A heartbeat; gives the clips of which copies are wanted."""
    body = {"sent_at": NOW.isoformat(), "software_version": "1", "outbox_events": 0, "outbox_media": 0, "cameras": []}
    with village.app.test_client() as client:
        response = client.post("/api/v1/heartbeat", json=body, headers=village.signed(device))
    if response.status_code == 204:
        return []
    assert response.status_code == 200
    return [item["sha256"] for item in response.get_json()["copies"]]


def report(village: Village, device: str = "box-a", **body: Any) -> int:
    with village.app.test_client() as client:
        return client.put(f"/api/v1/copies/{CLIP_SHA}", json=body, headers=village.signed(device)).status_code


def made(content: bytes = COPY, **more: Any) -> dict[str, Any]:
    evidence = reference(content, "clip_playable", "video/mp4") | {"codec": "h264"} | more
    return {"state": "made", "evidence": evidence}


def fetch(village: Village, device: str = "box-a", sha256: str = CLIP_SHA) -> TestResponse:
    with village.app.test_client() as client:
        return client.get(f"/api/v1/evidence/{sha256}", headers=village.signed(device), buffered=True)


def page(village: Village, incident: str, name: str = "officer_a") -> str:
    return village.browser(name).get(f"/incidents/{incident}?lang=en").get_data(as_text=True)


def state_shown(village: Village, incident: str) -> str:
    return page(village, incident).partition("data-copy data-state=")[2].split('"')[1]


def test_a_copy_is_asked_for_made_sent_and_shown(village: Village) -> None:
    incident = seen(village)
    assert state_shown(village, incident) == "none"
    assert "Make a playable copy" in page(village, incident)
    assert beat(village) == []
    assert ask(village, incident).status_code == 303
    assert state_shown(village, incident) == "asked"
    assert beat(village) == [CLIP_SHA]
    assert beat(village, "box-b") == []
    assert report(village, state="making") == 204
    assert state_shown(village, incident) == "making"
    assert beat(village) == [CLIP_SHA], "a box that lost its power begins again"
    assert village.put_evidence(COPY).status_code == 404, "not before it was announced"
    assert report(village, **made()) == 204
    assert state_shown(village, incident) == "made"
    assert beat(village) == [CLIP_SHA], "until the file is here"
    assert village.put_evidence(COPY).status_code == 201
    assert state_shown(village, incident) == "ready"
    assert beat(village) == []
    assert f"/media/{incident}/{COPY_SHA}" in page(village, incident)
    played = village.browser("officer_a").get(f"/media/{incident}/{COPY_SHA}")
    assert (played.status_code, played.mimetype, played.data) == (200, "video/mp4", COPY)
    assert page(village, incident).count('data-clip="') == 1, "a copy is no clip of its own"


def test_the_wish_is_audited_once_with_who_and_what(village: Village) -> None:
    incident = seen(village)
    assert [ask(village, incident, name).status_code for name in ("officer_a", "officer_a2")] == [303, 303]
    with village.parts.database.read() as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.action == "clip.ask_copy")).all()
        assert [(row.actor_name, row.subject) for row in rows] == [("officer_a", f"incident:{incident}")]
        assert CLIP_SHA in rows[0].detail
    assert "Asked for a playable copy" in village.browser("admin").get("/admin/audit?lang=en").get_data(as_text=True)


@pytest.mark.parametrize(
    ("name", "status"),
    [("officer_b", 404), ("admin_b", 404), ("resident_a", 403), ("officer_commune", 303), ("admin", 303)],
)
def test_only_who_handles_the_incident_may_ask(village: Village, name: str, status: int) -> None:
    incident = seen(village)
    browser = village.browser(name)
    with village.app.test_request_context():
        from server.auth.tokens import csrf_token

        cookie = browser.get_cookie("langan_session")
        assert cookie is not None
        token = csrf_token(village.parts.settings.secret_key.get_secret_value(), cookie.value)
    data = {"csrf_token": token, "clip": CLIP_SHA}
    assert browser.post(f"/incidents/{incident}/copies", data=data).status_code == status
    assert beat(village) == ([CLIP_SHA] if status == 303 else [])
    assert (
        village.browser("officer_a").post(f"/incidents/{incident}/copies", data={"clip": CLIP_SHA}).status_code == 403
    )


def test_nobody_gets_a_copy_who_may_not_see_the_clip(village: Village) -> None:
    incident = seen(village)
    ask(village, incident)
    report(village, **made())
    village.put_evidence(COPY)
    address = f"/media/{incident}/{COPY_SHA}"
    for name in ("resident_a", "resident_b", "officer_b", "admin_b"):
        assert village.browser(name).get(address).status_code == 404, name
    assert village.browser(None).get(address).status_code == 401
    assert "clip" not in village.browser("resident_a").get("/log").get_data(as_text=True)


def test_only_clips_that_browsers_cannot_play_are_copied(village: Village) -> None:
    incident = seen(village, codec="h264")
    assert "data-copy" not in page(village, incident)
    assert ask(village, incident).status_code == 404
    assert ask(village, incident, clip=hashlib.sha256(jpeg()).hexdigest()).status_code == 404
    assert ask(village, incident, clip="../../etc/passwd").status_code == 404


def test_a_device_fetches_back_only_its_own_clip_and_only_while_a_copy_is_wanted(village: Village) -> None:
    incident = seen(village)
    assert fetch(village).status_code == 404
    ask(village, incident)
    answer = fetch(village)
    assert (answer.status_code, answer.data) == (200, CLIP)
    assert fetch(village, "box-b").status_code == 404
    assert fetch(village, sha256=hashlib.sha256(jpeg()).hexdigest()).status_code == 404
    assert report(village, "box-b", state="making") == 404
    assert report(village, state="failed", failure="unreadable") == 204
    assert fetch(village).status_code == 404


@pytest.mark.parametrize("failure", ["gone", "unreadable", "too_slow", "no_room"])
def test_a_failure_is_shown_with_its_reason_and_may_be_tried_again(village: Village, failure: str) -> None:
    incident = seen(village)
    ask(village, incident)
    assert report(village, state="failed", failure=failure) == 204
    assert state_shown(village, incident) == "failed"
    assert "It could not be made" in page(village, incident)
    assert beat(village) == []
    assert ask(village, incident).status_code == 303
    assert (state_shown(village, incident), beat(village)) == ("asked", [CLIP_SHA])


@pytest.mark.parametrize(
    "body",
    [
        {"state": "ready"},
        {"state": "failed"},
        {"state": "failed", "failure": "lazy"},
        {"state": "made"},
        {"state": "making", "failure": "gone"},
        made() | {"evidence": reference(COPY, "snapshot_redacted")},
        made(role="clip"),
        made(codec="hevc"),
    ],
)
def test_reports_that_are_none_are_422(village: Village, body: dict[str, Any]) -> None:
    incident = seen(village)
    ask(village, incident)
    assert report(village, **body) == 422
    assert state_shown(village, incident) == "asked"


def test_a_copy_that_is_too_large_is_refused_and_told(village: Village) -> None:
    incident = seen(village)
    ask(village, incident)
    assert report(village, **made(size_bytes=199_000_000)) == 413
    assert state_shown(village, incident) == "failed"


def test_a_copy_that_was_removed_for_room_can_be_asked_for_again(village: Village) -> None:
    incident = seen(village)
    ask(village, incident)
    report(village, **made())
    village.put_evidence(COPY)
    village.clock.advance(seconds=1)
    with village.parts.database.write() as session:
        file = session.get_one(EvidenceFile, COPY_SHA)
        file.removed_at = file.purged_at = village.clock.utc()
    assert ask(village, incident).status_code == 303
    assert beat(village) == [CLIP_SHA]
    assert report(village, **made()) == 204
    assert village.put_evidence(COPY).status_code == 201
    assert state_shown(village, incident) == "ready"


def gone(village: Village, sha256: str, device: str = "box-a") -> int:
    with village.app.test_client() as client:
        return client.post(f"/api/v1/evidence/{sha256}/gone", headers=village.signed(device)).status_code


def test_the_page_does_not_wait_for_a_file_that_the_edge_gave_up(village: Village) -> None:
    incident = seen(village, arrives=False)
    shown = page(village, incident)
    assert "The picture is on its way" in shown
    assert "clips follow the alert" in shown
    assert gone(village, CLIP_SHA, "box-b") == 404
    assert gone(village, hashlib.sha256(b"nothing").hexdigest()) == 404
    assert gone(village, CLIP_SHA) == 204
    assert gone(village, hashlib.sha256(jpeg()).hexdigest()) == 204
    shown = page(village, incident)
    assert "The picture is on its way" not in shown
    assert "No clip any more: it was given up to make room." in shown
    assert village.put_evidence(CLIP).status_code == 201, "it came after all"
    assert "No clip any more" not in page(village, incident)


def test_the_wall_does_not_wait_for_a_picture_that_will_not_come(village: Village) -> None:
    """Nor for one that the edge gave up, nor where an event ended without any, nor after our own removal."""
    incident = seen(village, arrives=False)
    snapshot = hashlib.sha256(jpeg()).hexdigest()

    def wall() -> str:
        return village.browser("officer_a").get(f"/live/cards?id={incident}").get_data(as_text=True)

    assert "Ảnh đang được gửi đến" in wall()
    assert gone(village, snapshot) == 204
    assert "Không còn ảnh" in wall()
    assert "Ảnh đang được gửi đến" not in wall()
    assert village.put_evidence(jpeg()).status_code == 201, "it came after all"
    assert f"/media/{incident}/{snapshot}" in wall()
    storage.make_room(village.parts.database, village.parts.store, village.clock, 0)
    assert "Không còn ảnh" in wall()
    with village.parts.database.write() as session:
        for reference in session.scalars(select(EvidenceReference).where(EvidenceReference.sha256 == snapshot)):
            session.delete(reference)
        for event_ in session.scalars(select(EventRecord)):
            event_.state = EventState.END
    assert "Vụ việc này không có ảnh" in wall()
    assert "This incident has no picture" in page(village, incident)


def test_what_has_come_cannot_be_called_gone(village: Village) -> None:
    incident = seen(village)
    assert gone(village, CLIP_SHA) == 204
    assert village.browser("officer_a").get(f"/media/{incident}/{CLIP_SHA}").status_code == 200
    storage.make_room(village.parts.database, village.parts.store, village.clock, 0)
    assert "No clip any more" in page(village, incident), "the server's own removal is told too"


def test_a_copy_that_the_edge_gave_up_before_it_was_sent_has_failed(village: Village) -> None:
    incident = seen(village)
    ask(village, incident)
    report(village, **made())
    assert gone(village, COPY_SHA) == 204
    assert state_shown(village, incident) == "failed"


def test_a_copy_removed_for_room_is_not_made_again_unasked_and_the_page_offers_it(village: Village) -> None:
    incident = seen(village)
    ask(village, incident)
    report(village, **made())
    village.put_evidence(COPY)
    with village.parts.database.write() as session:
        session.get_one(EvidenceFile, COPY_SHA).removed_at = village.clock.utc()
    assert beat(village) == [], "else it would push other evidence out again, and again be removed"
    assert fetch(village).status_code == 404
    assert state_shown(village, incident) == "none"
    assert "Make a playable copy" in page(village, incident)


def test_a_clip_is_not_given_back_once_its_copy_has_arrived(village: Village) -> None:
    incident = seen(village)
    ask(village, incident)
    report(village, **made())
    assert fetch(village).status_code == 200, "the box may have to begin again"
    assert village.put_evidence(COPY).status_code == 201
    assert fetch(village).status_code == 404
