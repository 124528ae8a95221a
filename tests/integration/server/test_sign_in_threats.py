"""Sessions, cookies and sign-ins: who tries too often, who takes over, and what is told of them."""

from __future__ import annotations

import json
import threading
from typing import Any
from uuid import uuid4

import pytest

from server.auth import passwords
from server.auth import service as auth
from server.auth.sign_in import Caller, Entered, with_password
from server.errors import InvalidInput, ServerError, TooManyRequests, Unavailable
from server.http import JsonLines
from tests.support.forms import csrf, form_of, login_form
from tests.support.village import PASSWORD, Village, running_village


def test_threat_27_a_new_password_ends_every_session(village: Village) -> None:
    browsers = [village.browser("officer_a") for _ in range(2)]
    assert all(browser.get("/media/x").status_code == 404 for browser in browsers)
    with village.parts.database.write() as session:
        auth.change_password(session, village.clock, village.user_ids["officer_a"], PASSWORD)
    for browser in browsers:
        assert browser.get(f"/media/{uuid4()}/{'0' * 64}").status_code == 401


def test_a_session_ends_when_it_is_idle_or_old(village: Village) -> None:
    browser = village.browser("officer_a")
    asked = f"/media/{uuid4()}/{'0' * 64}"
    for _ in range(13):
        village.clock.advance(hours=11)
        assert browser.get(asked).status_code == 404
    village.clock.advance(hours=13)
    assert browser.get(asked).status_code == 401
    other = village.browser("officer_a")
    village.clock.advance(days=8)
    assert other.get(asked).status_code == 401


def test_threat_28_cross_origin_and_csrf_posts_are_refused(village: Village) -> None:
    browser = village.browser("officer_a")
    token = csrf(village, browser)
    path = "/logout"
    attempts: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, {}),
        ({"csrf_token": "0" * 64}, {}),
        ({"csrf_token": token}, {"Origin": "https://evil.example"}),
        ({"csrf_token": token}, {"Origin": "null"}),
        ({"csrf_token": token}, {"Referer": "https://evil.example/localhost"}),
        ({"csrf_token": token}, {"Sec-Fetch-Site": "cross-site"}),
        ({"csrf_token": csrf(village, village.browser("officer_a"))}, {}),
    ]
    for form, headers in attempts:
        assert browser.post(path, data=form, headers=headers).status_code == 403, (form, headers)
    assert browser.get(f"/media/{uuid4()}/{'0' * 64}").status_code == 404
    good = browser.post(path, data={"csrf_token": token}, headers={"Origin": "http://localhost"})
    assert good.status_code in {302, 303}
    assert browser.get(f"/media/{uuid4()}/{'0' * 64}").status_code == 401


def test_cookies_are_http_only_same_site_and_bound_to_https(tmp_path: Any) -> None:

    with running_village(tmp_path / "data", public_url="https://langan.example") as village:
        response = village.browser(None).get("/login", base_url="https://langan.example")
        cookie = next(value for value in response.headers.getlist("Set-Cookie") if "visitor" in value)
        assert cookie.startswith("__Host-langan_visitor=")
        assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))


def test_sign_in_is_limited_however_many_workers_try(village: Village) -> None:
    with village.parts.database.write() as session:
        auth.change_password(session, village.clock, village.user_ids["officer_a"], PASSWORD)
    outcomes: list[type[ServerError]] = []

    def guess(number: int) -> None:
        try:
            sign_in(village, f"wrong password {number}")
        except ServerError as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([item for item in outcomes if item is TooManyRequests]) == 3
    with pytest.raises(TooManyRequests):
        sign_in(village, PASSWORD)
    sign_in(village, PASSWORD, address="10.0.0.9")
    village.clock.advance(minutes=16)
    token = sign_in(village, PASSWORD)
    with village.parts.database.read() as session:
        assert auth.principal_of_session(session, village.clock, village.parts.session_policy, token) is not None


def sign_in(village: Village, password: str, address: str = "10.0.0.1") -> str:
    parts = village.parts
    entered = with_password(
        parts.database,
        village.clock,
        parts.session_policy,
        Caller(address),
        username="officer_a",
        password=password,
    )
    assert isinstance(entered, Entered)
    return entered.token


