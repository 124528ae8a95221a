"""The builder of the embedded model: what it reads, and what it refuses."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.build import calibration, tarball
from models.build.errors import BuildError
from models.build.tfjs import read_graph


def graph_json(*weights: dict[str, object]) -> bytes:
    nodes = [
        {"name": "weights", "op": "Const"},
        {
            "name": "conv",
            "op": "Conv2D",
            "input": ["picture", "weights"],
            "attr": {
                "padding": {"s": base64.b64encode(b"VALID").decode()},
                "strides": {"list": {"i": ["1", "2", "2", "1"]}},
                "alpha": {"f": 0.1},
                "align_corners": {"b": False},
            },
        },
    ]
    return json.dumps({"modelTopology": {"node": nodes}, "weightsManifest": [{"weights": list(weights)}]}).encode()


HALF: dict[str, object] = {"name": "weights", "shape": [2, 1], "dtype": "float32", "quantization": {"dtype": "float16"}}
COUNT: dict[str, object] = {"name": "count", "shape": [], "dtype": "int32"}


def test_graph_and_constants_are_read() -> None:
    stored = np.array([0.5, -2], np.float16).tobytes() + np.array(7, np.int32).tobytes()
    graph = read_graph(graph_json(HALF, COUNT), stored)
    np.testing.assert_array_equal(graph.constants["weights"], np.array([[0.5], [-2]], np.float32))
    assert graph.constants["weights"].dtype == np.float32
    assert int(graph.constants["count"]) == 7
    conv = graph.nodes[1]
    assert conv.inputs == ("picture", "weights")
    assert (conv.text("padding"), conv.integers("strides"), conv.flag("align_corners")) == (
        "VALID",
        [1, 2, 2, 1],
        False,
    )
    assert conv.number("alpha") == pytest.approx(0.1)


def test_weights_of_another_size_are_refused() -> None:
    with pytest.raises(BuildError, match="have 8 bytes, but the graph describes 4"):
        read_graph(graph_json(HALF), bytes(8))


def package(folder: Path, **members: bytes) -> Path:
    path = folder / "package.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def test_another_tarball_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=f"expected {tarball.SHA256}"):
        tarball.read_members(package(tmp_path, a=b"1"), ("a",))


def test_missing_tarball_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"none\.tgz: cannot be read"):
        tarball.read_members(tmp_path / "none.tgz", ("a",))


def test_missing_npm_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match=r"npm is not installed: .*--tarball"):
        tarball.fetch(tmp_path)


def test_calibration_sees_pictures_as_the_detector_does(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    cv2.imwrite(str(tmp_path / "deeper" / "white.png"), np.full((100, 100, 3), 255, np.uint8))
    clip = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for grey in range(0, 200, 10):
        clip.write(np.full((48, 64, 3), grey, np.uint8))
    clip.release()

    inputs = calibration.model_inputs([tmp_path], frames_per_clip=3, input_wh=(640, 384))

    assert [item.shape for item in inputs] == [(1, 384, 640, 3)] * 4
    # In order of path: the clip (first, middle, last frame), then the image, centred on black.
    assert [round(float(item[0, 192, 320].mean()), -1) for item in inputs] == [0, 90, 190, 260]
    assert (inputs[3][0, :, :100] == 0).all()


def test_calibration_sources_that_are_missing_or_empty_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="nowhere: no such file"):
        calibration.model_inputs([tmp_path / "nowhere"], frames_per_clip=3, input_wh=(640, 384))
    with pytest.raises(BuildError, match="no image or clip there"):
        calibration.model_inputs([tmp_path], frames_per_clip=3, input_wh=(640, 384))
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(BuildError, match=r"broken\.jpg: is no image"):
        calibration.model_inputs([tmp_path], frames_per_clip=3, input_wh=(640, 384))
