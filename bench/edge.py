"""Measures one edge box: the whole path from a clip to events, as fast as it goes, and its memory. Prints JSON.

    python -m bench.edge                                  # the demo's real clip and its camera
    python -m bench.edge --config configs/demo --camera duong_lang --clip configs/demo/media/street.mp4 --runs 3

Each run is a process of its own (`langan-edge bench`), so that the memory is that of an edge with one camera. Figures
are the median over the runs; a first run warms the file cache and is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "configs" / "demo"
BYTES_PER_UNIT = 1024
"""Linux counts resident memory in KiB."""


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=DEMO)
    parser.add_argument("--camera", default="san_nha_van_hoa")
    parser.add_argument("--clip", type=Path, default=DEMO / "media" / "vtest.mp4")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    command = ["bench", "--config", options.config.resolve(), "--camera", options.camera, options.clip.resolve()]
    runs = [measure([str(part) for part in command]) for _ in range(options.runs + 1)][1:]
    keys = ("clip_s", "frames", "searched", "wall_s", "times_real_time", "fps", "cpu_s", "peak_memory_mb")
    figures: dict[str, Any] = {key: round(statistics.median(run[key] for run in runs), 2) for key in keys}
    figures["ms_per_frame"] = {
        stage: round(statistics.median(run["stages"][stage]["ms_per_frame"] for run in runs), 2)
        for stage in runs[0]["stages"]
    }
    machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    print(json.dumps({"clip": options.clip.name, "runs": options.runs, **machine, **figures}, indent=1))


def measure(command: list[str]) -> dict[str, Any]:
    """Run `langan-edge` once.

    Returns:
        What it printed, with `cpu_s` (of all its threads) and `peak_memory_mb` (resident, its highest).

    Raises:
        RuntimeError: It failed; its own message stands on standard error.
    """
    with subprocess.Popen([sys.executable, "-m", "edge.cli", *command], stdout=subprocess.PIPE, cwd=ROOT) as process:
        printed = process.stdout.read() if process.stdout else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"langan-edge {command[0]} failed with {process.returncode}")
    return {
        **json.loads(printed),
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_memory_mb": usage.ru_maxrss * BYTES_PER_UNIT / 1e6,
    }


if __name__ == "__main__":
    main()
