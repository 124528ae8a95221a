"""What officers do in a browser."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import SignIn, Site
from tests.support.seed import EdgeBox
from tests.support.server import RunningServer

pytestmark = pytest.mark.browser


def raise_incident(site: Site, camera_id: str, *, kind: str = "intrusion") -> str:
    """A new incident on a camera of its own; returns its id."""
    site.box.configure(camera_id)
    result = site.box.report(kind, camera_id, datetime.now(UTC) - timedelta(seconds=2))
    assert result.status == "created"
    assert result.incident_id is not None
    return result.incident_id


def connected(page: Page) -> Page:
    """The wall, once its live feed stands."""
    expect(page.locator("#link-state")).to_have_attribute("data-state", "connected")
    return page


def card(page: Page, incident_id: str) -> str:
    """The selector of an incident's card."""
    return f"#incident-{incident_id}"


def test_an_officer_sees_a_new_incident_without_reloading_and_acknowledges_it(site: Site, sign_in: SignIn) -> None:
    page = connected(sign_in(site.officer))
    page.evaluate("window.notReloaded = true")
    incident_id = raise_incident(site, "cam_moi")
    arrived = page.locator(card(page, incident_id))
    expect(arrived).to_be_visible()
    expect(page.locator("#wall article").first).to_have_id(f"incident-{incident_id}")
    expect(arrived.locator("h2")).to_have_text("Xâm nhập")
    expect(arrived.locator(".suspected")).to_have_text("Nghi vấn")
    expect(arrived.locator(".shot img")).to_have_js_property("complete", True)
    arrived.get_by_role("button", name="Tiếp nhận").click()
    expect(arrived).to_have_attribute("data-state", "acknowledged")
    expect(arrived.get_by_role("button", name="Tiếp nhận")).to_have_count(0)
    assert page.evaluate("window.notReloaded")


def test_another_officers_wall_follows(site: Site, sign_in: SignIn) -> None:
    incident_id = raise_incident(site, "cam_hai_nguoi")
    first, second = connected(sign_in(site.officer)), connected(sign_in(site.second_officer))
    first.locator(card(first, incident_id)).get_by_role("button").click()
    expect(second.locator(card(second, incident_id))).to_have_attribute("data-state", "acknowledged")


def test_an_incident_that_leaves_the_filter_leaves_the_wall(site: Site, sign_in: SignIn) -> None:
    incident_id = raise_incident(site, "cam_loc")
    page = sign_in(site.officer)
    page.goto("/live?state=new&kind=intrusion")
    connected(page)
    expect(page.locator("#wall .state-new").first).to_be_visible()
    page.locator(card(page, incident_id)).get_by_role("button").click()
    expect(page.locator(card(page, incident_id))).to_have_attribute("data-state", "acknowledged")
    raise_incident(site, "cam_loc_2", kind="crowding")
    shown = raise_incident(site, "cam_loc_3")
    expect(page.locator(card(page, shown))).to_be_visible()
    assert page.locator("#wall h2", has_text="Tụ tập").count() == 0


def test_acknowledge_works_by_keyboard_alone(site: Site, sign_in: SignIn) -> None:
    incident_id = raise_incident(site, "cam_ban_phim")
    page = connected(sign_in(site.officer))
    expect(page.locator(card(page, incident_id))).to_be_visible()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('article')?.dataset.incident") == incident_id and (
            page.evaluate("document.activeElement.tagName") == "BUTTON"
        ):
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    expect(page.locator(card(page, incident_id))).to_have_attribute("data-state", "acknowledged")
    assert page.evaluate("document.activeElement.closest('article')?.dataset.incident") == incident_id


def test_a_card_drawn_anew_keeps_the_focus_on_its_title(site: Site, sign_in: SignIn) -> None:
    incident_id = raise_incident(site, "cam_tieu_diem")
    page = connected(sign_in(site.officer))
    shown = page.locator(card(page, incident_id))
    title = shown.locator("h2 a")
    title.focus()
    shown.evaluate("card => { card.dataset.old = 'yes'; }")
    site.box.report("intrusion", "cam_tieu_diem", datetime.now(UTC), second=None)
    expect(shown).not_to_have_attribute("data-old", "yes")
    expect(title).to_be_focused()  # Enter opens it still; on the button it would acknowledge
    shown.evaluate("card => { card.dataset.old = 'yes'; }")
    page.evaluate("dispatchEvent(new Event('offline')); dispatchEvent(new Event('online'))")
    expect(shown).not_to_have_attribute("data-old", "yes")
    expect(title).to_be_focused()


def test_of_two_officers_at_once_the_second_is_told(site: Site, sign_in: SignIn) -> None:
    incident_id = raise_incident(site, "cam_tranh_chap")
    first, second = sign_in(site.officer), sign_in(site.second_officer, javascript=False)
    second.goto(f"/incidents/{incident_id}")
    first.goto(f"/incidents/{incident_id}")
    first.get_by_role("button", name="Điều động").click()
    expect(first.locator("#live-head .state-dispatched")).to_be_visible()
    second.get_by_role("button", name="Tiếp nhận").click()
    expect(second.get_by_role("alert")).to_contain_text("Người khác vừa thay đổi vụ việc này: can_bo")
    expect(second.locator("#live-head .state-dispatched")).to_be_visible()
    assert second.get_by_role("button", name="Tiếp nhận").count() == 0


