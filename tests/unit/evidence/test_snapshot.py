"""Snapshots show what the rule saw and hide nothing of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.evidence.snapshot import draw_snapshot
from edge.types import Track, TrackId

GREY = 120
TRACK = Track(TrackId(1), "person", 0.9, (0.4, 0.3, 0.6, 0.8), 0.0, 1.0)


def plain(width: int = 640, height: int = 360) -> NDArray[np.uint8]:
    return np.full((height, width, 3), GREY, np.uint8)


def opened(jpeg: bytes) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)


def drawn_share(image: NDArray[np.uint8]) -> float:
    return float((np.abs(image[:360].astype(int) - GREY).max(axis=2) > 30).mean())


def test_without_anything_to_draw_the_picture_stays() -> None:
    assert drawn_share(opened(draw_snapshot(plain()))) == 0


def test_lines_are_thin_and_stand_where_they_belong() -> None:
    image = opened(draw_snapshot(plain(), tracks=[TRACK]))
    assert 0 < drawn_share(image) < 0.03
    assert int(image[108, 320, 2]) > 150  # the upper edge of the box is red
    assert abs(int(image[200, 320, 2]) - GREY) < 10  # inside it nothing is drawn


def test_zone_and_path_are_drawn() -> None:
    zone = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)]
    image = opened(draw_snapshot(plain(), zones=[zone], paths=[[(0.2, 0.5), (0.5, 0.5)]]))
    assert image[36, 320].tolist() != [GREY] * 3
    assert int(image[180, 200, 0]) > 150


def test_a_held_box_shows_only_its_corners() -> None:
    held = Track(TrackId(1), "person", 0.9, TRACK.xyxy, 0.0, 1.0, detected=False)
    image = opened(draw_snapshot(plain(), tracks=[held]))
    assert int(image[108, 258, 2]) > 150
    assert abs(int(image[108, 320, 2]) - GREY) < 25


def test_text_stands_below_the_picture() -> None:
    image = opened(draw_snapshot(plain(), caption=["Cổng chợ · 21:07"]))
    assert image.shape[0] > 360
    assert drawn_share(image) == 0
    assert (image[360:] > 200).any()


def test_text_below_two_pictures_is_as_large_on_a_page_as_below_one() -> None:
    one, two = (opened(draw_snapshot(plain(width), caption=["Cổng chợ"])) for width in (640, 1280))
    assert two.shape[0] - 360 == pytest.approx(2 * (one.shape[0] - 360), abs=2)


def letters(text: str) -> NDArray[np.uint8]:
    return opened(draw_snapshot(plain(), caption=[text]))[360:]


@pytest.mark.parametrize(("one", "other"), [("ô", "ổ"), ("u", "ự"), ("đ", "d"), ("ở", "ỡ"), ("ế", "ề"), ("ạ", "ặ")])
def test_vietnamese_letters_are_told_apart_and_none_is_a_box(one: str, other: str) -> None:
    missing = letters("\U000e0fff" * 3)
    for text in (one, other):
        assert not np.array_equal(letters(text * 3), missing)
    assert not np.array_equal(letters(one * 3), letters(other * 3))


def test_long_text_is_broken_into_lines_and_stays_inside() -> None:
    words = " ".join(["người"] * 60)
    one, many = letters("người"), letters(words)
    assert many.shape[0] > 2 * one.shape[0]
    assert many[:, -4:].max() < 100


def test_control_characters_in_text_do_no_harm() -> None:
    assert np.array_equal(letters("Cổng\x00\n\u202e chợ"), letters("Cổng chợ"))


def test_coordinates_beyond_the_picture_are_drawn_at_its_edge() -> None:
    outside = Track(TrackId(1), "car", 0.9, (-0.5, -0.5, 1.5, 1.5), 0.0, 1.0)
    assert drawn_share(opened(draw_snapshot(plain(), tracks=[outside], paths=[[(2.0, 2.0)], []]))) > 0
