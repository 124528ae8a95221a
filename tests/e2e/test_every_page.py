"""What holds for every page: both languages, a phone's width, names of things, errors with a way back."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.conftest import SignIn, Site
from tests.support.seed import tell_health

pytestmark = pytest.mark.browser

PAGES = {
    "officer": (
        "/live",
        "/live/map",
        "/shift",
        "/cameras",
        "/cameras/cong_cho/look",
        "/silences",
        "/log",
        "/password",
        "/notifications",
        "/feedback/inbox",
        "/cameras/duong_lang/sign",
    ),
    "resident": ("/log", "/log/numbers", "/transparency", "/feedback"),
    "leader": ("/reports", "/reports?period=day", "/reports?period=free", "/reports/mail", "/reports/letterhead"),
    "admin": (
        "/admin/cameras",
        "/admin/cameras/cong_cho",
        "/admin/new-camera",
        "/admin/devices",
        "/admin/users",
        "/admin/audit",
        "/admin/notifications",
        "/silences",
        "/admin/retention",
    ),
}
WCAG_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_NAMELESS = """() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a")]
    .filter(item => item.offsetParent !== null && !item.closest("[aria-hidden=true]"))
    .filter(item => !(item.labels?.length || item.textContent.trim() || item.getAttribute("aria-label")
        || item.querySelector("img[alt]:not([alt=''])")))
    .map(item => item.outerHTML)"""
_FAINT = """() => {
    const light = (text) => {
        const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (element) => {
        for (let item = element; item; item = item.parentElement) {
            const colour = getComputedStyle(item).backgroundColor;
            if (!/, 0\\)$/.test(colour) && colour !== "transparent") return colour;
        }
        return "rgb(255, 255, 255)";
    };
    const faint = new Set();
    for (const element of document.querySelectorAll("body *")) {
        const hasText = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
        const skipped = element.closest(".shot, .visually-hidden, option, video, svg title");
        if (!hasText || element.offsetParent === null || skipped) continue;
        const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        const words = element.textContent.trim().slice(0, 40);
        if (ratio < 4.5) faint.add([ratio.toFixed(2), element.className, words].join(" "));
    }
    return [...faint];
}"""


def every_page(site: Site, sign_in: SignIn, *, width: int) -> list[tuple[Page, str]]:
    """Each role's page and the addresses to look at."""
    shown = []
    for role, addresses in PAGES.items():
        page = sign_in(getattr(site, role), width=width)
        if role == "officer":
            incident = page.locator(".card h2 a").first.get_attribute("href")
            assert incident is not None
            shown += [(page, incident), (page, "/incidents/00000000-0000-7000-8000-000000000000")]
        shown += [(page, address) for address in addresses]
    return shown


def test_no_page_scrolls_sideways_on_a_small_phone(site: Site, sign_in: SignIn) -> None:
    wide = []
    for page, address in every_page(site, sign_in, width=360):
        for language in ("vi", "en"):
            page.goto(f"{address}?lang={language}")
            over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            if over > 0:
                wide.append((address, language, over))
    assert wide == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_control_has_a_name_and_every_text_enough_contrast(site: Site, sign_in: SignIn, scheme: str) -> None:
    found: list[tuple[str, str]] = []
    for page, address in every_page(site, sign_in, width=1280):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
        page.goto(address)
        found += [(address, problem) for problem in page.evaluate(_NAMELESS)]
        found += [(address, problem) for problem in page.evaluate(_FAINT)]
    assert found == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["vi", "en"])
def test_axe_finds_nothing_against_wcag_aa(site: Site, sign_in: SignIn, scheme: str, language: str) -> None:
    tell_health(site.box)
    found: list[tuple[str, str, str]] = []
    stranger = sign_in(site.officer).context.browser
    assert stranger is not None
    login = stranger.new_page(base_url=site.server.url)
    for page, address in [(login, "/login"), *every_page(site, sign_in, width=390)]:
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
        page.goto(f"{address}?lang={language}")
        for item in page.locator("details").all():
            item.evaluate("part => part.open = true")
        answer = Axe().run(page, options={"runOnly": WCAG_AA}).response
        found += [
            (address, violation["id"], node["html"][:120])
            for violation in answer["violations"]
            for node in violation["nodes"]
        ]
        assert answer["passes"], "nothing was looked at"
    login.close()
    assert found == []


