"""Two people's changes of one text in one: where they are about different lines, both hold."""

from __future__ import annotations

import difflib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Hunk:
    """Lines `first` to `last` of the common text become others."""

    first: int
    last: int
    lines: tuple[str, ...]


def merge(base: str, theirs: str, mine: str) -> str | None:
    """A text with both changes of `base`; None where both are about the same lines, or lines side by side."""
    lines = base.splitlines(keepends=True)
    hunks = sorted({*_hunks(lines, theirs), *_hunks(lines, mine)}, key=lambda hunk: (hunk.first, hunk.last))
    merged, place, touched = [], 0, -1
    for hunk in hunks:
        if hunk.first <= touched:
            return None
        merged += lines[place : hunk.first]
        merged += hunk.lines
        place, touched = hunk.last, hunk.last
    return "".join([*merged, *lines[place:]])


def _hunks(lines: list[str], other: str) -> list[_Hunk]:
    news = other.splitlines(keepends=True)
    matcher = difflib.SequenceMatcher(None, lines, news, autojunk=False)
    return [
        _Hunk(first, last, tuple(news[first_new:last_new]))
        for tag, first, last, first_new, last_new in matcher.get_opcodes()
        if tag != "equal"
    ]
