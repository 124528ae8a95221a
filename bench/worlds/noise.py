"""What a detector makes of a true picture: misses, trembling boxes, other names, things that are not there.

The figures come from real clips (`detector_noise.json`, written by `python -m bench.measure_noise`). Each error is
drawn from what was measured for the object's kind and size, and from two latent normal numbers for each object: one
that stays (a dark coat is missed all the way) and one that changes in continuous time (Ornstein-Uhlenbeck), so that a
miss lasts equally long at 1 and at 25 frames a second.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from math import erf, sqrt
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.classes import lookalike_group
from edge.types import Detections

Array = NDArray[np.float64]
Level = Literal["none", "measured", "double"]
LEVELS: tuple[Level, ...] = ("none", "measured", "double")

FIGURES = Path(__file__).parent / "detector_noise.json"
MODEL_WH = (640, 384)
"""Of the embedded model's input: sizes are told in its rows."""
SCORE_QUANTILES = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0)
EDGE_QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
"""Shares at which scores, and everything else, are told in the figures."""
NOTHING_ROWS = 5.0
"""Objects of fewer rows of the model's input are never found."""
MOST_MISSED = 0.98
OPEN = 0.85
"""What shows more of itself counts as open."""
SURE_SPOT = 0.45
"""Things that look like something with more than this score start tracks: an admin sees them at once and marks them as
fixtures (or raises `min_score`), so they are left out."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What is truly in the picture at one moment: parallel arrays.

    Attributes:
        time_s: Since the world's start.
        objects: (N,) each object's number in the world: the same object has the same number at every moment.
        class_names: N true classes.
        xyxy: (N, 4) float64, pixels, clipped to the picture.
        visible: (N,) share of the whole object that neither the picture's edge nor nearer objects hide, above 0.
        resolution_wh: Of the picture in pixels.
    """

    time_s: float
    objects: NDArray[np.intp]
    class_names: tuple[str, ...]
    xyxy: NDArray[np.float64]
    visible: NDArray[np.float64]
    resolution_wh: tuple[int, int]


class NoiseModel(Protocol):
    """A detector's mistakes over one world: may remember (a missed object is missed again a moment later)."""

    @property
    def strength(self) -> float:
        """0: none; 1: as measured; what else makes mistakes in a world makes as many."""
        ...

    def detect(self, sight: Sight) -> Detections:
        """What the detector says of a moment; called in order of time."""
        ...


class NoNoise:
    """Finds everything that shows at least a tenth, exactly."""

    strength = 0.0

    def detect(self, sight: Sight) -> Detections:
        """See `NoiseModel`."""
        rows = np.flatnonzero(sight.visible >= 0.1).tolist()
        return Detections(
            sight.xyxy[rows].astype(np.float32),
            np.full(len(rows), 0.9, np.float32),
            tuple(sight.class_names[row] for row in rows),
        )


@dataclass(slots=True)
class _Latent:
    """Normal numbers of one object that change in time, less what never changes."""

    fixed: Array
    moving: Array
    at_s: float

    def step(self, now_s: float, tau_s: Array, rng: np.random.Generator) -> None:
        """Let time pass."""
        kept = np.exp(-max(0.0, now_s - self.at_s) / tau_s)
        self.moving = kept * self.moving + np.sqrt(1.0 - kept**2) * rng.standard_normal(len(self.moving))
        self.at_s = now_s

    def value(self, share: Array) -> Array:
        """Standard normal numbers."""
        return np.asarray(np.sqrt(share) * self.fixed + np.sqrt(1.0 - share) * self.moving)


@dataclass(slots=True)
class _False:
    """A detection of nothing that lasts a moment."""

    until_s: float
    box: Array
    score: float
    name: str


MISS, EDGES, NAME, DOUBLE = 0, slice(1, 5), 5, 6
"""Which latent number is for what: the score and the miss, the four edges, the class, a second detection."""
COUNT = 7


