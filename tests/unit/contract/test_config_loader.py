"""Camera and site files: what is read as meant, and what is refused with line and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.config_loader import load_camera, load_config_dir, load_site
from contract.issues import ConfigIssue
from contract.rules.crowding import CrowdingParams
from contract.site_config import SiteConfig
from contract.yaml_tree import CAMERA_FILE, SITE_FILE

SITE = """\
site: {name: Xã Nhơn Lộc}
places:
  - {id: gia-lai, kind: province, name: Gia Lai}
  - {id: nhon-loc, kind: commune, name: Xã Nhơn Lộc, parent: gia-lai}
  - {id: trang-long, kind: village, name: Thôn Tráng Long, parent: nhon-loc}
schedules:
  dem: {every_day: ["22:00-05:00"]}
"""

CAMERA = """\
camera: {id: cong_cho, name: Cổng chợ, village: trang-long}
inputs:
  - path: rtsp://{LANGAN_CAM_USER}:{LANGAN_CAM_PASSWORD}@192.0.2.20:554/sub
    roles: [detect]
zones:
  duong: {name: Lòng đường, kind: carriageway, coordinates: [[0.1, 0.4], [0.9, 0.4], [0.9, 0.95]]}
  lan: {name: Làn, kind: lane, coordinates: [[0.5, 0.4], [0.9, 0.4], [0.9, 0.95]], direction: [[0.7, 0.9], [0.6, 0.4]]}
rules:
  - {kind: crowding, zones: [duong], min_people: 12, after_hours: {schedule: dem, min_people: 5}}
  - {kind: wrong_way, zones: [lan]}
