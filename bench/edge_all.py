"""What two cores of an edge box do: `make bench-edge` runs this. About 20 minutes; the last line is one line of JSON.

    python -m bench.edge_all                    # everything
    python -m bench.edge_all --quick            # a minute, to see that it works: its figures mean nothing
    python -m bench.edge_all --only capacity    # capacity, plain, overhead, clip

    capacity   cameras of 1080p25 H.264 at 5 detections a second that two cores hold with less than 1 % of the due
               searches dropped, in a quiet, a mixed and a busy scene
    plain      the same of the loop that a user would write first, one process for each camera
    overhead   the whole edge against decoding and inference alone
    clip       cutting an evidence clip against encoding it

Ratios compare runs of the same hour on the same machine. See docs/performance.md for what the words mean.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.edge_clip_cost import clip_cost
from bench.edge_content import CACHE, KINDS, Content, make_content
from bench.edge_parts import overhead
from bench.edge_plain import Engine, Loop, plain_capacity, why_not
from bench.edge_scene import edge_plan
from edge.bench.box import BoxRun, Plan, run_box
from edge.bench.capacity import find_capacity
from edge.bench.command import choose_cpus

CORES = 2
LOOP_KINDS = ("mixed", "busy")
ENGINES: tuple[Engine, ...] = ("pytorch", "ultralytics", "nanodet")
"""In the order in which one comes to them: as written first, after an export to 8 bits, without ultralytics."""
PARTS = ("capacity", "plain", "overhead", "clip")
LAST = CACHE / "last.json"
"""Where a search begins: what the last one on this machine found."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take."""

    content_s: float = 40.0
    window_s: dict[str, float] = field(default_factory=lambda: {"quiet": 25.0, "mixed": 40.0, "busy": 25.0})
    warm_up_s: float = 15.0
    """At the start all cameras are awake at once for some seconds: that must be over."""
    first: dict[str, int] = field(default_factory=lambda: {"quiet": 48, "mixed": 14, "busy": 6, "plain": 4})
    runs: int = 4
    plain_window_s: float = 16.0
    parts_window_s: float = 15.0
    rounds: int = 3
    clip_s: float = 10.0
    engines: tuple[Engine, ...] = ENGINES


QUICK = Pace(
    content_s=4.0,
    window_s=dict.fromkeys(KINDS, 5.0),
    warm_up_s=0.0,
    first=dict.fromkeys((*KINDS, "plain"), 2),
    runs=1,
    plain_window_s=3.0,
    parts_window_s=4.0,
    rounds=1,
    clip_s=2.0,
    engines=("nanodet",),
)


