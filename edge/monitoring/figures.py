"""The edge as families of Prometheus samples. Names and meanings of a camera's numbers stand in `edge.metrics`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from contract.event import CameraHealth
from edge.metrics import CAMERA_FIGURES, WORKER_FIGURES, Figure
from edge.monitoring.box import BoxSnapshot, build_info
from edge.monitoring.exposition import Family
from edge.status import CameraSnapshot, EdgeSnapshot, WorkerSnapshot


def families(edge: EdgeSnapshot, box: BoxSnapshot) -> list[Family]:
    """Everything that `/metrics` tells."""
    return [*_edge(edge), *_cameras(edge), *_workers(edge.workers), *_box(edge, box)]


def metric_name(prefix: str, name: str, figure: Figure) -> str:
    """`decode_cpu_s`, a counter of a camera, becomes `langan_camera_decode_cpu_seconds_total`."""
    unit = f"{name.removesuffix('_s')}_seconds" if name.endswith("_s") else name
    return f"langan_{prefix}_{unit}{'_total' if figure.kind == 'counter' else ''}"


def _one(name: str, value: float, meaning: str, **labels: str) -> Family:
    return Family(name, "counter" if name.endswith("_total") else "gauge", meaning, [(labels, value)])


def _edge(edge: EdgeSnapshot) -> list[Family]:
    return [
        _one("langan_edge_info", 1, "Which version runs.", **build_info()),
        _one("langan_edge_uptime_seconds", edge.uptime_s, "Seconds since the edge began."),
    ]


def _cameras(edge: EdgeSnapshot) -> list[Family]:
    health = Family("langan_camera_health", "gauge", "1 for the state that a camera is in, 0 for the others.")
    fps_in = Family("langan_camera_fps_in", "gauge", "Frames a second that the camera's pipeline was offered.")
    fps_searched = Family("langan_camera_fps_inferred", "gauge", "Frames a second that the detector searched.")
    age = Family("langan_camera_last_frame_age_seconds", "gauge", "Seconds since the latest frame was taken.")
    for camera in edge.cameras:
        status, label = camera.status, camera.status.camera_id
        for state in CameraHealth:
            health.add(float(state is status.health), camera=label, state=state.value)
        fps_in.add(status.fps_in, camera=label)
        fps_searched.add(status.fps_detected, camera=label)
        if status.last_frame_at is not None:
            age.add(max(0.0, (edge.taken_at - status.last_frame_at).total_seconds()), camera=label)
    return [health, fps_in, fps_searched, age, *_camera_figures(edge.cameras)]


def _camera_figures(cameras: Iterable[CameraSnapshot]) -> list[Family]:
    told = [({"camera": camera.status.camera_id}, camera.figures) for camera in cameras]
    return _figures("camera", CAMERA_FIGURES, told)


def _figures(
    prefix: str, known: Mapping[str, Figure], told: list[tuple[dict[str, str], Mapping[str, float]]]
) -> list[Family]:
    """A family for each name: those of the table, in its order; others are told without a meaning."""
    strange = sorted({name for _, figures in told for name in figures} - known.keys())
    made = []
    for name in [*known, *strange]:
        figure = known.get(name, Figure("gauge", "not described in edge.metrics"))
        family = Family(metric_name(prefix, name, figure), figure.kind, f"{figure.help[:1].upper()}{figure.help[1:]}.")
        family.samples += [(labels, figures[name]) for labels, figures in told if name in figures]
        made.append(family)
    return made


def _workers(workers: Iterable[WorkerSnapshot]) -> list[Family]:
    up = Family("langan_worker_up", "gauge", "1 while the process runs.")
    pid = Family("langan_worker_pid", "gauge", "Process id, while it runs.")
    rss = Family("langan_worker_resident_memory_bytes", "gauge", "Resident memory, shared pages included.")
    cpu = Family("langan_worker_cpu_seconds_total", "counter", "CPU seconds of the process that runs now.")
    restarts = Family("langan_worker_restarts_total", "counter", "How often it was started again.")
    cameras = Family("langan_worker_cameras", "gauge", "Cameras that it runs.")
    told = []
    for worker in workers:
        labels = {"worker": worker.name, "kind": worker.kind}
        up.add(float(worker.pid is not None), **labels)
        restarts.add(worker.restarts, **labels)
        cameras.add(len(worker.cameras), **labels)
        if worker.pid is not None:
            pid.add(worker.pid, **labels)
            rss.add(worker.rss_bytes, **labels)
            cpu.add(worker.cpu_s, **labels)
        told.append((labels, worker.figures))
    return [up, pid, rss, cpu, restarts, cameras, *_figures("worker", WORKER_FIGURES, told)]


def _box(edge: EdgeSnapshot, box: BoxSnapshot) -> list[Family]:
    backlog = box.backlog
    oldest_s = (
        0.0 if backlog.oldest_event_at is None else max(0.0, (edge.taken_at - backlog.oldest_event_at).total_seconds())
    )
    temperatures = Family("langan_box_temperature_celsius", "gauge", "Temperature of a sensor of the box.")
    for temperature in box.temperatures:
        temperatures.add(temperature.celsius, sensor=temperature.sensor)
    return [
        _one("langan_outbox_events", backlog.events, "Revisions of events that the server has not confirmed."),
        _one("langan_outbox_media", backlog.media, "Files that wait to be uploaded."),
        _one("langan_outbox_media_bytes", backlog.media_bytes, "Bytes of these files."),
        _one("langan_outbox_oldest_event_age_seconds", oldest_s, "Age of what waits longest; 0 when nothing does."),
        _one("langan_outbox_refused_events", backlog.dead_events, "Revisions that the server refused for good."),
        _one("langan_outbox_refused_media", backlog.refused_media, "Files that the server refused for good."),
        _one(
            "langan_outbox_memory_events",
            edge.events_in_memory,
            "Revisions in memory only: the disk is full, or fails.",
        ),
        _one("langan_evidence_bytes", edge.evidence_bytes, "Bytes of snapshots and clips on the disk."),
        _one("langan_evidence_files", box.evidence_files, "Snapshots and clips on the disk."),
        _one("langan_evidence_lost_total", box.evidence_lost, "Files given up for room before the server had them."),
        _one("langan_data_other_bytes", box.beside_bytes, "Bytes of the outbox and all else in the data folder."),
        _one("langan_data_budget_bytes", edge.evidence_budget_bytes, "What evidence and the rest may take together."),
        _one("langan_disk_free_bytes", box.disk_free_bytes, "Room on the disk of the data folder."),
        _one("langan_disk_bytes", box.disk_bytes, "Size of that disk."),
        _one("langan_main_resident_memory_bytes", box.rss_bytes, "Resident memory of the main process."),
        _one("langan_main_cpu_seconds_total", box.cpu_s, "CPU seconds of the main process."),
        temperatures,
    ]
