"""How `langan-edge bench --cameras` searches, and what it reads of a running edge."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import av
import pytest

from edge.bench.box import BoxRun
from edge.bench.capacity import find_capacity
from edge.bench.phases import make_phases
from edge.bench.process_tree import cpu_between, look_at
from edge.bench.scrape import parse
from edge.errors import SourceUnreadable
from edge.metrics import CAMERA_FIGURES
from edge.monitoring.exposition import render
from edge.monitoring.figures import _camera_figures, _workers
from edge.status import CameraMonitor, CameraSnapshot, WorkerSnapshot
from tests.edge_fakes import FakeClock
from tests.support.clips import make_clip


@dataclass(frozen=True, slots=True)
class Made:
    """A run of a machine that holds so many cameras."""

    cameras: int
    fits: int

    @property
    def held(self) -> bool:
        return self.cameras <= self.fits

    @property
    def cpu_cores(self) -> float:
        return 2.0 * min(1.0, self.cameras / (self.fits + 0.5))

    @property
    def done_share(self) -> float:
        return min(1.0, self.fits / self.cameras)


@pytest.mark.parametrize("first", [1, 6, 20])
@pytest.mark.parametrize("fits", [0, 1, 2, 5, 7, 12, 30])
def test_the_search_finds_the_number_between_held_and_not_held(fits: int, first: int) -> None:
    tried: list[int] = []

    def measure(cameras: int) -> Made:
        tried.append(cameras)
        return Made(cameras, fits)

    found = find_capacity(measure, first=first, cores=2, max_runs=10)
    assert (found.held, found.is_exact) == (fits, True)
    assert len(set(tried)) == len(tried)
    assert (found.best.cameras if found.best else 0) == fits


def test_a_search_that_is_cut_short_says_so() -> None:
    found = find_capacity(lambda cameras: Made(cameras, 50), first=2, cores=2, max_runs=2)
    assert (found.held, found.is_exact) == (6, False)
    most = find_capacity(lambda cameras: Made(cameras, 50), first=8, cores=2, most=8)
    assert (most.held, most.is_exact) == (8, False)


def a_run(**other: float) -> BoxRun:
    figures = {"due": 1000, "dropped": 9, "slowest": 1.0, "lag_s": 0.3, "unwell": 0} | other
    return BoxRun(
        cameras=4, window_s=40.0, decoded=1, searched=1, cpu_s=40.0, stages={}, pss_mb=400.0, keyframes_only=0.0,
        event_s=[0.2, 0.1], **figures,  # type: ignore[arg-type] # the counts among them are whole
    )  # fmt: skip


@pytest.mark.parametrize("other", [{"dropped": 10}, {"slowest": 0.9}, {"lag_s": 1.2}, {"unwell": 1}, {"due": 0}])
def test_a_box_that_falls_behind_in_any_way_does_not_hold(other: dict[str, float]) -> None:
    assert a_run().held
    assert not a_run(**other).held
    assert a_run().figures()["frame_to_event_p50_s"] == pytest.approx(0.15)


def test_what_the_edge_tells_is_read_back_by_its_own_names() -> None:
    figures = {name: float(number) for number, name in enumerate(CAMERA_FIGURES, start=1)}
    status = CameraMonitor("cam_000", FakeClock()).report()
    workers = [
        WorkerSnapshot("inference-0", "inference", 71, figures={}),
        WorkerSnapshot("cameras-0", "cameras", 72, cameras=("cam_000",), figures={}),
    ]
    text = render([*_camera_figures([CameraSnapshot(status, "cameras-0", figures)]), *_workers(workers)])
    seen = parse(text)
    assert seen.cameras == {"cam_000": figures}
    assert seen.inference_pids == {71}


def test_a_process_is_counted_with_its_children() -> None:
    child = (
        "import time; t = time.process_time()\nwhile time.process_time() - t < 0.3: pass\nprint(1, flush=True); input()"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        uses = look_at(process.pid)
        assert len(uses) == 2
        assert cpu_between({}, uses) >= 0.3
        assert cpu_between({}, uses, {process.pid}) < cpu_between({}, uses)
        assert all(use.pss_bytes > 100_000 for use in uses.values())
        assert os.getpid() not in uses
        process.communicate(b"\n")


@pytest.mark.parametrize("b_frames", [0, 2])
def test_copies_of_a_clip_hold_the_same_pictures_from_another_keyframe_on(b_frames: int, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=40, gop=10, b_frames=b_frames)
    phases = make_phases(clip, tmp_path / "copies", 3)
    assert len(phases.paths) == 3
    assert [phases.packets_per_s, phases.clip_s] == pytest.approx([10.0, 4.0])
    with av.open(str(clip)) as source:
        whole = [frame.to_ndarray(format="gray").tobytes() for frame in source.decode(video=0)]
    begins = set()
    for path in phases.paths:
        with av.open(str(path)) as copied:
            frames = list(copied.decode(video=0))
        shown = [frame.to_ndarray(format="gray").tobytes() for frame in frames]
        start = whole.index(shown[0])
        assert start % 10 == 0
        assert shown == whole[start:] + whole[:start]
        times = [frame.time or 0.0 for frame in frames]
        assert [time - times[0] for time in times] == pytest.approx([0.1 * index for index in range(40)])
        begins.add(start)
    assert len(begins) == 3
    assert phases.of(4) == phases.paths[1]


def test_what_is_no_clip_cannot_be_copied(tmp_path: Path) -> None:
    (tmp_path / "note.mp4").write_text("no video", "utf-8")
    with pytest.raises(SourceUnreadable, match=r"note\.mp4"):
        make_phases(tmp_path / "note.mp4", tmp_path / "copies")
