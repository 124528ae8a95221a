"""`crowding` by lists of observations."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import cast

import pytest

from contract.event import EventState
from contract.rules.crowding import CrowdingFacts
from edge.types import RuleEvent, Track
from tests.support.scenes import (
    CALIBRATION,
    NIGHT,
    NOON,
    STREAM_START_S,
    crowd,
    make_rule,
    observation,
    person,
    raised_at_s,
    run,
    states,
    watch,
)


def facts(event: RuleEvent) -> CrowdingFacts:
    return cast("CrowdingFacts", event.facts)


def test_ten_people_for_sixty_seconds_raise_one_event() -> None:
    events = run(make_rule("crowding"), watch(lambda _: crowd(10), 90.0))
    assert states(events) == ["start", "end"]
    assert raised_at_s(events) == [pytest.approx(60.0, abs=0.3)]
    start = events[0]
    assert start.started_s == STREAM_START_S
    assert start.started_utc == NOON
    assert facts(start).peak_people == facts(start).median_people == facts(start).min_people == 10
    assert len(start.track_ids) == 10
    assert not facts(start).after_hours


def test_nine_people_raise_nothing() -> None:
    assert run(make_rule("crowding"), watch(lambda _: crowd(9), 300.0)) == []


def test_fifty_nine_seconds_raise_nothing() -> None:
    assert run(make_rule("crowding"), watch(lambda _: crowd(12), 59.0), watch(lambda _: [], 60, from_s=59.2)) == []


@pytest.mark.parametrize("fps", [1, 2, 5, 12.5, 30])
def test_frame_rate_does_not_change_the_decision(fps: float) -> None:
    def flickering(at_s: float) -> list[Track]:
        return crowd(12 if at_s % 15.0 > 1.5 else 3) if at_s < 100 else []

    events = run(make_rule("crowding"), watch(flickering, 200.0, fps=fps))
    assert states(events) == ["start", "end"]
    assert raised_at_s(events) == [pytest.approx(60.0, abs=4.0)]
    assert events[-1].observed_s - STREAM_START_S == pytest.approx(100.0, abs=4.0)


def test_a_flicker_of_two_seconds_does_not_reset_the_minute() -> None:
    events = run(make_rule("crowding"), watch(lambda t: crowd(2 if 40.0 <= t < 42.0 else 10), 70.0))
    assert raised_at_s(events) == [pytest.approx(60.0, abs=0.5)]


def test_a_break_of_ten_seconds_resets_the_minute() -> None:
    events = run(make_rule("crowding"), watch(lambda t: crowd(2 if 40.0 <= t < 50.0 else 10), 130.0))
    assert raised_at_s(events) == [pytest.approx(110.0, abs=4.0)]


def test_four_fifths_of_the_minute_must_reach_the_limit() -> None:
    events = run(make_rule("crowding"), watch(lambda t: crowd(8 if 30 <= t < 50 else 10), 120.0))
    assert raised_at_s(events) == [pytest.approx(98.0, abs=3.0)]  # only then do 12 of the last 60 s lie below it


def test_hysteresis_keeps_the_event_above_the_clear_level() -> None:
    def people(at_s: float) -> list[Track]:
        return crowd(10 if at_s < 70 else 7 if at_s < 300 else 6)

    events = run(make_rule("crowding"), watch(people, 400.0), finish=False)
    assert states(events) == ["start", "end"]
    assert events[-1].observed_s - STREAM_START_S == pytest.approx(300.0, abs=4.0)


def test_a_short_fall_below_the_clear_level_does_not_end_the_event() -> None:
    events = run(make_rule("crowding"), watch(lambda t: crowd(0 if 100 < t < 120 else 10), 200.0), finish=False)
    assert states(events) == ["start"]


def test_two_groups_apart_are_not_one_crowd() -> None:
    apart = [*crowd(5, x=0.1), *crowd(5, x=0.7, first_id=20)]
    assert run(make_rule("crowding"), watch(lambda _: apart, 120.0)) == []


def test_metres_decide_where_there_is_a_homography() -> None:
    row = [person(i, 0.05 + i * 0.05, 0.5) for i in range(1, 13)]  # 2 m apart
    near = run(make_rule("crowding", camera={"calibration": CALIBRATION}), watch(lambda _: row, 70.0))
    assert states(near) == ["start", "end"]
    assert facts(near[0]).calibration_error_m is None  # four points always fit: their error is unknown
    assert facts(near[0]).area_m2 is None  # a row has no area, so no density is made up
    far = make_rule("crowding", camera={"calibration": CALIBRATION}, link_distance_m=1.9)
    assert run(far, watch(lambda _: row, 70.0)) == []


def test_area_and_density_come_from_the_hull_at_the_peak() -> None:
    grid = [person(1 + i, 0.3 + 0.05 * (i % 4), 0.4 + 0.1 * (i // 4)) for i in range(12)]  # 2 m grid, 6 m x 4 m
    (start, *_) = run(make_rule("crowding", camera={"calibration": CALIBRATION}), watch(lambda _: grid, 70.0))
    assert facts(start).area_m2 == pytest.approx(24.0)
    assert facts(start).people_per_m2 == pytest.approx(0.5)


def test_an_impossible_density_is_rejected_and_counted() -> None:
    rule = make_rule("crowding", camera={"calibration": CALIBRATION})
    heap = [person(1 + i, 0.3 + 0.0095 * (i % 4), 0.4 + 0.025 * (i // 4)) for i in range(12)]
    (start, *_) = run(rule, watch(lambda _: heap, 70.0))
    assert facts(start).people_per_m2 is None
    assert rule.rejected["density"] > 0


def test_only_people_in_the_zone_count() -> None:
    rule = make_rule("crowding", zones=["phai"])
    assert run(rule, watch(lambda _: crowd(12, x=0.1), 90.0)) == []
    events = run(make_rule("crowding", zones=["trai", "phai"]), watch(lambda _: crowd(12, x=0.1), 90.0))
    assert [event.zone for event in events if event.state is EventState.START] == ["trai"]


def test_the_night_limit_holds_at_night_only() -> None:
    six = crowd(6)
    assert run(make_rule("crowding"), watch(lambda _: six, 120.0, start=NOON)) == []
    (start, *_) = run(make_rule("crowding"), watch(lambda _: six, 120.0, start=NIGHT))
    assert facts(start).after_hours
    assert facts(start).min_people == 5
    assert run(make_rule("crowding", after_hours=None), watch(lambda _: six, 120.0, start=NIGHT)) == []


def test_a_group_that_stands_when_the_night_begins_is_counted_from_then() -> None:
    events = run(make_rule("crowding"), watch(lambda _: crowd(6), 180.0, start=NIGHT - timedelta(hours=1, seconds=60)))
    assert raised_at_s(events) == [pytest.approx(120.0, abs=1.0)]


def test_the_schedule_ends_the_event() -> None:
    rule = make_rule("crowding", schedule=["06:00-12:02"])
    events = run(rule, watch(lambda _: crowd(10), 300.0), finish=False)
    assert states(events) == ["start", "end"]
    assert events[-1].observed_s - STREAM_START_S == pytest.approx(120.0, abs=0.5)


def test_new_track_ids_do_not_matter() -> None:
    events = run(make_rule("crowding"), watch(lambda t: crowd(10, first_id=1 + 100 * int(t)), 90.0))
    assert states(events) == ["start", "end"]


def test_a_gated_scene_keeps_its_crowd() -> None:
    events = run(
        make_rule("crowding"),
        watch(lambda _: crowd(10), 10.0),
        watch(lambda _: crowd(10), 60.0, from_s=10.2, fps=1.0, detected=False),
    )
    assert raised_at_s(events) == [pytest.approx(60.0, abs=1.5)]


def test_time_without_frames_counts_as_nobodys_stay() -> None:
    events = run(
        make_rule("crowding"), watch(lambda _: crowd(10), 40.0), watch(lambda _: crowd(10), 40.0, from_s=240.0)
    )
    assert raised_at_s(events) == [pytest.approx(260.0, abs=1.0)]
    assert facts(events[0]).stay_s == pytest.approx(60.0, abs=0.5)


@pytest.mark.parametrize("jump_s", [-500.0, 5000.0])
def test_a_jump_of_the_clock_ends_the_event_and_begins_anew(jump_s: float) -> None:
    rule = make_rule("crowding")
    events = run(
        rule, watch(lambda _: crowd(10), 70.0), watch(lambda _: crowd(10), 50.0, from_s=70.0 + jump_s), finish=False
    )
    assert states(events) == ["start", "end"]
    assert events[-1].observed_s >= events[-1].started_s


def test_updates_come_when_the_peak_grows_and_not_more_often_than_every_ten_seconds() -> None:
    events = run(make_rule("crowding"), watch(lambda t: crowd(10 if t < 65 else 10 + int((t - 65) / 2)), 125.0))
    updates = [event for event in events if event.state is EventState.UPDATE]
    assert 3 <= len(updates) <= 6
    times = [event.observed_s for event in events[:1] + updates]
    assert all(later - earlier >= 10.0 - 1e-6 for earlier, later in itertools.pairwise(times))
    peaks = [facts(event).peak_people for event in updates]
    assert peaks == sorted(set(peaks))
    assert len({event.key for event in events}) == 1


def test_a_steady_crowd_is_not_told_again_and_again() -> None:
    events = run(make_rule("crowding"), watch(lambda _: crowd(10), 3600.0, fps=1.0))
    assert len(events) < 14


def test_confidence_is_the_detectors_less_the_time_below_the_limit() -> None:
    events = run(make_rule("crowding"), watch(lambda t: crowd(10) if t < 80 else [], 130.0), finish=False)
    assert states(events) == ["start", "end"]
    assert [event.confidence for event in events] == pytest.approx([0.8] * len(events), abs=0.01)
    (shaky, *_) = run(make_rule("crowding"), watch(lambda t: crowd(8 if 30 < t < 38 else 10), 70.0))
    assert 0.6 < shaky.confidence < 0.75


def test_fixtures_and_impossible_boxes_are_not_people() -> None:
    statue = person(99, 0.3 + 0.1, 0.6)
    rule = make_rule("crowding", fixtures=[[0.4, 0.6]])
    assert run(rule, watch(lambda _: [*crowd(9), statue], 90.0)) == []
    broken = make_rule("crowding")
    nobody = person(50, float("nan"), 0.5)
    assert run(broken, [observation(0.0, [nobody])]) == []
    assert broken.rejected["box"] == 1


def test_two_cameras_interleaved_do_not_mix() -> None:
    rules = {name: make_rule("crowding", camera={"camera_id": name}) for name in ("a", "b")}
    events: dict[str, list[RuleEvent]] = {"a": [], "b": []}
    for index in range(500):
        at_s = index / 5
        for name, count in (("a", 10), ("b", 9)):
            events[name] += rules[name].observe(observation(at_s, crowd(count), camera_id=name))
    assert states(events["a"]) == ["start"]
    assert events["b"] == []
    with pytest.raises(ValueError, match="camera a"):
        rules["a"].observe(observation(200.0, [], camera_id="b"))
