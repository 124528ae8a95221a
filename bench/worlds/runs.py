"""What a full run consists of, in the order in which its figures matter, and what is kept of it.

Each part (one world at one noise level and frame rate) is kept in a file of its own as soon as it is done, named with a
hash of the program that made it: a run that was cut off goes on where it was, and figures of another program's
state are never mixed in.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from bench.worlds.noise import Level
from bench.worlds.scenarios import SCENARIOS, Scenario
from bench.worlds.score import Score

ROOT = Path(__file__).resolve().parents[2]
MADE_BY = ("bench/worlds", "contract", "edge")
"""Folders whose files decide what comes out."""
MAIN_FPS = 5.0
MAIN_LEVEL: Level = "measured"
OTHER_ORDINARY = 10
"""One in so many ordinary hours runs at the other noise levels, too: they tell how much worse it gets, no rate."""
FIRST_HOURS = 60
"""So many ordinary hours of each kind run before the other noise levels and rates, the rest at the very end."""

Setting = tuple[Level, float]
Totals = dict[Setting, dict[str, Score]]


@dataclass(frozen=True, slots=True)
class Part:
    """One world at one setting."""

    name: str
    number: int
    level: Level
    fps: float

    @property
    def setting(self) -> Setting:
        """Noise level and frame rate."""
        return self.level, self.fps


def plan(
    chosen: Mapping[str, Scenario], levels: Sequence[Level], rates: Sequence[float], share: float = 1.0
) -> list[Part]:
    """All parts of a run: those of the target's setting first, then the other noise levels, then the other rates.

    Ordinary hours come in rounds, one of each kind after the other: a run that is cut off has some of each. Those
    that only make the rate of false alerts surer come last.
    """
    ranked: list[tuple[int, int, int, Part]] = []
    for order, (name, item) in enumerate(chosen.items()):
        for number in range(1, max(1, math.ceil(item.worlds * share)) + 1):
            ranked += [(*_rank(part, item, rates), order, part) for part in _parts(name, item, number, levels, rates)]
    return [part for *_, part in sorted(ranked, key=lambda entry: entry[:3])]


def _parts(name: str, item: Scenario, number: int, levels: Sequence[Level], rates: Sequence[float]) -> Iterator[Part]:
    for level in levels:
        if not item.ordinary or level == MAIN_LEVEL or number % OTHER_ORDINARY == 1:
            yield Part(name, number, level, MAIN_FPS)
    for fps in rates:
        if not item.ordinary and fps != MAIN_FPS:
            yield Part(name, number, MAIN_LEVEL, fps)


def _rank(part: Part, item: Scenario, rates: Sequence[float]) -> tuple[int, int]:
    if part.setting == (MAIN_LEVEL, MAIN_FPS):
        if not item.ordinary:
            return 0, part.number
        return (1 if part.number <= FIRST_HOURS else 4 + len(rates)), part.number
    if part.fps == MAIN_FPS:
        return (2 if part.level == "none" else 3, part.number)
    return 4 + list(rates).index(part.fps), part.number


class Kept:
    """The parts that are done, in a folder."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, which need not exist."""
        self._folder = folder / "results"

    def get(self, part: Part) -> dict[str, Score] | None:
        """Scores by kind; None: not done yet, or by another state of the program."""
        path = self._path(part)
        if not path.exists():
            return None
        held = json.loads(path.read_text(encoding="utf-8"))
        return {kind: Score(**score) for kind, score in held.items()}

    def put(self, part: Part, scores: Mapping[str, Score]) -> None:
        """Keep a part; its file appears whole or not at all."""
        path = self._path(part)
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}.part")
        scratch.write_text(json.dumps({kind: asdict(score) for kind, score in scores.items()}), encoding="utf-8")
        scratch.replace(path)

    def _path(self, part: Part) -> Path:
        return self._folder / fingerprint() / f"{part.name}-{part.number}-{part.level}-{part.fps:g}fps.json"


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Names the state of the program: a hash of the files that decide what comes out."""
    digest = hashlib.sha256()
    for folder in MADE_BY:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".json", ".xml"} and path.is_file():
                digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def add_up(parts: Sequence[tuple[Part, Mapping[str, Score]]]) -> tuple[Totals, Totals]:
    """Scores by setting and kind: those of cameras that hang as advised, and those of the others."""
    usual: Totals = {}
    apart: Totals = {}
    for part, scores in parts:
        totals = apart if SCENARIOS[part.name].apart else usual
        for kind, score in scores.items():
            totals.setdefault(part.setting, {}).setdefault(kind, Score()).add(score)
    return usual, apart
