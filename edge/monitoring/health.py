"""Whether the edge does its work: `ok`, `degraded` (a person should look), `failing` (a restart may help)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, Literal

from contract.event import CameraHealth
from edge.monitoring.box import BoxSnapshot
from edge.status import EdgeSnapshot

LOW_DISK_BYTES = 50_000_000
"""Some ten clips: less room than this is told to the admin."""
LATE_S = 600.0
"""An event that waits for the server as long as this helps nobody at once any more."""
STALLED_S = 30.0
"""The main loop turns twice a second."""
_UNWELL = {CameraHealth.RECONNECTING, CameraHealth.REFUSED}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the edge is not well."""

    code: str
    message: str
    """Numbers and ids only: whoever may read this need not be the admin."""


@dataclass(frozen=True, slots=True)
class Health:
    """The verdict."""

    status: Literal["ok", "degraded", "failing"]
    cameras_ok: int
    cameras: int
    reasons: tuple[Reason, ...]

    @property
    def http_status(self) -> HTTPStatus:
        """503 only where a restart may help: what asks here restarts what answers so."""
        return HTTPStatus.SERVICE_UNAVAILABLE if self.status == "failing" else HTTPStatus.OK

    def as_json(self) -> dict[str, Any]:
        """The body of `/healthz`."""
        return asdict(self)


def cameras_of(edge: EdgeSnapshot) -> tuple[int, int]:
    """How many cameras are well, of how many that are switched on."""
    on = [camera.status.health for camera in edge.cameras if camera.status.health is not CameraHealth.DISABLED]
    return sum(health in {CameraHealth.OK, CameraHealth.ENDED} for health in on), len(on)


def is_watching(edge: EdgeSnapshot) -> bool:
    """A process runs for the cameras, or there is none to run."""
    workers = [worker for worker in edge.workers if worker.kind == "cameras"]
    return not workers or any(worker.pid is not None for worker in workers)


def judge(edge: EdgeSnapshot, box: BoxSnapshot, idle_s: float) -> Health:
    """Judge.

    Args:
        edge: How it is.
        box: What it runs on.
        idle_s: Since the main loop last turned.
    """
    failing = _failing(edge, idle_s)
    reasons = (*failing, *_degraded(edge, box))
    well, all_cameras = cameras_of(edge)
    status: Literal["ok", "degraded", "failing"] = "failing" if failing else "degraded" if reasons else "ok"
    return Health(status, well, all_cameras, reasons)


def _failing(edge: EdgeSnapshot, idle_s: float) -> list[Reason]:
    reasons = []
    if idle_s > STALLED_S:
        reasons.append(Reason("main_loop_stalled", f"the main loop has not turned for {idle_s:.0f} s"))
    if not is_watching(edge):
        reasons.append(Reason("no_worker", "no process runs that watches cameras"))
    if edge.events_in_memory:
        reasons.append(
            Reason("disk_full", f"{edge.events_in_memory} events wait in memory: the disk is full, or fails")
        )
    return reasons


def _degraded(edge: EdgeSnapshot, box: BoxSnapshot) -> list[Reason]:
    reasons = []
    for camera in edge.cameras:
        status = camera.status
        if status.health in _UNWELL:
            why = f" ({status.reason.value})" if status.reason.value else ""
            reasons.append(Reason("camera", f"camera {status.camera_id} is {status.health.value}{why}"))
    reasons += [Reason("worker", f"process {worker.name} is down") for worker in edge.workers if worker.pid is None]
    if box.disk_free_bytes < LOW_DISK_BYTES:
        reasons.append(Reason("disk_low", f"{box.disk_free_bytes / 1e6:.0f} MB are left on the disk"))
    oldest = box.backlog.oldest_event_at
    if oldest is not None and (waited_s := (edge.taken_at - oldest).total_seconds()) > LATE_S:
        told = f"{box.backlog.events} events wait for the server, the oldest for {waited_s / 60:.0f} minutes"
        reasons.append(Reason("server", told))
    if box.backlog.dead_events:
        reasons.append(Reason("refused", f"the server refused {box.backlog.dead_events} events"))
    return reasons
