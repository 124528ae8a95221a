"""The committed JSON Schemas agree with the code."""

from contract.json_schemas import SCHEMA_FOLDER, all_schemas


def test_committed_schemas_match_the_models() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in SCHEMA_FOLDER.glob("*.json")}
    assert committed == all_schemas(), "run: python -m contract.json_schemas"
