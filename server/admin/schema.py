"""The camera file's JSON Schema as the editor needs it: one language, and without what only validators read."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

from contract.json_schemas import camera_schema
from contract.rules.base import Language
from contract.schema_vietnamese import DESCRIPTIONS

_NEEDLESS = frozenset({"title", "additionalProperties", "pattern"})


@cache
def editor_schema(language: Language) -> dict[str, Any]:
    """The schema of a file without a preset; every entry's keys stand in it whole.

    Args:
        language: Of the descriptions; one that is not translated stays English.
    """
    schema = copy.deepcopy(camera_schema())
    whole = schema.pop("else")["properties"]
    schema.pop("if")
    schema.pop("then")
    for key, value in whole.items():
        schema["properties"][key] = {**schema["properties"][key], **value}
    definitions = schema["$defs"]
    schema["$defs"] = {name: value for name, value in definitions.items() if not name.endswith("Change")}
    slim: dict[str, Any] = _slim(schema, language, in_names=False)
    return slim


def _slim(value: Any, language: Language, *, in_names: bool) -> Any:
    """Leave out what the editor does not read.

    Args:
        value: Of the schema.
        language: Of descriptions.
        in_names: The keys of this mapping are names of the file's, not words of JSON Schema.
    """
    if isinstance(value, list):
        return [_slim(item, language, in_names=False) for item in value]
    if not isinstance(value, dict):
        return value
    slim = {}
    for key, item in value.items():
        if in_names:
            slim[key] = _slim(item, language, in_names=False)
        elif key == "description" and isinstance(item, str):
            words = " ".join(item.split())
            if not words.startswith("Defaults: "):  # where programmers find them
                slim[key] = DESCRIPTIONS.get(words, words) if language == "vi" else words
        elif key not in _NEEDLESS:
            slim[key] = _slim(item, language, in_names=key in ("properties", "$defs", "patternProperties"))
    return slim
