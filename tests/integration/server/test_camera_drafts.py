"""What the camera editor's script asks: every change that drawing makes, refusals in validation's words, scope."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from contract.yaml_tree import parse_yaml
from tests.support.forms import csrf
from tests.support.village import Village

ROOT = Path(__file__).parents[3]
CAMERA = """\
# Đầu tệp / the head
camera: {id: cam-village-a, name: Cổng, village: village-a}
inputs:
  - path: rtsp://192.0.2.1/none # luồng phụ
zones:
  duong: # lòng đường
    name: Lòng đường
    kind: carriageway
    coordinates: [[0.1, 0.4], [0.9, 0.4], [0.9, 0.95], [0.1, 0.95]] # bốn góc
  san: {name: Sân, coordinates: [[0, 0], [0.1, 0], [0.1, 0.1]]}
rules:
  - {kind: crowding, zones: [duong]} # đông
"""
SQUARE = [[0.2, 0.2], [0.4, 0.2], [0.4, 0.4], [0.2, 0.4]]
BOW_TIE = [[0.2, 0.2], [0.4, 0.4], [0.4, 0.2], [0.2, 0.4]]


class Editor:
    """An admin's browser with the editor's script in it."""

    def __init__(self, village: Village, user: str = "admin") -> None:
        self.browser: FlaskClient = village.browser(user)
        self._headers = {"X-CSRF-Token": csrf(village, self.browser), "Accept": "application/json"}

    def ask(self, what: str, status: int = 200, **body: Any) -> dict[str, Any]:
        answer = self.browser.post(f"/admin/editor/{what}", json={"camera": None, **body}, headers=self._headers)
        assert answer.status_code == status, answer.get_data(as_text=True)
        given: dict[str, Any] = answer.get_json()
        return given

    def change(self, text: str, *changes: tuple[list[str | int], Any], status: int = 200) -> dict[str, Any]:
        body = [{"path": path, "value": value} for path, value in changes]
        return self.ask("change", status, text=text, changes=body)


@pytest.fixture
def editor(village: Village) -> Editor:
    return Editor(village)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["zones", "duong", "coordinates"], SQUARE),
        (["zones", "duong", "name"], "Đường: chợ #1"),
        (["zones", "duong", "kind"], "area"),
        (["zones", "san", "direction"], [[0, 0], [0.1, 0.1]]),
        (["zones", "moi"], {"name": "Mới", "kind": "lane", "coordinates": SQUARE}),
        (["zones", "san"], None),
        (["lines", "vach"], {"name": "Vạch", "kind": "stop_line", "coordinates": [[0, 0.5], [1, 0.5]]}),
        (["signals", "den"], {"kind": "lamp", "box": [0.1, 0.1, 0.2, 0.3]}),
        (["privacy", "masks", 0], SQUARE),
        (["motion", "mask", 0], SQUARE),
        (["calibration"], {"image": SQUARE, "ground_m": [[0, 0], [5, 0], [5, 5], [0, 5]]}),
        (["rules", 1], {"kind": "intrusion", "zones": ["san"]}),
    ],
)
def test_a_change_is_made_in_the_text_and_nowhere_else(editor: Editor, path: list[str | int], value: Any) -> None:
    given = editor.change(CAMERA, (path, value))
    data: Any = parse_yaml(given["text"]).data
    for step in path[:-1]:
        data = data[step]
    assert path[-1] not in data if value is None else data[path[-1]] == value
    assert given["problems"] == []
    for comment in ("# Đầu tệp / the head", "# luồng phụ", "# lòng đường", "# bốn góc", "# đông"):
        assert comment in given["text"]
    before, after = CAMERA.splitlines(), given["text"].splitlines()
    assert len([line for line in before if line not in after]) <= 1  # the line of the value itself


def test_two_values_change_together(editor: Editor) -> None:
    metres = [[0, 0], [5, 0], [5, 5], [0, 5]]
    given = editor.change(CAMERA, (["calibration", "image"], SQUARE), (["calibration", "ground_m"], metres))
    assert parse_yaml(given["text"]).data["calibration"] == {"image": SQUARE, "ground_m": metres}


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (["zones", "duong", "coordinates"], BOW_TIE, "cắt nhau"),
        (["zones", "duong"], None, "duong"),
        (["zones", "moi"], {"name": "Mới", "coordinates": SQUARE[:2]}, "zones.moi.coordinates"),
        (["zones", "duong", "kind"], "river", "river"),
        (["zones", "duong", "coordinates", 0], [1.2, 0], "1.2"),
    ],
)
def test_what_would_be_wrong_is_refused_in_the_words_of_saving(
    editor: Editor, path: list[str | int], value: Any, words: str
) -> None:
    refused = editor.change(CAMERA, (path, value), status=422)
    assert words in str(refused["problems"])
    assert all(problem["remedy"] for problem in refused["problems"])


def test_a_text_that_is_wrong_elsewhere_can_still_be_drawn_in(editor: Editor) -> None:
    wrong = CAMERA.replace("zones: [duong]", "zones: [dong]")
    given = editor.change(wrong, (["zones", "moi"], {"name": "Mới", "coordinates": SQUARE}))
    assert [problem["path"] for problem in given["problems"]] == ["rules[0].zones[0]"]
    editor.change(wrong, (["zones", "moi"], {"name": "Mới", "coordinates": BOW_TIE}), status=422)
    editor.change("zones: [", (["zones", "moi"], {"name": "Mới", "coordinates": SQUARE}), status=422)


def test_a_presets_zones_are_listed_drawn_and_taken_away(editor: Editor) -> None:
    given = editor.change(CAMERA, (["preset"], "market_street"))
    assert given["text"].startswith("# Đầu tệp / the head\npreset: market_street\n")
    undrawn = [shape["path"][1] for shape in given["shapes"] if not shape["points"]]
    assert undrawn == ["long_duong", "lan_phai"]
    given = editor.change(given["text"], (["zones", "long_duong", "coordinates"], SQUARE))
    given = editor.change(given["text"], (["zones", "lan_phai"], None))
    assert parse_yaml(given["text"]).data["zones"]["lan_phai"] is None
    assert "lan_phai" not in [shape["path"][1] for shape in given["shapes"]]


def test_a_check_tells_problems_by_line_shapes_and_rules_in_the_readers_language(editor: Editor) -> None:
    wrong = CAMERA.replace("name: Sân,", "nam: Sân,")
    given = editor.ask("check", text=wrong)
    assert {problem["line"] for problem in given["problems"]} == {10}
    assert "zones.san.nam" in {problem["path"] for problem in given["problems"]}
    right = editor.ask("check", text=CAMERA)
    assert right["problems"] == []
    assert [(shape["shape"], shape["name"], shape["lines"]) for shape in right["shapes"]] == [
        ("zone", "Lòng đường", [6, 9]),
        ("zone", "Sân", [10, 10]),
    ]
    assert right["rules"] == [{"kind": "crowding", "zones": ["duong"]}]
    english = editor.browser.post(
        "/admin/editor/check?lang=en", json={"camera": None, "text": wrong}, headers=editor._headers
    ).get_json()
    assert "unknown key 'nam'" in str(english)
    assert "unknown key 'nam'" not in str(given)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": 1},
        {"text": CAMERA, "changes": []},
        {"text": CAMERA, "changes": [{"path": [], "value": 1}]},
        {"text": CAMERA, "changes": [{"path": ["camera", "village"], "value": "village-b"}]},
        {"text": CAMERA, "changes": [{"path": ["zones", "duong", -1], "value": 1}]},
        {"text": CAMERA, "changes": [{"path": ["privacy", "masks", 900], "value": SQUARE}]},
        {"text": CAMERA, "changes": [{"path": ["zones", "duong", "name", "x"], "value": 1}]},
        {
            "text": CAMERA,
            "changes": [{"path": ["zones", "a"], "value": {"name": "a", "coordinates": [[float("1e400"), 1]]}}],
        },
    ],
)
def test_a_body_that_is_none_is_refused(editor: Editor, body: dict[str, Any]) -> None:
    editor.ask("change", 422, **body)


def test_another_villages_camera_is_not_there(village: Village) -> None:
    editor = Editor(village, "admin_b")
    editor.ask("check", 404, text=CAMERA, camera="cam-village-a")


def test_the_schema_is_small_and_speaks_the_readers_language(editor: Editor) -> None:
    answers = {lang: editor.browser.get(f"/admin/editor/schema.json?lang={lang}") for lang in ("vi", "en")}
    english = answers["en"].get_json()
    assert set(english["$defs"]["IntrusionParams"]["properties"]) >= {"kind", "zones", "min_duration_s", "schedule"}
    assert not any(name.endswith("Change") for name in english["$defs"])
    assert english["properties"]["zones"]["patternProperties"]
    assert answers["vi"].get_data() != answers["en"].get_data()
    again = editor.browser.get(
        "/admin/editor/schema.json?lang=en", headers={"If-None-Match": answers["en"].headers["ETag"]}
    )
    assert again.status_code == 304
