"""Stills of cameras: from their own box, checked before they are decoded, replaced, shown to officers of the place."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from server.db.look_models import CameraStill
from server.db.models import Camera
from server.db.work_models import Deletion
from server.look import stills
from server.retention.service import enforce
from tests.support.forms import csrf
from tests.support.media import jpeg, jpeg_claiming, mp4
from tests.support.village import NOW, Village, event

CAMERA = "cam-village-a"
FIRST_MS = int(NOW.timestamp() * 1000)


@pytest.fixture(autouse=True)
def _cameras(village: Village) -> None:
    village.post([event(village="village-a")])
    village.post([event(village="village-b")], device="box-b")


def put(
    village: Village, content: bytes, *, at: int = FIRST_MS, camera: str = CAMERA, box: str = "box-a"
) -> TestResponse:
    with village.app.test_client() as client:
        return client.put(f"/api/v1/cameras/{camera}/still?at={at}", data=content, headers=village.signed(box))


def kept(village: Village) -> list[tuple[str, str]]:
    with village.parts.database.read() as session:
        rows = session.execute(select(CameraStill.camera_id, CameraStill.sha256).order_by(CameraStill.camera_id))
        return [(row[0], row[1]) for row in rows]


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_the_newest_still_is_shown_to_officers_and_admins_of_the_place_only(village: Village) -> None:
    assert put(village, jpeg(1)).status_code == 204
    address = f"/cameras/{CAMERA}/still.jpg"
    for name, status in (
        ("officer_a", 200),
        ("officer_commune", 200),
        ("admin", 200),
        ("officer_b", 404),
        ("admin_b", 404),
        ("resident_a", 403),
        (None, 401),
    ):
        answer = village.browser(name).get(address)
        assert answer.status_code == status, name
        if status == 200:
            assert answer.data == jpeg(1)
            assert answer.mimetype == "image/jpeg"
            assert answer.headers["Cache-Control"] == "private, no-cache"
            assert "Cookie" in answer.headers["Vary"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        else:
            assert b"\xff\xd8\xff" not in answer.data
    again = village.browser("officer_a").get(address, headers={"If-None-Match": f'"{sha(jpeg(1))}"'})
    assert again.status_code == 304


def test_a_still_replaces_the_one_before_and_an_older_one_does_not(village: Village) -> None:
    put(village, jpeg(1))
    put(village, jpeg(2), at=FIRST_MS + 1000)
    assert put(village, jpeg(3), at=FIRST_MS + 500).status_code == 204  # late, or played back: dropped
    assert kept(village) == [(CAMERA, sha(jpeg(2)))]
    with village.app.test_request_context(), village.parts.database.read() as session:
        shown = stills.still_of(session, CAMERA)
        assert stills.still_of(session, "cam-village-b") is None
    assert shown is not None
    assert (shown.width, shown.height) == (32, 32)
    assert shown.taken_at == NOW + timedelta(seconds=1)
    assert village.browser("officer_a").get(shown.url).data == jpeg(2)


def test_another_box_and_people_cannot_put_one(village: Village) -> None:
    assert put(village, jpeg(1), box="box-b").status_code == 404
    assert put(village, jpeg(1), camera="no-such").status_code == 404
    with village.app.test_client() as client:
        assert client.put(f"/api/v1/cameras/{CAMERA}/still?at=1", data=jpeg(1)).status_code == 401
    assert village.browser("admin").put(f"/api/v1/cameras/{CAMERA}/still?at=1", data=jpeg(1)).status_code == 401
    assert kept(village) == []


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"\xff\xd8\xff\xd9", 422),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 422),
        (mp4(), 422),
        (jpeg(1)[:-20], 422),
        (jpeg(1) + b"<script>", 422),
        (jpeg_claiming(50_000, 50_000), 422),
        (jpeg(1, side=1300), 413),
        (jpeg_claiming(1281, 32), 422),
    ],
)
def test_threat_34_a_still_is_checked_before_anybody_decodes_it(village: Village, content: bytes, status: int) -> None:
    assert put(village, content).status_code == status
    assert kept(village) == []


@pytest.mark.parametrize("at", ["", "x", "-5", "9" * 20, str(FIRST_MS + 2 * 3600 * 1000)])
def test_a_time_that_cannot_be_is_refused(village: Village, at: str) -> None:
    with village.app.test_client() as client:
        answer = client.put(f"/api/v1/cameras/{CAMERA}/still?at={at}", data=jpeg(1), headers=village.signed("box-a"))
    assert answer.status_code == 422
    assert answer.get_json()["error"]["message"].startswith("at:")


def test_a_still_goes_with_its_camera_and_with_its_period(village: Village) -> None:
    put(village, jpeg(1))
    with village.parts.database.write() as session:
        session.add(Camera(id="taken-down", device_id="box-a", village_id="village-a", name="x", created_at=NOW))
    put(village, jpeg(2), camera="taken-down")
    with village.parts.database.write() as session:
        session.delete(session.get_one(Camera, "taken-down"))
    assert [camera for camera, _ in kept(village)] == [CAMERA]
    village.clock.advance(days=6)
    assert enforce(village.parts).counts["still"] == 0
    village.clock.advance(days=2)
    assert enforce(village.parts, dry_run=True).counts["still"] == 1
    assert enforce(village.parts).counts["still"] == 1
    assert kept(village) == []
    with village.parts.database.read() as session:
        line = session.scalars(select(Deletion).where(Deletion.what == "still")).one()
    assert (line.rows, line.reason) == (1, "age:7")


def test_a_still_that_is_asked_for_is_told_to_its_box_once(village: Village) -> None:
    officer = village.browser("officer_a")
    assert _ask(village, "officer_a").status_code == 303
    assert _ask(village, "officer_b").status_code == 404
    assert _ask(village, "resident_a").status_code == 403
    assert officer.get(f"/cameras/{CAMERA}/still.jpg").status_code == 404
    assert village.parts.looks.now("box-a").stills == (CAMERA,)
    assert village.parts.looks.now("box-b").stills == ()
    put(village, jpeg(1))
    assert village.parts.looks.now("box-a").stills == ()
    _ask(village, "officer_a")
    village.clock.advance(minutes=11)  # the box was away: nobody waits for it any more
    assert village.parts.looks.now("box-a").stills == ()


def _ask(village: Village, name: str) -> TestResponse:
    browser = village.browser(name)
    return browser.post(f"/cameras/{CAMERA}/still", data={"csrf_token": csrf(village, browser)})
