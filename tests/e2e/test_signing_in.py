"""What people do in a browser to sign in: the first admin's link, authenticator apps, passkeys; phone and desk."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, CDPSession, Page, Route, expect

from tests.e2e.conftest import Complaints
from tests.support.browser import PATIENCE_MS
from tests.support.server import Account, RunningServer

pytestmark = pytest.mark.browser

WCAG_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SHOTS = os.environ.get("LANGAN_SHOTS", "")
"""A folder for pictures of every page looked at, for people's eyes."""

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that is reached by a name: browsers give no passkeys to an address such as 127.0.0.1."""
    folder: Path = tmp_path_factory.mktemp("signing-in")
    made = RunningServer(folder, {"LANGAN_SITE_NAME": "Xã Nhơn Lộc"})
    made._environment["LANGAN_PUBLIC_URL"] = f"http://localhost:{made.port}"
    with made:
        yield made


@pytest.fixture
def open_page(server: RunningServer, browser: Browser) -> Iterator[Open]:
    """Gives a page of a fresh browser; a complaint on any console fails the test."""
    complaints, contexts = Complaints(), []

    def make(*, width: int = 1440, javascript: bool = True) -> Page:
        context = browser.new_context(
            base_url=f"http://localhost:{server.port}",
            viewport={"width": width, "height": 900},
            java_script_enabled=javascript,
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.lines.append(str(error)))
        page.on(
            "console",
            lambda message: (
                complaints.lines.append(message.text)
                if message.type == "error" and not message.text.startswith("Failed to load resource")
                else None
            ),
        )
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints.lines == []


def give_password(page: Page, account: Account) -> None:
    page.goto("/login")
    page.fill("input[name=username]", account.username)
    page.fill("input[name=password]", account.password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda address: not address.endswith("/login"))


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Đăng xuất", exact=True).first.click()
    expect(page.get_by_role("status")).to_have_text("Bạn đã đăng xuất.")


@contextmanager
def authenticator(page: Page, *, verifies: bool = True) -> Iterator[tuple[CDPSession, str]]:
    """A phone's key store: it keeps discoverable passkeys, and asks for a finger (`verifies`: the right one)."""
    client = page.context.new_cdp_session(page)
    client.send("WebAuthn.enable")
    made = client.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": verifies,
                "automaticPresenceSimulation": True,
            }
        },
    )
    yield client, made["authenticatorId"]
    client.send("WebAuthn.disable")


def look_at(page: Page, name: str) -> None:
    """Nothing against WCAG AA, nothing sideways, in both languages, on a phone and on a desk."""
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert over <= 0, (name, width, over)
        answer = Axe().run(page, options={"runOnly": WCAG_AA}).response
        found = [(item["id"], node["html"][:150]) for item in answer["violations"] for node in item["nodes"]]
        assert found == [], (name, width)
        assert answer["passes"], "nothing was looked at"
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/{name}-{width}.png", full_page=True)


def look_at_both(page: Page, address: str, name: str) -> None:
    for language in ("en", "vi"):
        page.goto(f"{address}{'&' if '?' in address else '?'}lang={language}")
        look_at(page, f"{name}-{language}")


# The first admin


def test_the_first_admins_link_works_once_also_after_a_restart_and_is_in_no_access_log(
    tmp_path: Path, browser: Browser
) -> None:
    with RunningServer(tmp_path / "fresh") as fresh:
        links = re.findall(r"here, within an hour: (http://\S+)", fresh.log())
        assert len(links) == 1
        code = links[0].partition("#")[2]
        fresh.stop()
        fresh.start()
        assert len(set(re.findall(r"here, within an hour: (http://\S+)", fresh.log()))) == 2, "one for each start"
        with browser.new_context(viewport={"width": 390, "height": 900}) as context:
            page = context.new_page()
            page.goto(links[0])
            expect(page.locator("input[name=code]")).to_have_value(code)
            assert code not in page.url
            look_at(page, "setup-vi")
            page.fill("input[name=username]", "chu_tich")
            page.fill("input[name=display_name]", "Nguyễn Văn Lành")
            page.fill("input[name=password]", "con trau den gam co")
            page.fill("input[name=again]", "con trau den gam co")
            page.get_by_role("button", name="Tạo tài khoản").click()
            page.wait_for_url("**/account")
            response = page.goto("/admin/users" if page.url.startswith("/") else f"{fresh.url}/admin/users")
            assert response is not None
            assert response.status == 200
            response = page.goto(links[0].replace("#", "?again#"))
            assert response is not None
            assert response.status == 404
        listed = fresh.command("user", "list")
        assert "chu_tich" in listed
        assert "(whole site)" in listed
        requests = [line for line in fresh.log().splitlines() if line.startswith("{")]
        assert any("/setup" in line for line in requests)
        assert not [line for line in requests if code in line or "con trau den" in line]
        fresh.stop()
        fresh.start()
        assert len(re.findall(r"There is no admin yet", fresh.log())) == 2, "there is one now"


