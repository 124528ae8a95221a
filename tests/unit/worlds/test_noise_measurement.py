"""What `bench.measure_noise` makes of samples whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from bench.noise_fit import Series, both_below, fit_decay, miss_correlation, normal_scores, rank_correlation
from bench.noise_tracks import covered, cut_off, edges_of, follow, pairs_of
from edge.types import Detections

TIMES = np.arange(0.0, 60.0, 0.2)


def latent(share: float, tau_s: float, count: int) -> list[np.ndarray]:
    """Normal numbers of objects, each with what it keeps and what changes."""
    rng = np.random.default_rng(1)
    kept = np.exp(-0.2 / tau_s)
    series = []
    for _ in range(count):
        own, now, values = rng.standard_normal(), rng.standard_normal(), []
        for _ in TIMES:
            now = kept * now + np.sqrt(1.0 - kept**2) * rng.standard_normal()
            values.append(np.sqrt(share) * own + np.sqrt(1.0 - share) * now)
        series.append(np.array(values))
    return series


def test_two_rare_things_happen_together_as_often_as_they_are_alike() -> None:
    share = np.full(1, 0.2)
    assert both_below(share, share, 0.0) == pytest.approx([0.04], abs=1e-3)
    assert both_below(share, share, 0.9999) == pytest.approx([0.2], abs=5e-3)


def test_the_latent_correlation_is_found_again_from_misses_alone() -> None:
    lag_s, share, tau_s = 0.4, 0.3, 0.8
    missed = [(values < -0.8416).astype(float) for values in latent(share, tau_s, 60)]
    series = [Series(TIMES, values, np.full(len(TIMES), np.mean(missed))) for values in missed]
    expected = share + (1.0 - share) * np.exp(-lag_s / tau_s)
    assert miss_correlation(series, lag_s) == pytest.approx(expected, abs=0.08)


def test_too_few_pairs_say_nothing() -> None:
    assert miss_correlation([Series(np.arange(3.0), np.ones(3), np.full(3, 0.5))], 1.0) is None


def test_what_belongs_to_the_object_and_what_changes_are_told_apart() -> None:
    series = [Series(TIMES, values, np.zeros(len(TIMES))) for values in latent(0.4, 0.5, 60)]
    known = {lag: value for lag in (0.2, 0.4, 0.8, 1.6, 3.2) if (value := rank_correlation(series, lag)) is not None}
    fitted = fit_decay(known)
    assert fitted["share"] == pytest.approx(0.4, abs=0.12)
    assert fitted["tau_s"] == pytest.approx(0.5, rel=0.4)


def test_normal_scores_keep_the_order_and_have_variance_one() -> None:
    values = np.exp(np.random.default_rng(2).standard_normal(2000))
    scores = normal_scores(values)
    assert (np.argsort(scores) == np.argsort(values)).all()
    assert scores.std() == pytest.approx(1.0, abs=0.02)


def seen(x: float, score: float = 0.8) -> Detections:
    return Detections(np.array([[x, 100.0, x + 20.0, 150.0]], np.float32), np.array([score], np.float32), ("person",))


def test_an_object_is_followed_through_pictures_in_which_it_was_missed() -> None:
    times = [0.2 * index for index in range(30)]
    found = [Detections.empty() if 10 <= index < 14 else seen(100.0 + 4.0 * index) for index in range(30)]
    (item,) = follow(times, found)
    assert len(item.times) == 30
    assert item.xyxy[12] == pytest.approx([148.0, 100.0, 168.0, 150.0], abs=1.0)
    assert item.moved > 2.0


def test_what_is_seen_shortly_or_weakly_is_nobody() -> None:
    times = [0.2 * index for index in range(30)]
    assert follow(times, [seen(100.0) if index < 5 else Detections.empty() for index in range(30)]) == []
    assert follow(times, [seen(100.0, 0.3)] * 30) == []


def test_only_nearer_objects_cover_others() -> None:
    boxes = np.array([[0.0, 0.0, 10.0, 10.0], [5.0, 0.0, 15.0, 12.0]])
    assert covered(boxes, 0) == pytest.approx(0.5)
    assert covered(boxes, 1) == 0.0


def test_detections_are_paired_within_look_alikes_and_edges_told_in_sides() -> None:
    boxes = np.array([[100.0, 100.0, 120.0, 150.0], [300.0, 100.0, 340.0, 140.0]])
    found = Detections(
        np.array([[102.0, 100.0, 120.0, 155.0], [300.0, 100.0, 340.0, 140.0]], np.float32),
        np.array([0.5, 0.6], np.float32),
        ("person", "car"),
    )
    assert pairs_of(boxes, ["person", "person"], found) == [(0, 0)]
    assert edges_of(found.xyxy[0], boxes[0]) == pytest.approx((0.1, 0.0, 0.0, 0.1))
    assert cut_off(np.array([2.0, 100.0, 50.0, 200.0]), 640, 480)
    assert not cut_off(np.array([20.0, 100.0, 50.0, 200.0]), 640, 480)
