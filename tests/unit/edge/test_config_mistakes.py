"""A camera whose file is wrong is told to the admin under its own id."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.config_loader import load_config_dir
from contract.event import CameraHealth, CameraStatus
from edge.config_mistakes import MAX_TOLD, mistakes_by_camera
from edge.status import add_notices

SITE = """
site: {name: Xã Nhơn Lộc}
places:
  - {id: gia-lai, kind: province, name: Gia Lai}
  - {id: nhon-loc, kind: commune, name: Xã Nhơn Lộc, parent: gia-lai}
  - {id: trang-long, kind: village, name: Thôn Tráng Long, parent: nhon-loc}
"""
GOOD = "camera: {id: cong_cho, name: Cổng chợ, village: trang-long}\ninputs: [{path: clip.mp4}]\n"


def mistakes(folder: Path, **files: str) -> dict[str, list[str]]:
    (folder / "cameras").mkdir()
    (folder / "site.yaml").write_text(SITE, "utf-8")
    for name, text in files.items():
        (folder / "cameras" / f"{name}.yaml").write_text(text, "utf-8")
    return mistakes_by_camera(load_config_dir(folder).errors, folder / "site.yaml")


@pytest.mark.parametrize(
    ("text", "camera_id"),
    [
        (GOOD + "rules: [{kind: intrusion, zones: [sann]}]\n", "cong_cho"),
        (GOOD + "zones: {san: [\n", "cong_cho"),
        ("camera:\n  name: Cổng\n  id: 'cong_cho'\n\tx: 1\n", "cong_cho"),
        ("inputs: []\n", "tep"),
        ("camera: {id: 7}\n", "7"),
        ("camera: {id: Cổng chợ}\n", "tep"),
        ("", "tep"),
    ],
)
def test_the_id_is_taken_from_the_file_or_its_name(text: str, camera_id: str, tmp_path: Path) -> None:
    found = mistakes(tmp_path, tep=text)
    assert set(found) == {camera_id}
    assert "tep.yaml:" in found[camera_id][0]


def test_only_the_first_mistakes_are_repeated(tmp_path: Path) -> None:
    found = mistakes(tmp_path, a=GOOD + "".join(f"wrong_{index}: 1\n" for index in range(9)))
    assert len(found["cong_cho"]) == MAX_TOLD + 1
    assert found["cong_cho"][-1] == "and 6 more"


def test_a_good_folder_and_the_sites_own_mistakes_belong_to_no_camera(tmp_path: Path) -> None:
    assert mistakes(tmp_path, cong_cho=GOOD) == {}
    (tmp_path / "site.yaml").write_text("site: {}\n", "utf-8")
    assert mistakes_by_camera(load_config_dir(tmp_path).errors, tmp_path / "site.yaml") == {}


def test_a_file_whose_name_is_no_id_and_that_names_none_is_left_to_the_log(tmp_path: Path) -> None:
    assert mistakes(tmp_path, **{"Cổng chợ": "inputs: ["}) == {}


def test_notices_are_added_and_a_camera_that_is_not_watched_is_reported_as_refused() -> None:
    watched = CameraStatus(camera_id="a", health=CameraHealth.OK, message="slow")
    told = add_notices([watched], {"a": ["a.yaml:1: wrong: mend it"], "b": ["b.yaml:2: x: y", "z" * 600]})
    assert [(status.camera_id, status.health) for status in told] == [("a", "ok"), ("b", "refused")]
    assert told[0].message == "slow; a.yaml:1: wrong: mend it"
    assert told[1].message.startswith("b.yaml:2: x: y; zzz")
    assert len(told[1].message) == 500