def test_a_wrong_or_old_code_makes_nobody(tmp_path: Path, browser: Browser) -> None:
    with (
        RunningServer(tmp_path / "fresh") as fresh,
        browser.new_context(base_url=fresh.url, java_script_enabled=False) as context,
    ):
        page = context.new_page()
        page.goto("/setup#not-a-code")
        for code in ("not-a-code", "x" * 43):
            page.fill("input[name=code]", code)
            for name, value in (("username", "ke_la"), ("display_name", "Kẻ lạ")):
                page.fill(f"input[name={name}]", value)
            for name in ("password", "again"):
                page.fill(f"input[name={name}]", "mot mat khau dai")
            page.get_by_role("button", name="Tạo tài khoản").click()
            expect(page.get_by_role("alert")).to_contain_text("đã dùng, đã hết hạn hoặc không đúng")
        assert "ke_la" not in fresh.command("user", "list")


# Authenticator apps, without a script


def test_an_authenticator_app_is_set_up_and_asked_for_without_a_script(server: RunningServer, open_page: Open) -> None:
    account = server.add_user("khong_script", "officer", "trang-long")
    page = open_page(width=390, javascript=False)
    give_password(page, account)
    page.goto("/account")
    page.get_by_role("button", name="Bật ứng dụng xác thực").click()
    app = pyotp.TOTP(page.locator("code.secret").inner_text().replace(" ", ""))
    assert page.locator("img.qr").get_attribute("src", timeout=1000) is not None
    page.fill("input[name=code]", app.now())
    page.get_by_role("button", name="Bật", exact=True).click()
    expect(page.locator("h1")).to_have_text("Mã dự phòng")
    codes = page.locator(".codes code").all_inner_texts()
    assert len(codes) == 10
    page.goto("/account")
    sign_out(page)
    give_password(page, account)
    expect(page.locator("h1")).to_have_text("Xác thực hai bước")
    page.fill("input[name=code]", "000000")
    page.press("input[name=code]", "Enter")
    expect(page.get_by_role("alert")).to_contain_text("Mã không đúng")
    page.fill("input[name=code]", codes[0])
    page.press("input[name=code]", "Enter")
    page.wait_for_url("**/live")


# Passkeys


def test_a_passkey_is_added_signs_in_alone_and_as_second_step_and_is_removed(
    server: RunningServer, open_page: Open
) -> None:
    account = server.add_user("khoa_truy_cap", "officer", "trang-long")
    page = open_page(width=390)
    with authenticator(page) as (client, key_store):
        give_password(page, account)
        page.goto("/account")
        page.fill("input[name=name]", "Điện thoại của tôi")
        page.get_by_role("button", name="Thêm khóa truy cập").click()
        expect(page.locator("h1")).to_have_text("Mã dự phòng")
        kept = client.send("WebAuthn.getCredentials", {"authenticatorId": key_store})["credentials"]
        assert [(item["isResidentCredential"], item["rpId"]) for item in kept] == [(True, "localhost")]
        page.goto("/account")
        expect(page.locator("#passkey-title ~ .versions li")).to_contain_text("Điện thoại của tôi")
        page.fill("input[name=name]", "lần nữa")
        page.get_by_role("button", name="Thêm khóa truy cập").click()
        expect(page.locator("[data-problem]")).to_have_text("Máy này đã có khóa truy cập của tài khoản này.")

        sign_out(page)
        page.get_by_role("button", name="Đăng nhập bằng khóa truy cập").click()  # no user name, no password
        page.wait_for_url("**/live")
        page.goto("/account")
        expect(page.locator("#sessions-title ~ .versions li").first).to_contain_text("Khóa truy cập")

        sign_out(page)
        give_password(page, account)
        expect(page.locator("h1")).to_have_text("Xác thực hai bước")
        page.get_by_role("button", name="Dùng khóa truy cập").click()
        page.wait_for_url("**/live")

        page.goto("/account")
        page.get_by_role("button", name="Xóa").click()
        expect(page.get_by_role("status")).to_have_text("Đã xóa khóa truy cập.")
        sign_out(page)
        page.get_by_role("button", name="Đăng nhập bằng khóa truy cập").click()
        expect(page.get_by_role("alert")).to_contain_text("không biết khóa truy cập này")


