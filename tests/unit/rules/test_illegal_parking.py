"""`illegal_parking` by lists of observations."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from contract.event import EventState
from contract.rules.illegal_parking import IllegalParkingFacts
from edge.types import RuleEvent, SignalState, Track
from tests.support.scenes import (
    STREAM_START_S,
    box,
    make_rule,
    observation,
    person,
    raised_at_s,
    run,
    states,
    vehicle,
    watch,
)

RULE: dict[str, Any] = {"kind": "illegal_parking", "zones": ["trai"]}
SIGNAL = {"signals": {"den": {"kind": "plan", "phases": [["red", 30], ["green", 30]]}}}


def facts(event: RuleEvent) -> IllegalParkingFacts:
    return cast("IllegalParkingFacts", event.facts)


def ends_at_s(events: list[RuleEvent]) -> list[float]:
    return [event.observed_s - STREAM_START_S for event in events if event.state is EventState.END]


def parked(_: float) -> list[Track]:
    return [vehicle(1, 0.25, 0.5)]


@pytest.mark.parametrize("fps", [1, 2, 5, 12.5, 30])
def test_standing_for_five_minutes_raises_one_event_at_any_frame_rate(fps: float) -> None:
    rule = make_rule(**RULE, max_stay_s=30.0)
    events = run(rule, watch(parked, 60.0, fps=fps), watch(lambda _: [], 80.0, from_s=61.0, fps=fps), finish=False)
    assert states(events) == ["start", "end"]
    assert raised_at_s(events) == [pytest.approx(30.0, abs=1.1)]
    assert ends_at_s(events) == [pytest.approx(60.0, abs=0.1)]
    assert facts(events[0]).max_stay_s == 30.0
    assert facts(events[-1]).stay_s == pytest.approx(60.0, abs=0.1)
    assert events[0].zone == "trai"


def test_the_default_is_five_minutes() -> None:
    assert raised_at_s(run(make_rule(**RULE), watch(parked, 310.0, fps=2.0))) == [pytest.approx(300.0, abs=0.6)]
    assert run(make_rule(**RULE), watch(parked, 299.0, fps=2.0)) == []


def test_outside_the_zone_and_other_classes_do_not_count() -> None:
    assert run(make_rule(**RULE), watch(lambda _: [vehicle(1, 0.75, 0.5)], 400.0, fps=1.0)) == []
    assert run(make_rule(**RULE), watch(lambda _: [person(1, 0.25, 0.5)], 400.0, fps=1.0)) == []
    trucks = make_rule(**RULE, objects=["truck"])
    assert run(trucks, watch(parked, 400.0, fps=1.0)) == []


def test_jitter_and_a_wrong_box_do_not_reset_the_stay() -> None:
    rng = random.Random(3)

    def shaky(at_s: float) -> list[Track]:
        if 150.0 <= at_s < 151.0:
            return [box(1, "car", 0.55, 0.9, width=0.3, height=0.4)]  # merged with a neighbour for a second
        return [vehicle(1, 0.25 + rng.gauss(0, 0.006), 0.5 + rng.gauss(0, 0.01))]

    events = run(make_rule(**RULE), watch(shaky, 310.0, fps=5.0), finish=False)
    assert raised_at_s(events) == [pytest.approx(300.0, abs=0.5)]


def test_a_vehicle_at_the_border_of_the_zone_is_judged_by_its_mean_place() -> None:
    rng = random.Random(5)
    events = run(
        make_rule(**RULE, max_stay_s=60.0), watch(lambda _: [vehicle(1, 0.49 + rng.gauss(0, 0.01), 0.5)], 90.0)
    )
    assert states(events) == ["start", "end"]
    assert raised_at_s(events)[0] < 75.0


def test_creeping_in_a_jam_is_not_parking() -> None:
    assert run(make_rule(**RULE), watch(lambda t: [vehicle(1, 0.05 + 0.001 * t, 0.5)], 420.0, fps=2.0)) == []


def test_driving_off_ends_the_event_and_parking_elsewhere_is_another() -> None:
    def moves(at_s: float) -> list[Track]:
        return [vehicle(1, 0.1 if at_s < 100 else 0.4, 0.5)]

    events = run(make_rule(**RULE, max_stay_s=60.0), watch(moves, 200.0, fps=2.0), finish=False)
    assert states(events) == ["start", "end", "start"]
    assert ends_at_s(events) == [pytest.approx(100.0, abs=1.0)]
    assert raised_at_s(events)[1] == pytest.approx(162.0, abs=2.0)
    assert len({event.key for event in events}) == 2


def test_shunting_back_to_the_same_place_is_the_same_event() -> None:
    def shunts(at_s: float) -> list[Track]:
        return [vehicle(1, 0.4 if 100 <= at_s < 115 else 0.1, 0.5)]

    events = run(make_rule(**RULE, max_stay_s=60.0), watch(shunts, 200.0, fps=2.0), finish=False)
    assert states(events) == ["start"]


@pytest.mark.parametrize("lost_s", [5.0, 55.0])
def test_a_vehicle_lost_and_found_again_stood_all_the_while(lost_s: float) -> None:
    def hidden(at_s: float) -> list[Track]:
        if 200 <= at_s < 200 + lost_s:
            return []
        return [vehicle(1 if at_s < 200 else 7, 0.25, 0.5, "car" if at_s < 200 else "truck")]

    events = run(make_rule(**RULE), watch(hidden, 320.0, fps=2.0), finish=False)
    assert raised_at_s(events) == [pytest.approx(300.0, abs=1.0)]
    assert events[0].track_ids == (1, 7)


def test_a_parked_vehicle_does_not_alert_twice_when_it_is_hidden_for_a_while() -> None:
    def hidden(at_s: float) -> list[Track]:
        return [] if 400 <= at_s < 450 else [vehicle(1 if at_s < 400 else 9, 0.25, 0.5)]

    events = run(make_rule(**RULE), watch(hidden, 1000.0, fps=1.0), finish=False)
    assert states(events) == ["start"]
    assert events[-1].state is EventState.UPDATE
    assert len(events) < 8


def test_a_vehicle_not_seen_for_longer_is_gone() -> None:
    def hidden(at_s: float) -> list[Track]:
        return [] if 200 <= at_s < 265 else [vehicle(1 if at_s < 200 else 7, 0.25, 0.5)]

    assert run(make_rule(**RULE), watch(hidden, 500.0, fps=2.0)) == []


def test_another_vehicle_that_drives_into_the_place_starts_afresh() -> None:
    def relay(at_s: float) -> list[Track]:
        if at_s < 200:
            return [vehicle(1, 0.25, 0.5)]
        return [vehicle(2, min(0.25, 0.02 * (at_s - 200)), 0.5)]

    assert run(make_rule(**RULE), watch(relay, 490.0, fps=2.0)) == []


def test_traffic_whose_tracks_begin_at_the_same_place_and_end_soon_after_is_not_one_parked_vehicle() -> None:
    def passing(at_s: float) -> list[Track]:
        number, since_s = divmod(at_s, 10.0)
        return [vehicle(int(number) + 1, 0.1 + 0.25 * since_s, 0.5)] if since_s < 1.5 else []

    assert run(make_rule(**RULE, max_stay_s=60.0), watch(passing, 300.0)) == []


@pytest.mark.parametrize("stood_s", [0.0, 20.0])
def test_traffic_that_is_found_for_moments_at_one_place_is_nobody_and_does_not_prolong_a_stay(stood_s: float) -> None:
    """Each track is lost before it is half a vehicle away: it is at the place for as long as it is seen."""

    def passing(at_s: float) -> list[Track]:
        if at_s < stood_s:
            return [vehicle(1, 0.25, 0.5)]
        number, since_s = divmod(at_s, 10.0)
        return [vehicle(int(number) + 2, 0.25 + 0.1 * since_s, 0.5)] if since_s < 0.7 else []

    assert run(make_rule(**RULE, max_stay_s=60.0), watch(passing, 300.0)) == []


def test_the_next_in_a_row_that_moves_up_is_another_vehicle() -> None:
    """It is found only once the first drives off, and stops a third of a vehicle's length short of there."""

    def row(at_s: float) -> list[Track]:
        if at_s < 50.0:
            return [vehicle(1, 0.25, 0.5)]
        first = [vehicle(1, 0.25 + 0.06 * (at_s - 50.0), 0.5)] if at_s < 60.0 else []
        return [*first, vehicle(2, 0.20, 0.5)]

    events = run(make_rule(**RULE, max_stay_s=60.0), watch(row, 115.0), finish=False)
    assert raised_at_s(events) == [pytest.approx(110.0, abs=0.5)]
    assert events[0].track_ids == (2,)
    short = run(make_rule(**RULE, max_stay_s=40.0), watch(row, 88.0), finish=False)  # the next is not told yet
    assert states(short) == ["start", "end"]
    assert ends_at_s(short) == [pytest.approx(51.0, abs=1.5)]


