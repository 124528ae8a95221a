"""A camera file builds on a preset: what wins, what is taken away, and which file a mistake is told in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from contract.camera_config import CameraConfig
from contract.config_loader import load_camera, load_config_dir
from contract.issues import ConfigIssue
from contract.presets import preset_folder, preset_names

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
SITE = load_config_dir(CONFIGS).site
HEAD = """\
preset: {preset}
camera: {{id: cam, name: Máy thử, village: trang-long}}
inputs: [{{path: clip.mp4}}]
"""
GATE = (
    HEAD.format(preset="school_gate")
    + """\
zones:
  truoc_cong: {coordinates: [[0, 0], [1, 0], [1, 0.5]]}
  san_truong: {name: Sân sau, coordinates: [[0, 0.5], [1, 0.5], [1, 1]]}
"""
)


def load(text: str) -> CameraConfig:
    result = load_camera(text, "cam.yaml", SITE)
    assert result.errors == ()
    assert result.config is not None
    return result.config


def mistakes(text: str) -> tuple[ConfigIssue, ...]:
    return load_camera(text, "cam.yaml", SITE).errors


def line_of(file: str | Path, words: str) -> int:
    lines = Path(file).read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if words in line)


def test_there_is_a_preset_for_each_kind_of_place() -> None:
    wanted = {"school_gate", "market_street", "residential_lane", "junction_lights", "factory_gate", "village_square"}
    assert set(preset_names()) == wanted


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_needs_only_what_must_be_drawn(name: str) -> None:
    path = preset_folder() / f"{name}.yaml"
    preset: dict[str, Any] = YAML(typ="safe", pure=True).load(path)
    drawn: dict[str, Any] = {"zones": {}}
    for index, (zone, told) in enumerate(preset["zones"].items()):
        x = 0.3 * index
        drawn["zones"][zone] = {"coordinates": [[x, 0.1], [x + 0.2, 0.1], [x + 0.2, 0.9], [x, 0.9]]}
        if told.get("kind") == "lane":
            drawn["zones"][zone]["direction"] = [[x + 0.1, 0.2], [x + 0.1, 0.8]]
    drawn["signals"] = {"den": {"kind": "plan", "phases": [["red", 30], ["green", 30]]}}
    drawn["lines"] = {line: {"coordinates": [[0.25, 0.2], [0.25, 0.8]]} for line in preset.get("lines", {})}
    text = HEAD.format(preset=name) + "".join(f"{key}: {_flow(value)}\n" for key, value in drawn.items())
    config = load(text)
    assert {rule.kind for rule in config.rules} == {rule["kind"] for rule in preset["rules"]}
    assert len(config.rules) == len(preset["rules"])


def _flow(value: Any) -> str:
    import json

    return json.dumps(value)


def test_the_example_in_the_readme_is_valid() -> None:
    text = (preset_folder() / "README.md").read_text("utf-8")
    example = text.split("```yaml\n")[1].split("```")[0]
    config = load(example)
    assert [rule.kind for rule in config.rules] == ["illegal_parking", "crowding"]
    assert config.rules[1].model_dump()["min_people"] == 40


def test_what_the_camera_says_wins_and_the_rest_is_the_presets() -> None:
    config = load(GATE)
    assert config.zones["truoc_cong"].name == "Trước cổng trường"
    assert config.zones["truoc_cong"].kind == "carriageway"
    assert config.zones["san_truong"].name == "Sân sau"
    assert config.preset == "school_gate"


def test_a_rule_changes_the_presets_and_others_are_added() -> None:
    config = load(
        GATE
        + """\
rules:
  - {kind: crowding, min_people: 40, zones: [san_truong]}
  - {kind: intrusion, enabled: false}
  - {kind: camera_offline, enabled: false}
"""
    )
    assert [rule.kind for rule in config.rules] == ["illegal_parking", "crowding", "camera_offline"]
    crowding = config.rules[1].model_dump()
    assert (crowding["min_people"], crowding["min_duration_s"], crowding["zones"]) == (40, 180, ("san_truong",))
    assert "camera_offline" not in {rule.kind for rule in config.camera_rules}


def test_of_several_rules_of_a_kind_the_name_tells_which() -> None:
    drawn = """\
