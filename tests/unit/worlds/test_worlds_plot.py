"""The plot of the worlds' figures."""

from __future__ import annotations

from bench.worlds.report import plot
from bench.worlds.score import Score


def test_a_run_at_one_rate_shows_its_points_though_it_has_no_lines() -> None:
    score = Score(right=3, false=1, missed=2)
    drawn = plot({("measured", 5.0): {"wrong_way": score}}, 5.0, "measured")
    assert drawn.count("<circle") == 2  # precision and recall
    assert "wrong_way" in drawn
