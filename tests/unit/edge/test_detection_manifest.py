"""The models' manifest: what it offers, and what it refuses."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.detection.load import load_detector, load_model, require_classes
from edge.detection.manifest import (
    Manifest,
    ModelEntry,
    ModelFile,
    ModelKind,
    default_manifest_path,
    embedded_manifest_path,
    load_manifest,
)
from edge.detection.ultralytics_model import UltralyticsModel
from edge.errors import ModelError
from edge.models.listing import describe
from edge.models.site import SiteModels

OWN_MODEL = """\
models:
  - id: nha-toi
    aliases: [default]
    kind: ultralytics
    files: [{path: weights/toi.pt}]
    classes: [person, motorcycle]
    input_wh: [1280, 736]
    batch: 8
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "manifest.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_embedded_default_is_there_small_and_whole() -> None:
    entry = load_manifest(embedded_manifest_path()).get("default")
    entry.verify()
    assert entry.id == "nanodet-g-384x640-int8"
    assert entry.input_wh == (640, 384)
    assert {"person", "bicycle", "motorcycle", "car", "bus", "truck"} <= set(entry.classes)
    assert len(entry.classes) == 80
    assert all(file.sha256 for file in entry.files)
    assert sum(file.path.stat().st_size for file in entry.files) <= 8_000_000


def test_models_dir_overrides_where_the_manifest_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANGAN_MODELS_DIR", raising=False)
    assert default_manifest_path() == embedded_manifest_path()
    monkeypatch.setenv("LANGAN_MODELS_DIR", str(tmp_path))
    assert default_manifest_path() == tmp_path / "manifest.yaml"


def test_users_model_wins_and_the_embedded_ones_stay(tmp_path: Path) -> None:
    manifest = load_manifest(write(tmp_path, OWN_MODEL))
    own = manifest.get("default")
    assert (own.id, own.kind, own.batch, own.input_wh) == ("nha-toi", ModelKind.ULTRALYTICS, 8, (1280, 736))
    assert own.files[0].path == tmp_path / "weights" / "toi.pt"
    assert manifest.get("nanodet-g-384x640-int8").kind is ModelKind.NANODET


def test_a_models_own_names_for_parts_are_read_listed_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = OWN_MODEL.replace("batch: 8", "parts: {helmet: [person], no_helmet: [motorcycle]}")
    monkeypatch.delenv("LANGAN_MODELS_DIR", raising=False)
    models = tmp_path / "models"
    models.mkdir()
    entry = load_manifest(write(models, text)).get("nha-toi")
    assert entry.parts == (("person", "helmet"), ("motorcycle", "no_helmet"))
    assert describe(entry)["parts"] == {"person": "helmet", "motorcycle": "no_helmet"}
    (models / "weights").mkdir()
    (models / "weights" / "toi.pt").touch()
    SiteModels(tmp_path).add(replace(entry, id="lai"))
    assert load_manifest(models / "manifest.yaml").get("lai").parts == entry.parts


def test_unknown_model_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="unknown model 'yolo99': use one of nha-toi, default, nanodet-g-384x640-int8"):
        load_manifest(write(tmp_path, OWN_MODEL)).get("yolo99")


