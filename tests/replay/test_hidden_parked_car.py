"""A drawn street in which a van hides the parked car whole: the tracker and the rule together.

`hidden_parked_car.json` holds what the embedded detector found five times a second in an earlier drawing of the demo's
street, 960 by 540 pixels: [second, [[class, score, x1, y1, x2, y2], ...]]. A van hides the car at 38.8-39.8 s.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edge.picture import ArrayPicture
from edge.tracking import ByteTracker
from edge.types import Detections, Frame, Track
from tests.support.scenes import ASPECT, NOON, make_rule, observation, raised_at_s, states

RECORDING = Path(__file__).parent / "hidden_parked_car.json"
PICTURE = np.zeros((540, 960, 3), np.uint8)
CAR = (533 / 960, 288 / 540)
"""Where the parked car touches the ground."""


def _recorded() -> list[tuple[float, Detections]]:
    frames = []
    for at_s, found in json.loads(RECORDING.read_text(encoding="utf-8")):
        boxes = np.array([row[2:] for row in found], np.float32).reshape(-1, 4)
        scores = np.array([row[1] for row in found], np.float32)
        frames.append((at_s, Detections(boxes, scores, tuple(row[0] for row in found))))
    return frames


def _is_at_the_car(track: Track) -> bool:
    x, y = track.ground
    return track.detected and abs(x - CAR[0]) * ASPECT < 0.03 and abs(y - CAR[1]) < 0.02


def test_the_parked_car_keeps_its_track_and_its_stay_behind_a_passing_van() -> None:
    tracker = ByteTracker()
    rule = make_rule("illegal_parking", zones=["het"], max_stay_s=20.0, relink_s=5.0, clear_after_s=5.0)
    events, parked = [], []
    for at_s, found in _recorded():
        tracks = tracker.update(found, Frame("cam", ArrayPicture(PICTURE), at_s, NOON, round(5 * at_s)))
        parked += [track.track_id for track in tracks if _is_at_the_car(track)]
        events += rule.observe(observation(at_s, tracks))
    assert len(parked) > 110  # of 161 pictures; in the others it is hidden in part
    assert len(set(parked)) == 1
    assert states(events) == ["start"]
    assert raised_at_s(events) == [pytest.approx(46.0, abs=1.5)]
    assert events[0].track_ids == (parked[0],)
