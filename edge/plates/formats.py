"""Which texts are Vietnamese number plates.

    car        30A-123.45   30A-1234    80NG-123.45      one line, or two: 30A / 123.45
    motorbike  59-X1 123.45   59-X1 1234                 two lines: 59-X1 / 123.45

Letters and digits that look alike are put right by their place; each costs confidence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ruamel.yaml import YAML

ALPHABET = "0123456789ABCDEFGHKLMNPSTUVXYZ"
"""Digits and the letters of series and of kinds; I, J, O, Q, R and W are not used for them."""
FIX_COST = 0.9
"""A letter that was put right makes the text surer by none, and less sure by this factor."""
_AS_DIGIT = {"D": "0", "L": "1", "Z": "2", "A": "4", "S": "5", "G": "6", "T": "7", "B": "8"}
_AS_LETTER = {"0": "D", "2": "Z", "4": "A", "5": "S", "6": "G", "7": "T", "8": "B"}
_KINDS = frozenset({"LD", "KT", "NG", "NN", "CV", "HC", "TD"})
"""Two letters on cars: joint ventures, army companies, diplomats, foreigners, trials."""


@dataclass(frozen=True, slots=True)
class Plate:
    """A text that can be a plate."""

    text: str
    factor: float
    """What its letters' confidence is to be multiplied with."""


def parse_plate(lines: Sequence[str]) -> Plate | None:
    """Make a plate of one line of text or two; None: it cannot be one."""
    parts = [re.sub(r"[^A-Z0-9]", "", line.upper().replace("Đ", "D")) for line in lines]
    if len(parts) == 2:
        return _best([_motorbike(parts[0], parts[1]), _car(parts[0], parts[1])])
    if len(parts) != 1:
        return None
    # A car's number has 4 or 5 digits: what stands before them is the series.
    return _best([_car(parts[0][:-count], parts[0][-count:]) for count in (5, 4) if len(parts[0]) > count])


def _best(plates: Sequence[Plate | None]) -> Plate | None:
    return max((plate for plate in plates if plate is not None), key=lambda plate: plate.factor, default=None)


def _motorbike(top: str, bottom: str) -> Plate | None:
    if len(top) != 4:
        return None
    return _join(
        (top[:2], "digit"),
        (top[2], "letter"),
        (top[3], "any"),
        (bottom, "digit"),
        shape="{0}-{1}{2} {3}",
        raw=top + bottom,
    )


def _car(series: str, number: str) -> Plate | None:
    kind = series[2:]
    if len(kind) == 2 and kind not in _KINDS:
        return None
    if len(kind) not in {1, 2}:
        return None
    return _join((series[:2], "digit"), (kind, "letter"), (number, "digit"), shape="{0}{1}-{2}", raw=series + number)


def _join(*fields: tuple[str, str], shape: str, raw: str) -> Plate | None:
    """Put fields right and together; the last is the number."""
    right = []
    for text, kind in fields:
        table = {"digit": _AS_DIGIT, "letter": _AS_LETTER}.get(kind, {})
        is_right = {"digit": str.isdigit, "letter": str.isalpha}.get(kind, str.isalnum)
        fixed = "".join(char if is_right(char) else table.get(char, "") for char in text)
        if len(fixed) != len(text):
            return None
        right.append(fixed)
    number = right[-1]
    if int(right[0]) not in province_codes() or len(number) not in {4, 5}:
        return None
    changed = sum(a != b for a, b in zip(raw, "".join(right), strict=True))
    right[-1] = number if len(number) == 4 else f"{number[:3]}.{number[3:]}"
    return Plate(shape.format(*right), FIX_COST**changed)


@cache
def province_codes() -> frozenset[int]:
    """The codes that plates may begin with: `plate_codes.yaml`."""
    path = Path(__file__).with_name("plate_codes.yaml")
    document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return frozenset(code for codes in document["codes"].values() for code in codes)
