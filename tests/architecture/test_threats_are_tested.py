"""Every row of docs/design/threats.md is kept by a test: one that carries its number, or one that it names."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ROW = re.compile(r"^\| (\d+) \|(.*)$", re.MULTILINE)
_TEST = re.compile(r"^\s*def (test_\w+)", re.MULTILINE)
_NUMBERS = re.compile(r"test_threats?_((?:\d\d_(?:and_)?)+)")
_NAMED = re.compile(r"`(test_\w+)`")


def names_of_tests() -> set[str]:
    files = (ROOT / "tests").rglob("test_*.py")
    return {name for path in files for name in _TEST.findall(path.read_text(encoding="utf-8"))}


def test_every_row_has_a_test() -> None:
    names = names_of_tests()
    numbered = {int(n) for name in names if (hit := _NUMBERS.match(name)) for n in re.findall(r"\d\d", hit[1])}
    rows = _ROW.findall((ROOT / "docs" / "design" / "threats.md").read_text(encoding="utf-8"))
    assert len(rows) > 25
    without = {number for number, words in rows if int(number) not in numbered and not _NAMED.findall(words)}
    assert without == set()


def test_every_named_test_exists() -> None:
    page = (ROOT / "docs" / "design" / "threats.md").read_text(encoding="utf-8")
    assert set(_NAMED.findall(page)) - names_of_tests() == set()


def test_every_numbered_test_has_its_row() -> None:
    page = (ROOT / "docs" / "design" / "threats.md").read_text(encoding="utf-8")
    rows = {int(number) for number, _ in _ROW.findall(page)}
    for name in names_of_tests():
        if hit := _NUMBERS.match(name):
            assert {int(n) for n in re.findall(r"\d\d", hit[1])} <= rows, name
