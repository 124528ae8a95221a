"""Who parks with the foot below the picture is borderline; who stands whole in it is not."""

from __future__ import annotations

import math

import pytest

from bench.worlds import street
from bench.worlds.demand import stand
from bench.worlds.truths import illegal_parking, motions, shown


@pytest.mark.parametrize(("x_m", "optional"), [(28.0, False), (20.9, True)])
def test_a_foot_below_the_picture_cannot_be_judged(x_m: float, optional: bool) -> None:
    car = stand("do1", "car", (x_m, -5.2), 0.0, 10.0, 200.0)
    (zone,) = (area for area in street.NEAR.areas if area.zone == "cam_do")
    (truth,) = illegal_parking(motions([car], ("car",)), zone, 60.0)
    assert not truth.optional
    (judged,) = shown([truth], [car], street.NEAR.view)
    assert judged.optional is optional
    assert math.isclose(judged.end_s, truth.end_s)
