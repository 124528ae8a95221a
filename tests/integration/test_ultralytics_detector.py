"""The ultralytics adapter on a real export: needs the extra, so it runs by `make test-ultralytics`."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest

from bench.detectors import Labelled, match_all, people_of_vtest
from edge.detection.letterbox import Letterbox
from edge.detection.nms import keep_by_class
from edge.detection.ultralytics_detector import UltralyticsDetector
from edge.errors import ModelError

pytestmark = [
    pytest.mark.ultralytics,
    # Deprecations inside torch and ultralytics are theirs to mend.
    pytest.mark.filterwarnings("default"),
]

SHARED = Path(__file__).resolve().parents[3] / "shared"
WEIGHTS = SHARED / "weights" / "yolo11n_int8_openvino_model"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever asks for a name or a connection fails the test."""

    def refuse(*asked: object) -> None:
        raise AssertionError(f"the adapter used the network: {asked[-1]}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="module")
def detector() -> UltralyticsDetector:
    pytest.importorskip("ultralytics", reason="needs the ultralytics extra: make test-ultralytics")
    if not WEIGHTS.exists():
        pytest.skip(f"needs {WEIGHTS}, which may not be given away")
    return UltralyticsDetector(WEIGHTS, score_threshold=0.3, threads=2)


@pytest.fixture(scope="module")
def people() -> list[Labelled]:
    return list(people_of_vtest(SHARED / "clips"))


def test_finds_the_people_of_vtest(detector: UltralyticsDetector, people: list[Labelled]) -> None:
    found = detector.detect([item.frame for item in people])
    _, hits, total = match_all(found, [item.truth["person"] for item in people], ("person",))
    # Measured: recall 0.896, precision 0.896.
    assert hits.sum() / total >= 0.85
    assert hits.mean() >= 0.85
    for detections in found:
        assert (detections.confidence >= 0.3).all()
        assert (np.diff(detections.confidence) <= 0).all()
        assert detections.xyxy.dtype == np.float32


def test_knows_the_weights_classes(detector: UltralyticsDetector) -> None:
    assert len(detector.class_names) == 80
    assert detector.class_names[:4] == ("person", "bicycle", "car", "motorcycle")


def test_prints_nothing(
    people: list[Labelled], detector: UltralyticsDetector, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    UltralyticsDetector(WEIGHTS, score_threshold=0.3, threads=2).detect([people[0].frame])
    assert capfd.readouterr().out == ""


def test_reports_nothing_to_the_maker(detector: UltralyticsDetector) -> None:
    from ultralytics import settings
    from ultralytics.utils import ONLINE

    assert settings["sync"] is False
    assert ONLINE is False


def test_classes_can_be_renamed(detector: UltralyticsDetector, people: list[Labelled]) -> None:
    names = [f"lop-{number}" for number in range(80)]
    renamed = UltralyticsDetector(WEIGHTS, score_threshold=0.3, threads=2, class_names=names)
    (found,) = renamed.detect([people[0].frame])
    assert "lop-0" in found.class_name
    with pytest.raises(ModelError, match=r"knows 80 classes .* the manifest names 2"):
        UltralyticsDetector(WEIGHTS, score_threshold=0.3, threads=2, class_names=["person", "car"])


def test_smaller_input_is_used_when_asked_for(detector: UltralyticsDetector, people: list[Labelled]) -> None:
    small = UltralyticsDetector(WEIGHTS, score_threshold=0.3, threads=2, input_wh=(320, 256))
    (found,), (usual,) = small.detect([people[0].frame]), detector.detect([people[0].frame])
    assert found.xyxy.shape != usual.xyxy.shape or not np.allclose(found.xyxy, usual.xyxy)


@pytest.mark.parametrize("name", ["broken.pt", "broken.onnx", "picture.png", "empty_openvino_model/"])
def test_unusable_weights_are_refused(detector: UltralyticsDetector, tmp_path: Path, name: str) -> None:
    weights = tmp_path / name
    if name.endswith("/"):
        weights.mkdir()
    else:
        weights.write_bytes(b"these are no weights")
    with pytest.raises(ModelError, match="ultralytics cannot use these weights") as caught:
        UltralyticsDetector(weights, score_threshold=0.3, threads=1)
    assert str(weights) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("resolution_wh", [(1920, 1080), (768, 576), (721, 1277), (640, 384), (333, 200)])
def test_our_letterbox_is_ultralytics_letterbox(detector: UltralyticsDetector, resolution_wh: tuple[int, int]) -> None:
    from ultralytics.data.augment import LetterBox

    image = np.random.default_rng(3).integers(1, 256, (resolution_wh[1], resolution_wh[0], 3), np.uint8)
    theirs = LetterBox((384, 640), auto=False, padding_value=0)(image=image)
    np.testing.assert_array_equal(Letterbox(resolution_wh, (640, 384)).apply(image), theirs)


def test_our_suppression_is_torchs(detector: UltralyticsDetector) -> None:
    import torch

    batched_nms = pytest.importorskip("torchvision.ops").batched_nms
    random = np.random.default_rng(7)
    corner = random.uniform(0, 300, (400, 2))
    xyxy = np.hstack([corner, corner + random.uniform(5, 120, (400, 2))]).astype(np.float32)
    confidence, class_id = random.random(400).astype(np.float32), random.integers(0, 3, 400)
    ours = keep_by_class(xyxy, confidence, class_id, 0.5)
    theirs = batched_nms(torch.from_numpy(xyxy), torch.from_numpy(confidence), torch.from_numpy(class_id), 0.5)
    assert 50 < len(ours) < 400
    assert ours.tolist() == theirs.tolist()
