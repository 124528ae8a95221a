"""The main process's side of the workers: who runs which camera, what they say, and what follows a death."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Protocol
from uuid import UUID

from contract.config_loader import LoadedCamera
from contract.event import CameraHealth, CameraStatus, Event, EventState, HealthReason
from contract.site_config import SiteConfig
from edge.errors import EdgeError
from edge.evidence.store import StoredFile
from edge.look.messages import Glance, Shown
from edge.recorder import EventSink, end_orphans
from edge.settings import EdgeSettings
from edge.status import CameraSnapshot, WorkerSnapshot, add_notices
from edge.workers import assignment
from edge.workers.child import SILENCE_S, Child
from edge.workers.entry import run_worker
from edge.workers.messages import (
    AdoptFile,
    Answer,
    Apply,
    CameraReport,
    Death,
    FreeSpace,
    Inference,
    PutEvent,
    Report,
    WorkerSetup,
)

log = logging.getLogger(__name__)

SUSPECT_S = 600.0
"""A second death within this time is no accident: the worker's cameras are parted, until the one to blame is alone."""
TOLD_S = 3600.0
"""For so long after a death the admin is told that a camera runs alone."""
MEASURED_S = 30.0
"""A camera's load is believed once it was measured for so long."""


class EvidenceAdopter(Protocol):
    """What the pool needs of `EvidenceFolder`."""

    def add_file(self, source: Path, suffix: str | None = None) -> StoredFile: ...

    def free(self, wanted_bytes: int) -> int: ...


@dataclass(slots=True)
class _Load:
    """What a camera took of the processor."""

    version: str
    since_s: float
    """Monotonic time of the first report of it."""
    cpu_s: float


@dataclass(slots=True)
class _Worker:
    """A worker process and what is known of it."""

    child: Child
    scratch_dir: Path
    cameras: tuple[str, ...]
    sent: tuple[SiteConfig, dict[str, str]] | None = None
    """What it was told last, versions by camera; None: nothing since its start."""
    report: Report | None = None
    """Its newest; None: it has not said anything since its start."""
    loads: dict[str, _Load] = field(default_factory=dict)
    """By camera, since it began there."""
    deaths: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=32))
    """When it died, and how many cameras it had then: with one, there is no doubt whose fault it was."""
    why: str = ""
    """How it died last."""
    open_events: dict[UUID, Event] = field(default_factory=dict)
    """The last revision of each."""

    def runs(self, versions: Mapping[str, str]) -> bool:
        """Tell whether its last report says so; True before the first."""
        reports = self.report.cameras if self.report is not None else None
        return reports is None or all(
            name in reports and reports[name].version == version for name, version in versions.items()
        )

    def recent_deaths(self, within_s: float, most_cameras: int = 1 << 30) -> int:
        now_s = time.monotonic()
        return sum(now_s - died_s < within_s and cameras <= most_cameras for died_s, cameras in self.deaths)


