"""Letterbox, suppression and decoding: the arithmetic between a picture and its boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.detection.letterbox import Letterbox
from edge.detection.nanodet import BINS, HeadLevel, decode
from edge.detection.nms import iou_matrix, keep_by_class

INPUT_WH = (640, 384)


def boxes(*rows: tuple[float, float, float, float]) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("resolution_wh", "scaled_wh", "offset_xy"),
    [
        ((1280, 768), (640, 384), (0, 0)),
        ((1920, 1080), (640, 360), (0, 12)),
        ((768, 576), (512, 384), (64, 0)),
        ((720, 1280), (216, 384), (212, 0)),
        ((640, 384), (640, 384), (0, 0)),
        ((320, 180), (640, 360), (0, 12)),
        ((5000, 2), (640, 1), (0, 191)),
    ],
)
def test_picture_is_scaled_to_fit_and_centred(
    resolution_wh: tuple[int, int], scaled_wh: tuple[int, int], offset_xy: tuple[int, int]
) -> None:
    letterbox = Letterbox(resolution_wh, INPUT_WH)
    assert letterbox.scaled_wh == scaled_wh
    assert letterbox.offset_xy == offset_xy

    white = np.full((resolution_wh[1], resolution_wh[0], 3), 255, np.uint8)
    drawn = letterbox.apply(white)
    assert drawn.shape == (384, 640, 3)
    (x, y), (width, height) = offset_xy, scaled_wh
    assert (drawn[y : y + height, x : x + width] == 255).all()
    assert int((drawn != 0).any(axis=2).sum()) == width * height


def test_a_picture_of_the_inputs_size_is_unchanged() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (384, 640, 3), np.uint8)
    assert (Letterbox(INPUT_WH, INPUT_WH).apply(picture) == picture).all()


@given(
    width=st.integers(16, 4000),
    height=st.integers(16, 4000),
    x=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    y=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_boxes_map_to_the_input_and_back(
    width: int, height: int, x: tuple[float, float], y: tuple[float, float]
) -> None:
    letterbox = Letterbox((width, height), INPUT_WH)
    box = boxes((min(x) * width, min(y) * height, max(x) * width, max(y) * height))
    inside = letterbox.to_input(box)
    (left, top), (scaled_width, scaled_height) = letterbox.offset_xy, letterbox.scaled_wh
    assert left - 1e-3 <= inside[0, 0] <= inside[0, 2] <= left + scaled_width + 1e-3
    assert top - 1e-3 <= inside[0, 1] <= inside[0, 3] <= top + scaled_height + 1e-3
    np.testing.assert_allclose(letterbox.to_picture(inside), box, atol=2e-3 * max(1, max(width, height) / 640))


def test_boxes_over_the_edge_are_cut_there() -> None:
    letterbox = Letterbox((1920, 1080), INPUT_WH)
    mapped = letterbox.to_picture(boxes((-50, 0, 700, 384), (10, 12, 20, 372)))
    np.testing.assert_allclose(mapped, boxes((0, 0, 1920, 1080), (30, 0, 60, 1080)), atol=1e-3)


def test_overlap_is_intersection_over_union() -> None:
    overlaps = iou_matrix(boxes((0, 0, 10, 10), (5, 5, 5, 9)), boxes((0, 0, 10, 10), (5, 0, 15, 10), (20, 20, 30, 30)))
    np.testing.assert_allclose(overlaps, np.array([[1, 1 / 3, 0], [0, 0, 0]], np.float32), atol=1e-6)


def test_the_most_confident_of_overlapping_boxes_stays() -> None:
    xyxy = boxes((0, 0, 10, 10), (1, 0, 11, 10), (40, 40, 50, 50))
    keep = keep_by_class(xyxy, np.array([0.5, 0.9, 0.4], np.float32), np.array([0, 0, 0]), 0.5)
    assert keep.tolist() == [1, 2]


def test_boxes_of_different_classes_do_not_suppress_each_other() -> None:
    xyxy = boxes((0, 0, 10, 10), (0, 0, 10, 10))
    keep = keep_by_class(xyxy, np.array([0.5, 0.9], np.float32), np.array([0, 1]), 0.5)
    assert keep.tolist() == [1, 0]


def test_a_suppressed_box_suppresses_nothing() -> None:
    # A row of three: the middle one overlaps both, the outer ones do not overlap each other enough.
    xyxy = boxes((0, 0, 10, 10), (3, 0, 13, 10), (6, 0, 16, 10))
    keep = keep_by_class(xyxy, np.array([0.9, 0.8, 0.7], np.float32), np.array([0, 0, 0]), 0.5)
    assert keep.tolist() == [0, 2]


def test_no_boxes_stay_no_boxes() -> None:
    assert keep_by_class(boxes(), np.zeros(0, np.float32), np.zeros(0, np.intp), 0.5).tolist() == []


def level(cells: int) -> HeadLevel:
    """A grid without a detection; all distance logits equal, which means 5 strides to each side."""
    return HeadLevel(np.zeros((cells, 2), np.float32), np.zeros((cells, 4 * BINS), np.float32))


def test_known_logits_decode_to_known_boxes() -> None:
    coarse, fine = level(240), level(3840)
    # Grid of stride 32: 20 columns. Cell 42 is column 2, row 2: centre (80, 80).
    coarse.scores[42] = [0.2, 0.8]
    for side, strides in enumerate((1, 2, 3, 0)):
        coarse.distances[42, side * BINS + strides] = 100.0  # all the weight on one bin
    # Grid of stride 8: 80 columns. Cell 81 is column 1, row 1: centre (12, 12); equal logits mean 5 strides.
    fine.scores[81] = [0.6, 0.1]

    found = decode({32: coarse, 8: fine}, INPUT_WH, 0.5)

    np.testing.assert_allclose(found.xyxy, boxes((48, 16, 176, 80), (-28, -28, 52, 52)), atol=1e-3)
    np.testing.assert_allclose(found.confidence, [0.8, 0.6])
    assert found.class_id.tolist() == [1, 0]


def test_a_distance_between_two_bins_is_their_weighted_mean() -> None:
    grid = level(240)
    grid.scores[0] = [0.9, 0]
    grid.distances[0] = -100.0
    for side in range(4):
        grid.distances[0, side * BINS + 2] = np.log(3.0)
        grid.distances[0, side * BINS + 3] = np.log(1.0)
    found = decode({32: grid}, INPUT_WH, 0.5)
    np.testing.assert_allclose(found.xyxy, boxes((16 - 72, 16 - 72, 16 + 72, 16 + 72)), atol=1e-3)  # 2.25 strides


def test_huge_logits_do_not_overflow() -> None:
    grid = level(240)
    grid.scores[0] = [0.9, 0]
    grid.distances[0] = 1e4
    assert np.isfinite(decode({32: grid}, INPUT_WH, 0.5).xyxy).all()


def test_cells_below_the_threshold_give_nothing() -> None:
    grid = level(240)
    grid.scores[7] = [0.29, 0.1]
    assert len(decode({32: grid}, INPUT_WH, 0.3).xyxy) == 0
