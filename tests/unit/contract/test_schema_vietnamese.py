"""Whoever asks the editor what a key means is answered in Vietnamese."""

from __future__ import annotations

from typing import Any

from contract.schema_vietnamese import DESCRIPTIONS
from server.admin.schema import editor_schema


def descriptions(value: Any, *, in_names: bool = False) -> set[str]:
    """Every description of a schema; what is a name in it is none."""
    found: set[str] = set()
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "description" and not in_names and isinstance(item, str):
                found.add(item)
            else:
                found |= descriptions(
                    item, in_names=key in ("properties", "$defs", "patternProperties") and not in_names
                )
    elif isinstance(value, list):
        for item in value:
            found |= descriptions(item)
    return found


def test_every_description_of_the_schema_is_translated_and_no_other() -> None:
    english = descriptions(editor_schema("en"))
    shown_with_presets_only = {
        "Which one, where the preset has several rules of this kind.",
        "`false` takes the preset's rule away.",
    }
    assert english - DESCRIPTIONS.keys() == set()
    assert DESCRIPTIONS.keys() - english - shown_with_presets_only == set()


def test_the_vietnamese_schema_has_no_english_description() -> None:
    assert descriptions(editor_schema("vi")) & DESCRIPTIONS.keys() == set()
