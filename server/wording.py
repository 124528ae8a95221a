"""What a rule saw, in words: "12 người, trong 85 giây". Units come from the facts' own suffixes.

Every fact `<fact>` of a kind has a label `fact.<kind>.<fact>`, and every kind a sentence `summary.<kind>` that may use
each of its facts, already written with their units.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server import i18n

_UNITS = (
    ("per_m2", "unit.per_m2"),
    ("_m2", "unit.m2"),
    ("_m", "unit.m"),
    ("_deg", "unit.deg"),
    ("_boxes", "unit.boxes"),
)


def fact_value(name: str, value: object) -> str:
    """One fact with its unit, in the request's language."""
    if isinstance(value, bool):
        return i18n.gettext("word.yes" if value else "word.no")
    if name == "object_class":
        return i18n.gettext(f"object.{value}")
    if isinstance(value, int | float):
        if name.endswith("_s"):
            return i18n.format_duration(value)
        unit = next((msgid for suffix, msgid in _UNITS if name.endswith(suffix)), None)
        text = i18n.number(value, 0 if unit == "unit.deg" else 1)
        return i18n.gettext(unit, value=text) if unit else text
    return str(value)


def fact_rows(kind: str, facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and value of every fact that is known, in the contract's order."""
    return [
        (i18n.gettext(f"fact.{kind}.{name}"), fact_value(name, value))
        for name, value in facts.items()
        if value is not None
    ]


def summary(kind: str, facts: Mapping[str, Any] | None) -> str:
    """The facts that matter most, as one sentence; empty while nothing is known."""
    if not facts:
        return ""
    words = {name: fact_value(name, value) for name, value in facts.items()}
    if "object_class" in words:
        words["object_class"] = words["object_class"].lower()
    sentence = i18n.gettext(f"summary.{kind}", **words)
    return sentence[:1].upper() + sentence[1:]
