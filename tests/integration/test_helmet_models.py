"""Helmets from a model to an event: real networks, the real adapter, the inference process and the whole pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from contract.camera_config import CameraConfig
from contract.config_loader import LoadedCamera
from contract.event import Event
from contract.ids import uuid7_from_content
from contract.rules.no_helmet import NoHelmetFacts
from contract.rules.overloaded_motorbike import OverloadedMotorbikeFacts
from edge.bootstrap import Detectors, make_pipeline
from edge.cli import main
from edge.detection.manifest import load_manifest, models_of
from edge.errors import ModelError
from edge.inference.client import RemoteDetectors
from edge.inference.host import InferenceHost
from edge.no_evidence import NoEvidence
from edge.picture import ArrayPicture
from edge.types import Detections, Frame, Observation
from tests.support.colour_model import motorbike, paint, write_model
from tests.support.scenes import make_site

BOTH = ("person", "motorcycle", "With Helmet", "Without Helmet")
MANIFEST = """\
models:
  - id: tat-ca
    kind: yolo
    files: [{path: tat-ca.xml}]
    classes: [person, motorcycle, With Helmet, Without Helmet]
    parts: {helmet: [With Helmet], no_helmet: [Without Helmet]}
  - id: xe-va-nguoi
    kind: yolo
    files: [{path: xe-va-nguoi.xml}]
    classes: [person, motorcycle]
  - id: mu
    kind: yolo
    files: [{path: mu.xml}]
    classes: [With Helmet, Without Helmet]
    parts: {helmet: [With Helmet], no_helmet: [Without Helmet]}
"""
RULES: tuple[dict[str, object], ...] = ({"kind": "no_helmet"}, {"kind": "overloaded_motorbike"})


@pytest.fixture(scope="module")
def config_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("config")
    (folder / "models").mkdir()
    (folder / "models" / "manifest.yaml").write_text(MANIFEST, encoding="utf-8")
    for name, classes in (("tat-ca", BOTH), ("xe-va-nguoi", BOTH[:2]), ("mu", BOTH[2:])):
        write_model(folder / "models" / f"{name}.xml", classes)
    return folder


@pytest.fixture(autouse=True)
def _models(config_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("LANGAN_MODELS_DIR", raising=False)
    with models_of(config_dir):
        yield


def camera(detect: dict[str, object], rules: Sequence[dict[str, object]] = RULES) -> CameraConfig:
    return CameraConfig.model_validate(
        {
            "camera": {"id": "cam", "name": "Máy thử", "village": "thon"},
            "inputs": [{"path": "clip.mp4"}],
            "detect": detect,
            "objects": {"track": ["person", "motorcycle"]},
            "motion": {"enabled": False},
            "rules": list(rules),
        }
    )


def frame(image: NDArray[np.uint8], number: int) -> Frame:
    at = datetime(2026, 3, 2, 5, tzinfo=UTC) + timedelta(seconds=number / 5)
    return Frame("cam", ArrayPicture(image), number / 5, at, number)


class Watched:
    """A pipeline's events and observations, and how often the second model was asked."""

    def __init__(self, config: CameraConfig) -> None:
        detectors = Detectors()
        self.events: list[Event] = []
        self.seen: list[Observation] = []
        self.asked: list[int] = []
        parts = detectors.parts_worker_for(config)

        def detect_parts(shown: Frame) -> Detections | None:
            assert parts is not None
            self.asked.append(shown.sequence)
            return parts.detect(shown)

        self.pipeline = make_pipeline(
            LoadedCamera(config, "", Path("c.yaml"), "v1"),
            make_site(),
            detect=detectors.worker_for(config).detect,
            detect_parts=None if parts is None else detect_parts,
            evidence=NoEvidence(),
            sink=self,
            new_id=uuid7_from_content,
        )
        self.detectors = detectors

    def put(self, event: Event, media: Sequence[tuple[str, Path]]) -> None:  # noqa: ARG002 - the port's signature
        self.events.append(event)

    def play(self, pictures: Sequence[NDArray[np.uint8]]) -> Watched:
        for number, image in enumerate(pictures):
            self.pipeline.process(frame(image, number))
            observation, _ = self.pipeline.last_moment
            assert observation is not None
            self.seen.append(observation)
        self.pipeline.finish()
        self.detectors.close()
        return self

    def last(self, kind: str) -> Event | None:
        return next((event for event in reversed(self.events) if event.kind == kind), None)


