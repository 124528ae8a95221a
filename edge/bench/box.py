"""One whole edge with a number of like cameras, looked at from outside for a while.

    configuration folder of n cameras --> `langan-edge run` --> /metrics, its log, its outbox file, /proc

Nothing of the edge is imported to run it: whatever its inside becomes, the figures mean the same.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from io import StringIO
from pathlib import Path

from ruamel.yaml import YAML

from edge.bench.phases import Phases
from edge.bench.process_tree import cpu_between, look_at
from edge.bench.scrape import Scrape, scrape
from edge.errors import EdgeError
from edge.outbox.refused import FILE_NAME

START_S = 60.0
"""The longest time until all cameras run: loading the model, and a little for each camera."""
START_S_PER_CAMERA = 3.0
STOP_S = 120.0
_LOOK_EVERY_S = 1.0
_EVENT = re.compile(
    r"^(?P<at>\S+) .* event camera=\S+ .*state=(?P<state>\w+) event_id=(?P<event_id>\S+) revision=(?P<revision>\d+)"
)
STAGES = {"decode": "decode_cpu_s", "gate": "gate_cpu_s", "prepare": "detect_cpu_s", "track": "track_cpu_s",
          "rules_and_evidence": "decide_cpu_s"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run and how long it is watched.

    Attributes:
        site_text: site.yaml; its server is not asked, because the box is not enrolled.
        camera_text: A camera file: every camera gets its zones and rules.
        phases: What the cameras play.
        cpus: Ids of the cores that the edge may use.
        warm_up_s: After the last camera has begun.
        window_s: How long it is watched.
    """

    site_text: str
    camera_text: str
    phases: Phases
    cpus: Sequence[int]
    warm_up_s: float = 12.0
    window_s: float = 40.0


@dataclass(frozen=True, slots=True)
class BoxRun:
    """What one run showed.

    Attributes:
        due: Searches that were due: done, or dropped because the box was busy. A frame that was replaced before the
            motion gate saw it counts as one.
        dropped: Of these, the ones not done.
        slowest: Share of its clip that the slowest camera read, at most about 1.
        lag_s: 95th percentile over looks and cameras of how old a camera's latest frame was when the rules had seen it;
            while only keyframes are decoded they are rare by intent, and such looks are left out.
        decoded: Pictures.
        searched: Pictures.
        cpu_s: CPU seconds of all processes together.
        stages: Share of that by stage.
        pss_mb: Memory of all processes.
        event_s: From a packet's arrival to its event in the outbox file, for each event that began.
    """

    cameras: int
    window_s: float
    due: int
    dropped: int
    slowest: float
    lag_s: float
    unwell: int
    decoded: int
    searched: int
    cpu_s: float
    stages: dict[str, float]
    pss_mb: float
    keyframes_only: float
    event_s: list[float] = field(repr=False)

    MAX_DROPPED = 0.01
    MAX_LAG_S = 1.0
    MIN_READ = 0.95
    """Counters are up to a second old at each end of the window; a lag that grows shows in `lag_s`, which is measured
    in the camera's own process, because a look from outside adds that second to it."""

    @property
    def cpu_cores(self) -> float:
        """Cores in use."""
        return self.cpu_s / self.window_s

    @property
    def dropped_share(self) -> float:
        """Share of the due searches that were not done."""
        return self.dropped / max(1, self.due)

    @property
    def done_share(self) -> float:
        """Share of the work that was done."""
        return min(1.0, self.slowest) * (1.0 - self.dropped_share)

    @property
    def held(self) -> bool:
        """The box keeps up with these cameras."""
        return (
            self.due > 0
            and self.dropped_share < self.MAX_DROPPED
            and self.lag_s < self.MAX_LAG_S
            and self.slowest >= self.MIN_READ
            and self.unwell == 0
        )

    def figures(self) -> dict[str, object]:
        """For JSON."""
        waits = sorted(self.event_s)
        return {
            "cameras": self.cameras, "held": self.held, "due": self.due, "dropped": self.dropped,
            "dropped_share": round(self.dropped_share, 5), "slowest_read": round(self.slowest, 3),
            "lag_p95_s": round(self.lag_s, 3), "unwell": self.unwell, "cpu_cores": round(self.cpu_cores, 3),
            "cpu_share": {name: round(share, 3) for name, share in self.stages.items()},
            "keyframes_only_share": round(self.keyframes_only, 3),
            "pss_mb": round(self.pss_mb, 1), "pss_mb_per_camera": round(self.pss_mb / self.cameras, 1),
            "events": len(waits),
            "frame_to_event_p50_s": round(statistics.median(waits), 3) if waits else None,
            "frame_to_event_p95_s": round(_percentile(waits, 0.95), 3) if waits else None,
        }  # fmt: skip


def run_box(plan: Plan, cameras: int, folder: Path) -> BoxRun:
    """Run an edge with so many cameras and watch it.

    Args:
        plan: What is run.
        cameras: How many.
        folder: For its configuration, log and data; must not exist, or be empty.

    Raises:
        EdgeError: The edge does not start, or ended by itself; the message ends with its log's last lines.
    """
    config, media = _configure(plan, cameras, folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "edge.cli", "run", "--config", str(config), "--media", str(media),
        "--data", str(folder / "data"), "--http", f"127.0.0.1:{port}",
    ]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LANGAN_")}
    environment["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")])
    )
    log_path = folder / "edge.log"
    with log_path.open("wb") as log, pinned(plan.cpus):
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)
    try:
        url = f"http://127.0.0.1:{port}/metrics"
        _wait_until_all_run(process, url, cameras, log_path)
        time.sleep(plan.warm_up_s)
        watched = _watch(process.pid, url, plan)
    except OSError as error:
        raise EdgeError(f"the edge stopped answering ({error}): {_last_lines(log_path)}") from error
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return watched.judged(cameras, plan, _event_waits(folder, log_path, watched.began, watched.ended))


