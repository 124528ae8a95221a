"""The simulated detector makes the mistakes that it was told to make."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from bench.worlds.noise import MeasuredNoise, NoNoise, Sight, make_noise, read_figures

SIZE = (1280, 720)
WIDE = 0.4


def sight(time_s: float, rows: float = 50.0, count: int = 40, visible: float = 1.0) -> Sight:
    """People beside each other, so many rows of the model's input high (two of the picture's each)."""
    left = np.linspace(50.0, 1100.0, count)
    top = np.full(count, 100.0)
    boxes = np.column_stack((left, top, left + WIDE * 2.0 * rows, top + 2.0 * rows))
    return Sight(time_s, np.arange(count), ("person",) * count, boxes, np.full(count, visible), SIZE)


def figures(*, missed: float, share: float = 0.0, tau_s: float = 1.0) -> dict[str, Any]:
    """Measured figures with these misses of people, and nothing false."""
    changed = copy.deepcopy(read_figures())
    person = changed["groups"]["person"]
    for size in person["sizes"]:
        size["missed"] = missed
    person["miss_in_time"] = {"share": share, "tau_s": tau_s}
    changed["false"] |= {"loose_a_picture": 0.0, "spots_a_clip": 0.0, "doubles": {}}
    return changed


def counts(noise: MeasuredNoise, fps: float, seconds: float, **more: Any) -> list[int]:
    return [len(noise.detect(sight(index / fps, **more))) for index in range(int(fps * seconds))]


def test_without_noise_everything_is_found_exactly() -> None:
    truth = sight(0.0, count=3)
    found = NoNoise().detect(truth)
    assert found.xyxy.tolist() == truth.xyxy.astype(np.float32).tolist()
    assert found.class_name == ("person",) * 3


def test_a_seed_gives_the_same_detections() -> None:
    first, second = (make_noise("measured", 7) for _ in range(2))
    for index in range(50):
        a, b = first.detect(sight(index / 5.0)), second.detect(sight(index / 5.0))
        assert a.xyxy.tolist() == b.xyxy.tolist()
        assert a.class_name == b.class_name


@pytest.mark.parametrize("fps", [1.0, 5.0, 25.0])
def test_as_much_is_missed_as_was_measured_at_any_frame_rate(fps: float) -> None:
    found = np.mean(counts(MeasuredNoise(1.0, 3, figures(missed=0.3)), fps, 200.0 / fps + 20.0, count=20)) / 20.0
    assert found == pytest.approx(0.7, abs=0.05)


@pytest.mark.parametrize("fps", [5.0, 25.0])
def test_a_miss_lasts_equally_long_at_any_frame_rate(fps: float) -> None:
    noise = MeasuredNoise(1.0, 3, figures(missed=0.3, tau_s=1.0))
    missed = np.array([40 - len(noise.detect(sight(index / fps, count=40))) for index in range(int(60 * fps))])
    step = int(fps)
    correlation = np.corrcoef(missed[:-step], missed[step:])[0, 1]
    assert correlation == pytest.approx(0.26, abs=0.25)  # of misses, where the latent numbers' is exp(-1)


def test_what_belongs_to_the_object_stays() -> None:
    noise = MeasuredNoise(1.0, 5, figures(missed=0.3, share=0.9, tau_s=0.1))
    seen = np.zeros(40)
    for index in range(100):
        found = noise.detect(sight(index / 5.0))
        for box in found.xyxy:
            seen[int(np.argmin(np.abs(sight(0.0).xyxy[:, 0] - box[0])))] += 1
    assert (seen < 20).sum() >= 4
    assert (seen > 80).sum() >= 20


def test_double_noise_misses_and_trembles_twice_as_much() -> None:
    spread, share = [], []
    for strength in (1.0, 2.0):
        noise = MeasuredNoise(strength, 11, figures(missed=0.2))
        errors, found = [], 0
        for index in range(100):
            detections = noise.detect(sight(index * 10.0, count=20))
            found += len(detections)
            true = sight(0.0, count=20).xyxy
            nearest = np.abs(true[:, None, 0] - detections.xyxy[None, :, 0]).argmin(axis=0)
            errors.append(detections.xyxy[:, 3] - true[nearest, 3])
        spread.append(np.concatenate(errors).std())
        share.append(found / 2000.0)
    assert spread[1] == pytest.approx(2.0 * spread[0], rel=0.15)
    assert share[0] == pytest.approx(0.8, abs=0.05)
    assert share[1] == pytest.approx(0.6, abs=0.05)


def test_small_and_hidden_people_are_missed_more_often() -> None:
    usual, small, hidden = (
        np.mean(counts(MeasuredNoise(1.0, 2), 1.0, 200.0, **more))
        for more in ({"rows": 60.0}, {"rows": 8.0}, {"rows": 60.0, "visible": 0.2})
    )
    assert small < 0.8 * usual
    assert hidden < 0.8 * usual


def test_boxes_stay_in_the_picture_and_have_an_area() -> None:
    noise = make_noise("double", 4)
    for index in range(100):
        found = noise.detect(sight(index / 2.0, rows=300.0, count=8))
        assert (found.xyxy[:, :2] >= 0.0).all()
        assert (found.xyxy[:, 2:] <= SIZE).all()
        assert (found.xyxy[:, 2:] > found.xyxy[:, :2]).all()


def test_nothing_is_seen_now_and_then_where_nothing_is() -> None:
    changed = figures(missed=0.1)
    changed["false"] |= {"loose_a_picture": 0.2, "loose_s": 1.0}
    noise = MeasuredNoise(1.0, 6, changed)
    empty = [len(noise.detect(sight(index / 5.0, count=0))) for index in range(1500)]
    assert np.mean(empty) == pytest.approx(0.2, abs=0.1)
