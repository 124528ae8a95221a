"""The tracker and its assignment for any input."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge.picture import ArrayPicture
from edge.tracking import ByteTracker
from edge.tracking.assignment import match
from edge.types import Detections, Frame

START = datetime(2026, 3, 2, tzinfo=UTC)
CLASSES = ("person", "car", "truck", "motorcycle")


def frame_at(at_s: float) -> Frame:
    return Frame("cam", ArrayPicture(np.broadcast_to(np.zeros(1, np.uint8), (720, 1280, 3))), at_s, START, 0)


@given(
    st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
        lambda shape: arrays(np.float64, shape, elements=st.integers(0, 12).map(lambda tenths: tenths / 10))
    )
)
def test_no_other_matching_is_better(cost: np.ndarray) -> None:
    limit = 0.8
    pairs = match(cost, limit)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert all(cost[pair] < limit for pair in pairs)
    wide = cost if cost.shape[0] <= cost.shape[1] else cost.T
    best = max(
        sum(max(0.0, limit - wide[row, column]) for row, column in enumerate(columns))
        for columns in itertools.permutations(range(wide.shape[1]), wide.shape[0])
    )
    assert abs(sum(limit - cost[pair] for pair in pairs) - best) < 1e-9


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 6), step_s=st.sampled_from([0.04, 0.1, 0.2, 0.33]))
def test_one_track_per_object_under_jitter_and_misses(seed: int, count: int, step_s: float) -> None:
    rng = np.random.default_rng(seed)
    lanes = np.arange(count) * 110.0 + 60.0
    fastest = min(90.0, 500.0 / (30 * step_s))  # all stay in the picture
    speeds = rng.uniform(-fastest, fastest, count)
    tracker = ByteTracker()
    owners: dict[int, int] = {}
    for index in range(60):
        at_s = index * step_s
        rows, boxes, scores = [], [], []
        for lane in range(count):
            if index > 0 and rng.random() < 0.15:
                continue  # missed
            x, y = 640.0 + speeds[lane] * (at_s - 30 * step_s), lanes[lane]
            jitter = rng.normal(0.0, 2.0, 4)
            boxes.append(np.array([x - 25, y - 50, x + 25, y + 50]) + jitter)
            scores.append(0.85 if index == 0 else rng.uniform(0.35, 0.95))
            rows.append(lane)
        found = Detections(
            np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), ("person",) * len(rows)
        )
        for track in tracker.update(found, frame_at(at_s)):
            lane = int(np.abs(lanes - (track.xyxy[1] + track.xyxy[3]) / 2 * 720).argmin())
            assert owners.setdefault(track.track_id, lane) == lane
    assert sorted(owners.values()) == list(range(count))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["update", "update", "update", "hold", "reset"]),
            st.floats(-40.0, 40.0),
            st.lists(
                st.tuples(
                    st.one_of(st.floats(-50, 1300, width=32), st.sampled_from([float("nan"), float("inf")])),
                    st.floats(-50, 750, width=32),
                    st.floats(-5, 400, width=32),
                    st.one_of(st.floats(-5, 400, width=32), st.just(float("nan"))),
                    st.one_of(st.floats(0, 1, width=32), st.just(float("nan"))),
                    st.sampled_from(CLASSES),
                ),
                max_size=6,
            ),
        ),
        max_size=30,
    )
)
def test_ids_count_up_and_never_return_whatever_comes(
    steps: list[tuple[str, float, list[tuple[float, float, float, float, float, str]]]],
) -> None:
    tracker, at_s = ByteTracker(), 1000.0
    last_seen: dict[int, int] = {}
    ended: set[int] = set()
    highest = 0
    for index, (action, step_s, found) in enumerate(steps):
        at_s += step_s
        if action == "reset":
            tracker.reset()
            ended |= set(last_seen)
            continue
        if action == "hold":
            tracks = tracker.hold(at_s)
        else:
            boxes = np.array([[x, y, x + w, y + h] for x, y, w, h, _, _ in found], np.float32).reshape(-1, 4)
            scores = np.array([score for *_, score, _ in found], np.float32)
            tracks = tracker.update(Detections(boxes, scores, tuple(row[5] for row in found)), frame_at(at_s))
        names = [int(track.track_id) for track in tracks]
        assert len(set(names)) == len(names)
        assert not ended & set(names)
        for track in tracks:
            assert track.track_id in last_seen or track.track_id > highest
            assert all(0.0 <= side <= 1.0 for side in track.xyxy)
            assert track.xyxy[0] <= track.xyxy[2]
            assert track.xyxy[1] <= track.xyxy[3]
            last_seen[track.track_id] = index
        highest = max([highest, *names])


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.floats(0.0, 12.0),
            st.lists(
                st.tuples(st.integers(0, 4), st.floats(-6, 6), st.floats(0.1, 1.0), st.sampled_from(CLASSES)),
                max_size=5,
            ),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_an_id_belongs_to_one_kind_of_thing_and_never_jumps_faster_than_anything_goes(
    steps: list[tuple[float, list[tuple[int, float, float, str]]]],
) -> None:
    """Things appear and vanish at five places far apart, at any times: what is linked again was there before."""
    tracker, at_s = ByteTracker(), 1000.0
    last: dict[int, tuple[float, int, bool]] = {}
    for step_s, found in steps:
        at_s += step_s
        boxes = [[100 + 250 * at + off, 300, 140 + 250 * at + off, 400] for at, off, _, _ in found]
        scores = np.array([score for _, _, score, _ in found], np.float32)
        names = tuple(name for *_, name in found)
        seen = Detections(np.array(boxes, np.float32).reshape(-1, 4), scores, names)
        for track in tracker.update(seen, frame_at(at_s)):
            if track.detected:
                at, is_person = (
                    round(((track.xyxy[0] + track.xyxy[2]) / 2 * 1280 - 120) / 250),
                    track.class_name == "person",
                )
                before_s, before, was_person = last.get(int(track.track_id), (at_s, at, is_person))
                assert is_person == was_person
                assert 250 * abs(at - before) <= 100 * (at_s - before_s) + 80  # a length a second, and half a length
                last[int(track.track_id)] = (at_s, at, is_person)