def test_missing_manifest_names_file_and_remedy(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"manifest\.yaml: cannot be read .*LANGAN_MODELS_DIR"):
        load_manifest(tmp_path / "manifest.yaml")


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("kind: ultralytics", "kind: yoloo", 4, r"models\[0\]\.kind: 'yoloo' is unknown: use nanodet or"),
        ("kind: ultralytics", "kind: yolo", 5, r"models\[0\]\.files: the first is no \.xml"),
        ("kind: ultralytics", "kind: nanodet", 5, r"models\[0\]\.files: the first is no \.xml"),
        ("batch: 8", "bacth: 8", 8, r"models\[0\]\.bacth: is an unknown key: use one of .*batch"),
        ("batch: 8", "batch: many", 8, r"models\[0\]\.batch: 'many' is no whole number"),
        ("batch: 8", "score_threshold: 30", 8, r"models\[0\]\.score_threshold: 30 is no number"),
        ("[1280, 736]", "1280", 7, r"models\[0\]\.input_wh: is no size in pixels"),
        ("[person, motorcycle]", "[person, 7]", 6, r"models\[0\]\.classes: must be a list of texts"),
        ("files: [{path: weights/toi.pt}]", "files: []", 5, r"models\[0\]\.files: must be a list"),
        ("toi.pt}", "toi.pt, sha256: abc}", 5, r"models\[0\]\.files\[0\]\.sha256: is no SHA-256"),
        ("id: nha-toi", "licence: MIT", 2, r"models\[0\]\.id: must be a text"),
        (
            "batch: 8",
            "parts: {hat: [person]}",
            8,
            r"models\[0\]\.parts\.hat: is an unknown key: use one of helmet, no_hel",
        ),
        ("batch: 8", "parts: {helmet: person}", 8, r"models\[0\]\.parts\.helmet: must be a list of texts"),
        ("batch: 8", "parts: {helmet: [mu]}", 8, r"models\[0\]\.parts\.helmet: 'mu' is none of the model's classes"),
        ("batch: 8", "parts: {helmet: [person, person]}", 8, r"models\[0\]\.parts\.helmet: 'person' stands here twice"),
        ("batch: 8", "device: 'GPU; rm'", 8, r"models\[0\]\.device: 'GPU; rm' is no device: name one such as CPU"),
        ("kind: ultralytics", "kind: [", 5, "is no valid YAML"),
        ("models:", "models: 5", 1, "is no valid YAML|must be a list"),
    ],
)
def test_mistakes_name_line_key_and_remedy(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    assert old in OWN_MODEL
    path = write(tmp_path, OWN_MODEL.replace(old, new))
    with pytest.raises(ModelError, match=message) as caught:
        load_manifest(path)
    assert str(caught.value).startswith(f"{path}:")
    if "YAML" not in message:
        assert str(caught.value).startswith(f"{path}:{line}: ")


@pytest.mark.parametrize("text", ["", "models: []", "- a", "models: {a: b}", "models: [5]", "\x00"])
def test_other_documents_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ModelError, match=r"manifest\.yaml"):
        load_manifest(write(tmp_path, text))


def test_a_manifest_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "manifest.yaml"
    path.write_bytes(b"models: \xff")
    with pytest.raises(ModelError, match="is not UTF-8"):
        load_manifest(path)


def embedded_copy(folder: Path, *, damage: bool) -> Manifest:
    """The embedded model in another folder, perhaps with one byte changed."""
    entry = load_manifest(embedded_manifest_path()).get("default")
    files = []
    for file in entry.files:
        data = bytearray(file.path.read_bytes())
        if damage and file.path.suffix == ".bin":
            data[1000] ^= 1
        (folder / file.path.name).write_bytes(data)
        files.append(ModelFile(folder / file.path.name, file.sha256))
    return Manifest((ModelEntry(entry.id, entry.kind, tuple(files), classes=entry.classes),))


def test_one_changed_byte_of_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"_int8\.bin: its SHA-256 is .* restore it") as caught:
        load_detector("nanodet-g-384x640-int8", embedded_copy(tmp_path, damage=True), threads=1)
    assert str(tmp_path) in str(caught.value)


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    manifest = embedded_copy(tmp_path, damage=False)
    (tmp_path / "nanodet_g_384x640_int8.bin").unlink()
    with pytest.raises(ModelError, match=r"_int8\.bin: no such model file"):
        load_detector("nanodet-g-384x640-int8", manifest, threads=1)


def test_a_folder_in_place_of_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        ModelFile(tmp_path, hashlib.sha256().hexdigest()).verify()


def test_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.xml").write_text("<net></nope>", encoding="utf-8")
    entry = ModelEntry("broken", ModelKind.NANODET, (ModelFile(tmp_path / "broken.xml", None),), classes=("person",))
    with pytest.raises(ModelError, match=r"broken\.xml: OpenVINO cannot load this model"):
        load_detector("broken", Manifest((entry,)), threads=1)


