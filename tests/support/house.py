"""A supervisor over cameras whose sources and pipelines do what a script says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from contract.camera_config import CameraConfig
from contract.config_loader import LoadedCamera
from contract.event import CameraHealth, HealthReason
from edge.clock import SystemClock
from edge.errors import ModelError, SourceError
from edge.picture import ArrayPicture
from edge.status import CameraMonitor
from edge.supervisor import Supervisor
from edge.types import Frame
from edge.worker import CameraParts


class Stage:
    """One camera's fake parts: what its sources do in turn, and what its pipeline was told."""

    def __init__(self, camera_id: str) -> None:
        self.camera_id = camera_id
        self.script: list[Exception | int | str] = []
        """For each opening: an error, a number of frames before the stream breaks, `live` or `end`."""
        self.openings = 0
        self.trouble = ""
        self.told: list[str] = []
        self.pipelines = 0
        self.crash_at: set[int] = set()
        self.frames = 0
        self.hold: threading.Event | None = None
        """The pipeline hangs until it is set."""
        self.held = False

    def parts(self) -> CameraParts:
        return CameraParts(self.camera_id, lambda: Source(self), None, self.make_pipeline)

    def make_pipeline(self, monitor: CameraMonitor) -> Pipeline:  # noqa: ARG002 - the port's signature
        self.pipelines += 1
        return Pipeline(self)

    def act(self) -> Exception | int | str:
        self.openings += 1
        return self.script.pop(0) if self.script else "live"


class Source:
    """Frames as the stage's script says. Implements `edge.worker.CameraSource`."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.closed = threading.Event()
        self.trouble = stage.trouble
        self.catching_up = False
        self.given = 0

    def frames(self) -> Iterator[Frame]:
        act = self.stage.act()
        if isinstance(act, Exception):
            raise act
        count = 3 if act == "end" else act if isinstance(act, int) else 1_000_000
        for i in range(count):
            if self.closed.wait(0.005):
                return
            self.given += 1
            yield Frame(
                self.stage.camera_id,
                ArrayPicture(np.zeros((2, 2, 3), np.uint8)),
                time.monotonic(),
                datetime.now(UTC),
                i,
            )
        if act != "end":
            raise SourceError("the stream broke: look at the cable")

    def figures(self) -> dict[str, float]:
        return {"packets": self.given, "decode_idle": 1.0}

    def close(self) -> None:
        self.closed.set()


class Pipeline:
    """Writes down what it is told. Implements `edge.worker.Pipeline`."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def process(self, frame: Frame) -> None:  # noqa: ARG002 - the port's signature
        self.stage.frames += 1
        if self.stage.hold is not None:
            self.stage.held = True
            self.stage.hold.wait(20)
        if self.stage.frames in self.stage.crash_at:
            raise ZeroDivisionError("a defect in a rule")
        self.stage.told.append("frame")

    def idle(self, now_s: float) -> None:  # noqa: ARG002 - the port's signature
        self.stage.told.append("idle")

    def stream_ended(self) -> None:
        self.stage.told.append("stream_ended")

    def finish(self) -> None:
        self.stage.told.append("finish")

    def figures(self) -> dict[str, float]:
        return {"frames_searched": self.stage.frames}


def loaded(camera_id: str, version: str = "1", enabled: bool = True) -> LoadedCamera:
    """A camera's file as it was read."""
    config = CameraConfig.model_validate(
        {
            "camera": {"id": camera_id, "name": camera_id, "village": "v", "enabled": enabled},
            "inputs": [{"path": "clip.mp4"}],
        }
    )
    return LoadedCamera(config, "", Path(f"{camera_id}.yaml"), version)


def until(condition: Callable[[], bool], limit_s: float = 20.0) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


class House:
    """A supervisor over stages."""

    def __init__(self) -> None:
        self.stages: dict[str, Stage] = {}
        self.refuse: set[str] = set()
        self.built: list[tuple[str, str]] = []
        self.supervisor = Supervisor(self.make_parts, SystemClock())

    def stage(self, camera_id: str) -> Stage:
        return self.stages.setdefault(camera_id, Stage(camera_id))

    def make_parts(self, camera: LoadedCamera) -> CameraParts:
        camera_id = camera.config.camera.id
        if camera.version == "defect":
            raise ZeroDivisionError("a defect in a part")
        if camera.version in self.refuse:
            raise ModelError("no such model: choose another")
        self.built.append((camera_id, camera.version))
        return self.stage(camera_id).parts()

    def health(self, camera_id: str) -> CameraHealth:
        return self.status(camera_id)[0]

    def status(self, camera_id: str) -> tuple[CameraHealth, str]:
        return next((s.health, s.message) for s in self.supervisor.statuses() if s.camera_id == camera_id)

    def reason(self, camera_id: str) -> HealthReason:
        return next(s.reason for s in self.supervisor.statuses() if s.camera_id == camera_id)
