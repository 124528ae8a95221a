"""Nobody can be recognised in a redacted picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.evidence.redact import redact
from edge.sightings import Suspect
from edge.types import Detections, Track, TrackId

WIDTH, HEIGHT = 320, 240
Pixels = tuple[int, int, int, int]


def stripes() -> NDArray[np.uint8]:
    """A picture of the finest detail: columns of black and white."""
    return np.tile(np.where(np.arange(WIDTH) % 2, 255, 0).astype(np.uint8)[None, :, None], (HEIGHT, 1, 3))


def detections(*found: tuple[str, float, Pixels]) -> Detections:
    return Detections(
        np.array([box for *_, box in found], np.float32).reshape(-1, 4),
        np.array([confidence for _, confidence, _ in found], np.float32),
        tuple(name for name, *_ in found),
    )


def is_hidden(image: NDArray[np.uint8], box: Pixels) -> bool:
    """No column differs from the next: no detail is left."""
    x1, y1, x2, y2 = box
    steps = np.abs(np.diff(image[y1:y2, x1:x2].astype(int), axis=1))
    return bool(steps.max() < 40)


def is_untouched(image: NDArray[np.uint8], box: Pixels) -> bool:
    x1, y1, x2, y2 = box
    return bool(np.array_equal(image[y1:y2, x1:x2], stripes()[y1:y2, x1:x2]))


def test_a_persons_head_is_hidden_and_the_rest_is_seen() -> None:
    image = redact(stripes(), detections(("person", 0.9, (100, 60, 160, 220))))
    assert is_hidden(image, (100, 50, 160, 110))
    assert is_untouched(image, (100, 130, 160, 220))
    assert is_untouched(image, (0, 0, 60, 240))


@pytest.mark.parametrize(
    ("confidence", "box"),
    [(0.11, (100, 60, 160, 220)), (0.9, (100, 100, 120, 150)), (0.9, (60, 150, 220, 230))],
    ids=["doubtful", "small", "lying"],
)
def test_all_of_a_doubtful_small_or_lying_person_is_hidden(confidence: float, box: Pixels) -> None:
    assert is_hidden(redact(stripes(), detections(("person", confidence, box))), box)


def test_all_of_the_head_is_hidden_of_whom_the_pictures_edge_cuts_off() -> None:
    """Head and shoulders only: the head is most of the box, not a third of it."""
    assert is_hidden(redact(stripes(), detections(("person", 0.9, (100, 140, 190, 240)))), (105, 140, 185, 200))


def test_a_large_doubtful_box_leaves_the_place_readable() -> None:
    half = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    half[:, WIDTH // 2 :] = 255
    image = redact(half, detections(("truck", 0.31, (0, 0, WIDTH, HEIGHT))))
    assert image[120, 130].max() < 20
    assert image[120, 190].min() > 235


def test_a_cars_plate_is_hidden_front_and_rear_alike() -> None:
    image = redact(stripes(), detections(("car", 0.9, (60, 60, 260, 200))))
    assert is_hidden(image, (60, 130, 260, 210))
    assert is_untouched(image, (60, 60, 260, 110))


def test_a_rider_whom_the_detector_missed_is_hidden_with_the_motorbike() -> None:
    image = redact(stripes(), detections(("motorcycle", 0.9, (120, 110, 160, 170))))
    assert is_hidden(image, (120, 60, 160, 170))


def test_an_unknown_class_is_hidden_entirely() -> None:
    box = (60, 60, 260, 200)
    assert is_hidden(redact(stripes(), detections(("tricycle", 0.9, box))), box)


def test_a_track_that_this_frame_missed_is_hidden_too() -> None:
    track = Track(TrackId(1), "person", 0.9, (0.25, 0.25, 0.5, 0.9), 0.0, 1.0, detected=False)
    assert is_hidden(redact(stripes(), Detections.empty(), [track]), (80, 60, 160, 216))


def test_a_picture_that_nobody_searched_is_hidden_entirely_while_something_moves() -> None:
    image = redact(stripes(), Detections.empty(), blind=True)
    assert is_hidden(image, (0, 0, WIDTH, HEIGHT))


def test_whom_another_search_suspects_is_hidden_entirely_in_blocks_of_its_own_size() -> None:
    image = redact(stripes(), Detections.empty(), suspects=[Suspect("person", (100, 60, 160, 220))])
    assert is_hidden(image, (95, 50, 165, 225))
    assert is_untouched(image, (0, 0, 60, 240))


def test_a_suspects_area_is_hidden_in_blocks_of_the_suspects_size() -> None:
    half = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    half[:, WIDTH // 2 :] = 255
    suspect = Suspect("person", (150, 100, 174, 160), reach=(100, 60, 100, 60))
    image = redact(half, Detections.empty(), suspects=[suspect])
    assert image[130, 130].max() < 20, "blocks of the swept area's size would mix both sides"
    assert is_hidden(redact(stripes(), Detections.empty(), suspects=[suspect]), (60, 50, 260, 210))


def test_the_picture_itself_is_not_changed() -> None:
    image = stripes()
    redact(image, detections(("person", 0.9, (100, 60, 160, 220))))
    assert np.array_equal(image, stripes())


def test_what_is_left_of_a_head_does_not_depend_on_its_details() -> None:
    """Two faces of the same mean colours give the same picture: nothing can be computed back."""
    box = (100, 60, 160, 220)
    other = stripes()
    other[:, :-1] = stripes()[:, 1:]  # every column moved by one: another detail, the same means
    one, two = (redact(image, detections(("person", 0.9, box))) for image in (stripes(), other))
    assert int(np.abs(one[60:110, 105:155].astype(int) - two[60:110, 105:155]).max()) <= 8


@given(
    st.sampled_from(["person", "car", "motorcycle", "bus", "dog"]),
    st.floats(0, 1),
    st.tuples(*[st.floats(-500, 900) for _ in range(4)]),
)
def test_any_box_is_survived(name: str, confidence: float, box: tuple[float, float, float, float]) -> None:
    found = Detections(np.array([box], np.float32), np.array([confidence], np.float32), (name,))
    assert redact(stripes(), found).shape == (HEIGHT, WIDTH, 3)
