"""Write docs/reference/configuration.md from the contract's models, so that no key lacks its description.

`make schemas` runs it; a test fails when the page and the models disagree.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contract.camera_config import CameraConfig
from contract.rules import RULES
from contract.site_config import SiteConfig

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "configuration.md"

OF_THE_SCENE = {"zones", "objects"}
"""Keys of rules about what a camera sees, not of those about the camera itself."""

INTRODUCTION = """\
# Configuration reference

*Written from the models in `contract/` by `make schemas`; change the docstrings there.*

`CONFIG_DIR` holds `site.yaml` and one file for each camera in `cameras/`. Check it with
`langan-edge validate CONFIG_DIR`: it prints every mistake as `file:line: path: what is wrong: remedy`.

- Coordinates are normalised: `[x, y]` in [0, 1], origin top left. Durations end in `_s`, lengths in `_m`.
- `{LANGAN_...}` inside an input's `path` or a signal's `url` is replaced from the environment or the secrets file
  (`--env-file`). A user name or password written into the file is refused.
- YAML 1.2: `22:00` and `no` are strings. Aliases, tags, duplicate keys and unknown keys are refused.
- A camera file has at most 64 kB, `site.yaml` 1 MB: a province of 150 communes and 2,000 villages is 350 kB,
  read in seconds.
- A schedule is a name from `schedules:` in site.yaml, or a list of `HH:MM-HH:MM` ranges that hold every day.
  A range whose end lies before its start runs over midnight.
"""


def page() -> str:
    """The whole page as Markdown."""
    parts = [INTRODUCTION, "\n## site.yaml\n", *_model(SiteConfig.model_json_schema(), "")]
    schema = CameraConfig.model_json_schema()
    parts += ["\n## cameras/ID.yaml\n", *_model(schema, "")]
    for kind, contract in RULES.items():
        rule = contract.params.model_json_schema()
        if contract.about_camera:  # `validate` refuses them there
            rule["properties"] = {key: field for key, field in rule["properties"].items() if key not in OF_THE_SCENE}
        parts += [f"\n### Rule `{kind}`\n", f"See [docs/rules/{kind}.md](../rules/{kind}.md).\n", *_table(rule, rule)]
        parts += _nested(rule, rule)
    return "\n".join(parts).rstrip() + "\n"


def _model(schema: dict[str, Any], prefix: str) -> list[str]:
    return [*_table(schema, schema), *_nested(schema, schema, prefix)]


def _nested(root: dict[str, Any], model: dict[str, Any], prefix: str = "") -> list[str]:
    parts: list[str] = []
    for name, field in model.get("properties", {}).items():
        if name == "rules":
            continue
        for kind, inner in _kinds(root, field).items():
            shown = f"{prefix}{name}"
            title = f"`{shown}`" + (f" with `kind: {kind}`" if kind else "")
            parts += [f"\n### {title}\n", _text(inner), "", *_table(root, inner), *_nested(root, inner, f"{shown}.")]
    return parts


def _kinds(root: dict[str, Any], field: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The models behind a field by their `kind`; one without a kind stands under an empty name."""
    for holder in (field.get("additionalProperties"), *field.get("patternProperties", {}).values()):
        if isinstance(holder, dict) and "discriminator" in holder:
            mapping = holder["discriminator"]["mapping"]
            return {kind: root["$defs"][reference.rsplit("/", 1)[-1]] for kind, reference in mapping.items()}
    inner = _inner_model(root, field)
    return {} if inner is None else {"": inner}


def _inner_model(root: dict[str, Any], field: dict[str, Any]) -> dict[str, Any] | None:
    """The model behind a field: itself, an item of a list, a value of a mapping, or one side of `or null`."""
    if "$ref" in field:
        target = root["$defs"][field["$ref"].rsplit("/", 1)[-1]]
        return target if "properties" in target else None
    candidates = [field.get("items"), field.get("additionalProperties"), *field.get("anyOf", [])]
    candidates += list(field.get("patternProperties", {}).values())
    for candidate in candidates:
        if isinstance(candidate, dict):
            found = _inner_model(root, candidate)
            if found is not None:
                return found
    return None


def _table(root: dict[str, Any], model: dict[str, Any]) -> list[str]:
    rows = ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    required = set(model.get("required", []))
    for name, field in model.get("properties", {}).items():
        default = "required" if name in required else f"`{_default(field.get('default'))}`"
        meaning = _text(field) or _text(_inner_model(root, field) or {})
        rows.append(f"| `{name}` | {_type(root, field)} | {default} | {meaning} |")
    return [*rows, ""]


def _default(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_default(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_default(item) for item in value) + "]"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _type(root: dict[str, Any], field: dict[str, Any]) -> str:
    if "$ref" in field:
        field = root["$defs"][field["$ref"].rsplit("/", 1)[-1]]
    if "properties" in field:
        return "mapping"
    if "anyOf" in field or "oneOf" in field:
        kinds = [_type(root, item) for item in field.get("anyOf", field.get("oneOf", []))]
        return " or ".join(dict.fromkeys(kinds))
    if "const" in field or "enum" in field:
        return ", ".join(f"`{item}`" for item in field.get("enum", [field.get("const")]))
    if "prefixItems" in field:
        return f"[{', '.join(_type(root, item) for item in field['prefixItems'])}]"
    if field.get("type") == "array":
        return f"list of {_type(root, field['items'])}" if field.get("items") else "list"
    return _limits(field)


def _limits(field: dict[str, Any]) -> str:
    words = {"string": "text", "number": "number", "integer": "whole number", "boolean": "true or false"}
    word = words.get(str(field.get("type")), "mapping" if field.get("type") == "object" else "null")
    signs = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}
    limits = [f"{sign} {field[key]:g}" for key, sign in signs.items() if key in field]
    return f"{word} {' and '.join(limits)}".strip()


def _text(item: dict[str, Any]) -> str:
    return " ".join(str(item.get("description", "")).split()).replace("|", "\\|")


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
