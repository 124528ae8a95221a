"""An H.265 camera, an officer whose browser cannot play it, and the copy that the box makes when asked."""

from __future__ import annotations

import shutil
from pathlib import Path

import av
import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.e2e.test_nothing_is_lost import CAMERA, rows
from tests.support import browser as browsers
from tests.support.edge import DEMO_MEDIA, RunningEdge
from tests.support.server import SITE, RunningServer

pytestmark = pytest.mark.browser

PATIENCE_MS = 90_000
_PLAY = """video => new Promise((done, failed) => {
    video.muted = true;
    video.addEventListener("timeupdate", () => video.currentTime > 0.2 && done(video.currentTime));
    video.addEventListener("error", () => failed(new Error(video.error.message)));
    video.play().catch(failed);
})"""


def as_hevc(clip: Path, target: Path, frames: int = 160) -> Path:
    """The beginning of a clip as a camera of H.265 would send it."""
    with av.open(str(clip)) as source, av.open(str(target), "w") as output:
        picture = source.streams.video[0]
        rate = round(picture.average_rate or 10)
        stream = output.add_stream("libx265", rate=rate, options={"preset": "ultrafast", "x265-params": "keyint=20"})
        stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
        for index, frame in enumerate(source.decode(picture)):
            if index == frames:
                break
            frame.pict_type = 0
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return target


def played_s(video: Locator) -> float:
    return float(video.evaluate(_PLAY))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_the_clip_of_a_real_edge_plays_in_the_officers_browser(tmp_path: Path, browser: Browser, codec: str) -> None:
    media, config = tmp_path / "media", tmp_path / "config"
    media.mkdir()
    (config / "cameras").mkdir(parents=True)
    (config / "site.yaml").write_text(SITE, encoding="utf-8")
    (config / "cameras" / "san.yaml").write_text(CAMERA, encoding="utf-8")
    if codec == "hevc":
        as_hevc(DEMO_MEDIA / "vtest.mp4", media / "vtest.mp4")
    else:
        shutil.copy(DEMO_MEDIA / "vtest.mp4", media)
    with RunningServer(tmp_path / "server") as server:
        officer = server.add_user("can_bo", "officer", "trang-long")
        code = server.enrolment_code("box", "trang-long")
        edge = RunningEdge(tmp_path, config=config, server_url=server.url, code=code, media=media.resolve())
        with edge:
            page = browser.new_page(base_url=server.url)
            page.set_default_timeout(PATIENCE_MS)
            expect.set_options(timeout=PATIENCE_MS)
            page.goto("/login")
            page.fill("input[name=username]", officer.username)
            page.fill("input[name=password]", officer.password)
            page.press("input[name=password]", "Enter")
            page.locator(".card h2 a").first.click()
            clip = page.locator("[data-clip]").first
            expect(clip).to_be_visible()
            if codec == "h264":
                assert played_s(clip.locator("video").first) > 0.2
            else:
                expect(clip.locator(".notice.warn")).to_contain_text("HEVC")
                clip.get_by_role("button", name="Tạo bản xem được").click()
                copy = page.locator("[data-copy]").first
                expect(copy).to_have_attribute("data-state", "ready")  # without reloading the page
                assert played_s(copy.locator("video")) > 0.2
                expect(clip.locator(".original").first).to_be_hidden()  # one player is left, the one that plays
                asked = rows(tmp_path / "server", "SELECT count(*) FROM audit_log WHERE action = 'clip.ask_copy'")
                assert asked == [(1,)]
            page.close()
            expect.set_options(timeout=browsers.PATIENCE_MS)
        assert "copy_failed" not in edge.log()
