"""`langan-edge bench --cameras`: how many cameras such as this one does this machine hold?"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import EdgeError

if TYPE_CHECKING:
    from edge.bench.box import BoxRun

DEFAULT_CORES = 2


def add_capacity_options(parser: argparse.ArgumentParser) -> None:
    """Add what only `--cameras` reads."""
    group = parser.add_argument_group("how many cameras the machine holds")
    group.add_argument(
        "--cameras",
        action="store_true",
        help="run the whole edge with more and more copies of the camera, all playing CLIP, until they are too many",
    )
    group.add_argument("--cores", type=int, default=DEFAULT_CORES, metavar="N", help="it may use (%(default)s)")
    group.add_argument("--first", type=int, default=4, metavar="N", help="cameras to begin with (%(default)s)")
    group.add_argument("--most", type=int, default=64, metavar="N", help="never try more (%(default)s)")
    group.add_argument("--runs", type=int, default=6, metavar="N", help="stop searching after so many (%(default)s)")
    group.add_argument("--window", type=float, default=40.0, metavar="S", help="how long each is watched (%(default)s)")
    group.add_argument("--warm-up", type=float, default=12.0, metavar="S", help="and runs before (%(default)s)")


def bench_cameras(options: argparse.Namespace, site_text: str, camera_text: str) -> int:
    """Search, telling each run on standard error; print the figures as JSON.

    Raises:
        EdgeError: The edge does not start, the clip cannot be used, or this is not Linux.
    """
    from edge.bench.box import Plan, run_box
    from edge.bench.capacity import find_capacity
    from edge.bench.phases import make_phases

    cpus = choose_cpus(options.cores)
    with tempfile.TemporaryDirectory(prefix="langan-bench-") as folder:
        phases = make_phases(options.clip, Path(folder) / "media", min(16, options.most))
        number = count()
        plan = Plan(site_text, camera_text, phases, cpus, options.warm_up, options.window)
        found = find_capacity(
            lambda cameras: tell(run_box(plan, cameras, Path(folder) / f"run{next(number)}")),
            first=options.first,
            cores=len(cpus),
            most=options.most,
            max_runs=options.runs,
        )
    best = found.best
    figures = {
        "clip": options.clip.name,
        "cores": len(cpus),
        "detections_per_s": None if best is None else round(best.searched / best.window_s, 1),
        "cameras_held": found.held,
        "is_exact": found.is_exact,
        "at_that_number": None if best is None else best.figures(),
    }
    print(json.dumps(figures, indent=1))
    return 0


def tell(run: BoxRun) -> BoxRun:
    """Say on standard error how a run went."""
    print(f"  {json.dumps(run.figures())}", file=sys.stderr, flush=True)
    return run


def choose_cpus(cores: int) -> Sequence[int]:
    """Ids of so many cores of this machine.

    Raises:
        EdgeError: It has not so many, or tells nothing of its processes.
    """
    if not sys.platform.startswith("linux"):
        raise EdgeError("--cameras reads /proc: run it on Linux")
    usable = sorted(os.sched_getaffinity(0))
    if not 0 < cores <= len(usable):
        raise EdgeError(f"--cores {cores}: this machine lets us use {len(usable)}")
    return usable[:cores]