def passing(*heads: str) -> list[NDArray[np.uint8]]:
    """Ten empty pictures, then a motorbike from left to right, a cell a picture, then ten empty ones."""
    empty = [paint()] * 10
    return [*empty, *(motorbike(column, *heads) for column in range(6, 36)), *empty]


@pytest.mark.parametrize("detect", [{"model": "tat-ca"}, {"model": "xe-va-nguoi", "parts_model": "mu"}])
def test_a_bare_head_becomes_an_event_and_parts_are_never_tracked(detect: dict[str, object]) -> None:
    watched = Watched(camera(detect)).play(passing("With Helmet", "Without Helmet"))
    event = watched.last("no_helmet")
    assert event is not None
    facts = event.facts
    assert isinstance(facts, NoHelmetFacts)
    assert (facts.riders, facts.without_helmet, facts.votes_against) == (2, 1, 0)
    assert facts.votes >= 20
    assert watched.last("overloaded_motorbike") is None
    assert {track.class_name for seen in watched.seen for track in seen.tracks} == {"person", "motorcycle"}
    assert {part.class_name for seen in watched.seen for part in seen.parts} == {"helmet", "no_helmet"}
    (part,) = (part for part in watched.seen[20].parts if part.class_name == "helmet")
    assert part.xyxy == pytest.approx((17 * 8 / 320, 13 * 8 / 192, 18 * 8 / 320, 14 * 8 / 192), abs=0.002)


@pytest.mark.parametrize("detect", [{"model": "tat-ca"}, {"model": "xe-va-nguoi", "parts_model": "mu"}])
def test_helmets_raise_nothing_and_three_riders_do(detect: dict[str, object]) -> None:
    watched = Watched(camera(detect)).play(passing("With Helmet", "With Helmet", "With Helmet"))
    assert watched.last("no_helmet") is None
    event = watched.last("overloaded_motorbike")
    assert event is not None
    assert isinstance(event.facts, OverloadedMotorbikeFacts)
    assert event.facts.riders == 3


def test_the_second_model_is_asked_only_while_a_motorbike_is_tracked() -> None:
    watched = Watched(camera({"model": "xe-va-nguoi", "parts_model": "mu"})).play(passing("With Helmet"))
    ridden = {
        number
        for number, seen in enumerate(watched.seen)
        if any(track.class_name == "motorcycle" for track in seen.tracks)
    }
    assert set(watched.asked) == ridden
    assert 0 < len(ridden) < len(watched.seen)


def test_nobody_asks_for_parts_where_no_rule_is_about_them() -> None:
    config = camera({"model": "xe-va-nguoi", "parts_model": "mu"}, rules=RULES[1:])
    assert Detectors().parts_worker_for(config) is None
    watched = Watched(camera({"model": "tat-ca"}, rules=RULES[1:])).play(passing("Without Helmet"))
    assert all(seen.parts == () for seen in watched.seen)


@pytest.fixture
def remote(config_dir: Path) -> Iterator[RemoteDetectors]:
    host = InferenceHost(config_dir)
    host.start()
    detectors = RemoteDetectors(host.inference.address)
    yield detectors
    detectors.close()
    host.stop(60.0)


def test_the_inference_process_holds_both_models(remote: RemoteDetectors) -> None:
    config = camera({"model": "xe-va-nguoi", "parts_model": "mu"})
    things, parts = remote.worker_for(config), remote.parts_worker_for(config)
    assert parts is not None
    picture = frame(motorbike(20, "With Helmet", "Without Helmet"), 0)
    found, worn = things.detect(picture), parts.detect(picture)
    assert found is not None
    assert worn is not None
    assert sorted(found.class_name) == ["motorcycle", "person", "person"]
    assert sorted(worn.class_name) == ["helmet", "no_helmet"]
    with pytest.raises(
        ModelError, match="'xe-va-nguoi' does not know helmet, no_helmet, which a rule is about: say under"
    ):
        remote.worker_for(camera({"model": "xe-va-nguoi"}))


