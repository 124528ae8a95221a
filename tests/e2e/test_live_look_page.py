"""A live look from end to end: a real RTSP camera, a real edge, a real server, and officers' browsers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="the extra `dev` is not installed")

from playwright.sync_api import Browser, Page, expect

from tests.e2e.test_nothing_is_lost import rows
from tests.support.edge import DEMO_MEDIA, RunningEdge
from tests.support.rtsp_server import RtspServer, gstreamer_missing
from tests.support.server import SITE, Account, RunningServer

pytestmark = [pytest.mark.rtsp, pytest.mark.browser]
CAMERA = """\
camera: {id: san, name: Sân nhà văn hoá, village: trang-long, purpose: Giữ trật tự}
inputs: [INPUT]
detect: {fps: 5}
privacy: {masks: [[[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]]}
"""


@pytest.fixture(autouse=True)
def _needs_gstreamer() -> None:
    reason = gstreamer_missing()
    if reason:
        pytest.skip(reason)


@contextmanager
def officer_page(browser: Browser, server: RunningServer, account: Account, *, scripts: bool = True) -> Iterator[Page]:
    context = browser.new_context(
        base_url=server.url, viewport={"width": 390, "height": 844}, java_script_enabled=scripts, locale="vi-VN"
    )
    page = context.new_page()
    page.goto("/login")
    page.fill("input[name=username]", account.username)
    page.fill("input[name=password]", account.password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda address: "/login" not in address)
    yield page
    context.close()


def left_and_right(page: Page) -> list[float]:
    """Mean brightness of the masked left half and of the right half of the picture that is shown."""
    found: list[float] = page.evaluate(
        """() => {
            const image = document.querySelector("#look-picture");
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
            const brush = canvas.getContext("2d");
            brush.drawImage(image, 0, 0);
            const mean = (x, width) => {
                const data = brush.getImageData(x, 0, width, canvas.height).data;
                let sum = 0;
                for (let at = 0; at < data.length; at += 4) sum += data[at] + data[at + 1] + data[at + 2];
                return sum / (data.length / 4) / 3;
            };
            return [mean(0, canvas.width * 0.45), mean(canvas.width * 0.55, canvas.width * 0.45)];
        }"""
    )
    return found


def pictures(page: Page, wanted: int, timeout_s: float = 60.0) -> int:
    """Wait until so many different pictures were shown; gives their number."""
    seen: set[str] = set()
    deadline = time.monotonic() + timeout_s
    while len(seen) < wanted and time.monotonic() < deadline:
        source = page.locator("#look-picture").get_attribute("src") or ""
        if source.startswith("data:image/jpeg"):
            seen.add(source)
        page.wait_for_timeout(150)
    return len(seen)


@pytest.mark.timeout(400)
def test_an_officer_looks_live_through_a_camera_that_the_server_cannot_reach(tmp_path: Path, browser: Browser) -> None:
    config = tmp_path / "config"
    (config / "cameras").mkdir(parents=True)
    (config / "site.yaml").write_text(SITE, encoding="utf-8")
    with (
        RtspServer(
            {"san": DEMO_MEDIA / "vtest.mp4"}, folder=tmp_path, user="xem", password="khong-ai-biet-7"
        ) as camera,
        RunningServer(tmp_path / "server") as server,
    ):
        address = f"rtsp://{{LANGAN_CAM_USER}}:{{LANGAN_CAM_PASSWORD}}@127.0.0.1:{camera.port}/san"
        text = CAMERA.replace("INPUT", json.dumps({"path": address}))
        (config / "cameras" / "san.yaml").write_text(text, encoding="utf-8")
        edge = RunningEdge(
            tmp_path,
            config=config,
            server_url=server.url,
            code=server.enrolment_code("box", "trang-long"),
            secrets={"LANGAN_CAM_USER": "xem", "LANGAN_CAM_PASSWORD": "khong-ai-biet-7"},
        )
        officer = server.add_user("can_bo", "officer", "trang-long")
        other = server.add_user("can_bo_2", "officer", "nhon-loc")
        folder = tmp_path / "server"
        with edge, officer_page(browser, server, officer) as page, officer_page(browser, server, other) as second:
            deadline = time.monotonic() + 120
            while not rows(folder, "SELECT 1 FROM camera_stills WHERE taken_at IS NOT NULL"):
                assert time.monotonic() < deadline, f"no still came:\n{edge.log()[-2000:]}"
                time.sleep(0.5)
            page.goto("/cameras")
            still = page.locator(".look-card img")
            expect(still).to_have_js_property("naturalWidth", 768)
            page.get_by_role("link", name="Xem trực tiếp").click()
            page.get_by_label("Xem để làm gì").fill("kiểm tra tin báo")
            page.get_by_role("button", name="Bắt đầu xem").click()
            assert pictures(page, 5) >= 5
            masked, open_half = left_and_right(page)
            assert masked < 8 < open_half, "privacy masks hold for a live look, too"
            second.goto("/cameras/san/look")
            expect(second.locator(".look-banner")).to_contain_text("can_bo")
            expect(second.locator(".look-banner")).to_contain_text("kiểm tra tin báo")
            second.get_by_role("button", name="Bắt đầu xem").click()
            assert pictures(second, 3) >= 3
            page.get_by_role("button", name="Thêm một phút").click()
            assert pictures(page, 3) >= 3
            page.get_by_role("button", name="Dừng xem").click()
            expect(page.get_by_role("button", name="Bắt đầu xem")).to_be_visible()
            second.get_by_role("button", name="Dừng xem").click()
            expect(second.get_by_role("button", name="Bắt đầu xem")).to_be_visible()
        actions = [str(row[0]) for row in rows(folder, "SELECT action FROM audit_log WHERE action LIKE 'camera.look%'")]
        assert sorted(actions) == [
            "camera.look",
            "camera.look",
            "camera.look_end",
            "camera.look_end",
            "camera.look_extend",
        ]
        kept = [path.name for path in tmp_path.rglob("*") if path.suffix in {".jpg", ".jpeg"}]
        assert kept == [], "no picture of it is on any disk"
        tables = rows(folder, "SELECT count(*) FROM camera_stills")
        assert tables == [(1,)]
