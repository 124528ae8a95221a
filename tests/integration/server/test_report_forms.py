"""Reports as pages, charts, printed forms, workbooks and CSV."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import openpyxl
import pypdf
import pytest
from sqlalchemy import update

from server.db.models import User
from server.domain.access import Role
from server.errors import Forbidden
from server.reports import form, letterheads, sheets
from server.reports.charts import charts
from server.reports.letterheads import Head
from server.reports.tables import Cell, Column, Form, Table, heading, table, tables
from server.reports.words import Words
from tests.support.reports import ZONE, full, happen, read
from tests.support.village import Village


@pytest.mark.parametrize("language", ["vi", "en"])
def test_charts_are_well_formed_named_and_of_no_style_of_their_own(embedded_village: Village, language: str) -> None:
    found, say = full(embedded_village), Words(language, ZONE)
    drawn = charts(found, say)
    assert set(drawn) == {"kinds", "course", "hours", "cameras"}
    assert set(drawn) <= {item.id for item in tables(found, say)}  # the numbers stand in a table, too
    ids: list[str] = []
    for chart in drawn.values():
        for text, width in ((chart.wide, 720), (chart.narrow, 336)):
            image = ET.fromstring(text)  # noqa: S314 (made here)
            names = {item.get("id"): item.text for item in image if item.get("id")}
            ids += [str(name) for name in names]
            assert image.get("role") == "img"
            assert all(names[word] for word in str(image.get("aria-labelledby")).split())
            assert image.get("viewBox", "").split()[2] == str(width)
            assert "style" not in text
            assert "script" not in text
            for item in image.iter():
                x = float(item.get("x", 0))
                assert -1 <= x <= width + 1
                assert 0 <= x + float(item.get("width", 0) if item.tag.endswith("rect") else 0) <= width + 1
                assert float(item.get("height", "1")) >= 0
    assert len(ids) == len(set(ids))


def test_a_name_in_a_chart_stays_a_name(embedded_village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    happen(embedded_village)
    say = Words("vi", ZONE)
    monkeypatch.setattr(say, "kind", lambda kind: f"<script>alert('{kind}')</script>&")
    image = ET.fromstring(charts(read(embedded_village), say)["kinds"].wide)  # noqa: S314 (made here)
    assert not [item for item in image.iter() if item.tag.endswith("script")]
    assert any((item.text or "").startswith("<script>") for item in image.iter())


def test_the_page_has_a_table_under_each_chart_and_both_languages(village: Village) -> None:
    full(village)
    for language, title in (("vi", "Vụ việc theo loại"), ("en", "Incidents by kind")):
        text = village.browser("officer_commune").get(f"/reports?lang={language}").get_data(as_text=True)
        assert title in text
        assert text.count('<svg xmlns="http://www.w3.org/2000/svg" class="chart"') == 8
        for name in ("kinds", "course", "hours", "cameras"):
            part = text[text.index(f'id="{name}"') :]
            assert part.index("<svg") < part.index("<table")
    assert (
        village.browser("officer_commune").get("/reports?period=free&from=2026-05-01&to=2026-01-01").status_code == 422
    )


def test_the_printed_form_is_one_of_vietnamese_offices(embedded_village: Village) -> None:
    if form.why_not():
        pytest.skip(form.why_not())
    found = full(embedded_village)
    head = Head(
        superior="UBND tỉnh Gia Lai",
        agency="Ủy ban nhân dân xã Nhơn Lộc",
        sign="BC-UBND",
        town="Nhơn Lộc",
        authority="TM. Ủy ban nhân dân",
        office="Chủ tịch",
        signer="Nguyễn Thị Ước",
        recipients="Công an tỉnh;\nĐảng ủy xã",
    )
    content = form.as_pdf(found, head, Words("vi", ZONE), "Làng An", anchor="7:" + 64 * "a")
    document = pypdf.PdfReader(io.BytesIO(content))
    text = " ".join(" ".join(page.extract_text() for page in document.pages).split())
    for words in (
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "Độc lập - Tự do - Hạnh phúc",
        "UBND TỈNH GIA LAI",
        "ỦY BAN NHÂN DÂN XÃ NHƠN LỘC",
        "/BC-UBND",
        "Nhơn Lộc, ngày 02 tháng 3 năm 2026",
        "BÁO CÁO",
        "tại Xã Nhơn Lộc, tháng 3 năm 2026",
        "Tụ tập đông người",
        "Nơi nhận:",
        "- Công an tỉnh;",
        "Lưu: VT.",
        "CHỦ TỊCH",
        "Nguyễn Thị Ước",
        "7:" + "a" * 20,
    ):
        assert words in text, words
    width, height = document.pages[0].mediabox.width, document.pages[0].mediabox.height
    assert (round(float(width) * 25.4 / 72), round(float(height) * 25.4 / 72)) == (210, 297)
    fonts = _fonts(document)
    assert fonts
    for font in fonts:
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert any(name in descriptor for name in ("/FontFile", "/FontFile2", "/FontFile3")), font["/BaseFont"]
    assert document.metadata is not None
    assert "Xã Nhơn Lộc" in str(document.metadata.title)


def _fonts(document: pypdf.PdfReader) -> list[Any]:
    found: dict[str, Any] = {}
    for page in document.pages:
        resources: Any = page["/Resources"]
        for font in resources.get("/Font", {}).values():
            found[font.get_object()["/BaseFont"]] = font.get_object()
    return list(found.values())


def test_without_pango_the_page_says_what_to_install(village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    happen(village)
    monkeypatch.setattr(form, "why_not", lambda: "a library of the system is missing (pango)")
    browser = village.browser("officer_commune")
    text = browser.get("/reports").get_data(as_text=True)
    assert f"apt-get install {form.PACKAGES}" in text
    assert "file.pdf" not in text
    answer = browser.get("/reports/file.pdf", headers={"Accept": "application/json"})
    assert answer.status_code == 503
    assert form.PACKAGES in answer.get_json()["error"]["remedy"]
    assert browser.get("/reports/file.xlsx").status_code == 200


def test_the_workbook_opens_and_holds_numbers(village: Village) -> None:
    full(village)
    answer = village.browser("officer_commune").get("/reports/file.xlsx?lang=en")
    assert 'filename="langan-nhon-loc-2026-03.xlsx"' in answer.headers["Content-Disposition"]
    book = openpyxl.load_workbook(io.BytesIO(answer.data))
    kinds = list(book["Incidents by kind"].iter_rows(values_only=True))
    assert kinds[1][:2] == ("Crowding", 4)
    assert kinds[3][:2] == ("Total", 5)
    times = list(book["Response times"].iter_rows())
    assert times[1][2].number_format == "[h]:mm:ss"
    seconds = times[1][2].value
    assert isinstance(seconds, timedelta) or float(seconds) * 86400 == pytest.approx(600, rel=0.03)
    formulas = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    assert formulas == []


def test_the_csv_has_a_mark_and_plain_numbers(village: Village) -> None:
    full(village)
    answer = village.browser("officer_commune").get("/reports/file.csv?lang=vi")
    assert answer.data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert ["Tụ tập đông người", "4", "0", "", "1", "1", "0", "2"] in rows
    assert any(row[:1] == ["Tiếp nhận"] and 580 < int(row[2]) < 620 for row in rows)


def test_no_cell_is_taken_for_a_formula(embedded_village: Village) -> None:
    texts = ["=1+1", "+84 90", "-2", "@SUM(A1)", "\t=1", "Thôn A"]
    rows = tuple((Cell(text, text, Form.TEXT), Cell(-0.5, "", Form.CHANGE)) for text in texts)
    made = Table("kinds", "=cmd", (Column("=x", Form.TEXT), Column("n", Form.CHANGE)), rows)
    lines = list(csv.reader(io.StringIO(sheets.as_csv(["@head"], (made,)).decode("utf-8-sig"))))
    cells = [cell for line in lines for cell in line]
    assert all(not cell.startswith(("=", "+", "@", "\t")) for cell in cells)
    assert [cell for cell in cells if cell.startswith("-")] == ["-50.0"] * 6  # our own numbers
    say = Words("vi", ZONE)
    book = openpyxl.load_workbook(io.BytesIO(sheets.as_workbook(["=head"], (made,), say)))
    assert {cell.data_type for row in book.worksheets[0].iter_rows() for cell in row if cell.value} == {"s", "n"}
    assert heading(read(embedded_village), say, "=site")[1] == "Xã Nhơn Lộc, Gia Lai"


def test_the_letterhead_is_kept_audited_and_of_the_scope(village: Village) -> None:
    with village.parts.database.write() as session:
        session.execute(update(User).where(User.username == "officer_commune").values(role=Role.LEADER))
    browser = village.browser("officer_commune")
    page = browser.get("/reports/letterhead").get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    form_data = {"csrf_token": token[1], "place": "village-a", "agency": "  Công an\nxã ", "recipients": "a\n\nb"}
    assert browser.post("/reports/letterhead", data=form_data).status_code == 303
    with village.parts.database.read() as session:
        head = letterheads.letterhead_of(session, "village-a")
    assert (head.agency, head.recipient_lines) == ("Công anxã", ["a", "b"]) or head.agency == "Công an xã"
    assert browser.post("/reports/letterhead", data=form_data | {"agency": "x" * 161}).status_code == 422
    assert browser.post("/reports/letterhead", data=form_data | {"place": "gia-lai"}).status_code == 404
    with pytest.raises(Forbidden), village.parts.database.write() as session:
        letterheads.write(session, village.clock, village.principal("officer_a"), "village-a", Head())


def test_a_summary_names_what_it_compares(embedded_village: Village) -> None:
    happen(embedded_village)
    rows = {
        row[0].text: (row[1].text, row[2].text)
        for row in table(read(embedded_village), Words("en", ZONE), "summary").rows
    }
    assert rows["Incidents"] == ("5", "0")
    assert rows["False alarms"] == ("50%", "–")
