"""Kills the edge again and again at random instants while it records events, then asks the server what it has.

    python -m bench.edge_kills --kills 1000           # about 40 minutes on 2 cores

A real server (SQLite) and real edges on real footage. Half of the kills end every process of the edge at once (a power
cut), half only the main process, whose workers must then end by themselves. After each kill the outbox file is checked
on a copy. At the end the edges run on until everything is sent, and the server's own tables are compared with the
edges' logs: a line is written there only after the outbox had committed the revision.

The last line is JSON; exit status 1 when anything was lost, doubled, left open or damaged.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from tests.support.server import SITE, RunningServer

ROOT = Path(__file__).parents[1]
COMMAND = Path(sys.executable).parent / "langan-edge"
MEDIA = ROOT / "configs" / "demo" / "media"
_RECORDED = re.compile(r" event camera=\S+ .* event_id=(?P<event_id>[0-9a-f-]{36}) revision=(?P<revision>\d+)")
ORPHAN_S = 15.0
DRAIN_S = 180.0

CAMERA = """\
camera: {{id: {camera}, name: Sân, village: trang-long}}
inputs: [{{path: vtest.mp4, loop: true}}]
detect: {{fps: 4}}
objects: {{track: [person], filters: {{person: {{min_score: 0.45}}}}}}
zones:
  trai: {{name: Trái, coordinates: [[0, 0], [0.33, 0], [0.33, 1], [0, 1]]}}
  giua: {{name: Giữa, coordinates: [[0.33, 0], [0.66, 0], [0.66, 1], [0.33, 1]]}}
  phai: {{name: Phải, coordinates: [[0.66, 0], [1, 0], [1, 1], [0.66, 1]]}}
rules:
  - {{kind: intrusion, zones: [trai, giua, phai], min_duration_s: 0.5, clear_after_s: 0.5}}
  - {{kind: crowding, min_people: 3, min_duration_s: 0.5, clear_after_s: 0.5, after_hours: null}}
evidence: {{pre_s: 1, post_s: 1}}
"""


@dataclass
class Lane:
    """One edge that is started and killed, with its own data folder."""

    folder: Path
    camera: str
    url: str
    kills: int = 0
    power_cuts: int = 0
    damaged: int = 0
    orphans: int = 0
    lives_s: list[float] = field(default_factory=list)

    @property
    def log(self) -> Path:
        """What it wrote over all its lives."""
        return self.folder / "edge.log"

    def start(self) -> subprocess.Popen[bytes]:
        """Start it in a process group of its own."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [str(COMMAND), "run", "--config", str(self.folder / "config"), "--data", str(self.folder / "data"),
                 "--media", str(MEDIA), "--http", "off"],
                env={
                    **{name: value for name, value in os.environ.items() if not name.startswith("LANGAN_")},
                    "LANGAN_SERVER_URL": self.url,
                },
                cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def write_config(self) -> None:
        """Put its configuration folder there."""
        cameras = self.folder / "config" / "cameras"
        cameras.mkdir(parents=True)
        (self.folder / "config" / "site.yaml").write_text(SITE, encoding="utf-8")
        (cameras / f"{self.camera}.yaml").write_text(CAMERA.format(camera=self.camera), encoding="utf-8")

    def recorded(self) -> set[tuple[UUID, int]]:
        """Every revision that it says it has stored."""
        text = self.log.read_text("utf-8", "replace")
        return {(UUID(found["event_id"]), int(found["revision"])) for found in _RECORDED.finditer(text)}


def kill_once(lane: Lane, dice: random.Random, shortest_s: float, longest_s: float) -> None:
    """One life of an edge, of random length, and its end."""
    process = lane.start()
    life_s = dice.uniform(shortest_s, longest_s)
    time.sleep(life_s)
    lane.lives_s.append(life_s)
    if process.poll() is not None:
        raise SystemExit(f"{lane.log}: the edge ended by itself with {process.returncode}: see its end")
    if dice.random() < 0.5:
        lane.power_cuts += 1
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    lane.kills += 1
    deadline = time.monotonic() + ORPHAN_S
    while group_lives(process.pid):
        if time.monotonic() > deadline:
            lane.orphans += 1
            os.killpg(process.pid, signal.SIGKILL)
        time.sleep(0.02)
    if not outbox_is_intact(lane.folder / "data"):
        lane.damaged += 1


