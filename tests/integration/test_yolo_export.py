"""YOLO exports without ultralytics: what is taken, and what is refused with its remedy."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bench.detectors import match_all, people_of_vtest
from edge.detection.load import load_detector, load_model
from edge.detection.manifest import Manifest, ModelEntry, ModelFile, ModelKind, embedded_manifest_path, load_manifest
from edge.errors import ModelError

SHARED = Path(__file__).resolve().parents[3] / "shared"
WEIGHTS = SHARED / "weights" / "yolo11n_int8_openvino_model"


@pytest.fixture
def entry(tmp_path: Path) -> ModelEntry:
    if not WEIGHTS.exists():
        pytest.skip(f"needs {WEIGHTS}, which may not be given away")
    folder = tmp_path / "export"
    shutil.copytree(WEIGHTS, folder, copy_function=shutil.copyfile)
    folder.chmod(0o755)
    return ModelEntry("y", ModelKind.YOLO, (ModelFile(folder / "yolo11n.xml", None),), input_wh=(640, 384))


@pytest.mark.clips
def test_finds_the_people_of_vtest(entry: ModelEntry) -> None:
    people = list(people_of_vtest(SHARED / "clips"))
    detector = load_detector("y", Manifest((entry,)), threads=2)
    assert detector.class_names[:4] == ("person", "bicycle", "car", "motorcycle")
    found = detector.detect([item.frame for item in people])
    _, hits, total = match_all(found, [item.truth["person"] for item in people], ("person",))
    assert hits.sum() / total >= 0.8
    assert hits.mean() >= 0.8


@pytest.mark.clips
def test_runs_at_the_size_that_the_weights_name_unless_told_otherwise(entry: ModelEntry) -> None:
    assert load_model("y", Manifest((replace(entry, input_wh=None),)), threads=1).input_wh == (640, 640)


@pytest.mark.clips
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"input_wh": (600, 384)}, r"input_wh \[600, 384\]: both must be multiples of 32"),
        ({"classes": ("person", "car")}, r"expected output \(1, 6, 5040\) for 2 classes, got .*84.*: name as many"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(entry: ModelEntry, changed: dict[str, object], message: str) -> None:
    wrong = ModelEntry(
        "y",
        ModelKind.YOLO,
        entry.files,
        **{"input_wh": entry.input_wh, **changed},  # type: ignore[arg-type]
    )
    with pytest.raises(ModelError, match=message):
        load_model("y", Manifest((wrong,)), threads=1)


@pytest.mark.clips
@pytest.mark.parametrize("text", ["", "names: [a]", "names: {0: a, 2: b}", "names: {0: [", "names: {}"])
def test_unreadable_class_names_are_refused(entry: ModelEntry, text: str) -> None:
    metadata = entry.files[0].path.with_name("metadata.yaml")
    metadata.unlink()
    metadata.write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"metadata\.yaml.*: write classes into manifest\.yaml"):
        load_model("y", Manifest((entry,)), threads=1)


def test_another_kind_of_network_is_refused() -> None:
    nanodet = load_manifest(embedded_manifest_path()).get("default")
    wrong = replace(nanodet, kind=ModelKind.YOLO, input_wh=None)
    with pytest.raises(ModelError, match=r"expected one input \(1, 3, height, width\), got .*: export it with"):
        load_model("default", Manifest((wrong,)), threads=1)
