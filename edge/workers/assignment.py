"""Which camera runs in which worker process. Pure.

Cameras stay where they are: a move costs a camera its tracks. New ones go where there is most room, the heaviest
first. Only a worker that is clearly overloaded gives one away.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from contract.camera_config import CameraConfig

CORES_PER_SEARCH = 0.01
"""What a frame a second takes, unmeasured: gate, letterbox, tracking."""
CORES_PER_INPUT = 0.05
"""What reading and decoding a stream takes, unmeasured."""
OVERLOADED_CORES = 0.9
"""One process's Python runs on one core: nearer to that, its cameras wait for each other."""
WORTH_A_MOVE = 0.8
"""A move must bring the fullest worker down to this share of its load."""


def estimated_load(camera: CameraConfig) -> float:
    """Cores that a camera takes, as long as it was not measured."""
    return camera.detect.fps * CORES_PER_SEARCH + len(camera.inputs) * CORES_PER_INPUT


def worker_count(cameras: int, cores: int, wanted: int | None) -> int:
    """How many workers share the cameras: as many as cores, unless the admin wants another number."""
    return max(1, min(cameras, wanted or cores))


def assign(
    loads: Mapping[str, float], running: Mapping[str, Sequence[str]], workers: int, closed: Collection[str] = ()
) -> dict[str, tuple[str, ...]]:
    """Spread cameras over workers.

    Args:
        loads: Camera id to cores, of every camera that is to run.
        running: Worker name to its cameras now.
        workers: How many workers there are to be, if there is something to do for each.
        closed: Names of workers that take no camera: theirs keeps dying.

    Returns:
        Worker name to its cameras; a name that is not in `running` is a new worker, one that is missing has none left.
    """
    plan = {name: [camera for camera in cameras if camera in loads] for name, cameras in running.items()}
    plan = {name: cameras for name, cameras in plan.items() if cameras}
    placed = {camera for cameras in plan.values() for camera in cameras}
    for camera in sorted(loads.keys() - placed, key=lambda camera: (-loads[camera], camera)):
        is_open = [name for name in plan if name not in closed]
        if len(plan) < workers or not is_open:
            plan[fresh_name({*plan, *running})] = [camera]
        else:
            plan[min(is_open, key=lambda name: (_load(plan[name], loads), name))].append(camera)
    _relieve(plan, loads, closed)
    return {name: tuple(cameras) for name, cameras in plan.items()}


def halves(cameras: Sequence[str], loads: Mapping[str, float]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split a group in two of about the same load, to find out whose fault its deaths are."""
    first: list[str] = []
    second: list[str] = []
    for camera in sorted(cameras, key=lambda camera: (-loads.get(camera, 0.0), camera)):
        (first if len(first) <= len(second) else second).append(camera)
    return tuple(first), tuple(second)


def _relieve(plan: dict[str, list[str]], loads: Mapping[str, float], closed: Collection[str]) -> None:
    """Move one camera off a worker that is clearly overloaded, if that helps."""
    open_plan = {name: cameras for name, cameras in plan.items() if name not in closed}
    if len(open_plan) < 2:
        return
    fullest = max(open_plan, key=lambda name: (_load(plan[name], loads), name))
    emptiest = min(open_plan, key=lambda name: (_load(plan[name], loads), name))
    before, there = _load(plan[fullest], loads), _load(plan[emptiest], loads)
    if before <= OVERLOADED_CORES:
        return
    peak, camera = min((max(before - loads[camera], there + loads[camera]), camera) for camera in plan[fullest])
    if peak <= before * WORTH_A_MOVE:
        plan[fullest].remove(camera)
        plan[emptiest].append(camera)


def _load(cameras: Sequence[str], loads: Mapping[str, float]) -> float:
    return sum(loads[camera] for camera in cameras)


def fresh_name(taken: Collection[str]) -> str:
    """The first name of a worker that nobody bears."""
    return next(name for name in (f"worker-{number}" for number in range(1, len(taken) + 2)) if name not in taken)
