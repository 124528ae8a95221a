"""What is wrong with a configuration is told in Vietnamese as fully as in English, and in our words only."""

from __future__ import annotations

import ast
import pickle
import re
import string
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import contract
from contract.config_loader import LoadResult, load_camera, load_site
from contract.messages import Text
from contract.vietnamese import VIETNAMESE
from contract.yaml_tree import YamlTree
from tests.unit.contract.test_config_loader import CAMERA, SITE, errors_of, only_error, site

ROOT = Path(contract.__file__).parents[1]
FOR_PROGRAMMERS = {"problem", "cause"}
"""Values that hold a library's or the system's English: a Vietnamese sentence leaves them out."""
FULL_CAMERA = (
    CAMERA
    + """\
detect: {fps: 5, model: default}
objects: {track: [person, car, motorcycle], filters: {person: {min_score: 0.4}}}
motion: {mask: [[[0, 0], [0.1, 0], [0.1, 0.1]]], threshold: 18}
privacy: {masks: [[[0, 0], [0.1, 0], [0.1, 0.1]]]}
calibration:
  image: [[0, 0], [1, 0], [1, 1], [0, 1]]
  ground_m: [[0, 0], [1, 0], [1, 1], [0, 1]]
lines: {vach: {name: Vạch dừng, coordinates: [[0, 0.5], [1, 0.5]], into: duong}}
signals: {den: {kind: plan, phases: [[red, 30], [green, 20]]}}
evidence: {pre_s: 5, snapshot: true}
"""
)
FULL_SITE = SITE + 'holidays: ["2026-02-17"]\nserver: {url: "https://langan.example"}\n'
WRONG: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**9,
    10**30,
    0.5,
    "",
    "x" * 2000,
    "Chợ\x07",
    "2026-13-40",
    [],
    [1],
    [[]],
    {},
    {"a": 1},
)


def templates() -> set[str]:
    found = set()
    for folder in ("contract", "edge", "server"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Text":
                    literal = node.args[0]
                    assert isinstance(literal, ast.Constant), f"{file}:{node.lineno}: a template must be a literal"
                    found.add(str(literal.value))
    return found


def values_of(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_every_message_has_its_vietnamese_and_none_is_left_over() -> None:
    assert templates() == VIETNAMESE.keys()


@pytest.mark.parametrize("template", sorted(VIETNAMESE))
def test_a_translation_says_the_same_values(template: str) -> None:
    assert values_of(VIETNAMESE[template]) == values_of(template) - FOR_PROGRAMMERS


def test_a_message_is_english_text_that_can_be_said_in_vietnamese() -> None:
    text = Text("add `zones:`; {choice}", choice=Text("use one of: {names}", names="a, b"))
    assert text == "add `zones:`; use one of: a, b"
    assert text.in_language("vi") == "hãy thêm `zones:`; hãy dùng một trong: a, b"


@pytest.mark.parametrize("again", [deepcopy, lambda text: pickle.loads(pickle.dumps(text))])  # noqa: S301 - our own
def test_a_copied_message_is_the_same_whatever_people_wrote(again: Callable[[Text], Text]) -> None:
    text = Text("unknown zone {zone!r}", zone="{cổng}")
    assert again(text) == text == "unknown zone '{cổng}'"
    assert again(text).in_language("vi") == "không có khu vực '{cổng}'"


def test_a_whole_line_is_told_in_vietnamese() -> None:
    error = only_error(CAMERA.replace("min_people: 12", "min_people: 1"))
    assert str(error) == "a.yaml:9: rules[0].min_people: 1 should be 2 or more: write a number in this range"
    assert (
        error.in_language("vi")
        == "a.yaml:9: rules[0].min_people: 1 phải từ 2 trở lên: hãy viết một số trong khoảng này"
    )


def places_in(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in children:
        yield (*path, key)
        yield from places_in(value, (*path, key))


def spoilt(text: str) -> Iterator[Any]:
    """The document with one value made wrong, with one key missing, with one key too many; everywhere."""
    whole = YAML(typ="safe", pure=True).load(text)
    for path in places_in(whole):
        for value in (*WRONG, "missing", "extra"):
            copy = deepcopy(whole)
            holder = copy
            for part in path[:-1]:
                holder = holder[part]
            if value == "missing":
                del holder[path[-1]]
            elif value != "extra":
                holder[path[-1]] = value
            elif isinstance(holder, dict):
                holder["vô danh"] = 1
            yield copy


@pytest.mark.parametrize("document", [FULL_CAMERA, FULL_SITE], ids=["camera", "site"])
def test_no_mistake_anywhere_is_told_in_the_words_of_a_library(document: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known_site, told = site(), 0
    for data in spoilt(document):
        # The parser has nothing to say here, and is what takes the time.
        monkeypatch.setattr("contract.config_loader.parse_yaml", lambda _text, data=data: YamlTree(data))
        result: LoadResult[Any] = (
            load_site("", "f.yaml") if document == FULL_SITE else load_camera("", "f.yaml", known_site)
        )
        for error in result.errors:
            told += 1
            assert {error.message.template, error.remedy.template} <= VIETNAMESE.keys()
            assert "is not allowed here (" not in error.message, error
            english = re.search(
                r"\b(should|must|valid|input|type|write|use)\b", error.in_language("vi").split(": ", 2)[2]
            )
            assert english is None, error.in_language("vi")
    assert told > 100


@pytest.mark.parametrize(
    ("text", "vietnamese"),
    [
        ("a:\n\tb: 1\n", "dấu tab"),
        ("a: b: c\n", "dấu hai chấm"),
        ("a: [1, 2\nb: 3\n", "danh sách chưa đóng"),
        ("a: {b: 1\nc: 2\n", "`}`"),
        ("a: 'x\n", "chưa đóng"),
        ("a: 1\n---\nb: 1\n", "tài liệu thứ hai"),
        ("a: \x00\n", "ký tự điều khiển"),
        ('a: "\\q"\n', "gạch chéo ngược"),
        ("a: @x\n", "ngoặc kép"),
        ("- a\nb: 1\n", "thụt vào"),
        ("  a: 1\n b: 2\n", "thụt vào"),
        ('a: "\\ud800"\n', "mã thoát"),
        ("%YAML 9.9\n---\na: 1\n", "sai cú pháp YAML"),
    ],
)
def test_a_slip_of_syntax_is_explained_in_vietnamese(text: str, vietnamese: str) -> None:
    assert vietnamese in only_error(text).message.in_language("vi")


def test_a_list_whose_item_is_wrong_is_told_once_at_the_item() -> None:
    error = only_error(CAMERA.replace("schedule: dem", "schedule: ['25:00-26:00']"))
    assert error.path == "rules[0].after_hours.schedule[0]"
    assert "'25:00-26:00' is not a time range" in error.message


def test_a_point_with_one_number_is_explained() -> None:
    error = only_error(CAMERA.replace("[0.1, 0.4],", "[0.1],"))
    assert (error.path, error.message) == ("zones.duong.coordinates[0]", "an entry is missing")


def test_points_that_do_not_pair_up_are_counted() -> None:
    text = (
        CAMERA
        + "calibration: {image: [[0, 0], [1, 0], [1, 1], [0, 1]], ground_m: [[0, 0], [1, 0], [1, 1], [0, 1], [2, 2]]}\n"
    )
    assert errors_of(text)[0].message == "image has 4 points and ground_m 5"
