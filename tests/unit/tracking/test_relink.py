"""Finding lost objects again: behind posts and buses, by place and by look, and never what cannot be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from edge.picture import ArrayPicture
from edge.tracking import ByteTracker
from edge.types import Detections, Frame, Track
from tests.support.scenes import NOON

WIDTH, HEIGHT = 1280, 720
RED, BLUE, GREY = (40, 40, 200), (200, 80, 30), (120, 120, 120)
Thing = tuple[str, float, float, float, float, tuple[int, int, int]]
"""Class, centre, width and height in pixels, colour."""


class Street:
    """Drawn things, found five times a second."""

    def __init__(self) -> None:
        self.tracker = ByteTracker()
        self.at_s = 0.0

    def show(self, *things: Thing, score: float = 0.8) -> list[Track]:
        """Draw and detect things; what is still followed or seen."""
        image = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
        boxes = []
        for _, x, y, width, height, colour in things:
            x1, y1, x2, y2 = (round(side) for side in (x - width / 2, y - height / 2, x + width / 2, y + height / 2))
            image[max(0, y1) : y2, max(0, x1) : x2] = colour
            boxes.append((x1, y1, x2, y2))
        self.at_s = round(self.at_s + 0.2, 3)
        found = Detections(
            np.array(boxes, np.float32).reshape(-1, 4), np.full(len(things), score, np.float32),
            tuple(thing[0] for thing in things),
        )  # fmt: skip
        tracks = self.tracker.update(found, Frame("cam", ArrayPicture(image), self.at_s, NOON, round(self.at_s * 5)))
        return [track for track in tracks if track.detected]

    def wait(self, seconds: float, *things: Thing) -> None:
        for _ in range(round(seconds * 5)):
            self.show(*things)


def person(x: float, colour: tuple[int, int, int] = RED, y: float = 360.0, height: float = 120.0) -> Thing:
    return ("person", x, y, 0.5 * height, height, colour)


def walk(street: Street, xs: Sequence[float], colour: tuple[int, int, int] = RED) -> list[int]:
    return [int(track.track_id) for x in xs for track in street.show(person(x, colour))]


def test_who_walks_behind_a_wall_for_six_seconds_comes_out_as_the_same() -> None:
    street = Street()
    walk(street, np.arange(200.0, 320.0, 8.0).tolist())  # 40 px a second
    street.wait(6.0)
    assert set(walk(street, np.arange(560.0, 600.0, 8.0).tolist())) == {1}


def test_somebody_who_looks_otherwise_is_somebody_else() -> None:
    street = Street()
    walk(street, np.arange(200.0, 320.0, 8.0).tolist())
    street.wait(6.0)
    assert set(walk(street, np.arange(560.0, 600.0, 8.0).tolist(), BLUE)) == {2}


@pytest.mark.parametrize(
    ("gone_s", "thing"),
    [
        (4.0, person(1100.0)),  # 800 px in 4 s: nobody runs like that
        (25.0, person(330.0)),  # too long ago
        (4.0, person(330.0, height=300.0, y=300.0)),  # too large
        (4.0, ("car", 330.0, 360.0, 60.0, 120.0, RED)),  # a car is no person
    ],
)
def test_what_cannot_be_the_lost_one_is_not_linked(gone_s: float, thing: Thing) -> None:
    street = Street()
    walk(street, np.arange(200.0, 320.0, 8.0).tolist())
    street.wait(gone_s)
    street.show(thing)
    assert [int(track.track_id) for track in street.show(thing)] == [2]


def test_when_two_lost_ones_fit_alike_neither_is_taken() -> None:
    street = Street()
    for index in range(15):
        street.show(person(300.0 + 4 * index, y=330.0), person(300.0 + 4 * index, y=450.0))
    street.wait(4.0)
    street.show(person(380.0, y=390.0))
    assert [int(track.track_id) for track in street.show(person(384.0, y=390.0))] == [3]


def test_who_is_followed_is_never_given_to_another() -> None:
    street = Street()
    for index in range(30):
        tracks = street.show(person(300.0), *([person(420.0)] if index > 14 else []))
    assert sorted(int(track.track_id) for track in tracks) == [1, 2]


def test_a_parked_car_behind_a_bus_for_ten_seconds_is_the_same_and_the_bus_another() -> None:
    street = Street()
    car: Thing = ("car", 570.0, 340.0, 140.0, 80.0, BLUE)
    bus: Thing = ("bus", 560.0, 320.0, 420.0, 200.0, GREY)
    street.wait(15.0, car)
    buses = {int(track.track_id) for _ in range(50) for track in street.show(bus)}
    for _ in range(3):
        tracks = street.show(car)
    assert [int(track.track_id) for track in tracks] == [1]
    assert buses.isdisjoint({1})
    (x1, y1, x2, y2) = tracks[0].xyxy
    assert (x1 * WIDTH, y1 * HEIGHT, x2 * WIDTH, y2 * HEIGHT) == pytest.approx((500, 300, 640, 380), abs=3)


def test_a_parked_car_that_shows_again_half_first_is_the_same() -> None:
    street = Street()
    car: Thing = ("car", 570.0, 340.0, 140.0, 80.0, BLUE)
    street.wait(15.0, car)
    street.wait(8.0)
    for hidden in (100.0, 80.0, 50.0, 20.0, 0.0, 0.0, 0.0):
        tracks = street.show(("car", 570.0 - hidden / 2, 340.0, 140.0 - hidden, 80.0, BLUE))
    assert [int(track.track_id) for track in tracks] == [1]


def test_a_car_that_drives_into_a_place_just_left_is_another() -> None:
    street = Street()
    street.wait(15.0, ("car", 570.0, 340.0, 140.0, 80.0, BLUE))
    for x in range(570, 1300, 20):
        street.show(("car", float(x), 340.0, 140.0, 80.0, BLUE))
    for x in range(80, 571, 10):
        tracks = street.show(("car", float(x), 340.0, 140.0, 80.0, BLUE))
    assert [int(track.track_id) for track in tracks] == [2]


def test_an_unsure_detection_finds_a_standing_vehicle_again_at_night() -> None:
    street = Street()
    car: Thing = ("car", 570.0, 340.0, 140.0, 80.0, GREY)
    street.wait(15.0, car)
    for _ in range(10):
        street.wait(8.0)
        tracks = street.show(car, score=0.3)
        assert [int(track.track_id) for track in tracks] == [1]


def test_a_link_outlives_a_change_of_the_pictures_shape() -> None:
    street = Street()
    walk(street, np.arange(200.0, 320.0, 8.0).tolist())
    street.wait(3.0)
    image = np.full((HEIGHT, 640, 3), 100, np.uint8)  # the same view, half as wide
    found = []
    for index in range(3):
        x = (440.0 + 8.0 * index) / 2
        image[300:420, round(x - 15) : round(x + 15)] = RED
        box = np.array([[x - 15, 300, x + 15, 420]], np.float32)
        at_s = street.at_s + 0.2 * (index + 1)
        found = street.tracker.update(
            Detections(box, np.array([0.8], np.float32), ("person",)), Frame("cam", ArrayPicture(image), at_s, NOON, 0)
        )
    assert [int(track.track_id) for track in found] == [1]