def test_a_vehicle_of_another_kind_is_not_the_lost_one() -> None:
    def swapped(at_s: float) -> list[Track]:
        return [vehicle(1, 0.25, 0.5)] if at_s < 200 else [vehicle(2, 0.25, 0.5, "motorcycle")]

    assert run(make_rule(**RULE), watch(swapped, 490.0, fps=2.0)) == []


def test_one_vehicle_named_twice_is_one_event() -> None:
    def doubled(at_s: float) -> list[Track]:
        both = [vehicle(1, 0.25, 0.5), vehicle(2, 0.251, 0.5, "truck")]
        return both if at_s < 400 else both[1:]

    events = run(make_rule(**RULE), watch(doubled, 800.0, fps=1.0), finish=False)
    assert states(events) == ["start"]


def _stolen(back_at_s: float) -> Callable[[float], list[Track]]:
    """A car stands; from 100 s on a van hides it, takes its track along and drives on; the car is found as track 2."""

    def tracks(at_s: float) -> list[Track]:
        if at_s < 100.0:
            return [vehicle(1, 0.25, 0.5)]
        x = 0.25 + 0.06 * (at_s - 100.0)
        van = [box(1, "truck", x, 0.56, width=0.17, height=0.23)] if x < 1.0 else []
        return van + ([vehicle(2, 0.25, 0.5)] if at_s >= back_at_s else [])

    return tracks


