"""Which detections count."""

from __future__ import annotations

import numpy as np

from contract.camera_config import ObjectsConfig
from edge.tracking import filter_detections
from edge.types import Detections

SIZE = (1000, 500)


def detections(*rows: tuple[str, float, tuple[float, float, float, float]]) -> Detections:
    return Detections(
        np.array([row[2] for row in rows], np.float32).reshape(-1, 4),
        np.array([row[1] for row in rows], np.float32),
        tuple(row[0] for row in rows),
    )


def kept(found: Detections, **objects: object) -> list[str]:
    return list(filter_detections(found, ObjectsConfig.model_validate(objects), SIZE).class_name)


BOX = (0.0, 0.0, 100.0, 50.0)  # 1 % of the picture, twice as wide as high


def test_only_tracked_classes_are_kept() -> None:
    found = detections(("person", 0.9, BOX), ("dog", 0.9, BOX), ("car", 0.9, BOX))
    assert kept(found) == ["person", "car"]
    assert kept(found, track=["car"]) == ["car"]


def test_each_class_has_its_own_limits() -> None:
    found = detections(("person", 0.5, BOX), ("car", 0.5, BOX))
    assert kept(found, filters={"person": {"min_score": 0.6}}) == ["car"]
    assert kept(found, filters={"person": {"min_score": 0.5}}) == ["person", "car"]
    assert kept(found, filters={"car": {"min_area": 0.02}}) == ["person"]
    assert kept(found, filters={"car": {"max_area": 0.005}}) == ["person"]
    assert kept(found, filters={"car": {"max_ratio": 1.5}}) == ["person"]
    assert kept(found, filters={"car": {"min_ratio": 2.5}}) == ["person"]


def test_boxes_and_scores_stay_together() -> None:
    found = detections(("dog", 0.1, BOX), ("car", 0.7, (10, 20, 30, 40)))
    result = filter_detections(found, ObjectsConfig(), SIZE)
    assert result.xyxy.tolist() == [[10, 20, 30, 40]]
    assert result.confidence.tolist() == [np.float32(0.7)]


def test_impossible_boxes_never_reach_the_tracker() -> None:
    nan = float("nan")
    found = detections(
        ("car", 0.9, (nan, 0, 10, 10)),
        ("car", nan, BOX),
        ("car", 0.9, (10, 10, 10, 20)),
        ("car", 0.9, (10, 30, 20, 20)),
    )
    assert kept(found) == []
    assert kept(Detections.empty()) == []
