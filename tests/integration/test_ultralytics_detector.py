"""The ultralytics adapter on a real export: needs the extra, so it runs by `make test-ultralytics`."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from bench.detectors import Labelled, match_all, people_of_vtest
from edge.detection.letterbox import Letterbox
from edge.detection.load import load_detector
from edge.detection.manifest import Manifest, ModelEntry, ModelFile, ModelKind
from edge.detection.nms import iou_matrix, keep_by_class
from edge.detection.search import ModelDetector
from edge.detection.ultralytics_model import UltralyticsModel
from edge.errors import ModelError
from edge.picture import ArrayPicture
from edge.types import Frame

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


def skip_without_extra() -> None:
    if importlib.util.find_spec("ultralytics") is None:  # importing it here would import it without our settings
        pytest.skip("needs the ultralytics extra: make test-ultralytics")
    if not WEIGHTS.exists():
        pytest.skip(f"needs {WEIGHTS}, which may not be given away")


@pytest.fixture(scope="module")
def detector() -> ModelDetector:
    skip_without_extra()
    return ModelDetector(UltralyticsModel(WEIGHTS, score_threshold=0.3, threads=2))


@pytest.fixture(scope="module")
def people() -> list[Labelled]:
    return list(people_of_vtest(SHARED / "clips"))


def test_finds_the_people_of_vtest(detector: ModelDetector, people: list[Labelled]) -> None:
    found = detector.detect([item.frame for item in people])
    _, hits, total = match_all(found, [item.truth["person"] for item in people], ("person",))
    # Measured: recall 0.896, precision 0.896.
    assert hits.sum() / total >= 0.85
    assert hits.mean() >= 0.85
    for detections in found:
        assert (detections.confidence >= 0.3).all()
        assert (np.diff(detections.confidence) <= 0).all()
        assert detections.xyxy.dtype == np.float32


def test_knows_the_weights_classes(detector: ModelDetector) -> None:
    assert len(detector.class_names) == 80
    assert detector.class_names[:4] == ("person", "bicycle", "car", "motorcycle")


def test_prints_nothing(people: list[Labelled], detector: ModelDetector, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    ModelDetector(UltralyticsModel(WEIGHTS, score_threshold=0.3, threads=2)).detect([people[0].frame])
    assert capfd.readouterr().out == ""


def test_reports_nothing_to_the_maker(detector: ModelDetector) -> None:
    from ultralytics import settings
    from ultralytics.utils import ONLINE

    assert settings["sync"] is False
    assert ONLINE is False


def test_classes_can_be_renamed(detector: ModelDetector, people: list[Labelled]) -> None:
    names = [f"lop-{number}" for number in range(80)]
    renamed = ModelDetector(UltralyticsModel(WEIGHTS, score_threshold=0.3, threads=2, class_names=names))
    (found,) = renamed.detect([people[0].frame])
    assert "lop-0" in found.class_name
    with pytest.raises(ModelError, match=r"knows 80 classes .* the manifest names 2"):
        UltralyticsModel(WEIGHTS, score_threshold=0.3, threads=2, class_names=["person", "car"])


def test_smaller_input_is_used_when_asked_for(detector: ModelDetector, people: list[Labelled]) -> None:
    small = ModelDetector(UltralyticsModel(WEIGHTS, score_threshold=0.3, threads=2, input_wh=(320, 256)))
    (found,), (usual,) = small.detect([people[0].frame]), detector.detect([people[0].frame])
    assert found.xyxy.shape != usual.xyxy.shape or not np.allclose(found.xyxy, usual.xyxy)


@pytest.mark.parametrize("name", ["broken.pt", "broken.onnx", "picture.png", "empty_openvino_model/"])
def test_unusable_weights_are_refused(detector: ModelDetector, tmp_path: Path, name: str) -> None:
    weights = tmp_path / name
    if name.endswith("/"):
        weights.mkdir()
    else:
        weights.write_bytes(b"these are no weights")
    with pytest.raises(ModelError, match="ultralytics cannot use these weights") as caught:
        UltralyticsModel(weights, score_threshold=0.3, threads=1)
    assert str(weights) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("resolution_wh", [(1920, 1080), (768, 576), (721, 1277), (640, 384), (333, 200)])
def test_our_letterbox_is_ultralytics_letterbox(detector: ModelDetector, resolution_wh: tuple[int, int]) -> None:
    from ultralytics.data.augment import LetterBox

    image = np.random.default_rng(3).integers(1, 256, (resolution_wh[1], resolution_wh[0], 3), np.uint8)
    theirs = LetterBox((384, 640), auto=False, padding_value=0)(image=image)
    np.testing.assert_array_equal(Letterbox(resolution_wh, (640, 384)).apply(image), theirs)


def test_our_suppression_is_torchs(detector: ModelDetector) -> None:
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


def test_a_size_that_the_weights_cannot_run_at_is_refused(detector: ModelDetector) -> None:
    with pytest.raises(ModelError, match=r"runs at 320x256, not at the 300x250 of the manifest"):
        UltralyticsModel(WEIGHTS, score_threshold=0.3, threads=2, input_wh=(300, 250))


def test_model_inputs_pass_its_own_letterbox_unchanged(detector: ModelDetector, people: list[Labelled]) -> None:
    """So that both adapters see the same pixels."""
    model = detector.model
    assert isinstance(model, UltralyticsModel)
    width, height = model.input_wh
    letterbox = Letterbox(people[0].frame.resolution_wh, (width, height))
    model_input = letterbox.apply(people[0].frame.image)
    model.infer([model_input])
    (seen,) = model._model.predictor.pre_transform([model_input])
    np.testing.assert_array_equal(seen, model_input)


@pytest.mark.parametrize("input_wh", [(640, 640), (640, 384)])
def test_the_torch_free_path_gives_the_same_boxes(
    no_network: None, monkeypatch: pytest.MonkeyPatch, input_wh: tuple[int, int]
) -> None:
    """The same weights through ultralytics and through OpenVINO alone, at one precision: 0.1 % of IoU and score."""
    import openvino

    compile_model = openvino.Core.compile_model

    # Any: OpenVINO's Python binding is not typed.
    def at_full_precision(core: Any, model: Any, device_name: str, config: dict[str, Any]) -> Any:
        return compile_model(core, model, device_name, {**config, "INFERENCE_PRECISION_HINT": "f32"})

    monkeypatch.setattr(openvino.Core, "compile_model", at_full_precision)
    assert share_of_equal_boxes(*both_adapters(input_wh), least_iou=0.999, score_within=0.001) == 1.0


def test_the_torch_free_path_gives_nearly_the_same_boxes_as_ultralytics_by_itself() -> None:
    """Where the processor has bf16, ultralytics lets OpenVINO compute in it, which moves weak boxes a little."""
    assert share_of_equal_boxes(*both_adapters((640, 384)), least_iou=0.8, score_within=0.15) >= 0.9


def both_adapters(input_wh: tuple[int, int]) -> tuple[ModelDetector, ModelDetector]:
    skip_without_extra()
    theirs = ModelDetector(UltralyticsModel(WEIGHTS, score_threshold=0.3, threads=2, input_wh=input_wh))
    entry = ModelEntry("y", ModelKind.YOLO, (ModelFile(WEIGHTS / "yolo11n.xml", None),), input_wh=input_wh)
    return load_detector("y", Manifest((entry,)), threads=2), theirs


def share_of_equal_boxes(ours: ModelDetector, theirs: ModelDetector, *, least_iou: float, score_within: float) -> float:
    """Boxes that both found, with the same class, of all that either found."""
    assert ours.class_names == theirs.class_names
    count_ours = count_theirs = matched = 0
    for frame in real_pictures():
        a, b = ours.detect([frame])[0], theirs.detect([frame])[0]
        count_ours, count_theirs = count_ours + len(a), count_theirs + len(b)
        overlaps = iou_matrix(a.xyxy, b.xyxy)
        for index, name in enumerate(a.class_name):
            same = np.array([other == name for other in b.class_name], np.bool_)
            close = np.abs(b.confidence - a.confidence[index]) <= score_within
            matched += bool(((overlaps[index] >= least_iou) & same & close).any())
    assert min(count_ours, count_theirs) > 150
    return matched / max(count_ours, count_theirs)


def real_pictures() -> Iterator[Frame]:
    """Vietnamese camera images by day and night, and frames of every clip."""
    paths = sorted((SHARED / "gt_vn" / "images").iterdir())[::20]
    images = [cv2.imread(str(path)) for path in paths]
    for clip in sorted((SHARED / "clips").glob("*.mp4")):
        video = cv2.VideoCapture(str(clip))
        for place in (0.3, 0.7):
            video.set(cv2.CAP_PROP_POS_FRAMES, int(video.get(cv2.CAP_PROP_FRAME_COUNT) * place))
            images.append(video.read()[1])
        video.release()
    for index, image in enumerate(images):
        assert image is not None
        yield Frame("cam", ArrayPicture(np.asarray(image, np.uint8)), 0.0, datetime(2026, 3, 1, tzinfo=UTC), index)


WATCHED_LOAD = """
import sys
sockets = []
def watch(event, arguments):
    started = event in {"subprocess.Popen", "os.system"} and "ldconfig" not in repr(arguments)
    inward = event == "socket.__new__" and arguments[1] == 1  # AF_UNIX: multiprocessing's own
    if started or (event.startswith("socket.") and not inward):
        sockets.append((event, repr(arguments)[:200]))
sys.addaudithook(watch)
import numpy as np
from pathlib import Path
from edge.detection.ultralytics_model import UltralyticsModel
model = UltralyticsModel(Path(sys.argv[1]), score_threshold=0.3, threads=2)
width, height = model.input_wh
model.infer([np.zeros((height, width, 3), np.uint8)])
sys.exit(f"{len(sockets)}: {sockets}" if sockets else 0)
"""


def test_no_socket_is_opened_at_load_of_a_local_file(detector: ModelDetector, tmp_path: Path) -> None:
    """In a process of its own, from before anything is imported, with settings that nobody has made yet."""
    environment = {**os.environ, "YOLO_CONFIG_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", WATCHED_LOAD, str(WEIGHTS)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
        env=environment,
        check=False,
        timeout=150,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