@pytest.mark.parametrize("max_stay_s", [60.0, 150.0])
@pytest.mark.parametrize("back_at_s", [100.4, 101.0, 104.0, 120.0])
def test_a_van_that_hides_a_parked_car_and_takes_its_track_along_does_not_split_its_event(
    max_stay_s: float, back_at_s: float
) -> None:
    events = run(make_rule(**RULE, max_stay_s=max_stay_s), watch(_stolen(back_at_s), 200.0), finish=False)
    assert states(events) == ["start"]
    assert raised_at_s(events) == [pytest.approx(max_stay_s, abs=0.5)]
    later = run(make_rule(**RULE, max_stay_s=max_stay_s), watch(_stolen(back_at_s), 200.0))
    assert facts(later[-1]).stay_s == pytest.approx(200.0, abs=0.5)
    assert later[-1].track_ids == (1, 2)


def test_a_vehicle_found_again_while_its_old_track_still_coasts_goes_on_at_once() -> None:
    def renamed(at_s: float) -> list[Track]:
        old = [replace(vehicle(1, 0.25, 0.5), detected=at_s < 100.0)] if at_s < 101.0 else []
        return old + ([vehicle(2, 0.25, 0.5)] if at_s >= 100.4 else [])

    events = run(make_rule(**RULE, max_stay_s=60.0), watch(renamed, 115.0))
    assert states(events) == ["start", "end"]
    assert facts(events[-1]).stay_s == pytest.approx(115.0, abs=0.5)


