"""Errors as people see them: in their language, with the right status, and a way back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from server import create_app, migrations
from server.settings import Settings


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FlaskClient]:
    app = create_app(Settings(data_dir=tmp_path, max_body_bytes=64 * 1024))
    parts = app.extensions["langan"]
    migrations.upgrade(parts.database)
    yield app.test_client()
    parts.database.close()


@pytest.mark.parametrize(("language", "words"), [("vi", "Không tìm thấy trang"), ("en", "Page not found")])
def test_a_missing_page(client: FlaskClient, language: str, words: str) -> None:
    answer = client.get(f"/nowhere?lang={language}")
    assert answer.status_code == 404
    assert words in answer.text
    assert f'<html lang="{language}"' in answer.text


def test_a_stranger_is_asked_to_sign_in_and_will_come_back(client: FlaskClient) -> None:
    answer = client.get("/live?kind=crowding")
    assert answer.status_code == 401
    assert 'name="next" value="/live?kind=crowding"' in answer.text


def test_a_form_without_its_token(client: FlaskClient) -> None:
    answer = client.post("/language", data={"lang": "en"})
    assert answer.status_code == 403
    assert "Bạn không có quyền làm việc này" in answer.text


def test_a_sign_in_form_without_its_token_is_shown_anew(client: FlaskClient) -> None:
    form = {"username": "can_bo", "password": "khong-phai-mat-khau", "next": "/log"}
    client.get("/login")
    answer = client.post("/login", data=form)
    assert answer.status_code == 403
    assert "Trang đăng nhập này mở đã lâu" in answer.text
    assert all(kept in answer.text for kept in ('value="can_bo"', 'name="next" value="/log"'))
    assert "khong-phai-mat-khau" not in answer.text
    token = answer.text.split('name="csrf_token" value="')[1].split('"')[0]
    assert client.post("/login", data=form | {"csrf_token": token}).status_code == 401  # the password is looked at now


def test_what_a_page_asks_in_the_background_does_not_spoil_a_sign_in_form(client: FlaskClient) -> None:
    """A wall that is open while the session ends asks on, without a cookie, while its person signs in again."""
    assert client.get("/live", headers={"Sec-Fetch-Mode": "cors"}).headers.getlist("Set-Cookie") == []
    assert "visitor" in client.get("/live", headers={"Sec-Fetch-Mode": "navigate"}).headers["Set-Cookie"]


def test_too_much_at_once(client: FlaskClient) -> None:
    answer = client.post("/login", data={"username": "a" * 100_000})
    assert answer.status_code == 413
    assert "Nội dung gửi lên quá lớn" in answer.text


def test_too_many_wrong_passwords_say_how_long_to_wait(client: FlaskClient) -> None:
    page = client.get("/login").text
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    form = {"username": "can_bo", "password": "khong-phai-mat-khau", "csrf_token": token}
    statuses = [client.post("/login", data=form).status_code for _ in range(5)]
    assert statuses == [401] * 5
    answer = client.post("/login", data=form)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "900"
    assert "15 phút" in answer.text


def test_a_defect_tells_its_number_and_nothing_else(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setitem(client.application.view_functions, "pages.login", fail)
    answer = client.get("/login")
    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] in answer.text
    assert "secret detail" not in answer.text


def test_a_program_is_answered_in_json(client: FlaskClient) -> None:
    answer = client.get("/api/v1/live")
    assert answer.status_code == 401
    assert answer.get_json()["error"]["code"] == "not_authenticated"