signals: {den: {kind: plan, phases: [[red, 30], [green, 30]]}}
zones:
  nut_giao: {coordinates: [[0, 0], [0.4, 0], [0.4, 1]]}
  lan_vao: {coordinates: [[0.5, 0], [1, 0], [1, 1]], direction: [[0.7, 0.1], [0.9, 0.5]]}
lines: {vach_dung: {coordinates: [[0.6, 0.6], [0.9, 0.6]]}}
"""
    config = load(
        HEAD.format(preset="junction_lights")
        + drawn
        + "rules: [{kind: illegal_parking, name: cho_den, max_stay_s: 90}]\n"
    )
    stays = [rule.model_dump()["max_stay_s"] for rule in config.rules if rule.kind == "illegal_parking"]
    assert sorted(stays) == [60, 90]


def test_a_zone_is_taken_away_with_null() -> None:
    config = load(
        GATE.replace("san_truong: {name: Sân sau, coordinates: [[0, 0.5], [1, 0.5], [1, 1]]}", "san_truong: null")
        + "rules: [{kind: intrusion, enabled: false}]\n"
    )
    assert set(config.zones) == {"truoc_cong"}


def test_what_is_missing_is_told_in_the_cameras_file() -> None:
    (missing,) = mistakes(GATE.replace("san_truong: {name: Sân sau, coordinates: [[0, 0.5], [1, 0.5], [1, 1]]}", ""))
    assert (missing.file, missing.line, missing.path) == ("cam.yaml", 4, "zones.san_truong")
    both = mistakes(HEAD.format(preset="school_gate"))
    assert {(issue.file, issue.line) for issue in both} == {("cam.yaml", 1)}


def test_a_wrong_value_is_told_where_it_stands() -> None:
    assert SITE is not None
    poor = SITE.model_copy(update={"schedules": {}})
    (unknown,) = load_camera(GATE, "cam.yaml", poor).errors
    assert Path(unknown.file).name == "school_gate.yaml"
    assert unknown.line == line_of(unknown.file, "illegal_parking")
    assert unknown.path == "rules[0].schedule"
    (own,) = mistakes(GATE + "rules:\n  - {kind: crowding, min_people: 1}\n")
    assert (own.file, own.line, own.path) == ("cam.yaml", 8, "rules[1].min_people")


@pytest.mark.parametrize("name", ["../site", "no_such", "/etc/passwd", "School_gate", "[school_gate]", "1", "''"])
def test_a_preset_is_only_one_of_the_folder(name: str) -> None:
    (issue,) = mistakes(HEAD.format(preset=name))
    assert (issue.file, issue.line, issue.path) == ("cam.yaml", 1, "preset")
    assert "school_gate" in issue.remedy


def test_taking_away_what_the_preset_does_not_have_is_refused() -> None:
    (issue,) = mistakes(GATE + "rules:\n  - {kind: wrong_way, enabled: false}\n")
    assert (issue.file, issue.line, issue.path) == ("cam.yaml", 8, "rules[0]")
    assert "illegal_parking, crowding, intrusion" in issue.remedy


@pytest.mark.parametrize("value", ["1", "[1]", "{a: 1}", "text", "null"])
@pytest.mark.parametrize("key", ["rules", "zones", "camera", "inputs", "detect"])
def test_hostile_overrides_are_mistakes_and_never_a_crash(key: str, value: str) -> None:
    load_camera(f"preset: school_gate\n{key}: {value}\n", "cam.yaml", SITE)
    load_camera(f"preset: school_gate\nrules: [{value}, {{kind: {value}}}]\n", "cam.yaml", SITE)


def test_without_a_preset_a_rule_has_no_name_and_no_switch() -> None:
    text = GATE.replace("preset: school_gate\n", "").replace("coordinates", "name: Z, coordinates", 1)
    issues = mistakes(text + "rules: [{kind: intrusion, zones: [san_truong], name: a}]\n")
    assert [issue.path for issue in issues] == ["rules[0].name"]
