"""Handing a shift over, and incidents by place: with and without scripts, by keyboard alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import SignIn, Site
from tests.support.seed import camera_yaml

pytestmark = pytest.mark.browser


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


def test_a_place_that_is_not_theirs_stays_off_an_officers_plan(site: Site, sign_in: SignIn) -> None:
    placed(site, "cam_thon_khac", "[13.9, 109.0]")
    page = sign_in(site.neighbour_officer)
    page.goto("/live/map")
    assert page.locator("#camera-cam_thon_khac").count() == 0
    assert "cam_thon_khac" not in page.content()
