"""A day of bad cameras in less than an hour: 24 hours of eight cameras, with a fault each minute, on a fast clock.

    python -m bench.edge_soak                            # 24 h at 30 times real speed: 48 minutes on 2 cores

The edge's own parts (supervisor, capture by FFmpeg, motion gate, detector, tracker, rules, evidence, outbox, sender)
run in this process on a clock that is FACTOR times as fast; the cameras (`bench.faulty_cameras`) are another process
that streams over HTTP at the same speed and fails in seven ways; the server is a real one, away from hour 10 to 11.
FFmpeg's own time-outs are divided by the factor, too.

Printed: faults by kind, the time from a stream's return to its next frame (simulated seconds), memory at each hour and
its slope over the second half, and what the server has against what the outbox had committed. The last line is JSON;
exit status 1 when a camera's thread died, a camera did not come back, or an event was lost.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from array import array
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psutil

from bench.edge_kills import server_rows
from bench.faulty_cameras import make_stream
from contract.config_loader import LoadedCamera, load_config_dir
from contract.event import Event
from contract.ids import uuid7
from edge.bootstrap import Detectors, make_parts
from edge.capture import video_source
from edge.clock import SystemClock
from edge.evidence.store import EvidenceFolder
from edge.outbox import EventSender, MediaSender, PatientOutbox, ServerLink, SqliteOutbox
from edge.outbox.refused import FILE_NAME
from edge.settings import EdgeSettings
from edge.supervisor import Supervisor
from edge.types import Frame
from edge.worker import CameraParts, CameraSource, CameraWorker
from tests.support.server import SITE, RunningServer

ROOT = Path(__file__).parents[1]
FOOTAGE = ROOT / "configs" / "demo" / "media" / "vtest.mp4"
SERVER_AWAY_H = (10.0, 11.0)
BACK_WITHIN_S = 10.0
BUDGET_BYTES = 200_000_000

CAMERA = """\
camera: {{id: cam_{n}, name: Camera {n}, village: trang-long}}
inputs: [{{path: "http://127.0.0.1:{port}/{n}"{frozen}}}]
detect: {{fps: 2}}
objects: {{track: [person]}}
zones: {{san: {{name: Sân, coordinates: [[0, 0.3], [1, 0.3], [1, 1], [0, 1]]}}}}
rules:
  - {{kind: intrusion, zones: [san], min_duration_s: 1.5, clear_after_s: 5}}
