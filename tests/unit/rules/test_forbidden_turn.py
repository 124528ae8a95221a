"""`forbidden_turn` by lists of observations. A road of two lanes, seen from above: 40 m wide, 20 m deep."""

from __future__ import annotations

import math
from typing import Any, cast

import pytest
from pydantic import ValidationError

from contract.rules.forbidden_turn import ForbiddenTurnFacts
from edge.types import RuleEvent, Track
from tests.support.noise import HARSH, NOISES, Noise, assert_accurate, noisy, score
from tests.support.scenes import (
    ASPECT,
    CALIBRATION,
    NIGHT,
    make_camera,
    make_rule,
    observation,
    person,
    raised_at_s,
    run,
    states,
    vehicle,
    watch,
)


def rectangle(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


EAST = [[0.1, 0.6], [0.9, 0.6]]
ZONES = {
    "di": {"name": "Chiều đi", "kind": "lane", "coordinates": rectangle(0.0, 0.5, 0.5, 0.7), "direction": EAST},
    "ve": {"name": "Chiều về", "kind": "lane", "coordinates": rectangle(0.0, 0.25, 0.5, 0.45)},
    "ngo": {"name": "Ngõ", "coordinates": rectangle(0.6, 0.75, 0.75, 1.0)},
    "duong": {
        "name": "Cả đường",
        "kind": "carriageway",
        "coordinates": rectangle(0.0, 0.2, 1.0, 0.75),
        "direction": EAST,
    },
}
HEIGHTS: dict[str, Any] = {"zones": ZONES}
METRES: dict[str, Any] = {"zones": ZONES, "calibration": CALIBRATION}
U_TURN: dict[str, Any] = {"kind": "forbidden_turn", "zones": ["di", "ve"]}
TURN: dict[str, Any] = {"kind": "forbidden_turn", "from_zone": "di", "to_zone": "ngo"}
BACK: dict[str, Any] = {"kind": "forbidden_turn", "zones": ["duong"]}
SPEED = 0.1
"""Picture widths a second on the straight: 4 m/s."""


def facts(event: RuleEvent) -> ForbiddenTurnFacts:
    return cast("ForbiddenTurnFacts", event.facts)


def at(x: float, y: float, track_id: int = 1, class_name: str = "motorcycle") -> list[Track]:
    return [vehicle(track_id, x, y, class_name)] if 0.02 < x < 0.98 and 0.05 < y < 0.98 else []


def u_turn(at_s: float, track_id: int = 1, *, speed: float = SPEED, turn_x: float = 0.6) -> list[Track]:
    """East on the lower lane, half a circle of 5 m across, west on the upper lane."""
    straight_s = (turn_x - 0.05) / speed
    radius = 0.125  # picture heights: 2.5 m
    turn_s = math.pi * radius / (speed * ASPECT)
    if at_s < straight_s:
        return at(0.05 + speed * at_s, 0.6, track_id)
    if at_s < straight_s + turn_s:
        angle = math.pi * (at_s - straight_s) / turn_s
        return at(turn_x + radius / ASPECT * math.sin(angle), 0.475 + radius * math.cos(angle), track_id)
    return at(turn_x - speed * (at_s - straight_s - turn_s), 0.35, track_id)


def right_turn(at_s: float, track_id: int = 1) -> list[Track]:
    """East on the lower lane, a quarter of a circle of 3 m, then down into the alley."""
    straight_s, radius = (0.67 - 0.15 / ASPECT - 0.05) / SPEED, 0.15
    turn_s = math.pi / 2.0 * radius / (SPEED * ASPECT)
    if at_s < straight_s:
        return at(0.05 + SPEED * at_s, 0.6, track_id)
    angle = min(math.pi / 2.0, math.pi / 2.0 * (at_s - straight_s) / turn_s)
    down = max(0.0, at_s - straight_s - turn_s) * SPEED / 2.0 * ASPECT  # an alley is driven into slowly
    x, y = 0.67 - radius / ASPECT * (1.0 - math.sin(angle)), 0.6 + radius * (1.0 - math.cos(angle))
    return at(x, y + down, track_id)


def east(at_s: float, track_id: int = 1, *, y: float = 0.6, speed: float = SPEED) -> list[Track]:
    return at(0.05 + speed * at_s, y, track_id)


def west(at_s: float, track_id: int = 1, *, y: float = 0.35, speed: float = SPEED) -> list[Track]:
    return at(0.95 - speed * at_s, y, track_id)


@pytest.mark.parametrize("camera", [HEIGHTS, METRES], ids=["heights", "metres"])
@pytest.mark.parametrize("fps", [1, 2, 5, 12.5, 30])
@pytest.mark.parametrize("rule", [U_TURN, BACK], ids=["zones", "direction"])
def test_a_u_turn_raises_one_event_at_any_frame_rate(camera: dict[str, Any], fps: float, rule: dict[str, Any]) -> None:
    events = run(make_rule(**rule, camera=camera), watch(u_turn, 20.0, fps=fps), finish=False)
    assert states(events) == ["start", "end"]
    assert 7.0 <= raised_at_s(events)[0] <= 12.0
    if fps >= 5:
        assert cast("float", facts(events[0]).turn_deg) > 140.0
    assert facts(events[0]).object_class == "motorcycle"
    assert events[0].track_ids == (1,)


@pytest.mark.parametrize("camera", [HEIGHTS, METRES], ids=["heights", "metres"])
def test_a_turn_into_a_zone_where_one_must_not_go(camera: dict[str, Any]) -> None:
    events = run(make_rule(**TURN, camera=camera), watch(right_turn, 18.0), finish=False)
    assert states(events) == ["start", "end"]
    assert events[0].zone == "ngo"
    assert (facts(events[0]).from_zone, facts(events[0]).to_zone) == ("Chiều đi", "Ngõ")
    assert facts(events[0]).duration_s == pytest.approx(2.6, abs=0.6)
    assert facts(events[0]).turn_deg == pytest.approx(75.0, abs=25.0)  # it is not yet round the corner


@pytest.mark.parametrize("rule", [U_TURN, BACK, TURN], ids=["zones", "direction", "alley"])
@pytest.mark.parametrize("camera", [HEIGHTS, METRES], ids=["heights", "metres"])
def test_straight_on_either_way_and_the_other_order_raise_nothing(camera: dict[str, Any], rule: dict[str, Any]) -> None:
    for way in (east, west):
        assert run(make_rule(**rule, camera=camera), watch(way, 12.0)) == []
    if rule is not BACK:
        assert run(make_rule(**rule, camera=camera), watch(lambda t: u_turn(14.0 - t), 14.0)) == []
        assert run(make_rule(**rule, camera=camera), watch(lambda t: right_turn(11.0 - t), 11.0)) == []


def test_the_second_zone_after_more_than_20_s_is_another_drive() -> None:
    def pauses(at_s: float) -> list[Track]:
        return right_turn(at_s if at_s < 5.5 else max(5.5, at_s - 25.0))

    assert run(make_rule(**TURN, camera=METRES), watch(pauses, 40.0)) == []
    assert states(run(make_rule(**TURN, camera=METRES, within_s=60.0), watch(pauses, 40.0))) == ["start", "end"]


def test_waiting_in_the_first_zone_does_not_count() -> None:
    def waits(at_s: float) -> list[Track]:
        return right_turn(at_s if at_s < 3.0 else max(3.0, at_s - 60.0))

    assert states(run(make_rule(**TURN, camera=METRES), watch(waits, 75.0))) == ["start", "end"]


def test_three_zones_in_order() -> None:
    three: dict[str, Any] = {**ZONES, "giua": {"name": "Giữa", "coordinates": rectangle(0.51, 0.2, 0.8, 0.74)}}
    rule: dict[str, Any] = {"kind": "forbidden_turn", "zones": ["di", "giua", "ve"]}
    assert states(run(make_rule(**rule, camera={"zones": three}), watch(u_turn, 20.0))) == ["start", "end"]
    other: dict[str, Any] = {"kind": "forbidden_turn", "zones": ["di", "ngo", "ve"]}
    assert run(make_rule(**other, camera={"zones": three}), watch(u_turn, 20.0)) == []


def test_standing_on_the_border_of_both_zones_is_no_turn() -> None:
    touching = {**ZONES, "ve": {"name": "Chiều về", "coordinates": rectangle(0.0, 0.25, 0.5, 0.5)}}

    for seed, noise in enumerate(NOISES):
        seen = noisy(lambda _: at(0.3, 0.5), 120.0, seed=seed, noise=noise)
        assert run(make_rule(**U_TURN, camera={"zones": touching}), seen) == []


def test_backing_up_on_its_own_way_is_not_turning_back() -> None:
    def backs_up(at_s: float) -> list[Track]:
        return at(0.05 + SPEED * (at_s if at_s < 5.0 else 5.0 - 0.5 * (at_s - 5.0)), 0.6)

    assert run(make_rule(**BACK, camera=METRES), watch(backs_up, 12.0)) == []
    assert run(make_rule(**BACK, camera=HEIGHTS), watch(backs_up, 12.0)) == []


@pytest.mark.parametrize("rule", [U_TURN, BACK], ids=["zones", "direction"])
def test_two_that_pass_each_other_and_swap_their_tracks_do_not_turn(rule: dict[str, Any]) -> None:
    """At 10 m/s each; the tracker swaps them where they meet."""

    def swapped(at_s: float) -> list[Track]:
        first, second = (1, 2) if at_s < 1.8 else (2, 1)
        one, other = east(at_s, first, y=0.5, speed=0.25), west(at_s, second, y=0.42, speed=0.25)
        return [*one, *other]

    near = {**ZONES, "ve": {"name": "Chiều về", "coordinates": rectangle(0.0, 0.25, 0.9, 0.46)}}
    near["di"] = {**near["di"], "coordinates": rectangle(0.0, 0.46, 0.9, 0.7)}
    made = make_rule(**rule, camera={"zones": near})
    assert run(made, watch(swapped, 6.0)) == []
    assert made.rejected["swapped"] == (1 if rule is U_TURN else 0)  # with one zone they pass too near to each other


def test_a_car_whose_near_end_swings_round_while_it_turns_is_told() -> None:
    """Seen from the west, a box stands on the rear before a turn and on the front after it: 14 m/s2 here."""

    def swings(at_s: float) -> list[Track]:
        speed, turn_s = 0.09, 1.8  # 3.6 m/s, half a circle of 2 m
        x = 0.05 + speed * min(at_s, 4.0) - speed * max(0.0, at_s - 4.0 - turn_s)
        angle = math.pi * min(1.0, max(0.0, at_s - 4.0) / turn_s)
        ahead = (2.0 * math.sin(angle) - 2.25 * abs(math.cos(angle)) + 2.25) / 40.0
        return at(x + ahead, 0.575 - 0.1 * (1.0 - math.cos(angle)), class_name="car")

    near = {**ZONES, "ve": {"name": "Chiều về", "coordinates": rectangle(0.0, 0.25, 0.5, 0.45)}}
    assert states(run(make_rule(**U_TURN, camera={**METRES, "zones": near}), watch(swings, 12.0))) == ["start", "end"]


def test_an_id_switch_on_the_way_is_the_same_vehicle() -> None:
    def renamed(at_s: float) -> list[Track]:
        return u_turn(at_s, track_id=1 + int(at_s // 3.0))

    events = run(make_rule(**U_TURN, camera=METRES), watch(renamed, 20.0))
    assert states(events) == ["start", "end"]
    assert events[-1].track_ids[:3] == (1, 2, 3)


def test_a_motorbike_lost_in_its_turn_is_told_where_it_left() -> None:
    """A sharp left turn; nothing is seen of its middle, and another track comes out of it."""

    def turn(at_s: float) -> list[Track]:
        speed, turn_s = 5.0, 1.2  # metres a second; a quarter of a circle of 3.8 m
        ahead = 7.0 + speed * min(at_s, 3.0)
        angle = math.pi / 2.0 * min(1.0, max(0.0, at_s - 3.0) / turn_s)
        down = speed * max(0.0, at_s - 3.0 - turn_s)
        x_m, y_m = ahead + 3.8 * math.sin(angle), 10.2 + 3.8 * (1.0 - math.cos(angle)) + down
        return at(x_m / 40.0, y_m / 20.0, 1 if at_s < 3.5 else 2) if not 2.9 < at_s < 4.5 else []

    assert states(run(make_rule(**TURN, camera=METRES), watch(turn, 9.0))) == ["start", "end"]


def test_a_track_that_comes_back_on_who_stands_there_next_is_not_the_one_that_turned() -> None:
    """Its vehicle went on as track 2; the tracker takes its old place for it once another vehicle stands there."""

    def renamed(at_s: float) -> list[Track]:
        gone = u_turn(at_s, 1 if at_s < 3.0 else 2)
        return [*at(0.3, 0.6, 1), *gone] if at_s > 6.0 else gone

    events = run(make_rule(**U_TURN, camera=METRES), watch(renamed, 20.0))
    assert states(events) == ["start", "end"]
    assert events[-1].track_ids == (1, 2)


@pytest.mark.parametrize("camera", [HEIGHTS, METRES], ids=["heights", "metres"])
def test_who_is_first_seen_beyond_the_first_zone_came_from_where_its_way_leads_back_to(camera: dict[str, Any]) -> None:
    """A queue hid it there: it shows 2 m beyond the zone and turns."""
    late = lambda t: right_turn(t) if t >= 5.1 else []  # noqa: E731 - beside its twin below
    assert states(run(make_rule(**TURN, camera=camera), watch(late, 18.0), finish=False)) == ["start", "end"]


@pytest.mark.parametrize("camera", [HEIGHTS, METRES], ids=["heights", "metres"])
def test_who_comes_from_elsewhere_to_the_second_zone_did_not_turn(camera: dict[str, Any]) -> None:
    """From the far side straight down into the alley, and from the right, past the first zone's end."""

    def down(at_s: float) -> list[Track]:
        return at(0.67, 0.3 + 0.1 * at_s)

    def from_the_right(at_s: float) -> list[Track]:
        x = 0.95 - SPEED * at_s
        return at(x, 0.6) if x > 0.67 else at(0.67, 0.6 + SPEED * ASPECT * (0.67 - x) / SPEED)

    for way in (down, from_the_right):
        assert run(make_rule(**TURN, camera=camera), watch(way, 10.0)) == []


@pytest.mark.parametrize("camera", [HEIGHTS, METRES], ids=["heights", "metres"])
def test_who_is_lost_where_its_way_leads_into_the_second_zone_is_told(camera: dict[str, Any]) -> None:
    """1.6 m before the zone: nothing is seen of it there."""

    def lost(at_s: float) -> list[Track]:
        return u_turn(at_s) if at_s < 8.3 else []

    events = run(make_rule(**U_TURN, camera=camera), watch(lost, 16.0), finish=False)
    assert states(events)[:1] == ["start"]
    assert events[0].zone == "ve"


def test_who_is_lost_on_its_way_straight_on_is_not_told() -> None:
    for camera in (HEIGHTS, METRES):
        for rule in (U_TURN, TURN):
            straight = watch(lambda t: east(t) if t < 5.5 else [], 16.0)
            assert run(make_rule(**rule, camera=camera), straight) == []


def test_a_zone_counts_with_the_middle_of_a_vehicle() -> None:
    """A lorry drives past below the upper lane's zone; the middle of one that turns into it is in, its foot is not."""
    near = {**ZONES, "ve": {"name": "Chiều về", "coordinates": rectangle(0.0, 0.2, 0.5, 0.30)}}

    def turns(at_s: float) -> list[Track]:  # its foot comes west at 0.335, its middle 1.15 m farther up
        return [vehicle(1, x, y - 0.015, "truck") for track in u_turn(at_s) for x, y in [track.ground]]

    assert states(run(make_rule(**U_TURN, camera={**METRES, "zones": near}), watch(turns, 16.0))) == ["start", "end"]
    assert run(make_rule(**U_TURN, camera={"zones": near}), watch(turns, 16.0)) == []  # without metres the foot counts


def test_who_brakes_hard_before_it_turns_is_no_swap() -> None:
    """From 9 m/s to a stop within half a second, as trembling boxes show it; then it turns."""

    def brakes(at_s: float) -> list[Track]:
        stop_s = (0.6 - 0.05) / 0.225
        if at_s < stop_s:
            return at(0.05 + 0.225 * at_s, 0.6)
        return u_turn(max(5.5, at_s - stop_s - 2.0 + 5.5))

    made = make_rule(**U_TURN, camera=METRES)
    assert states(run(made, watch(brakes, 18.0))) == ["start", "end"]
    assert made.rejected["swapped"] == 0


def test_people_other_hours_and_predicted_boxes_do_not_count() -> None:
    walking = watch(lambda t: [person(1, track.ground[0], track.ground[1]) for track in u_turn(t)], 20.0)
    assert run(make_rule(**U_TURN, camera=METRES), walking) == []
    by_day = make_rule(**U_TURN, camera=METRES, schedule=["06:00-18:00"])
    assert run(by_day, watch(u_turn, 20.0, start=NIGHT)) == []
    coasting = watch(lambda t: [vehicle(1, *track.ground, detected=t < 4.0) for track in u_turn(t)], 20.0)
    assert run(make_rule(**U_TURN, camera=METRES), coasting) == []


def test_a_gap_in_the_stream_within_a_turn_forgets_it() -> None:
    parts = (watch(u_turn, 6.0), watch(u_turn, 10.0, from_s=700.0))
    assert run(make_rule(**U_TURN, camera=METRES), *parts) == []


def test_two_cameras_interleaved_do_not_mix() -> None:
    rules = {name: make_rule(**U_TURN, camera={**METRES, "camera_id": name}) for name in ("a", "b")}
    events: dict[str, list[RuleEvent]] = {"a": [], "b": []}
    for index in range(80):
        at_s = index / 5
        events["a"] += rules["a"].observe(observation(at_s, u_turn(at_s), camera_id="a"))
        events["b"] += rules["b"].observe(observation(at_s, (west if index > 50 else east)(at_s % 8.0), camera_id="b"))
    assert states(events["a"]) == ["start", "end"]
    assert events["b"] == []


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, "either zones"),
        ({"zones": ["di"], "from_zone": "di", "to_zone": "ve"}, "either zones"),
        ({"from_zone": "di"}, "belong together"),
        ({"zones": ["di", "di"]}, "twice"),
    ],
)
def test_an_order_that_cannot_be_meant_is_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        make_camera([{"kind": "forbidden_turn", **keys}])


