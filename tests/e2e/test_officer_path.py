"""An officer's main path with a running edge: from what a camera sees to resolved, by thumb and by keyboard alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="the extra `dev` is not installed")

from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.edge import RunningEdge
from tests.support.server import SITE, Account, RunningServer

pytestmark = pytest.mark.browser
CAMERA = """\
camera: {id: san, name: Sân nhà văn hoá, village: trang-long}
inputs: [{path: vtest.mp4, loop: true}]
detect: {fps: 5}
objects: {track: [person], filters: {person: {min_score: 0.45}}}
zones:
  giua: {name: Lối giữa sân, coordinates: [[0.33, 0], [0.66, 0], [0.66, 1], [0.33, 1]]}
rules:
  - {kind: intrusion, zones: [giua], min_duration_s: 1, clear_after_s: 1}
  - {kind: crowding, min_people: 3, min_duration_s: 2, clear_after_s: 2, after_hours: null}
evidence: {pre_s: 1, post_s: 1}
"""
_ALIKE = """() => {
    const box = (name) => document.querySelector("#live-snapshot " + name).getBoundingClientRect();
    const [picture, drawn] = [box("img"), box(".scene-ways")];
    return Math.max(...["x", "y", "width", "height"].map(side => Math.abs(picture[side] - drawn[side])));
}"""
_PLAYED_S = """video => new Promise((done, failed) => {
    video.muted = true;
    video.addEventListener("timeupdate", () => video.currentTime > 0.2 && done(video.currentTime));
    video.addEventListener("error", () => failed(new Error(video.error.message)));
    video.play().catch(failed);
})"""


@pytest.mark.timeout(400)
def test_from_a_running_edge_to_resolved_by_thumb_and_by_keyboard(tmp_path: Path, browser: Browser) -> None:
    config = tmp_path / "config"
    (config / "cameras").mkdir(parents=True)
    (config / "site.yaml").write_text(SITE, encoding="utf-8")
    (config / "cameras" / "san.yaml").write_text(CAMERA, encoding="utf-8")
    with RunningServer(tmp_path / "server") as server:
        thumb, keys = (server.add_user(name, "officer", "trang-long") for name in ("can_bo", "can_bo_2"))
        code = server.enrolment_code("box", "trang-long")
        edge = RunningEdge(tmp_path, config=config, server_url=server.url, code=code)
        phone = browser.new_context(
            base_url=server.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, locale="vi-VN"
        ).new_page()
        desk = browser.new_context(base_url=server.url, viewport={"width": 1440, "height": 900}).new_page()
        _sign_in_by_keyboard(desk, keys)
        _sign_in(phone, thumb)
        expect(phone.locator("#link-state")).to_have_attribute("data-state", "connected")
        expect(phone.locator("#wall article")).to_have_count(0)
        phone.evaluate("window.notReloaded = true")
        with edge:
            _by_thumb(phone)
            _by_keyboard(desk)
        phone.context.close()
        desk.context.close()


def _by_thumb(page: Page) -> None:
    """On a phone, in Vietnamese."""
    card = page.locator("#wall article", has=page.locator("h2", has_text="Xâm nhập")).first
    expect(card).to_be_visible(timeout=150_000)
    assert page.evaluate("window.notReloaded"), "it came by itself"
    expect(card.locator(".meta")).to_contain_text("Sân nhà văn hoá")
    card.get_by_role("button", name="Tiếp nhận").tap()
    expect(card).to_have_attribute("data-state", "acknowledged")
    assert page.evaluate("window.notReloaded")
    card.locator("h2 a").tap()
    expect(page.locator("h1")).to_have_text("Xâm nhập")
    expect(page.locator(".facts-line")).to_have_text(re.compile(r"\d+ giây"))
    expect(page.locator("#live-facts dl")).to_contain_text("Lối giữa sân")
    # The clip comes after the event has ended, and shows itself on the page that is open.
    expect(page.locator("#clip-list video").first).to_be_visible(timeout=150_000)
    assert page.locator("#clip-list video").first.evaluate(_PLAYED_S) > 0.2
    expect(page.locator("#live-snapshot .zone")).to_have_count(1)
    expect(page.locator("#live-snapshot .way").first).to_be_attached()
    assert page.evaluate(_ALIKE) < 2, "drawn over the picture, not beside it"
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.get_by_role("button", name="Đã giải quyết").tap()
    expect(page.locator("#live-head .state-resolved")).to_be_visible()
    expect(page.locator("#live-timeline")).to_contain_text("can_bo")


def _by_keyboard(page: Page) -> None:
    """On a desktop, in English, without a pointer."""
    page.goto("/live?kind=crowding")
    card = page.locator("#wall article").first
    expect(card).to_be_visible(timeout=150_000)
    expect(card.locator("h2")).to_have_text("Crowding")
    page.keyboard.press("j")
    expect(card.locator("h2 a")).to_be_focused()
    page.keyboard.press("a")
    expect(card).to_have_attribute("data-state", "acknowledged")
    expect(card.locator("h2 a")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Crowding")
    expect(page.locator(".facts-line")).to_have_text(re.compile(r"\d+ people"))
    _tab_to(page, page.get_by_role("button", name="Resolve"))
    page.keyboard.press("Enter")
    expect(page.locator("#live-head .state-resolved")).to_be_visible()


def _sign_in(page: Page, account: Account) -> None:
    page.goto("/login")
    page.fill("input[name=username]", account.username)
    page.fill("input[name=password]", account.password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/live")


def _sign_in_by_keyboard(page: Page, account: Account) -> None:
    page.goto("/login")
    for name, text in (("username", account.username), ("password", account.password)):
        _tab_to(page, page.locator(f"input[name={name}]"))
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    page.wait_for_url("**/live")
    _tab_to(page, page.get_by_role("button", name="English"))
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def _tab_to(page: Page, wanted: Locator) -> None:
    """Move the focus there with the Tab key, as often as it takes."""
    for _ in range(80):
        if wanted.evaluate("part => part === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never comes to {wanted}")
