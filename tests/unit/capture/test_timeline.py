"""Times of frames: cameras' timestamps are missing, jump, fall back and drift (threat 41)."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.capture.timeline import ClipTimeline, LiveTimeline
from tests.edge_fakes import START, FakeClock


def live_times(clock: FakeClock, steps: list[tuple[float, float | None]]) -> list[float]:
    """Times of frames that arrive after `wait` seconds each, with timestamps."""
    timeline, times = LiveTimeline(clock), []
    for wait_s, pts_s in steps:
        clock.advance(wait_s)
        timeline.packet_s(pts_s, None)
        times.append(timeline.frame_s(pts_s))
    return times


def test_jitter_of_the_network_does_not_reach_the_times() -> None:
    waits = [0.1, 0.02, 0.18, 0.0, 0.2, 0.1, 0.15, 0.05]
    times = live_times(FakeClock(), [(wait, index * 0.1) for index, wait in enumerate(waits)])
    # The quickest picture of the first few tells when they were really taken.
    assert [after - before for before, after in itertools.pairwise(times[3:])] == [pytest.approx(0.1, abs=0.005)] * 4


def test_without_timestamps_arrival_counts() -> None:
    assert live_times(FakeClock(), [(0.1, None), (0.3, None)]) == [1000.1, pytest.approx(1000.4)]


def test_a_jump_of_the_cameras_clock_is_no_jump_in_time() -> None:
    times = live_times(FakeClock(), [(0.1, 5.0), (0.1, 5.1), (0.1, 90_000.0), (0.1, 90_000.1), (0.1, 3.0), (0.1, 3.1)])
    assert times == [pytest.approx(1000.1 + 0.1 * index, abs=0.01) for index in range(6)]


@given(
    st.lists(
        st.tuples(st.floats(0, 20), st.none() | st.floats(-1e5, 1e5)),
        min_size=1,
        max_size=60,
    )
)
def test_times_of_a_camera_rise_and_never_leave_the_present(steps: list[tuple[float, float | None]]) -> None:
    clock = FakeClock()
    times = live_times(clock, steps)
    assert all(before < after for before, after in itertools.pairwise(times))
    # Each of n frames may be pushed on by a millisecond, where timestamps stand still.
    assert times[-1] <= clock.monotonic_s() + 0.001 * len(steps) + 1e-6


def test_utc_follows_when_the_machines_clock_is_set() -> None:
    clock = FakeClock()
    timeline = LiveTimeline(clock)
    assert timeline.utc(clock.monotonic_s() - 0.5) == START - timedelta(seconds=0.5)
    clock._start += timedelta(days=400)  # the network came up, and with it the true time
    assert timeline.utc(clock.monotonic_s()) == START + timedelta(days=400)


def test_a_replayed_clip_keeps_its_own_times() -> None:
    timeline = ClipTimeline(0.0, START, 0.1)
    stamps = [7.0, 7.1, 9.5]
    for stamp in stamps:
        timeline.packet_s(stamp, None)
    times = [timeline.frame_s(stamp) for stamp in stamps]
    assert times == [0.0, pytest.approx(0.1), pytest.approx(2.5)]
    assert timeline.utc(times[2]) == START + timedelta(seconds=2.5)


def test_missing_and_falling_timestamps_of_a_clip_become_the_usual_distance() -> None:
    timeline = ClipTimeline(0.0, START, 0.1)
    stamps = [0.0, None, 0.2, 0.2, 0.1, 0.5]
    for stamp in stamps:
        timeline.packet_s(stamp, None)
    assert [timeline.frame_s(stamp) for stamp in stamps] == [pytest.approx(t) for t in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)]


def test_a_count_that_begins_anew_goes_on_after_the_old_one() -> None:
    timeline, times = ClipTimeline(0.0, START, 0.1), []
    for stamp in (60.0, 60.1, 60.2, 0.0, 0.1, 0.2):
        timeline.packet_s(stamp, None)
        times.append(timeline.frame_s(stamp))
    assert times == [pytest.approx(0.1 * index) for index in range(6)]


def test_a_loop_goes_on_where_the_clip_ended() -> None:
    timeline = ClipTimeline(50.0, START, 0.1)
    times = []
    for _ in range(3):
        timeline.begin_loop()
        for stamp in (3.0, 3.1, 3.2):
            timeline.packet_s(stamp, stamp)
            times.append(timeline.frame_s(stamp))
    assert times == [pytest.approx(50.0 + 0.1 * index) for index in range(9)]


def test_own_speed_waits_for_each_picture_but_not_through_a_gap() -> None:
    clock, waits = FakeClock(), []
    start_s = clock.monotonic_s()

    def wait_until(monotonic_s: float) -> None:
        waits.append(round(monotonic_s - start_s, 6))

    timeline = ClipTimeline(start_s, START, 0.1, wait_until)
    for stamp in (0.0, 0.1, 3600.0, 3600.1):
        timeline.packet_s(stamp, stamp)
    assert waits == [0.0, 0.1, 5.1, 5.2]