evidence: {{pre_s: 4, post_s: 4}}
"""


class FastClock:
    """Implements `edge.ports.Clock`: everything happens FACTOR times as fast."""

    def __init__(self, factor: float, start: datetime) -> None:
        self._factor, self._start, self._origin_s = factor, start, time.monotonic()

    def monotonic_s(self) -> float:
        """Simulated seconds."""
        return (time.monotonic() - self._origin_s) * self._factor

    def utc(self) -> datetime:
        """Simulated UTC."""
        return self._start + timedelta(seconds=self.monotonic_s())

    def sleep(self, seconds: float) -> None:
        """Block for simulated seconds."""
        time.sleep(seconds / self._factor)


@dataclass
class Ledger:
    """What was seen, in real monotonic seconds."""

    frames: dict[str, array[float]] = field(default_factory=dict)
    stored: set[tuple[UUID, int]] = field(default_factory=set)
    faults: list[dict[str, float | str]] = field(default_factory=list)
    memory_mb: list[tuple[float, float]] = field(default_factory=list)
    """Simulated hour, and the resident set without what this ledger itself takes."""

    @property
    def own_mb(self) -> float:
        """What the times of the frames take: three million of them in a day."""
        return sum(times.itemsize * len(times) for times in self.frames.values()) / 1e6


class _Noted:
    """A source whose frames are noted."""

    def __init__(self, source: CameraSource, times: array[float]) -> None:
        self._source, self._times = source, times

    @property
    def trouble(self) -> str:
        return self._source.trouble

    @property
    def catching_up(self) -> bool:
        return self._source.catching_up

    def frames(self) -> Iterator[Frame]:
        for frame in self._source.frames():
            self._times.append(time.monotonic())
            yield frame

    def close(self) -> None:
        self._source.close()

    def figures(self) -> Mapping[str, float]:
        return self._source.figures()


class _NotedSink:
    """An outbox whose commits are noted."""

    def __init__(self, outbox: PatientOutbox, ledger: Ledger) -> None:
        self._outbox, self._ledger = outbox, ledger

    def put(self, event: Event, media: Sequence[tuple[str, Path]]) -> None:
        self._outbox.put(event, media)
        self._ledger.stored.add((event.event_id, event.revision))


def run(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Live through the day; returns the figures."""
    factor, ledger = options.factor, Ledger()
    for name, size in (("small", (352, 264)), ("large", (480, 360))):
        make_stream(FOOTAGE, folder / f"{name}.h264", size)
    cameras = subprocess.Popen(
        [sys.executable, "-m", "bench.faulty_cameras", str(folder), "--cameras", str(options.cameras), "--factor",
         str(factor), "--hours", str(options.hours), "--seed", str(options.seed)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert cameras.stdout is not None
    port = json.loads(cameras.stdout.readline())["port"]
    _write_config(folder / "config", port, options)
    _speed_up(factor)
    with RunningServer(folder / "server") as server:
        identity = server.enrol("box", "trang-long")
        settings = EdgeSettings(folder / "config", folder / "data", ROOT / "configs")
        loaded = load_config_dir(folder / "config")
        assert not loaded.errors, loaded.errors
        assert loaded.site is not None
        site = loaded.site
        clock = FastClock(factor, datetime.now(UTC) - timedelta(hours=options.hours + 2))
        (folder / "data").mkdir()
        store = SqliteOutbox(folder / "data" / FILE_NAME, SystemClock())
        evidence = EvidenceFolder(folder / "data" / "evidence", BUDGET_BYTES)
        outbox = PatientOutbox(store, evidence.free, lambda: None)
        link = ServerLink(server.url, identity)
        media = MediaSender(store, link, SystemClock(), forget=lambda item: evidence.mark_uploaded(item.sha256))
        events = EventSender(outbox, link, SystemClock(), on_settled=media.wake)
        detectors, clips = Detectors(), ThreadPoolExecutor(1)
        sink = _NotedSink(outbox, ledger)

        def parts(camera: LoadedCamera) -> CameraParts:
            made = make_parts(
                camera, site, settings, detectors=detectors, folder=evidence, sink=sink,
                new_id=lambda at, _content: uuid7(at), run_clip=clips.submit, clock=clock,
            )  # fmt: skip
            times = ledger.frames.setdefault(made.camera_id, array("d"))
            return replace(made, open_source=lambda: _Noted(made.open_source(), times))

        supervisor = Supervisor(parts, clock)
        supervisor.apply(loaded.cameras)
        for sender in (events, media):
            sender.start()
        watcher = threading.Thread(target=_watch, args=(cameras, ledger), daemon=True)
        watcher.start()
        _wait_for_first_frames(ledger, options.cameras)
        assert cameras.stdin is not None
        cameras.stdin.write("\n")
        cameras.stdin.flush()
        begun_s = clock.monotonic_s()
        deaths = _live(options, begun_s, clock, supervisor, server, ledger, watcher, store)
        supervisor.stop()
        clips.shutdown()
        for sender, drain_s in ((events, 60.0), (media, 20.0)):
            sender.stop(drain_s)
        unsent = store.counts()[0]
        detectors.close()
        store.close()
        link.close()
        held = server_rows(folder / "server" / "data" / "langan.sqlite")
    cameras.stdin.close()
    cameras.wait(20)
    return _figures(options, ledger, held, unsent, deaths)


def _write_config(config: Path, port: int, options: argparse.Namespace) -> None:
    (config / "cameras").mkdir(parents=True)
    (config / "site.yaml").write_text(SITE, encoding="utf-8")
    for n in range(options.cameras):
        text = CAMERA.format(n=n, port=port, frozen=", frozen_after_s: 10" if options.frozen else "")
        (config / "cameras" / f"cam_{n}.yaml").write_text(text, encoding="utf-8")


def _speed_up(factor: float) -> None:
    """Divide what waits by real time: FFmpeg's time-outs and the workers' pauses, which know no clock."""
    paused = CameraWorker.wait
    opened = vars(video_source)["open_container"]

    def pause(worker: CameraWorker, seconds: float) -> bool:
        return paused(worker, seconds / factor)

    def quick(*arguments: object, **named: object) -> object:
        for name in ("open_timeout_s", "read_timeout_s"):
            named[name] = max(float(str(named[name])) / factor, 0.3)
        return opened(*arguments, **named)

    setattr(CameraWorker, "wait", pause)  # noqa: B010 - mypy reads a method's assignment otherwise
    setattr(video_source, "open_container", quick)  # noqa: B010 - the module does not offer it


def _watch(cameras: subprocess.Popen[str], ledger: Ledger) -> None:
    assert cameras.stdout is not None
    for line in cameras.stdout:
        ledger.faults.append(json.loads(line))


def _wait_for_first_frames(ledger: Ledger, cameras: int) -> None:
    deadline_s = time.monotonic() + 120
    while sum(bool(times) for times in ledger.frames.values()) < cameras:
        assert time.monotonic() < deadline_s, "not every camera was seen within two minutes"
        time.sleep(0.2)


def _live(
    options: argparse.Namespace,
    begun_s: float,
    clock: FastClock,
    supervisor: Supervisor,
    server: RunningServer,
    ledger: Ledger,
    watcher: threading.Thread,
    store: SqliteOutbox,
) -> int:
    """Wait through the day; returns how often a camera's thread died of a defect."""
    process, next_h, away, deaths = psutil.Process(), 0.0, False, 0
    while (lived_s := clock.monotonic_s() - begun_s) < options.hours * 3600 + 30 and watcher.is_alive():
        hour = lived_s / 3600
        if hour >= next_h:
            next_h += 0.25
            ledger.memory_mb.append((hour, process.memory_info().rss / 1e6 - ledger.own_mb))
            bad = [status for status in supervisor.statuses() if status.reason == "defect"]
            deaths += len(bad)
            print(
                f"hour {hour:5.2f}: {ledger.memory_mb[-1][1]:6.1f} MB, {len(ledger.faults)} faults, "
                f"{len(ledger.stored)} revisions, outbox {store.counts()}, threads {threading.active_count()}",
                flush=True,
            )
        should_be_away = SERVER_AWAY_H[0] <= hour < SERVER_AWAY_H[1]
        if should_be_away != away:
            away = should_be_away
            server.stop() if away else server.start()
        time.sleep(0.2)
    return deaths


def _figures(
    options: argparse.Namespace, ledger: Ledger, held: set[tuple[UUID, int]], unsent: int, deaths: int
) -> dict[str, object]:
    back: list[float] = []
    never = 0
    by_kind: dict[str, list[float]] = {}
    for fault in ledger.faults:
        times = ledger.frames[f"cam_{fault['camera']}"]
        returned_s = float(fault["returned_s"])
        after = next((at for at in times if at >= returned_s), None)
        if after is None:
            never += 1
            continue
        back.append((after - returned_s) * options.factor)
        by_kind.setdefault(str(fault["kind"]), []).append(back[-1])
    half = [(hour, mb) for hour, mb in ledger.memory_mb if hour >= options.hours / 2]
    slope = statistics.linear_regression(*zip(*half, strict=True)).slope if len(half) > 2 else 0.0
    late = sum(value > BACK_WITHIN_S for value in back)
    return {
        "simulated_hours": options.hours,
        "cameras": options.cameras,
        "faults": len(ledger.faults),
        "faults_by_kind": {kind: len(values) for kind, values in sorted(by_kind.items())},
        "never_back": never,
        "back_s_median": round(statistics.median(back), 2) if back else None,
        "back_s_p99": round(sorted(back)[int(0.99 * (len(back) - 1))], 2) if back else None,
        "back_s_max": round(max(back), 2) if back else None,
        "back_s_median_by_kind": {kind: round(statistics.median(v), 2) for kind, v in sorted(by_kind.items())},
        "back_later_than_10_s": late,
        "back_later_by_kind": {kind: sum(v > BACK_WITHIN_S for v in vs) for kind, vs in sorted(by_kind.items())},
        "frames": sum(len(times) for times in ledger.frames.values()),
        "revisions_stored": len(ledger.stored),
        "revisions_lost": len(ledger.stored - held),
        "events_not_sent": unsent,
        "threads_died": deaths,
        "memory_mb_first": round(ledger.memory_mb[0][1], 1),
        "memory_mb_last": round(ledger.memory_mb[-1][1], 1),
        "memory_slope_mb_per_simulated_hour": round(slope, 3),
    }


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0, help="simulated (%(default)s)")
    parser.add_argument("--factor", type=float, default=30.0, help="simulated seconds in a second (%(default)s)")
    parser.add_argument("--cameras", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--frozen", action=argparse.BooleanOptionalAction, default=True, help="watch for frozen pictures"
    )
    parser.add_argument("--folder", type=Path, help="keep everything there (a temporary folder)")
    options = parser.parse_args()
    random.seed(options.seed)
    logging.basicConfig(level=logging.ERROR, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    folder = options.folder or Path(tempfile.mkdtemp(prefix="langan-soak-"))
    folder.mkdir(exist_ok=True)
    figures = run(options, folder)
    failed = [name for name in ("never_back", "revisions_lost", "events_not_sent", "threads_died") if figures[name]]
    print(json.dumps({**figures, "passed": not failed}))
    if options.folder is None and not failed:
        shutil.rmtree(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
