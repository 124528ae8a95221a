"""The committed JSON Schemas agree with the code."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from contract.json_schemas import SCHEMA_FOLDER, all_schemas
from contract.presets import preset_folder
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


CONFIGS = Path(__file__).resolve().parents[3] / "configs"
CAMERA = Draft202012Validator(json.loads((SCHEMA_FOLDER / "camera.schema.json").read_text("utf-8")))
HEAD = """\
camera: {id: cam, name: Máy thử, village: trang-long}
inputs: [{path: clip.mp4}]
"""
PARTS = [
    "zones: {truoc_cong: {coordinates: [[0, 0], [1, 0], [1, 0.5]]}}",
    "zones: {san_truong: null}",
    "lines: {vach_dung: {coordinates: [[0.6, 0.6], [0.9, 0.6]]}}",
    "signals: {den: {every_s: 2}}",
    "rules: [{kind: intrusion, enabled: false}]",
    "rules: [{kind: illegal_parking, name: cho_den, max_stay_s: 90}]",
    "rules: [{kind: red_light, zones: [lan_vao]}]",
]


def schema_refuses(text: str) -> bool:
    data: Any = YAML(typ="safe", pure=True).load(text)
    return not CAMERA.is_valid(data)


def test_the_schema_of_camera_files_takes_every_one_of_ours() -> None:
    Draft202012Validator.check_schema(CAMERA.schema)
    files = sorted(CONFIGS.glob("**/cameras/*.yaml"))
    readme = (preset_folder() / "README.md").read_text("utf-8")
    example = readme.split("```yaml\n")[1].split("```")[0]
    texts = [example, *(file.read_text("utf-8") for file in files)]
    assert len(texts) > 2
    assert [text for text in texts if schema_refuses(text)] == []


@pytest.mark.parametrize("part", PARTS)
def test_only_with_a_preset_may_an_entry_say_a_part_of_it(part: str) -> None:
    assert not schema_refuses(f"preset: school_gate\n{HEAD}{part}\n")
    assert schema_refuses(f"{HEAD}{part}\n")
    assert schema_refuses(f"preset: null\n{HEAD}{part}\n")


@pytest.mark.parametrize("head", [HEAD, f"preset: school_gate\n{HEAD}"])
@pytest.mark.parametrize(
    "wrong",
    [
        "zones: {a: {name: A, coordinates: [[0, 0], [1, 0], [1, 1]], colour: red}}",
        "zones: {a: {name: A, coordinates: [[0, 0], [1, 0]]}}",
        "zones: [a]",
        "zones: {A b: {name: A, coordinates: [[0, 0], [1, 0], [1, 1]]}}",
        "rules: [{kind: dancing}]",
        "rules: [{max_stay_s: 90}]",
        "rules: [{kind: illegal_parking, max_stay_s: long}]",
        "rules: [{kind: illegal_parking, maximum_stay: 90}]",
        "sections: {}",
    ],
)
def test_what_no_camera_file_may_say_is_refused_with_and_without_a_preset(head: str, wrong: str) -> None:
    assert schema_refuses(f"{head}{wrong}\n")
