"""`langan-edge models export` of `.pt` weights: needs the ultralytics extra, so it runs by `make test-ultralytics`."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from edge.cli import main
from edge.detection.load import load_model
from edge.detection.manifest import ModelKind
from edge.models.pictures import clip_frames, model_input
from edge.models.site import SiteModels

CLIP = Path(__file__).resolve().parents[2] / "configs" / "demo" / "media" / "vtest.mp4"

pytestmark = [
    pytest.mark.ultralytics,
    # Deprecations inside torch, ultralytics and nncf are theirs to mend.
    pytest.mark.filterwarnings("default"),
    pytest.mark.timeout(600),
]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A YOLO11n with random weights: nobody's to give away, and slow or quick as a trained one."""
    pytest.importorskip("ultralytics", reason="needs the ultralytics extra: make test-ultralytics")
    import torch
    from ultralytics import YOLO

    def refuse(*asked: object) -> None:
        raise AssertionError(f"the network was used: {asked[-1]}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.delenv("LANGAN_MODELS_DIR", raising=False)
    torch.manual_seed(0)
    models = tmp_path / "models"
    models.mkdir()
    YOLO("yolo11n.yaml").save(str(models / "ngau.pt"))
    text = "models:\n  - {id: ngau, kind: ultralytics, files: [{path: ngau.pt}], licence: AGPL-3.0}\n"
    (models / "manifest.yaml").write_text(text, "utf-8")
    return tmp_path


def models(site: Path, *arguments: object) -> int:
    return main(["models", str(arguments[0]), *map(str, arguments[1:]), "--config", str(site)])


def test_pt_weights_become_openvino_and_int8(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert models(site, "export", "ngau", "--format", "openvino", "--imgsz", "320x192", "--as", "cong") == 0
    assert capsys.readouterr().out == f"{site}/models/cong/ngau.xml\n"
    manifest = SiteModels(site).manifest()
    entry = manifest.get("cong")
    assert (entry.kind, entry.input_wh, entry.licence) == (ModelKind.YOLO, (320, 192), "AGPL-3.0")
    entry.verify()
    model = load_model("cong", manifest, threads=1)
    assert len(model.class_names) == 80
    model.infer([model_input(next(clip_frames(CLIP, 1)), model.input_wh)])
    assert sorted(path.name for path in (site / "models").iterdir()) == ["cong", "manifest.yaml", "ngau.pt"]

    assert models(site, "quantize", "cong", "--clip", CLIP, "--pictures", 20) == 0
    assert json.loads(capsys.readouterr().out)["calibrated_with"] == 16
    manifest = SiteModels(site).manifest()
    int8 = manifest.get("cong-int8").files[1].path.stat().st_size
    assert int8 < 0.7 * manifest.get("cong").files[1].path.stat().st_size


def test_pt_weights_become_onnx_and_that_openvino(site: Path) -> None:
    assert models(site, "export", "ngau", "--format", "onnx", "--imgsz", "320x192", "--as", "trung-gian") == 0
    assert models(site, "export", "trung-gian", "--format", "openvino", "--as", "cong") == 0
    assert load_model("cong", SiteModels(site).manifest(), threads=1).input_wh == (320, 192)


def test_weights_that_are_none_are_told(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (site / "models" / "ngau.pt").write_bytes(b"no weights")
    assert models(site, "export", "ngau", "--format", "openvino") == 1
    assert f"{site}/models/ngau.pt: " in capsys.readouterr().err
    assert sorted(path.name for path in (site / "models").iterdir()) == ["manifest.yaml", "ngau.pt"]
