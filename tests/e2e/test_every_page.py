"""What holds for every page: whoever reads it, in both languages and schemes, on a phone and on a desk; errors too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from contract.device_api import WhatIfEvent, WhatIfReport
from tests.e2e.conftest import Complaints, SignIn, Site
from tests.support.accessibility import faint_texts, pixels_too_wide, violations
from tests.support.facts import FACTS
from tests.support.pages import READERS, pages_of, without_a_line
from tests.support.routes import NOBODYS, SITE_ADMIN, STRANGER
from tests.support.seed import MEDIA, camera_yaml, frame_at, jpeg, tell_health
from tests.support.server import Account

pytestmark = pytest.mark.browser

PHONE, DESK = 360, 1440
CAMERA = "cam_moi_trang"
LANGUAGES = ("vi", "en")
_OPEN = "document.querySelectorAll('main details').forEach(part => { part.open = true; })"
_HEADINGS = "[...document.querySelectorAll('h1')].filter(item => item.offsetParent !== null).length"


def send(page: Page, address: str, **fields: str) -> None:
    """Send a form as the page's reader, as a browser without scripts would."""
    token = page.locator("input[name=csrf_token]").first.get_attribute("value") or ""
    answer = page.request.post(address, form={"csrf_token": token, **fields})
    assert answer.ok, (address, answer.status, answer.text()[:2000])


@contextmanager
def signed_in(site: Site, browser: Browser, account: Account) -> Iterator[Page]:
    with browser.new_context(base_url=site.server.url) as context:
        page = context.new_page()
        page.goto("/login")
        send(page, "/login", username=account.username, password=account.password)
        yield page


@pytest.fixture(scope="module")
def things(site: Site, browser: Browser) -> dict[str, str]:
    """Something on every page: what addresses name, by the words in their braces."""
    for fps in (5, 6):
        site.box.configure(CAMERA, camera_yaml(CAMERA, fps=fps))
    site.box.still(CAMERA, jpeg(frame_at(MEDIA / "street.mp4", 5.0)), int(time.time() * 1000))
    with signed_in(site, browser, site.admin) as admin:
        admin.goto(f"/admin/cameras/{CAMERA}")
        admin.locator("button[formaction]").click()
        admin.wait_for_url("**/what-if/*")
        what_if = admin.url.removeprefix(site.server.url)
    site.box.answer(what_if.rpartition("/")[2], what_it_told())
    with signed_in(site, browser, site.resident) as resident:
        resident.goto("/feedback")
        for words in ("Xin thêm đèn ở đầu ngõ", "Góc này che cả cửa nhà tôi"):
            send(resident, "/feedback", village="trang-long", about="idea", text=words)
    with signed_in(site, browser, site.officer) as officer:
        officer.goto(f"/cameras/{CAMERA}/sign")
        sign = officer.locator(".sign-code .mono").inner_text().removeprefix(site.server.url)
        officer.goto("/live")
        incident = officer.locator(".card h2 a").first.get_attribute("href")
        assert incident is not None
        send(officer, "/shift", place="trang-long", text="Cổng chợ còn đông, nhờ ca sau xem lại.")
        send(officer, "/silences", place="trang-long", kind="speeding", up_to="medium", hours="1", reason="Hội làng")
        officer.goto("/feedback/inbox")
        said = officer.locator(".said form").first
        said.locator("textarea[name=answer]").fill("Đã báo xã.")
        said.get_by_role("button", name="Gửi trả lời").click()
    return {"camera": CAMERA, "what_if": what_if, "sign": sign, "incident": incident}


def what_it_told() -> WhatIfReport:
    """A box's answer with an event on either side."""
    begin = datetime.now(UTC) - timedelta(hours=2)
    told = WhatIfEvent(kind="crowding", zone="long_duong", started_at=begin, facts=FACTS["crowding"])
    return WhatIfReport(
        state="done",
        first=begin - timedelta(hours=3),
        last=begin + timedelta(hours=1),
        observations=43_200,
        same=3,
        appearing=1,
        vanishing=1,
        appear=(told,),
        vanish=(told.model_copy(update={"kind": "illegal_parking", "facts": FACTS["illegal_parking"]}),),
        notes=("traffic lights are not replayed",),
    )


@pytest.fixture
def reader_page(
    request: pytest.FixtureRequest, site: Site, browser: Browser, sign_in: SignIn, complaints: Complaints
) -> Iterator[Page]:
    """A page of the reader that the test names."""
    if request.param != STRANGER:
        yield sign_in(site.admin if request.param == SITE_ADMIN else getattr(site, request.param))
        return
    with browser.new_context(base_url=site.server.url) as context:
        page = context.new_page()
        page.on("console", lambda message: complaints.note(message.type, message.text))
        page.on("pageerror", lambda error: complaints.lines.append(str(error)))
        yield page


def test_no_page_is_forgotten() -> None:
    assert without_a_line() == set(), "name them in tests/support/pages.py"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("reader_page", "reader"), [(name, name) for name in READERS], indirect=["reader_page"])