class MeasuredNoise:
    """Noise as measured, or `strength` times as much: misses, edges, other names and false detections."""

    def __init__(self, strength: float, seed: int, figures: dict[str, Any] | None = None) -> None:
        """Start with a seed: the same calls give the same detections.

        Args:
            strength: 1 is what was measured.
            seed: Of everything that is drawn.
            figures: Content of `detector_noise.json`; None reads it.
        """
        self.strength = strength
        self._rng = np.random.default_rng(seed)
        data = figures or read_figures()
        pooled = _pool([item for part in data["groups"].values() for item in part["found_when_hidden"]])
        self._groups = {name: _Group.of(part, pooled) for name, part in data["groups"].items()}
        self._false_figures = data["false"]
        self._latent: dict[int, _Latent] = {}
        self._false: list[_False] = []
        self._spots: list[tuple[Array, dict[str, Any], _Latent]] | None = None
        self._last_s: float | None = None

    def detect(self, sight: Sight) -> Detections:
        """See `NoiseModel`."""
        found: list[tuple[Array, float, str]] = []
        scale = _scale(sight.resolution_wh)
        for row, number in enumerate(sight.objects.tolist()):
            found += self._see(sight, row, number, scale)
        found += self._see_nothing(sight, scale)
        width, height = sight.resolution_wh
        kept = []
        for box, score, name in found:
            clipped = np.clip(box, 0.0, (width, height, width, height))
            if clipped[2] - clipped[0] >= 1.0 and clipped[3] - clipped[1] >= 1.0:
                kept.append((clipped, score, name))
        if not kept:
            return Detections.empty()
        return Detections(
            np.array([box for box, _, _ in kept], np.float32),
            np.array([score for _, score, _ in kept], np.float32),
            tuple(name for _, _, name in kept),
        )

    def _see(self, sight: Sight, row: int, number: int, scale: float) -> list[tuple[Array, float, str]]:
        name = sight.class_names[row]
        group = self._groups.get(lookalike_group(name))
        if group is None:
            return []
        latent = self._latent.get(number)
        if latent is None:
            latent = self._latent[number] = self._new_latent(sight.time_s)
        latent.step(sight.time_s, group.tau_s, self._rng)
        shares = _below(latent.value(group.share))
        box, visible = sight.xyxy[row], float(sight.visible[row])
        sides = box[2:] - box[:2]
        rows = float(sides[1]) * scale
        missed = group.missed(rows, visible, self.strength)
        if shares[MISS] < missed:
            return []
        score = group.score(rows, (shares[MISS] - missed) / (1.0 - missed))
        edges = group.edges(rows, _below(group.mix @ latent.value(group.share)[EDGES]))
        said = group.name(name, float(shares[NAME]), self.strength)
        result = [(box + self.strength * edges * (*sides, *sides), score, said)]
        double = self._false_figures["doubles"].get(lookalike_group(name))
        if double is not None and shares[DOUBLE] < self.strength * double["a_detection"]:
            # The same numbers place it: it trembles as its object does.
            offsets = [_quantile(double["edges"][side], "edges", float(shares[1 + side])) for side in range(4)]
            result.append(
                (box + np.array(offsets) * (*sides, *sides), _quantile(double["scores"], "scores", 0.5), said)
            )
        return result

    def _see_nothing(self, sight: Sight, scale: float) -> list[tuple[Array, float, str]]:
        figures, now_s, rng = self._false_figures, sight.time_s, self._rng
        if self._spots is None:
            self._spots = self._place_spots(sight, scale)
        step_s = 0.0 if self._last_s is None else max(0.0, now_s - self._last_s)
        self._last_s = now_s
        self._false = [item for item in self._false if item.until_s > now_s]
        life_s = float(figures["loose_s"])
        born = self.strength * figures["loose_a_picture"] / life_s * step_s
        if step_s > life_s:  # those of the time between have gone again
            born = self.strength * figures["loose_a_picture"]
        for _ in range(int(rng.poisson(born))):
            name = str(rng.choice(list(figures["names"]), p=_sum_to_one(list(figures["names"].values()))))
            box = self._anywhere(sight, _quantile(figures["rows"], "edges", rng.random()) / scale)
            score = _quantile(figures["scores"], "scores", rng.random())
            self._false.append(_False(now_s + float(rng.exponential(life_s)), box, score, name))
        seen = [(item.box, item.score, item.name) for item in self._false]
        for box, spot, latent in self._spots:
            latent.step(now_s, np.ones(1), rng)
            if float(_below(latent.moving)[0]) < spot["found"]:
                seen.append((box, float(spot["score"]), str(spot["name"])))
        return seen

    def _place_spots(self, sight: Sight, scale: float) -> list[tuple[Array, dict[str, Any], _Latent]]:
        """Things that look like something: as many as there were in a clip, less those that an admin marks."""
        figures, rng = self._false_figures, self._rng
        usual = [spot for spot in figures["spots"] if spot["score"] < SURE_SPOT]
        if not usual:
            return []
        count = int(rng.poisson(self.strength * figures["spots_a_clip"] * len(usual) / len(figures["spots"])))
        return [
            (
                self._anywhere(sight, _quantile(figures["rows"], "edges", rng.random()) / scale),
                usual[int(rng.integers(len(usual)))],
                _Latent(np.zeros(1), rng.standard_normal(1), sight.time_s),
            )
            for _ in range(count)
        ]

    def _anywhere(self, sight: Sight, height_px: float) -> Array:
        width, height = sight.resolution_wh
        wide_px = height_px * _quantile(self._false_figures["ratio"], "edges", self._rng.random())
        x, y = self._rng.uniform((0.0, 0.3 * height), (width, height))
        return np.array([x - wide_px / 2.0, y - height_px, x + wide_px / 2.0, y])

    def _new_latent(self, now_s: float) -> _Latent:
        return _Latent(self._rng.standard_normal(COUNT), self._rng.standard_normal(COUNT), now_s)


