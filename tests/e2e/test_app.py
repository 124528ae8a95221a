"""The site as an app: installable, honest without a network, and forgetful when somebody signs out."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright", reason="the extra `dev` is not installed")

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.conftest import Site
from tests.support.accessibility import violations
from tests.support.server import Account

pytestmark = pytest.mark.browser


@contextmanager
def app(site: Site, browser: Browser, *, scheme: str = "light") -> Iterator[tuple[BrowserContext, Page]]:
    context = browser.new_context(
        base_url=site.server.url,
        viewport={"width": 390, "height": 844},
        service_workers="allow",
        color_scheme="dark" if scheme == "dark" else "light",
    )
    try:
        yield context, context.new_page()
    finally:
        context.close()


def sign_in(page: Page, account: Account) -> None:
    page.goto("/login")
    page.fill("input[name=username]", account.username)
    page.fill("input[name=password]", account.password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda address: "/login" not in address)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")


def kept(page: Page) -> dict[str, list[str]]:
    """Every address in every cache."""
    found: dict[str, list[str]] = page.evaluate(
        """async () => Object.fromEntries(await Promise.all((await caches.keys()).map(async (name) =>
            [name, (await (await caches.open(name)).keys()).map((item) => new URL(item.url).pathname)])))"""
    )
    return found


def until(page: Page, promise: str, timeout_s: float = 60.0) -> None:
    """Wait until a promise brings something true."""
    deadline = time.monotonic() + timeout_s
    while not page.evaluate(promise):
        assert time.monotonic() < deadline, promise
        page.wait_for_timeout(200)


def open_wall_offline(context: BrowserContext, page: Page) -> None:
    """Open the wall without a network.

    A service worker that has just started may still reach the network after the browser said that there is none.
    """
    deadline = time.monotonic() + 60
    while True:
        context.set_offline(True)
        page.goto("/live")
        if page.locator("#offline-word").count():
            return
        assert time.monotonic() < deadline, page.locator("body").inner_text()
        context.set_offline(False)
        page.wait_for_timeout(500)


def wait_for_wall(page: Page) -> None:
    until(page, "caches.match('/offline/wall.json', {cacheName: 'langan-wall'}).then((found) => !!found)")


def test_the_manifest_names_the_app_in_both_languages_and_its_icons_are_there(site: Site) -> None:
    names = set()
    for language in ("vi", "en"):
        answer = httpx.get(f"{site.server.url}/manifest.webmanifest", params={"lang": language})
        assert answer.headers["Content-Type"] == "application/manifest+json"
        manifest = answer.json()
        assert manifest["lang"] == language
        assert (manifest["display"], manifest["start_url"], manifest["scope"]) == ("standalone", "/", "/")
        names.add(manifest["name"])
        assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
        for icon in manifest["icons"]:
            picture = httpx.get(f"{site.server.url}{icon['src']}")
            assert picture.headers["Content-Type"] == "image/png"
            width = int(icon["sizes"].partition("x")[0])
            assert picture.content[16:24] == width.to_bytes(4, "big") * 2
    assert len(names) == 2


def test_the_worker_is_served_for_the_whole_site_and_never_kept_by_the_browser(site: Site) -> None:
    answer = httpx.get(f"{site.server.url}/sw.js")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.headers["Service-Worker-Allowed"] == "/"
    assert answer.headers["Cache-Control"] == "no-cache"
    about = json.loads(answer.text.partition("self.LANGAN=")[2].partition(";\n")[0])
    for address in [*about["shell"], *about["offline"].values()]:
        kept_file = httpx.get(f"{site.server.url}{address}")
        assert kept_file.status_code == 200, address
        assert "/media/" not in address


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_without_a_network_the_wall_is_shown_as_it_was_and_as_such(site: Site, browser: Browser, scheme: str) -> None:
    with app(site, browser, scheme=scheme) as (context, page):
        sign_in(page, site.officer)
        page.goto("/live")
        wait_for_wall(page)
        titles = page.locator(".card h2").all_text_contents()  # those far below have no rendered text
        open_wall_offline(context, page)
        expect(page.locator("h1")).to_have_text("Không có mạng")
        expect(page.locator("#offline-word")).to_contain_text("không phải bây giờ")
        expect(page.locator("#offline-word")).to_contain_text(site.officer.username)
        expect(page.locator("#offline-wall li").first).to_be_visible()
        assert page.locator("#offline-wall h2").all_text_contents() == titles
        for what in ("button", "form", "#offline-wall img", "#offline-wall a"):
            assert page.locator(what).count() == 0, what
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        context.set_offline(False)  # the page loads again by itself
        expect(page.locator("h1")).to_have_text("Cảnh báo trực tiếp")


def test_threat_44_no_cache_holds_anything_of_an_incident_and_none_outlives_its_account(
    site: Site, browser: Browser
) -> None:
    with app(site, browser) as (context, page):
        sign_in(page, site.officer)
        page.goto("/live")
        wait_for_wall(page)
        page.locator(".card h2 a").first.click()
        page.goto("/live")
        shells = kept(page)
        paths = [path for found in shells.values() for path in found]
        assert paths
        assert not [path for path in paths if path.startswith(("/media", "/incidents", "/cameras", "/live"))]
        page.get_by_role("button", name="Đăng xuất").click()
        expect(page.get_by_role("status").first).to_have_text("Bạn đã đăng xuất.")
        assert "langan-wall" not in [name for name, paths in kept(page).items() if paths]
        open_wall_offline(context, page)
        expect(page.locator("#offline-word")).to_contain_text("Chưa có bảng cảnh báo")
        context.set_offline(False)
        expect(page.locator("input[name=username]")).to_be_visible()
        sign_in(page, site.officer)
        page.goto("/live")
        wait_for_wall(page)
        context.clear_cookies()  # the session ended some other way, and somebody else signs in
        sign_in(page, site.resident)
        until(page, "caches.has('langan-wall').then((found) => !found)")
        open_wall_offline(context, page)
        expect(page.locator("#offline-word")).to_contain_text("Chưa có bảng cảnh báo")


def test_a_newer_shell_takes_over_and_the_older_one_goes(site: Site, browser: Browser) -> None:
    with app(site, browser) as (_, page):
        sign_in(page, site.officer)
        page.goto("/live")
        until(page, "caches.keys().then((names) => names.some((name) => name.startsWith('langan-shell-')))")
        page.evaluate("caches.open('langan-shell-0000').then((cache) => cache.put('/old', new Response('old')))")
        page.evaluate("navigator.serviceWorker.ready.then((it) => it.unregister())")
        page.goto("/live")  # registers anew: its activation clears what an older version left
        until(page, "caches.has('langan-shell-0000').then((found) => !found)")
        assert sum(name.startswith("langan-shell-") for name in kept(page)) == 1
