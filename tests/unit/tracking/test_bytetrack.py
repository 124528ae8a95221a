"""Following made objects."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from edge.picture import ArrayPicture
from edge.tracking import ByteTracker, TrackerSettings
from edge.types import Detections, Frame, Track

WIDTH, HEIGHT = 1280, 720
START = datetime(2026, 3, 2, tzinfo=UTC)
Found = tuple[float, float, float, str]
"""Centre x and y in pixels, score, class: a box of 60 by 120 pixels."""


def frame_at(at_s: float, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Frame:
    image = np.broadcast_to(np.zeros(1, np.uint8), (size[1], size[0], 3))
    return Frame("cam", ArrayPicture(image), 100.0 + at_s, START + timedelta(seconds=at_s), round(at_s * 1000))


def seen(*found: Found, scale: float = 1.0) -> Detections:
    boxes = [[(x - 30) * scale, (y - 60) * scale, (x + 30) * scale, (y + 60) * scale] for x, y, _, _ in found]
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array([score for _, _, score, _ in found], np.float32),
        tuple(name for _, _, _, name in found),
    )


def person(x: float, y: float = 360.0, score: float = 0.8) -> Found:
    return (x, y, score, "person")


def ids(tracks: Iterable[Track]) -> list[int]:
    return sorted(track.track_id for track in tracks)


@pytest.mark.parametrize("steps", [[0.2], [1 / 30], [0.1, 0.5, 0.2, 0.7]])
def test_a_walker_keeps_the_id_at_any_and_irregular_frame_rates(steps: list[float]) -> None:
    tracker, at_s, names = ByteTracker(), 0.0, set()
    for index in range(80):
        names.update(ids(tracker.update(seen(person(100.0 + 60.0 * at_s)), frame_at(at_s))))
        at_s += steps[index % len(steps)]
        if at_s > 15:
            break
    assert names == {1}


def test_a_motorbike_that_leaves_its_own_box_within_a_step_is_followed() -> None:
    tracker, names = ByteTracker(), set()
    for index in range(15):
        found = (100.0 + 70.0 * index, 400.0, 0.8, "motorcycle")  # 70 px a step, 60 px wide
        names.update(ids(tracker.update(seen(found), frame_at(index * 0.2))))
    assert names == {1}


def oncoming(at_s: float) -> tuple[float, float, float, float]:
    """xyxy in pixels of a car 1.5 m high and 1.8 m wide that comes nearer at 30 m/s, seen from 6 m above the road."""
    distance_m = 62.0 - 30.0 * at_s
    x, y, scale = 640.0 + 900.0 * 2.0 / distance_m, 60.0 + 900.0 * 6.0 / distance_m, 900.0 / distance_m
    return (x - 0.9 * scale, y - 1.5 * scale, x + 0.9 * scale, y)


def cars(*boxes: tuple[float, float, float, float]) -> Detections:
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), 0.8, np.float32), ("car",) * len(boxes)
    )


def test_a_car_that_quickens_and_grows_as_it_comes_near_is_followed_to_the_end() -> None:
    tracker, names = ByteTracker(), set()
    for index in range(18):  # to 8 m: it triples in size within the last half second
        tracks = tracker.update(cars(oncoming(index * 0.1)), frame_at(index * 0.1))
        names.update(ids(tracks))
    assert names == {1}
    assert tracks[0].detected
    assert tracks[0].height * HEIGHT == pytest.approx(oncoming(1.7)[3] - oncoming(1.7)[1], rel=0.25)


def test_a_fast_car_that_is_lost_ends_before_the_next_one_comes() -> None:
    tracker = ByteTracker()
    for index in range(14):
        tracker.update(cars(oncoming(index * 0.1)), frame_at(index * 0.1))
    left = [ids(tracker.update(cars(), frame_at(1.4 + index * 0.1))) for index in range(10)]
    assert left[0] == [1]
    assert left[-1] == []
    for index in range(14):  # a second car on the same way, 1.5 s behind
        tracks = tracker.update(cars(oncoming(index * 0.1)), frame_at(2.4 + index * 0.1))
    assert ids(tracks) == [2]


def test_a_van_that_hides_a_parked_car_gets_a_track_of_its_own() -> None:
    tracker, parked = ByteTracker(), (500.0, 300.0, 640.0, 380.0)
    for index in range(55):
        tracker.update(cars(parked), frame_at(index * 0.2))
    vans = []
    for index in range(12):  # 1.4 m/s past the car, 8 searches before it shows again
        x = 440.0 + 20.0 * index
        hidden = x < 600.0
        found = [(x, 250.0, x + 260.0, 440.0)] + ([] if hidden else [parked])
        tracks = tracker.update(cars(*found), frame_at(11.0 + index * 0.2))
        vans += [track.track_id for track in tracks if track.detected and track.width * WIDTH > 200]
    assert set(vans) == {2}
    (car,) = [track for track in tracks if track.width * WIDTH < 200]
    assert (car.track_id, car.detected) == (1, True)


def test_a_parked_car_that_was_half_hidden_for_a_moment_is_the_same_when_it_shows_whole_again() -> None:
    tracker, whole, half = ByteTracker(), (500.0, 300.0, 640.0, 380.0), (590.0, 310.0, 640.0, 380.0)
    for index in range(55):
        tracker.update(cars(whole), frame_at(index * 0.2))
    for index in range(3):
        tracker.update(cars(half), frame_at(11.0 + index * 0.2))
    for index in range(3):
        tracks = tracker.update(cars(whole), frame_at(11.6 + index * 0.2))
    assert [(track.track_id, track.detected) for track in tracks] == [(1, True)]


def test_two_walkers_who_meet_keep_their_ids() -> None:
    tracker = ByteTracker()
    last: list[Track] = []
    for index in range(60):
        left, right = person(100 + 15.0 * index, 340), person(1000 - 15.0 * index, 400)
        found = [left, right] if abs(left[0] - right[0]) > 30 else [right]  # the rear one is hidden for two frames
        last = tracker.update(seen(*found), frame_at(index * 0.2))
    assert ids(last) == [1, 2]
    by_id = {int(track.track_id): track for track in last}
    assert by_id[1].xyxy[0] > by_id[2].xyxy[0]


def test_tracks_are_normalised_and_lie_on_the_object() -> None:
    tracker = ByteTracker()
    for index in range(10):
        (track,) = tracker.update(seen(person(640.0)), frame_at(index * 0.2))
    assert track.xyxy == pytest.approx((610 / 1280, 300 / 720, 670 / 1280, 420 / 720), abs=0.002)
    assert track.ground == pytest.approx((0.5, 420 / 720), abs=0.002)
    assert (track.first_seen_s, track.last_seen_s) == pytest.approx((100.0, 101.8))


def test_a_trembling_box_stands_stiller_than_its_detections() -> None:
    rng = np.random.default_rng(1)
    tracker, places = ByteTracker(), []
    jitter = rng.normal(0.0, 5.0, 200)
    for index, offset in enumerate(jitter.tolist()):
        (track,) = tracker.update(seen(person(640.0 + offset)), frame_at(index * 0.2))
        places.append(track.ground[0] * WIDTH)
    assert np.std(places[20:]) < 0.8 * np.std(jitter[20:])


def test_a_track_tells_the_detectors_own_box_beside_its_smoothed_one() -> None:
    tracker = ByteTracker()
    for index, x in enumerate((300.0, 300.0, 330.0)):  # it sets off, and the smoothed box lags behind
        (track,) = tracker.update(seen(person(x)), frame_at(index * 0.2))
    assert track.found == pytest.approx((300 / WIDTH, 300 / HEIGHT, 360 / WIDTH, 420 / HEIGHT), abs=1e-4)
    assert track.xyxy[2] < 359 / WIDTH
    (missed,) = tracker.update(Detections.empty(), frame_at(0.6))
    assert missed.found is None
    (held,) = tracker.hold(100.0 + 0.7)
    assert held.found is None


def test_a_single_detection_is_no_track_once_the_camera_runs() -> None:
    tracker = ByteTracker()
    assert ids(tracker.update(seen(person(100)), frame_at(0.0))) == [1]  # what stands in the first picture counts
    assert ids(tracker.update(seen(person(100), person(800)), frame_at(0.2))) == [1]
    assert ids(tracker.update(seen(person(100)), frame_at(0.4))) == [1]
    assert ids(tracker.update(seen(person(100), person(800)), frame_at(0.6))) == [1]
    assert ids(tracker.update(seen(person(100), person(800)), frame_at(0.8))) == [1, 2]


def test_what_is_missed_for_one_search_of_ten_a_second_still_becomes_a_track() -> None:
    tracker = ByteTracker()
    tracker.update(seen(), frame_at(0.0))
    for at_s, found in ((0.1, True), (0.2, False), (0.3, True)):
        tracks = tracker.update(seen(person(800)) if found else seen(), frame_at(at_s))
    assert ids(tracks) == [1]


@pytest.mark.parametrize("score", [0.35, 0.8])
@pytest.mark.parametrize(("step", "known"), [(30.0, [1]), (0.0, [])])
def test_what_one_search_of_five_a_second_missed_is_somebody_if_it_moves(
    step: float, known: list[int], score: float
) -> None:
    tracker = ByteTracker()
    tracker.update(seen(), frame_at(0.0))
    found = (True, False, True, False, True)
    for index, is_found in enumerate(found, 1):
        there = seen(person(400.0 + step * index, score=score)) if is_found else seen()
        tracks = tracker.update(there, frame_at(index * 0.2))
    assert ids(tracks) == known
    if known:  # and all its looks are told
        assert [round(early.monotonic_s - 100.0, 1) for early in tracks[0].before] == [0.2, 0.6]


def test_unsure_detections_keep_a_track_and_start_none() -> None:
    tracker = ByteTracker()
    for index in range(20):
        score = 0.8 if index == 0 else 0.3
        tracks = tracker.update(seen(person(100, score=score), person(800, score=0.3)), frame_at(index * 0.2))
    assert ids(tracks) == [1]
    assert tracks[0].detected
    assert tracks[0].confidence == pytest.approx(0.3)


def test_a_missed_track_coasts_is_lost_and_is_found_again() -> None:
    tracker = ByteTracker()
    for index in range(5):
        tracker.update(seen(person(300)), frame_at(index * 0.2))
    missed = tracker.update(seen(), frame_at(1.4))
    assert [track.detected for track in missed] == [False]
    assert missed[0].last_seen_s == pytest.approx(100.8)
    assert tracker.update(seen(), frame_at(2.4)) == []
    assert ids(tracker.update(seen(person(300)), frame_at(3.0))) == [1]


def test_a_track_that_stays_away_ends_and_its_id_is_not_used_again() -> None:
    tracker = ByteTracker()
    tracker.update(seen(person(300)), frame_at(0.0))
    for index in range(1, 30):
        tracker.update(seen(), frame_at(index * 0.2))
    for index in range(30, 33):
        tracks = tracker.update(seen(person(300)), frame_at(index * 0.2))
    assert ids(tracks) == [2]


def test_who_walks_out_of_the_picture_does_not_linger() -> None:
    tracker = ByteTracker()
    for index in range(6):
        tracker.update(seen(person(1180 + 20.0 * index)), frame_at(index * 0.2))
    assert tracker.update(seen(), frame_at(1.4)) == []


def test_a_gated_time_holds_every_track_and_ages_none() -> None:
    tracker = ByteTracker()
    for index in range(5):
        tracker.update(seen(person(300 + 10.0 * index)), frame_at(index * 0.2))
    where = tracker.hold(101.0)[0]
    for at_s in range(2, 25):
        (held,) = tracker.hold(100.0 + at_s)
        assert not held.detected
        assert held.xyxy == where.xyxy
        assert held.last_seen_s == pytest.approx(100.8)
    assert ids(tracker.update(seen(person(340)), frame_at(25.0))) == [1]


def test_a_held_ghost_goes_away() -> None:
    tracker = ByteTracker()
    for index in range(5):
        tracker.update(seen(person(300)), frame_at(index * 0.2))
    assert ids(tracker.update(seen(), frame_at(1.0))) == [1]
    assert tracker.hold(103.0) == []


@pytest.mark.parametrize("jump_s", [-50.0, 300.0])
def test_after_a_jump_of_the_clock_nothing_is_known_and_no_id_returns(jump_s: float) -> None:
    tracker = ByteTracker()
    for index in range(5):
        tracker.update(seen(person(300)), frame_at(index * 0.2))
    assert ids(tracker.update(seen(person(300)), frame_at(1.0 + jump_s))) == [2]
    assert tracker.hold(jump_s * 3) == []


def test_reset_forgets_tracks_and_not_the_count() -> None:
    tracker = ByteTracker()
    tracker.update(seen(person(300)), frame_at(0.0))
    tracker.reset()
    assert tracker.hold(100.2) == []
    assert ids(tracker.update(seen(person(300)), frame_at(0.4))) == [2]


def test_a_change_of_resolution_keeps_the_tracks() -> None:
    tracker = ByteTracker()
    for index in range(5):
        tracker.update(seen(person(300)), frame_at(index * 0.2))
    (track,) = tracker.update(seen(person(300), scale=0.5), frame_at(1.0, (640, 360)))
    assert track.track_id == 1
    assert track.ground[0] == pytest.approx(300 / 1280, abs=0.003)
    squeezed = Detections(np.array([[135, 300, 165, 420]], np.float32), np.array([0.8], np.float32), ("person",))
    (track,) = tracker.update(squeezed, frame_at(1.2, (640, 720)))
    assert track.track_id == 1


def test_the_class_is_voted_and_lookalikes_share_a_track() -> None:
    tracker = ByteTracker()
    for index in range(20):
        name = "truck" if index % 4 == 0 else "car"
        (track,) = tracker.update(seen((300, 360, 0.8, name)), frame_at(index * 0.2))
    assert (track.track_id, track.class_name) == (1, "car")


def test_a_person_never_becomes_a_car() -> None:
    tracker = ByteTracker()
    for index in range(10):
        name = "person" if index < 5 else "car"
        tracks = tracker.update(seen((300, 360, 0.8, name)), frame_at(index * 0.2))
    assert {(int(track.track_id), track.class_name) for track in tracks if track.detected} == {(2, "car")}


def test_one_vehicle_named_twice_is_one_track_and_its_rider_another() -> None:
    tracker = ByteTracker()
    for index in range(10):
        found = [(300.0, 360.0, 0.8, "car"), (303.0, 360.0, 0.6, "truck"), (300.0, 350.0, 0.7, "person")]
        tracks = tracker.update(seen(*found), frame_at(index * 0.2))
    assert sorted(track.class_name for track in tracks) == ["car", "person"]


def test_broken_boxes_are_dropped() -> None:
    broken = Detections(
        np.array([[np.nan, 0, 10, 10], [50, 50, 50, 60], [100, 100, 160, 220]], np.float32),
        np.full(3, 0.9, np.float32),
        ("person",) * 3,
    )
    assert len(ByteTracker().update(broken, frame_at(0.0))) == 1


def test_settings_are_seconds() -> None:
    patient = ByteTracker(TrackerSettings(lost_s=10.0))
    patient.update(seen(person(300)), frame_at(0.0))
    for index in range(1, 9):
        patient.update(seen(), frame_at(float(index)))
    assert ids(patient.update(seen(person(300)), frame_at(9.0))) == [1]


# Detections that are never sure


def test_who_moves_on_one_way_is_followed_though_no_detection_was_sure() -> None:
    tracker, first = ByteTracker(), 0
    tracker.update(seen(), frame_at(0.0))
    for index in range(1, 12):
        tracks = tracker.update(seen((100.0 + 30.0 * index, 400.0, 0.35, "motorcycle")), frame_at(index * 0.2))
        if tracks and not first:
            first = index
            assert tracks[0].first_seen_s == pytest.approx(100.2)  # it began with the first detection
    assert first == 3
    assert ids(tracks) == [1]


def test_what_is_never_sure_and_stays_is_nobody() -> None:
    tracker = ByteTracker()
    tracker.update(seen(), frame_at(0.0))
    for index in range(1, 60):
        trembling = (300.0 + 8.0 * (index % 2), 400.0, 0.44, "person")
        assert tracker.update(seen(trembling), frame_at(index * 0.2)) == []
        assert not tracker.waiting  # nor does it keep the camera searching


def test_what_is_faint_is_not_followed() -> None:
    tracker = ByteTracker()
    for index in range(12):
        assert tracker.update(seen((100.0 + 30.0 * index, 400.0, 0.25, "motorcycle")), frame_at(index * 0.2)) == []


def test_a_part_of_somebody_is_not_somebody_else() -> None:
    tracker = ByteTracker()
    for index in range(12):
        x = 100.0 + 15.0 * index
        both = Detections(
            np.array([[x - 30, 300, x + 30, 420], [x - 30, 300, x + 30, 350]], np.float32),
            np.array([0.8, 0.4], np.float32),
            ("person", "person"),
        )
        assert len(tracker.update(both, frame_at(index * 0.2))) == 1


def test_one_sure_detection_among_fair_ones_that_stay_is_not_enough() -> None:
    tracker = ByteTracker()
    tracker.update(seen(), frame_at(0.0))
    for index in range(1, 30):
        score = 0.5 if index == 4 else 0.4
        assert tracker.update(seen(person(300.0, score=score)), frame_at(index * 0.2)) == []


def test_a_track_tells_once_where_it_was_found_before_it_was_known() -> None:
    tracker = ByteTracker()
    tracker.update(seen(), frame_at(0.0))
    told = []
    for index in range(1, 9):
        found = (100.0 + 30.0 * index, 400.0, 0.35, "motorcycle")
        told.append([track.before for track in tracker.update(seen(found), frame_at(index * 0.2))])
    assert told[:2] == [[], []]
    (early,) = told[2]
    assert [sighting.monotonic_s for sighting in early] == pytest.approx([100.2, 100.4])
    assert [(box.xyxy[0] + box.xyxy[2]) / 2 * WIDTH for box in early] == pytest.approx([130.0, 160.0], abs=3.0)
    assert told[3:] == [[()]] * 5


def test_a_camera_that_begins_tells_nothing_of_before() -> None:
    assert [track.before for track in ByteTracker().update(seen(person(300)), frame_at(0.0))] == [()]


@pytest.mark.parametrize(
    "found", [(0.03, 0.07, None, None, None, 0.33, 0.41, 0.52, 0.64, 0.77), (0.1, 0.24, 0.39, 0.55)]
)
def test_a_vehicle_that_stood_and_sets_off_keeps_its_track(found: tuple[float | None, ...]) -> None:
    """Its way in its own lengths; None: missed. In the simulated junctions such a step lost one in ten who set off."""
    tracker, at_s, left, width = ByteTracker(), 0.0, 500.0, 140.0
    for _ in range(60):
        tracker.update(cars((left, 300.0, left + width, 380.0)), frame_at(at_s))
        at_s += 0.2
    for way in found:
        box = [] if way is None else [(left - way * width, 300.0, left - way * width + width, 380.0)]
        tracks = tracker.update(cars(*box), frame_at(at_s))
        at_s += 0.2
    assert [(track.track_id, track.detected) for track in tracks] == [(1, True)]
