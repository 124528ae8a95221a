"""How many cameras the loop that a user would write first holds: one process for each camera, the same clips.

    python -m bench.edge_plain                  # every engine, mixed and busy

Each loop runs with the better of two plain settings, chosen by a run of each: everything as the libraries come, or one
thread and one core for each process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from edge.bench.box import pinned
from edge.bench.capacity import Capacity, find_capacity
from edge.bench.phases import Phases
from edge.bench.process_tree import look_at

ROOT = Path(__file__).resolve().parents[1]
ULTRALYTICS_PYTHON = ROOT / ".venv-ultralytics" / "bin" / "python"
WEIGHTS = ROOT.parent / "shared" / "weights" / "yolo11n_int8_openvino_model"
Engine = Literal["pytorch", "ultralytics", "nanodet"]


@dataclass(frozen=True, slots=True)
class Loop:
    """How the loops are run."""

    engine: Engine
    phases: Phases
    cpus: Sequence[int]
    one_thread: bool = False
    warm_up_s: float = 5.0
    window_s: float = 20.0


@dataclass(frozen=True, slots=True)
class LoopRun:
    """What one run of so many loops showed."""

    cameras: int
    done_share: float
    """Of the slowest loop: pictures searched, of those that were due."""
    behind_s: float
    """Of the slowest loop, at the end."""
    cpu_cores: float
    pss_mb: float

    @property
    def held(self) -> bool:
        """As `edge.bench.box.BoxRun.held`: less than 1 % is not done, and nobody is a second late."""
        return self.done_share >= 0.99 and self.behind_s < 1.0

    def figures(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "cameras": self.cameras, "held": self.held, "done_share": round(self.done_share, 4),
            "behind_s": round(self.behind_s, 2), "cpu_cores": round(self.cpu_cores, 3),
            "pss_mb_per_camera": round(self.pss_mb / self.cameras, 1),
        }  # fmt: skip


def why_not(engine: Engine) -> str:
    """Why a loop cannot be run on this machine; empty: it can."""
    if engine == "nanodet":
        return ""
    if not ULTRALYTICS_PYTHON.exists():
        return "ultralytics is not installed: tools/setup_ultralytics_env.sh does it (6 GB)"
    return (
        ""
        if engine == "pytorch" or WEIGHTS.exists()
        else f"{WEIGHTS.name} is not there: weights of ultralytics cannot be given away"
    )


def run_loops(loop: Loop, cameras: int) -> LoopRun:
    """Run so many loops at once.

    Raises:
        RuntimeError: One of them failed; its own message stands on standard error.
    """
    python = sys.executable if loop.engine == "nanodet" else str(ULTRALYTICS_PYTHON)
    command = [python, "-m", "bench.plain_loop", "--engine", loop.engine, "--weights", str(WEIGHTS)]
    command += ["--warm-up", str(loop.warm_up_s), "--window", str(loop.window_s)]
    command += ["--one-thread"] if loop.one_thread else []
    environment = os.environ | {"YOLO_CONFIG_DIR": str(ROOT / "artifacts" / "bench")}
    if loop.one_thread:
        environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with ExitStack() as stack:
        running = []
        for number in range(cameras):
            cpus = [loop.cpus[number % len(loop.cpus)]] if loop.one_thread else loop.cpus
            with pinned(cpus):
                process = subprocess.Popen(
                    [*command, str(loop.phases.of(number).resolve())],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT,
                )  # fmt: skip
            stack.callback(_end, process)
            running.append(process)
        for process in running:
            while (line := _line(process)) != "READY\n":
                if not line:
                    raise RuntimeError(f"a loop of {loop.engine} ended with {process.wait()}")
        memory = sum(look_at(process.pid)[process.pid].pss_bytes for process in running)
        for process in running:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        told = [json.loads(_line(process)) for process in running]
    return LoopRun(
        cameras=cameras,
        done_share=min(item["done"] / item["due"] for item in told),
        behind_s=max(item["behind_s"] for item in told),
        cpu_cores=sum(item["cpu_cores"] for item in told),
        pss_mb=memory / 1e6,
    )


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def plain_capacity(
    loop: Loop, *, first: int, max_runs: int = 5, is_chosen: bool = False, tell: Callable[[str], None] = print
) -> tuple[Capacity[LoopRun], dict[str, Any]]:
    """The capacity with the better setting, and what was tried.

    Args:
        loop: What is run.
        first: Cameras to begin with.
        max_runs: Stop searching after so many runs.
        is_chosen: `loop.one_thread` is known to be the better setting.
        tell: Called after each run.
    """
    tries: dict[bool, LoopRun] = {}
    for one_thread in (False, True) if not is_chosen else ():
        settings = replace(loop, one_thread=one_thread, window_s=loop.window_s / 2)
        tries[one_thread] = run_loops(settings, first)
        tell(f"  one_thread={one_thread} {json.dumps(tries[one_thread].figures())}")
    # Both may hold: then the cheaper one is better.
    better = max(
        tries, key=lambda key: (round(tries[key].done_share, 2), -tries[key].cpu_cores), default=loop.one_thread
    )
    chosen = replace(loop, one_thread=better)

    def measure(cameras: int) -> LoopRun:
        run = run_loops(chosen, cameras)
        tell(f"  {json.dumps(run.figures())}")
        return run

    found = find_capacity(measure, first=first, cores=len(loop.cpus), max_runs=max_runs)
    return found, {"one_thread": better, "runs": [run.figures() for run in found.runs]}


def main() -> None:
    """Measure and print."""
    from bench.edge_content import CACHE, make_content
    from edge.bench.phases import make_phases

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=("pytorch", "ultralytics", "nanodet"), action="append")
    parser.add_argument("--kind", choices=("mixed", "busy"), action="append")
    parser.add_argument("--first", type=int, default=4)
    options = parser.parse_args()
    content = make_content()
    for kind in options.kind or ("mixed", "busy"):
        phases = make_phases(content.paths[kind], CACHE / f"phases-{kind}")
        for engine in options.engine or ("pytorch", "ultralytics", "nanodet"):
            loop = Loop(engine, phases, sorted(os.sched_getaffinity(0))[:2])
            found, _ = plain_capacity(loop, first=options.first)
            print(f"{kind} {engine}: {found.held}")


if __name__ == "__main__":
    main()
