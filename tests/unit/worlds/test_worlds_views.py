"""The worlds' cameras hang as the admin's guide advises, and what they judge is what they show."""

from __future__ import annotations

import numpy as np
import pytest

from bench.worlds import junction, street
from bench.worlds.camera import PinholeCamera, aimed
from bench.worlds.truths import Area, rectangle, seen

LEAST_ROWS = 59.5
PLACED = [
    *((f"street {name}", watch.view, area) for name, watch in street.watches().items() for area in watch.areas),
    *((f"junction {n}", watch.view, area) for n, watch in enumerate(junction.WATCHES) for area in watch.areas),
]


@pytest.mark.parametrize(("name", "view", "area"), PLACED, ids=[f"{name} {area.zone}" for name, _, area in PLACED])
def test_a_rider_at_the_far_end_of_a_zone_is_tall_enough(name: str, view: PinholeCamera, area: Area) -> None:
    least = min(view.rows(corner) for corner in area.corners_m)
    if name == "street far":
        assert least < 40.0  # the one that hangs badly
    else:
        assert least >= LEAST_ROWS


@pytest.mark.parametrize(("name", "view", "area"), PLACED, ids=[f"{name} {area.zone}" for name, _, area in PLACED])
def test_a_zone_is_what_shows_from_head_to_foot(name: str, view: PinholeCamera, area: Area) -> None:
    for corner in area.corners_m:
        for up_m in (0.0, 1.7):
            pixels, _ = view.project(np.array([*corner, up_m]))
            assert (pixels >= 0.0).all(), (name, corner, up_m, pixels)
            assert (pixels <= view.resolution_wh).all(), (name, corner, up_m, pixels)


def test_a_zone_beside_the_picture_is_refused() -> None:
    view = aimed((0.0, 0.0, 6.0), (30.0, 0.0), 2.0, 35.0)
    with pytest.raises(ValueError, match="in the picture"):
        seen(rectangle("z", (-30.0, -10.0), (-5.0, 5.0)), view)


def test_rows_are_those_of_the_models_input() -> None:
    view = PinholeCamera((0.0, 0.0, 0.8), 0.0, 0.0, 1.0, distortion=0.0)
    assert view.rows((30.0, 0.0)) == pytest.approx(1.6 / 30.0 * 640.0, rel=0.02)