def test_the_wall_shows_that_another_officer_has_an_incident_open(site: Site, sign_in: SignIn) -> None:
    incident_id = raise_incident(site, "cam_dang_xem")
    wall, other = connected(sign_in(site.officer, width=390)), sign_in(site.second_officer)
    shown = wall.locator(card(wall, incident_id)).locator(".looking")
    expect(shown).to_be_hidden()
    other.goto(f"/incidents/{incident_id}")
    expect(shown).to_have_text("can_bo_2 đang xem")
    other.goto("/log")
    expect(shown).to_be_hidden()


def test_the_incident_page_follows_and_keeps_a_note_that_is_being_written(site: Site, sign_in: SignIn) -> None:
    incident_id = raise_incident(site, "cam_ghi_chu")
    writer, other = sign_in(site.officer), sign_in(site.second_officer)
    writer.goto(f"/incidents/{incident_id}")
    writer.locator("#note textarea").fill("Đang gọi tổ tự quản")
    other.goto(f"/incidents/{incident_id}")
    other.get_by_role("button", name="Tiếp nhận").click()
    expect(writer.locator("#live-head .state-acknowledged")).to_be_visible()
    expect(writer.locator("#note textarea")).to_have_value("Đang gọi tổ tự quản")
    writer.get_by_role("button", name="Lưu ghi chú").click()
    expect(writer.locator(".timeline blockquote")).to_have_text("Đang gọi tổ tự quản")


def test_a_false_alarm_needs_a_reason_and_can_be_reopened(site: Site, sign_in: SignIn) -> None:
    incident_id = raise_incident(site, "cam_bao_nham")
    page = sign_in(site.officer)
    page.goto(f"/incidents/{incident_id}")
    page.locator("#live-actions summary", has_text="Báo nhầm").click()
    page.locator("#live-actions textarea").fill("   ")
    page.locator("#live-actions .danger").click()
    expect(page.get_by_role("alert")).to_contain_text("Hãy ghi lý do")
    page.locator("#live-actions summary", has_text="Báo nhầm").click()
    page.locator("#live-actions textarea").fill("Bóng cây")
    page.locator("#live-actions .danger").click()
    expect(page.locator("#live-head .state-false_alarm")).to_be_visible()
    expect(page.locator(".timeline blockquote")).to_have_text("Bóng cây")
    page.get_by_role("button", name="Mở lại").click()
    expect(page.locator("#live-head .state-acknowledged")).to_be_visible()


def test_the_clip_plays(site: Site, sign_in: SignIn) -> None:
    incident_id = raise_incident(site, "cam_phim")
    page = sign_in(site.officer)
    page.goto(f"/incidents/{incident_id}")
    played_s = page.locator("video").first.evaluate(
        """video => new Promise((done, failed) => {
            video.muted = true;
            video.addEventListener("timeupdate", () => video.currentTime > 0.2 && done(video.currentTime));
            video.addEventListener("error", () => failed(new Error(video.error.message)));
            video.play().catch(failed);
        })"""
    )
    assert played_s > 0.2


def test_a_lost_connection_is_shown_and_nothing_is_missed(site: Site, sign_in: SignIn) -> None:
    page = connected(sign_in(site.officer))
    page.context.set_offline(True)
    page.evaluate("dispatchEvent(new Event('offline'))")
    expect(page.locator("#link-state")).to_have_text(re.compile("Không có mạng từ"))
    incident_id = raise_incident(site, "cam_mat_mang")
    page.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    connected(page)
    expect(page.locator(card(page, incident_id))).to_be_visible()


def test_a_wall_without_room_says_so_goes_on_trying_and_still_shows_what_is_new(
    browser: Browser, tmp_path: Path
) -> None:
    with RunningServer(tmp_path, {"LANGAN_MAX_STREAMS": "1"}) as server:
        officer = server.add_user("can_bo", "officer", "trang-long")
        context = browser.new_context(base_url=server.url)
        first = context.new_page()
        first.goto("/login")
        first.fill("input[name=username]", officer.username)
        first.fill("input[name=password]", officer.password)
        first.press("input[name=password]", "Enter")
        connected(first)
        second = context.new_page()
        second.goto("/live")
        expect(second.locator("#link-state")).to_have_text("Chưa nối được trực tiếp")
        expect(second.locator("#live-busy")).to_contain_text("quá nhiều trang trực tiếp")
        with closing(EdgeBox(server.url, server.enrol("hop", "trang-long"), "trang-long")) as box:
            box.configure("cong_cho")
            box.report("intrusion", "cong_cho", datetime.now(UTC), second=None)
        expect(second.locator("#wall article")).to_have_count(1)
        expect(second).to_have_title(re.compile(r"^\(1\) "))
        first.close()
        expect(second.locator("#link-state")).to_have_attribute("data-state", "connected")
        expect(second.locator("#live-busy")).to_be_hidden()
        context.close()


def test_a_signed_out_wall_says_so(site: Site, sign_in: SignIn) -> None:
    page = connected(sign_in(site.officer, fresh=True))
    other = page.context.new_page()
    other.goto("/live")
    other.get_by_role("button", name="Đăng xuất").click()
    expect(page.locator("#link-state")).to_have_text(re.compile("Phiên làm việc đã hết"))


def test_an_officer_of_another_village_sees_nothing_of_it(site: Site, sign_in: SignIn) -> None:
    incident_id = raise_incident(site, "cam_noi_khac")
    page = sign_in(site.neighbour_officer)
    assert page.locator("#wall article").count() == 0
    response = page.goto(f"/incidents/{incident_id}")
    assert response is not None
    assert response.status == 404
    assert page.request.get(f"/live/cards?id={incident_id}").text().strip() == ""