class WorkerPool:
    """Runs cameras in worker processes. Thread-safe.

    Args:
        settings: How the edge was started.
        sink: Takes the workers' events.
        evidence: Takes their files.
        inference: How workers come by detectors.
        workers: How many share the cameras; None: one for each core.
        silence_s: A worker that says nothing for so long is killed.
        on_shown: Called with what a camera that was asked to be shown sees; must not wait.
    """

    def __init__(
        self,
        settings: EdgeSettings,
        sink: EventSink,
        evidence: EvidenceAdopter,
        inference: Inference,
        *,
        workers: int | None = None,
        silence_s: float = SILENCE_S,
        on_shown: Callable[[Shown], None] = lambda _shown: None,
    ) -> None:
        self._settings = settings
        self._sink = sink
        self._evidence = evidence
        self._inference = inference
        self._wanted_workers = workers
        self._silence_s = silence_s
        self._on_shown = on_shown
        self._lock = threading.RLock()
        self._workers: dict[str, _Worker] = {}
        self._leaving: list[_Worker] = []
        """Without a camera: on their way out."""
        self._site: SiteConfig | None = None
        self._cameras: Mapping[str, LoadedCamera] = {}
        self._good: dict[str, LoadedCamera] = {}
        """What each camera was last seen running with."""
        self._stopping = False
        self._hired = count(1)

    def apply(self, site: SiteConfig, cameras: Mapping[str, LoadedCamera]) -> None:
        """Put a configuration in force. Only workers whose cameras changed hear of it."""
        with self._lock:
            if self._stopping:
                return
            self._site, self._cameras = site, dict(cameras)
            self._good = {name: loaded for name, loaded in self._good.items() if name in cameras}
            enabled = {name: loaded for name, loaded in cameras.items() if loaded.config.camera.enabled}
            self._follow(
                assignment.assign(
                    {name: self._load(name, loaded) for name, loaded in enabled.items()},
                    {name: worker.cameras for name, worker in self._workers.items()},
                    assignment.worker_count(len(enabled), len(os.sched_getaffinity(0)), self._wanted_workers),
                    [name for name, worker in self._workers.items() if worker.recent_deaths(SUSPECT_S) > 1],
                )
            )

    def show(self, glance: Glance) -> None:
        """Let the worker of a camera show it; a camera that nobody runs is not shown."""
        with self._lock:
            worker = next((item for item in self._workers.values() if glance.camera_id in item.cameras), None)
        if worker is not None:
            worker.child.send(glance)

    def statuses(self) -> tuple[CameraStatus, ...]:
        """How every camera is, in the order of the configuration."""
        return tuple(camera.status for camera in self.cameras())

    def cameras(self) -> tuple[CameraSnapshot, ...]:
        """Every camera with its numbers, in the order of the configuration."""
        with self._lock:
            where = {camera: worker for worker in self._workers.values() for camera in worker.cameras}
            return tuple(self._look_at(camera, where.get(camera)) for camera in self._cameras)

    def workers(self) -> tuple[WorkerSnapshot, ...]:
        """Every worker process."""
        with self._lock:
            return tuple(
                WorkerSnapshot(
                    name=name,
                    kind="cameras",
                    pid=worker.child.pid,
                    rss_bytes=worker.report.usage.rss_bytes if worker.report else 0,
                    cpu_s=worker.report.usage.cpu_s if worker.report else 0.0,
                    restarts=worker.child.restarts,
                    cameras=worker.cameras,
                    figures=worker.report.figures if worker.report else {},
                )
                for name, worker in self._workers.items()
            )

    def stop(self, within_s: float) -> None:
        """Stop every camera; on return its open events are ended and stored. A worker that takes longer is killed."""
        with self._lock:
            self._stopping = True
            everyone = [*self._workers.values(), *self._leaving]
        deadline_s = time.monotonic() + within_s
        for worker in everyone:
            worker.child.ask_to_stop()
        for worker in everyone:
            worker.child.join(deadline_s)

    def _load(self, name: str, loaded: LoadedCamera) -> float:
        """Cores that a camera takes: measured where it runs unchanged since long."""
        for worker in self._workers.values():
            load = worker.loads.get(name)
            if load is not None and load.version == loaded.version and load.cpu_s > 0:
                watched_s = time.monotonic() - load.since_s
                if watched_s > MEASURED_S:
                    return load.cpu_s / watched_s
        return assignment.estimated_load(loaded.config)

    def _follow(self, plan: Mapping[str, tuple[str, ...]]) -> None:
        """Make it so: first who gives cameras away, then who gets them."""
        for name in self._workers.keys() - plan.keys():
            self._dismiss(name)
        fresh = [name for name in plan if name not in self._workers]
        getting = {name for name, worker in self._workers.items() if not set(plan[name]) <= set(worker.cameras)}
        for name, worker in self._workers.items():
            worker.cameras = plan[name]
        for name in sorted(self._workers, key=lambda name: name in getting):
            self._tell(self._workers[name])
        for name in fresh:
            self._hire(name, plan[name])

    def _hire(self, name: str, cameras: tuple[str, ...]) -> _Worker:
        # Of its own: one that leaves may still be writing into the folder of an earlier worker of this name.
        scratch_dir = self._settings.data_dir / "evidence" / "tmp" / f"{name}.{next(self._hired)}"
        setup = WorkerSetup(name, self._settings, scratch_dir, log.getEffectiveLevel(), self._inference)
        child = Child(
            name,
            run_worker,
            lambda: setup,
            on_start=lambda: self._started(worker),
            on_message=lambda message: self._heard(worker, message),
            on_death=lambda death: self._died(worker, death),
            silence_s=self._silence_s,
        )
        worker = _Worker(child, scratch_dir, cameras)
        self._workers[name] = worker
        log.info("worker_made worker=%s cameras=%s", name, ",".join(cameras))
        child.start()
        return worker

    def _dismiss(self, name: str) -> None:
        worker = self._workers.pop(name)
        worker.cameras = ()
        worker.child.ask_to_stop()
        self._leaving = [gone for gone in self._leaving if gone.child.pid is not None] + [worker]
        log.info("worker_dismissed worker=%s", name)

    def _tell(self, worker: _Worker) -> None:
        """Send a worker its cameras, if that is news, or if it does not run them as it was told.

        One that is not running hears it at its start.
        """
        assert self._site is not None  # noqa: S101 - set before workers are made
        cameras = {name: self._cameras[name] for name in worker.cameras}
        news = self._site, {name: loaded.version for name, loaded in cameras.items()}
        if worker.child.pid is None or (worker.sent == news and worker.runs(news[1])):
            return
        if worker.sent is None:  # it begins: what is known to run comes first, in case the newest does not
            good = {name: self._good.get(name, loaded) for name, loaded in cameras.items()}
            if good != cameras:
                worker.child.send(Apply(self._site, good))
        worker.child.send(Apply(self._site, cameras))
        worker.sent = news

    def _started(self, worker: _Worker) -> None:
        with self._lock:
            worker.sent, worker.report, worker.loads = None, None, {}
            if worker.cameras:
                self._tell(worker)

    def _heard(self, worker: _Worker, message: object) -> None:
        if isinstance(message, PutEvent):
            worker.child.send(self._answer(message.request, lambda: self._put(worker, message)))
        elif isinstance(message, AdoptFile):
            worker.child.send(
                self._answer(message.request, lambda: self._evidence.add_file(message.path, message.suffix))
            )
        elif isinstance(message, FreeSpace):
            worker.child.send(self._answer(message.request, lambda: self._evidence.free(message.wanted_bytes)))
        elif isinstance(message, Shown):
            self._on_shown(message)
        elif isinstance(message, Report):
            with self._lock:
                worker.report = message
                now_s = time.monotonic()
                worker.loads = {
                    name: _measured(worker.loads.get(name), camera, now_s) for name, camera in message.cameras.items()
                }
                for name, camera in message.cameras.items():
                    loaded = self._cameras.get(name)
                    if loaded is not None and loaded.version == camera.version:
                        self._good[name] = loaded

    @staticmethod
    def _answer(request: int, act: Callable[[], object]) -> Answer:
        """Do what was asked; errors that the asker knows how to meet go back to it."""
        try:
            return Answer(request, act())
        except (EdgeError, OSError, ValueError) as error:
            return Answer(request, error=error)

    def _put(self, worker: _Worker, message: PutEvent) -> None:
        event = message.event
        self._sink.put(event, message.media)
        if event.state is EventState.END:
            worker.open_events.pop(event.event_id, None)
        else:
            worker.open_events[event.event_id] = event

    def _died(self, worker: _Worker, death: Death) -> None:
        """Nothing more comes from it: end what it left open, clear up after it, and see whose fault it was."""
        try:
            end_orphans(worker.open_events.values(), self._sink)
        except EdgeError as error:  # no room for their ends: the edge's next start ends them
            log.critical("orphans_left worker=%s cause=%r", worker.child.name, str(error))
        worker.open_events.clear()
        shutil.rmtree(worker.scratch_dir, ignore_errors=True)
        with self._lock:
            worker.report = None
            worker.sent = None
            if self._stopping or not worker.cameras:
                return
            worker.deaths.append((time.monotonic(), len(worker.cameras)))
            worker.why = f"{death.reason}, after {death.lived_s:.0f} s"
            if worker.recent_deaths(SUSPECT_S) > 1 and len(worker.cameras) > 1:
                self._part(worker)

    def _part(self, worker: _Worker) -> None:
        """Give half of the cameras to another worker: they are down anyway, and the blame is narrowed."""
        loads = {name: self._load(name, self._cameras[name]) for name in worker.cameras}
        worker.cameras, others = assignment.halves(worker.cameras, loads)
        name = assignment.fresh_name(self._workers)
        log.error(
            "worker_parted worker=%s deaths=%d keeps=%s other=%s gets=%s",
            worker.child.name, len(worker.deaths), ",".join(worker.cameras), name, ",".join(others),
        )  # fmt: skip
        other = self._hire(name, others)
        other.deaths.extend(worker.deaths)
        other.why = worker.why

    def _look_at(self, camera: str, worker: _Worker | None) -> CameraSnapshot:
        if worker is None:
            status = CameraStatus(camera_id=camera, health=CameraHealth.DISABLED, message="camera.enabled is false")
            return CameraSnapshot(status)
        report = worker.report.cameras.get(camera) if worker.report else None
        if report is not None:
            (status,) = add_notices([report.status], {camera: self._notices(worker)})
            return CameraSnapshot(status, worker.child.name, report.figures)
        if worker.why and worker.report is None:
            message = f"its process died ({worker.why}) and is started again: see the log"
            status = CameraStatus(
                camera_id=camera,
                health=CameraHealth.RECONNECTING,
                message="; ".join([message, *self._notices(worker)]),
                reason=HealthReason.DEFECT,
            )
        else:
            status = CameraStatus(camera_id=camera, health=CameraHealth.STARTING)
        return CameraSnapshot(status, worker.child.name)

    @staticmethod
    def _notices(worker: _Worker) -> list[str]:
        deaths = worker.recent_deaths(TOLD_S, most_cameras=1)
        if deaths < 2 or len(worker.cameras) > 1:
            return []
        told = f"its process died {deaths} times in the last hour ({worker.why})"
        return [f"{told}: it has one of its own now, so that no other camera suffers: see the log"]


def _measured(before: _Load | None, camera: CameraReport, now_s: float) -> _Load:
    """What a camera has taken by now; its count begins anew with each version, and when it is opened anew."""
    cpu_s = sum(value for figure, value in camera.figures.items() if figure.endswith("_cpu_s"))
    if before is None or before.version != camera.version or cpu_s < before.cpu_s:
        return _Load(camera.version, now_s, cpu_s)
    return _Load(camera.version, before.since_s, cpu_s)
