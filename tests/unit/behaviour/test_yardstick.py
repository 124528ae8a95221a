"""How large a metre is where nobody calibrated the camera."""

from __future__ import annotations

import pytest

from edge.behaviour.yardstick import VEHICLE_HEIGHTS, Yardstick
from edge.scene import Scene
from edge.types import Track
from tests.support.scenes import ASPECT, box, make_camera, make_site, person


def yardstick() -> Yardstick:
    return Yardstick(Scene.from_config(make_camera(), make_site()))


def motorcycle(y: float, height: float) -> Track:
    return box(9, "motorcycle", 0.5, y, width=height / ASPECT, height=height)


def test_nobody_was_seen() -> None:
    stick = yardstick()
    assert stick.person_height(0.5) is None
    assert stick.size_m((0.4, 0.4, 0.5, 0.5), ASPECT) is None


def test_people_tell_how_large_a_metre_is_near_and_far() -> None:
    stick = yardstick()
    for y, height in ((0.3, 0.1), (0.6, 0.2), (0.9, 0.3)):
        stick.learn([person(1, 0.5, y, height)], ASPECT)
    assert stick.person_height(0.45) == pytest.approx(0.15, abs=0.01)
    assert stick.apart_m((0.5, 0.6), (0.5 + 0.12 / ASPECT, 0.6), ASPECT) == pytest.approx(1.0, rel=0.05)


def test_vehicles_stand_in_for_people_until_these_were_seen() -> None:
    stick = yardstick()
    for y, height in ((0.3, 0.1), (0.6, 0.2), (0.9, 0.3)):
        stick.learn([motorcycle(y, height * VEHICLE_HEIGHTS["motorcycle"])], ASPECT)
    assert stick.person_height(0.45) == pytest.approx(0.15, abs=0.01)
    for _ in range(3):
        stick.learn([person(1, 0.5, 0.6, 0.25)], ASPECT)
    assert stick.person_height(0.6) == pytest.approx(0.25)  # people are the better measure


def test_who_is_cut_off_sits_or_was_not_detected_teaches_nothing() -> None:
    stick = yardstick()
    for _ in range(5):
        stick.learn([person(1, 0.01, 0.6), person(2, 0.5, 0.999), person(3, 0.5, 0.6, detected=False)], ASPECT)
        stick.learn([box(4, "person", 0.5, 0.6, width=0.2 / ASPECT, height=0.2)], ASPECT)
        stick.learn([box(5, "truck", 0.5, 0.6, width=0.4, height=0.4)], ASPECT)
    assert stick.person_height(0.6) is None
