"""How right the rules are in simulated worlds: `make bench-rules`, or

    python -m bench.worlds [--share 0.1] [--only NAME ...] [--levels none measured double] [--fps 1 5 25] [--jobs 2]

Every eventful world runs at each noise level at 5 frames a second, and with measured noise at each frame rate; ordinary
hours run with measured noise at 5, and one in five of them at the other levels too. A world's figures depend on its
name and number alone, so any number of processes gives the same. Prints tables, writes them with a plot and every
mistake in words to `artifacts/bench-rules/`, and ends with one JSON line: 5 frames a second with measured noise.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import cast

import cv2

from bench.worlds import report
from bench.worlds.noise import LEVELS, Level, make_noise
from bench.worlds.observe import watch
from bench.worlds.scenarios import SCENARIOS, Scenario
from bench.worlds.score import Score, score

OUT = Path("artifacts/bench-rules")
MAIN_FPS = 5.0
MAIN_LEVEL: Level = "measured"

Setting = tuple[Level, float]
Part = dict[Setting, dict[str, Score]]


def run_world(name: str, number: int, settings: Sequence[Setting]) -> Part:
    """Make one world and watch it with each noise level and frame rate."""
    cv2.setNumThreads(1)
    world = SCENARIOS[name].build(number)
    part: Part = {}
    for level, fps in settings:
        watched = watch(world, fps, make_noise(level, world.seed))
        part[level, fps] = score(world, watched.alerts, watched.found)
    return part


def _settings(item: Scenario, number: int, levels: Sequence[Level], rates: Sequence[float]) -> list[Setting]:
    if item.ordinary:
        shown = levels if number % 5 == 1 else [MAIN_LEVEL]
        return [(level, MAIN_FPS) for level in shown]
    at_rates: list[Setting] = [(MAIN_LEVEL, fps) for fps in rates]
    return list(dict.fromkeys([*at_rates, *((level, MAIN_FPS) for level in levels)]))


def main() -> int:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description="Compare the rules with simulated worlds' exact truth.")
    parser.add_argument("--share", type=float, default=1.0, help="of the worlds of each scenario; at least one runs")
    parser.add_argument("--only", nargs="*", help="scenarios whose names begin so")
    parser.add_argument("--levels", nargs="*", choices=LEVELS, default=LEVELS)
    parser.add_argument("--fps", nargs="*", type=float, default=(1.0, 2.0, 5.0, 10.0, 25.0))
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    chosen = {
        name: item for name, item in SCENARIOS.items() if not arguments.only or name.startswith(tuple(arguments.only))
    }
    absent = sorted({item.needs for item in chosen.values() if not item.is_possible})
    if absent or not chosen:
        print(f"bench-rules: not installed: {', '.join(absent)}: run sh tools/setup_worlds.sh", file=sys.stderr)
        return 1
    levels = cast("Sequence[Level]", arguments.levels)
    tasks = [
        (name, number, _settings(item, number, levels, arguments.fps))
        for name, item in chosen.items()
        for number in range(1, max(1, math.ceil(item.worlds * arguments.share)) + 1)
    ]
    began = time.perf_counter()
    totals: Part = {}
    with ProcessPoolExecutor(arguments.jobs) as pool:
        waiting = {pool.submit(run_world, *task): (index, task) for index, task in enumerate(tasks)}
        parts: dict[int, Part] = {}
        for done, future in enumerate(as_completed(waiting), 1):
            index, task = waiting[future]
            parts[index] = future.result()
            print(f"[{done}/{len(tasks)}] {task[0]} {task[1]}", file=sys.stderr)
    for index in sorted(parts):
        for setting, scores in parts[index].items():
            for kind, part in scores.items():
                totals.setdefault(setting, {}).setdefault(kind, Score()).add(part)
    text = report.tables(totals, (MAIN_LEVEL, MAIN_FPS))
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "tables.md").write_text(text, encoding="utf-8")
    (arguments.out / "rules.svg").write_text(report.plot(totals, MAIN_FPS, MAIN_LEVEL), encoding="utf-8")
    (arguments.out / "mistakes.txt").write_text(report.mistakes(totals), encoding="utf-8")
    print(text)
    print(f"{len(tasks)} worlds in {time.perf_counter() - began:.0f} s; plot and mistakes: {arguments.out}")
    print(json.dumps(report.figures(totals.get((MAIN_LEVEL, MAIN_FPS), {}))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
