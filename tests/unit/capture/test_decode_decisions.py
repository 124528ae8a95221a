"""The small decisions about decoding, and what the sizes of packets tell."""

from __future__ import annotations

import random

from edge.capture.decode_plan import KeyframeDistance, Lag, ReferenceTrial
from edge.capture.packet_motion import PacketMotion


def test_a_camera_may_rest_once_its_keyframes_are_known_to_be_near() -> None:
    distance, rests = KeyframeDistance(), []
    for at_s in (0.0, 2.0, 4.0, 12.0):
        distance.keyframe(at_s)
        rests.append(distance.lets_rest)
    assert rests == [False, False, True, False]
    assert not distance.is_overdue(16.0)
    assert distance.is_overdue(16.3)


def test_a_burst_after_a_stall_is_no_lag_but_a_slow_box_is() -> None:
    lag = Lag()
    assert not any(lag.is_too_long(10.0 + 0.01 * index, 3.0 - 0.03 * index, 2.0) for index in range(100))
    lag.reset()
    told = [lag.is_too_long(20.0 + 0.1 * index, 0.05 * index, 2.0) for index in range(60)]
    assert told.index(True) == 31  # a second after the lag of one


def test_where_keyframes_are_far_apart_more_lag_is_borne() -> None:
    lag = Lag()
    assert not any(lag.is_too_long(float(second), 3.0, 10.0) for second in range(20))


def trial_of(rate: float, wanted: float, kept: float) -> ReferenceTrial:
    trial, owed = ReferenceTrial(wanted), 0.0
    for index in range(round(rate * 10)):
        owed += kept if trial.skips else 1.0
        trial.decoded(index / rate, int(owed))
        owed -= int(owed)
    return trial


def test_non_reference_pictures_are_left_out_only_where_it_helps() -> None:
    assert trial_of(25.0, 5.0, 1 / 3).skips
    assert not trial_of(25.0, 5.0, 1.0).skips  # no B-frames
    assert not trial_of(25.0, 5.0, 1 / 8).skips  # 3 a second would be left of 5
    assert not trial_of(8.0, 5.0, 1 / 3).skips  # few enough already
    assert "those that others refer to" in trial_of(25.0, 5.0, 1 / 3).says


def quiet(motion: PacketMotion, seconds: float, *, bump: int = 0, fps: int = 25, gop_s: float = 2.0) -> list[float]:
    """A quiet stream with noise and, each second, a clock in the picture; the times that woke it."""
    rng, woke = random.Random(1), []
    for index in range(round(seconds * fps)):
        at_s = index / fps
        if index % round(gop_s * fps) == 0:
            motion.keyframe(at_s)
            continue
        size = round(800 * rng.uniform(0.8, 1.25)) + (bump if index % fps == 7 else 0)
        if at_s < 5:
            motion.learn(at_s, size)
        elif motion.is_jump(at_s, size):
            woke.append(at_s)
    return woke


def test_a_quiet_stream_does_not_wake() -> None:
    assert quiet(PacketMotion(), 120.0) == []


def test_a_clock_in_the_picture_does_not_wake() -> None:
    assert quiet(PacketMotion(), 120.0, bump=3000) == []


def test_growing_packets_wake_even_when_they_grow_slowly() -> None:
    motion = PacketMotion()
    assert quiet(motion, 20.0) == []
    motion.keyframe(20.0)
    sizes = [800 + 40 * index for index in range(25)]  # to 1,800 within a second
    woke = [index for index, size in enumerate(sizes) if motion.is_jump(20.0 + (index + 1) / 25, size)]
    assert woke


def test_a_clock_that_falls_back_is_survived() -> None:
    motion = PacketMotion()
    quiet(motion, 20.0)
    assert quiet(motion, 20.0) == []
