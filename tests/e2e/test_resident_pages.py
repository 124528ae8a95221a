"""What residents see in a browser, and what they never see."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import SignIn, Site
from tests.e2e.test_police_pages import raise_incident

pytestmark = pytest.mark.browser


def test_a_resident_reads_the_redacted_log_without_javascript(site: Site, sign_in: SignIn) -> None:
    page = sign_in(site.resident, javascript=False)
    assert page.url.endswith("/log")
    entry = page.locator(".entry").first
    expect(entry).to_contain_text("Thôn Tráng Long")
    expect(entry.locator("img")).to_have_attribute("alt", re.compile("đã che"))
    page.get_by_role("link", name="Camera", exact=True).click()
    expect(page.locator(".watching")).to_contain_text("Giữ trật tự lòng đường")


def test_a_resident_is_heard_and_answered_without_javascript(site: Site, sign_in: SignIn) -> None:
    resident = sign_in(site.resident, width=390, javascript=False)
    resident.get_by_role("link", name=re.compile("Góp ý, hoặc báo ảnh chưa che")).first.click()
    resident.fill("textarea[name=text]", "Thấy rõ mặt người bên trái")
    resident.get_by_role("button", name="Gửi").click()
    expect(resident.get_by_role("status")).to_contain_text("Đã gửi")
    officer = sign_in(site.officer, width=390)
    officer.goto("/feedback/inbox")
    said = officer.locator(".said.urgent", has_text="Thấy rõ mặt người bên trái")
    expect(said.get_by_role("checkbox", name=re.compile("Gỡ ngay ảnh"))).to_be_checked()
    said.locator("textarea[name=answer]").fill("Cảm ơn, ảnh đã được gỡ.")
    said.get_by_role("button", name="Gửi trả lời").click()
    expect(officer.locator(".said", has_text="ảnh đã được gỡ")).to_be_visible()
    resident.goto("/log")
    expect(resident.locator(".entry", has_text="Ảnh đã được gỡ vì có chỗ chưa che")).to_have_count(1)
    resident.goto("/feedback")
    expect(resident.locator(".answer", has_text="ảnh đã được gỡ")).to_be_visible()


def test_a_resident_cannot_open_what_an_officer_can(site: Site, sign_in: SignIn) -> None:
    incident_id = raise_incident(site, "cam_rieng_tu")
    officer = sign_in(site.officer)
    officer.goto(f"/incidents/{incident_id}")
    picture = officer.locator("#live-snapshot img").get_attribute("src")
    clip = officer.locator("video").first.get_attribute("src")
    assert picture is not None
    assert clip is not None
    assert officer.request.get(picture).status == 200
    resident = sign_in(site.resident)
    redacted = resident.locator(".entry img").first.get_attribute("src")
    assert redacted is not None
    assert resident.request.get(redacted).status == 200
    assert [resident.request.get(address).status for address in (picture, clip)] == [404, 404]
    assert resident.request.get(f"/incidents/{incident_id}").status == 403
    assert picture not in resident.content()


def test_the_log_is_filtered_by_kind_and_date(site: Site, sign_in: SignIn) -> None:
    page = sign_in(site.resident)
    page.select_option("select[name=kind]", "wrong_way")
    page.get_by_role("button", name="Lọc").click()
    assert set(page.locator(".entry h2").all_text_contents()) == {"Đi ngược chiều"}
    page.goto("/log?date=2001-01-01")
    expect(page.locator(".empty")).to_be_visible()
    page.goto("/log?date=hom-qua")
    expect(page.get_by_role("alert")).to_contain_text("Ngày không hợp lệ")


def test_what_was_done_is_told_without_names(site: Site, sign_in: SignIn) -> None:
    incident_id = raise_incident(site, "cam_ket_qua")
    officer = sign_in(site.officer)
    officer.goto(f"/incidents/{incident_id}")
    officer.get_by_role("button", name="Đã giải quyết").click()
    expect(officer.locator("#live-head .state-resolved")).to_be_visible()
    resident = sign_in(site.resident)
    entry = resident.locator(".entry", has=resident.locator(f'img[src*="{incident_id}"]'))
    expect(entry.locator(".outcome")).to_contain_text("Đã giải quyết")
    assert site.officer.username not in resident.content()
