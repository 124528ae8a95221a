"""Two texts of a camera's file side by side, and what differs in words."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from contract.issues import format_path
from contract.yaml_tree import Path, YamlRefused, parse_yaml
from server.admin.rewriting import flow

_CONTEXT: Final = 3
_MAX_WORDS: Final = 60
"""Values longer than this are told by their length."""


@dataclass(frozen=True, slots=True)
class Side:
    """A line on one side; number 0: there is none."""

    number: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Two lines that stand beside each other. `look` is `same`, `changed`, `added`, `removed` or `gap`."""

    look: str
    old: Side
    new: Side


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that differs. `look` is `changed`, `added` or `removed`."""

    look: str
    path: str
    old: str
    new: str


def side_by_side(old: str, new: str) -> list[Row]:
    """The lines of both around what differs; `gap` stands for lines that are alike and left out."""
    olds, news = old.splitlines(), new.splitlines()
    rows: list[Row] = []
    end = 0
    for group in difflib.SequenceMatcher(None, olds, news, autojunk=False).get_grouped_opcodes(_CONTEXT):
        if group[0][1] > end:
            rows.append(Row("gap", Side(), Side()))
        end = group[-1][2]
        for tag, first, last, first_new, last_new in group:
            for index in range(max(last - first, last_new - first_new)):
                left = Side(first + index + 1, olds[first + index]) if first + index < last else Side()
                right = Side(first_new + index + 1, news[first_new + index]) if first_new + index < last_new else Side()
                look = "same" if tag == "equal" else "changed"
                rows.append(
                    Row(look if left.number and right.number else "removed" if left.number else "added", left, right)
                )
    if rows and end < len(olds):
        rows.append(Row("gap", Side(), Side()))
    return rows


def in_words(old: str, new: str) -> list[Difference] | None:
    """The values that differ; None where one of the texts is no YAML."""
    try:
        before, after = parse_yaml(old).data, parse_yaml(new).data
    except YamlRefused:
        return None
    return list(_differences(before, after, ()))


def _differences(old: Any, new: Any, path: Path) -> Iterator[Difference]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in (*old, *(key for key in new if key not in old)):
            if key not in new:
                yield Difference("removed", format_path((*path, key)), _short(old[key]), "")
            elif key not in old:
                yield Difference("added", format_path((*path, key)), "", _short(new[key]))
            else:
                yield from _differences(old[key], new[key], (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new) and _holds_mappings(old, new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _differences(before, after, (*path, index))
    else:
        yield Difference("changed", format_path(path), _short(old), _short(new))


def _holds_mappings(old: list[Any], new: list[Any]) -> bool:
    return all(isinstance(item, dict) for item in (*old, *new))


def _short(value: Any) -> str:
    text = flow(value)
    return text if len(text) <= _MAX_WORDS else text[: _MAX_WORDS - 1] + "…"
