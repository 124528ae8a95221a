"""Keeps what simulators said: the same vehicles or walkers with the same seed are not simulated twice.

A result lies in a file named by a hash of everything that its simulator was told, so that nothing stale is ever found.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bench.worlds.world import Trajectory

FOLDER = "LANGAN_WORLDS_CACHE"
"""Environment variable that names the folder; without it everything is simulated anew."""


def remembered(told: Sequence[object], simulate: Callable[[], Sequence[Trajectory]]) -> list[Trajectory]:
    """What a simulation gives, from the folder if it was run before.

    Args:
        told: All that its result depends on; what `repr` gives must say all of it.
        simulate: Runs it.
    """
    folder = os.environ.get(FOLDER)
    if not folder:
        return list(simulate())
    name = hashlib.sha256("\n".join(map(repr, told)).encode()).hexdigest()[:32]
    path = Path(folder) / "simulated" / name[:2] / f"{name}.npz"
    if path.exists():
        return _read(path)
    found = list(simulate())
    _write(path, found)
    return found


def _write(path: Path, items: Sequence[Trajectory]) -> None:
    """One array each for all objects together; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    counts = np.array([len(item.times_s) for item in items], np.int64)
    arrays = {
        "names": np.array([f"{item.class_name} {item.object_id}" for item in items], np.str_),
        "counts": counts,
        "sizes": np.array([item.size_m for item in items]).reshape(-1, 3),
        "lifts": np.array([item.lift_m for item in items]),
        "times": _join([item.times_s for item in items]),
        "places": _join([item.xy_m for item in items]).reshape(-1, 2),
        "headings": _join([item.heading_rad for item in items]),
    }
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    Path(file.name).replace(path)


def _join(parts: Sequence[np.typing.NDArray[np.float64]]) -> np.typing.NDArray[np.float64]:
    return np.concatenate(parts) if parts else np.zeros(0)


def _read(path: Path) -> list[Trajectory]:
    with np.load(path, allow_pickle=False) as arrays:
        borders = np.cumsum(arrays["counts"])[:-1]
        times, places, headings = (np.split(arrays[name], borders) for name in ("times", "places", "headings"))
        names, sizes, lifts = arrays["names"].tolist(), arrays["sizes"].tolist(), arrays["lifts"].tolist()
    items = []
    for index, name in enumerate(names):
        class_name, _, object_id = name.partition(" ")
        size = (sizes[index][0], sizes[index][1], sizes[index][2])
        items.append(
            Trajectory(object_id, class_name, size, times[index], places[index], headings[index], lifts[index])
        )
    return items
