"""What admins do in a browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from contract.event import CameraHealth, HealthReason
from tests.e2e.conftest import SignIn, Site
from tests.support.accessibility import violations
from tests.support.seed import camera_yaml, tell_health
from tests.support.server import Account

pytestmark = pytest.mark.browser


def open_camera(site: Site, sign_in: SignIn, camera_id: str) -> Page:
    """The page of a camera of its own."""
    site.box.configure(camera_id)
    page = sign_in(site.admin)
    page.goto(f"/admin/cameras/{camera_id}")
    return page


def save(page: Page, text: str) -> None:
    """Write a text into the editor and save it."""
    write(page, text)
    page.get_by_role("button", name="Kiểm tra và lưu").last.click()


def write(page: Page, text: str) -> None:
    """Replace the editor's text, as somebody who pastes."""
    page.locator(".running .cm-content").click()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(text)
    expect(page.locator("#yaml")).to_have_value(text)


def test_a_wrong_yaml_is_told_by_line_and_nothing_is_saved(site: Site, sign_in: SignIn) -> None:
    page = open_camera(site, sign_in, "cam_sai")
    wrong = camera_yaml("cam_sai").replace("fps: 5", "fps: 500")
    save(page, wrong)
    problem = page.locator(".problems li")
    expect(problem).to_have_count(1)
    expect(problem).to_contain_text("Dòng 8")
    expect(problem).to_contain_text("detect.fps")
    expect(problem).to_contain_text("500 không được quá 30")
    expect(problem).to_contain_text("hãy viết một số trong khoảng này")
    expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    expect(page.locator("#yaml")).to_have_value(wrong)
    problem.get_by_role("link").click()
    expect(page.locator(".cm-content")).to_be_focused()
    expect(page.locator(".cm-activeLine")).to_have_text("detect: {fps: 500}")
    page.goto("/admin/cameras/cam_sai")
    expect(page.locator(".versions > li")).to_have_count(1)
    expect(page.locator("#yaml")).to_have_value(camera_yaml("cam_sai"))


def test_a_right_yaml_becomes_a_version_with_a_diff_and_can_be_rolled_back(site: Site, sign_in: SignIn) -> None:
    page = open_camera(site, sign_in, "cam_dung")
    save(page, camera_yaml("cam_dung", fps=8))
    expect(page.get_by_role("status").first).to_have_text("Đã lưu phiên bản 2.")
    expect(page.locator(".versions > li")).to_have_count(2)
    page.locator(".versions summary").first.click()
    expect(page.locator(".diff .del")).to_have_text("-detect: {fps: 5}")
    expect(page.locator(".diff .add")).to_have_text("+detect: {fps: 8}")
    page.get_by_role("button", name="Khôi phục Phiên bản 1").click()
    expect(page.locator(".versions > li")).to_have_count(3)
    expect(page.locator("#yaml")).to_have_value(camera_yaml("cam_dung"))
    page.goto("/admin/audit")
    expect(page.locator("tbody tr").first).to_contain_text("camera.rollback")


def test_of_two_admins_the_slower_one_keeps_the_text_and_is_told(site: Site, sign_in: SignIn) -> None:
    slow = open_camera(site, sign_in, "cam_hai_admin")
    fast = sign_in(site.admin)
    fast.goto("/admin/cameras/cam_hai_admin")
    save(fast, camera_yaml("cam_hai_admin", fps=6))
    expect(fast.locator(".versions > li")).to_have_count(2)
    mine = camera_yaml("cam_hai_admin", fps=9)
    save(slow, mine)
    expect(slow.get_by_role("heading", name="Hai người sửa cùng lúc")).to_be_visible()
    expect(slow.get_by_role("alert")).to_contain_text("Người khác vừa lưu phiên bản 2")
    expect(slow.locator("#yaml")).to_have_value(mine)  # both changed the same line: the text is whole, and one's own
    expect(slow.locator(".difference-list").first).to_contain_text("từ 5 thành 6")
    expect(slow.locator(".difference-list").nth(1)).to_contain_text("từ 5 thành 9")
    save_again = slow.get_by_role("button", name="Kiểm tra và lưu bản này")
    save(fast, camera_yaml("cam_hai_admin", fps=7))  # and once more, while the page of the conflict is read
    save_again.click()
    expect(slow.get_by_role("alert")).to_contain_text("Người khác vừa lưu phiên bản 3")
    slow.get_by_role("button", name="Kiểm tra và lưu bản này").click()
    expect(slow.get_by_role("status").first).to_have_text("Đã lưu phiên bản 4.")


