"""A site's own models: what its manifest may say, and what the commands write into it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from edge.detection.manifest import ModelFile, ModelKind, default_manifest_path, load_manifest, models_of
from edge.detection.model_entry import Accuracy, ModelEntry, Speed, sha256_of
from edge.errors import ModelError
from edge.models.listing import describe, state_of, table
from edge.models.site import SiteModels

SHA = "0" * 64
OWN = """\
# the commune's models
models:
  - id: xe-may   # motorbikes
    kind: ultralytics
    files: [{path: xe_may.pt}]
    licence: AGPL-3.0
    measured:
      accuracy: [{what: recall, value: 0.8, on: our gate, by: hand}]
      speed: [{threads: 2, median_ms: 40, p95_ms: 55, on: our box, by: hand}]
"""


@pytest.fixture(autouse=True)
def _no_folder_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANGAN_MODELS_DIR", raising=False)


def site_with(folder: Path, text: str = OWN) -> SiteModels:
    (folder / "models").mkdir()
    (folder / "models" / "manifest.yaml").write_text(text, "utf-8")
    return SiteModels(folder)


def test_models_beside_the_configuration_come_before_the_packaged_ones(tmp_path: Path) -> None:
    site_with(tmp_path)
    with models_of(tmp_path):
        assert default_manifest_path() == tmp_path / "models" / "manifest.yaml"
        assert [entry.id for entry in load_manifest().entries] == ["xe-may", "nanodet-g-384x640-int8"]
    assert [entry.id for entry in load_manifest().entries] == ["nanodet-g-384x640-int8"]


def test_a_folder_named_by_hand_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site_with(tmp_path)
    monkeypatch.setenv("LANGAN_MODELS_DIR", str(tmp_path / "other"))
    with models_of(tmp_path):
        assert default_manifest_path() == tmp_path / "other" / "manifest.yaml"


def test_a_configuration_without_models_uses_the_packaged_ones(tmp_path: Path) -> None:
    with models_of(tmp_path):
        assert load_manifest().get("default").id == "nanodet-g-384x640-int8"
    assert SiteModels(tmp_path).manifest().get("default").licence


def test_without_a_folder_nothing_can_be_written() -> None:
    with pytest.raises(ModelError, match="give --config"):
        _ = SiteModels(None).folder


def test_figures_are_read(tmp_path: Path) -> None:
    entry = site_with(tmp_path).manifest().get("xe-may")
    assert entry.accuracy == (Accuracy("recall", 0.8, "our gate", "hand"),)
    assert entry.speed == (Speed(2, 40.0, 55.0, "our box", "hand"),)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("value: 0.8", "value: 80", 8, r"accuracy\[0\]\.value: 80 is no number from 0 to 1"),
        ("by: hand}]\n      speed", "whom: me}]\n      speed", 8, r"accuracy\[0\]\.whom: is an unknown key"),
        ("median_ms: 40", "median_ms: fast", 9, r"speed\[0\]\.median_ms: 'fast' is no number"),
        ("licence: AGPL-3.0", "measured_by: me", 6, "measured_by: is an unknown key"),
        ("xe_may.pt}", "xe_may.pt, url: 'https://models.example/x.pt'}", 5, r"sha256: is missing"),
        ("xe_may.pt}", f"xe_may.pt, sha256: '{SHA}', member: a}}", 5, r"url: is missing"),
        ("xe_may.pt}", f"xe_may.pt, sha256: '{SHA}', url: 'http://models.example/x'}}", 5, "is no https:// address"),
        ("xe_may.pt}", f"xe_may.pt, sha256: '{SHA}', url: 'https://a:geheim@models.example/x'}}", 5, "holds a user"),
    ],
)  # fmt: skip
def test_mistakes_name_the_line_and_the_remedy(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    assert old in OWN
    site = site_with(tmp_path, OWN.replace(old, new))
    with pytest.raises(ModelError, match=message) as caught:
        site.manifest()
    assert str(caught.value).startswith(f"{tmp_path}/models/manifest.yaml:{line}: ")
    assert "geheim" not in str(caught.value)


def new_entry(site: SiteModels, name: str = "xe-may-int8", content: bytes = b"weights") -> ModelEntry:
    folder = site.folder / name
    folder.mkdir(exist_ok=True)
    (folder / "a.xml").write_bytes(content)
    (folder / "a.bin").write_bytes(content)
    files = (ModelFile(folder / "a.xml", None), ModelFile(folder / "a.bin", None))
    return ModelEntry(name, ModelKind.YOLO, files, classes=("person",), input_wh=(640, 384), score_threshold=0.25)


def test_an_added_model_is_read_back_with_its_hashes_and_comments_stay(tmp_path: Path) -> None:
    site = site_with(tmp_path)
    site.add(replace(new_entry(site), accuracy=(Accuracy("agreement", 0.97, "our pictures", "us"),)))
    text = (tmp_path / "models" / "manifest.yaml").read_text("utf-8")
    assert "# the commune's models" in text
    assert "# motorbikes" in text
    entry = site.manifest().get("xe-may-int8")
    assert entry.files[1].sha256 == sha256_of(entry.files[1].path)
    assert (entry.input_wh, entry.score_threshold, entry.classes) == ((640, 384), 0.25, ("person",))
    assert entry.accuracy[0].value == 0.97
    entry.verify()
    assert site.manifest().get("xe-may").licence == "AGPL-3.0"


def test_an_id_is_not_taken_twice_unless_asked_for(tmp_path: Path) -> None:
    site = site_with(tmp_path)
    site.add(new_entry(site))
    changed = new_entry(site, content=b"other weights")
    with pytest.raises(ModelError, match="--replace"):
        site.add(changed)
    site.add(changed, replace=True)
    site.manifest().get("xe-may-int8").verify()
    assert [entry.id for entry in site.manifest().entries][:2] == ["xe-may", "xe-may-int8"]


def test_the_first_model_of_a_site_makes_its_manifest(tmp_path: Path) -> None:
    site = SiteModels(tmp_path)
    site.folder.mkdir()
    site.add(new_entry(site))
    assert site.manifest().get("xe-may-int8").kind is ModelKind.YOLO
    assert not list(site.folder.glob(".manifest*"))


def test_a_wrong_manifest_is_not_written_over(tmp_path: Path) -> None:
    site = site_with(tmp_path, OWN + "extra: 1\n")
    with pytest.raises(ModelError, match=r"manifest\.yaml:10: extra"):
        site.set_speed("default", [])
    assert "extra: 1" in (tmp_path / "models" / "manifest.yaml").read_text("utf-8")


def test_speed_of_this_machine_replaces_what_the_manifest_says(tmp_path: Path) -> None:
    site = site_with(tmp_path)
    here = Speed(4, 11.5, 13.0, "this box", "langan-edge models bench")
    site.set_speed("nanodet-g-384x640-int8", [here])
    site.set_speed("xe-may", [replace(here, p95_ms=None)])
    assert site.manifest().get("default").speed == (here,)
    assert site.manifest().get("xe-may").speed[0].p95_ms is None
    assert "11.5 ms/4" in "\n".join(table(site.manifest().entries))


def test_a_changed_file_is_noticed_although_its_hash_was_known(tmp_path: Path) -> None:
    """Same size, same place: the time of change tells."""
    site = site_with(tmp_path)
    site.add(new_entry(site))
    entry = site.manifest().get("xe-may-int8")
    entry.verify()
    path = entry.files[1].path
    path.write_bytes(b"WEIGHTS")
    os.utime(path, ns=(1, 1))
    with pytest.raises(ModelError, match="restore it"):
        entry.verify()


def test_states_of_a_model(tmp_path: Path) -> None:
    site = site_with(tmp_path)
    assert state_of(site.manifest().get("xe-may")) == "missing"
    (site.folder / "xe_may.pt").write_bytes(b"weights")
    assert state_of(site.manifest().get("xe-may")) == "not checked"
    site.add(new_entry(site))
    assert state_of(site.manifest().get("xe-may-int8")) == "well"
    (site.folder / "xe-may-int8" / "a.bin").write_bytes(b"w")
    assert state_of(site.manifest().get("xe-may-int8")) == "wrong"
    remote = ModelEntry("pool", ModelKind.ULTRALYTICS, (), weights_url="grpc://gpu:8001/yolo")
    assert state_of(remote) == "remote"
    assert describe(remote)["size_bytes"] == 0
