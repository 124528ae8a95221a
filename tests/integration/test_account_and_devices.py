"""One's own password, and the edge boxes: what the forms do, refuse and write down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from edge.enrol import enrol
from server.auth import attempts, passwords
from server.db.models import AuditEntry, Device, User
from tests.support.village import Village, listening, running_village

OLD, NEW = "mot mat khau dai", "con song chay qua lang"


@pytest.fixture
def village(tmp_path: Path) -> Iterator[Village]:
    with running_village(tmp_path) as running:
        with running.parts.database.write() as session:
            session.get_one(User, running.user_ids["officer_a"]).password_hash = passwords.hash_password(OLD)
        yield running


def send(browser: FlaskClient, page: str, address: str = "", **fields: str) -> TestResponse:
    """Open a page and send its form."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(page).text)
    assert found is not None
    return browser.post(address or page, data={"csrf_token": found[1], **fields})


def change(browser: FlaskClient, old: str = OLD, new: str = NEW, again: str = NEW) -> TestResponse:
    return send(browser, "/password", old=old, new=new, again=again)


def actions(village: Village) -> list[str]:
    with village.parts.database.read() as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.sequence)))


def test_a_new_password_keeps_this_browser_and_ends_all_others(village: Village) -> None:
    here, elsewhere = village.browser("officer_a"), village.browser("officer_a")
    response = change(here)
    assert response.status_code == 303
    assert here.get("/live").status_code == 200
    assert elsewhere.get("/live").status_code == 401
    with village.parts.database.read() as session:
        user = session.get_one(User, village.user_ids["officer_a"])
        assert passwords.matches(user.password_hash, NEW)
    assert actions(village)[-1] == "user.change_password"


def test_the_session_before_the_change_is_worth_nothing(village: Village) -> None:
    browser = village.browser("officer_a")
    before = browser.get_cookie("langan_session")
    assert before is not None
    change(browser)
    thief = village.app.test_client()
    thief.set_cookie("langan_session", before.value)
    assert thief.get("/live").status_code == 401


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"old": "sai mat khau"}, "Mật khẩu hiện tại không đúng"),
        ({"again": "khac han"}, "không giống nhau"),
        ({"new": "ngan", "again": "ngan"}, "từ 10 đến 256 ký tự"),
    ],
)
def test_a_wrong_change_changes_nothing(village: Village, fields: dict[str, str], words: str) -> None:
    browser = village.browser("officer_a")
    response = change(browser, **fields)
    assert response.status_code == 422
    assert words in response.text
    with village.parts.database.read() as session:
        assert passwords.matches(session.get_one(User, village.user_ids["officer_a"]).password_hash, OLD)
    assert "user.change_password" not in actions(village)


def test_the_old_password_cannot_be_guessed_through_the_form(village: Village) -> None:
    browser = village.browser("officer_a")
    for _ in range(attempts.MAX_PER_USER_AND_ADDRESS):
        assert change(browser, old="doan mo").status_code == 422
    assert change(browser).status_code == 429


def test_another_site_cannot_change_a_password(village: Village) -> None:
    browser = village.browser("officer_a")
    assert browser.post("/password", data={"old": OLD, "new": NEW, "again": NEW}).status_code == 403


def test_a_stranger_is_asked_to_sign_in(village: Village) -> None:
    assert village.browser(None).get("/password").status_code == 401


def enrol_with(village: Village, page: str, device: str) -> str:
    """Enrol with the code that a page shows; gives the code."""
    found = re.search(r"langan-edge enrol http://localhost (\S+?)<", page)
    assert found is not None
    with listening(village) as url:
        village.identities[device], result = enrol(url, found[1], village.parts.settings.data_dir / device)
    assert result.device_id == device
    return found[1]


def test_a_device_is_added_with_a_code_that_is_shown_once(village: Village) -> None:
    browser = village.browser("admin")
    response = send(browser, "/admin/devices", device_id="hop-2", name="Hộp 2", place_id="village-b")
    code = enrol_with(village, response.text, "hop-2")
    assert village.post([], "hop-2").status_code == 422, "known, though an empty batch is refused"
    assert code not in browser.get("/admin/devices").text
    assert actions(village)[-3:] == ["device.create", "device.code", "device.enrol"]


def test_a_new_code_ends_the_old_key_when_it_is_used_and_a_revoked_device_is_refused(village: Village) -> None:
    browser = village.browser("admin")
    old = village.identities["box-a"]
    page = send(browser, "/admin/devices", "/admin/devices/box-a/code")
    assert village.post([]).status_code == 422, "until the code is used the old key counts"
    enrol_with(village, page.text, "box-a")
    assert village.post([]).status_code == 422
    new, village.identities["box-a"] = village.identities["box-a"], old
    assert village.post([]).status_code == 401
    village.identities["box-a"] = new
    assert send(browser, "/admin/devices", "/admin/devices/box-a/revoke").status_code == 303
    assert village.post([]).status_code == 401
    assert actions(village)[-3:] == ["device.code", "device.enrol", "device.revoke"]


@pytest.mark.parametrize(
    ("address", "fields", "status"),
    [
        ("/admin/devices", {"device_id": "box-a", "place_id": "village-b"}, 409),
        ("/admin/devices", {"device_id": "Hộp", "place_id": "village-b"}, 422),
        ("/admin/devices", {"device_id": "hop", "place_id": "village-a"}, 403),
        ("/admin/devices", {"device_id": "hop", "place_id": "nowhere"}, 422),
        ("/admin/devices/box-a/code", {}, 403),
        ("/admin/devices/box-a/revoke", {}, 403),
        ("/admin/devices/none/revoke", {}, 404),
    ],
)
def test_an_admin_of_a_village_reaches_no_further(
    village: Village, address: str, fields: dict[str, str], status: int
) -> None:
    response = send(village.browser("admin_b"), "/admin/devices", address, **fields)
    assert response.status_code == status
    assert 'role="alert"' in response.text
    with village.parts.database.read() as session:
        boxes = session.scalars(select(Device).order_by(Device.id)).all()
    assert [(box.id, box.revoked_at) for box in boxes] == [("box-a", None), ("box-b", None)]


def test_officers_have_no_devices_page(village: Village) -> None:
    assert village.browser("officer_a").get("/admin/devices").status_code == 403
