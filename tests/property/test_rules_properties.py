"""What no list of observations may do to a rule."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.event import EventState
from contract.rules.crowding import CrowdingFacts
from edge.rules import RULES
from edge.types import Observation, RuleEvent, SignalState, Track
from tests.support.scenes import (
    ASPECT,
    CALIBRATION,
    NOON,
    STREAM_START_S,
    box,
    crowd,
    make_rule,
    observation,
    run,
    vehicle,
)

PARAMS: dict[str, dict[str, Any]] = {
    "abandoned_object": {"min_stay_s": 10.0},
    "camera_offline": {"grace_s": 10.0},
    "camera_tampered": {},
    "crowding": {"min_people": 3, "min_duration_s": 5.0, "clear_after_s": 3.0},
    "forbidden_turn": {"zones": ["trai", "phai"]},
    "illegal_parking": {"zones": ["het"], "max_stay_s": 10.0},
    "intrusion": {"zones": ["trai", "phai"], "objects": ["person", "car"]},
    "jaywalking": {"zones": ["het"]},
    "lane_misuse": {"zones": ["het"], "banned": ["car", "truck"]},
    "littering": {"away_s": 2.0, "min_stay_s": 5.0},
    "loitering": {"zones": ["trai", "phai"], "max_stay_s": 10.0},
    "no_helmet": {"min_votes": 1},
    "overloaded_motorbike": {"min_riders": 2, "min_votes": 1},
    "pavement_driving": {"zones": ["het"], "min_speed_kmh": 0.0},
    "red_light": {"line": "vach", "signal": "den", "min_red_s": 0.1},
    "speeding": {"limit_kmh": 5.0, "tolerance_kmh": 0.0, "min_distance_m": 1.0},
    "stop_line": {"line": "vach", "signal": "den", "min_duration_s": 0.2},
    "street_market": {"zones": ["het"], "min_people": 1, "min_duration_s": 5.0, "still_s": 2.0},
    "wrong_way": {"zones": ["het"]},
}
LIGHT: dict[str, Any] = {
    "lines": {"vach": {"name": "Vạch", "coordinates": [[0.5, 0.05], [0.5, 0.95]], "into": "phai"}},
    "signals": {"den": {"kind": "plan", "phases": [["red", 30], ["green", 30]]}},
}
NEEDS: dict[str, dict[str, Any]] = {
    "red_light": LIGHT,
    "speeding": {"calibration": CALIBRATION},
    "stop_line": LIGHT,
}
"""What a kind's camera must have beside its zones."""

coordinate = st.floats(0.02, 0.98)
tracks = st.lists(
    st.builds(
        box,
        st.integers(1, 6),
        st.sampled_from(["person", "car", "truck", "motorcycle"]),
        coordinate,
        coordinate,
        width=st.floats(0.01, 0.4),
        height=st.floats(0.01, 0.6),
        confidence=st.floats(0.0, 1.0),
        detected=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda track: track.track_id,
)


@st.composite
def streams(draw: st.DrawFn) -> list[Observation]:
    """Observations with odd steps, gaps, jumps, gated frames, a wandering wall clock and tracks without sense."""
    at_s, wall_s = 0.0, 0.0
    seen: list[Observation] = []
    for _ in range(draw(st.integers(1, 40))):
        at_s += draw(st.sampled_from([0.0, 0.2, 1.0, 1.0, 5.0, 29.0, 45.0, 700.0, -20.0]))
        wall_s += draw(st.sampled_from([0.2, 1.0, 5.0, 3600.0, -3600.0]))
        shown = draw(tracks) if draw(st.booleans()) or not seen else list(seen[-1].tracks)
        seen.append(
            Observation(
                camera_id="cam",
                monotonic_s=STREAM_START_S + at_s,
                utc=NOON + timedelta(seconds=wall_s),
                aspect=ASPECT,
                tracks=tuple(shown),
                detected=draw(st.booleans()),
                signals={"den": draw(st.sampled_from([SignalState.RED, *SignalState]))},
            )
        )
    return seen


@pytest.mark.parametrize("kind", sorted(RULES))
@pytest.mark.parametrize("camera", [{}, {"calibration": CALIBRATION}], ids=["heights", "metres"])
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_every_event_starts_once_ends_once_and_keeps_its_times_in_order(
    kind: str, camera: dict[str, Any], data: st.DataObject
) -> None:
    rule = make_rule(kind, camera={**camera, **NEEDS.get(kind, {})}, **PARAMS[kind])
    open_events: dict[str, RuleEvent] = {}
    for event in run(rule, data.draw(streams())):
        assert event.kind == kind
        assert 0.0 <= event.confidence <= 1.0
        assert event.observed_utc >= event.started_utc
        if event.state is EventState.START:
            assert event.key not in open_events
            assert event.track_ids
            open_events[event.key] = event
        else:
            start = open_events[event.key]
            assert (event.started_s, event.started_utc, event.zone) == (start.started_s, start.started_utc, start.zone)
            if event.state is EventState.END:
                del open_events[event.key]
    assert open_events == {}


@settings(deadline=None)
@given(
    counts=st.lists(st.tuples(st.integers(0, 9), st.floats(0.03, 20.0)), min_size=1, max_size=60),
    flicker=st.integers(10, 25),
)
def test_crowding_never_alerts_below_its_limit(counts: list[tuple[int, float]], flicker: int) -> None:
    rule, at_s = make_rule("crowding", after_hours=None), 0.0
    for index, (count, step_s) in enumerate(counts):
        at_s += step_s
        assert rule.observe(observation(at_s, crowd(count))) == []
        if index % 10 == 9 and step_s < 1.0:  # single pictures with ghosts
            at_s += 0.05
            assert rule.observe(observation(at_s, crowd(flicker))) == []
    assert rule.finish(None) == []


@settings(deadline=None, max_examples=25)
@given(
    count=st.integers(10, 20),
    fps=st.floats(1.0, 30.0),
    every_s=st.floats(8.0, 30.0),
    miss_s=st.floats(0.0, 1.5),
    left=st.integers(0, 9),
)
def test_crowding_always_alerts_on_a_crowd_that_flickers(
    count: int, fps: float, every_s: float, miss_s: float, left: int
) -> None:
    rule, events = make_rule("crowding"), []
    for index in range(int(75 * fps)):
        at_s = index / fps
        events += rule.observe(observation(at_s, crowd(left if every_s - at_s % every_s < miss_s else count)))
    assert [event.state for event in events] == [EventState.START]
    assert cast("CrowdingFacts", events[0].facts).peak_people == count


@settings(deadline=None, max_examples=50)
@given(
    x=st.floats(0.2, 0.8),
    y=st.floats(0.3, 0.9),
    jitter=st.floats(0.0, 0.02),
    seed=st.integers(0, 2**32 - 1),
    camera=st.sampled_from([{}, {"calibration": CALIBRATION}]),
)
def test_what_stands_never_goes_the_wrong_way(
    x: float, y: float, jitter: float, seed: int, camera: dict[str, Any]
) -> None:
    rule, rng = make_rule("wrong_way", zones=["het"], camera=camera), random.Random(seed)
    for index in range(300):
        shown: list[Track] = [vehicle(1, x + rng.gauss(0, jitter) / ASPECT, y + rng.gauss(0, jitter))]
        assert rule.observe(observation(index / 5, shown)) == []
