"""`camera_tampered`: what readings of the view lead to. The pictures are in tests/unit/health/test_view.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contract.event import EventState
from contract.rules.camera_tampered import CameraTamperedFacts, Tampering
from edge.rules.camera_tampered import wrong_with
from edge.types import Observation, RuleEvent, ViewReading
from tests.support.scenes import ASPECT, NOON, STREAM_START_S, make_rule

WELL = ViewReading(6.0, 6.0, 1.0, 1.0, 0.95, 0.95, 0.98)
COVERED = replace(WELL, detail=0.3, match=0.0, layout=0.1)
DEFOCUSED = replace(WELL, detail=3.0, sharpness=0.3)
TURNED = replace(WELL, match=0.3, layout=0.2, in_place=0.1, elsewhere=0.5)
REPLACED = replace(WELL, match=0.05, layout=-0.2, in_place=0.08, elsewhere=0.1)


def watch(readings: list[ViewReading | None], step_s: float = 1.0, **params: Any) -> list[RuleEvent]:
    rule = make_rule("camera_tampered", **params)
    events = []
    for index, reading in enumerate(readings):
        at_s = index * step_s
        utc = NOON + timedelta(seconds=at_s)
        events += rule.observe(Observation("cam", STREAM_START_S + at_s, utc, ASPECT, (), view=reading))
    return events


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (WELL, None),
        (COVERED, Tampering.COVERED),
        (DEFOCUSED, Tampering.DEFOCUSED),
        (TURNED, Tampering.MOVED),
        (REPLACED, Tampering.MOVED),
        (replace(WELL, detail=2.0), None),  # fog
        (replace(WELL, detail=9.0, sharpness=0.4), None),  # rain and headlights add coarse detail
        (replace(WELL, match=0.3, in_place=0.4, elsewhere=0.12), None),  # a bus: its rim is where it was
    ],
)
def test_what_a_reading_says(reading: ViewReading, expected: Tampering | None) -> None:
    assert wrong_with(reading) is expected


@pytest.mark.parametrize("step_s", [1.0, 2.0, 4.0])
def test_five_seconds_of_it_raise_an_event_also_from_keyframes(step_s: float) -> None:
    before = [WELL] * 10
    events = watch([*before, *[COVERED] * 20], step_s)
    assert events[0].state is EventState.START
    assert 5.0 <= events[0].observed_s - (STREAM_START_S + len(before) * step_s) <= 10.0
    facts = events[0].facts
    assert isinstance(facts, CameraTamperedFacts)
    assert (facts.tampering, facts.detail_before, facts.detail_after) == (Tampering.COVERED, 6.0, 0.3)


def test_less_is_none() -> None:
    assert watch([WELL, *[COVERED] * 5, WELL, *[TURNED] * 4, WELL]) == []


def test_it_ends_when_the_view_has_been_right_for_a_while_at_the_last_wrong_look() -> None:
    events = watch([WELL, *[COVERED] * 10, *[WELL] * 10])
    assert [event.state for event in events] == [EventState.START, EventState.END]
    assert events[-1].observed_s == STREAM_START_S + 10


def test_a_view_at_the_limit_makes_one_event() -> None:
    nearly = replace(WELL, match=0.2)
    events = watch([WELL, *[REPLACED] * 8, *[nearly, REPLACED] * 20])
    assert [event.state for event in events if event.state is not EventState.UPDATE] == [EventState.START]


def test_frames_without_a_reading_change_nothing() -> None:
    events = watch([item for reading in [WELL] * 3 + [COVERED] * 8 for item in (reading, None, None)], 1 / 3)
    assert [event.state for event in events] == [EventState.START]


def test_what_happens_first_and_what_later_is_one_event() -> None:
    events = watch([WELL, *[DEFOCUSED] * 7, *[COVERED] * 30])
    assert events[0].state is EventState.START
    assert {event.state for event in events[1:]} == {EventState.UPDATE}
    last = events[-1].facts
    assert isinstance(last, CameraTamperedFacts)
    assert last.tampering is Tampering.COVERED
