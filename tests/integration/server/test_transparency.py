"""What anybody may know of the cameras, and what nobody learns from it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from server.cameras import service as cameras
from server.domain.access import PUBLIC_KINDS
from server.places import service as places
from server.residents.transparency import measured, sign_check
from tests.integration.server.test_silence_threats import TAMPERED
from tests.support.village import SITE, Village, event

ROOT = Path(__file__).parents[3]
CAMERA = """\
camera: {id: cong-cho, name: Cổng chợ, village: village-a, purpose: Giữ trật tự lòng đường trước chợ}
inputs: [{path: "rtsp://10.0.0.9/live"}]
zones: {long_duong: {name: Lòng đường, coordinates: [[0.1, 0.4], [0.9, 0.4], [0.9, 0.9], [0.1, 0.9]]}}
rules: [{kind: crowding, zones: [long_duong]}]
"""
CONTACT = "Công an xã Nhơn Lộc, 0256 000 000"


def configured(village: Village, text: str = CAMERA) -> None:
    site = SITE.replace(
        "name: Xã Nhơn Lộc, parent: gia-lai}", f"name: Xã Nhơn Lộc, parent: gia-lai, contact: '{CONTACT}'}}"
    )
    with village.parts.database.write() as session:
        places.sync(session, village.clock, site, "site.yaml")
        cameras.create_camera(session, village.clock, village.principal("admin"), "box-a", text)


def address(village: Village, camera_id: str = "cong-cho") -> str:
    check = sign_check(village.parts.settings.secret_key.get_secret_value(), camera_id)
    return f"/sign/{camera_id}/{check}"


def test_residents_read_what_each_camera_is_for(village: Village) -> None:
    configured(village)
    page = village.browser("resident_a").get("/transparency").get_data(as_text=True)
    for words in ("Cổng chợ", "Giữ trật tự lòng đường trước chợ", "Tụ tập đông người", CONTACT, "Không đọc."):
        assert words in page
    assert "10.0.0.9" not in page
    assert "box-a" not in page
    assert "Cổng chợ" not in village.browser("resident_b").get("/transparency").get_data(as_text=True)


def test_who_stands_before_a_sign_reads_without_signing_in(village: Village) -> None:
    configured(village)
    stranger = village.browser(None)
    answer = stranger.get(address(village))
    assert answer.status_code == 200
    page = answer.get_data(as_text=True)
    assert "Giữ trật tự lòng đường trước chợ" in page
    assert CONTACT in page
    assert "10.0.0.9" not in page
    wrong = address(village)[:-1] + ("0" if address(village)[-1] != "0" else "1")
    assert stranger.get(wrong).status_code == 404
    assert stranger.get(address(village, "nothing-here")).status_code == 404


def test_a_camera_that_is_out_of_use_has_no_sign(village: Village) -> None:
    configured(village, CAMERA.replace("village: village-a", "enabled: false, village: village-a"))
    assert village.browser(None).get(address(village)).status_code == 404
    assert village.browser("officer_a").get("/cameras/cong-cho/sign").status_code == 404


def test_the_printed_sign_leads_to_its_page(village: Village) -> None:
    configured(village)
    page = village.browser("officer_a").get("/cameras/cong-cho/sign").get_data(as_text=True)
    found = re.search(r"https?://[^\s<\"]+/sign/cong-cho/\w+", page)
    assert found is not None
    assert village.browser(None).get("/" + found[0].split("/", 3)[3]).status_code == 200
    assert 'src="data:image/svg+xml' in page
    assert village.browser("officer_b").get("/cameras/cong-cho/sign").status_code == 404
    assert village.browser("resident_a").get("/cameras/cong-cho/sign").status_code == 403


def test_numbers_count_what_residents_see(village: Village) -> None:
    for hour in range(3):
        village.post([event(hour * 900.0, spot=f"spot-{hour}")])
    village.post([event(camera="cam-2") | TAMPERED])
    village.post([event(village="village-b")], "box-b")
    page = village.browser("resident_a").get("/log/numbers").get_data(as_text=True)
    assert "Tháng 3/2026" in page
    cells = re.findall(r'<td class="number"[^>]*>([^<]*)</td>', page)
    assert cells[:2] == ["3", "0 (0 %)"]


def test_the_accuracy_that_is_told_is_the_one_that_was_measured() -> None:
    """`accuracy.json` holds what docs/accuracy.md says; kinds that were not measured are left out of both."""
    text = (ROOT / "docs/accuracy.md").read_text(encoding="utf-8")
    people = re.findall(r"^\| `(\w+)` \| [^|]*\| \d+ \| (\d+), (\d+), (\d+) \|", text, re.MULTILINE)
    traffic = re.findall(r"^\| `(\w+)`[^|]*\| (\d+) \| (\d+) \| (\d+)[^|]*\| [\d.]+ \(", text, re.MULTILINE)
    told = {kind: [int(count) for count in counts] for kind, *counts in (*people, *traffic)}
    assert told.keys() <= set(PUBLIC_KINDS)
    assert json.loads((ROOT / "server/residents/accuracy.json").read_text(encoding="utf-8")) == told
    assert measured().keys() == told.keys()
