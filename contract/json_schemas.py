"""JSON Schemas of the contract, for editors and for clients in other languages.

`python -m contract.json_schemas` writes `contract/schemas/*.json`; a test fails when they disagree with the code.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contract.camera_config import CameraConfig
from contract.device_api import (
    CameraConfigs,
    Enrolment,
    EnrolmentResult,
    ErrorAnswer,
    LookWishes,
    RunningConfigs,
    WhatIfReport,
    WhatIfTask,
)
from contract.event import CopyReport, Event, EventBatch, EventBatchResult, Heartbeat, HeartbeatResult
from contract.rules import RULES
from contract.site_config import SiteConfig

SCHEMA_FOLDER = Path(__file__).parent / "schemas"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REMOVABLE = ("zones", "lines", "signals")
"""A preset's entries of these may be changed in part, or taken away with `null`: see `contract.presets`."""
_RULE_SWITCHES = {
    "name": {"type": "string", "description": "Which one, where the preset has several rules of this kind."},
    "enabled": {"type": "boolean", "description": "`false` takes the preset's rule away."},
}


def event_schema() -> dict[str, Any]:
    """Schema of Event v1; `facts` depends on `kind`."""
    schema = Event.model_json_schema(mode="serialization")
    schema["properties"]["kind"] = {"enum": list(RULES), "title": "Kind", "type": "string"}
    schema["properties"]["facts"] = {"title": "Facts", "type": "object"}
    schema["allOf"] = []
    for kind, contract in RULES.items():
        facts = contract.facts.model_json_schema(mode="serialization")
        schema["$defs"].update(facts.pop("$defs", {}))
        schema["$defs"][contract.facts.__name__] = facts
        schema["allOf"].append(
            {
                "if": {"properties": {"kind": {"const": kind}}},
                "then": {"properties": {"facts": {"$ref": f"#/$defs/{contract.facts.__name__}"}}},
            }
        )
    schema["$defs"].pop("RuleFacts", None)
    return schema


def camera_schema() -> dict[str, Any]:
    """Schema of a camera file; with `preset:` an entry of its zones, lines, signals and rules may say a part only.

    What the parts make together with the preset is checked by `langan-edge validate`; a schema sees one file.
    """
    schema = CameraConfig.model_json_schema()
    definitions, properties = schema["$defs"], schema["properties"]
    whole = {key: {"type": properties[key].pop("type")} for key in (*_REMOVABLE, "rules")}
    part = copy.deepcopy(whole)
    for key in _REMOVABLE:
        ((ids, entry),) = properties[key].pop("patternProperties").items()
        whole[key] |= {"patternProperties": {ids: entry}, "additionalProperties": False}
        changes = [_add_change(definitions, reference, required=()) for reference in _references(entry)]
        change = {"anyOf": [*changes, {"type": "null"}]}
        part[key] |= {"patternProperties": {ids: change}, "additionalProperties": False}
    entry = whole["rules"]["items"] = properties["rules"].pop("items")
    changes = [
        _add_change(definitions, reference, required=("kind",), extra=_RULE_SWITCHES)
        for reference in _references(entry)
    ]
    part["rules"]["items"] = {"oneOf": changes}
    schema["if"] = {"properties": {"preset": {"type": "string"}}, "required": ["preset"]}
    schema["then"], schema["else"] = {"properties": part}, {"properties": whole}
    return schema


def _references(entry: dict[str, Any]) -> list[str]:
    return [choice["$ref"] for choice in entry.get("oneOf", [entry])]


def _add_change(
    definitions: dict[str, Any], reference: str, required: tuple[str, ...], extra: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Define what a preset's entry may be changed by: the same keys, few of them needed."""
    name = reference.rpartition("/")[2]
    change = copy.deepcopy(definitions[name])
    change["required"] = list(required)
    change["properties"] = {**(extra or {}), **change["properties"]}
    change["title"] += "Change"
    definitions[f"{name}Change"] = change
    return {"$ref": f"{reference}Change"}


def all_schemas() -> dict[str, str]:
    """File name -> JSON text of every schema, as they are committed."""
    schemas = {
        "event-v1": event_schema(),
        "event-batch-v1": EventBatch.model_json_schema(),
        "event-batch-result-v1": EventBatchResult.model_json_schema(mode="serialization"),
        "heartbeat-v1": Heartbeat.model_json_schema(),
        "heartbeat-result-v1": HeartbeatResult.model_json_schema(mode="serialization"),
        "copy-report-v1": CopyReport.model_json_schema(),
        "enrolment-v1": Enrolment.model_json_schema(),
        "enrolment-result-v1": EnrolmentResult.model_json_schema(mode="serialization"),
        "camera-configs-v1": CameraConfigs.model_json_schema(mode="serialization"),
        "look-wishes-v1": LookWishes.model_json_schema(mode="serialization"),
        "running-configs-v1": RunningConfigs.model_json_schema(),
        "what-if-task-v1": WhatIfTask.model_json_schema(mode="serialization"),
        "what-if-report-v1": WhatIfReport.model_json_schema(),
        "error-v1": ErrorAnswer.model_json_schema(mode="serialization"),
        "camera": camera_schema(),
        "site": SiteConfig.model_json_schema(),
    }
    return {
        f"{name}.schema.json": json.dumps({"$schema": _DIALECT, **schema}, ensure_ascii=False, indent=2, sort_keys=True)
        + "\n"
        for name, schema in schemas.items()
    }


def write_schemas() -> None:
    """Write every schema into `contract/schemas`."""
    SCHEMA_FOLDER.mkdir(exist_ok=True)
    for name, text in all_schemas().items():
        (SCHEMA_FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_schemas()