def test_changes_of_two_admins_in_different_places_are_offered_as_one_text(site: Site, sign_in: SignIn) -> None:
    slow = open_camera(site, sign_in, "cam_hai_cho")
    fast = sign_in(site.admin)
    fast.goto("/admin/cameras/cam_hai_cho")
    before = camera_yaml("cam_hai_cho")
    save(fast, before.replace("min_people: 10", "min_people: 12"))
    expect(fast.locator(".versions > li")).to_have_count(2)
    save(slow, before.replace("fps: 5", "fps: 9"))
    both = before.replace("fps: 5", "fps: 9").replace("min_people: 10", "min_people: 12")
    expect(slow.locator("#yaml")).to_have_value(both)
    expect(slow.locator(".cm-content")).to_contain_text("min_people: 12")
    expect(slow.locator("[data-well]")).to_be_visible()
    expect(slow.locator(".side-by-side .line.add")).to_have_text("Mới: detect: {fps: 9}")  # what saving would change
    expect(slow.locator(".side-by-side .line.del")).to_have_count(1)
    assert violations(slow) == []
    slow.locator(".cm-line", has_text="fps: 9").click()
    slow.keyboard.press("End")
    for letters in ("Backspace", "5", "0", "0", "}"):
        slow.keyboard.press(letters)
    expect(slow.locator(".problems li")).to_contain_text("detect.fps")
    for _ in range(4):
        slow.keyboard.press("Backspace")
    slow.keyboard.press("}")
    expect(slow.locator("[data-well]")).to_be_visible()
    expect(slow.locator("#yaml")).to_have_value(both)
    slow.get_by_role("button", name="Kiểm tra và lưu bản này").click()
    expect(slow.get_by_role("status").first).to_have_text("Đã lưu phiên bản 3.")
    expect(slow.locator("#yaml")).to_have_value(both)


def test_the_list_tells_how_each_camera_does(site: Site, sign_in: SignIn) -> None:
    tell_health(site.box)
    page = sign_in(site.admin)
    row = page.locator("#camera-cong_truong")
    expect(row).to_contain_text("Bị từ chối")
    expect(row).to_contain_text("Camera từ chối đăng nhập")
    expect(row.locator("[lang=en]")).to_contain_text("LANGAN_CAM_PASSWORD")
    expect(page.locator("#camera-duong_lang")).to_contain_text("đang tự nối lại")


def test_a_camera_that_runs_with_a_trouble_beside_says_so_in_the_admins_language(site: Site, sign_in: SignIn) -> None:
    site.box.configure("cam_chay")
    page = sign_in(site.admin)
    row = page.locator("#camera-cam_chay")
    for message, words in (("", 0), ("no stream for clips: check the input of `record`", 1)):
        site.box.heartbeat({"cam_chay": (CameraHealth.OK, message, HealthReason.NONE)})
        page.goto("/admin/cameras")
        expect(row).to_contain_text("Đang hoạt động")
        expect(row.get_by_text("Camera vẫn chạy nhưng có điều chưa ổn")).to_have_count(words)
        expect(row.locator("[lang=en]")).to_have_count(words)


