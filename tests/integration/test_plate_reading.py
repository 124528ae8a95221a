"""Number plates through the real recognition network, and through the whole pipeline with real plate boxes."""

from __future__ import annotations

import importlib.util
import logging
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from contract.camera_config import CameraConfig
from contract.config_loader import LoadedCamera
from contract.event import Event, EventState
from contract.ids import uuid7_from_content
from edge.bootstrap import Detectors, make_pipeline
from edge.detection.manifest import models_of
from edge.detection.text_lines import LineReader
from edge.errors import ModelError
from edge.no_evidence import NoEvidence
from edge.picture import ArrayPicture
from edge.plates.formats import parse_plate
from edge.plates.lines import PlateLines
from edge.plates.reader import split_lines
from edge.types import Detections, Frame
from tests.support.colour_model import CELL, HEIGHT, WIDTH, motorbike, paint, write_model, write_plate_model
from tests.support.plates import draw_plate, photograph
from tests.support.scenes import make_site

pytestmark = pytest.mark.plates
needs_network = pytest.mark.skipif(
    importlib.util.find_spec("rapidocr") is None, reason="needs pip install --no-deps rapidocr"
)

PLATES = [
    ("30A-123.45",), ("51F-1234",), ("80NG-678.90",),
    ("43A", "678.90"), ("59-X1", "123.45"), ("29-B2", "8765"), ("92-H1", "456.78"),
]  # fmt: skip


@pytest.fixture(scope="module")
def lines() -> PlateLines:
    return PlateLines()


@needs_network
@pytest.mark.parametrize("plate", PLATES, ids="".join)
def test_drawn_plates_of_both_layouts_are_read(lines: PlateLines, plate: tuple[str, ...]) -> None:
    """Tilted, blurred, noisy, 80 to 190 pixels wide: five of six come out right, and no other text does surely."""
    chance = np.random.default_rng(len(plate[0]))
    wanted = parse_plate(plate)
    assert wanted is not None
    right = 0
    for width in (80, 110, 190) * 2:
        drawn = draw_plate(plate, width=width)
        pad = drawn.shape[0] // 4
        seen = photograph(drawn, chance)[pad:-pad, pad:-pad]
        read = [lines(line) for line in (split_lines(seen) if len(plate) == 2 else [seen])]
        found = parse_plate([text for text, _ in read])
        right += found is not None and found.text == wanted.text
    assert right >= 5


@needs_network
def test_nothing_is_read_where_nothing_stands(lines: PlateLines) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (40, 180, 3), np.uint8)
    for image in (np.zeros((40, 180, 3), np.uint8), noise, np.zeros((0, 10, 3), np.uint8)):
        assert parse_plate([lines(image)[0]]) is None


def test_another_kind_of_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is no recognition network .*--no-deps rapidocr"):
        LineReader("0123", write_model(tmp_path / "colours.xml", ["person"]))


MANIFEST = """\
models:
  - {id: xe-va-nguoi, kind: yolo, files: [{path: xe-va-nguoi.xml}], classes: [person, motorcycle]}
  - {id: bien-so, kind: yolo, files: [{path: bien-so.xml}], classes: [plate], score_threshold: 0.35}
"""
SCALE = 4
"""Of the camera's picture to the models' input."""


@pytest.fixture(scope="module")
def config_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("config")
    (folder / "models").mkdir()
    (folder / "models" / "manifest.yaml").write_text(MANIFEST, encoding="utf-8")
    write_model(folder / "models" / "xe-va-nguoi.xml", ("person", "motorcycle"))
    write_plate_model(folder / "models" / "bien-so.xml")
    return folder


