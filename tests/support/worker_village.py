"""Cameras in real worker processes, with an inference that finds the same everywhere."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

from contract.config_loader import LoadedCamera, config_version, load_camera, load_site
from contract.event import Event, EventState
from contract.site_config import SiteConfig
from edge.clock import SystemClock
from edge.evidence.store import EvidenceFolder
from edge.outbox import SqliteOutbox
from edge.settings import EdgeSettings
from edge.status import CameraSnapshot, WorkerSnapshot
from edge.workers.messages import Inference
from edge.workers.pool import WorkerPool
from tests.integration.test_edge_process import SITE
from tests.support.fixed_inference import FixedInference

MEDIA = Path(__file__).resolve().parents[2] / "configs" / "demo" / "media"
PATIENCE_S = 90.0


def site() -> SiteConfig:
    """The site of the cameras."""
    found = load_site(SITE, "site.yaml").config
    assert found is not None
    return found


def camera(camera_id: str, model: str = "default", name: str = "Sân") -> LoadedCamera:
    """A camera that plays the bundled clip again and again."""
    text = f"""
camera: {{id: {camera_id}, name: {name}, village: trang-long}}
inputs: [{{path: vtest.mp4, loop: true}}]
detect: {{fps: 5, model: {model}}}
motion: {{enabled: false}}
zones: {{san: {{name: Sân, coordinates: [[0, 0], [1, 0], [1, 1], [0, 1]]}}}}
rules: [{{kind: intrusion, zones: [san], min_duration_s: 0.3}}]
evidence: {{clip: false}}
"""
    config = load_camera(text, "camera.yaml", site()).config
    assert config is not None
    return LoadedCamera(config, text, Path("camera.yaml"), config_version(text))


class Village:
    """A pool with a real outbox and a real evidence folder."""

    def __init__(self, folder: Path, workers: int, silence_s: float = 20.0, inference: Inference | None = None) -> None:
        self.folder = folder
        self.store = SqliteOutbox(folder / "outbox.sqlite", SystemClock())
        self.evidence = EvidenceFolder(folder / "evidence", 50_000_000)
        settings = EdgeSettings(folder, folder, MEDIA)
        self.pool = WorkerPool(
            settings,
            self.store,
            self.evidence,
            inference or FixedInference(),
            workers=workers,
            silence_s=silence_s,
        )

    def apply(self, *cameras: LoadedCamera) -> None:
        self.pool.apply(site(), {loaded.config.camera.id: loaded for loaded in cameras})

    def camera(self, camera_id: str) -> CameraSnapshot:
        return next(camera for camera in self.pool.cameras() if camera.status.camera_id == camera_id)

    def searched(self, camera_id: str) -> float:
        return self.camera(camera_id).figures.get("frames_searched", 0.0)

    def worker_of(self, camera_id: str) -> WorkerSnapshot:
        return next(worker for worker in self.pool.workers() if camera_id in worker.cameras)

    def pid_of(self, camera_id: str) -> int:
        pid = self.worker_of(camera_id).pid
        assert pid is not None
        return pid

    def open(self, camera_id: str) -> list[Event]:
        return [event for event in self.store.open_events() if event.camera_id == camera_id]

    def revisions(self, camera_id: str) -> Mapping[str, list[Event]]:
        found: dict[str, list[Event]] = defaultdict(list)
        for event in self.store.pending_events(10_000):
            if event.camera_id == camera_id:
                found[str(event.event_id)].append(event)
        return found


def until(condition: Callable[[], object]) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Whether a process runs and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def check_nothing_is_lost_or_doubled(village: Village, camera_id: str, events: int) -> None:
    """After a stop: every event of a camera is whole, has ended once, and there are as many as expected."""
    revisions = village.revisions(camera_id)
    assert len(revisions) == events, revisions
    for history in revisions.values():
        assert [event.revision for event in history] == list(range(len(history)))
        assert [event.state is EventState.END for event in history] == [False] * (len(history) - 1) + [True]
    assert village.open(camera_id) == []
