"""An admin, a resident, an officer and a leader around one edge that watches real footage: nothing here is seeded."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pypdf
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from contract.config_loader import config_version
from tests.e2e.test_camera_editor import CORNERS, tap
from tests.e2e.test_nothing_is_lost import CAMERA, rows
from tests.support.browser import PATIENCE_MS
from tests.support.edge import RunningEdge
from tests.support.server import SITE, Account, RunningServer

pytestmark = pytest.mark.browser

DELAY_S = 8
"""How long residents are told nothing."""
WATCHING = CAMERA + "observations: {store: true}\n"


def wait(promise: Callable[[], object], what: str, timeout_s: float = 150.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not promise():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


@contextmanager
def signed_in(
    browser: Browser, server: RunningServer, account: Account, *, width: int = 1280, javascript: bool = True
) -> Iterator[Page]:
    with browser.new_context(
        base_url=server.url, viewport={"width": width, "height": 900}, java_script_enabled=javascript
    ) as context:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto("/login")
        page.fill("input[name=username]", account.username)
        page.fill("input[name=password]", account.password)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda address: "/login" not in address)
        yield page


def tab_to(page: Page, wanted: Locator) -> None:
    """Reach something as who has no mouse does."""
    for _ in range(80):
        if wanted.evaluate("item => item === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("the Tab key does not lead there")


@pytest.mark.timeout(600)
def test_a_village_with_one_box_from_its_enrolment_to_the_leaders_report(tmp_path: Path, browser: Browser) -> None:
    config, folder = tmp_path / "config", tmp_path / "server"
    (config / "cameras").mkdir(parents=True)
    (config / "site.yaml").write_text(SITE, encoding="utf-8")
    (config / "cameras" / "san.yaml").write_text(WATCHING, encoding="utf-8")
    with RunningServer(folder, {"LANGAN_PUBLIC_DELAY_S": str(DELAY_S)}) as server:
        admin = server.add_user("quan_tri", "admin", None)
        officer = server.add_user("can_bo", "officer", "trang-long")
        resident = server.add_user("nguoi_dan", "resident", "trang-long")
        leader = server.add_user("lanh_dao", "leader", "nhon-loc")
        with signed_in(browser, server, admin) as desk:
            code = enrol(desk)
            edge = RunningEdge(tmp_path, config=config, server_url=server.url, code=code)
            with edge:
                see_the_camera(desk)
                edge.wait_for_log(r"kind=intrusion \S+ state=start")
                with signed_in(browser, server, resident, width=390, javascript=False) as phone:
                    told = read_and_write(phone, folder)
                    with signed_in(browser, server, officer, width=390) as wall:
                        answer(wall, told)
                        full = wall.locator("#live-snapshot img").get_attribute("src")
                        assert full is not None
                        assert wall.request.get(full).ok
                        assert phone.request.get(full).status == 404
                    phone.goto("/feedback")
                    expect(phone.locator(".answer")).to_contain_text("Tổ tự quản đã ra xem.")
                server.command("reports", "rebuild")
                with signed_in(browser, server, leader) as office:
                    read_the_report(office, folder)
                change_the_camera(desk, tmp_path, folder, edge)
                assert edge.stop() == 0
        pulls = [json.loads(line) for line in server.log().splitlines() if '"/api/v1/cameras/config"' in line]
        assert {200, 304} == {pull["status"] for pull in pulls}, "asked by ETag: most answers are empty"


def enrol(page: Page) -> str:
    """Make a device; gives its one-time code."""
    page.goto("/admin/devices")
    form = page.locator("form[action='/admin/devices']")
    form.locator("[name=device_id]").fill("hop-dinh")
    form.locator("[name=place_id]").select_option("trang-long")
    form.get_by_role("button").click()
    expect(page.locator("#device-hop-dinh")).to_contain_text("Chưa ghi danh")
    return page.locator("code.secret.large").inner_text()


def see_the_camera(page: Page) -> None:
    """The list of cameras renews itself: the new one appears, well, with a still."""
    page.goto("/admin/cameras")
    row = page.locator("#camera-san")
    expect(row).to_contain_text("Đang hoạt động", timeout=150_000)
    expect(row.locator("img")).to_have_js_property("complete", True, timeout=150_000)
    assert row.locator("img").evaluate("image => image.naturalWidth") > 0
    page.goto("/admin/devices")
    expect(page.locator("#device-hop-dinh")).not_to_contain_text("Chưa ghi danh")


def read_and_write(page: Page, folder: Path) -> str:
    """With keys alone and no script: what the log tells of the box's incident, and a word about it; gives that word."""
    assert page.url.endswith("/log")
    entry = page.locator(".entry", has=page.locator("h2", has_text="Xâm nhập")).first

    def is_told() -> bool:
        page.reload()
        return entry.locator("img").count() > 0

    wait(is_told, "the log tells nothing of it")
    started = datetime.fromisoformat(entry.locator("time").get_attribute("datetime") or "")
    assert (datetime.now(UTC) - started).total_seconds() >= DELAY_S
    picture = page.request.get(entry.locator("img").get_attribute("src") or "")
    assert picture.headers["content-type"] == "image/jpeg"
    redacted = {
        str(row[0]) for row in rows(folder, "SELECT sha256 FROM evidence_references WHERE role LIKE '%redacted'")
    }
    assert [name for name in redacted if name in picture.url], "a redacted picture, and no other"
    link = entry.locator("a.say")
    tab_to(page, link)
    page.keyboard.press("Enter")
    page.wait_for_url("**/feedback?incident=*")
    about = page.locator("select[name=about]")
    tab_to(page, about)
    page.keyboard.press("ArrowDown")
    expect(about).not_to_have_value("")
    tab_to(page, page.locator("textarea[name=text]"))
    words = "Đêm nào cũng có người vào sân."
    page.keyboard.insert_text(words)
    tab_to(page, page.get_by_role("button", name="Gửi"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Đã gửi")
    return words


def answer(page: Page, words: str) -> None:
    """An officer answers, and opens the incident that it speaks of."""
    page.goto("/feedback/inbox")
    said = page.locator(".said", has_text=words)
    incident = said.get_by_role("link").first.get_attribute("href")
    said.locator("textarea[name=answer]").fill("Tổ tự quản đã ra xem.")
    said.get_by_role("button", name="Gửi trả lời").click()
    expect(page.locator(".said", has_text="Tổ tự quản đã ra xem.")).to_be_visible()
    assert incident is not None
    page.goto(incident)
    expect(page.locator("h1")).to_contain_text("Xâm nhập")


def read_the_report(page: Page, folder: Path) -> None:
    """The page and its three files tell the numbers of the database."""
    count = int(str(rows(folder, "SELECT count(*) FROM incidents")[0][0]))
    page.goto("/reports?period=month")
    expect(page.locator(".tile-value").first).to_have_text(str(count))
    files = {}
    for ending in ("CSV", "XLSX", "PDF"):
        link = page.locator(".report-files a", has_text=ending)
        if ending == "PDF" and not link.count():
            continue  # the extra `pdf` is not installed, and the page offers none
        with page.expect_download() as download:
            link.click()
        files[ending] = download.value.path().read_bytes()
    lines = list(csv.reader(io.StringIO(files["CSV"].decode("utf-8-sig"))))
    assert [line for line in lines if line[:1] == ["Xâm nhập"]]
    book = openpyxl.load_workbook(io.BytesIO(files["XLSX"]))
    cells = [
        str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row if cell is not None
    ]
    assert "Xâm nhập" in cells
    assert str(count) in cells
    if "PDF" in files:
        text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(files["PDF"])).pages)
        assert "Nhơn Lộc" in text
        assert "Xâm nhập" in text


