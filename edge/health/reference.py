"""The view that a camera should have, learned slowly, in a file of some 50 kB that outlives restarts."""

from __future__ import annotations

import io
import logging
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)

READY_S = 8.0
READY_LOOKS = 4
"""So long and so often a view is looked at before anything is compared with it."""
LEARN_VIEW_S = 600.0
"""Directions of edges follow the scene over this time: shadows wander, shops open."""
LEARN_DETAIL_S = 150.0
"""The amount of detail follows faster: fog comes in minutes, a cloth in a second."""
YOUNG_MEMORY_S = 60.0
"""A reference that is minutes old still follows no faster than this."""
_FORMAT = 1
_STEPS = 127.0


class Reference:
    """A slow mean of the camera's healthy pictures in one light.

    Args:
        edges: (H, W, 2) float32, mean direction of the gradient; long where something stands still.
        layout: (h, w) float32, mean brightness.
        detail: Mean detail, grey levels.
        sharpness: Mean sharpness.
        match: Mean share of the blocks that are found.
        learned_s: Seconds that it was learned from.
        looks: Pictures that it was learned from.
    """

    def __init__(
        self,
        edges: NDArray[np.float32],
        layout: NDArray[np.float32],
        detail: float = 0.0,
        sharpness: float = 0.0,
        match: float = 1.0,
        learned_s: float = 0.0,
        looks: int = 0,
    ) -> None:
        self.edges = edges
        self.layout = layout
        self.detail = detail
        self.sharpness = sharpness
        self.match = match
        self.learned_s = learned_s
        self.looks = looks

    @classmethod
    def of(cls, edges: NDArray[np.float32], layout: NDArray[np.float32]) -> Self:
        """Begin with nothing learned, for pictures of this shape."""
        return cls(np.zeros_like(edges), np.zeros_like(layout))

    @property
    def ready(self) -> bool:
        """Pictures can be compared with it."""
        return self.learned_s >= READY_S and self.looks >= READY_LOOKS

    def learn(
        self,
        edges: NDArray[np.float32],
        layout: NDArray[np.float32],
        detail: float,
        sharpness: float,
        match: float,
        step_s: float,
    ) -> None:
        """Take in a healthy picture that stands for `step_s` seconds."""
        self.looks += 1
        self.learned_s += step_s
        slow, fast = self._rate(LEARN_VIEW_S, step_s), self._rate(LEARN_DETAIL_S, step_s)
        self.edges += slow * (edges - self.edges)
        self.layout += fast * (layout - self.layout)
        self.detail += fast * (detail - self.detail)
        self.sharpness += fast * (sharpness - self.sharpness)
        self.match += fast * (match - self.match)

    def _rate(self, memory_s: float, step_s: float) -> float:
        """A plain mean until it is ready, and then one that forgets, soon at first."""
        if not self.ready:
            return 1.0 / self.looks
        return min(1.0, step_s / min(memory_s, max(YOUNG_MEMORY_S, self.learned_s)))


def load_references(path: Path) -> dict[str, Reference]:
    """The references of a file by their light; none when there is no file, or it cannot be read."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            if int(file["format"]) != _FORMAT:
                log.info("view_of_another_format file=%s: the camera's view is learned anew", path)
                return {}
            return {str(light): _unpack(file, str(light)) for light in file["lights"]}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        log.warning("view_forgotten file=%s cause=%r: the camera's view is learned anew", path, str(error))
        return {}


def save_references(path: Path, references: Mapping[str, Reference]) -> None:
    """Write references so that a power cut leaves the old file or the new one. A full disk is no reason to stop."""
    arrays: dict[str, NDArray[np.generic]] = {
        "format": np.array(_FORMAT),
        "lights": np.array(sorted(references), dtype="U16"),
    }
    for light, item in references.items():
        arrays[f"{light}_edges"] = np.round(item.edges * _STEPS).astype(np.int8)
        arrays[f"{light}_layout"] = np.clip(np.round(item.layout), 0, 255).astype(np.uint8)
        arrays[f"{light}_numbers"] = np.array([item.detail, item.sharpness, item.match, item.learned_s, item.looks])
    scratch = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type] # the stubs know no mixed dtypes
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError as error:
        log.warning("view_not_kept file=%s cause=%r: it is learned anew after a restart", path, str(error))


def _unpack(file: Mapping[str, NDArray[np.generic]], light: str) -> Reference:
    edges = np.asarray(file[f"{light}_edges"], np.float32) / np.float32(_STEPS)
    layout = np.asarray(file[f"{light}_layout"], np.float32)
    detail, sharpness, match, learned_s, looks = (float(value) for value in np.asarray(file[f"{light}_numbers"]))
    if edges.ndim != 3 or edges.shape[2] != 2 or layout.ndim != 2 or not np.isfinite([detail, sharpness, match]).all():
        raise ValueError(f"{light}: not a view")
    return Reference(edges, layout, detail, sharpness, match, learned_s, int(looks))
