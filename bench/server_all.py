"""What the server does: `make bench-server` runs this. The last line is one line of JSON.

    python -m bench.server_all                          # everything: hours, most of them kills
    python -m bench.server_all --quick                  # minutes, to see that it works: its figures mean nothing
    python -m bench.server_all --only batch --only single --database postgresql

    single       a durable POST of one signed event against a bare Flask echo on the same gunicorn settings
    batch        batches of 50 events, beside Alertmanager with the same alerts
    duplicates   the same batches again, against new ones
    workers      one and two worker processes, on PostgreSQL
    stream       live pages: memory, broadcasts, reconnects, from POST to page (bench/server_stream.py)
    volume       lists, pages and a year's report over 5 million events, on both databases (bench/server_volume.py)
    kills        kill -9 while eight senders post, on both databases (bench/server_kills.py)

Ratios compare what took turns in one run on the same two cores. See docs/performance.md for what the keys mean.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from bench import server_kills, server_load, server_volume
from bench.server_site import DATABASES, ROOT, check_database, cluster
from edge.bench.command import choose_cpus

CORES: Final = 2
PARTS: Final = ("single", "batch", "duplicates", "workers", "stream", "volume", "kills")
PROMISED: Final = (
    "single_over_echo", "batch_events_per_s", "batch_over_alertmanager", "duplicates_over_fresh", "sse_clients",
    "sse_kb_each", "sse_p99_ms", "post_to_browser_p99_ms", "two_workers_over_one", "list_p95_ms", "yearly_report_s",
    "lost", "different_from_oracle",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pace:
    """How much of everything."""

    rounds: int = 7
    posts: int = 200
    batches: int = 100
    stream: tuple[str, ...] = ()
    volume: tuple[str, ...] = ()
    kills: int = 1000
    per_leg: int = server_kills.LEG_KILLS


QUICK: Final = Pace(
    rounds=1,
    posts=10,
    batches=8,
    stream=(
        "--pages", "200", "--some-pages", "50", "--reconnects", "50", "--viewers", "50", "--events-per-s", "50",
        "--seconds", "3",
    ),
    volume=("--events", "5000", "--rounds", "3"),
    kills=5,
)  # fmt: skip


class Bench:
    """Runs the parts and gathers the figures.

    Args:
        pace: How long things take.
        cpus: Cores of what is measured.
        database: Of the parts that take either.
        only_one: The kills, too, are tried on that database alone.
        seed: Of the kills.
        log: Finished legs of the kills.
    """

    def __init__(self, pace: Pace, cpus: Sequence[int], database: str, *, only_one: bool, seed: int, log: Path) -> None:
        self._pace, self._cpus, self._database, self._seed, self._log = pace, cpus, database, seed, log
        self._killed = (database,) if only_one else DATABASES
        self._began_s = time.monotonic()
        self.last: dict[str, Any] = dict.fromkeys(PROMISED)

    def say(self, text: str) -> None:
        """Print with the time since the start."""
        print(f"[{time.monotonic() - self._began_s:5.0f} s] {text}", flush=True)

    def single(self) -> None:
        """One event a request."""
        pace = self._pace
        self.last |= server_load.single(self._database, self._cpus, rounds=pace.rounds, posts=pace.posts, say=self.say)

    def batch(self) -> None:
        """Fifty events a request."""
        pace = self._pace
        self.last |= server_load.batch(
            self._database, self._cpus, rounds=pace.rounds, batches=pace.batches, say=self.say
        )

    def duplicates(self) -> None:
        """Everything twice."""
        pace = self._pace
        self.last |= server_load.duplicates(
            self._database, self._cpus, rounds=pace.rounds, batches=pace.batches, say=self.say
        )

    def workers(self) -> None:
        """One and two processes."""
        self.last |= server_load.workers(self._cpus, rounds=self._pace.rounds, batches=self._pace.batches, say=self.say)

    def stream(self) -> None:
        """Live pages, in a process of their own."""
        if self._database == "sqlite":
            self.last |= self._stream("")
        else:
            with cluster() as running, running.database() as url:
                self.last |= self._stream(url)

    def _stream(self, url: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "bench.server_stream", *self._pace.stream]
        command += ["--seed", str(self._seed), "--database", url]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            lines = []
            for line in child.stdout:
                lines.append(line)
                self.say(line.strip())
        if child.returncode != 0:
            raise SystemExit(f"bench.server_stream ended with {child.returncode}")
        figures: dict[str, Any] = json.loads(lines[-1])
        return figures

    def volume(self) -> None:
        """Millions of events, on each database."""
        chosen = ("--database", self._killed[0]) if len(self._killed) == 1 else ()
        self.last |= server_volume.both(server_volume.parser().parse_args([*self._pace.volume, *chosen]))

    def kills(self) -> None:
        """Kills, on each database."""
        for database in self._killed:
            self.say(f"{self._pace.kills} kills on {database}")
            sums = server_kills.all_legs(
                database, self._pace.kills, self._seed, per_leg=self._pace.per_leg, log=self._log
            )
            self.say(f"{database}: {json.dumps(sums)}")
            for name in ("kills", "acknowledged", "doubled", "bad_legs", "lost", "different_from_oracle"):
                self.last[name] = (self.last.get(name) or 0) + sums[name]


def main() -> int:
    """Measure, and print; 1 when an event was lost or doubled, or an incident is not the oracle's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="minutes, to see that it works")
    parser.add_argument("--only", choices=PARTS, action="append", help="may be given more than once")
    parser.add_argument("--database", choices=DATABASES, help="sqlite, and both for the kills, by default")
    parser.add_argument("--kills", type=int, help="on each database")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path, help="finished legs of the kills, which are not run again")
    options = parser.parse_args()
    parts = [part for part in PARTS if part in (options.only or PARTS)]
    if (
        options.database == "postgresql"
        or "workers" in parts
        or ({"kills", "volume"} & {*parts} and not options.database)
    ):
        check_database("postgresql")
    pace = QUICK if options.quick else Pace()
    if options.kills is not None:
        pace = replace(pace, kills=options.kills)
    log = options.log or (server_kills.LOG.with_name("server_kills_quick.jsonl") if options.quick else server_kills.LOG)
    cpus = choose_cpus(min(CORES, len(os.sched_getaffinity(0))))
    bench = Bench(
        pace, cpus, options.database or "sqlite", only_one=options.database is not None, seed=options.seed, log=log
    )
    load = os.getloadavg()[0]
    bench.say(f"{platform.machine()}, cores {list(cpus)} of {os.cpu_count()}, load before {load:.1f}")
    if load > 0.5 * CORES:
        bench.say("this machine is busy with something else: the figures will be too low")
    for part in parts:
        getattr(bench, part)()
    figures = bench.last | {"database": options.database or "sqlite", "quick": options.quick, "load_before": load}
    print(json.dumps({name: round(value, 3) if isinstance(value, float) else value for name, value in figures.items()}))
    return 1 if figures.get("bad_legs") else 0


if __name__ == "__main__":
    sys.exit(main())
