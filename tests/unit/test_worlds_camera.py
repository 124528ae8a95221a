"""The benchmark's camera, and its judgement of alerts: what `bench/worlds` rests on."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from bench.worlds.camera import PinholeCamera, seen_shares
from bench.worlds.observe import Alert, frame_times
from bench.worlds.score import Score, score
from bench.worlds.truths import rectangle
from bench.worlds.world import (
    SITE,
    SIZES_M,
    Disturbance,
    Trajectory,
    Truth,
    World,
    camera_file,
    read_config,
)
from edge.scene import Homography

CAMERA = PinholeCamera(
    (0.0, 0.0, 6.0), yaw_rad=0.0, tilt_deg=20.0, focal=1.0, distortion=0.0, resolution_wh=(1000, 500)
)


def test_what_lies_on_the_optical_axis_is_in_the_middle() -> None:
    reach = 6.0 / math.tan(math.radians(20.0))
    pixels, depth = CAMERA.project(np.array([reach, 0.0, 0.0]))
    assert pixels == pytest.approx((500.0, 250.0))
    assert depth == pytest.approx(math.hypot(6.0, reach))


def test_left_on_the_ground_is_left_in_the_picture_and_near_is_low() -> None:
    left, _ = CAMERA.project(np.array([20.0, 2.0, 0.0]))
    right, _ = CAMERA.project(np.array([20.0, -2.0, 0.0]))
    near, _ = CAMERA.project(np.array([12.0, 0.0, 0.0]))
    assert left[0] < 500.0 < right[0]
    assert near[1] > left[1]


def test_a_box_holds_the_object_and_stands_on_its_near_edge() -> None:
    xyxy, share, _ = CAMERA.boxes(np.array([[20.0, 0.0]]), np.zeros(1), np.array([SIZES_M["car"]]), np.zeros(1))
    foot, _ = CAMERA.project(np.array([20.0 - 2.2, 0.0, 0.0]))
    assert share == pytest.approx([1.0])
    assert xyxy[0, 3] == pytest.approx(foot[1])
    assert xyxy[0, 0] < foot[0] < xyxy[0, 2]


def test_what_is_behind_the_camera_is_not_seen() -> None:
    _, share, _ = CAMERA.boxes(np.array([[-20.0, 0.0]]), np.zeros(1), np.array([SIZES_M["car"]]), np.zeros(1))
    assert share == pytest.approx([0.0])


def test_a_barrel_lens_draws_towards_the_middle_and_never_folds() -> None:
    barrel = replace(CAMERA, distortion=-0.2)
    x = [float(barrel.project(np.array([10.0, -y, 0.0]))[0][0]) for y in np.linspace(1.0, 60.0, 50)]
    straight, _ = CAMERA.project(np.array([10.0, -4.0, 0.0]))
    bent, _ = barrel.project(np.array([10.0, -4.0, 0.0]))
    assert 500.0 < bent[0] < straight[0]
    assert all(b >= a - 1e-6 for a, b in pairwise(x))


def test_four_exact_points_of_a_straight_lens_give_the_true_ground() -> None:
    section = CAMERA.calibration([(14, -4), (14, 4), (40, 6), (40, -6)], np.random.default_rng(1), survey_m=0.0)
    homography = Homography.fit(section["image"], section["ground_m"])
    ground = homography.to_ground(CAMERA.to_picture((25.0, 2.0)))
    assert ground == pytest.approx((25.0, 2.0), abs=0.05)


def test_nearer_boxes_hide_farther_ones() -> None:
    boxes = np.array([[0.0, 0.0, 100.0, 100.0], [40.0, 0.0, 160.0, 120.0], [300.0, 0.0, 320.0, 40.0]])
    shares = seen_shares(boxes, np.array([30.0, 10.0, 20.0]))
    assert shares[1:] == pytest.approx([1.0, 1.0])
    assert 0.3 < shares[0] < 0.7


def test_zones_are_clipped_to_the_picture_and_refused_outside_it() -> None:
    corners = CAMERA.polygon(rectangle("z", (5.0, 200.0), (-30.0, 30.0)).corners_m)
    assert all(0.0 <= value <= 1.0 for corner in corners for value in corner)
    with pytest.raises(ValueError, match="in the picture"):
        CAMERA.polygon(rectangle("z", (-30.0, -20.0), (-5.0, 5.0)).corners_m)


def test_depth_inside_a_rectangle_is_the_distance_to_its_nearest_edge() -> None:
    area = rectangle("z", (0.0, 10.0), (0.0, 4.0))
    assert area.depth(np.array([[5.0, 1.0], [5.0, 5.0], [9.5, 2.0]])) == pytest.approx([1.0, -1.0, 0.5])


def _world(*truths: Truth, disturbances: tuple[Disturbance, ...] = ()) -> World:
    zone = {"name": "z", "kind": "lane", "coordinates": [[0.2, 0.5], [0.8, 0.5], [0.8, 0.9], [0.2, 0.9]]}
    zone["direction"] = [[0.5, 0.9], [0.5, 0.5]]
    site, camera = read_config(
        SITE, camera_file("cam", zones={"z": zone}, rules=[{"kind": "wrong_way", "zones": ["z"]}])
    )
    path = Trajectory("a", "car", SIZES_M["car"], np.array([0.0, 9.0]), np.array([[20.0, 0], [40.0, 0]]), np.zeros(2))
    return World("w", 1, site, camera, CAMERA, 3600.0, (path,), truths, disturbances=disturbances, ordinary=True)


def _alert(start_s: float, objects: tuple[str, ...] = ("a",), zone: str = "z") -> Alert:
    return Alert("wrong_way", zone, start_s, start_s + 1.0, start_s + 5.0, objects, {})


DUE = Truth("wrong_way", "z", ("a",), 100.0, 110.0)


def test_an_alert_on_the_right_one_in_time_is_right_and_its_delay_counts() -> None:
    result = score(_world(DUE), [_alert(101.0)])["wrong_way"]
    assert (result.right, result.false, result.missed, result.delays_s) == (1, 0, 0, [2.0])


@pytest.mark.parametrize("alert", [_alert(130.0), _alert(101.0, ("b",)), _alert(101.0, zone="other")])
def test_an_alert_at_another_time_on_another_one_or_elsewhere_is_false(alert: Alert) -> None:
    result = score(_world(DUE), [alert])["wrong_way"]
    assert (result.right, result.false, result.missed) == (0, 1, 1)
    assert result.false_per_camera_hour == pytest.approx(1.0)


def test_an_alert_whose_tracks_lie_on_nobody_fits_no_truth_about_somebody() -> None:
    nobody = replace(_alert(101.0, ()), on_nobody=True)
    result = score(_world(DUE), [nobody])["wrong_way"]
    assert (result.right, result.false, result.missed) == (0, 1, 1)


def test_a_second_alert_on_one_truth_is_false_unless_time_ran_backwards_between() -> None:
    twice = [_alert(101.0), _alert(106.0)]
    assert score(_world(DUE), twice)["wrong_way"].false == 1
    jumped = _world(DUE, disturbances=(Disturbance(104.0, stream_step_s=-5.0),))
    assert score(jumped, twice)["wrong_way"].false == 0


@pytest.mark.parametrize(("false", "hours", "bound"), [(0, 150.0, 2.996 / 150.0), (3, 60.0, 7.754 / 60.0)])
def test_a_rate_is_told_with_what_it_surely_is_below(false: int, hours: float, bound: float) -> None:
    rate = Score(ordinary_hours=hours, ordinary_false=false)
    assert rate.most_false_per_camera_hour == pytest.approx(bound, rel=1e-3)
    assert Score().most_false_per_camera_hour is None


def test_a_borderline_case_may_be_told_or_not() -> None:
    near = replace(DUE, optional=True)
    for alerts in ([], [_alert(101.0)]):
        result = score(_world(near), alerts)["wrong_way"]
        assert (result.right, result.false, result.missed) == (0, 0, 0)


def test_a_stall_leaves_frames_out_and_a_jump_moves_the_streams_clock() -> None:
    stall, jump = Disturbance(2.0, stall_s=3.0), Disturbance(6.0, stream_step_s=-4.0)
    world = replace(_world(), duration_s=8.0, disturbances=(stall, jump))
    moments = frame_times(world, 1.0)
    assert [moment[0] for moment in moments] == [0.0, 1.0, 5.0, 6.0, 7.0]
    assert moments[3][1] - moments[2][1] == pytest.approx(1.0 - 4.0)


def test_a_configuration_that_the_loader_refuses_is_refused_with_its_words() -> None:
    with pytest.raises(ValueError, match="zones"):
        read_config(SITE, camera_file("cam", rules=[{"kind": "wrong_way", "zones": ["nowhere"]}]))
