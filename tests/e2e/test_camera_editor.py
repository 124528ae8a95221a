"""An admin draws on a camera's picture, with a mouse, a finger or keys, and the YAML beside it changes."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from contract.yaml_tree import parse_yaml
from tests.e2e.conftest import SignIn, Site
from tests.support.accessibility import violations
from tests.support.seed import MEDIA, camera_yaml, frame_at, jpeg

pytestmark = pytest.mark.browser

DEMO = Path(__file__).parents[2] / "configs" / "demo" / "cameras" / "duong_lang.yaml"
CORNERS = ((0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7))


def editor(
    site: Site, sign_in: SignIn, camera_id: str, *, text: str | None = None, width: int = 1280, lang: str = "vi"
) -> Page:
    """The editor of a camera with a still."""
    site.box.configure(camera_id, (text or DEMO.read_text("utf-8")).replace("id: duong_lang", f"id: {camera_id}"))
    still = jpeg(frame_at(MEDIA / "street.mp4", 5.0))
    site.box.still(camera_id, still, int(time.time() * 1000))
    page = sign_in(site.admin, width=width)
    page.goto(f"/admin/cameras/{camera_id}?lang={lang}")
    expect(page.locator(".running .shape-button").first).to_be_visible()
    return page


def text_of(page: Page) -> str:
    return page.locator("#yaml").input_value()


def tap(page: Page, share: tuple[float, float]) -> None:
    """Click on the picture."""
    box = page.locator(".paper svg").bounding_box()
    assert box is not None
    page.locator(".paper svg").click(position={"x": box["width"] * share[0], "y": box["height"] * share[1]})


def zones_of(text: str) -> dict[str, dict[str, object]]:
    zones: dict[str, dict[str, object]] = parse_yaml(text).data["zones"]
    return zones


def comments(text: str) -> list[str]:
    return re.findall(r"#.*", text)


def is_near(points: object, corners: tuple[tuple[float, float], ...]) -> bool:
    assert isinstance(points, list)
    return len(points) == len(corners) and all(
        abs(x - a) < 0.01 and abs(y - b) < 0.01 for (x, y), (a, b) in zip(points, corners, strict=True)
    )


def test_a_zone_is_drawn_with_the_mouse_and_stands_in_the_yaml(site: Site, sign_in: SignIn) -> None:
    page = editor(site, sign_in, "cam_ve_chuot")
    before = text_of(page)
    page.get_by_role("button", name="Vùng", exact=True).click()
    page.get_by_label("Tên", exact=True).fill("Sân đình")
    for corner in CORNERS:
        tap(page, corner)
    page.get_by_role("button", name="Xong").click()
    expect(page.get_by_role("button", name="Sân đình Khu vực")).to_have_attribute("aria-pressed", "true")
    after = text_of(page)
    assert is_near(zones_of(after)["san_dinh"]["coordinates"], CORNERS)
    assert comments(after) == comments(before)
    assert [line for line in before.splitlines() if line not in after.splitlines()] == []
    page.get_by_role("combobox", name="Quy tắc").select_option("intrusion")
    page.get_by_role("button", name="Thêm quy tắc").click()
    expect(page.locator(".zone-rules")).to_contain_text("Quy tắc xem vùng này")
    page.get_by_role("button", name="Kiểm tra và lưu").last.click()
    expect(page.get_by_role("status").first).to_have_text("Đã lưu phiên bản 2.")
    expect(page.locator("#yaml")).to_have_value(re.compile("- {kind: intrusion, zones: \\[san_dinh\\]}"))


def test_a_corner_is_dragged_and_a_crossing_is_shown_before_anything_is_written(site: Site, sign_in: SignIn) -> None:
    page = editor(site, sign_in, "cam_keo_goc", text=camera_yaml("cam_keo_goc"))
    before = text_of(page)
    page.get_by_role("button", name="Lòng đường Làn xe").click()
    drag(page, page.locator("[data-handle=points-0]"), (0.5, 0.98))
    expect(page.locator("[data-said]")).to_contain_text("Các cạnh cắt nhau")
    expect(page.locator("polyline.wrong").first).to_be_visible()
    page.wait_for_timeout(900)  # longer than changes settle
    assert text_of(page) == before
    drag(page, page.locator("[data-handle=points-0]"), (0.2, 0.3))
    expect(page.locator("#yaml")).not_to_have_value(before)
    assert is_near(
        zones_of(text_of(page))["long_duong"]["coordinates"], ((0.2, 0.3), (0.9, 0.4), (0.9, 0.95), (0.1, 0.95))
    )
    page.locator(".cm-content").click()
    page.keyboard.press("ControlOrMeta+Z")
    expect(page.locator("#yaml")).to_have_value(before)


def drag(page: Page, handle: Locator, to: tuple[float, float]) -> None:
    """Drag a point to a place of the picture."""
    page.locator(".paper").scroll_into_view_if_needed()
    start, picture = handle.locator(".dot").bounding_box(), page.locator(".paper svg").bounding_box()
    assert start is not None
    assert picture is not None
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(picture["x"] + picture["width"] * to[0], picture["y"] + picture["height"] * to[1], steps=5)
    page.mouse.up()


@pytest.fixture
def phone(site: Site, browser: Browser, sign_in: SignIn) -> Iterator[Page]:
    """The admin's page on a phone that has a touch screen."""
    state = sign_in(site.admin).context.storage_state()
    context = browser.new_context(
        base_url=site.server.url,
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        storage_state=state,
    )
    yield context.new_page()
    context.close()


