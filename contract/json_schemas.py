"""JSON Schemas of the contract, for editors and for clients in other languages.

`python -m contract.json_schemas` writes `contract/schemas/*.json`; a test fails when they disagree with the code.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from contract.camera_config import CameraConfig
from contract.event import CopyReport, Event, EventBatch, EventBatchResult, Heartbeat, HeartbeatResult
from contract.rules import RULES
from contract.site_config import SiteConfig

SCHEMA_FOLDER = Path(__file__).parent / "schemas"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


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


def all_schemas() -> dict[str, str]:
    """File name -> JSON text of every schema, as they are committed."""
    schemas = {
        "event-v1": event_schema(),
        "event-batch-v1": EventBatch.model_json_schema(),
        "event-batch-result-v1": EventBatchResult.model_json_schema(mode="serialization"),
        "heartbeat-v1": Heartbeat.model_json_schema(),
        "heartbeat-result-v1": HeartbeatResult.model_json_schema(mode="serialization"),
        "copy-report-v1": CopyReport.model_json_schema(),
        "camera": CameraConfig.model_json_schema(),
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
