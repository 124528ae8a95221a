"""The wall on night duty: two touches, keys, sound and quiet, a phone that slept, officers who see each other."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import SignIn, Site
from tests.support.browser import PATIENCE_MS

pytestmark = pytest.mark.browser

SIGNALS = """
window.signals = {vibrations: [], tones: 0};
navigator.vibrate = (pattern) => { window.signals.vibrations.push(pattern); return true; };
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...times) { window.signals.tones += 1; return start.apply(this, times); };
"""
SLEEP = """
window.asleep = 0;
const now = Date.now.bind(Date);
Date.now = () => now() + window.asleep;
"""


def raise_incident(site: Site, camera_id: str, kind: str = "intrusion") -> str:
    """A new incident on a camera of its own; returns its id."""
    site.box.configure(camera_id)
    result = site.box.report(kind, camera_id, datetime.now(UTC) - timedelta(seconds=2))
    assert result.incident_id is not None
    return result.incident_id


def wall(page: Page, *scripts: str) -> Page:
    """The wall with scripts that run before its own, once its live feed stands."""
    for script in scripts:
        page.add_init_script(script)
    page.goto("/live")
    expect(page.locator("#link-state")).to_have_attribute("data-state", "connected")
    return page


def card(page: Page, incident_id: str) -> str:
    return f"#incident-{incident_id}"


def more_tones(page: Page, than: int) -> None:
    """Wait until the page has sounded again. (`wait_for_function` needs `eval`, which our pages forbid.)"""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while page.evaluate("window.signals.tones") <= than:
        assert time.monotonic() < deadline, "no sound"
        page.wait_for_timeout(50)


def test_on_a_phone_the_first_card_and_its_button_are_in_sight_at_once(site: Site, sign_in: SignIn) -> None:
    raise_incident(site, "cam_dau_tien")
    page = wall(sign_in(site.officer, width=360))
    boxes = page.evaluate(
        """() => {
            const card = document.querySelector("#wall article");
            return [card, card.querySelector(".push button")].map(part => part.getBoundingClientRect().toJSON());
        }"""
    )
    assert boxes[0]["top"] < 220
    assert boxes[1]["bottom"] < 740  # of the 900: a phone's own bars take the rest


def test_from_the_alert_to_acknowledged_are_two_touches(site: Site, sign_in: SignIn) -> None:
    incident_id = raise_incident(site, "cam_hai_cham")
    page = wall(sign_in(site.officer, width=390))
    page.locator(f"{card(page, incident_id)} h2 a").click()  # one: what a notification does, too
    page.get_by_role("button", name="Tiếp nhận").click()  # two
    expect(page.locator("#live-head .state-acknowledged")).to_be_visible()


def test_what_can_be_done_stays_under_the_thumb(site: Site, sign_in: SignIn) -> None:
    incident_id = raise_incident(site, "cam_ngon_cai")
    page = sign_in(site.officer, width=390)
    page.goto(f"/incidents/{incident_id}")
    button, picture = page.get_by_role("button", name="Tiếp nhận"), page.locator("#live-snapshot img")
    boxes = [part.bounding_box() for part in (picture, page.locator("h1"))]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["y"] < boxes[1]["y"]
    for distance in (0, 700, 100_000):
        page.evaluate("distance => scrollTo(0, distance)", distance)
        box = button.bounding_box()
        assert box is not None
        assert 700 < box["y"] < 900 - 48
        assert box["height"] >= 48
    last = page.locator(".foot").bounding_box()
    bar = page.locator("#live-actions").bounding_box()
    assert last is not None
    assert bar is not None
    assert last["y"] + last["height"] <= bar["y"] + 1  # at the page's end nothing lies below the bar


def test_a_false_alarm_takes_one_tap_for_its_reason(site: Site, sign_in: SignIn) -> None:
    incident_id = raise_incident(site, "cam_ly_do")
    page = sign_in(site.officer, width=390)
    page.goto(f"/incidents/{incident_id}")
    page.locator("#live-actions summary", has_text="Báo nhầm").click()
    page.get_by_role("button", name="Con vật").click()
    expect(page.locator("#live-head .state-false_alarm")).to_be_visible()
    expect(page.locator(".timeline blockquote")).to_have_text("Con vật")


def test_keys_go_from_card_to_card_acknowledge_and_open(site: Site, sign_in: SignIn) -> None:
    second, first = raise_incident(site, "cam_phim_2"), raise_incident(site, "cam_phim_1")
    page = wall(sign_in(site.officer))
    expect(page.locator(card(page, first))).to_be_visible()
    focused = "document.activeElement.closest('article')?.dataset.incident"
    page.keyboard.press("j")
    assert page.evaluate(focused) == first
    page.keyboard.press("j")
    assert page.evaluate(focused) == second
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    assert page.evaluate(focused) == second
    page.keyboard.press("a")
    expect(page.locator(card(page, second))).to_have_attribute("data-state", "acknowledged")
    assert page.evaluate(focused) == second
    page.keyboard.press("k")
    assert page.evaluate(focused) == first
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(first))


def test_keys_are_explained_leave_fields_alone_and_can_be_switched_off(site: Site, sign_in: SignIn) -> None:
    incident_id = raise_incident(site, "cam_tat_phim")
    page = wall(sign_in(site.officer, fresh=True))
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.locator("#keys-on").uncheck()
    page.get_by_role("button", name="Đóng").click()
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('article')") is None
    page.reload()
    expect(page.locator("#link-state")).to_have_attribute("data-state", "connected")
    page.locator(f"{card(page, incident_id)} h2 a").focus()
    page.keyboard.press("a")
    page.locator("#keys-open").click()
    page.locator("#keys-on").check()
    page.keyboard.press("Escape")
    page.locator("#filter-sheet summary").click()
    page.locator("#filter-sheet select").first.focus()
    page.keyboard.press("a")
    expect(page.locator(card(page, incident_id))).to_have_attribute("data-state", "new")


def test_sound_and_vibration_tell_how_serious_it_is_and_quiet_ends_by_itself(site: Site, sign_in: SignIn) -> None:
    page = wall(sign_in(site.officer, fresh=True), SIGNALS, SLEEP)
    state = page.locator("#alarm-state")
    state.click()
    page.locator("#sound").click()
    expect(state).to_have_attribute("data-state", "on")
    page.evaluate("window.signals = {vibrations: [], tones: 0}")
    expect(page.locator(card(page, raise_incident(site, "cam_am_1", "littering")))).to_be_visible()
    low = page.evaluate("window.signals")
    expect(page.locator(card(page, raise_incident(site, "cam_am_2", "intrusion")))).to_be_visible()
    more_tones(page, low["tones"])
    both = page.evaluate("window.signals")
    assert low["tones"] >= 1
    assert both["tones"] - low["tones"] > low["tones"]
    assert sum(both["vibrations"][-1]) > sum(low["vibrations"][-1])

    if not page.locator("[data-mute='15']").is_visible():
        state.click()
    page.locator("[data-mute='15']").click()
    expect(state).to_have_text(re.compile(r"Im đến \d\d:\d\d"))
    expect(page.locator(card(page, raise_incident(site, "cam_am_3")))).to_be_visible()
    assert page.evaluate("window.signals.tones") == both["tones"]
    assert len(page.evaluate("window.signals.vibrations")) == len(both["vibrations"])

    page.evaluate("window.asleep = 16 * 60_000")
    expect(page.locator(card(page, raise_incident(site, "cam_am_4")))).to_be_visible()
    more_tones(page, both["tones"])


def test_quiet_until_the_shift_ends_says_when_and_can_be_ended(site: Site, sign_in: SignIn) -> None:
    page = wall(sign_in(site.officer, fresh=True))
    state = page.locator("#alarm-state")
    state.click()
    page.locator("[data-mute='shift']").click()
    expect(state).to_have_text(re.compile(r"Im đến (06|14|22):00"))
    page.reload()
    expect(state).to_have_text(re.compile(r"Im đến (06|14|22):00"))
    page.keyboard.press("m")
    expect(state).not_to_have_text(re.compile("Im đến"))


def test_after_the_phone_slept_nothing_is_missing_and_nothing_leaves_the_wall(site: Site, sign_in: SignIn) -> None:
    page = wall(sign_in(site.officer, fresh=True), SLEEP)
    before = raise_incident(site, "cam_truoc_khi_ngu")
    expect(page.locator(card(page, before))).to_be_visible()
    # The connection dies without a word, as in a phone's pocket; then an hour has passed.
    page.context.set_offline(True)
    missed = [raise_incident(site, f"cam_khi_ngu_{number}") for number in range(3)]
    page.context.set_offline(False)
    page.evaluate("window.asleep = 3_600_000; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#link-state")).to_have_attribute("data-state", "connected")
    for incident_id in (before, *missed):
        expect(page.locator(card(page, incident_id))).to_be_visible()


def test_the_connection_stays_in_sight_while_one_scrolls(site: Site, sign_in: SignIn) -> None:
    page = wall(sign_in(site.officer, width=390))
    page.evaluate("scrollTo(0, 900)")
    box = page.locator("#link-state").bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 60


def test_officers_see_who_else_looks_at_an_incident(site: Site, sign_in: SignIn) -> None:
    incident_id = raise_incident(site, "cam_cung_xem")
    first, second = sign_in(site.officer), sign_in(site.second_officer)
    first.goto(f"/incidents/{incident_id}")
    expect(first.locator("#viewers")).to_be_hidden()
    second.goto(f"/incidents/{incident_id}")
    expect(second.locator("#viewers")).to_have_text(re.compile("can_bo đang xem"))
    expect(first.locator("#viewers")).to_have_text(re.compile("can_bo_2 đang xem"))
    second.goto("/live")
    expect(first.locator("#viewers")).to_be_hidden()


def test_zone_and_ways_lie_on_the_picture_and_can_be_taken_off_without_a_script(site: Site, sign_in: SignIn) -> None:
    incident_id = raise_incident(site, "cam_duong_di")
    page = sign_in(site.officer, javascript=False)
    page.goto(f"/incidents/{incident_id}")
    drawing, picture = page.locator(".scene-ways"), page.locator("#live-snapshot img")
    assert drawing.bounding_box() == picture.bounding_box()
    width, height, whole_height = (
        float(value)
        for value in page.locator("#live-snapshot").evaluate(
            "part => { const box = part.querySelector('svg').viewBox.baseVal, i = part.querySelector('img');"
            "return [box.width, box.height, i.naturalHeight]; }"
        )
    )
    assert height == whole_height
    corner = page.locator("polygon.zone").get_attribute("points")
    assert corner is not None
    x, y = (float(value) for value in corner.split(" ")[0].split(","))
    assert x == pytest.approx(0.1 * width, abs=1)
    assert y < 0.4 * height  # the bar of text below the picture does not count
    assert page.locator(".way").count() == 2
    expect(page.locator("polygon.zone title")).to_have_text("Lòng đường")
    page.locator(".scene-toggle").click()
    expect(drawing).to_be_hidden()


def test_a_printed_incident_is_one_sheet_without_buttons(site: Site, sign_in: SignIn) -> None:
    incident_id = raise_incident(site, "cam_in_phieu")
    page = sign_in(site.officer)
    page.goto(f"/incidents/{incident_id}")
    expect(page.locator("#live-snapshot img")).to_have_js_property("complete", True)
    pdf = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page[^s]", pdf)) == 1
    page.emulate_media(media="print")
    for part in ("#live-snapshot img", "#live-facts", "#live-timeline", ".signatures", ".print-head"):
        expect(page.locator(part)).to_be_visible()
    for part in ("header.top", "#live-actions", "#note", "#clips", "#live-grouping", ".scene-toggle"):
        expect(page.locator(part)).to_be_hidden()
