"""`camera_offline`: what silence and frames lead to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise
from typing import Any

from contract.event import EventState
from contract.rules.camera_offline import CameraOfflineFacts
from edge.rules.camera_offline import CameraOfflineRule
from edge.types import RuleEvent
from tests.support.scenes import NOON, STREAM_START_S, make_rule


def rule(**params: Any) -> CameraOfflineRule:
    made = make_rule("camera_offline", **params)
    assert isinstance(made, CameraOfflineRule)
    return made


def watch(item: CameraOfflineRule, seconds: Iterable[int], frames: Iterable[int] = ()) -> list[RuleEvent]:
    """Look once a second; frames come in some of them."""
    came = set(frames)
    return [
        event
        for second in seconds
        for event in item.look(
            STREAM_START_S + second,
            NOON + timedelta(seconds=second),
            NOON + timedelta(seconds=second) if second in came else None,
        )
    ]


def facts(event: RuleEvent) -> CameraOfflineFacts:
    assert isinstance(event.facts, CameraOfflineFacts)
    return event.facts


def test_a_minute_of_silence_is_told_with_the_last_frame_and_ends_with_the_first_that_comes_again() -> None:
    item = rule()
    events = watch(item, range(200), [*range(11), *range(150, 200)])
    start, end = events[0], events[-1]
    assert (start.state, start.started_utc, start.observed_utc) == (
        EventState.START,
        NOON + timedelta(seconds=10),
        NOON + timedelta(seconds=70),
    )
    assert facts(start) == CameraOfflineFacts(silent_s=60.0, last_frame_at=NOON + timedelta(seconds=10))
    assert (end.state, end.observed_utc) == (EventState.END, NOON + timedelta(seconds=150))
    assert facts(end).silent_s == 140.0
    assert [event.state for event in events[1:-1]] == [EventState.UPDATE] * (len(events) - 2)


def test_a_camera_that_never_answered_is_told_too() -> None:
    (start,) = watch(rule(), range(62))
    assert facts(start) == CameraOfflineFacts(silent_s=60.0, last_frame_at=None)
    assert start.started_utc == NOON


def test_a_shorter_silence_is_none() -> None:
    assert watch(rule(), range(300), range(0, 300, 55)) == []


def test_a_few_frames_between_two_silences_do_not_end_it() -> None:
    events = watch(rule(), range(300), [0, 100, 101])
    assert [event.state for event in events if event.state is not EventState.UPDATE] == [EventState.START]


def test_keyframes_every_four_seconds_are_enough_to_end_it() -> None:
    events = watch(rule(), range(200), [0, *range(100, 200, 4)])
    assert events[-1].state is EventState.END
    assert not rule().is_open


def test_time_in_which_this_process_itself_was_stopped_is_nobodys_silence() -> None:
    item = rule()
    assert watch(item, [*range(11), 500, 501], range(11)) == []


def test_it_goes_on_with_what_a_killed_process_left_open() -> None:
    item = rule()
    known = CameraOfflineFacts(silent_s=400.0, last_frame_at=NOON - timedelta(seconds=900))
    item.resume(known, NOON - timedelta(seconds=900), STREAM_START_S)
    events = watch(item, range(20), range(10, 20))
    assert [event.state for event in events] == [EventState.END]
    assert events[0].started_utc == NOON - timedelta(seconds=900)
    assert facts(events[0]).silent_s == 410.0


def test_outside_its_schedule_silence_is_none() -> None:
    assert watch(rule(schedule=["22:00-05:00"]), range(200)) == []


def test_a_lasting_outage_is_told_at_least_hourly() -> None:
    events = watch(rule(), range(30_000), [0])
    times = [event.observed_s for event in events]
    assert max(later - sooner for sooner, later in pairwise(times)) <= 3601
    assert len(events) < 25
