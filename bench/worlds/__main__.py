"""How right the rules are in simulated worlds: `make bench-rules`, or

    python -m bench.worlds [--share 0.1] [--only NAME ...] [--levels none measured double] [--fps 1 5 25] [--jobs 2]
                           [--cache FOLDER] [--resume | --report]

Every eventful world runs at each noise level at 5 frames a second, and with measured noise at each frame rate; ordinary
hours run with measured noise at 5, and one in ten of them at the other levels too. A world's figures depend on its
name and number alone, so any number of processes gives the same. Prints tables, writes them with a plot and every
mistake in words to `artifacts/bench-rules/`, and ends with one JSON line: 5 frames a second with measured noise.

What is done is kept in the cache folder, and so is what the simulators said: `--resume` goes on with a run that was
cut off, `--report` prints what there is so far, beside a run that goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import cast

import cv2

from bench.worlds import report, store
from bench.worlds.noise import LEVELS, Level, make_noise
from bench.worlds.observe import watch
from bench.worlds.runs import MAIN_FPS, MAIN_LEVEL, Kept, Part, add_up, plan
from bench.worlds.scenarios import SCENARIOS
from bench.worlds.score import Score, score

OUT = Path("artifacts/bench-rules")
RATES = (5.0, 1.0, 2.0, 10.0, 25.0)


def run_part(part: Part) -> dict[str, Score]:
    """Make one world and watch it at one noise level and frame rate."""
    cv2.setNumThreads(1)
    world = SCENARIOS[part.name].build(part.number)
    watched = watch(world, part.fps, make_noise(part.level, world.seed))
    return score(world, watched.alerts, watched.found)


def main() -> int:
    """Run, print, write."""
    options = _options()
    chosen = {
        name: item for name, item in SCENARIOS.items() if not options.only or name.startswith(tuple(options.only))
    }
    absent = sorted({item.needs for item in chosen.values() if not item.is_possible})
    if (absent and not options.report) or not chosen:
        what = f"not installed: {', '.join(absent)}: run sh tools/setup_worlds.sh" if absent else "no such scenario"
        print(f"bench-rules: {what}", file=sys.stderr)
        return 1
    os.environ.setdefault(store.FOLDER, str(options.cache))
    kept = Kept(options.cache)
    parts = plan(chosen, cast("Sequence[Level]", options.levels), options.fps, options.share)
    done: dict[Part, Mapping[str, Score]] = {}
    if options.resume or options.report:
        done = {part: scores for part in parts if (scores := kept.get(part)) is not None}
        print(f"{len(done)} of {len(parts)} parts are done", file=sys.stderr)
    began = time.perf_counter()
    left = [] if options.report else [part for part in parts if part not in done]
    with ProcessPoolExecutor(options.jobs) as pool:
        waiting = {pool.submit(run_part, part): part for part in left}
        for count, future in enumerate(as_completed(waiting), 1):
            part = waiting[future]
            done[part] = future.result()
            kept.put(part, done[part])
            took_s = time.perf_counter() - began
            what = f"{part.name} {part.number} {part.level} {part.fps:g} fps"
            print(f"[{count}/{len(left)}] {took_s:.0f} s: {what}", file=sys.stderr, flush=True)
    _tell([(part, done[part]) for part in parts if part in done], options.out)
    return 0


def _tell(done: Sequence[tuple[Part, Mapping[str, Score]]], out: Path) -> None:
    main_setting = (MAIN_LEVEL, MAIN_FPS)
    totals, apart = add_up(done)
    text = report.tables(totals, main_setting)
    if apart:
        text += "\nA camera that hangs as the admin's guide advises against:\n\n" + report.tables(apart, main_setting)
    out.mkdir(parents=True, exist_ok=True)
    (out / "tables.md").write_text(text, encoding="utf-8")
    (out / "rules.svg").write_text(report.plot(totals, MAIN_FPS, MAIN_LEVEL), encoding="utf-8")
    (out / "mistakes.txt").write_text(report.mistakes(totals) + report.mistakes(apart), encoding="utf-8")
    print(text)
    print(f"{len(done)} parts; plot and mistakes: {out}")
    print(json.dumps(report.figures(totals.get(main_setting, {}))))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare the rules with simulated worlds' exact truth.")
    parser.add_argument("--share", type=float, default=1.0, help="of the worlds of each scenario; at least one runs")
    parser.add_argument("--only", nargs="*", help="scenarios whose names begin so")
    parser.add_argument("--levels", nargs="*", choices=LEVELS, default=LEVELS)
    parser.add_argument("--fps", nargs="*", type=float, default=RATES, help="beside 5: default 1 2 10 25")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--cache", type=Path, default=OUT / "cache", help="keeps what is done and what was simulated")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--resume", action="store_true", help="take what is done from the cache and do the rest")
    way.add_argument("--report", action="store_true", help="only print what is done")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
