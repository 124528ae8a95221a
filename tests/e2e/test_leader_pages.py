"""A leader's path: the report of the area, another place and period, its numbers, its files, and the mail."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import SignIn, Site

pytestmark = pytest.mark.browser

WORDS = {
    "vi": ("Báo cáo", "Vụ việc theo loại", "Số liệu", "Xem", "Tụ tập đông người", "Đăng ký nhận"),
    "en": ("Report", "Incidents by kind", "Numbers", "Show", "Crowding", "Subscribe"),
}


@pytest.fixture
def counted(site: Site) -> Site:
    """What the boxes have told is in the sums: the server's own job does it within half a minute."""
    site.server.command("reports", "rebuild")
    return site


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("width", [390, 1440])
def test_a_leader_reads_the_area_then_a_village_and_another_period(
    counted: Site, sign_in: SignIn, width: int, language: str
) -> None:
    title, kinds, numbers, show, crowding, _ = WORDS[language]
    page = sign_in(counted.leader, width=width)
    page.goto("/")
    expect(page).to_have_url(f"{counted.server.url}/reports")
    page.goto(f"/reports?lang={language}")
    expect(page.locator("h1")).to_have_text(f"{title}: Xã Nhơn Lộc")
    total = int(page.locator(".tile-value").first.inner_text())
    assert total >= 4
    drawn = page.locator("#kinds svg.chart:visible")
    expect(drawn).to_have_count(1)  # the one that fits the screen
    assert drawn.evaluate("item => item.getBoundingClientRect().width") <= width
    expect(page.get_by_role("img", name=kinds)).to_be_visible()
    page.locator("#kinds").get_by_text(numbers).click()
    expect(page.locator("#kinds table")).to_contain_text(crowding)
    page.get_by_role("link", name="Thôn Tráng Long").click()
    expect(page.locator("h1")).to_contain_text("Thôn Tráng Long")
    page.goto(f"{page.url}&lang={language}")
    expect(page.locator("h1")).to_have_text(f"{title}: Thôn Tráng Long")
    page.select_option("select[name=period]", "year")
    page.get_by_role("button", name=show, exact=True).click()
    assert "period=year" in page.url
    expect(page.locator("select[name=period]")).to_have_value("year")
    assert page.locator(".top nav a").count() == 2  # reports and the public log; nothing of single incidents
    assert page.request.get("/live").status == 403


def test_the_files_come_with_their_names(counted: Site, sign_in: SignIn) -> None:
    page = sign_in(counted.leader)
    page.goto("/reports?period=month")
    endings = [link.inner_text().split()[0].lower() for link in page.locator(".report-files a").all()]
    assert {"xlsx", "csv"} <= set(endings)
    for ending in endings:
        with page.expect_download() as download:
            page.locator(".report-files a", has_text=ending.upper()).click()
        assert re.fullmatch(rf"langan-nhon-loc-\d{{4}}-\d\d\.{ending}", download.value.suggested_filename)
        assert download.value.path().stat().st_size > 500


def test_the_report_is_read_without_javascript_and_by_keyboard(counted: Site, sign_in: SignIn) -> None:
    page = sign_in(counted.leader, javascript=False)
    page.goto("/reports")
    expect(page.locator(".tile-value").first).to_be_visible()
    page.locator("#kinds summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#kinds table")).to_be_visible()
    page.locator("select[name=period]").focus()
    page.keyboard.press("End")
    page.locator(".report-choice button").focus()
    page.keyboard.press("Enter")
    expect(page.locator("input[name=from]")).to_be_visible()


def test_a_leader_fills_in_the_letterhead_and_adds_an_address(counted: Site, sign_in: SignIn) -> None:
    page = sign_in(counted.leader)
    page.goto("/reports")
    page.get_by_role("link", name="Thể thức bản in").click()
    page.get_by_label("Cơ quan ban hành").fill("ỦY BAN NHÂN DÂN XÃ NHƠN LỘC")
    page.get_by_role("button", name="Lưu").click()
    expect(page.get_by_role("status")).to_have_text("Đã lưu.")
    expect(page.get_by_label("Cơ quan ban hành")).to_have_value("ỦY BAN NHÂN DÂN XÃ NHƠN LỘC")
    page.goto("/reports/mail")
    page.get_by_label("Thêm địa chỉ").fill("lanh-dao@example.vn")
    page.locator("form[action='/reports/mail/addresses'] button").click()
    expect(page.locator("select[name=channel]")).to_contain_text("lanh-dao@example.vn")
    page.get_by_role("button", name="Đăng ký nhận").click()
    expect(page.locator(".versions")).to_contain_text("Hằng tháng")
