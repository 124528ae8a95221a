"""Weights on a Triton server, through ultralytics: needs the extra, so it runs by `make test-ultralytics`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from bench.detectors import people_of_vtest
from edge.detection.load import load_detector
from edge.detection.manifest import Manifest, ModelEntry, ModelFile, ModelKind
from edge.errors import ModelError
from tests.support.triton import triton_server

pytestmark = [
    pytest.mark.ultralytics,
    # Deprecations inside torch, ultralytics and gevent are theirs to mend.
    pytest.mark.filterwarnings("default"),
]

SHARED = Path(__file__).resolve().parents[3] / "shared"
WEIGHTS = SHARED / "weights" / "yolo11n_int8_openvino_model"


@pytest.fixture(autouse=True)
def needs_extra() -> None:
    # Importing ultralytics here would import it without our settings.
    if importlib.util.find_spec("ultralytics") is None or importlib.util.find_spec("tritonclient") is None:
        pytest.skip("needs the ultralytics extra and tritonclient: make test-ultralytics")
    if not WEIGHTS.exists():
        pytest.skip(f"needs {WEIGHTS}, which may not be given away")


def remote(url: str) -> Manifest:
    entry = ModelEntry("far", ModelKind.ULTRALYTICS, (), input_wh=(640, 384), weights_url=url)
    local = ModelEntry("near", ModelKind.YOLO, (ModelFile(WEIGHTS / "yolo11n.xml", None),), input_wh=(640, 384))
    return Manifest((entry, local))


def test_a_model_on_a_triton_server_finds_what_it_finds_here() -> None:
    names = {number: f"lop-{number}" for number in range(80)}
    metadata: dict[str, object] = {
        "stride": 32,
        "task": "detect",
        "batch": 1,
        "imgsz": [640, 640],
        "names": names,
        "args": {"dynamic": True},
    }
    with triton_server(WEIGHTS / "yolo11n.xml", metadata) as (url, asked):
        manifest = remote(f"{url}/yolo11n")
        far, near = load_detector("far", manifest, threads=2), load_detector("near", manifest, threads=2)
        assert far.class_names[:2] == ("lop-0", "lop-1")
        count = 0
        for item in list(people_of_vtest(SHARED / "clips"))[::4]:
            (there,), (here,) = far.detect([item.frame]), near.detect([item.frame])
            np.testing.assert_allclose(there.xyxy, here.xyxy, atol=0.5)
            np.testing.assert_allclose(there.confidence, here.confidence, atol=0.005)
            count += len(here)
        assert count >= 10
        assert set(asked) == {"GET /v2/models/yolo11n/config", "POST /v2/models/yolo11n/infer"}


def test_a_model_that_the_server_lacks_is_refused() -> None:
    with triton_server(WEIGHTS / "yolo11n.xml", {}) as (url, _), pytest.raises(ModelError, match="look at the Triton"):
        load_detector("far", remote(f"{url}/khong-co"), threads=2)


def test_a_server_that_is_away_is_refused() -> None:
    with triton_server(WEIGHTS / "yolo11n.xml", {}) as (url, _):
        pass
    with pytest.raises(ModelError, match="look at the Triton server"):
        load_detector("far", remote(f"{url}/yolo11n"), threads=2)
