"""A made day at the kerb: one parked car for hours, seen as the detector really sees one.

The detections are those of `hidden_parked_car.json`, played in a loop: their jitter, their misses, the van that hides
the car whole and the traffic beside it. Added are what hours bring: nights in which the car is found in one search of
three and with low scores, the camera's infrared switch (nothing is found for seconds, then a box that sits a little
otherwise), buses that stop in front for ten seconds, and quiet times that the motion gate does not search.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge.picture import ArrayPicture
from edge.tracking import ByteTracker
from edge.types import Detections, Frame
from tests.support.scenes import NOON

RECORDING = Path(__file__).parent / "hidden_parked_car.json"
WIDTH, HEIGHT = 960, 540
CAR = (472.0, 214.0, 593.0, 288.0)
"""Where the car stands, xyxy in pixels."""
FPS = 5.0
NIGHT_S = 1800.0
"""Half an hour of day, half an hour of night, and so on."""
SWITCH_S = 4.0
BUS_EVERY_S, BUS_S = 300.0, 10.0
QUIET_EVERY_S, QUIET_S, RECHECK_S = 120.0, 40.0, 2.6
"""In every two minutes there are forty seconds without motion."""
FOUND_AT_NIGHT = 0.35
ON_THE_CAR = 0.7
"""Overlap (IoU) from which a track is on the car: it has not drifted, and a car in the next lane reaches 0.4."""
Row = tuple[str, float, float, float, float, float]


@dataclass(slots=True)
class Stay:
    """How the tracker saw the car."""

    ids: Counter[int] = field(default_factory=Counter)
    """In how many pictures each track was found on the car."""
    searches: int = 0


def detections(hours: float, seed: int = 1) -> Iterator[tuple[float, list[Row] | None]]:
    """Seconds and what is found then; None: not searched."""
    rng = np.random.default_rng(seed)
    recorded = [rows for _, rows in json.loads(RECORDING.read_text(encoding="utf-8"))]
    searched_s = float("-inf")
    for index in range(round(hours * 3600.0 * FPS)):
        at_s = index / FPS
        night = int(at_s // NIGHT_S) % 2 == 1
        is_quiet = QUIET_EVERY_S - at_s % QUIET_EVERY_S <= QUIET_S
        if is_quiet and at_s - searched_s < RECHECK_S:
            yield at_s, None
            continue
        searched_s = at_s
        if at_s >= NIGHT_S and at_s % NIGHT_S < SWITCH_S:
            yield at_s, []
            continue
        rows: list[Row] = []
        bus = at_s % BUS_EVERY_S < BUS_S and at_s > BUS_EVERY_S
        for name, real_score, *real_box in recorded[0 if is_quiet else index % len(recorded)]:
            is_car = abs(real_box[0] - CAR[0]) < 60 and abs(real_box[2] - CAR[2]) < 60
            if is_car and (bus or (night and rng.random() > FOUND_AT_NIGHT)):
                continue
            score = real_score * rng.uniform(0.4, 1.0) if night else real_score
            x1, y1, x2, y2 = (side + rng.normal(3.0 if night else 0.0, 1.0) for side in real_box)
            rows.append((name, score, x1, y1, x2, y2))
        if bus:
            x = 360.0 + rng.normal(0.0, 2.0)
            rows.append(("bus", 0.8, x, 90.0, x + 330.0, 320.0))
        yield at_s, rows


def watch(tracker: ByteTracker, hours: float, seed: int = 1) -> Stay:
    """Let a tracker follow the car."""
    stay, picture = Stay(), ArrayPicture(np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    for at_s, rows in detections(hours, seed):
        if rows is None:
            tracker.hold(at_s)
            continue
        stay.searches += 1
        found = Detections(
            np.array([row[2:] for row in rows], np.float32).reshape(-1, 4),
            np.array([row[1] for row in rows], np.float32),
            tuple(row[0] for row in rows),
        )
        for track in tracker.update(found, Frame("cam", picture, at_s, NOON, stay.searches)):
            if track.detected and _overlap(track.xyxy) >= ON_THE_CAR:
                stay.ids[int(track.track_id)] += 1
    return stay


def _overlap(box: tuple[float, float, float, float]) -> float:
    """Intersection over union of a normalised box and the car."""
    x1, y1, x2, y2 = box[0] * WIDTH, box[1] * HEIGHT, box[2] * WIDTH, box[3] * HEIGHT
    wide, high = min(x2, CAR[2]) - max(x1, CAR[0]), min(y2, CAR[3]) - max(y1, CAR[1])
    if wide <= 0.0 or high <= 0.0:
        return 0.0
    return wide * high / ((x2 - x1) * (y2 - y1) + (CAR[2] - CAR[0]) * (CAR[3] - CAR[1]) - wide * high)