@dataclass(frozen=True, slots=True)
class _Group:
    """Figures of classes that a detector takes for each other."""

    rows: Array
    """Heights (rows of the model's input) that figures are known for, rising."""
    miss: Array
    """Share of misses at these heights."""
    known_rows: Array
    """Heights that scores and edges are known for."""
    scores: Array
    """(heights, quantiles)."""
    edge_quantiles: Array
    """(heights, 4, quantiles)."""
    visible: tuple[Array, Array]
    """Share that shows, and how much of the usual finds are left."""
    share: Array
    tau_s: Array
    mix: Array
    """(4, 4): makes edges tremble together as they do."""
    names: dict[str, dict[str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, part: dict[str, Any], pooled: list[dict[str, float]]) -> _Group:
        """Read a group's figures; `pooled` stands in where too few hidden ones of its classes were measured."""
        sizes = sorted(part["sizes"], key=lambda size: size["rows"])
        known = [size for size in sizes if "scores" in size]
        is_known = any(item["visible"] < OPEN for item in part["found_when_hidden"])
        hidden = sorted(part["found_when_hidden"] if is_known else pooled, key=lambda item: item["visible"])
        miss, edges = part["miss_in_time"], part["edges_in_time"]
        share, tau_s = np.full(COUNT, float(miss["share"])), np.full(COUNT, float(miss["tau_s"]))
        share[EDGES], tau_s[EDGES] = float(edges["share"]), float(edges["tau_s"])
        return cls(
            rows=np.array([NOTHING_ROWS, *(size["rows"] for size in sizes)]),
            miss=np.array([1.0, *(size["missed"] for size in sizes)]),
            known_rows=np.array([size["rows"] for size in known]),
            scores=np.array([size["scores"] for size in known]),
            edge_quantiles=np.array([size["edges"] for size in known]),
            visible=(
                np.array([0.0, *(item["visible"] for item in hidden), 1.0]),
                np.array([0.0, *(item["found"] for item in hidden), 1.0]),
            ),
            share=share,
            tau_s=tau_s,
            mix=np.asarray(np.linalg.cholesky(np.array(part["edges_together"]) + 1e-6 * np.eye(4)), np.float64),
            names=part["names"],
        )

    def missed(self, rows: float, visible: float, strength: float) -> float:
        """Probability that an object is not found."""
        found = 1.0 - float(np.interp(np.log(max(rows, 1.0)), np.log(self.rows), self.miss))
        hidden = float(np.interp(visible, *self.visible))
        return min(MOST_MISSED if rows > NOTHING_ROWS else 1.0, strength * (1.0 - found * hidden))

    def score(self, rows: float, share: float) -> float:
        """Score at a quantile."""
        low, high, part = self._between(rows)
        quantiles = (1.0 - part) * self.scores[low] + part * self.scores[high]
        return _quantile(quantiles, "scores", share)

    def edges(self, rows: float, shares: Array) -> Array:
        """(4,) errors of the edges at quantiles, in the box's sides."""
        low, high, part = self._between(rows)
        quantiles = (1.0 - part) * self.edge_quantiles[low] + part * self.edge_quantiles[high]
        return np.array([_quantile(quantiles[side], "edges", float(shares[side])) for side in range(4)])

    def name(self, true: str, share: float, strength: float) -> str:
        """What it is called."""
        names = self.names.get(true)
        if names is None:
            return true
        wrong = [(name, strength * part) for name, part in names.items() if name != true]
        passed = 0.0
        for name, part in wrong:
            passed += part
            if share < passed:
                return name
        return true

    def _between(self, rows: float) -> tuple[int, int, float]:
        place = float(np.interp(np.log(max(rows, 1.0)), np.log(self.known_rows), np.arange(len(self.known_rows))))
        low = min(int(place), len(self.known_rows) - 1)
        return low, min(low + 1, len(self.known_rows) - 1), place - low


@lru_cache(maxsize=1)
def read_figures() -> dict[str, Any]:
    """What was measured."""
    figures: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8"))
    return figures


def make_noise(level: Level, seed: int) -> NoiseModel:
    """The noise of a level, for one world and one run."""
    if level == "none":
        return NoNoise()
    return MeasuredNoise(1.0 if level == "measured" else 2.0, seed)


def _pool(measured: list[dict[str, float]]) -> list[dict[str, float]]:
    """How often hidden objects are found, over all classes, by the fifth of them that shows."""
    pooled = []
    for low in (0.2, 0.4, 0.6):
        part = [item for item in measured if low <= item["visible"] < low + 0.2]
        count = sum(item["samples"] for item in part)
        if count:
            means = {key: sum(item[key] * item["samples"] for item in part) / count for key in ("visible", "found")}
            pooled.append({**means, "samples": count})
    for fewer, more in reversed(list(pairwise(pooled))):  # who shows less is not found more often
        fewer["found"] = min(fewer["found"], more["found"])
    return pooled


def _quantile(values: Array | list[float], of: Literal["scores", "edges"], share: float) -> float:
    return float(np.interp(share, SCORE_QUANTILES if of == "scores" else EDGE_QUANTILES, values))


def _below(normal: Array) -> Array:
    """Share of all normal numbers that lie below."""
    return np.array([0.5 * (1.0 + erf(value / sqrt(2.0))) for value in normal.tolist()])


def _sum_to_one(parts: list[float]) -> Array:
    return np.array(parts) / sum(parts)


def _scale(resolution_wh: tuple[int, int]) -> float:
    """Rows of the model's input for one of the picture."""
    return min(MODEL_WH[0] / resolution_wh[0], MODEL_WH[1] / resolution_wh[1])