def test_a_passkey_without_finger_face_or_pin_does_not_sign_in(server: RunningServer, open_page: Open) -> None:
    account = server.add_user("khong_van_tay", "resident", "trang-long")
    page = open_page()
    with authenticator(page) as (client, key_store):
        give_password(page, account)
        page.goto("/account")
        page.get_by_role("button", name="Thêm khóa truy cập").click()
        expect(page.locator("h1")).to_have_text("Mã dự phòng")
        page.goto("/account")
        sign_out(page)
        client.send("WebAuthn.setUserVerified", {"authenticatorId": key_store, "isUserVerified": False})
        page.get_by_role("button", name="Đăng nhập bằng khóa truy cập").click()
        expect(page.locator("[data-problem]")).to_be_visible()
        page.goto("/log")
        expect(page.locator("input[name=password]")).to_be_visible()


def test_an_altered_or_replayed_answer_of_a_passkey_is_refused(server: RunningServer, open_page: Open) -> None:
    """A browser that lies: another user's mark, a signature bent by one bit, the same answer twice."""
    account = server.add_user("bi_doi", "officer", "trang-long")
    page = open_page()
    with authenticator(page):
        give_password(page, account)
        page.goto("/account")
        page.get_by_role("button", name="Thêm khóa truy cập").click()
        expect(page.locator("h1")).to_have_text("Mã dự phòng")
        page.goto("/account")
        sign_out(page)
        sent: list[dict[str, str]] = []

        def keep(route: Route) -> None:
            sent.append(_form(route.request.post_data))
            route.abort()

        page.route("**/login/passkey", keep)
        page.get_by_role("button", name="Đăng nhập bằng khóa truy cập").click()
        while not sent:
            page.wait_for_timeout(50)
        page.unroute("**/login/passkey")
    answer = json.loads(sent[0]["answer"])
    bent = answer | {"response": answer["response"] | {"signature": _bend(answer["response"]["signature"])}}
    for form, status in (
        (sent[0] | {"answer": json.dumps(bent)}, 401),
        (sent[0], 401),  # the right answer: but its question was used up by the wrong one
        (sent[0] | {"answer": "[]"}, 401),
        (sent[0] | {"answer": "{"}, 401),
        (sent[0] | {"answer": "{}", "ticket": "x"}, 401),
    ):
        response = page.request.post(f"http://localhost:{server.port}/login/passkey", form={**form}, max_redirects=0)
        assert response.status == status


def _form(data: str | None) -> dict[str, str]:
    from urllib.parse import parse_qsl

    return dict(parse_qsl(data or "", keep_blank_values=True))


def _bend(text: str) -> str:
    return text[:20] + ("A" if text[20] != "A" else "B") + text[21:]


# How it looks


def test_every_page_of_signing_in_is_whole_in_both_languages_on_a_phone_and_a_desk(
    server: RunningServer, open_page: Open
) -> None:
    account = server.add_user("xem_trang", "admin", None)
    page = open_page()
    look_at_both(page, "/login", "login")
    give_password(page, account)
    for address, name in (("/account", "account"), ("/account/confirm", "confirm"), ("/password", "password")):
        look_at_both(page, address, name)
    look_at_both(page, "/admin/users", "users")
    look_at_both(page, "/admin/audit?action=user.create", "audit")
    with authenticator(page):
        page.goto("/account?lang=vi")
        page.fill("input[name=name]", "Điện thoại của tôi")
        page.get_by_role("button", name="Thêm khóa truy cập").click()
        expect(page.locator("h1")).to_have_text("Mã dự phòng")
        look_at(page, "codes-vi")
        page.goto("/account")
        page.get_by_role("button", name="Bật ứng dụng xác thực").click()
        look_at_both(page, "/account/totp", "totp")
        look_at_both(page, "/account", "account-with-passkey")
    sign_out(page)
    give_password(page, account)
    look_at_both(page, "/login/second", "second")


def test_who_must_have_a_second_step_is_led_to_it(server: RunningServer, open_page: Open) -> None:
    admin = server.add_user("ra_luat", "admin", None)
    leader = server.add_user("lanh_dao_xa", "leader", "nhon-loc")
    page, other = open_page(), open_page(width=390)
    give_password(other, leader)
    give_password(page, admin)
    page.goto("/admin/users")
    rule = page.locator("section", has=page.locator("#rule-title"))
    rule.get_by_label("Lãnh đạo").check()
    rule.get_by_role("button", name="Lưu").click()
    expect(page.get_by_role("status")).to_contain_text("Đã lưu yêu cầu")
    other.goto("/log")
    expect(other.locator("h1")).to_have_text("Cần xác thực hai bước")
    look_at(other, "must-enrol-vi")
    other.get_by_role("link", name="Bật ngay").click()
    expect(other.locator("h1")).to_have_text("Tài khoản của tôi")
    rule.get_by_label("Lãnh đạo").uncheck()
    rule.get_by_role("button", name="Lưu").click()
    expect(rule.get_by_label("Lãnh đạo")).not_to_be_checked()
    other.goto("/log")
    expect(other.locator("h1")).to_have_text("Nhật ký an ninh")
