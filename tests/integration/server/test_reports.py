"""Leaders' reports: what they say, to whom, as page, PDF, workbook, CSV and mail."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import openpyxl
import pypdf
import pytest
from sqlalchemy import select, update

from contract.event import CameraHealth
from server.audit import anchors
from server.db.feedback_models import Feedback
from server.db.models import Camera, CameraConfigVersion, Incident, User
from server.db.report_models import CameraDay, CameraState, ReportSubscription
from server.db.work_models import NotificationChannel
from server.domain.access import Principal, Role
from server.domain.feedback import About, FeedbackState
from server.domain.grouping import Severity
from server.domain.incident import IncidentAction
from server.domain.notices import Channel
from server.domain.periods import Period
from server.domain.reports import Report
from server.errors import Forbidden, NotFound
from server.incidents import service as incidents
from server.jobs.registry import REGISTRY
from server.reports import cameras, form, letterheads, mailing, rollup, service, sheets, subscriptions
from server.reports.charts import charts
from server.reports.letterheads import Head
from server.reports.tables import Cell, Column, Form, Table, heading, table, tables
from server.reports.words import Words
from server.retention.erasing import erase_incidents
from tests.support.mailbox import Mailbox, running_mailbox
from tests.support.seed import camera_yaml
from tests.support.village import NOW, Village, event, running_village

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
MARCH = Period.month(2026, 3)
LEADER = Principal(Role.LEADER, "1", "Lãnh đạo", "nhon-loc")


def happen(village: Village) -> None:
    """Five incidents in two villages on the second of March, at nine, and one in February."""
    village.post([event(0), event(0, kind="intrusion"), event(0, spot="gate")])
    village.post([event(0, village="village-b"), event(0, village="village-b", spot="gate")], device="box-b")
    village.post([event(-10 * 24 * 3600)])
    village.clock.advance(minutes=10)
    act(village, "village-a", "crowding", IncidentAction.ACKNOWLEDGE)
    village.clock.advance(minutes=20)
    act(village, "village-a", "crowding", IncidentAction.RESOLVE)
    act(village, "village-b", "crowding", IncidentAction.FALSE_ALARM)
    rollup.catch_up(village.parts.database, ZONE)


def act(village: Village, place: str, kind: str, action: IncidentAction) -> None:
    """Act on the newest incidents of a kind in a place, but for those at the gate."""
    with village.parts.database.write() as session:
        wanted = select(Incident).where(Incident.village_id == place, Incident.kind == kind, Incident.spot != "gate")
        row = session.scalars(wanted.order_by(Incident.first_at.desc()).limit(1)).one()
        officer = village.principal("officer_commune")
        incidents.act(session, village.clock, officer, row.id, action, version=row.version, note="mèo")


def read(village: Village, principal: Principal = LEADER, place: str | None = None, period: Period = MARCH) -> Report:
    with village.parts.database.read() as session:
        return service.report(session, village.clock, ZONE, principal, place, period)


def test_a_report_says_what_happened_and_how_it_was_answered(village: Village) -> None:
    happen(village)
    found = read(village)
    assert (found.total.incidents, found.total.resolved, found.total.false_alarms, found.total.open) == (5, 1, 1, 3)
    assert [(row.kind, row.outcomes.incidents) for row in found.kinds] == [("crowding", 4), ("intrusion", 1)]
    assert found.total.false_share == 0.5
    assert found.hours[9] == 5  # Monday, nine o'clock
    assert sum(found.hours) == 5
    assert (found.acknowledged.number, found.decided.number) == (2, 2)
    assert found.acknowledged.median_s == pytest.approx(600, rel=0.0201)
    assert found.acknowledged.p90_s == pytest.approx(600, rel=0.0201)  # of two, the first is 90 % of the way down
    assert found.decided.median_s == pytest.approx(1800, rel=0.0201)
    assert {row.id: row.outcomes.incidents for row in found.parts} == {"village-a": 3, "village-b": 2}
    assert found.earlier == Period(MARCH.kind, date(2026, 2, 1), date(2026, 2, 2))
    assert found.total_before.incidents == 0
    assert not found.is_over


def test_a_period_is_compared_with_the_same_before(village: Village) -> None:
    happen(village)
    february = Period.month(2026, 2)
    assert read(village, period=february).total.incidents == 1
    quarter = read(village, period=Period.quarter(2026, 1))
    assert quarter.total.incidents == 6
    week = read(village, period=Period.week(NOW.date()))
    assert (week.total.incidents, week.total_before.incidents) == (5, 0)
    free = read(village, period=Period.free(date(2026, 2, 20), date(2026, 3, 2)))
    assert free.total.incidents == 6
    assert sum(step.incidents for step in free.course) == 6
    year = read(village, period=Period.year(2026))
    assert [step.incidents for step in year.course] == [0, 1, 5]


def test_nobody_reads_of_a_place_outside_of_the_scope(village: Village) -> None:
    happen(village)
    mine = Principal(Role.LEADER, "1", "", "village-a")
    assert read(village, mine).place_id == "village-a"
    assert read(village, mine).total.incidents == 3
    for place in ("village-b", "nhon-loc", "gia-lai", "nowhere"):
        with pytest.raises(NotFound):
            read(village, mine, place)
    with pytest.raises(NotFound):
        read(village, Principal(Role.RESIDENT, "1", "", "village-a"), "village-a")
    everything = Principal(Role.ADMIN, "1", "", None)
    assert read(village, everything).place_kind == "site"
    assert read(village, everything).total.incidents == 5
    assert read(village, everything, "gia-lai").total.incidents == 5
    for name, place in (("officer_a", "village-b"), ("admin_b", "village-a"), ("officer_a", "nhon-loc")):
        for ending in ("", "/file.csv", "/file.xlsx", "/file.pdf"):
            assert village.browser(name).get(f"/reports{ending}?place={place}").status_code == 404
    assert village.browser("resident_a").get("/reports").status_code == 403
    assert village.browser(None).get("/reports/file.csv").status_code == 401


def test_a_report_holds_no_person_and_no_picture(village: Village) -> None:
    happen(village)
    for address in ("/reports", "/reports?place=village-a&period=day&at=2026-03-02"):
        text = village.browser("officer_commune").get(address).get_data(as_text=True)
        main = text[text.index("<main") : text.index("</main>")]
        assert "<img" not in main
        assert "/media/" not in main
        assert "/incidents/" not in main
        assert "officer_a2" not in main


def test_what_retention_erased_stays_counted(village: Village) -> None:
    happen(village)
    before = read(village)
    with village.parts.database.write() as session:
        erase_incidents(session, list(session.scalars(select(Incident.id))))
    rollup.catch_up(village.parts.database, ZONE)
    after = read(village)
    assert (after.total, after.kinds, after.hours, after.decided) == (
        before.total,
        before.kinds,
        before.hours,
        before.decided,
    )
    with village.parts.database.read() as session:
        assert session.scalars(select(Incident)).all() == []


def beat(village: Village, health: CameraHealth, minutes: int, device: str = "box-a") -> None:
    """Heartbeats of a box, each half a minute."""
    for _ in range(2 * minutes):
        status = {"camera_id": "cam-1", "health": health.value, "fps_in": 25.0, "fps_detected": 5.0}
        body = {"sent_at": village.clock.utc().isoformat(), "software_version": "1", "outbox_events": 0}
        with village.app.test_client() as client:
            answer = client.post(
                "/api/v1/heartbeat",
                json={**body, "outbox_media": 0, "cameras": [status]},
                headers=village.signed(device),
            )
        assert answer.status_code in {200, 204}
        village.clock.advance(seconds=30)


def test_cameras_are_up_down_or_not_heard_of(village: Village) -> None:
    beat(village, CameraHealth.OK, 60)
    beat(village, CameraHealth.RECONNECTING, 20)
    village.clock.advance(minutes=40)  # the box is cut off
    beat(village, CameraHealth.OK, 60)
    with village.parts.database.read() as session:
        states = [row.state for row in session.scalars(select(CameraState).order_by(CameraState.since))]
    assert states == ["up", "down", "silent", "up"]
    for _ in range(2):  # once more changes nothing
        cameras.sum_up(village.parts.database, village.clock, ZONE)
        found = read(village)
        assert found.cameras.up_s == 2 * 3600
        assert found.cameras.down_s == pytest.approx(20 * 60, abs=31)
        assert found.cameras.silent_s == pytest.approx(40 * 60, abs=31)
        assert [row.name for row in found.worst_cameras] == ["cam-1"]
    village.clock.advance(hours=24)
    cameras.sum_up(village.parts.database, village.clock, ZONE)
    with village.parts.database.read() as session:
        days = session.scalars(select(CameraDay).order_by(CameraDay.day)).all()
    assert [day.day.isoformat() for day in days] == ["2026-03-02", "2026-03-03"]
    assert sum(day.up_s + day.down_s + day.silent_s for day in days) == 27 * 3600  # since it was first heard of
    assert read(village).cameras.silent_s == sum(day.silent_s for day in days)


def test_old_states_are_forgotten_and_their_days_stay(village: Village) -> None:
    beat(village, CameraHealth.OK, 2)
    beat(village, CameraHealth.RECONNECTING, 2)
    cameras.sum_up(village.parts.database, village.clock, ZONE)
    march = read(village).cameras
    village.clock.advance(days=50)
    beat(village, CameraHealth.OK, 2)
    cameras.sum_up(village.parts.database, village.clock, ZONE)
    with village.parts.database.read() as session:
        states = [row.state for row in session.scalars(select(CameraState).order_by(CameraState.since))]
    assert states == ["silent", "up"]
    assert read(village, period=Period.day(NOW.date())).cameras.up_s == march.up_s


def test_coverage_tells_what_watches_now(village: Village) -> None:
    beat(village, CameraHealth.OK, 1)
    with village.parts.database.write() as session:
        session.execute(update(Camera).values(config_number=1))
        text = camera_yaml("cam-1", village="village-a")
        version = {"number": 1, "yaml": text, "sha256": "", "author": "user:1", "author_name": ""}
        session.add(CameraConfigVersion(camera_id="cam-1", created_at=NOW, **version))
    while cameras.count_rules(village.parts.database):
        pass
    found = read(village).coverage
    assert (found.villages, found.without, found.cameras, found.enabled) == (2, ("Thôn B",), 1, 1)
    assert (found.online, found.with_rules) == (1, 1)
    village.clock.advance(minutes=5)
    assert read(village).coverage.online == 0


def test_complaints_are_counted_with_how_they_were_answered(village: Village) -> None:
    with village.parts.database.write() as session:
        for state, hours in ((FeedbackState.ANSWERED, 5), (FeedbackState.NEW, 0), (FeedbackState.DECLINED, 5)):
            answered = NOW + timedelta(hours=hours) if hours else None
            row = Feedback(village_id="village-a", about=About.CAMERA, text="x", created_at=NOW, state=state)
            row.answered_at = answered
            session.add(row)
        session.add(
            Feedback(village_id="village-b", about=About.IDEA, text="x", created_at=NOW, state=FeedbackState.NEW)
        )
    found = read(village, place="village-a")
    assert [(row.about, row.received, row.answered, row.declined, row.waiting) for row in found.complaints] == [
        ("camera", 3, 1, 1, 1)
    ]
    assert found.complaints_answered.median_s == pytest.approx(5 * 3600, rel=0.0201)
    assert sum(row.received for row in read(village).complaints) == 4


def full(village: Village) -> Report:
    """A report with something in every part."""
    happen(village)
    beat(village, CameraHealth.OK, 5)
    beat(village, CameraHealth.RECONNECTING, 5)
    cameras.sum_up(village.parts.database, village.clock, ZONE)
    return read(village)


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


SENDER = "Làng An <lang-an@example.vn>"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with running_mailbox() as box:
        yield box


@pytest.fixture
def mailing_village(database_url: str, tmp_path: Path, mailbox: Mailbox) -> Iterator[Village]:
    mail = {"smtp_url": mailbox.url, "mail_from": SENDER, "public_url": "https://lang-an.example.vn"}
    with running_village(tmp_path / "data", database_url, **mail) as made:
        yield made


def subscribe(village: Village, every: str, *, name: str = "officer_commune", confirmed: bool = True) -> None:
    with village.parts.database.write() as session:
        address = f"{name}@example.vn"
        known = select(NotificationChannel).where(NotificationChannel.address == address)
        channel = session.scalars(known).first() or NotificationChannel(
            user_id=village.user_ids[name],
            kind=Channel.EMAIL,
            address=address,
            min_severity=Severity.CRITICAL,
            kinds=[],
            places=[],
            active=True,
            created_at=village.clock.utc(),
            confirmed_at=village.clock.utc() if confirmed else None,
            code_attempts=0,
        )
        session.add(channel)
        session.flush()
        who = village.principal(name)
        subscriptions.add(session, village.clock, ZONE, who, channel.id, None, every)


def send(village: Village) -> int:
    sent = mailing.send_due(village.parts)
    assert mailing.send_due(village.parts) == 0  # once
    return sent


def test_a_daily_report_comes_once_after_its_day_with_the_head_of_the_audit_log(
    mailing_village: Village, mailbox: Mailbox
) -> None:
    village = mailing_village
    happen(village)
    subscribe(village, "day")
    assert send(village) == 0
    village.clock.advance(hours=18)  # 04:30 of the next day: boxes may still tell of the night
    assert send(village) == 0
    village.clock.advance(hours=2)
    with village.parts.database.read() as session:
        anchor = str(anchors.head(session, village.clock))
    assert send(village) == 1
    mail = mailbox.to("officer_commune@example.vn")[0]
    assert mail["Subject"] == "[Làng An] Báo cáo Xã Nhơn Lộc – Ngày 02/03/2026"
    body = mail.get_body()
    assert body is not None
    text = body.get_content()
    assert anchor in text
    assert "- Vụ việc: 5 (kỳ trước: 0)" in text
    assert "https://lang-an.example.vn/reports?period=day&at=2026-03-02" in text
    files = list(mail.iter_attachments())
    assert len(files) == 1
    if not form.why_not():
        assert files[0].get_filename() == "langan-nhon-loc-2026-03-02.pdf"
        document = pypdf.PdfReader(io.BytesIO(files[0].get_content()))
        assert anchor[:20] in "".join(page.extract_text() for page in document.pages)
    village.clock.advance(days=1)
    assert send(village) == 1


def test_missed_days_come_together_and_once(mailing_village: Village, mailbox: Mailbox) -> None:
    village = mailing_village
    happen(village)
    subscribe(village, "day")
    village.clock.advance(days=4)
    assert send(village) == 1
    assert "Từ 02/03/2026 đến 05/03/2026" in mailbox.mails[0]["Subject"]
    village.clock.advance(days=1)
    assert send(village) == 1
    assert mailbox.mails[1]["Subject"].endswith("Ngày 06/03/2026")


def test_weekly_and_monthly_reports_follow_the_calendar(mailing_village: Village, mailbox: Mailbox) -> None:
    village = mailing_village
    subscribe(village, "week")
    subscribe(village, "month")
    village.clock.advance(days=6)  # Sunday
    assert send(village) == 0
    village.clock.advance(days=1)
    assert send(village) == 1
    assert "Tuần 10 năm 2026" in mailbox.mails[0]["Subject"]
    body = mailbox.mails[0].get_body()
    assert body is not None
    assert "audit" not in body.get_content()  # only the daily one carries the head of the log
    village.clock.advance(days=24)  # 2 April
    assert send(village) == 2


def test_a_mail_that_is_not_taken_is_tried_again_with_the_same_number(
    mailing_village: Village, mailbox: Mailbox
) -> None:
    village = mailing_village
    subscribe(village, "day")
    village.clock.advance(days=1)
    mailbox.refusals["officer_commune@example.vn"] = "451 later"
    assert send(village) == 0
    with village.parts.database.read() as session:
        row = session.scalars(select(ReportSubscription)).one()
        assert row.next_try_at is not None
        assert "451" in row.last_error
    mailbox.refusals.clear()
    assert send(village) == 0  # not at once
    village.clock.advance(minutes=5)
    assert send(village) == 1
    mailbox.refusals["officer_commune@example.vn"] = "550 unknown"
    village.clock.advance(days=1)
    assert send(village) == 0
    with village.parts.database.read() as session:
        row = session.scalars(select(ReportSubscription)).one()
        assert "550" in row.last_error
        assert row.next_try_at is None  # trying this one again cannot help


def test_nothing_is_sent_to_an_unconfirmed_address_or_out_of_the_scope(
    mailing_village: Village, mailbox: Mailbox
) -> None:
    village = mailing_village
    subscribe(village, "day", name="officer_a", confirmed=False)
    subscribe(village, "day", name="officer_b")
    with village.parts.database.write() as session:
        session.execute(update(ReportSubscription).values(place_id="village-b"))
        session.execute(update(User).where(User.username == "officer_b").values(place_id="village-a"))
    village.clock.advance(days=1)
    assert send(village) == 0
    assert mailbox.mails == []


def test_a_leader_adds_an_address_confirms_it_and_is_told_of_no_incident(
    database_url: str, tmp_path: Path, mailbox: Mailbox
) -> None:
    mail = {"smtp_url": mailbox.url, "mail_from": SENDER}
    with running_village(tmp_path / "data", database_url, **mail) as village:
        with village.parts.database.write() as session:
            session.execute(update(User).where(User.username == "officer_commune").values(role=Role.LEADER))
        browser = village.browser("officer_commune")

        def post(where: str, **values: str) -> int:
            page = browser.get("/reports/mail").get_data(as_text=True)
            token = re.search(r'name="csrf_token" value="([^"]+)"', page)
            assert token is not None
            return browser.post(where, data={"csrf_token": token[1], **values}).status_code

        assert post("/reports/mail/addresses", address="lanh-dao@example.vn") == 303
        assert post("/reports/mail/addresses", address="không phải") == 422
        with village.parts.database.read() as session:
            channel = session.scalars(select(NotificationChannel)).one().id
        REGISTRY["notifications.confirm"].run(village.parts, {"channel_id": channel})
        body = mailbox.to("lanh-dao@example.vn")[0].get_body()
        assert body is not None
        code = re.search(r"\b(\d{6,})\b", body.get_content())
        assert code is not None
        assert post(f"/reports/mail/addresses/{channel}/confirm", code="000000") == 422
        assert post(f"/reports/mail/addresses/{channel}/confirm", code=code[1]) == 303
        values = {"channel": str(channel), "every": "month", "place": "village-a"}
        assert post("/reports/mail/subscriptions", **values) == 303
        assert post("/reports/mail/subscriptions", **values) == 422  # the same once more
        assert post("/reports/mail/subscriptions", **(values | {"place": "gia-lai"})) == 422
        assert "Hằng tháng" in browser.get("/reports/mail").get_data(as_text=True)
        village.post([event(0)])
        assert browser.get("/notifications").status_code == 403
        with village.parts.database.read() as session:
            own = subscriptions.list_own(session, village.principal("officer_commune"))[0].id
        assert post(f"/reports/mail/subscriptions/{own}/remove") == 303
        assert post(f"/reports/mail/subscriptions/{own}/remove") == 404


def test_a_summary_names_what_it_compares(embedded_village: Village) -> None:
    happen(embedded_village)
    rows = {
        row[0].text: (row[1].text, row[2].text)
        for row in table(read(embedded_village), Words("en", ZONE), "summary").rows
    }
    assert rows["Incidents"] == ("5", "0")
    assert rows["False alarms"] == ("50%", "–")
