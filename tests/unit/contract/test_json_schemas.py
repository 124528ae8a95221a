"""The committed JSON Schemas agree with the code."""

from contract.json_schemas import SCHEMA_FOLDER, all_schemas
from tools import write_settings_reference as settings_reference
from tools.write_configuration_reference import PAGE, page


def test_committed_schemas_match_the_models() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in SCHEMA_FOLDER.glob("*.json")}
    assert committed == all_schemas(), "run: python -m contract.json_schemas"


def test_the_configuration_reference_matches_the_models_and_describes_every_key() -> None:
    assert page() == PAGE.read_text(encoding="utf-8"), "run: make schemas"
    undescribed = [line for line in page().splitlines() if line.startswith("| `") and line.endswith("|  |")]
    assert undescribed == []


def test_the_settings_reference_matches_the_code() -> None:
    assert settings_reference.page() == settings_reference.PAGE.read_text(encoding="utf-8"), "run: make schemas"