@pytest.mark.parametrize(
    ("detect", "message"),
    [
        ({"model": "xe-va-nguoi"}, "model 'xe-va-nguoi' does not know helmet, no_helmet, .* detect.parts_model"),
        ({"model": "tat-ca", "parts_model": "xe-va-nguoi"}, "model 'xe-va-nguoi' does not know helmet, no_helmet"),
    ],
)
def test_a_camera_whose_model_knows_no_helmets_does_not_start(detect: dict[str, object], message: str) -> None:
    config = camera(detect)

    def start(detectors: Detectors) -> None:
        detectors.worker_for(config)
        detectors.parts_worker_for(config)

    with pytest.raises(ModelError, match=message):
        start(Detectors())


def test_a_manifest_whose_parts_are_no_classes_of_the_weights_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "mu.xml", BOTH[2:])
    (tmp_path / "metadata.yaml").write_text("names: {0: With Helmet, 1: Without Helmet}\n", encoding="utf-8")
    path = tmp_path / "manifest.yaml"
    path.write_text(
        "models:\n  - {id: mu, kind: yolo, files: [{path: mu.xml}], parts: {helmet: [Helmet]}}\n", encoding="utf-8"
    )
    from edge.detection.load import load_model

    with pytest.raises(ModelError, match=r"model 'mu' has no class Helmet: .*it knows With Helmet, Without Helmet"):
        load_model("mu", load_manifest(path), threads=1)


SITE = """
site: {name: Xã Nhơn Lộc, timezone: Asia/Ho_Chi_Minh}
places:
  - {id: gia-lai, kind: province, name: Gia Lai}
  - {id: nhon-loc, kind: commune, name: Xã Nhơn Lộc, parent: gia-lai}
  - {id: trang-long, kind: village, name: Thôn Tráng Long, parent: nhon-loc}
"""
CAMERA = """
camera: {id: san, name: Sân nhà văn hóa, village: trang-long}
inputs: [{path: rtsp://192.0.2.1/none}]
detect: {DETECT}
objects: {track: [TRACK]}
rules:
  - {kind: no_helmet}
"""


@pytest.fixture
def validate(config_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def run(detect: str, track: str = "person, motorcycle", language: str = "en") -> tuple[int, str]:
        (tmp_path / "cameras").mkdir(exist_ok=True)
        (tmp_path / "site.yaml").write_text(SITE, "utf-8")
        (tmp_path / "cameras" / "san.yaml").write_text(
            CAMERA.replace("DETECT", detect).replace("TRACK", track), "utf-8"
        )
        (tmp_path / "models").unlink(missing_ok=True)
        (tmp_path / "models").symlink_to(config_dir / "models")
        status = main(["validate", "--language", language, str(tmp_path)])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def test_validate_refuses_the_rule_where_no_model_knows_helmets(validate: Callable[..., tuple[int, str]]) -> None:
    for detect in ("", "model: xe-va-nguoi", "parts_model: xe-va-nguoi"):
        status, said = validate(detect)
        assert status == 1
        assert "san.yaml:7: rules[0]: " in said
        assert "does not know helmet, no_helmet: say under parts: of its entry" in said
        assert "detect.parts_model" in said
    assert "không nhận ra helmet, no_helmet: hãy ghi" in validate("", language="vi")[1]
    for detect in ("model: tat-ca", "parts_model: mu", "model: xe-va-nguoi, parts_model: mu"):
        assert validate(detect)[0] == 0
    status, said = validate("parts_model: khong-co")
    assert (status, "detect.parts_model: unknown model 'khong-co'" in said) == (1, True)
    status, said = validate("parts_model: mu", "motorcycle")
    assert (status, "no_helmet looks for 'person' too, which is not tracked" in said) == (1, True)