def test_a_camera_is_added_by_its_yaml(site: Site, sign_in: SignIn) -> None:
    page = sign_in(site.admin)
    page.get_by_role("link", name="Thêm camera").click()
    save(page, "camera: {id: cam_tu_them")
    expect(page.locator(".problems li").first).to_be_visible()
    save(page, camera_yaml("cam_tu_them"))
    expect(page).to_have_url(re.compile("/admin/cameras/cam_tu_them"))


def test_a_new_password_ends_the_sessions_and_is_shown_once(site: Site, sign_in: SignIn) -> None:
    victim = site.server.add_user("quen_mat_khau", "officer", "trang-long")
    officer, page = sign_in(victim, fresh=True), sign_in(site.admin)
    page.goto("/admin/users")
    row = page.locator(".versions > li", has_text="quen_mat_khau")
    row.locator("summary").click()
    row.get_by_role("button", name="Cấp lại mật khẩu").click()
    fresh = page.locator("[role=status] code").inner_text()
    response = officer.goto("/live")
    assert response is not None
    assert response.status == 401
    expect(officer.locator("input[name=password]")).to_be_visible()
    sign_in(Account("quen_mat_khau", fresh), fresh=True)
    page.goto("/admin/users")
    assert fresh not in page.content()


def test_a_user_is_added_and_a_wrong_name_is_explained(site: Site, sign_in: SignIn) -> None:
    page = sign_in(site.admin)
    page.goto("/admin/users")
    form = page.locator("form[action='/admin/users']")
    form.locator("[name=username]").fill("Tên Có Dấu")
    form.locator("[name=display_name]").fill("Nguyễn Văn Dũng")
    form.locator("[name=place_id]").select_option("trang-long")
    form.get_by_role("button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(form.locator("[name=display_name]")).to_have_value("Nguyễn Văn Dũng")
    form.locator("[name=username]").fill("nv_dung")
    form.get_by_role("button").click()
    expect(page.locator(".versions")).to_contain_text("Nguyễn Văn Dũng")


def test_a_device_is_given_codes_and_revoked(site: Site, sign_in: SignIn) -> None:
    page = sign_in(site.admin)
    page.goto("/admin/devices")
    form = page.locator("form[action='/admin/devices']")
    form.locator("[name=device_id]").fill("hop-moi")
    form.locator("[name=place_id]").select_option("dong-lam")
    form.get_by_role("button").click()
    first = page.locator("code.secret.large").inner_text()
    expect(page.locator(".one-time")).to_contain_text(f"langan-edge enrol {site.server.url} {first}")
    row = page.locator("#device-hop-moi")
    expect(row).to_contain_text("Chưa ghi danh")
    row.locator("summary").first.click()
    row.get_by_role("button", name="Tạo mã ghi danh mới").click()
    expect(page.locator("code.secret.large")).not_to_have_text(first)
    row.locator("summary").nth(1).click()
    row.get_by_role("button", name="Thu hồi").click()
    expect(row).to_contain_text("Đã thu hồi")
    expect(page.locator("code.secret.large")).to_have_count(0)
    expect(page.get_by_role("status")).to_have_text("Đã thu hồi hop-moi.")


def test_somebody_changes_the_own_password_from_the_name_in_the_header(site: Site, sign_in: SignIn) -> None:
    account = site.server.add_user("doi_mat_khau", "resident", "trang-long")
    page, other = sign_in(account, fresh=True), sign_in(account, fresh=True)
    page.get_by_role("link", name="doi_mat_khau").click()
    page.get_by_role("link", name="Đổi mật khẩu").click()
    page.fill("[name=old]", account.password)
    page.fill("[name=new]", "mua xuan den som")
    page.fill("[name=again]", "mua xuan den som")
    page.get_by_role("button", name="Đổi mật khẩu").click()
    expect(page.get_by_role("status")).to_have_text("Đã đổi mật khẩu. Các máy khác đã bị đăng xuất.")
    other.goto("/log")
    expect(other.locator("input[name=password]")).to_be_visible()
    sign_in(Account("doi_mat_khau", "mua xuan den som"), fresh=True)