def test_thumbs_find_the_acknowledge_button(site: Site, sign_in: SignIn) -> None:
    page = sign_in(site.officer, width=360)
    expect(page.locator(".push button").first).to_be_visible()
    # In one step: a card that news replaces between finding and measuring would have no size.
    box = page.evaluate("document.querySelector('.push button').getBoundingClientRect().toJSON()")
    assert box["height"] >= 48
    assert box["width"] >= 200


def test_the_language_button_changes_the_page_and_is_remembered(site: Site, sign_in: SignIn) -> None:
    account = site.server.add_user("hai_thu_tieng", "officer", "trang-long")
    page = sign_in(account, fresh=True)
    expect(page.locator("html")).to_have_attribute("lang", "vi")
    page.goto("/live?kind=crowding")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("h1")).to_have_text("Live alerts")
    assert page.url.endswith("/live?kind=crowding")
    elsewhere = sign_in(account, fresh=True)  # another browser, without the cookie
    expect(elsewhere.locator("html")).to_have_attribute("lang", "en")


def test_errors_speak_the_language_and_lead_back(site: Site, sign_in: SignIn) -> None:
    page = sign_in(site.resident)
    for address, code, words in (("/nowhere", 404, "Không tìm thấy"), ("/admin/users", 403, "không có quyền")):
        response = page.goto(address)
        assert response is not None
        assert response.status == code
        expect(page.locator("h1")).to_contain_text(words)
    page.get_by_role("link", name="Về trang chính").click()
    expect(page.locator("h1")).to_have_text("Nhật ký an ninh")


def test_a_wrong_password_is_told_without_telling_which(site: Site, sign_in: SignIn) -> None:
    page = sign_in(site.resident, fresh=True)
    page.get_by_role("button", name="Đăng xuất").click()
    expect(page.get_by_role("status")).to_have_text("Bạn đã đăng xuất.")
    messages = []
    for name in (site.officer.username, "khong_co_ai"):
        page.fill("input[name=username]", name)
        page.fill("input[name=password]", "khong-phai-mat-khau")
        page.press("input[name=password]", "Enter")
        messages.append(page.get_by_role("alert").inner_text())
        expect(page.locator("input[name=username]")).to_have_value(name)
    assert messages[0] == messages[1]


def test_a_stranger_is_led_to_sign_in_and_back(site: Site, sign_in: SignIn) -> None:
    page = sign_in(site.officer)
    page.context.clear_cookies()
    page.goto("/live?kind=wrong_way")
    page.fill("input[name=username]", site.officer.username)
    page.fill("input[name=password]", site.officer.password)
    page.press("input[name=password]", "Enter")
    expect(page).to_have_url(f"{site.server.url}/live?kind=wrong_way")


def test_of_two_sign_in_pages_the_older_one_asks_once_more(site: Site, sign_in: SignIn) -> None:
    page = sign_in(site.officer)
    page.context.clear_cookies()
    page.goto("/login?next=/log")
    page.context.clear_cookies()  # the browser's other tab began at the same moment and was given another cookie
    page.fill("input[name=username]", site.officer.username)
    page.fill("input[name=password]", site.officer.password)
    with page.expect_response("**/login") as answer:
        page.press("input[name=password]", "Enter")
    assert answer.value.status == 403
    expect(page.get_by_role("alert")).to_contain_text("mở đã lâu")
    expect(page.locator("input[name=username]")).to_have_value(site.officer.username)
    page.fill("input[name=password]", site.officer.password)
    page.press("input[name=password]", "Enter")
    expect(page).to_have_url(f"{site.server.url}/log")