@dataclass(slots=True)
class _Watched:
    """What was seen between two moments."""

    began: float
    ended: float
    first: Scrape
    last: Scrape
    cpu_s: float
    inference_s: float
    pss_bytes: int
    ages_s: list[float]
    idle: list[float]

    def judged(self, cameras: int, plan: Plan, event_s: list[float]) -> BoxRun:
        def gained(figure: str) -> float:
            return self.last.total(figure) - self.first.total(figure)

        window_s = self.ended - self.began
        dropped = gained("searches_dropped") + gained("frames_dropped")
        expected = window_s * plan.phases.packets_per_s
        read = [
            (figures.get("packets", 0.0) - self.first.cameras.get(camera, {}).get("packets", 0.0)) / expected
            for camera, figures in self.last.cameras.items()
        ]
        stages = {name: gained(figure) / self.cpu_s for name, figure in STAGES.items()}
        stages["inference"] = self.inference_s / self.cpu_s
        stages["other"] = max(0.0, 1.0 - sum(stages.values()))
        return BoxRun(
            cameras=cameras,
            window_s=window_s,
            due=round(gained("frames_searched") + dropped),
            dropped=round(dropped),
            slowest=min(read, default=0.0),
            lag_s=_percentile(sorted(self.ages_s), 0.95) if self.ages_s else 0.0,
            unwell=cameras - sum(share > 0.5 for share in read),
            decoded=round(gained("pictures_decoded")),
            searched=round(gained("frames_searched")),
            cpu_s=self.cpu_s,
            stages=stages,
            pss_mb=self.pss_bytes / 1e6,
            keyframes_only=statistics.fmean(self.idle) if self.idle else 0.0,
            event_s=event_s,
        )


def _watch(pid: int, url: str, plan: Plan) -> _Watched:
    ages_s: list[float] = []
    idle: list[float] = []
    began, first, before = time.time(), scrape(url), look_at(pid)
    while time.time() - began < plan.window_s:
        time.sleep(_LOOK_EVERY_S)
        last = scrape(url)
        for figures in last.cameras.values():
            sleeps = figures.get("decode_idle", 0.0)
            idle.append(sleeps)
            if not sleeps:
                ages_s.append(figures.get("frame_late_s", 0.0))
    ended, after = time.time(), look_at(pid)
    return _Watched(
        began=began,
        ended=ended,
        first=first,
        last=last,
        cpu_s=cpu_between(before, after),
        inference_s=cpu_between(before, after, last.inference_pids),
        pss_bytes=sum(use.pss_bytes for use in after.values()),
        ages_s=ages_s,
        idle=idle,
    )


@contextmanager
def pinned(cpus: Sequence[int]) -> Iterator[None]:
    """Processes started meanwhile by this thread may use these cores only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _configure(plan: Plan, cameras: int, folder: Path) -> tuple[Path, Path]:
    """Write the configuration folder; returns it and the media folder."""
    config = folder / "config"
    (config / "cameras").mkdir(parents=True)
    (config / "site.yaml").write_text(plan.site_text, "utf-8")
    yaml = YAML()
    for number in range(cameras):
        camera = yaml.load(plan.camera_text)
        camera["camera"]["id"] = f"cam_{number:03d}"
        camera["camera"]["enabled"] = True
        camera["inputs"] = [{"path": plan.phases.of(number).name, "loop": True}]
        written = StringIO()
        yaml.dump(camera, written)
        (config / "cameras" / f"cam_{number:03d}.yaml").write_text(written.getvalue(), "utf-8")
    return config, plan.phases.paths[0].parent


def _wait_until_all_run(process: subprocess.Popen[bytes], url: str, cameras: int, log_path: Path) -> None:
    deadline_s = time.monotonic() + START_S + START_S_PER_CAMERA * cameras
    running = 0
    while time.monotonic() < deadline_s:
        if process.poll() is not None:
            raise EdgeError(f"the edge ended with {process.returncode}: {_last_lines(log_path)}")
        try:
            seen = scrape(url)
        except OSError:  # not listening yet
            time.sleep(0.2)
            continue
        running = sum(figures.get("frames_given", 0.0) > 0 for figures in seen.cameras.values())
        if running == cameras:
            return
        time.sleep(0.2)
    raise EdgeError(f"only {running} of {cameras} cameras began: {_last_lines(log_path)}")


def _last_lines(log_path: Path) -> str:
    return "\n".join(log_path.read_text("utf-8", "replace").splitlines()[-8:])


def _event_waits(folder: Path, log_path: Path, began: float, ended: float) -> list[float]:
    """From a packet's arrival to its event in the outbox, of events that began between two moments.

    A clip that plays as a camera hands out each packet when its time has come, and a frame's time is that of its
    packet: so an event's `observed_at` is the arrival of the packet that decided it. The line of the log is written
    when the outbox has committed the event.
    """
    stored: dict[tuple[str, int], float] = {}
    for line in log_path.read_text("utf-8", "replace").splitlines():
        found = _EVENT.match(line)
        if found is not None and found["state"] == "start":
            stored[found["event_id"], int(found["revision"])] = datetime.fromisoformat(found["at"]).timestamp()
    with closing(sqlite3.connect(folder / "data" / FILE_NAME)) as database:
        rows = database.execute("SELECT event_id, revision, body FROM event").fetchall()
    arrived = {
        (event_id, revision): datetime.fromisoformat(json.loads(body)["observed_at"]).timestamp()
        for event_id, revision, body in rows
    }
    return [at - arrived[key] for key, at in stored.items() if key in arrived and began <= at <= ended]


def _percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