@pytest.mark.parametrize(
    "change",
    [
        {"username": "a\x00b"},
        {"username": "ｏｆｆｉｃｅｒ_a"},
        {"username": "\u202eofficer_a", "next": "//["},
        {"next": "https://[::1"},
        {"password": "x" * 10_000},
    ],
)
def test_hostile_sign_ins_are_refused_and_no_bug(village: Village, change: dict[str, str]) -> None:
    browser, form = login_form(village)
    answer = browser.post("/login", data=form | {"username": "officer_a", "password": "wrong"} | change)
    assert answer.status_code in {401, 422}


def test_a_session_ends_when_somebody_else_signs_in_with_the_same_browser(village: Village) -> None:
    with village.parts.database.write() as session:
        auth.change_password(session, village.clock, village.user_ids["officer_b"], PASSWORD)
    browser, form = form_of(village, "officer_a")
    before = browser.get_cookie("langan_session")
    answer = browser.post("/login", data=form | {"username": "officer_b", "password": PASSWORD})
    after = browser.get_cookie("langan_session")
    assert answer.status_code == 303
    assert before is not None
    assert after is not None
    assert after.value != before.value
    with village.parts.database.read() as session:
        found = [
            auth.principal_of_session(session, village.clock, village.parts.session_policy, cookie.value)
            for cookie in (before, after)
        ]
    assert found[0] is None
    assert found[1] is not None


def test_an_ipv6_customer_has_no_more_tries_than_anybody(embedded_village: Village) -> None:
    browser, form = login_form(embedded_village)
    statuses = [
        browser.post(
            "/login",
            data=form | {"username": f"somebody{number}", "password": "wrong"},
            environ_base={"REMOTE_ADDR": f"2001:db8:1:2::{number:x}"},
        ).status_code
        for number in range(1, 32)
    ]
    assert statuses == [401] * 30 + [429]


def test_an_unknown_user_costs_the_same_hash_as_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []

    class Recording:
        def verify(self, password_hash: str, _password: str) -> bool:
            checked.append(password_hash.rpartition("$")[0].rpartition("$")[0])
            return True

    known = passwords.hash_password(PASSWORD)
    monkeypatch.setattr(passwords, "_HASHER", Recording())
    assert passwords.matches(known, PASSWORD)
    assert not passwords.matches(None, PASSWORD)
    assert checked[0] == checked[1]


def test_a_flood_of_sign_ins_does_not_hold_every_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_AT_ONCE", threading.BoundedSemaphore(1))
    monkeypatch.setattr(passwords, "_PATIENCE_S", 0.0)
    with passwords._slot(), pytest.raises(Unavailable):
        passwords.matches(None, PASSWORD)


def test_too_many_tries_stay_refused_whatever_the_letters_case(village: Village) -> None:
    def attempt(username: str) -> None:
        with_password(
            village.parts.database,
            village.clock,
            village.parts.session_policy,
            Caller("10.0.0.1"),
            username=username,
            password="wrong",
        )

    for _ in range(5):
        with pytest.raises(Exception, match="wrong user name"):
            attempt("officer_a")
    for written in ("OFFICER_A", " officer_a ", "Officer_A"):
        with pytest.raises(TooManyRequests):
            attempt(written)


def test_threat_39_what_is_typed_to_sign_in_is_never_logged(
    embedded_village: Village, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    browser, form = login_form(embedded_village)
    browser.post("/login?x=Geheim-3", data=form | {"username": "Geheim-1", "password": "Geheim-2"})
    with pytest.raises(InvalidInput), embedded_village.parts.database.write() as session:
        auth.change_password(session, embedded_village.clock, embedded_village.user_ids["admin"], "Geheim-4")

    lines = [JsonLines().format(record) for record in caplog.records]
    assert any(json.loads(line).get("path") == "/login" for line in lines)
    for secret in ("Geheim", form["csrf_token"]):
        assert not [line for line in lines if secret in line]
