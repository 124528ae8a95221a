"""Silencing, merging and splitting in a browser: on a phone, by two taps, and without scripts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import SignIn, Site

pytestmark = pytest.mark.browser


def report(site: Site, camera_id: str, minutes: float, *, kind: str = "crowding") -> str:
    """An event of a minute that began so long ago; the id of its incident."""
    site.box.configure(camera_id)
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    result = site.box.report(kind, camera_id, at, lasts_s=60, second=None)
    assert result.incident_id is not None
    return result.incident_id


def test_two_taps_on_a_phone_silence_a_kind_at_its_spot(site: Site, sign_in: SignIn) -> None:
    incident_id = report(site, "cam_im_lang", 2)
    page = sign_in(site.officer, width=390)
    page.goto(f"/incidents/{incident_id}?lang=vi")
    page.get_by_text("Tạm ngưng loại này tại đây…").click()
    page.get_by_role("button", name="1 giờ").click()
    expect(page.locator("#live-quiet .notice")).to_contain_text("can_bo đã tạm ngưng đến")
    page.goto("/live")
    expect(page.locator(f"#incident-{incident_id}")).to_contain_text("Đang tạm ngưng báo động")
    page.goto("/silences")
    card = page.locator("article.silence", has_text="cam_im_lang")
    card.get_by_role("button", name="Báo động lại").click()
    expect(page.locator("article.silence", has_text="cam_im_lang")).to_contain_text("Đã kết thúc")


def test_a_hint_merges_with_one_tap_and_is_taken_back_without_scripts(site: Site, sign_in: SignIn) -> None:
    first = report(site, "cam_gop", 20)
    second = report(site, "cam_gop", 12)
    assert first != second
    page = sign_in(site.officer, width=390, javascript=False)
    page.goto(f"/incidents/{second}?lang=vi")
    hint = page.locator(".related.hint")
    expect(hint).to_contain_text("cùng điểm, cùng loại")
    hint.get_by_role("button", name="Gộp lại").click()
    page.wait_for_url(f"**/incidents/{first}")
    expect(page.locator(".related")).to_contain_text("Đã gộp vào đây")
    page.goto(f"/incidents/{second}")
    expect(page.locator("#live-notices")).to_contain_text("đã được gộp")
    page.locator("#live-notices a").click()
    page.get_by_role("button", name="Tách ra lại").click()
    page.wait_for_url(f"**/incidents/{second}")
    expect(page.locator("#live-timeline")).to_contain_text("can_bo tách vụ việc")


def test_part_of_an_incident_is_split_off_by_ticking_it(site: Site, sign_in: SignIn) -> None:
    incident_id = report(site, "cam_tach", 12)
    assert report(site, "cam_tach", 9) == incident_id
    page = sign_in(site.officer)
    page.goto(f"/incidents/{incident_id}?lang=vi")
    page.get_by_text("Tách một phần ra…").click()
    page.locator("#live-grouping input[type=checkbox]").first.check()
    page.locator("#live-grouping textarea:visible").fill("hai nhóm khác nhau")
    page.get_by_role("button", name="Tách ra", exact=True).last.click()
    page.wait_for_url(lambda address: incident_id not in address)
    expect(page.locator("#live-timeline")).to_contain_text("hai nhóm khác nhau")


def test_an_officer_takes_an_incident_and_another_page_follows(site: Site, sign_in: SignIn) -> None:
    incident_id = report(site, "cam_giao", 1)
    first, second = sign_in(site.officer), sign_in(site.second_officer)
    second.goto(f"/incidents/{incident_id}?lang=vi")
    first.goto(f"/incidents/{incident_id}?lang=vi")
    first.get_by_role("button", name="Tôi nhận việc này").click()
    expect(first.locator(".assignee b")).to_have_text("can_bo")
    expect(second.locator(".assignee b")).to_have_text("can_bo")