def group_lives(group: int) -> bool:
    """Whether a process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def outbox_is_intact(data: Path) -> bool:
    """Check a copy of the outbox: opening the file itself would already repair it."""
    with tempfile.TemporaryDirectory() as folder:
        for file in data.glob("outbox.sqlite*"):
            shutil.copy(file, folder)
        copy = Path(folder) / "outbox.sqlite"
        if not copy.exists():
            return True  # killed before it was made
        with closing(sqlite3.connect(copy)) as database:
            return bool(database.execute("PRAGMA integrity_check").fetchone() == ("ok",))


def run_lane(lane: Lane, kills: int, seed: int, shortest_s: float, longest_s: float) -> None:
    """Every life of one edge."""
    dice = random.Random(seed)
    for number in range(kills):
        kill_once(lane, dice, shortest_s, longest_s)
        if number % 25 == 24:
            print(f"{lane.camera}: {number + 1} kills, {len(lane.recorded())} revisions stored", flush=True)


def drain(lane: Lane) -> int:
    """Let an edge send all it has and stop well; returns how many events are still in its outbox."""
    process = lane.start()
    waiting = -1
    deadline = time.monotonic() + DRAIN_S
    stop_at = time.monotonic() + 20.0
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(1)
        if time.monotonic() > stop_at:
            process.terminate()
            process.wait(60)
    with closing(sqlite3.connect(lane.folder / "data" / "outbox.sqlite")) as database:
        waiting = database.execute("SELECT count(*) FROM event").fetchone()[0]
    return int(waiting)


def server_rows(database: Path) -> set[tuple[UUID, int]]:
    """Every revision that a server holds."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT event_id, revision FROM event_revisions").fetchall()
    return {(UUID(str(event)), int(revision)) for event, revision in rows}


def server_account(database: Path, lanes: Sequence[Lane]) -> dict[str, int]:
    """What the server holds, against what the edges say that they stored."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        held = [(UUID(str(event)), int(revision)) for event, revision in connection.execute(
            "SELECT event_id, revision FROM event_revisions")]  # fmt: skip
        events = {UUID(str(event)): int(revision) for event, revision in connection.execute(
            "SELECT event_id, revision FROM events")}  # fmt: skip
        left_open = connection.execute("SELECT count(*) FROM events WHERE state <> 'end'").fetchone()[0]
        without_incident = connection.execute(
            "SELECT count(*) FROM events WHERE incident_id IS NULL AND quarantine_reason IS NULL"
        ).fetchone()[0]
        counted = connection.execute(
            "SELECT coalesce(sum(event_count), 0) FROM incidents WHERE merged_into_id IS NULL"
        ).fetchone()[0]
    stored = set().union(*(lane.recorded() for lane in lanes))
    by_event: dict[UUID, set[int]] = {}
    for event, revision in held:
        by_event.setdefault(event, set()).add(revision)
    return {
        "events": len(events),
        "revisions_stored": len(stored),
        "revisions_held": len(held),
        "revisions_lost": len(stored - set(held)),
        "revisions_doubled": sum(count - 1 for count in Counter(held).values()),
        "events_with_gaps": sum(revisions != set(range(max(revisions) + 1)) for revisions in by_event.values()),
        "events_left_open": int(left_open),
        "events_without_incident": int(without_incident),
        "events_doubled_in_incidents": int(counted) - len(events),
    }


def main() -> int:
    """Kill, then count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--edges", type=int, default=2, help="edges at a time (%(default)s)")
    parser.add_argument("--shortest", type=float, default=0.3, metavar="S", help="shortest life (%(default)s)")
    parser.add_argument("--longest", type=float, default=9.0, metavar="S", help="longest life (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="keep everything there (a temporary folder)")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="langan-kills-"))
    began_s = time.monotonic()
    with RunningServer(folder / "server") as server:
        lanes: list[Lane] = []
        for number in range(options.edges):
            lane = Lane(folder / f"edge{number}", f"san_{number}", server.url)
            server.enrol(f"box-{number}", "trang-long", lane.folder / "data")
            lane.write_config()
            lanes.append(lane)
        threads = [
            threading.Thread(
                target=run_lane,
                args=(lane, options.kills // options.edges, options.seed + n, options.shortest, options.longest),
            )
            for n, lane in enumerate(lanes)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        waiting = sum(drain(lane) for lane in lanes)
        account = server_account(folder / "server" / "data" / "langan.sqlite", lanes)
    figures = {
        "kills": sum(lane.kills for lane in lanes),
        "power_cuts": sum(lane.power_cuts for lane in lanes),
        "minutes": round((time.monotonic() - began_s) / 60, 1),
        "outboxes_damaged": sum(lane.damaged for lane in lanes),
        "orphan_processes": sum(lane.orphans for lane in lanes),
        "events_not_sent": waiting,
        **account,
    }
    bad = [
        name
        for name in (
            "outboxes_damaged", "orphan_processes", "events_not_sent", "revisions_lost", "revisions_doubled",
            "events_with_gaps", "events_left_open", "events_without_incident", "events_doubled_in_incidents",
        )
        if figures[name]
    ]  # fmt: skip
    short = figures["kills"] < options.kills - options.edges or not account["events"]
    print(json.dumps({**figures, "passed": not bad and not short}))
    if options.folder is None and not bad:
        shutil.rmtree(folder)
    return 1 if bad or short else 0


if __name__ == "__main__":
    sys.exit(main())
