"""Handing a shift over, and incidents by place: with and without scripts, by keyboard alone."""

from __future__ import annotations

import math
from contextlib import closing
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import SignIn, Site
from tests.support.pmtiles import write_tiles
from tests.support.seed import EdgeBox, camera_yaml
from tests.support.server import RunningServer

pytestmark = pytest.mark.browser
_CIRCLES = """marks => marks.map(mark => {
    const box = mark.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2, box.width / 2];
})"""


def placed(site: Site, camera_id: str, position: str) -> str:
    """A camera with a position, and an incident there."""
    text = camera_yaml(camera_id).replace("  purpose:", f"  location: {position}\n  purpose:")
    site.box.configure(camera_id, text)
    incident_id = site.box.report("intrusion", camera_id, datetime.now(UTC)).incident_id
    assert incident_id is not None
    return incident_id


@pytest.mark.parametrize("javascript", [True, False])
def test_a_shift_is_handed_over_by_one_and_taken_over_by_the_other(
    site: Site, sign_in: SignIn, javascript: bool
) -> None:
    incident_id = placed(site, f"cam_ban_giao_{javascript}".lower(), "[13.9, 109.0]")
    words = f"Cổng chợ còn đông, {javascript}"
    first = sign_in(site.second_officer, width=390, javascript=javascript)
    first.goto("/shift")
    expect(first.locator(f".shift-open a[href$='{incident_id}']")).to_be_visible()
    first.locator("textarea[name=text]").fill(words)
    first.get_by_role("button", name="Ký và bàn giao").click()
    note = first.locator(".shift-note", has_text=words)
    expect(note).to_contain_text("Bàn giao: can_bo_2")
    expect(note.get_by_role("button")).to_have_count(0)
    second = sign_in(site.officer, javascript=javascript)
    second.goto("/shift")
    taken = second.locator(".shift-note", has_text=words)
    expect(taken.locator(f"a[href$='{incident_id}']")).to_be_visible()
    taken.get_by_role("button", name="Tôi đã đọc và nhận ca").press("Enter")
    expect(second.locator(".shift-note", has_text=words)).to_contain_text("Nhận ca: can_bo")


def test_the_plan_leads_by_keyboard_to_the_camera_and_its_incident(site: Site, sign_in: SignIn) -> None:
    incident_id = placed(site, "cam_tren_so_do", "[13.9011, 109.0007]")
    placed(site, "cam_tren_so_do_2", "[13.8990, 109.0030]")
    page = sign_in(site.officer, javascript=False)
    page.goto("/live/map")
    mark = page.locator("svg a.mark[href='#camera-cam_tren_so_do']")
    expect(mark).to_have_attribute("aria-label", "cam_tren_so_do: 1 đang mở")
    mark.press("Enter")
    spot = page.locator("#camera-cam_tren_so_do")
    expect(spot).to_be_in_viewport()
    spot.get_by_role("link").first.press("Enter")
    page.wait_for_url(f"**/incidents/{incident_id}")


def test_the_plan_follows_what_happens(site: Site, sign_in: SignIn) -> None:
    placed(site, "cam_song", "[13.9004, 109.0011]")
    page = sign_in(site.officer)
    page.goto("/live/map")
    expect(page.locator("#link-state")).to_have_attribute("data-state", "connected")
    mark = page.locator("svg a.mark[href='#camera-cam_song']")
    expect(mark).to_have_attribute("aria-label", "cam_song: 1 đang mở")
    site.box.report("crowding", "cam_song", datetime.now(UTC), second=None)
    expect(mark).to_have_attribute("aria-label", "cam_song: 2 đang mở")


def test_every_mark_of_the_plan_is_a_target_of_its_own_on_a_small_phone(site: Site, sign_in: SignIn) -> None:
    for number in range(4):  # four cameras on one post
        placed(site, f"cam_cot_{number}", "[13.9050, 109.0040]")
    page = sign_in(site.officer, width=360)
    page.goto("/live/map")
    circles = page.locator(".mark-hit").evaluate_all(_CIRCLES)
    assert len(circles) >= 4
    assert min(2 * radius for *_, radius in circles) >= 24
    for (ax, ay, a), (bx, by, b) in combinations(circles, 2):
        assert math.hypot(ax - bx, ay - by) >= a + b - 0.5


def test_a_mark_leads_to_the_live_look_of_its_camera(site: Site, sign_in: SignIn) -> None:
    placed(site, "cam_nhin_song", "[13.9030, 109.0000]")
    page = sign_in(site.officer, width=390, javascript=False)
    page.goto("/live/map")
    page.locator("svg a.mark[href='#camera-cam_nhin_song']").press("Enter")
    page.locator("#camera-cam_nhin_song").get_by_role("link", name="Xem trực tiếp").click()
    expect(page).to_have_url(f"{site.server.url}/cameras/cam_nhin_song/look")


def test_the_map_counts_marks_together_that_lie_upon_each_other(browser: Browser, tmp_path: Path) -> None:
    tiles = write_tiles(tmp_path / "lang.pmtiles", 13.9, 109.0)
    with RunningServer(tmp_path / "server", {"LANGAN_MAP_TILES": str(tiles)}) as server:
        officer = server.add_user("can_bo", "officer", "trang-long")
        with closing(EdgeBox(server.url, server.enrol("hop", "trang-long"), "trang-long")) as box:
            for number, position in enumerate(("[13.9, 109.0]", "[13.9, 109.0]", "[13.9, 109.003]")):
                text = camera_yaml(f"cam_{number}").replace("  purpose:", f"  location: {position}\n  purpose:")
                box.configure(f"cam_{number}", text)
                box.report("intrusion", f"cam_{number}", datetime.now(UTC), second=None)
        context = browser.new_context(base_url=server.url, viewport={"width": 390, "height": 844})
        page = context.new_page()
        page.goto("/login")
        page.fill("input[name=username]", officer.username)
        page.fill("input[name=password]", officer.password)
        page.press("input[name=password]", "Enter")
        page.wait_for_url("**/live")
        page.goto("/live/map")
        several = page.locator("button.tile-mark")
        expect(several).to_have_text("2")
        expect(several).to_have_accessible_name("2 camera gần nhau: 2 đang mở. Bấm để xem gần hơn")
        expect(page.locator("a.tile-mark")).to_have_count(1)
        several.press("Enter")
        expect(several).to_have_count(0)
        expect(page.locator("a.tile-mark")).to_have_count(3)
        assert page.evaluate("document.activeElement.matches('a.tile-mark')"), "who works with keys is still there"
        circles = page.locator("a.tile-mark").evaluate_all(_CIRCLES)
        for (ax, ay, a), (bx, by, b) in combinations(circles, 2):
            assert a >= 12
            assert math.hypot(ax - bx, ay - by) >= a + b
        page.locator("a.tile-mark[data-cameras=cam_1]").press("Enter")
        expect(page.locator("#camera-cam_1")).to_be_in_viewport()
        context.close()


def test_a_place_that_is_not_theirs_stays_off_an_officers_plan(site: Site, sign_in: SignIn) -> None:
    placed(site, "cam_thon_khac", "[13.9, 109.0]")
    page = sign_in(site.neighbour_officer)
    page.goto("/live/map")
    assert page.locator("#camera-cam_thon_khac").count() == 0
    assert "cam_thon_khac" not in page.content()
