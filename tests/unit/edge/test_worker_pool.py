"""What the pool knows of its workers, without their processes."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from contract.config_loader import LoadedCamera, load_site
from contract.event import CameraHealth, CameraStatus
from edge.settings import EdgeSettings
from edge.workers import pool as pool_module
from edge.workers.messages import CameraReport, OwnInference, Report, Usage
from edge.workers.pool import WorkerPool
from tests.integration.test_edge_process import SITE
from tests.support.house import loaded


class SilentChild:
    """Stands where a process would: says only what the test lets it."""

    all: ClassVar[list[SilentChild]] = []
    pid, restarts = 1, 0

    def __init__(self, name: str, *_: object, on_start: Any, on_message: Any, **__: object) -> None:
        self.name, self.begin, self.say = name, on_start, on_message
        self.heard: list[object] = []
        self.all.append(self)

    def start(self) -> None:
        pass

    def send(self, message: object) -> bool:
        self.heard.append(message)
        return True

    def report(self, **cpu_s: float) -> None:
        cameras = {
            name: CameraReport(CameraStatus(camera_id=name, health=CameraHealth.OK), "1", {"decode_cpu_s": value})
            for name, value in cpu_s.items()
        }
        self.say(Report(Usage(0, 0.0), cameras, {}))


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(s=0.0)
    clock.monotonic = lambda: clock.s
    monkeypatch.setattr(pool_module, "time", clock)
    monkeypatch.setattr(pool_module, "Child", SilentChild)
    monkeypatch.setattr(SilentChild, "all", [])
    return clock


def apply(pool: WorkerPool, *names: str) -> None:
    site = load_site(SITE, "site.yaml").config
    assert site is not None
    cameras: dict[str, LoadedCamera] = {name: loaded(name) for name in names}
    pool.apply(site, cameras)


def make(tmp_path: Path, workers: int | None) -> WorkerPool:
    return WorkerPool(EdgeSettings(tmp_path, tmp_path, tmp_path), Any, Any, OwnInference(), workers=workers)  # type: ignore[arg-type]


def where(pool: WorkerPool) -> dict[str, str]:
    return {camera: worker.name for worker in pool.workers() for camera in worker.cameras}


def test_a_camera_is_measured_since_it_came_and_not_since_its_worker_began(
    tmp_path: Path, now: SimpleNamespace
) -> None:
    pool = make(tmp_path, 2)
    apply(pool, "a", "b")
    first, second = SilentChild.all
    first.begin()
    second.begin()
    first.report(a=0.1)
    second.report(b=0.1)
    now.s = 100_000.0
    first.report(a=10_000)
    second.report(b=20_000)
    apply(pool, "a", "b", "c")
    assert where(pool) == {"a": "worker-1", "b": "worker-2", "c": "worker-1"}
    first.report(a=10_000, c=1)
    now.s += 1000
    first.report(a=10_100, c=600)
    second.report(b=20_200)
    apply(pool, "a", "b", "c", "d")
    assert where(pool)["d"] == "worker-2", "a takes 0.1 core and c 0.6, b takes 0.2"


def test_a_reload_reaches_a_worker_that_refused_a_camera_and_no_other(tmp_path: Path, now: SimpleNamespace) -> None:
    del now
    pool = make(tmp_path, 2)
    apply(pool, "a", "b")
    for child, name in zip(SilentChild.all, "ab", strict=True):
        child.begin()
        child.report(**{name: 1.0})
    apply(pool, "a", "b")
    assert [len(child.heard) for child in SilentChild.all] == [1, 1]
    refused = CameraStatus(camera_id="a", health=CameraHealth.REFUSED)
    SilentChild.all[0].say(Report(Usage(0, 0.0), {"a": CameraReport(refused, "", {})}, {}))
    apply(pool, "a", "b")
    assert [len(child.heard) for child in SilentChild.all] == [2, 1]


def test_there_are_as_many_workers_as_cores_that_the_edge_may_use(
    tmp_path: Path, now: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    del now
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 5, 7})
    pool = make(tmp_path, None)
    apply(pool, *"abcdefgh")
    assert [worker.name for worker in pool.workers()] == ["worker-1", "worker-2", "worker-3"]