class Bench:
    """Runs the parts and gathers the figures.

    Args:
        content: The streams.
        cpus: Cores for what is measured.
        pace: How long things take.
        folder: Copies of the streams are kept below it.
    """

    def __init__(self, content: Content, cpus: Sequence[int], pace: Pace, folder: Path) -> None:
        self._pace = pace
        self._plans = {kind: self._plan(kind, content, cpus, folder) for kind in KINDS}
        self._content = content
        self._began_s = time.monotonic()
        self.detail: dict[str, Any] = {}
        self.last: dict[str, Any] = dict.fromkeys(
            (
                *(f"cameras_{kind}" for kind in KINDS),
                "plain_loop", "plain_loop_cameras_mixed", "plain_loop_cameras_busy", "ratio_mixed", "ratio_busy",
                *(f"{engine}_loop_cameras_{kind}" for engine in ENGINES for kind in LOOP_KINDS),
                *(f"{engine}_ratio_{kind}" for engine in ENGINES for kind in LOOP_KINDS),
                "overhead_over_parts", "clip_cost_share", "p50_frame_to_event_s", "p95_frame_to_event_s",
                "pss_mb_per_camera_mixed",
            )
        )  # fmt: skip

    def _plan(self, kind: str, content: Content, cpus: Sequence[int], folder: Path) -> Plan:
        plan = edge_plan(kind, content, folder, cpus)
        return replace(plan, window_s=self._pace.window_s[kind], warm_up_s=self._pace.warm_up_s)

    def say(self, text: str) -> None:
        """Print with the time since the start."""
        print(f"[{time.monotonic() - self._began_s:5.0f} s] {text}", flush=True)

    def capacity(self) -> None:
        """Cameras that the edge holds."""
        for kind in KINDS:
            self.say(f"{kind}: how many cameras does the edge hold?")
            found = find_capacity(
                lambda cameras, kind=kind: self._run(kind, cameras),  # type: ignore[misc] # its default binds it
                first=self._first(f"cameras_{kind}", kind),
                cores=CORES,
                max_runs=self._pace.runs,
            )
            self.last[f"cameras_{kind}"] = found.held
            self.detail[kind] = [run.figures() for run in found.runs]
            best = found.best
            if kind == "mixed" and best is not None:
                shown = best.figures()
                self.last["p50_frame_to_event_s"] = shown["frame_to_event_p50_s"]
                self.last["p95_frame_to_event_s"] = shown["frame_to_event_p95_s"]
                self.last["pss_mb_per_camera_mixed"] = shown["pss_mb_per_camera"]
            self.say(f"{kind}: {'' if found.is_exact else 'at least '}{found.held} cameras")

    def _run(self, kind: str, cameras: int) -> BoxRun:
        with tempfile.TemporaryDirectory(prefix="langan-bench-") as folder:
            run = run_box(self._plans[kind], cameras, Path(folder))
        self.say(f"  {json.dumps(run.figures())}")
        return run

    def _first(self, key: str, otherwise: str) -> int:
        known = json.loads(LAST.read_text("utf-8")) if LAST.exists() and self._pace.runs > 1 else {}
        return known.get(key) or self._pace.first[otherwise]

    def plain(self) -> None:
        """Cameras that plain loops hold."""
        for engine in self._pace.engines:
            reason = why_not(engine)
            if reason:
                self.say(f"plain loop, {engine}: left out: {reason}")
                self.detail[f"plain_{engine}"] = reason
                continue
            one_thread: bool | None = None
            first = self._first(f"{engine}_loop_cameras_mixed", "plain")
            for kind in LOOP_KINDS:
                self.say(f"{kind}: how many cameras does a plain loop with {engine} hold?")
                loop = Loop(engine, self._plans[kind].phases, self._plans[kind].cpus, one_thread or False)
                loop = replace(loop, window_s=self._pace.plain_window_s)
                found, told = plain_capacity(
                    loop, first=first, max_runs=self._pace.runs, is_chosen=one_thread is not None, tell=self.say
                )
                one_thread, first = told["one_thread"], max(1, found.held)
                self.last[f"{engine}_loop_cameras_{kind}"] = found.held
                self.detail[f"plain_{engine}_{kind}"] = told
                self.say(f"{kind}: a plain loop with {engine} holds {found.held}")
        self._compare()

    def _compare(self) -> None:
        """The loop that a user would write first is the first of the engines that can be run here."""
        engine = next(
            (name for name in self._pace.engines if self.last[f"{name}_loop_cameras_mixed"] is not None), None
        )
        self.last["plain_loop"] = engine
        for kind in LOOP_KINDS:
            held = self.last[f"cameras_{kind}"]
            for name in ENGINES:
                plain = self.last[f"{name}_loop_cameras_{kind}"]
                if plain and held is not None:
                    self.last[f"{name}_ratio_{kind}"] = round(held / plain, 2)
            if engine is not None:
                self.last[f"plain_loop_cameras_{kind}"] = self.last[f"{engine}_loop_cameras_{kind}"]
                self.last[f"ratio_{kind}"] = self.last[f"{engine}_ratio_{kind}"]

    def overhead(self) -> None:
        """The whole over its parts, with as many busy cameras as leave the cores a little time."""
        held = self.last["cameras_busy"] or self._pace.first["busy"]
        plan = replace(self._plans["busy"], window_s=self._pace.parts_window_s)
        self.say("busy: the whole edge against decoding and inference alone")
        found = overhead(plan, max(1, round(0.7 * held)), rounds=self._pace.rounds, tell=self.say)
        self.last["overhead_over_parts"], self.detail["overhead"] = found["over"], found
        self.say(f"the whole takes {100 * found['over']:.1f} % more CPU time than its parts")

    def clip(self) -> None:
        """Cutting over encoding."""
        found = clip_cost(self._content.paths["busy"], rounds=self._pace.rounds, clip_s=self._pace.clip_s)
        self.last["clip_cost_share"], self.detail["clip"] = found["share"], found
        self.say(f"cutting an evidence clip takes {100 * found['share']:.2f} % of encoding it: {json.dumps(found)}")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a minute, to see that it works")
    parser.add_argument("--only", choices=PARTS, action="append", help="may be given more than once")
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="DIR", help="keep streams there (%(default)s)")
    parser.add_argument("--detail", type=Path, metavar="FILE", help="write every run's figures there as JSON")
    options = parser.parse_args()
    pace = QUICK if options.quick else Pace()
    folder = options.cache / "quick" if options.quick else options.cache
    cpus = choose_cpus(min(CORES, len(os.sched_getaffinity(0))))
    content = make_content(folder, seconds=pace.content_s)
    load = os.getloadavg()[0]
    bench = Bench(content, cpus, pace, folder)
    bench.say(f"{platform.machine()}, cores {list(cpus)} of {os.cpu_count()}, load before {load:.1f}")
    if load > 0.5 * CORES:
        bench.say("this machine is busy with something else: the figures will be too low")
    made_of = "the project's own clip, because ../shared/clips is not there" if content.is_own else "real footage"
    bench.say(f"streams made of {content.clip}: {made_of}")
    for part in PARTS:
        if part in (options.only or PARTS):
            getattr(bench, part)()
    bench.last["content"] = content.clip
    if options.detail is not None:
        options.detail.write_text(json.dumps({**bench.last, "detail": bench.detail}, indent=1), "utf-8")
    if not options.quick and not options.only:
        LAST.write_text(json.dumps(bench.last), "utf-8")
    print(json.dumps(bench.last))


if __name__ == "__main__":
    main()