def test_a_zone_is_drawn_with_a_finger(site: Site, phone: Page, sign_in: SignIn) -> None:
    editor(site, sign_in, "cam_ve_tay").close()
    phone.goto("/admin/cameras/cam_ve_tay?lang=vi")
    phone.get_by_role("button", name="Vùng", exact=True).tap()
    svg = phone.locator(".paper svg")
    box = svg.bounding_box()
    assert box is not None
    for x, y in (*CORNERS, CORNERS[0]):  # the first corner again closes it
        svg.tap(position={"x": box["width"] * x, "y": box["height"] * y})
    expect(phone.get_by_role("button", name="Vùng 4 Khu vực")).to_be_visible()
    assert is_near(zones_of(text_of(phone))["vung_4"]["coordinates"], CORNERS)
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_zone_is_drawn_changed_and_removed_with_keys_alone(site: Site, sign_in: SignIn) -> None:
    page = editor(site, sign_in, "cam_ve_phim")
    before = text_of(page)
    page.get_by_role("button", name="Vùng", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".paper svg")).to_be_focused()
    page.keyboard.press("Enter")  # in the middle
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(f"Shift+{key}")
        page.keyboard.press("Enter")
    page.get_by_role("button", name="Xong").focus()
    page.keyboard.press("Enter")
    square = ((0.5, 0.5), (0.55, 0.5), (0.55, 0.55), (0.5, 0.55))
    first = page.get_by_role("button", name="Góc 1 trên 4")
    expect(first).to_be_focused()
    assert is_near(zones_of(text_of(page))["vung_4"]["coordinates"], square)
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("+")
    expect(page.get_by_role("button", name="Góc 2 trên 5")).to_be_focused()
    page.keyboard.press("Delete")
    page.keyboard.press("ArrowUp")
    expect(page.locator("[data-said]")).to_contain_text("Đã ghi Vùng 4")
    assert is_near(zones_of(text_of(page))["vung_4"]["coordinates"], ((0.45, 0.495), *square[1:]))
    page.get_by_role("button", name="Xóa", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#yaml")).to_have_value(before)


def test_a_line_a_direction_and_metres_are_drawn(site: Site, sign_in: SignIn) -> None:
    page = editor(site, sign_in, "cam_ve_vach", text=camera_yaml("cam_ve_vach"), lang="en")
    page.get_by_role("button", name="Line", exact=True).click()
    tap(page, (0.2, 0.6))
    tap(page, (0.8, 0.6))
    page.get_by_role("combobox", name="The zone beyond the line (arrow)").select_option("long_duong")
    expect(page.locator(".shape.line .arrow")).to_have_count(1)
    page.get_by_role("button", name="Lòng đường Lane").click()
    page.get_by_role("button", name="Turn it round").click()
    expect(page.locator("#yaml")).to_have_value(re.compile(r"direction: \[\[0.5, 0.4\], \[0.5, 0.95\]\]"))
    page.get_by_role("button", name="Calibration", exact=True).click()
    for corner in CORNERS:
        tap(page, corner)
    page.get_by_role("button", name="Done").click()
    for number, (across, away) in enumerate(((0, 0), (7, 0), (7, 20), (0, 20)), 1):
        page.get_by_label(f"Point {number}: across (m)").fill(str(across))
        page.get_by_label(f"Point {number}: away (m)").fill(str(away))
    page.get_by_role("button", name="Keep the calibration").click()
    expect(page.locator("[data-said]")).to_contain_text("The calibration points stand in the configuration.")
    data = parse_yaml(text_of(page)).data
    assert data["lines"] == {"line_1": data["lines"]["line_1"]}
    assert data["lines"]["line_1"]["into"] == "long_duong"
    assert data["calibration"]["ground_m"] == [[0, 0], [7, 0], [7, 20], [0, 20]]
    expect(page.locator("[data-well]")).to_be_visible()


def test_what_validation_refuses_is_not_drawn_and_said_in_its_words(site: Site, sign_in: SignIn) -> None:
    page = editor(site, sign_in, "cam_tu_choi")
    before = text_of(page)
    page.get_by_role("button", name="Làn đi Làn xe").click()
    page.get_by_role("button", name="Xóa", exact=True).click()  # a rule names it
    expect(page.locator("[data-said]")).to_contain_text("Không ghi được")
    expect(page.locator("[data-said]")).to_contain_text("lan_di")
    assert text_of(page) == before


def test_the_cursor_and_the_picture_show_each_other(site: Site, sign_in: SignIn) -> None:
    page = editor(site, sign_in, "cam_chi_nhau")
    page.get_by_role("button", name="Làn về Làn xe").click()
    expect(page.locator(".cm-line.chosen").first).to_contain_text("lan_ve")
    page.locator(".cm-line", has_text="name: Mép đường cấm đỗ").click()
    expect(page.get_by_role("button", name="Mép đường cấm đỗ Lòng đường")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".shape.chosen")).to_have_attribute("data-shape", '["zones","mep_duong"]')


