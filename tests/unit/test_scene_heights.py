"""How tall people are in the picture, told by the ground plane alone, against a camera that projects them."""

from __future__ import annotations

import numpy as np
import pytest

from bench.worlds.camera import aimed
from edge.scene import Homography
from edge.scene.heights import PERSON_M, height_share, least_height_share

VIEW = aimed((0.0, 0.0, 7.0), (25.0, 0.0), 1.5, 40.0)
MARKS = [(16.0, -3.0), (16.0, 3.0), (38.0, 8.0), (38.0, -8.0)]


def ground() -> Homography:
    section = VIEW.calibration(MARKS, np.random.default_rng(1), survey_m=0.0)
    return Homography.fit(section["image"], section["ground_m"])


@pytest.mark.parametrize("place", [(18.0, 0.0), (25.0, 2.0), (38.0, -5.0)])
def test_heights_are_those_that_the_camera_projects(place: tuple[float, float]) -> None:
    told = height_share(ground(), VIEW.to_picture(place), 16.0 / 9.0)
    assert told == pytest.approx(VIEW.rows(place, PERSON_M) / 360.0, rel=0.1)


def test_the_farthest_point_decides_and_the_sky_has_no_height() -> None:
    near, far = VIEW.to_picture((18.0, 0.0)), VIEW.to_picture((38.0, 0.0))
    plane = ground()
    assert least_height_share(plane, [near, far], 16 / 9) == height_share(plane, far, 16 / 9)
    assert height_share(plane, (0.5, -2.0), 16 / 9) == 0.0
