"""`langan-edge models export`, `quantize`, `bench` and `list` with real models, as small as they can be."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edge.cli import main
from edge.detection.load import load_model
from edge.errors import ModelError
from edge.models.making import quantise
from edge.models.site import SiteModels
from tests.integration.test_edge_cli import CAMERA, SITE

ROOT = Path(__file__).resolve().parents[2]
CLIP = ROOT / "configs" / "demo" / "media" / "vtest.mp4"
INPUT_WH = (96, 64)

# Deprecations inside nncf and what it asks for are theirs to mend.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.timeout(600)]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever asks for a name or a connection fails the test."""

    def refuse(*asked: object) -> None:
        raise AssertionError(f"the network was used: {asked[-1]}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.delenv("LANGAN_MODELS_DIR", raising=False)


def tiny_yolo(path: Path, *, task: str = "detect", classes: int = 2) -> None:
    """An ONNX file as ultralytics writes them, with random layers: stride 8, 16 and 32, one output."""
    random = np.random.default_rng(5)
    nodes, constants, levels = [], [], []
    width, height = INPUT_WH

    def constant(name: str, value: NDArray[np.float32] | NDArray[np.int64]) -> str:
        constants.append(numpy_helper.from_array(value, name))
        return name

    def convolution(name: str, source: str, channels: tuple[int, int], stride: int) -> str:
        weights = random.normal(0, 0.35, (channels[1], channels[0], 3, 3)).astype(np.float32)
        inputs = [source, constant(f"{name}.w", weights)]
        nodes.append(helper.make_node("Conv", inputs, [name], name, strides=[stride, stride], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [name], [f"{name}.r"], f"{name}.r"))
        return f"{name}.r"

    feature = convolution("c4", convolution("c2", "images", (3, 8), 2), (8, 8), 2)
    for stride in (8, 16, 32):
        feature = convolution(f"c{stride}", feature, (8, 8), 2)
        head = constant(f"h{stride}.w", random.normal(0, 0.3, (4 + classes, 8, 1, 1)).astype(np.float32))
        nodes.append(helper.make_node("Conv", [feature, head], [f"h{stride}"], f"h{stride}"))
        shape = constant(f"s{stride}", np.array([1, 4 + classes, -1], np.int64))
        nodes.append(helper.make_node("Reshape", [f"h{stride}", shape], [f"l{stride}"], f"l{stride}"))
        levels.append(f"l{stride}")
    nodes.append(helper.make_node("Concat", levels, ["all"], "all", axis=2))
    nodes.append(helper.make_node("Sigmoid", ["all"], ["shares"], "shares"))
    scale = np.array([width, height, 30, 30, *[1] * classes], np.float32).reshape(1, -1, 1)
    nodes.append(helper.make_node("Mul", ["shares", constant("scale", scale)], ["output0"], "output0"))
    anchors = sum((width // stride) * (height // stride) for stride in (8, 16, 32))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, height, width])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 4 + classes, anchors])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    names = {number: f"loai-{number}" for number in range(classes)}
    about = {"names": str(names), "imgsz": str([height, width]), "task": task, "stride": "32"}
    helper.set_model_props(model, about)
    onnx.save(model, str(path))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    (folder / "models").mkdir(parents=True)
    tiny_yolo(folder / "models" / "nho.onnx")
    text = "models:\n  - {id: nho, kind: ultralytics, files: [{path: nho.onnx}], licence: own, score_threshold: 0.5}\n"
    (folder / "models" / "manifest.yaml").write_text(text, "utf-8")
    return folder


def models(site: Path, *arguments: object) -> int:
    return main(["models", str(arguments[0]), *map(str, arguments[1:]), "--config", str(site)])


@pytest.fixture
def exported(site: Path) -> Path:
    assert models(site, "export", "nho", "--format", "openvino") == 0
    return site


def test_onnx_becomes_openvino_without_torch(exported: Path) -> None:
    manifest = SiteModels(exported).manifest()
    entry = manifest.get("nho-openvino")
    entry.verify()
    assert [file.path.name for file in entry.files] == ["nho.xml", "nho.bin", "metadata.yaml"]
    assert all(file.sha256 for file in entry.files)
    assert (entry.licence, entry.score_threshold) == ("own", 0.5)
    assert "export nho" in entry.source
    model = load_model("nho-openvino", manifest, threads=1)
    assert (model.input_wh, model.class_names) == (INPUT_WH, ("loai-0", "loai-1"))
    assert "torch" not in sys.modules


def test_the_input_may_get_another_size(site: Path) -> None:
    assert models(site, "export", "nho", "--format", "openvino", "--imgsz", "128x96", "--as", "lon") == 0
    assert load_model("lon", SiteModels(site).manifest(), threads=1).input_wh == (128, 96)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nho", "--format", "onnx"], "is in this format already"),
        (["default", "--format", "openvino"], "is in OpenVINO's format already"),
        (["nho", "--format", "openvino", "--imgsz", "100x64"], "multiples of 32"),
        (["nho", "--format", "openvino", "--as", "../nho"], "an id has letters"),
        (["khac", "--format", "openvino"], "unknown model 'khac'"),
    ],
)
def test_what_cannot_be_exported_is_told(
    site: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert models(site, "export", *arguments) == 1
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in (site / "models").iterdir()) == ["manifest.yaml", "nho.onnx"]


@pytest.mark.parametrize("broken", ["text", "pose", "classes"])
def test_a_model_that_no_camera_could_use_is_not_listed(
    site: Path, broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = site / "models" / "nho.onnx"
    if broken == "text":
        weights.write_text("no model")
    elif broken == "pose":
        tiny_yolo(weights, task="pose")
    else:
        manifest = site / "models" / "manifest.yaml"
        manifest.write_text(manifest.read_text("utf-8").replace("licence:", "classes: [mot], licence:"), "utf-8")
    assert models(site, "export", "nho", "--format", "openvino") == 1
    assert "nho" in capsys.readouterr().err
    assert sorted(path.name for path in (site / "models").iterdir()) == ["manifest.yaml", "nho.onnx"]


def test_an_id_is_taken_once(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert models(exported, "export", "nho", "--format", "openvino") == 1
    assert "--replace" in capsys.readouterr().err
    assert models(exported, "export", "nho", "--format", "openvino", "--replace") == 0
    assert [entry.id for entry in SiteModels(exported).manifest().entries].count("nho-openvino") == 1


@pytest.mark.parametrize("folder", ["weights", "mine"])
def test_replacing_a_model_deletes_no_weights_of_yours(
    site: Path, folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    own = site / "models" / folder / "mine.pt"
    own.parent.mkdir()
    own.write_bytes(b"months of work")
    with (site / "models" / "manifest.yaml").open("a", encoding="utf-8") as manifest:
        manifest.write(f"  - {{id: mine, kind: ultralytics, files: [{{path: {folder}/mine.pt}}]}}\n")
    assert models(site, "export", "nho", "--format", "openvino", "--as", folder, "--replace") == 1
    assert "these commands did not make" in capsys.readouterr().err
    assert own.read_bytes() == b"months of work"


def test_quantised_on_a_clip_it_is_smaller_and_agrees(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert models(exported, "quantize", "nho-openvino", "--clip", CLIP, "--pictures", 20) == 0
    (line,) = capsys.readouterr().out.splitlines()
    figures = json.loads(line)
    assert (figures["calibrated_with"], figures["held_out"]) == (16, 4)
    assert figures["boxes_before"] > 0
    assert figures["agreement"] > 0.7
    manifest = SiteModels(exported).manifest()
    before, after = manifest.get("nho-openvino"), manifest.get("nho-openvino-int8")
    after.verify()
    assert after.accuracy[0].value == figures["agreement"]
    assert after.accuracy[0].on == f"4 held-out pictures ({CLIP.name})"
    assert "FakeQuantize" in after.files[0].path.read_text("utf-8")
    assert "FakeQuantize" not in before.files[0].path.read_text("utf-8")
    assert load_model("nho-openvino-int8", manifest, threads=1).class_names == ("loai-0", "loai-1")


def test_quantised_on_what_a_camera_shows(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A clip acts as the camera; its pictures are not kept."""
    (exported / "cameras").mkdir()
    (exported / "site.yaml").write_text(SITE, "utf-8")
    camera = CAMERA.replace("rtsp://192.0.2.1/none", CLIP.name)
    (exported / "cameras" / "san.yaml").write_text(camera, "utf-8")
    arguments = ["--camera", "san", "--media", CLIP.parent, "--pictures", 15, "--every-s", 0.2]
    capsys.readouterr()
    assert models(exported, "quantize", "nho-openvino", *arguments) == 0, capsys.readouterr().err
    figures = json.loads(capsys.readouterr().out)
    assert figures["calibrated_with"] + figures["held_out"] == 15
    assert SiteModels(exported).manifest().get("nho-openvino-int8").accuracy[0].on.endswith("(camera san)")
    assert not [path for path in exported.rglob("*") if path.suffix in {".jpg", ".png", ".mp4"}]
    assert models(exported, "quantize", "nho-openvino", "--camera", "khac", "--as", "x") == 1
    assert "no such camera; known: san" in capsys.readouterr().err


def test_a_model_that_cannot_be_quantised_is_refused_before_pictures_are_taken(tmp_path: Path) -> None:
    """From a camera that takes ten minutes."""

    taken: list[int] = []

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for number in range(20):
            taken.append(number)
            yield np.zeros((64, 96, 3), np.uint8)

    with pytest.raises(ModelError, match="is quantised already"):
        quantise(SiteModels(tmp_path), "default", [pictures()], about="nothing")
    assert taken == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["default", "--clip", CLIP], "is quantised already"),
        (["nho", "--clip", CLIP], "export it first"),
        (["nho-openvino", "--clip", CLIP, "--pictures", "5"], "5 pictures are too few"),
        (["nho-openvino", "--clip", "none.mp4"], "none.mp4: no such file or folder"),
        (["nho-openvino", "--images", ROOT / "docs"], "no image or clip there"),
    ],
)
def test_what_cannot_be_quantised_is_told(
    exported: Path, arguments: list[object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert models(exported, "quantize", *arguments) == 1
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out.splitlines()[1:] == []
    names = {"manifest.yaml", "nho.onnx", "nho-openvino"}
    assert {path.name for path in (exported / "models").iterdir()} == names


def test_without_nncf_it_says_what_to_install(
    exported: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "nncf", None)
    assert models(exported, "quantize", "nho-openvino", "--clip", CLIP, "--pictures", 20) == 1
    assert "pip install 'langan[model-build]'" in capsys.readouterr().err


def test_without_ultralytics_pt_weights_say_what_to_install(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    manifest = site / "models" / "manifest.yaml"
    manifest.write_text(manifest.read_text("utf-8").replace("nho.onnx", "nho.pt"), "utf-8")
    (site / "models" / "nho.pt").write_bytes(b"weights")
    assert models(site, "export", "nho", "--format", "openvino") == 1
    assert "pip install 'langan[ultralytics]'" in capsys.readouterr().err
    assert sorted(path.name for path in (site / "models").iterdir()) == ["manifest.yaml", "nho.onnx", "nho.pt"]


def test_bench_prints_one_line_and_writes_what_list_shows(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(exported / "a.png"), np.full((120, 160, 3), 90, np.uint8))
    capsys.readouterr()
    arguments = ["--threads", 1, 2, "--runs", 5, "--images", exported, "--write"]
    assert models(exported, "bench", "nho-openvino", *arguments) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["threads"].keys() == {"1", "2"}
    assert all(0 < item["median_ms"] <= item["p95_ms"] for item in figures["threads"].values())
    assert figures["picture_wh"] == [160, 120]
    assert models(exported, "list", "--json") == 0
    listed = {item["id"]: item for item in map(json.loads, capsys.readouterr().out.splitlines())}
    assert [speed["threads"] for speed in listed["nho-openvino"]["speed"]] == [1, 2]
    assert listed["nho-openvino"]["state"] == "well"
    assert listed["nho"]["state"] == "not checked"
    assert listed["nanodet-g-384x640-int8"]["accuracy"][0]["what"] == "person AP50"


def test_list_needs_no_heavy_library() -> None:
    code = (
        "import sys; from edge.cli import main; status = main(['models', 'list']); "
        "print({'cv2', 'av', 'openvino', 'httpx', 'torch'} & sys.modules.keys(), file=sys.stderr); sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stderr == "set()\n"
    assert done.stdout.splitlines()[1].startswith("nanodet-g-384x640-int8 (default)")


def test_a_camera_can_name_a_model_beside_its_configuration(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (exported / "cameras").mkdir()
    (exported / "site.yaml").write_text(SITE, "utf-8")
    text = CAMERA + "detect: {fps: 5, model: nho-openvino}\n"
    (exported / "cameras" / "san.yaml").write_text(text, "utf-8")
    assert main(["validate", "--language", "en", str(exported)]) == 0
    (exported / "models" / "nho-openvino" / "nho.bin").write_bytes(b"another file")
    assert main(["validate", "--language", "en", str(exported)]) == 1
    assert "nho.bin: its SHA-256 is" in capsys.readouterr().out


def test_nothing_is_reported_to_the_maker_of_openvino() -> None:
    """`import openvino` sends an event when the package that sends can be imported."""
    code = (
        "import edge.detection.openvino_model, openvino, nncf, sys; "
        "print([name for name in sys.modules if name.startswith('openvino_telemetry') and sys.modules[name]])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["export", "nho", "--format", "openvino", "--imgsz", "wide"], "is no size in pixels"),
        (["bench", "nho", "--threads", "0"], "is no whole number from 1 on"),
        (["quantize", "nho"], "one of the arguments --images --clip --camera is required"),
    ],
)
def test_wrong_usage_is_told_in_words(
    site: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        models(site, *arguments)
    assert said in capsys.readouterr().err


def test_a_place_for_the_figures_is_asked_for_before_measuring(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "bench", "default", "--write"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "give --config" in captured.err
