"""The gate of one camera: motion, tracks and time together, awake and at rest."""

from __future__ import annotations

import numpy as np
import pytest

from contract.camera_config import CameraConfig, MotionConfig
from edge.gate import CameraGate, still_recheck_s
from edge.picture import ArrayPicture
from edge.types import Frame, Track, TrackId
from tests.edge_fakes import START

GROUND = np.random.default_rng(3).integers(70, 150, (45, 80)).repeat(8, 0).repeat(8, 1)


def frame(at_s: float, *things: tuple[int, int, int, int]) -> Frame:
    """640 by 360; things are x, y, width, height in pixels."""
    grey = GROUND.copy()
    for x, y, width, height in things:
        grey[y : y + height, x : x + width] = 20
    return Frame("cam", ArrayPicture(np.repeat(grey.astype(np.uint8)[..., None], 3, 2)), at_s, START, 0)


def track(at_s: float, x: float = 0.5, *, seen_s: float | None = None) -> Track:
    return Track(TrackId(1), "person", 0.8, (x, 0.4, x + 0.05, 0.6), 0.0, at_s if seen_s is None else seen_s)


def settled(until_s: float = 10.0) -> CameraGate:
    """A gate that has seen an empty scene, five frames a second."""
    gate = CameraGate(MotionConfig())
    for index in range(round(until_s * 5)):
        gate.should_search(frame(index / 5), ())
    return gate


def test_who_stands_still_is_looked_at_every_few_seconds_and_the_camera_may_rest() -> None:
    gate, searched, seen_s = settled(), [], 10.0
    for index in range(75):
        at_s = 10.0 + index / 5
        if gate.should_search(frame(at_s), [track(at_s, seen_s=seen_s)]):
            searched.append(at_s)
            seen_s = at_s
    assert searched[:15] == [pytest.approx(10.0 + index / 5) for index in range(15)]  # new: looked at in every frame
    assert np.diff([t for t in searched if t > 14]) == pytest.approx(2.6, abs=0.01)
    assert gate.may_rest(25.0, [track(25.0, seen_s=seen_s)])


def test_who_walks_is_searched_for_in_every_frame_even_where_motion_is_masked() -> None:
    everywhere = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    gate = CameraGate(MotionConfig(mask=(everywhere,)))
    for index in range(50):
        gate.should_search(frame(index / 5), ())
    found = [gate.should_search(frame(10 + i / 5), [track(10 + i / 5, 0.1 + 0.02 * i)]) for i in range(30)]
    assert all(found)
    assert not gate.may_rest(16.0, [track(16.0, 0.7)])


def test_who_was_not_found_is_searched_for_at_once() -> None:
    gate = settled()
    for index in range(40):
        gate.should_search(frame(10 + index / 5), [track(10 + index / 5)])
    missed = track(18.0, seen_s=14.0)
    assert not gate.may_rest(18.0, [missed])
    assert all(gate.should_search(frame(18.0 + index / 5), [missed]) for index in range(5))


def test_motion_over_somebody_who_stands_is_searched_at_once() -> None:
    gate = settled()
    for index in range(40):
        gate.should_search(frame(10 + index / 5), [track(10 + index / 5)])
    assert gate.should_search(frame(18.0, (330, 150, 30, 60)), [track(18.0)])
    assert not gate.may_rest(18.0, [track(18.0)])


def test_what_was_found_once_is_looked_at_again_in_the_next_frame() -> None:
    gate = settled()
    assert not gate.should_search(frame(10.2), (), waiting=False)
    assert gate.should_search(frame(10.4), (), waiting=True)
    assert not gate.may_rest(10.4, (), waiting=True)


def test_an_empty_scene_rests_after_some_seconds_and_wakes_with_the_first_motion() -> None:
    gate = CameraGate(MotionConfig())
    rests = []
    for index in range(40):
        gate.should_search(frame(index / 5), ())
        rests.append(gate.may_rest(index / 5, ()))
    assert rests.index(True) == pytest.approx(13, abs=1)  # half a second to learn the scene, two without a change
    for at_s in (10.0, 12.0, 14.0):  # keyframes
        gate.should_search(frame(at_s), ())
        assert gate.may_rest(at_s, ())
    assert gate.should_search(frame(16.0, (330, 150, 30, 60)), ())
    assert not gate.may_rest(16.0, ())


def test_a_source_that_woke_by_itself_is_left_awake_for_a_moment() -> None:
    gate = settled()
    assert gate.may_rest(10.0, ())
    gate.woken(10.0)
    assert not gate.may_rest(12.8, ())
    assert gate.may_rest(13.2, ())


def test_without_the_motion_gate_every_frame_is_searched_and_nothing_rests() -> None:
    gate = CameraGate(MotionConfig(enabled=False))
    assert all(gate.should_search(frame(index / 5), ()) for index in range(100))
    assert not gate.may_rest(20.0, ())


def test_searches_are_counted_by_their_reason_and_outlive_a_reset() -> None:
    gate = settled(5.0)
    gate.should_search(frame(5.0, (330, 150, 30, 60)), ())
    gate.should_search(frame(8.0), (), waiting=True)
    gate.reset()
    gate.should_search(frame(9.0), ())
    figures = gate.figures()
    assert figures["searches_motion"] == 1
    assert figures["searches_track"] == 1
    assert figures["searches_warmup"] > 3
    assert figures["searches_recheck"] == 0
    assert figures["light_changes"] == 0


@pytest.mark.parametrize(
    ("rules", "seconds"),
    [
        ([], 5.0),
        ([{"kind": "crowding"}], 5.0),
        ([{"kind": "intrusion", "zones": ["san"]}, {"kind": "crowding"}], 2.5),
        ([{"kind": "intrusion", "zones": ["san"], "clear_after_s": 1}], 2.0),
    ],
)
def test_standing_objects_are_looked_at_twice_within_the_shortest_absence_that_ends_an_event(
    rules: list[dict[str, object]], seconds: float
) -> None:
    camera = CameraConfig.model_validate(
        {
            "camera": {"id": "cong_cho", "name": "Cổng chợ", "village": "trang-long"},
            "inputs": [{"path": "clip.mp4"}],
            "zones": {"san": {"name": "Sân", "coordinates": [[0, 0], [1, 0], [1, 1], [0, 1]]}},
            "rules": rules,
        }
    )
    assert still_recheck_s(camera) == seconds