def test_a_lorry_that_stops_near_the_place_which_a_car_left_is_another_vehicle() -> None:
    """A fifth of the lorry's box is half of the car's: found 14 s later, it touches the ground elsewhere."""

    def tracks(at_s: float) -> list[Track]:
        if at_s < 100.0:
            return [vehicle(1, 0.25, 0.5)]
        leaving = [vehicle(1, 0.25 + 0.06 * (at_s - 100.0), 0.5)] if at_s < 110.0 else []
        return leaving + ([box(2, "truck", 0.29, 0.6, width=0.3, height=0.4)] if at_s >= 114.0 else [])

    events = run(make_rule(**RULE, max_stay_s=60.0), watch(tracks, 190.0), finish=False)
    assert states(events) == ["start", "end", "start"]
    assert raised_at_s(events)[1] == pytest.approx(174.0, abs=1.0)
    assert events[-1].track_ids == (2,)


def test_a_vehicle_that_is_found_while_it_moves_up_to_a_place_just_left_is_another_one() -> None:
    """Its track begins half a box short of there, a second before it stands."""

    def row(at_s: float) -> list[Track]:
        first = [vehicle(1, 0.25 + 0.1 * max(0.0, at_s - 100.0), 0.5)] if at_s < 107.0 else []
        second = [vehicle(2, 0.25 - 0.065 * max(0.0, 105.0 - at_s), 0.5)] if at_s >= 104.0 else []
        return first + second

    events = run(make_rule(**RULE, max_stay_s=60.0), watch(row, 175.0), finish=False)
    assert states(events) == ["start", "end", "start"]
    assert raised_at_s(events)[1] == pytest.approx(165.0, abs=1.0)


def test_a_vehicle_that_sets_off_towards_a_place_just_left_does_not_take_it_over() -> None:
    """The second stood right behind and was found late; it sets off a second after the first."""

    def row(at_s: float) -> list[Track]:
        first = [vehicle(1, 0.25 if at_s < 100.0 else 0.25 + 0.1 * (at_s - 100.0), 0.5)] if at_s < 107.0 else []
        second = [vehicle(2, 0.235 + 0.1 * max(0.0, at_s - 101.3), 0.5)] if at_s < 108.0 else []
        return first + (second if at_s > 95.5 else [])

    events = run(make_rule(**RULE, max_stay_s=60.0), watch(row, 140.0), finish=False)
    assert states(events) == ["start", "end"]
    assert {number for event in events for number in event.track_ids} == {1}


def test_a_car_that_drives_off_is_not_confused_with_one_that_has_stood_beside_it_all_along() -> None:
    def tracks(at_s: float) -> list[Track]:
        leaving = vehicle(1, 0.25 if at_s < 100.0 else min(0.9, 0.25 + 0.06 * (at_s - 100.0)), 0.5)
        return [leaving, vehicle(2, 0.30, 0.52)]

    events = run(make_rule(**RULE, max_stay_s=60.0), watch(tracks, 200.0), finish=False)
    assert states(events) == ["start", "start", "end"]
    assert ends_at_s(events) == [pytest.approx(101.5, abs=1.5)]


def test_the_next_car_that_drives_into_a_place_just_left_starts_afresh() -> None:
    def tracks(at_s: float) -> list[Track]:
        if at_s < 110.0:
            return [vehicle(1, 0.25 if at_s < 100.0 else 0.25 + 0.06 * (at_s - 100.0), 0.5)]
        return [vehicle(2, min(0.25, 0.03 * (at_s - 110.0)), 0.5)]

    events = run(make_rule(**RULE, max_stay_s=60.0), watch(tracks, 250.0), finish=False)
    assert states(events) == ["start", "end", "start"]
    assert raised_at_s(events)[1] == pytest.approx(178.0, abs=2.0)


def test_two_vehicles_side_by_side_are_two_events() -> None:
    events = run(
        make_rule(**RULE), watch(lambda _: [vehicle(1, 0.2, 0.5), vehicle(2, 0.35, 0.5)], 310.0, fps=1.0), finish=False
    )
    assert states(events) == ["start", "start"]


