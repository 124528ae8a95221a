"""Rules about ways: zones without a way, orders that name nothing, lanes for nobody."""

from __future__ import annotations

import pytest

from contract.axis import long_axis
from contract.config_loader import load_camera
from tests.unit.contract.test_config_loader import CAMERA, errors_of, site

VIA_HE = "  via_he: {name: Vỉa hè, kind: pavement, coordinates: [[0, 0.4], [0.2, 0.4], [0.2, 0.9], [0, 0.9]]}\n"
TURNS = CAMERA.replace("rules:\n", VIA_HE + "rules:\n")


@pytest.mark.parametrize(
    ("rule", "path", "part_of_message", "part_of_remedy"),
    [
        ("{kind: pavement_driving, zones: [via_he]}", ".zones[0]", "as wide as long", "add `direction"),
        ("{kind: jaywalking, zones: [via_he]}", ".zones[0]", "as wide as long", "add `direction"),
        ("{kind: lane_misuse, zones: [via_he], banned: [car]}", ".zones[0]", "as wide as long", "add `direction"),
        ("{kind: lane_misuse, zones: [lan]}", ".zones[0]", "for which classes is 'lan'?", "allowed: [car]"),
        ("{kind: lane_misuse, zones: [lan], banned: [van]}", ".banned[0]", "unknown class 'van'", "car"),
        ("{kind: lane_misuse, zones: [lan], banned: [person]}", ".banned[0]", "does not look at", "objects"),
        ("{kind: forbidden_turn, from_zone: lan, to_zone: hem}", ".to_zone", "unknown zone 'hem'", "duong, lan"),
        ("{kind: forbidden_turn, zones: [duong]}", ".zones[0]", "needs the direction of 'duong'", "add `direction"),
        ("{kind: forbidden_turn, from_zone: lan}", "", "belong together", ""),
        ("{kind: forbidden_turn}", "", "write either zones", ""),
        ("{kind: forbidden_turn, zones: [lan, lan]}", "", "twice", ""),
    ],
)
def test_what_cannot_be_meant_is_refused(rule: str, path: str, part_of_message: str, part_of_remedy: str) -> None:
    errors = errors_of(TURNS.replace("{kind: wrong_way, zones: [lan]}", rule))
    matching = [error for error in errors if error.path == f"rules[1]{path}" and part_of_message in error.message]
    assert matching, [str(error) for error in errors]
    assert part_of_remedy in matching[0].remedy


def test_a_class_that_is_not_tracked_cannot_be_banned() -> None:
    text = TURNS.replace("{kind: wrong_way, zones: [lan]}", "{kind: lane_misuse, zones: [lan], banned: [truck]}")
    (error,) = errors_of(text + "objects: {track: [person, car]}\n")
    assert (error.path, error.remedy) == ("rules[1].banned[0]", "add it to objects.track")


@pytest.mark.parametrize(
    "rule",
    [
        "{kind: lane_misuse, zones: [lan], banned: [truck]}",
        "{kind: forbidden_turn, zones: [lan]}",
        "{kind: forbidden_turn, from_zone: lan, to_zone: duong}",
    ],
)
def test_what_can_be_meant_is_read(rule: str) -> None:
    text = TURNS.replace("{kind: wrong_way, zones: [lan]}", rule)
    assert load_camera(text, "a.yaml", site()).errors == ()


def test_the_long_axis_of_a_shape() -> None:
    axis, ratio = long_axis([(10, 5), (14, 5), (14, 6), (10, 6)])
    assert abs(axis[0]) == pytest.approx(1.0)
    assert ratio == pytest.approx(4.0)
    slanted, ratio = long_axis([(0, 0), (3, 3), (2, 4), (-1, 1)])
    assert slanted[0] * slanted[1] == pytest.approx(0.5)
    assert ratio == pytest.approx(3.0)
    backwards, _ = long_axis([(-1, 1), (2, 4), (3, 3), (0, 0)])
    assert backwards[0] * backwards[1] == pytest.approx(0.5)
    assert long_axis([(0, 0), (1, 1), (2, 2)])[1] == float("inf")
