"""How far two models agree, and which pictures they are compared on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.detection.model import Boxes
from edge.errors import ModelError
from edge.models.agreement import agreement
from edge.models.pictures import sequences, split
from edge.models.timing import WARM_UP, noise_picture, time_detector
from edge.types import Detections, Frame


def boxes(*items: tuple[float, float, float, float, float, int]) -> Boxes:
    rows = np.array(items, np.float32).reshape(-1, 6)
    return Boxes(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.intp))


def test_a_model_agrees_with_itself() -> None:
    found = boxes((0, 0, 10, 10, 0.9, 0), (20, 20, 40, 40, 0.5, 1))
    same = agreement([found, Boxes.empty()], [found, Boxes.empty()])
    assert (same.share, same.matched, same.mean_iou, same.mean_score_change) == (1.0, 2, 1.0, 0.0)
    assert same.pictures == 2


def test_boxes_of_another_class_or_place_do_not_agree() -> None:
    before = boxes((0, 0, 10, 10, 0.9, 0), (20, 20, 40, 40, 0.5, 1))
    after = boxes((0, 0, 10, 10, 0.9, 1), (60, 60, 80, 80, 0.5, 1), (20, 20, 40, 38, 0.4, 1))
    compared = agreement([before], [after])
    assert compared.matched == 1
    assert compared.share == pytest.approx(2 / 5)
    assert compared.mean_iou == pytest.approx(0.9)
    assert compared.mean_score_change == pytest.approx(0.1)


def test_a_box_is_paired_once() -> None:
    twice = boxes((0, 0, 10, 10, 0.9, 0), (0, 0, 10, 11, 0.8, 0))
    assert agreement([twice], [boxes((0, 0, 10, 10, 0.9, 0))]).matched == 1


def test_nothing_found_says_nothing() -> None:
    assert agreement([Boxes.empty()], [Boxes.empty()]).share is None
    assert agreement([boxes((0, 0, 9, 9, 0.9, 0))], [Boxes.empty()]).share == 0


def test_the_last_fifth_is_held_out() -> None:
    pictures = [np.full((1, 1, 3), number, np.uint8) for number in range(12)]
    calibration, held_out = split(pictures)
    assert [int(picture[0, 0, 0]) for picture in calibration] == list(range(10))
    assert [int(picture[0, 0, 0]) for picture in held_out] == [10, 11]
    assert split(pictures[:4])[1] == []


def test_pictures_are_spread_over_images_and_clips(tmp_path: Path) -> None:
    for number in range(10):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((8, 8, 3), number * 20, np.uint8))
    clip = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for grey in range(0, 200, 5):
        clip.write(np.full((48, 64, 3), grey, np.uint8))
    clip.release()
    images, frames = (list(sequence) for sequence in sequences([tmp_path], 8))
    assert [int(picture[0, 0, 0]) for picture in images] == [0, 60, 120, 180]
    assert len(frames) == 4
    assert frames[0].mean() < 10
    assert frames[3].mean() > 150


def test_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no image or clip there"):
        list(sequences([tmp_path], 8))
    with pytest.raises(ModelError, match="none: no such file or folder"):
        list(sequences([tmp_path / "none"], 8))


def test_times_are_those_of_the_searches_after_the_warm_up() -> None:
    class Counts:
        class_names = ("person",)
        calls = 0

        def detect(self, frames: Sequence[Frame]) -> list[Detections]:
            self.calls += 1
            return [Detections.empty() for _ in frames]

    detector, now = Counts(), 0.0

    def clock() -> float:
        nonlocal now
        now += detector.calls / 1000  # the n-th search takes n ms
        return now

    timing = time_detector(detector, [noise_picture()], 9, clock)
    assert detector.calls == WARM_UP + 9
    assert timing.median_ms == pytest.approx(WARM_UP + 5)
    assert timing.median_ms < timing.p95_ms <= WARM_UP + 9
