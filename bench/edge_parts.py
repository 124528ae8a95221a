"""The whole edge against the sum of what nobody can leave out: decoding the same pictures, searching the same inputs.

    python -m bench.edge_parts --cameras 4

    whole    `langan-edge run` with so many busy cameras: CPU time of all its processes
    decode   the same clips at their own speed, opened with the same settings, decoded and thrown away; one thread each
    infer    the network alone on inputs drawn beforehand, as often as the cameras are searched; one thread

The parts are run at the same speed and at the same time as each other, so that they share caches as the whole does.
Whole and parts take turns; the figure is the median of the rounds. Each part is scaled to the pictures and searches
that the whole did in its turn.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.edge_content import CACHE, FPS, ROOT, make_content
from bench.edge_scene import edge_plan
from edge.bench.box import Plan, pinned, run_box

DETECT_FPS = 5


def overhead(plan: Plan, cameras: int, *, rounds: int = 3, tell: Callable[[str], None] = print) -> dict[str, Any]:
    """CPU time of the whole over that of its parts, minus 1.

    Args:
        plan: Of a busy scene; its window is the time of each turn.
        cameras: How many; the box must hold them.
        rounds: Of whole and parts.
        tell: Called after each round.
    """
    found: list[dict[str, Any]] = []
    for _ in range(rounds):
        parts = run_parts(plan, cameras)
        with tempfile.TemporaryDirectory() as folder:
            run = run_box(plan, cameras, Path(folder))
        decode_s = parts["decode_cpu_s"] / parts["decoded"] * run.decoded
        infer_s = parts["infer_cpu_s"] / parts["inferred"] * run.searched
        found.append(
            {
                "whole_cpu_s": round(run.cpu_s, 3),
                "decode_cpu_s": round(decode_s, 3),
                "infer_cpu_s": round(infer_s, 3),
                "over": round(run.cpu_s / (decode_s + infer_s) - 1.0, 4),
                "decode_ms": round(1000 * parts["decode_cpu_s"] / parts["decoded"], 3),
                "infer_ms": round(1000 * parts["infer_cpu_s"] / parts["inferred"], 3),
                "held": run.held,
                "cpu_share": run.figures()["cpu_share"],
            }
        )
        tell(f"  {json.dumps(found[-1])}")
    return {"cameras": cameras, "over": statistics.median(item["over"] for item in found), "rounds": found}


def run_parts(plan: Plan, cameras: int) -> dict[str, float]:
    """Both parts at the same time; CPU seconds and counts of both."""
    clips = [str(plan.phases.of(number).resolve()) for number in range(cameras)]
    command = [sys.executable, "-m", "bench.edge_parts", "--window", str(plan.window_s)]
    with pinned(plan.cpus):
        running = [
            subprocess.Popen([*command, "--part", part, *clips], stdout=subprocess.PIPE, text=True, cwd=ROOT)
            for part in ("decode", "infer")
        ]
    told: dict[str, float] = {}
    for process in running:
        printed, _ = process.communicate()
        if process.returncode != 0:
            raise RuntimeError(f"a part ended with {process.returncode}")
        told |= json.loads(printed)
    return told


def decode_part(clips: Sequence[Path], window_s: float) -> dict[str, float]:
    """Decode clips at their own speed, again and again, each on a thread of its own."""
    from edge.capture.connection import open_container
    from edge.capture.source_url import parse_source

    decoded = [0] * len(clips)
    ends = threading.Event()

    def play(number: int) -> None:
        address = parse_source(clips[number].name, clips[number].parent)
        began_s, packets = time.monotonic(), 0
        while not ends.is_set():
            connection = open_container(address, open_timeout_s=10.0, read_timeout_s=10.0)
            container, stream = connection.container, connection.stream
            for packet in container.demux(stream):
                time.sleep(max(0.0, began_s + packets / FPS - time.monotonic()))
                packets += bool(packet.size)
                decoded[number] += len(packet.decode())
                if ends.is_set():
                    break
            container.close()

    threads = [threading.Thread(target=play, args=(number,), daemon=True) for number in range(len(clips))]
    for thread in threads:
        thread.start()
    time.sleep(2.0)
    before_s, before = time.process_time(), sum(decoded)
    time.sleep(window_s)
    told = {"decode_cpu_s": time.process_time() - before_s, "decoded": sum(decoded) - before}
    ends.set()
    for thread in threads:
        thread.join()
    return told


def infer_part(clips: Sequence[Path], window_s: float) -> dict[str, float]:
    """Search inputs drawn beforehand, as often as the cameras would be."""
    import av
    import cv2
    import numpy as np

    from edge.detection.manifest import load_manifest
    from edge.detection.openvino_model import compile_graph, read_graph

    path = load_manifest().get("default").files[0].path
    compiled = compile_graph(read_graph(path), path, threads=1)
    _, height, width, _ = compiled.input(0).shape
    with av.open(str(clips[0])) as source:
        pictures = [frame for index, frame in enumerate(source.decode(video=0)) if index % 20 == 0][:40]
    inputs = []
    for picture in pictures:
        drawn = np.zeros((height, width, 3), np.uint8)
        scale = min(width / picture.width, height / picture.height)
        size = round(picture.width * scale), round(picture.height * scale)
        drawn[: size[1], : size[0]] = cv2.resize(picture.to_ndarray(format="bgr24"), size)
        inputs.append(drawn[None])
    request = compiled.create_infer_request()
    request.infer({0: inputs[0]}, share_inputs=True, share_outputs=True)
    time.sleep(1.0)
    began_s, before_s, done = time.monotonic(), time.process_time(), 0
    while (now_s := time.monotonic()) - began_s < window_s:
        time.sleep(max(0.0, began_s + done / (DETECT_FPS * len(clips)) - now_s))
        request.infer({0: inputs[done % len(inputs)]}, share_inputs=True, share_outputs=True)
        done += 1
    return {"infer_cpu_s": time.process_time() - before_s, "inferred": done}


def main() -> None:
    """Measure and print, or be one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("decode", "infer"), help=argparse.SUPPRESS)
    parser.add_argument("--window", type=float, default=15.0)
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument("clips", nargs="*", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part is not None:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment] # no word to anybody outside
        part = decode_part if options.part == "decode" else infer_part
        print(json.dumps(part(options.clips, options.window)))
        return
    plan = edge_plan("busy", make_content(), CACHE, sorted(os.sched_getaffinity(0))[:2])
    print(json.dumps(overhead(replace(plan, window_s=options.window), options.cameras), indent=1))


if __name__ == "__main__":
    main()