@pytest.fixture(autouse=True)
def _models(config_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("LANGAN_MODELS_DIR", raising=False)
    with models_of(config_dir):
        yield


def scene(column: int | None, riders: int, plate: tuple[str, ...]) -> NDArray[np.uint8]:
    """1280 x 768: a motorbike with its plate on the right half of its box."""
    small = paint() if column is None else motorbike(column, *["With Helmet"] * riders)
    image = cv2.resize(small, (WIDTH * SCALE, HEIGHT * SCALE), interpolation=cv2.INTER_NEAREST)
    if column is not None:
        drawn = draw_plate(plate, width=78)
        left, top = column * CELL * SCALE + 33, 516
        image[top : top + len(drawn), left : left + 78] = drawn
    return np.asarray(image, np.uint8)


class Watched:
    """A pipeline that reads plates, and on how many pictures it looked for one."""

    def __init__(self, *, enabled: bool = True) -> None:
        config = CameraConfig.model_validate(
            {
                "camera": {"id": "cam", "name": "Máy thử", "village": "thon"},
                "inputs": [{"path": "clip.mp4"}],
                "detect": {"model": "xe-va-nguoi"},
                "objects": {"track": ["person", "motorcycle"]},
                "motion": {"enabled": False},
                "plates": {"enabled": enabled, "model": "bien-so"},
                "rules": [
                    {"kind": "overloaded_motorbike"},
                    {"kind": "crowding", "min_people": 2, "min_duration_s": 0.5},
                ],
            }
        )
        detectors = Detectors()
        plates = detectors.plates_worker_for(config)
        self.events: list[Event] = []
        self.looked = 0

        def find(shown: Frame) -> Detections | None:
            assert plates is not None
            self.looked += 1
            return plates.detect(shown)

        self.pipeline = make_pipeline(
            LoadedCamera(config, "", Path("c.yaml"), "v1"),
            make_site(),
            detect=detectors.worker_for(config).detect,
            find_plates=None if plates is None else find,
            evidence=NoEvidence(),
            sink=self,
            new_id=uuid7_from_content,
        )
        self._number = 0

    def put(self, event: Event, media: Sequence[tuple[str, Path]]) -> None:  # noqa: ARG002 - the port's signature
        self.events.append(event)

    def pass_by(self, riders: int, plate: tuple[str, ...]) -> Watched:
        for column in [*range(6, 34), *[None] * 40]:
            at = datetime(2026, 3, 2, 5, tzinfo=UTC) + timedelta(seconds=self._number / 5)
            image = scene(column, riders, plate)
            self.pipeline.process(Frame("cam", ArrayPicture(image), self._number / 5, at, self._number))
            self._number += 1
        return self


@needs_network
def test_the_plate_of_a_vehicle_with_an_event_is_read_and_told_after_the_alert(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    watched = Watched().pass_by(3, ("59-X1", "123.45"))
    told = [event for event in watched.events if event.kind == "overloaded_motorbike"]
    assert told[0].state is EventState.START
    assert told[0].plate is None
    assert told[1].state is EventState.UPDATE
    assert told[1].plate is not None
    assert told[-1].state is EventState.END
    plate = told[-1].plate
    assert plate is not None
    assert plate.text == "59-X1 123.45"
    assert plate.confidence >= 0.5
    assert [event.revision for event in told] == list(range(len(told)))
    assert all(event.plate is None for event in watched.events if event.kind == "crowding")
    assert any(event.kind == "crowding" for event in watched.events)
    assert "event camera=cam kind=overloaded_motorbike" in caplog.text
    assert not {"59-X1", "59X1", "123.45", "12345"} & set(re.split(r"[\s='\"]", caplog.text))
    assert "59-X1" not in caplog.text


@needs_network
def test_no_picture_of_a_vehicle_that_violated_nothing_is_looked_at() -> None:
    watched = Watched().pass_by(2, ("51-A1", "999.99"))
    assert watched.looked == 0
    assert all(event.plate is None for event in watched.events)
    watched.pass_by(3, ("59-X1", "123.45")).pass_by(2, ("51-A1", "999.99"))
    assert 0 < watched.looked <= 6
    assert {event.plate.text for event in watched.events if event.plate is not None} == {"59-X1 123.45"}


def test_nothing_is_read_where_the_camera_does_not_ask_for_it() -> None:
    watched = Watched(enabled=False).pass_by(3, ("59-X1", "123.45"))
    assert watched.looked == 0
    assert any(event.kind == "overloaded_motorbike" for event in watched.events)
    assert all(event.plate is None for event in watched.events)
