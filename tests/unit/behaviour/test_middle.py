"""Where a vehicle's middle is: a street seen from above, 40 m wide and 20 m deep, up in the picture is away."""

from __future__ import annotations

from typing import Any

import pytest

from contract.geometry import Point
from edge.behaviour.journey import Sample
from edge.behaviour.middle import ground_of_middle
from edge.behaviour.moment import Moment
from edge.scene import Scene
from tests.support.scenes import ASPECT, CALIBRATION, NOON, make_camera, make_site


def made(**camera: Any) -> Scene:
    return Scene.from_config(make_camera(**camera), make_site())


def at(scene: Scene, ground: Point) -> Sample:
    plane = scene.to_plane(ground, ASPECT)
    assert plane is not None
    return Sample(Moment(0.0, 0.0, NOON), 0.0, ground, (ground[0] * ASPECT, ground[1]), plane, 0.2)


@pytest.mark.parametrize(
    ("heading", "class_name", "farther_m"),
    [
        ((0.0, -1.0), "car", 2.25),
        ((5.0, 0.0), "car", 0.9),
        ((0.0, 2.0), "truck", 4.0),
        ((0.0, 1.0), "motorcycle", 0.95),
    ],
    ids=["away", "across", "towards", "motorcycle"],
)
def test_it_is_half_of_what_the_vehicle_covers_farther_away_than_its_foot(
    heading: Point, class_name: str, farther_m: float
) -> None:
    scene = made(calibration=CALIBRATION)
    x, y = ground_of_middle(scene, at(scene, (0.5, 0.6)), heading, class_name, ASPECT)
    assert (x, y) == pytest.approx((0.5, 0.6 - farther_m / 20.0), abs=1e-3)


@pytest.mark.parametrize(("camera", "heading"), [({}, (0.0, 1.0)), ({"calibration": CALIBRATION}, (0.0, 0.0))])
def test_without_metres_or_a_heading_it_is_the_foot(camera: dict[str, Any], heading: Point) -> None:
    scene = made(**camera)
    assert ground_of_middle(scene, at(scene, (0.5, 0.6)), heading, "car", ASPECT) == (0.5, 0.6)