def change_the_camera(page: Page, tmp_path: Path, folder: Path, edge: RunningEdge) -> None:
    """Draw a zone, try it over the box's stored minutes, put it in force, and take it back."""
    wait(lambda: list((tmp_path / "edge" / "observations" / "san").glob("*")), "the box stored no observations")
    page.goto("/admin/cameras/san")
    before = page.locator("#yaml").input_value()
    expect(page.locator(".running .shape-button").first).to_be_visible()
    page.get_by_role("button", name="Vùng", exact=True).click()
    page.get_by_label("Tên", exact=True).fill("Lối vào")
    for corner in CORNERS:
        tap(page, corner)
    page.get_by_role("button", name="Xong").click()
    page.get_by_role("combobox", name="Quy tắc").select_option("intrusion")
    page.get_by_role("button", name="Thêm quy tắc").click()
    expect(page.locator("#yaml")).to_have_value(re.compile(r"- {kind: intrusion, zones: \[loi_vao\]}"))
    page.get_by_role("button", name="Thử trước").click()
    page.wait_for_url("**/what-if/*")
    heading = page.locator("#answer-title")
    expect(heading).to_contain_text("Cảnh báo sẽ có thêm", timeout=150_000)  # the page renews itself
    expect(page.locator(".event-list.added")).to_contain_text("loi_vao")
    seen = len(edge.log())
    page.get_by_role("button", name="Lưu bản này và đưa vào dùng").click()
    expect(page.get_by_role("status").first).to_have_text("Đã lưu phiên bản 2.")
    after = page.locator("#yaml").input_value()
    in_force(folder, after)
    seen = edge.wait_for_log(rf"pulled_config camera=san version={config_version(after)}", after=seen)
    edge.wait_for_log(r"kind=intrusion \S+ state=start", after=seen)
    page.reload()
    expect(page.get_by_text("đang chờ thiết bị lấy về")).to_have_count(0)
    page.locator(".versions summary").first.click()
    page.get_by_role("button", name="Khôi phục Phiên bản 1").click()
    expect(page.locator("#yaml")).to_have_value(before)
    in_force(folder, before)


def in_force(folder: Path, text: str) -> None:
    """Wait until the box says that it runs this text."""
    query = "SELECT version FROM camera_runs WHERE camera_id = 'san'"
    wait(lambda: rows(folder, query) == [(config_version(text),)], "the box does not run the newest version")
