"""The camera's side of a search: what is asked of the picture, where boxes land, what is told of dropped searches."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.detection.model import Boxes
from edge.detection.search import FAILING_AFTER, CameraSearch
from edge.types import Frame


class SmallOnly:
    """A picture that would rather not be converted as a whole."""

    resolution_wh = (1920, 1080)

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def bgr(self) -> NDArray[np.uint8]:
        raise AssertionError("a search converts no whole picture")

    def luma(self) -> NDArray[np.uint8]:
        raise AssertionError("a search needs colours")

    def resized(self, width: int, height: int) -> NDArray[np.uint8]:
        self.asked.append((width, height))
        return np.full((height, width, 3), 200, np.uint8)


class Answers:
    """Answers as it is told."""

    class_names = ("person", "car")

    def __init__(self, *answers: Boxes | None) -> None:
        self.canvas = np.full((384, 640, 3), 77, np.uint8)
        self.seen: list[NDArray[np.uint8]] = []
        self._answers = list(answers)

    def ask(self) -> Boxes | None:
        self.seen.append(self.canvas.copy())
        return self._answers.pop(0)


def frame() -> Frame:
    return Frame("cam", SmallOnly(), 0.0, datetime(2026, 3, 1, tzinfo=UTC), 0)


def boxes(*rows: tuple[float, float, float, float]) -> Boxes:
    count = len(rows)
    return Boxes(np.array(rows, np.float32).reshape(-1, 4), np.full(count, 0.5, np.float32), np.arange(count) % 2)


def test_the_picture_is_asked_for_the_models_size_and_drawn_between_black_borders() -> None:
    asker, shown = Answers(boxes()), frame()
    CameraSearch(asker).detect(shown)
    assert isinstance(shown.picture, SmallOnly)
    assert shown.picture.asked == [(640, 360)]
    (seen,) = asker.seen
    assert (seen[12:372] == 200).all()
    assert not seen[:12].any()  # what lay there before is gone
    assert not seen[372:].any()


def test_boxes_are_in_pixels_of_the_frame_and_none_is_left_in_the_border() -> None:
    asker = Answers(boxes((0, 12, 320, 192), (600, 300, 700, 380), (10, 0, 20, 11)))
    found = CameraSearch(asker).detect(frame())
    assert found is not None
    assert found.class_name == ("person", "car")
    np.testing.assert_allclose(found.xyxy, [[0, 0, 960, 540], [1800, 864, 1920, 1080]], atol=0.01)


def test_dropped_searches_are_counted_and_told_when_they_go_on() -> None:
    search = CameraSearch(Answers(*[None] * FAILING_AFTER, boxes(), None))
    for _ in range(FAILING_AFTER):
        assert not search.failing
        assert search.detect(frame()) is None
    told = [search.failing]
    assert search.detect(frame()) is not None
    told.append(search.failing)
    assert search.detect(frame()) is None
    assert told == [True, False]
    assert search.figures() == {"searches_dropped": pytest.approx(FAILING_AFTER + 1)}
