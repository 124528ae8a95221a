"""Which camera runs in which worker."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contract.camera_config import CameraConfig
from edge.workers.assignment import assign, estimated_load, halves, worker_count


def camera(fps: float = 5.0, inputs: int = 1) -> CameraConfig:
    roles = [["detect", "record"]] if inputs == 1 else [["detect"], ["record"]]
    return CameraConfig.model_validate(
        {
            "camera": {"id": "a", "name": "a", "village": "v"},
            "inputs": [{"path": f"clip{number}.mp4", "roles": roles[number]} for number in range(inputs)],
            "detect": {"fps": fps},
        }
    )


def test_more_pictures_and_more_streams_are_more_work() -> None:
    assert estimated_load(camera(fps=10)) > estimated_load(camera(fps=5))
    assert estimated_load(camera(inputs=2)) > estimated_load(camera(inputs=1))


def test_there_are_as_many_workers_as_cores_but_none_without_a_camera() -> None:
    assert worker_count(cameras=8, cores=2, wanted=None) == 2
    assert worker_count(cameras=1, cores=4, wanted=None) == 1
    assert worker_count(cameras=8, cores=2, wanted=5) == 5
    assert worker_count(cameras=0, cores=4, wanted=None) == 1


def test_at_the_start_the_load_is_spread_evenly() -> None:
    plan = assign({"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1}, {}, workers=2)
    assert sorted(map(sorted, plan.values())) == [["a", "d"], ["b", "c"]]


def test_a_new_camera_goes_where_there_is_room_and_the_others_stay() -> None:
    running = {"worker-1": ("a", "b"), "worker-2": ("c",)}
    plan = assign({"a": 0.1, "b": 0.1, "c": 0.1, "d": 0.1}, running, workers=2)
    assert plan == {"worker-1": ("a", "b"), "worker-2": ("c", "d")}


def test_a_camera_that_goes_moves_nobody_and_a_worker_without_any_goes_too() -> None:
    running = {"worker-1": ("a", "b"), "worker-2": ("c",)}
    assert assign({"a": 0.2, "b": 0.2}, running, workers=2) == {"worker-1": ("a", "b")}


def test_a_worker_that_is_clearly_overloaded_gives_one_camera_away() -> None:
    running = {"worker-1": ("a", "b", "c"), "worker-2": ("d",)}
    loads = {"a": 0.5, "b": 0.4, "c": 0.3, "d": 0.2}
    plan = assign(loads, running, workers=2)
    assert sum(len(set(cameras) - set(running[name])) for name, cameras in plan.items()) == 1
    assert max(sum(loads[one] for one in cameras) for cameras in plan.values()) <= 0.8
    lightly = {name: load / 3 for name, load in loads.items()}
    assert assign(lightly, running, workers=2) == running, "a move costs a camera its tracks"


def test_nobody_is_put_beside_a_camera_whose_worker_keeps_dying() -> None:
    running = {"worker-1": ("bad",), "worker-2": ("a", "b")}
    loads = {"bad": 0.01, "a": 0.5, "b": 0.5, "c": 0.5}
    assert "c" in assign(loads, running, workers=2, closed=["worker-1"])["worker-2"]
    alone = assign({"bad": 0.01, "c": 0.5}, {"worker-1": ("bad",)}, workers=1, closed=["worker-1"])
    assert alone == {"worker-1": ("bad",), "worker-2": ("c",)}


def test_halves_are_of_about_the_same_load_and_hold_everybody() -> None:
    first, second = halves(["a", "b", "c"], {"a": 0.3, "b": 0.2, "c": 0.1})
    assert sorted((*first, *second)) == ["a", "b", "c"]
    assert first
    assert second


cameras = st.sampled_from("abcdefghij")
names = st.sampled_from(["worker-1", "worker-2", "worker-3", "worker-7"])


@given(
    loads=st.dictionaries(cameras, st.floats(0.01, 1.5)),
    where=st.dictionaries(cameras, names),
    workers=st.integers(1, 6),
    closed=st.sets(names),
)
def test_every_camera_runs_once_and_at_most_one_moves(
    loads: dict[str, float], where: dict[str, str], workers: int, closed: set[str]
) -> None:
    running: dict[str, tuple[str, ...]] = {}
    for camera_id, name in where.items():
        running[name] = (*running.get(name, ()), camera_id)
    plan = assign(loads, running, workers, closed & running.keys())
    assert sorted(one for group in plan.values() for one in group) == sorted(loads)
    assert all(plan.values()), "no worker is without a camera"
    moved = [one for name, group in plan.items() for one in group if one in where and where[one] != name]
    assert len(moved) <= 1
    for name in closed & plan.keys() & running.keys():
        assert set(plan[name]) <= set(running[name])
