"""A closer look at what moves: which part is chosen, and how its boxes join those of the whole picture."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from edge.detection.regions import CROP_WH, CroppedPicture, Region, RegionSearch, crop_around, merge
from edge.picture import ArrayPicture
from edge.types import Detections, Frame

WIDE = (1920, 1080)
FAR: Region = (0.49, 0.29, 0.51, 0.33)
OTHER: Region = (0.89, 0.79, 0.91, 0.83)
LARGE: Region = (0.1, 0.1, 0.5, 0.9)


def found(*boxes: tuple[float, float, float, float], score: float = 0.5, name: str = "motorcycle") -> Detections:
    count = len(boxes)
    return Detections(np.array(boxes, np.float32).reshape(-1, 4), np.full(count, score, np.float32), (name,) * count)


def frame(wh: tuple[int, int] = WIDE) -> Frame:
    rows = np.arange(wh[1], dtype=np.uint16)[:, None]
    image = np.broadcast_to(((rows + np.arange(wh[0])) % 251)[:, :, None], (wh[1], wh[0], 3)).astype(np.uint8)
    return Frame("cam", ArrayPicture(image), 0.0, datetime(2026, 3, 1, tzinfo=UTC), 0)


class Detector:
    """Answers in turn, and remembers what it was shown."""

    def __init__(self, *answers: Detections | None) -> None:
        self.shown: list[Frame] = []
        self._answers = list(answers)

    def __call__(self, shown: Frame) -> Detections | None:
        self.shown.append(shown)
        return self._answers.pop(0) if self._answers else found()


def test_a_small_moving_thing_is_looked_at_in_full_resolution() -> None:
    detector, shown = Detector(found((0, 0, 400, 400)), found((310, 180, 330, 200), score=0.9)), frame()
    both = RegionSearch(detector, lambda: [LARGE, FAR])(shown)
    assert both is not None
    x1, y1, x2, y2 = crop_around(FAR, WIDE)
    assert detector.shown[1].picture.resolution_wh == CROP_WH == (x2 - x1, y2 - y1)
    np.testing.assert_array_equal(detector.shown[1].image, shown.image[y1:y2, x1:x2])
    assert both.confidence.tolist() == pytest.approx([0.9, 0.5])
    np.testing.assert_allclose(both.xyxy, [[310 + x1, 180 + y1, 330 + x1, 200 + y1], [0, 0, 400, 400]])


@pytest.mark.parametrize(("regions", "wh"), [([], WIDE), ([LARGE], WIDE), ([FAR], (640, 360)), ([FAR], (1280, 384))])
def test_nothing_small_or_no_detail_to_gain_costs_no_second_search(regions: list[Region], wh: tuple[int, int]) -> None:
    detector = Detector(found((1, 1, 9, 9)))
    both = RegionSearch(detector, lambda: regions)(frame(wh))
    assert both is not None
    assert len(both) == len(detector.shown) == 1


def test_places_take_turns() -> None:
    detector = Detector()
    search = RegionSearch(detector, lambda: [FAR, OTHER])
    for _ in range(4):
        search(frame())
    crops = [shown.picture for shown in detector.shown[1::2]]
    assert all(isinstance(crop, CroppedPicture) for crop in crops)
    places = [crop._xyxy for crop in crops if isinstance(crop, CroppedPicture)]
    assert places == [crop_around(FAR, WIDE), crop_around(OTHER, WIDE)] * 2


def test_a_dropped_search_of_the_whole_is_dropped_and_one_of_the_part_is_left_out() -> None:
    assert RegionSearch(Detector(None), lambda: [FAR])(frame()) is None
    both = RegionSearch(Detector(found((1, 1, 9, 9)), None), lambda: [FAR])(frame())
    assert both is not None
    assert len(both) == 1


def test_one_object_found_twice_is_one_and_another_class_stays() -> None:
    crop = (600, 300, 1240, 684)
    whole = found((700, 400, 740, 460), score=0.4)
    closer = found((101, 101, 141, 161), score=0.8)
    both = merge(whole, closer, crop, WIDE)
    assert both.confidence.tolist() == pytest.approx([0.8])
    both = merge(whole, found((101, 101, 141, 161), score=0.8, name="person"), crop, WIDE)
    assert both.class_name == ("person", "motorcycle")


def test_what_the_parts_edge_cuts_is_left_to_the_whole_but_not_at_the_pictures_edge() -> None:
    left_of_middle = (600, 0, 1240, 384)
    cut = found((0, 50, 60, 90), (600, 50, 640, 90), (50, 350, 60, 384))
    assert len(merge(found(), cut, left_of_middle, WIDE)) == 0
    at_the_top = found((50, 0, 60, 30))
    assert len(merge(found(), at_the_top, left_of_middle, WIDE)) == 1
    corner = (0, 0, 640, 384)
    assert len(merge(found(), found((0, 0, 30, 30)), corner, WIDE)) == 1


@pytest.mark.parametrize("region", [(0.0, 0.0, 0.01, 0.01), (0.99, 0.99, 1.0, 1.0), FAR])
def test_a_part_lies_inside_the_picture(region: Region) -> None:
    x1, y1, x2, y2 = crop_around(region, WIDE)
    assert (x2 - x1, y2 - y1) == CROP_WH
    assert x1 >= 0
    assert y1 >= 0
    assert x2 <= WIDE[0]
    assert y2 <= WIDE[1]


def test_a_part_is_scaled_like_any_picture() -> None:
    part = CroppedPicture(frame().picture, (100, 100, 740, 484))
    assert part.resized(320, 192).shape == (192, 320, 3)
    assert part.luma().shape == (384, 640)
