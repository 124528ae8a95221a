"""One worker for each camera: started, restarted when it fails, exchanged when its configuration changes.

One camera's failure never touches another. This is one of the two places that catch everything (the other is the
sender): a defect in one camera's rules is logged and tried again, and the village's other cameras watch on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from contract.config_loader import LoadedCamera
from contract.event import CameraHealth, CameraStatus, HealthReason
from edge.backoff import Backoff
from edge.errors import EdgeError
from edge.ports import Clock
from edge.repeats import Repeats
from edge.status import CameraMonitor
from edge.worker import STOP_S, CameraParts, CameraWorker

log = logging.getLogger(__name__)

STABLE_S = 30.0
"""A thread that ran for so long has recovered: its next defect is a new one."""
_DEFECT_TOLD_S = 5.0
"""After a thread began again: what fails at each frame has failed again by then."""


@dataclass(slots=True)
class _Running:
    version: str
    monitor: CameraMonitor
    worker: CameraWorker | None
    """None: disabled, or its configuration could not be put to work."""


class Supervisor:
    """Runs the cameras of a configuration.

    Args:
        make_parts: Builds what a camera's worker runs. Raises EdgeError or ValueError when the configuration asks for
            what this machine lacks.
        clock: Time.
    """

    def __init__(self, make_parts: Callable[[LoadedCamera], CameraParts], clock: Clock) -> None:
        self._make_parts = make_parts
        self._clock = clock
        self._running: dict[str, _Running] = {}
        self._changing = threading.Lock()
        """Held while cameras are exchanged, which may take long: a model is loaded, open events are ended."""
        self._lock = threading.Lock()
        """Guards `_running`, for moments only: whoever asks how the cameras are never waits for an exchange."""
        self._stopping = threading.Event()
        self._repeats = Repeats(clock)
        self._refusals = Repeats(clock)
        self._wanted: Mapping[str, LoadedCamera] = {}

    def apply(self, cameras: Mapping[str, LoadedCamera]) -> None:
        """Start cameras that are new, stop those that are gone, exchange those that changed, leave the others alone.

        All at once: one whose model takes long to load, or whose old pipeline hangs, holds up no other.
        """
        with self._changing:
            if self._stopping.is_set():
                return
            if cameras is not self._wanted:  # somebody asks for them: whoever does wants to be told, too
                self._wanted, self._refusals = cameras, Repeats(self._clock)
            tasks = [partial(self._remove, camera_id) for camera_id in self._running.keys() - cameras.keys()]
            for camera_id, loaded in cameras.items():
                current = self._running.get(camera_id)
                if current is None or current.version != loaded.version or _was_refused(current, loaded):
                    tasks.append(partial(self._exchange, camera_id, loaded))
                else:
                    current.monitor.set_notice("configuration", "")
            _all_at_once(tasks)

    def try_again(self) -> None:
        """Put those configurations to work that were refused: what was missing may be there by now."""
        self.apply(self._wanted)

    def _remove(self, camera_id: str) -> None:
        log.info("camera_removed camera=%s", camera_id)
        self._stop([self._running[camera_id]])
        with self._lock:
            del self._running[camera_id]

    def _exchange(self, camera_id: str, loaded: LoadedCamera) -> None:
        current = self._running.get(camera_id)
        monitor = CameraMonitor(camera_id, self._clock)
        worker = None
        if not loaded.config.camera.enabled:
            monitor.set_health(CameraHealth.DISABLED, "camera.enabled is false")
        else:
            try:
                worker = self._make_worker(self._make_parts(loaded), monitor)
            except Exception as error:  # the other cameras must not suffer from this one
                is_defect = not isinstance(error, (EdgeError, ValueError))
                cause = f"a defect, {type(error).__name__}: see the log" if is_defect else str(error)
                if self._refusals.unsaid(f"{camera_id} {loaded.version} {cause}") is not None:
                    log.error(  # noqa: TRY400 - the message names place and remedy, a traceback says no more
                        "configuration_refused camera=%s version=%s cause=%r in_force=%s",
                        camera_id, loaded.version, cause, current.version if current else None,
                        exc_info=error if is_defect else None,
                    )  # fmt: skip
                if current is not None and current.worker is not None:
                    kept = f"version {loaded.version} was refused, version {current.version} stays in force: {cause}"
                    current.monitor.set_notice("configuration", kept)
                    return
                reason = HealthReason.DEFECT if is_defect else HealthReason.CONFIGURATION
                monitor.set_health(CameraHealth.REFUSED, cause, reason)
        if current is not None:
            self._stop([current])
        with self._lock:
            self._running[camera_id] = _Running(loaded.version, monitor, worker)
        if worker is not None:
            worker.start()
            log.info("camera_started camera=%s version=%s", camera_id, loaded.version)

    def _make_worker(self, parts: CameraParts, monitor: CameraMonitor) -> CameraWorker:
        worker: CameraWorker

        def guard(name: str, body: Callable[[], bool]) -> None:
            backoff = Backoff()
            while True:
                began_s = self._clock.monotonic_s()
                try:
                    if body():
                        return
                except Exception as error:  # the other cameras must not suffer from this one
                    now_s = self._clock.monotonic_s()
                    if now_s - began_s > STABLE_S:
                        backoff.succeeded()
                    delay_s = backoff.failed()
                    log.exception("worker_failed thread=%s retry_in_s=%.1f", name, delay_s)
                    message = f"a defect stopped it: {type(error).__name__}: see the log"
                    monitor.set_defect(name, message, now_s + delay_s + _DEFECT_TOLD_S)
                    if worker.wait(delay_s):
                        return

        worker = CameraWorker(parts, monitor, self._clock, guard)
        return worker

    def statuses(self) -> tuple[CameraStatus, ...]:
        """How every camera is now."""
        return tuple(running.monitor.report() for running in self._look().values())

    def versions(self) -> dict[str, str]:
        """Camera id to the version of the configuration that it runs with; those that run with none are left out."""
        return {name: running.version for name, running in self._look().items() if running.worker is not None}

    def figures(self) -> dict[str, dict[str, float]]:
        """Camera id to its numbers, by the names of `edge.metrics`."""
        return {name: self._figures(name, running.monitor) for name, running in self._look().items()}

    def _figures(self, camera_id: str, monitor: CameraMonitor) -> dict[str, float]:
        try:
            return monitor.figures()
        except Exception as error:  # numbers that cannot be told are no reason to stop watching
            unsaid = self._repeats.unsaid(f"{camera_id} {error!r}")
            if unsaid is not None:
                log.exception("figures_failed camera=%s unsaid=%d", camera_id, unsaid)
            return {}

    def _look(self) -> dict[str, _Running]:
        with self._lock:
            return dict(self._running)

    @property
    def all_ended(self) -> bool:
        """Every camera is a clip that was played to its end, or is disabled."""
        done = {CameraHealth.ENDED, CameraHealth.DISABLED}
        return all(running.monitor.health in done for running in self._look().values())

    def stop(self) -> None:
        """Stop every camera; on return each open event is ended and handed to the outbox."""
        self._stopping.set()
        with self._changing:
            self._stop(list(self._running.values()))
            with self._lock:
                self._running.clear()

    @staticmethod
    def _stop(cameras: list[_Running]) -> None:
        workers = [running.worker for running in cameras if running.worker is not None]
        for worker in workers:
            worker.ask_to_stop()
        deadline_s = time.monotonic() + STOP_S
        for worker in workers:
            worker.join(max(0.0, deadline_s - time.monotonic()))


def _all_at_once(tasks: Sequence[Callable[[], None]]) -> None:
    """Run each in a thread of its own; what one raises comes out once all have ended."""
    if not tasks:
        return
    with ThreadPoolExecutor(max_workers=len(tasks), thread_name_prefix="exchange") as pool:
        running = [pool.submit(task) for task in tasks]
    for task in running:
        task.result()


def _was_refused(current: _Running, loaded: LoadedCamera) -> bool:
    return current.worker is None and loaded.config.camera.enabled