def test_keys_and_values_are_offered_and_explained(site: Site, sign_in: SignIn) -> None:
    page = editor(site, sign_in, "cam_goi_y", text=camera_yaml("cam_goi_y"))
    page.locator(".cm-line", has_text="kind: intrusion").click()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.type(", min_d")
    options = page.locator(".cm-tooltip-autocomplete li")
    expect(options).to_have_count(1)
    expect(options).to_contain_text("min_duration_s")
    page.keyboard.press("Enter")
    page.keyboard.type("0")
    problem = page.locator(".problems li")
    expect(problem).to_contain_text("rules[1].min_duration_s")
    expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    page.keyboard.press("Backspace")
    page.keyboard.type("3")
    expect(problem).to_have_count(0)
    page.locator(".cm-line", has_text="kind: lane").click()
    page.keyboard.press("End")
    page.keyboard.press("ControlOrMeta+Shift+ArrowLeft")
    page.keyboard.type("p")
    expect(page.locator(".cm-tooltip-autocomplete li").first).to_contain_text("pavement")
    page.keyboard.press("Escape")
    page.locator(".cm-line span", has_text="min_people").first.hover()
    expect(page.locator(".cm-tooltip-hover")).to_contain_text("min_people")


def test_tab_leaves_the_text_after_escape(site: Site, sign_in: SignIn) -> None:
    page = editor(site, sign_in, "cam_phim_tab")
    expect(page.locator("#yaml-hint")).to_contain_text("bấm Esc rồi Tab để ra khỏi khung")
    content = page.locator(".cm-content")
    content.click()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(content).not_to_be_focused()


