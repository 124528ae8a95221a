"""Zones, ground plane, directions and signals of a camera."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge.scene import Homography, Scene
from edge.types import SignalState
from tests.support.scenes import ASPECT, CALIBRATION, NOON, make_camera, make_site

ROAD = {
    "image": [[0.20, 0.90], [0.80, 0.90], [0.62, 0.45], [0.38, 0.45]],
    "ground_m": [[0, 0], [7, 0], [7, 20], [0, 20]],
}
"""The example of the configuration guide: a road 7 m wide that runs away from the camera."""


def make_scene(**extra: Any) -> Scene:
    return Scene.from_config(make_camera(**extra), make_site(schedules={"dem": {"every_day": ["22:00-05:00"]}}))


def test_zones_hold_points_and_unknown_zones_are_named() -> None:
    scene = make_scene()
    assert scene.zone_contains("trai", (0.2, 0.5))
    assert not scene.zone_contains("trai", (0.7, 0.5))
    with pytest.raises(ValueError, match=r"camera cam: unknown zone 'san'; zones: trai, phai, het"):
        scene.zone_contains("san", (0.2, 0.5))


def test_without_calibration_there_are_no_metres() -> None:
    scene = make_scene()
    assert scene.distance_m((0.1, 0.5), (0.2, 0.5)) is None
    assert scene.calibration_error_m is None
    assert scene.to_plane((0.5, 0.5), ASPECT) == (0.5 * ASPECT, 0.5)


def test_calibration_points_map_onto_their_metres() -> None:
    scene = make_scene(calibration=ROAD)
    assert scene.calibration_error_m is None  # four points always fit
    assert scene.distance_m((0.20, 0.90), (0.80, 0.90)) == pytest.approx(7.0)
    assert scene.distance_m((0.38, 0.45), (0.20, 0.90)) == pytest.approx(20.0)


def test_above_the_horizon_there_is_no_ground() -> None:
    scene = make_scene(calibration=ROAD)
    assert scene.to_plane((0.5, 0.05), ASPECT) is None
    assert scene.distance_m((0.5, 0.05), (0.5, 0.9)) is None


def test_a_wrong_point_shows_in_the_error() -> None:
    image = [(x / 4, 0.4 + y / 8) for x in range(4) for y in range(4)]
    ground = [(x * 2.0, y * 3.0) for x in range(4) for y in range(4)]
    assert Homography.fit(image, ground).error_m == pytest.approx(0.0, abs=1e-9)
    ground[5] = (ground[5][0] + 2.0, ground[5][1])
    error_m = Homography.fit(image, ground).error_m
    assert error_m is not None
    assert 0.2 < error_m < 1.0


@pytest.mark.parametrize(
    ("image", "ground", "message"),
    [
        ([(0, 0), (1, 0), (1, 1)], [(0, 0), (1, 0), (1, 1)], "give 4 or more"),
        ([(0, 0), (1, 0), (0.5, 0), (0.2, 0)], [(0, 0), (1, 0), (1, 1), (0, 1)], "do not span"),
        ([(0.5, 0.5)] * 4, [(0, 0), (1, 0), (1, 1), (0, 1)], "all points are the same"),
        ([(0, 0), (1, 0), (1, 1), (0, 1)], [(0, 0), (7, 0), (0, 7), (7, 7)], "same order"),
    ],
)
def test_points_that_fix_no_ground_are_refused(
    image: list[tuple[float, float]], ground: list[tuple[float, float]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Homography.fit(image, ground)


def test_a_bad_calibration_names_the_camera() -> None:
    crossed = {**CALIBRATION, "ground_m": [[0, 0], [7, 0], [0, 7], [7, 7]]}
    with pytest.raises(ValueError, match="camera cam: calibration"):
        make_scene(calibration=crossed)


def test_lane_directions_are_measured_where_angles_are_true() -> None:
    arrow = {
        "a": {"name": "A", "kind": "lane", "coordinates": [[0, 0], [1, 0], [1, 1]], "direction": [[0, 0], [0.5, 0.5]]}
    }
    assert make_scene(zones=arrow).lane_direction("a", ASPECT) == pytest.approx((0.5 * ASPECT, 0.5))
    assert make_scene(zones=arrow, calibration=CALIBRATION).lane_direction("a", ASPECT) == pytest.approx((20.0, 10.0))


def test_a_direction_above_the_horizon_is_refused() -> None:
    arrow = {
        "a": {"name": "A", "kind": "lane", "coordinates": [[0, 0], [1, 0], [1, 1]], "direction": [[0.5, 0.9], [0.5, 0]]}
    }
    with pytest.raises(ValueError, match="above the horizon"):
        make_scene(zones=arrow, calibration=ROAD).lane_direction("a", ASPECT)


def test_schedules_by_name_or_in_place() -> None:
    scene = make_scene()
    night = NOON + timedelta(hours=11)
    assert scene.is_active(None, NOON)
    assert scene.is_active("dem", night)
    assert not scene.is_active("dem", NOON)
    assert scene.is_active(("11:00-13:00",), NOON)
    with pytest.raises(ValueError, match=r"unknown schedule 'ngay'; schedules: dem"):
        scene.is_active("ngay", NOON)


def test_a_plan_runs_from_midnight_by_the_sites_clock() -> None:
    phases = [["red", 30], ["green", 25], ["yellow", 5]]
    scene = make_scene(signals={"den": {"kind": "plan", "phases": phases, "offset_s": 10}})
    midnight = datetime(2026, 3, 1, 17, 0, tzinfo=UTC)
    seen = [scene.signals_at(midnight + timedelta(seconds=s))["den"] for s in (0, 19.9, 20, 44, 45, 50, 80)]
    red, green, yellow = SignalState.RED, SignalState.GREEN, SignalState.YELLOW
    assert seen == [red, red, green, green, yellow, red, green]
    assert make_scene().signals_at(midnight) == {}
