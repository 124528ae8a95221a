"""The tracker's thresholds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """Thresholds; overlaps are of boxes that the filter's uncertainty has widened."""

    sure_score: float = 0.45
    """Detections from here on are matched first; two of them are a track."""
    fair_score: float = 0.3
    """Detections from here on are a track if there are `FAIR_LOOKS` on one way."""
    unsure_score: float = 0.1
    """Detections below are dropped."""
    sure_overlap: float = 0.2
    unsure_overlap: float = 0.4
    new_overlap: float = 0.3
    """For a track that is not confirmed: it has no speed yet, and may be a wrong detection."""
    new_s: float = 0.15
    """How long a track that is not confirmed may be missed: one search of ten a second, none of five ..."""
    new_moving_s: float = 0.25
    """... and one of five, but then it must move to be somebody: what flickers in its place is a wrong detection."""
    lost_s: float = 3.0
    """A track that is not found for this long ends."""
    coast_s: float = 1.0
    """A track that is not found is reported at its predicted place for this long."""
    lost_boxes: float = 2.0
    """A track that was so fast that it moved by more than this many of its longer sides since ends earlier: it may be
    anywhere by now, and its box would take up another object ..."""
    lost_least_s: float = 0.5
    """... but not before this long."""