def test_everybody_can_read_every_page(
    site: Site, things: dict[str, str], reader_page: Page, complaints: Complaints, reader: str, language: str
) -> None:
    """Nothing against WCAG 2.2 AA, nothing sideways, nothing on the console (as a refused script), a heading, a title.

    Over its two languages axe sees each page on a phone and on a desk, by day and by night. A page that another reader
    is shown, too, differs in its frame only: of these it sees one language.
    """
    tell_health(site.box)  # it holds for a minute
    page, found = reader_page, []
    turn = LANGUAGES.index(language)
    for number, (pattern, is_first) in enumerate(pages_of(reader)):
        if not is_first and number % 2 != turn:
            continue
        address = pattern.format(**things)
        widths = (PHONE, DESK) if (number + turn) % 2 else (DESK, PHONE)
        schemes = ("dark", "light") if (number // 2 + turn) % 2 else ("light", "dark")
        page.set_viewport_size({"width": widths[0], "height": 900})
        answer = page.goto(f"{address}{'&' if '?' in address else '?'}lang={language}")
        assert answer is not None
        page.evaluate(_OPEN)
        problems: list[object] = [] if answer.status == (404 if NOBODYS in address else 200) else [answer.status]
        problems += [name for name, holds in whole(page, language).items() if not holds]
        for width in widths:
            page.set_viewport_size({"width": width, "height": 900})
            problems += [f"{over} px too wide at {width}"] if (over := pixels_too_wide(page)) else []
        for scheme in schemes:
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
            problems += [(scheme, words) for words in faint_texts(page)]
        problems += [(widths[1], schemes[1], *item) for item in violations(page)] + list(complaints.lines)
        complaints.lines.clear()
        found += [(address, problem) for problem in problems]
    assert found == []


def whole(page: Page, language: str) -> dict[str, bool]:
    """What makes a page one that a screen reader can announce."""
    return {
        "one heading of level one": page.evaluate(_HEADINGS) == 1,
        "a title": page.title().strip() != "",
        "its language": page.locator("html").get_attribute("lang") == language,
    }


def test_a_script_that_the_policy_refuses_would_be_noticed(site: Site, sign_in: SignIn, complaints: Complaints) -> None:
    page = sign_in(site.resident)
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: '1'}))")
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    expect(page.locator("h1")).to_be_visible()
    assert len([line for line in complaints.lines if "Content Security Policy" in line]) == 2, complaints.lines
    complaints.lines.clear()


def test_thumbs_find_the_acknowledge_button(site: Site, sign_in: SignIn) -> None:
    page = sign_in(site.officer, width=360)
    expect(page.locator(".push button").first).to_be_visible()
    # In one step: a card that news replaces between finding and measuring would have no size.
    box = page.evaluate("document.querySelector('.push button').getBoundingClientRect().toJSON()")
    assert box["height"] >= 48
    assert box["width"] >= 200


def test_the_language_button_changes_the_page_and_is_remembered(site: Site, sign_in: SignIn) -> None:
    account = site.server.add_user("hai_thu_tieng", "officer", "trang-long")
    page = sign_in(account, fresh=True)
    expect(page.locator("html")).to_have_attribute("lang", "vi")
    page.goto("/live?kind=crowding")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("h1")).to_have_text("Live alerts")
    assert page.url.endswith("/live?kind=crowding")
    elsewhere = sign_in(account, fresh=True)  # another browser, without the cookie
    expect(elsewhere.locator("html")).to_have_attribute("lang", "en")


def test_errors_speak_the_language_and_lead_back(site: Site, sign_in: SignIn) -> None:
    page = sign_in(site.resident)
    for address, code, words in (("/nowhere", 404, "Không tìm thấy"), ("/admin/users", 403, "không có quyền")):
        response = page.goto(address)
        assert response is not None
        assert response.status == code
        expect(page.locator("h1")).to_contain_text(words)
    page.get_by_role("link", name="Về trang chính").click()
    expect(page.locator("h1")).to_have_text("Nhật ký an ninh")


def test_a_wrong_password_is_told_without_telling_which(site: Site, sign_in: SignIn) -> None:
    page = sign_in(site.resident, fresh=True)
    page.get_by_role("button", name="Đăng xuất").click()
    expect(page.get_by_role("status")).to_have_text("Bạn đã đăng xuất.")
    messages = []
    for name in (site.officer.username, "khong_co_ai"):
        page.fill("input[name=username]", name)
        page.fill("input[name=password]", "khong-phai-mat-khau")
        page.press("input[name=password]", "Enter")
        messages.append(page.get_by_role("alert").inner_text())
        expect(page.locator("input[name=username]")).to_have_value(name)
    assert messages[0] == messages[1]


def test_a_stranger_is_led_to_sign_in_and_back(site: Site, sign_in: SignIn) -> None:
    page = sign_in(site.officer)
    page.context.clear_cookies()
    page.goto("/live?kind=wrong_way")
    page.fill("input[name=username]", site.officer.username)
    page.fill("input[name=password]", site.officer.password)
    page.press("input[name=password]", "Enter")
    expect(page).to_have_url(f"{site.server.url}/live?kind=wrong_way")


def test_of_two_sign_in_pages_the_older_one_asks_once_more(site: Site, sign_in: SignIn) -> None:
    page = sign_in(site.officer)
    page.context.clear_cookies()
    page.goto("/login?next=/log")
    page.context.clear_cookies()  # the browser's other tab began at the same moment and was given another cookie
    page.fill("input[name=username]", site.officer.username)
    page.fill("input[name=password]", site.officer.password)
    with page.expect_response("**/login") as answer:
        page.press("input[name=password]", "Enter")
    assert answer.value.status == 403
    expect(page.get_by_role("alert")).to_contain_text("mở đã lâu")
    expect(page.locator("input[name=username]")).to_have_value(site.officer.username)
    page.fill("input[name=password]", site.officer.password)
    page.press("input[name=password]", "Enter")
    expect(page).to_have_url(f"{site.server.url}/log")