def test_a_queue_at_a_red_light_does_not_count() -> None:
    rule = make_rule(**RULE, camera=SIGNAL, signal="den", max_stay_s=100.0)

    def light(at_s: float) -> SignalState:
        return SignalState.RED if at_s % 100.0 < 30.0 else SignalState.GREEN

    events = []
    for index in range(2 * 400):
        at_s = index / 2
        events += rule.observe(observation(at_s, parked(at_s), signals={"den": light(at_s)}))
    assert raised_at_s(events) == [pytest.approx(200.0, abs=3.0)]  # 50 s of each 100 s count
    assert facts(events[0]).queued_s == pytest.approx(100.0, abs=3.0)
    assert facts(events[0]).stay_s == pytest.approx(100.0, abs=1.0)


def test_an_unknown_signal_is_not_red() -> None:
    rule = make_rule(**RULE, camera=SIGNAL, signal="den")
    seen = watch(parked, 310.0, fps=1.0, signals={"den": SignalState.UNKNOWN})
    assert states(run(rule, seen)) == ["start", "end"]


def test_a_signal_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown signal 'den'"):
        make_rule(**RULE, signal="den")


def test_a_fixture_is_ignored_and_a_vehicle_next_to_it_is_not() -> None:
    kiosk, car = vehicle(1, 0.25, 0.5, "truck"), vehicle(2, 0.4, 0.55)
    rule = make_rule(**RULE, fixtures=[[0.25, 0.49]])
    events = run(rule, watch(lambda _: [kiosk, car], 310.0, fps=1.0), finish=False)
    assert states(events) == ["start"]
    assert events[0].track_ids == (2,)


def test_the_schedule_counts_from_its_beginning() -> None:
    rule = make_rule(**RULE, schedule=["12:10-12:20"])
    events = run(rule, watch(parked, 1500.0, fps=1.0), finish=False)
    assert raised_at_s(events) == [pytest.approx(900.0, abs=2.0)]
    assert ends_at_s(events) == [pytest.approx(1200.0, abs=2.0)]
    assert facts(events[-1]).stay_s == pytest.approx(600.0, abs=3.0)


def test_a_gated_scene_keeps_the_vehicle() -> None:
    still = [replace(vehicle(1, 0.25, 0.5), detected=False)]
    events = run(
        make_rule(**RULE),
        watch(parked, 5.0),
        watch(lambda _: still, 320.0, from_s=6.0, fps=0.5, detected=False),
    )
    assert raised_at_s(events) == [pytest.approx(300.0, abs=3.0)]


def test_time_without_frames_is_no_stay_and_no_second_alert() -> None:
    before, after = (
        watch(parked, 310.0, fps=1.0),
        watch(lambda _: [vehicle(5, 0.25, 0.5)], 600.0, from_s=700.0, fps=1.0),
    )
    events = run(make_rule(**RULE), before, after, finish=False)
    assert states(events) == ["start"]
    assert facts(events[-1]).stay_s < 950.0
    short = run(make_rule(**RULE), watch(parked, 200.0, fps=1.0), watch(parked, 90.0, from_s=500.0, fps=1.0))
    assert short == []


def test_two_cameras_interleaved_do_not_mix() -> None:
    rules = {name: make_rule(**RULE, camera={"camera_id": name}, max_stay_s=30) for name in ("a", "b")}
    events: dict[str, list[RuleEvent]] = {"a": [], "b": []}
    for index in range(200):
        at_s = index / 4
        events["a"] += rules["a"].observe(observation(at_s, parked(at_s), camera_id="a"))
        events["b"] += rules["b"].observe(observation(at_s, [vehicle(1, 0.02 * at_s, 0.5)], camera_id="b"))
    assert states(events["a"]) == ["start"]
    assert events["b"] == []


@pytest.mark.parametrize(("left", "told"), [(0.0, []), (0.05, ["start"])])
def test_a_vehicle_that_the_pictures_edge_cuts_off_is_not_told(left: float, told: list[str]) -> None:
    """The middle of what is left of a truck in the next lane lies in the zone, the truck does not."""

    def stands(_: float) -> list[Track]:
        return [replace(vehicle(1, 0.25, 0.5, "truck"), xyxy=(left, 0.3, left + 0.4, 0.5))]

    rule = make_rule(**RULE, max_stay_s=30.0)
    assert states(run(rule, watch(stands, 60.0, fps=1), finish=False)) == told
