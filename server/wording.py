"""What a rule saw, in words: "12 người, trong 85 giây". Units come from the facts' own suffixes.

Every fact `<fact>` of a kind has a label `fact.<kind>.<fact>`, and every kind a sentence `summary.<kind>` that may use
each of its facts, already written with their units.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from server import i18n

_UNITS = (
    ("_kmh", "unit.kmh"),
    ("per_m2", "unit.per_m2"),
    ("_m2", "unit.m2"),
    ("_m", "unit.m"),
    ("_deg", "unit.deg"),
    ("_boxes", "unit.boxes"),
)

_WORDS = {"object_class": "object", "tampering": "tampering", "crossed_on": "signal", "ended_by": "ended_by"}
"""Facts whose values are words of ours."""

_ONE_OF = {"blocked_shares": "blocked_share", "object_box": "object_share"}
"""How one value of a list is told."""


def fact_value(name: str, value: object) -> str:
    """One fact with its unit, in the request's language."""
    if isinstance(value, bool):
        return i18n.gettext("word.yes" if value else "word.no")
    if isinstance(value, list | tuple):
        return " · ".join(fact_value(_ONE_OF.get(name, name), item) for item in value)
    if name in _WORDS:
        return i18n.gettext(f"{_WORDS[name]}.{value}")
    if name.endswith("_at"):
        return i18n.format_time(datetime.fromisoformat(str(value)))
    return _measured(name, value) if isinstance(value, int | float) else str(value)


def _measured(name: str, value: float) -> str:
    if name.endswith("_s"):
        return i18n.format_duration(value)
    if name.endswith("_share"):
        return i18n.gettext("unit.percent", value=i18n.number(100 * value, 0))
    unit = next((msgid for suffix, msgid in _UNITS if name.endswith(suffix)), None)
    text = i18n.number(value, 0 if unit == "unit.deg" else 1)
    return i18n.gettext(unit, value=text) if unit else text


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
    unknown = i18n.gettext("word.unknown")
    words = {name: unknown if value is None else fact_value(name, value) for name, value in facts.items()}
    for name in _WORDS.keys() & words.keys():
        words[name] = words[name].lower()
    sentence = i18n.gettext(f"summary.{kind}", **words)
    return sentence[:1].upper() + sentence[1:]
