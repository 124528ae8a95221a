"""Push in Chromium, as far as it goes without a push service of the browser's maker.

The page's own script subscribes at one on loopback, the server seals and signs, the service worker shows what came out.
"""

from __future__ import annotations

import pytest

pytest.importorskip("playwright", reason="the extra `dev` is not installed")

import json
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.support.https_files import make_certificate
from tests.support.push_service import PushBrowser, running_push_service
from tests.support.seed import EdgeBox
from tests.support.server import RunningServer

pytestmark = pytest.mark.browser

_SUBSCRIBE = """(form) => {
    // Headless Chromium has no push service: this one stands in for the browser's maker, and for nothing of ours.
    const plain = (text) => atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    const bytes = (text) => Uint8Array.from(plain(text), (letter) => letter.charCodeAt(0)).buffer;
    let key = null;
    const made = () => ({
        endpoint: form.endpoint,
        options: { applicationServerKey: key },
        getKey: (name) => bytes(form[name]),
        unsubscribe: async () => { key = null; return true; },
    });
    PushManager.prototype.getSubscription = async () => (key ? made() : null);
    PushManager.prototype.subscribe = async (options) => {
        if (!options.userVisibleOnly) throw new Error("silent");
        key = options.applicationServerKey.buffer ?? options.applicationServerKey;
        window.subscribedWith = Array.from(new Uint8Array(key));
        return made();
    };
}"""


def test_an_officer_turns_push_on_and_the_worker_shows_what_the_server_sent(tmp_path: Path, browser: Browser) -> None:
    certificate, key = make_certificate(tmp_path)
    settings = {"SSL_CERT_FILE": str(certificate), "LANGAN_WEBHOOK_NETWORKS": "127.0.0.0/8"}
    with (
        running_push_service(certificate, key) as service,
        RunningServer(tmp_path / "server", settings) as server,
        closing(EdgeBox(server.url, server.enrol("hop-1", "trang-long"), "trang-long")) as box,
    ):
        box.configure("cong_cho")
        phone: PushBrowser = service.subscribe("phone")
        officer = server.add_user("can_bo", "officer", "trang-long")
        context = browser.new_context(base_url=server.url, viewport={"width": 390, "height": 844})
        context.grant_permissions(["notifications"], origin=server.url)
        context.add_init_script(f"({_SUBSCRIBE})({json.dumps(phone.form)})")
        page = context.new_page()
        page.goto("/login")
        page.fill("input[name=username]", officer.username)
        page.fill("input[name=password]", officer.password)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda address: "/login" not in address)
        devtools = context.new_cdp_session(page)
        registrations: list[str] = []
        devtools.on(
            "ServiceWorker.workerRegistrationUpdated",
            lambda told: registrations.extend(item["registrationId"] for item in told["registrations"]),
        )
        devtools.send("ServiceWorker.enable")
        page.goto("/notifications")
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        with page.expect_response(lambda answer: answer.request.method == "POST") as answer:
            page.get_by_role("button", name="Bật trên máy này").click()
        assert answer.value.status == 201
        expect(page.locator("[id^=channel-]")).to_contain_text("Chrome")
        service.site_key = page.request.get("/notifications/push").json()["key"]
        incident = box.report("crowding", "cong_cho", datetime.now(UTC), second=None).incident_id
        deadline = time.monotonic() + 60
        while not service.taken:
            assert time.monotonic() < deadline, (service.refused, server.log()[-2000:])
            time.sleep(0.2)
        told = service.taken[0].told
        assert told["url"] == f"/incidents/{incident}"
        devtools.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": server.url, "registrationId": registrations[-1], "data": json.dumps(told, ensure_ascii=False)},
        )
        shown: list[dict[str, str]] = []
        while not shown:
            assert time.monotonic() < deadline + 60
            shown = page.evaluate(
                """navigator.serviceWorker.ready.then((it) => it.getNotifications()).then((all) => all.map((one) => (
                    {title: one.title, body: one.body, tag: one.tag, url: one.data.url, lang: one.lang})))"""
            )
            page.wait_for_timeout(200)
        [notice] = shown
        assert notice == {name: told[name] for name in ("title", "body", "tag", "url", "lang")}
        context.close()