"""


def site() -> SiteConfig:
    result = load_site(SITE, "site.yaml")
    assert result.config is not None, result.errors
    return result.config


def errors_of(text: str) -> tuple[ConfigIssue, ...]:
    result = load_camera(text, "a.yaml", site())
    assert result.config is None
    return result.errors


def only_error(text: str) -> ConfigIssue:
    errors = errors_of(text)
    assert len(errors) == 1, [str(error) for error in errors]
    return errors[0]


def test_a_full_camera_file_is_read() -> None:
    result = load_camera(CAMERA, "a.yaml", site())
    assert result.errors == ()
    assert result.config is not None
    rule = result.config.rules[0]
    assert isinstance(rule, CrowdingParams)
    assert rule.min_people == 12
    assert rule.after_hours is not None
    assert rule.after_hours.schedule == "dem"
    assert result.config.spot == "cong_cho"


def test_every_mistake_is_told_at_once_with_its_line() -> None:
    text = CAMERA.replace("min_people: 12", "min_peple: 12").replace("zones: [lan]", "zones: [lane]")
    text = text.replace("name: Làn,", "name: Làn, colour: red,")
    lines = [(error.line, error.path) for error in errors_of(text)]
    assert lines == [(7, "zones.lan.colour"), (9, "rules[0].min_peple")]
    assert str(errors_of(text)[1]) == (
        "a.yaml:9: rules[0].min_peple: unknown key 'min_peple': did you mean 'min_people'?"
    )


@pytest.mark.parametrize(
    ("old", "new", "path", "part_of_message", "part_of_remedy"),
    [
        ("zones: [lan]", "zones: [lane]", "rules[1].zones[0]", "unknown zone 'lane'", "duong, lan"),
        ("zones: [lan]", "zones: [duong]", "rules[1].zones[0]", "needs the direction of 'duong'", "direction:"),
        (", zones: [lan]", "", "rules[1]", "needs at least one zone", "duong, lan"),
        ("schedule: dem", "schedule: dm", "rules[0].after_hours.schedule", "unknown schedule 'dm'", "dem"),
        ("kind: wrong_way", "kind: camera_offline", "rules[1].zones", "about the camera itself", "remove"),
        (
            "zones:\n",
            "detect: {regions: motion}\nmotion: {enabled: false}\nzones:\n",
            "detect.regions",
            "motion gate",
            "regions: off",
        ),
        ("village: trang-long", "village: nhon-loc", "camera.village", "is not a village", "trang-long"),
        ("kind: wrong_way", "kind: parade", "rules[1]", "parade", "crowding"),
        ("[0.9, 0.95]]}", "[0.5, 0.4]]}", "zones.duong.coordinates", "no area", "corners"),
        ("rtsp://{LANGAN_CAM_USER}:{LANGAN_CAM_PASSWORD}@", "file://", "inputs[0].path", "not allowed", "rtsp://"),
        ("rtsp://{LANGAN_CAM_USER}:{LANGAN_CAM_PASSWORD}@", "concat:", "inputs[0].path", "not allowed", "rtsp://"),
        ("{LANGAN_CAM_PASSWORD}", "{HOME}", "inputs[0].path", "brace", "{LANGAN_NAME}"),
    ],
)
def test_a_mistake_names_path_and_remedy(
    old: str, new: str, path: str, part_of_message: str, part_of_remedy: str
) -> None:
    matching = [error for error in errors_of(CAMERA.replace(old, new, 1)) if error.path == path]
    assert matching, [str(error) for error in errors_of(CAMERA.replace(old, new, 1))]
    assert part_of_message in matching[0].message
    assert part_of_remedy in matching[0].remedy


def test_a_password_in_the_file_is_refused_and_not_shown_back() -> None:
    error = only_error(CAMERA.replace("{LANGAN_CAM_USER}:{LANGAN_CAM_PASSWORD}", "admin:hunter2"))
    assert "LANGAN_CAM_PASSWORD" in error.remedy
    assert "hunter2" not in str(error)


def test_threat_31_times_and_words_stay_what_they_were_written_as() -> None:
    text = CAMERA.replace("schedule: dem", "schedule: ['22:00-05:00']").replace("Cổng chợ", "no")
    result = load_camera(text, "a.yaml", site())
    assert result.config is not None, result.errors
    assert result.config.camera.name == "no"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: &x [1, 2]\nb: [*x, *x]\n", 1, "anchors"),
        ("a: 1\nb: !!python/object/apply:os.system ['true']\n", 2, "tags"),
        ("camera:\n  id: a\n  id: b\n", 3, "twice"),
        ("a: " + "[" * 200 + "]" * 200, 1, "nested"),
        ("a: [" + "[]," * 21_000 + "]\n", 1, "more than 3000 values"),
        ("a: [1, 2\nb: 3\n", 2, "not YAML"),
        ("x: " + "a" * 10_000_000, 1, "larger than 64 kB"),
        ("a: 1\n---\nb: 2\n", 2, "not YAML"),
        ("a: \x00\n", 1, "not YAML"),
        ("", 1, "empty"),
        ("? [a, b]\n: 1\n", 1, "a key must be a word"),
    ],
    ids=[
        "alias bomb",
        "tag",
        "duplicate key",
        "deep",
        "many values",
        "unclosed",
        "10 MB",
        "two documents",
        "NUL",
        "empty",
        "odd key",
    ],
)
def test_threat_31_hostile_yaml_is_refused_with_its_line(text: str, line: int, message: str) -> None:
    error = only_error(text)
    assert (error.line, message in error.message) == (line, True), str(error)


def test_a_folder_gives_its_valid_cameras_and_every_mistake(tmp_path: Path) -> None:
    (tmp_path / "cameras").mkdir()
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    (tmp_path / "cameras" / "a.yaml").write_text(CAMERA, encoding="utf-8")
    (tmp_path / "cameras" / "b.yaml").write_text(CAMERA, encoding="utf-8")
    (tmp_path / "cameras" / "c.yaml").write_bytes(b"camera:\n  name: \xff\n")
    loaded = load_config_dir(tmp_path)
    assert list(loaded.cameras) == ["cong_cho"]
    assert [(Path(error.file).name, error.line) for error in loaded.errors] == [("b.yaml", 1), ("c.yaml", 2)]
    assert "already in a.yaml" in loaded.errors[0].message
    assert "not UTF-8" in loaded.errors[1].message


def test_a_cameras_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE, "utf-8")
    (tmp_path / "cameras").write_text("a file where the folder should be", "utf-8")
    (error,) = load_config_dir(tmp_path).errors
    assert str(error) == f"{tmp_path}/cameras:1: (file): cannot be read (Not a directory): make it readable"


def test_an_empty_folder_says_what_to_create(tmp_path: Path) -> None:
    messages = [str(error) for error in load_config_dir(tmp_path).errors]
    assert len(messages) == 2
    assert "configs/site.yaml is an example" in messages[0]
    assert "configs/presets has examples" in messages[1]


def test_a_site_whose_places_do_not_fit_is_refused() -> None:
    text = SITE.replace("parent: nhon-loc", "parent: gia-lai").replace('"22:00-05:00"', '"22:00-22:00"')
    errors = load_site(text, "site.yaml").errors
    assert [(error.line, error.path) for error in errors] == [
        (5, "places[2].parent"),
        (7, "schedules.dem.every_day[0]"),
    ]


def province(communes: int, villages: int) -> str:
    """A site.yaml of so many places, as people write it."""
    lines = ["site: {name: Tỉnh}", "places:", "  - {id: tinh, kind: province, name: Tỉnh}"]
    for number in range(communes):
        lines += [f"  - id: xa-{number}", "    kind: commune", f"    name: Xã Số {number}", "    parent: tinh"]
        lines += [f"    location: [10.{number:06}, 106.{number:06}]", f"    contact: Công an xã Số {number}"]
    for number in range(villages):
        lines += [f"  - id: ap-{number}", "    kind: village", f"    name: Ấp Số {number}"]
        lines += [f"    parent: xa-{number % communes}", f"    location: [10.{number:06}, 106.{number:06}]"]
    return "\n".join(lines) + "\n"


def test_a_whole_province_is_one_site_file(tmp_path: Path) -> None:
    text = province(150, 2000)
    assert len(text.encode()) > 3 * CAMERA_FILE.size
    (tmp_path / "site.yaml").write_text(text, "utf-8")
    loaded = load_config_dir(tmp_path)
    assert loaded.site is not None
    assert len(loaded.site.places) == 2151
    assert loaded.site.places[-1].parent == f"xa-{1999 % 150}"
    wrong = text.replace("parent: xa-7\n", "parent: xa-nowhere\n", 1)
    (error,) = load_site(wrong, "site.yaml").errors
    assert error.line == wrong.split("xa-nowhere")[0].count("\n") + 1


def test_a_site_file_has_its_own_limits_and_a_camera_file_keeps_its(tmp_path: Path) -> None:
    (tmp_path / "cameras").mkdir()
    (tmp_path / "cameras" / "cam.yaml").write_text("# " + "ấ" * CAMERA_FILE.size, "utf-8")
    (tmp_path / "site.yaml").write_text("# " + "ấ" * SITE_FILE.size, "utf-8")
    told = {Path(error.file).name: error for error in load_config_dir(tmp_path).errors}
    assert told["cam.yaml"].message == "the file is larger than 64 kB"
    assert told["cam.yaml"].remedy == "split it: one camera a file"
    assert told["site.yaml"].message == "the file is larger than 1024 kB"
    assert "one province" in told["site.yaml"].remedy
    (values,) = load_site("site: [" + "1," * SITE_FILE.values + "]", "site.yaml").errors
    assert values.message == "more than 100000 values"
