"""How sure the ground plane is, what a lens does to it, and the far side of a line."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from contract.camera_config import LensConfig
from contract.geometry import Point, distance
from edge.scene import Homography, Scene, leave_one_out_m
from edge.scene.lens import Lens
from tests.support.scenes import ASPECT, CALIBRATION, make_camera, make_site

IMAGE: list[Point] = [(0.20, 0.90), (0.80, 0.90), (0.62, 0.45), (0.38, 0.45)]
GROUND: list[Point] = [(0.0, 0.0), (7.0, 0.0), (7.0, 20.0), (0.0, 20.0)]
WIDE = LensConfig(fx=0.6, fy=0.6 * ASPECT, k1=-0.28, k2=0.07)


def scene(**extra: Any) -> Scene:
    return Scene.from_config(make_camera(**extra), make_site())


def test_the_stated_error_of_four_points_is_the_error_at_them() -> None:
    homography = Homography.fit(IMAGE, GROUND, point_error_m=0.3)
    assert homography.error_m is None
    assert homography.point_error_m == pytest.approx(0.3)
    for point in IMAGE:
        assert homography.error_at(point) == pytest.approx(0.3 * math.sqrt(2), rel=1e-3)  # both coordinates
    assert homography.error_at((0.5, 0.7)) < 0.3 * math.sqrt(2)
    assert homography.error_at((0.5, 0.40)) > 0.5, "beyond the points it grows"


def test_the_covariance_is_what_shaken_points_give() -> None:
    """The promise of the Jacobian against what it approximates: many calibrations, each wrong by 0.2 m."""
    rng = np.random.default_rng(3)
    places = [(0.5, 0.8), (0.45, 0.55), (0.3, 0.42)]
    found = []
    for _ in range(1500):
        shaken = [(x + rng.normal(0, 0.2), y + rng.normal(0, 0.2)) for x, y in GROUND]
        homography = Homography.fit(IMAGE, shaken)
        found.append([homography.to_ground(place) for place in places])
    spread = np.sqrt(np.asarray(found).var(axis=0).sum(axis=1))
    promised = [Homography.fit(IMAGE, GROUND, point_error_m=0.2).error_at(place) for place in places]
    assert promised == pytest.approx(spread.tolist(), rel=0.1)


def test_more_points_correct_the_stated_error_by_how_well_they_fit() -> None:
    exact = Homography.fit(IMAGE, GROUND)
    image = [*IMAGE]
    for metres in ((3.5, 0.0), (3.5, 20.0), (0.0, 8.0), (7.0, 8.0)):
        point = exact.to_picture(metres)
        assert point is not None
        image.append(point)
    ground = [*GROUND, (3.5, 0.0), (3.5, 20.0), (0.0, 8.0), (7.0, 8.0)]
    assert Homography.fit(image, ground, point_error_m=0.2).point_error_m < 0.15
    rng = np.random.default_rng(5)
    wrong = [(x + rng.normal(0, 1.0), y + rng.normal(0, 1.0)) for x, y in ground]
    assert Homography.fit(image, wrong, point_error_m=0.2).point_error_m > 0.4


def test_the_fit_is_the_best_on_the_ground_and_not_that_of_the_algebra() -> None:
    rng = np.random.default_rng(11)
    exact = Homography.fit(IMAGE, GROUND)
    ground = [(x, y) for x in (0.0, 3.5, 7.0) for y in (0.0, 7.0, 14.0, 20.0)]
    image = [point for point in map(exact.to_picture, ground) if point is not None]
    shaken = [(x + rng.normal(0, 0.3), y + rng.normal(0, 0.3)) for x, y in ground]
    best = Homography.fit(image, shaken).error_m
    assert best is not None
    # No small change of the mapping fits better: the mapped points pushed through eight nearby mappings.
    for dx, dy in ((0.002, 0), (-0.002, 0), (0, 0.002), (0, -0.002)):
        moved = Homography.fit([(x + dx * y, y + dy * x) for x, y in image], shaken)
        errors = [distance(moved.to_ground(p) or (0, 0), g) for p, g in zip(image, shaken, strict=True)]
        assert math.sqrt(sum(e * e for e in errors) / len(errors)) >= best


def test_leaving_one_out_shows_the_point_that_is_wrong() -> None:
    exact = Homography.fit(IMAGE, GROUND)
    ground: list[Point] = [(x, y) for y in (0.0, 7.0, 13.0, 20.0) for x in (0.0, 3.5, 7.0)]
    image = [point for point in map(exact.to_picture, ground) if point is not None]
    assert leave_one_out_m(IMAGE, GROUND) == []
    ground[4] = (3.5, 9.0)
    errors = [error for error in leave_one_out_m(image, ground) if error is not None]
    assert len(errors) == 12
    assert errors.index(max(errors)) == 4
    assert errors[4] == pytest.approx(2.0, abs=0.01), "the others are right, so it is off by what it is off"
    line: list[Point] = [(0.2, 0.9), (0.4, 0.9), (0.6, 0.9), (0.8, 0.9), (0.5, 0.5)]
    assert leave_one_out_m([*IMAGE[:3], (0.5, 0.675), (0.41, 0.675)], [*GROUND[:3], (3.5, 8.0), (0.0, 8.0)])
    assert leave_one_out_m(line, [(0, 0), (2, 0), (4, 0), (6, 0), (3, 9)]) == [None] * 5


def test_a_lens_bends_to_and_fro() -> None:
    lens = Lens.from_config(WIDE)
    for point in ((0.5, 0.5), (0.0, 0.0), (1.0, 1.0), (0.2, 0.9), (0.9, 0.1)):
        assert lens.distort(lens.undistort(point)) == pytest.approx(point, abs=1e-8)
    assert lens.undistort((0.5, 0.5)) == (0.5, 0.5)
    assert lens.undistort((0.05, 0.95))[0] < 0.05, "a barrel is pulled outwards"


def test_a_lens_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"camera cam: calibration: lens: .*k1, k2 and k3"):
        scene(calibration={**CALIBRATION, "lens": {"fx": 0.3, "fy": 0.5, "k1": -0.9}})


def test_metres_are_right_through_a_bent_lens_and_wrong_without_it() -> None:
    straight = Homography.fit(IMAGE, GROUND)
    lens = Lens.from_config(WIDE)
    bent = [lens.distort(point) for point in IMAGE]
    seen = {"image": bent, "ground_m": GROUND, "lens": WIDE.model_dump()}
    metres = (1.0, 4.0)
    picture = straight.to_picture(metres)
    assert picture is not None
    shown = lens.distort(picture)
    assert scene(calibration=seen).to_plane(shown, ASPECT) == pytest.approx(metres, abs=1e-6)
    without = scene(calibration={"image": bent, "ground_m": GROUND}).to_plane(shown, ASPECT)
    assert without is not None
    assert distance(without, metres) > 0.1
    homography = scene(calibration=seen).homography
    assert homography is not None
    assert homography.to_picture(metres) == pytest.approx(shown, abs=1e-6)


LINE = {"vach": {"name": "Vạch", "coordinates": [[0.5, 0.2], [0.5, 0.8]], "into": "phai"}}


@pytest.mark.parametrize("camera", [{}, {"calibration": CALIBRATION}], ids=["heights", "metres"])
def test_a_line_knows_its_far_side_whichever_way_it_was_drawn(camera: dict[str, Any]) -> None:
    turned = {"vach": {**LINE["vach"], "coordinates": [[0.5, 0.8], [0.5, 0.2]]}}
    for drawn in (LINE, turned):
        seen = scene(lines=drawn, **camera)
        line = seen.directed_line("vach", ASPECT)
        near, far, outside = (seen.to_plane(point, ASPECT) for point in ((0.4, 0.5), (0.6, 0.5), (0.6, 0.9)))
        assert near is not None
        assert far is not None
        assert outside is not None
        unit = 40.0 if camera else ASPECT
        assert line.past(far) == pytest.approx(0.1 * unit)
        assert line.past(near) == pytest.approx(-0.1 * unit)
        assert line.crossing(near, far) == pytest.approx(0.5)
        assert line.crossing(far, near) is None
        assert line.crossing((near[0], outside[1]), outside) is None, "beyond the line's ends"


def test_a_line_without_a_side_or_above_the_horizon_is_refused() -> None:
    with pytest.raises(ValueError, match=r"camera cam: line 'vach' has no far side: add `into:`"):
        scene(lines={"vach": {**LINE["vach"], "into": None}}).directed_line("vach", ASPECT)
    with pytest.raises(ValueError, match=r"camera cam: unknown line 'x'; lines: vach"):
        scene(lines=LINE).directed_line("x", ASPECT)
    road = {"image": IMAGE, "ground_m": GROUND}
    high = {"vach": {**LINE["vach"], "coordinates": [[0.2, 0.05], [0.8, 0.05]], "into": "het"}}
    with pytest.raises(ValueError, match="line 'vach' reaches above the horizon"):
        scene(lines=high, calibration=road).directed_line("vach", ASPECT)
