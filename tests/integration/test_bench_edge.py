"""The benchmarks of the edge run, and their figures agree with each other. What they say of speed is no test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from bench.edge_content import KINDS, make_content
from bench.edge_scene import CAMERA, SITE

ROOT = Path(__file__).resolve().parents[2]
PROMISED = {
    "cameras_quiet", "cameras_mixed", "cameras_busy", "plain_loop_cameras_mixed", "overhead_over_parts",
    "clip_cost_share", "p95_frame_to_event_s",
}  # fmt: skip


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with streams of 3 s."""
    folder = tmp_path_factory.mktemp("streams")
    make_content(folder, seconds=3.0)
    return folder


@pytest.mark.timeout(600)
def test_langan_edge_bench_tells_what_a_box_with_two_cameras_did(streams: Path, tmp_path: Path) -> None:
    (tmp_path / "cameras").mkdir()
    (tmp_path / "site.yaml").write_text(SITE, "utf-8")
    (tmp_path / "cameras" / "pho.yaml").write_text(CAMERA, "utf-8")
    clip = make_content(streams, seconds=3.0).paths["busy"]
    done = subprocess.run(
        [
            sys.executable, "-m", "edge.cli", "bench", "--cameras", "--config", str(tmp_path), "--camera", "pho",
            "--cores", "1", "--first", "2", "--runs", "1", "--window", "8", "--warm-up", "0", str(clip),
        ],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    run, told = json.loads(done.stderr.splitlines()[-1]), json.loads(done.stdout)
    assert run["cameras"] == 2
    assert run["due"] >= run["dropped"] >= 0
    assert run["due"] > 0
    assert 0.0 < run["slowest_read"] < 1.3
    assert 0.0 < run["cpu_cores"] < 1.2  # of the one that it may use
    assert sum(run["cpu_share"].values()) == pytest.approx(1.0, abs=0.1)
    assert run["cpu_share"]["decode"] > 0
    assert run["pss_mb"] > 50
    assert run["events"] == 0 or run["frame_to_event_p95_s"] >= run["frame_to_event_p50_s"] > 0
    assert told["cameras_held"] == (2 if run["held"] else 0)


@pytest.mark.timeout(900)
def test_bench_edge_ends_with_one_line_whose_figures_agree(tmp_path: Path) -> None:
    detail_file = tmp_path / "detail.json"
    done = subprocess.run(
        [sys.executable, "-m", "bench.edge_all", "--quick", "--cache", str(tmp_path), "--detail", str(detail_file)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert last.keys() >= PROMISED
    detail = json.loads(detail_file.read_text("utf-8"))["detail"]
    for kind in KINDS:
        assert last[f"cameras_{kind}"] == max([run["cameras"] for run in detail[kind] if run["held"]], default=0)
    assert last["plain_loop"] == "nanodet"
    for kind in ("mixed", "busy"):
        loops = detail[f"plain_nanodet_{kind}"]["runs"]
        assert last[f"plain_loop_cameras_{kind}"] == max([run["cameras"] for run in loops if run["held"]], default=0)
        assert all(0.0 < run["done_share"] < 1.5 and run["pss_mb_per_camera"] > 50 for run in loops)
    for item in detail["overhead"]["rounds"]:
        parts_s = item["decode_cpu_s"] + item["infer_cpu_s"]
        assert item["over"] == pytest.approx(item["whole_cpu_s"] / parts_s - 1.0, abs=0.05)
        assert min(item["decode_cpu_s"], item["infer_cpu_s"], item["decode_ms"], item["infer_ms"]) > 0
    cost = detail["clip"]
    assert 0 < cost["cut_cpu_s"] < cost["encode_cpu_s"]
    assert last["clip_cost_share"] == pytest.approx(cost["cut_cpu_s"] / cost["encode_cpu_s"], rel=0.05)


def test_streams_differ_in_how_much_moves(streams: Path) -> None:
    moves = {kind: _moving(path) for kind, path in make_content(streams, seconds=3.0).paths.items()}
    assert not any(moves["quiet"])
    assert all(moves["busy"])
    assert 0.1 < sum(moves["mixed"]) / len(moves["mixed"]) < 0.5  # a fifth, and the changes before and after


def _moving(path: Path) -> list[bool]:
    """Whether something differs from the picture 5 before, beyond the noise."""
    with av.open(str(path)) as source:
        frames = [frame.reformat(480, 270, "gray").to_ndarray() for frame in source.decode(video=0)]
    blurred = [np.asarray(cv2.GaussianBlur(frame, (9, 9), 0), np.int16) for frame in frames]
    return [int((np.abs(after - before) > 15).sum()) > 100 for before, after in zip(blurred, blurred[5:], strict=False)]
