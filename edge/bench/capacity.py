"""Finds the largest number of like cameras that a machine holds, with few runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

FULL = 0.93
"""Share of the cores that can be used before pictures begin to wait: the next guess aims there."""
MAX_STEP = 3.0
"""A guess goes up by this factor at most."""


class Run(Protocol):
    """What a search must know of a run: `edge.bench.box.BoxRun`, or a loop that is compared with it."""

    @property
    def cameras(self) -> int: ...

    @property
    def held(self) -> bool: ...

    @property
    def cpu_cores(self) -> float: ...

    @property
    def done_share(self) -> float: ...


AnyRun = TypeVar("AnyRun", bound=Run)


@dataclass(frozen=True, slots=True)
class Capacity(Generic[AnyRun]):
    """What a search found.

    Attributes:
        held: The largest number of cameras that was held; 0: not even one.
        is_exact: The next number was tried, and not held.
        runs: In the order in which they were made.
    """

    held: int
    is_exact: bool
    runs: tuple[AnyRun, ...]

    @property
    def best(self) -> AnyRun | None:
        """The run that held most."""
        held = [run for run in self.runs if run.held]
        return max(held, key=lambda run: run.cameras, default=None)


def find_capacity(
    measure: Callable[[int], AnyRun], *, first: int, cores: int, most: int = 128, max_runs: int = 6
) -> Capacity[AnyRun]:
    """Search for the number of cameras between one that is held and the next one, which is not.

    Args:
        measure: Runs an edge with so many cameras.
        first: Where to begin.
        cores: How many the edge may use.
        most: Never try more.
        max_runs: Stop searching after so many runs.
    """
    runs: list[AnyRun] = []
    held, too_many = 0, most + 1
    cameras = max(1, min(first, most))
    while len(runs) < max_runs and too_many - held > 1:
        run = measure(cameras)
        runs.append(run)
        if run.held:
            held = cameras
            fits = int(cameras * FULL * cores / max(run.cpu_cores, 1e-3))
            wanted = min(fits, int(cameras * MAX_STEP))
        else:
            too_many = cameras
            wanted = int(cameras * min(0.95, max(0.4, run.done_share)))  # what it could not do tells how far down
        cameras = max(held + 1, min(wanted, too_many - 1))
    return Capacity(held, too_many - held == 1 and too_many <= most, tuple(runs))