def test_zones_that_do_not_exist_or_have_no_direction_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown zone 'hem'"):
        make_rule("forbidden_turn", from_zone="di", to_zone="hem", camera=HEIGHTS)
    with pytest.raises(ValueError, match="no direction"):
        make_rule("forbidden_turn", zones=["ve"], camera=HEIGHTS)


@pytest.mark.parametrize("noise", NOISES, ids=str)
@pytest.mark.parametrize("rule", [U_TURN, BACK, TURN], ids=["zones", "direction", "alley"])
@pytest.mark.parametrize("camera", [HEIGHTS, METRES], ids=["heights", "metres"])
def test_precision_and_recall_under_noise(camera: dict[str, Any], rule: dict[str, Any], noise: Noise) -> None:
    """In each 24 s one turns, the others drive straight on, passing each other."""
    turn = right_turn if rule is TURN else u_turn

    def world(at_s: float) -> list[Track]:
        number, since_s = divmod(at_s, 24.0)
        first = int(number) * 4
        return [
            *turn(since_s, first + 1),
            *east(since_s - 14.0, first + 2, speed=0.12),
            *west(since_s - 14.0, first + 3, speed=0.13),
            *west(since_s - 16.5, first + 4, y=0.4),
        ]

    scores = [
        score(run(make_rule(**rule, camera=camera), noisy(world, 480.0, seed=seed, noise=noise)), 24.0)
        for seed in range(2)
    ]
    assert_accurate(scores, 2 * 20, recall=0.9 if noise is HARSH else 0.95)