def test_a_preset_is_put_in_and_its_zones_are_drawn(site: Site, sign_in: SignIn) -> None:
    page = editor(site, sign_in, "cam_mau", text=camera_yaml("cam_mau"))
    page.locator(".presets > summary").click()
    page.get_by_role("button", name="Dùng mẫu này village_square").click()
    page.get_by_role("button", name=re.compile("chưa vẽ")).click()
    for corner in CORNERS:
        tap(page, corner)
    page.get_by_role("button", name="Xong").click()
    expect(page.locator("[data-well]")).to_be_visible()
    data = parse_yaml(text_of(page)).data
    assert data["preset"] == "village_square"
    assert is_near(data["zones"]["san"]["coordinates"], CORNERS)


def test_without_javascript_the_text_is_a_form(site: Site, sign_in: SignIn) -> None:
    editor(site, sign_in, "cam_khong_js", text=camera_yaml("cam_khong_js"))
    page = sign_in(site.admin, javascript=False)
    page.goto("/admin/cameras/cam_khong_js")
    expect(page.locator("[data-drawing]")).to_be_hidden()
    page.fill("#yaml", camera_yaml("cam_khong_js", fps=8))
    page.get_by_role("button", name="Kiểm tra và lưu").last.click()
    expect(page.get_by_role("status").first).to_have_text("Đã lưu phiên bản 2.")


def test_any_two_versions_stand_beside_each_other(site: Site, sign_in: SignIn) -> None:
    page = editor(site, sign_in, "cam_so_sanh", text=camera_yaml("cam_so_sanh"))
    for fps in (6, 7):
        page.locator(".cm-content").click()
        page.keyboard.press("ControlOrMeta+A")
        page.keyboard.press("Delete")
        page.keyboard.insert_text(camera_yaml("cam_so_sanh", fps=fps))
        page.get_by_role("button", name="Kiểm tra và lưu").last.click()
        expect(page.get_by_role("status").first).to_have_text(f"Đã lưu phiên bản {fps - 4}.")
    page.get_by_role("combobox", name="Bản cũ").select_option("1")
    page.get_by_role("combobox", name="Bản mới").select_option("3")
    page.get_by_role("button", name="So sánh").click()
    expect(page.locator(".difference-list")).to_contain_text("detect.fps")
    expect(page.locator(".difference-list")).to_contain_text("từ 5 thành 7")
    expect(page.locator(".line.del")).to_contain_text("detect: {fps: 5}")
    expect(page.locator(".line.add")).to_contain_text("detect: {fps: 7}")
    page.get_by_role("button", name="Khôi phục Phiên bản 1").click()
    expect(page.locator("#yaml")).to_have_value(camera_yaml("cam_so_sanh"))


@pytest.mark.parametrize(("lang", "scheme", "width"), [("vi", "light", 390), ("en", "dark", 1280)])
def test_axe_finds_nothing_while_somebody_draws_compares_and_tries(
    site: Site, sign_in: SignIn, lang: str, scheme: str, width: int
) -> None:
    camera_id = f"cam_axe_{lang}"
    site.box.configure(camera_id, camera_yaml(camera_id))
    page = editor(site, sign_in, camera_id, text=camera_yaml(camera_id, fps=6), width=width, lang=lang)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    page.locator(".shape-button").first.click()
    found = [("chosen", *violation) for violation in violations(page)]
    page.locator("[data-draw=zone]").click()
    for corner in CORNERS:
        tap(page, corner)
    found += [("drawing", *violation) for violation in violations(page)]
    page.locator("[data-cancel]").click()
    page.locator("button[formaction]").click()
    page.wait_for_url("**/what-if/*")
    found += [("what if", *violation) for violation in violations(page)]
    page.goto(f"/admin/cameras/{camera_id}/compare?old=1&new=2&lang={lang}")
    expect(page.locator(".line.add")).to_have_count(1)
    found += [("compare", *violation) for violation in violations(page)]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert found == []