def test_model_with_another_number_of_classes_is_refused() -> None:
    entry = load_manifest(embedded_manifest_path()).get("default")
    two = ModelEntry("two", entry.kind, entry.files, classes=("person", "car"))
    with pytest.raises(ModelError, match=r"cls8: expected shape \(1, 3840, 2\), got \(1, 3840, 80\)"):
        load_detector("two", Manifest((two,)), threads=1)


def test_a_model_runs_on_the_device_that_the_manifest_names() -> None:
    entry = load_manifest(embedded_manifest_path()).get("default")
    picture = np.full((384, 640, 3), 90, np.uint8)
    for device in ("CPU", "AUTO:CPU"):
        named = Manifest((replace(entry, device=device),))
        assert len(load_model("default", named, threads=1).infer([picture, picture])) == 2
    with pytest.raises(ModelError, match=r"no device 'GPU\.7' for it here: name one of .*CPU.* in manifest\.yaml"):
        load_model("default", Manifest((replace(entry, device="GPU.7"),)), threads=1)


def test_input_size_that_is_not_the_models_is_refused() -> None:
    entry = load_manifest(embedded_manifest_path()).get("default")
    other = ModelEntry("other", entry.kind, entry.files, classes=entry.classes, input_wh=(416, 416))
    with pytest.raises(ModelError, match="correct input_wh of other"):
        load_detector("other", Manifest((other,)), threads=1)


def test_missing_ultralytics_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "toi.pt").write_bytes(b"weights")
    with pytest.raises(ModelError, match=r"toi\.pt: needs ultralytics .*pip install 'langan\[ultralytics\]'"):
        load_detector("nha-toi", load_manifest(write(tmp_path, OWN_MODEL)), threads=1)


def test_missing_ultralytics_weights_are_told_before_ultralytics_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"toi\.pt: no such weights"):
        UltralyticsModel(tmp_path / "toi.pt", score_threshold=0.3, threads=1)


def test_model_without_a_needed_class_is_refused() -> None:
    require_classes("mine", ("person", "car"), ["car", "person"])
    with pytest.raises(ModelError, match="model 'mine' does not know bus, motorcycle"):
        require_classes("mine", ("person", "car"), ["motorcycle", "person", "bus"])


@pytest.mark.parametrize("address", ["http://gpu:8000/yolo11n", "grpc://10.0.0.7:8001/xe-may"])
def test_a_model_may_be_on_a_triton_server(tmp_path: Path, address: str) -> None:
    text = OWN_MODEL.replace("files: [{path: weights/toi.pt}]", f"weights: {address}")
    entry = load_manifest(write(tmp_path, text)).get("nha-toi")
    assert (entry.weights_url, entry.files) == (address, ())
    entry.verify()


@pytest.mark.parametrize(
    "address",
    [
        "https://hub.ultralytics.com/models/abc",
        "rtsp://gpu:8000/yolo11n",
        "file:///etc/passwd",
        "http://gpu:8000",
        "http://gpu:8000/v2/models/yolo11n",
        "http://nguoi:matkhau@gpu:8000/yolo11n",
        "http://gpu:8000/yolo11n?token=matkhau",
        "http://gpu:port/yolo11n",
        "http:///yolo11n",
        "http://[gpu/yolo11n",
        "yolo11n.pt",
    ],
)
def test_other_addresses_are_refused_without_being_shown(tmp_path: Path, address: str) -> None:
    path = write(tmp_path, OWN_MODEL.replace("files: [{path: weights/toi.pt}]", f"weights: {address}"))
    with pytest.raises(
        ModelError, match=r"models\[0\]\.weights: is no address of a model on a Triton server: write http"
    ):
        load_manifest(path)
    with pytest.raises(ModelError) as caught:
        load_manifest(path)
    assert "matkhau" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        OWN_MODEL.replace("kind: ultralytics", "kind: yolo").replace("files: [{path: weights/toi.pt}]", "weights: U"),
        OWN_MODEL.replace("batch: 8", "weights: U"),
    ],
)
def test_only_ultralytics_without_files_has_an_address(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text.replace("weights: U", "weights: http://gpu:8000/yolo11n"))
    with pytest.raises(ModelError, match=r"weights: is for kind ultralytics without files"):
        load_manifest(path)
