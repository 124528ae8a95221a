"""The way from page to page: on a phone the pages used most stand in sight, the rest in a menu that needs no script."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import SignIn, Site

pytestmark = pytest.mark.browser

_CUT = """() => [...document.querySelectorAll(".nav a, .nav summary")].filter(item => item.checkVisibility())
    .filter(item => {
        const box = item.getBoundingClientRect();
        return item.scrollWidth > item.clientWidth || box.left < 0 || box.right > innerWidth;
    }).map(item => item.textContent)"""
_PAGES = {"officer": 8, "admin": 13, "leader": 2, "resident": 1}


@pytest.mark.parametrize("role", list(_PAGES))
def test_a_small_phone_cuts_no_word_of_the_navigation(site: Site, sign_in: SignIn, role: str) -> None:
    page = sign_in(getattr(site, role), width=360)
    for language in ("vi", "en"):
        page.goto(f"/password?lang={language}")
        _check(page, _PAGES[role])


def _check(page: Page, count: int) -> None:
    nav = page.locator(".top nav")
    expect(nav.locator("a")).to_have_count(count)
    row = nav.bounding_box()
    assert row is not None
    assert row["height"] < 60, "one line"
    assert nav.evaluate("part => part.scrollWidth - part.clientWidth") == 0
    assert page.evaluate(_CUT) == []
    menu = nav.locator("summary")
    assert menu.count() == (1 if count > 4 else 0)
    if menu.count():
        expect(nav.locator("a:visible")).to_have_count(3)
        menu.click()
        expect(nav.locator("a:visible")).to_have_count(count)
        assert page.evaluate(_CUT) == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
        heights = nav.locator("a").evaluate_all("links => links.map(link => link.getBoundingClientRect().height)")
        assert min(heights) >= 44


def test_the_menu_opens_without_a_script_and_marks_the_page(site: Site, sign_in: SignIn) -> None:
    page = sign_in(site.officer, width=360, javascript=False)
    expect(page.locator(".nav [aria-current=page]:visible")).to_have_text("Trực tiếp")
    page.locator(".nav summary").click()
    page.get_by_role("link", name="Tạm ngưng").click()
    expect(page).to_have_url(f"{site.server.url}/silences")
    expect(page.locator(".nav summary")).to_have_text("Thêm, đang mở Tạm ngưng")
    page.locator(".nav summary").click()
    expect(page.locator(".nav [aria-current=page]:visible")).to_have_text("Tạm ngưng")


def test_the_menu_by_keyboard(site: Site, sign_in: SignIn) -> None:
    page = sign_in(site.officer, width=390)
    menu, summary = page.locator(".nav-more"), page.locator(".nav summary")
    summary.focus()
    page.keyboard.press("Enter")
    expect(menu).to_have_attribute("open", "")
    page.keyboard.press("Tab")
    expect(menu.locator("a").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(summary).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(menu.locator("a").count() + 1):
        page.keyboard.press("Tab")
    expect(menu).not_to_have_attribute("open", "")  # the focus has left it: nothing stays hidden below
    assert page.evaluate("document.activeElement.closest('.nav')") is None


def test_a_press_elsewhere_closes_the_menu(site: Site, sign_in: SignIn) -> None:
    page = sign_in(site.officer, width=390)
    page.locator(".nav summary").click()
    expect(page.locator(".nav-more")).to_have_attribute("open", "")
    page.mouse.click(195, 850)
    expect(page.locator(".nav-more")).not_to_have_attribute("open", "")


def test_a_desktop_shows_every_page_at_once(site: Site, sign_in: SignIn) -> None:
    page = sign_in(site.officer, width=1280)
    expect(page.locator(".nav a:visible")).to_have_count(_PAGES["officer"])
    expect(page.locator(".nav summary")).to_be_hidden()
    page.get_by_role("link", name="Tạm ngưng").click()
    expect(page.locator(".nav [aria-current=page]:visible")).to_have_text("Tạm ngưng")
