"""A few good pictures of each vehicle in view, in memory only: read if an event becomes about it, else dropped.

Nothing here is ever written anywhere. A vehicle's pictures are dropped when they were read at its event's end, and
otherwise as soon as it is out of sight.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.rules.base import MOTOR_VEHICLE_CLASSES
from edge.types import Frame, Track, TrackId

KEPT = 3
"""Pictures of a vehicle; three can outvote one."""
MAX_VEHICLES = 24
"""Of them all some 25 MB."""
LEAST_WIDTH_PX = 60
"""On a narrower vehicle no letter of a plate has five pixels."""
WIDEST_PX = 480
"""Larger pictures are made smaller: a plate is a fifth of a car's width, and 96 pixels suffice."""
EVERY_S = 0.4
"""Pictures closer to each other show the same."""
GAP_S = 30.0
"""Nobody looked for so long: whatever is in view may be another vehicle."""
SHARP = 150.0
"""Variance of the Laplacian from which on a picture counts as sharp."""


@dataclass(slots=True)
class _Vehicle:
    seen_s: float
    has_event: bool = False
    """Its pictures are kept until the event ends."""
    closed: bool = False
    """It was out of sight since: its track may have gone to another, which the tracker took for it."""
    taken_s: float = float("-inf")
    pictures: list[tuple[float, NDArray[np.uint8]]] = field(default_factory=list)
    """How good, and (H, W, 3) uint8, BGR; the best first."""


class Candidates:
    """Pictures of the vehicles that one camera sees."""

    def __init__(self) -> None:
        self._vehicles: dict[TrackId, _Vehicle] = {}

    def look(self, frame: Frame, tracks: Sequence[Track]) -> None:
        """Keep what is better than what there is.

        Args:
            frame: Of the next observation, searched or not.
            tracks: All that are reported; those that were not detected in this frame are where they were.
        """
        self._drop(frame.monotonic_s, {track.track_id for track in tracks})
        for track in tracks:
            if not track.detected or track.class_name not in MOTOR_VEHICLE_CLASSES:
                continue
            vehicle = self._vehicles.setdefault(track.track_id, _Vehicle(frame.monotonic_s))
            if not vehicle.closed:
                _take(vehicle, frame, track)
        while len(self._vehicles) > MAX_VEHICLES:
            self.forget([min(self._vehicles, key=lambda key: self._vehicles[key].seen_s)])

    def pictures(self, track_ids: Sequence[TrackId]) -> list[NDArray[np.uint8]]:
        """The best pictures of a vehicle, by its tracks."""
        found = [
            item for track_id in track_ids if track_id in self._vehicles for item in self._vehicles[track_id].pictures
        ]
        return [picture for _, picture in sorted(found, key=lambda item: -item[0])[:KEPT]]

    def keep(self, track_ids: Iterable[TrackId]) -> None:
        """An event is about a vehicle: keep its pictures until `forget`."""
        for track_id in track_ids:
            if track_id in self._vehicles:
                self._vehicles[track_id].has_event = True

    def forget(self, track_ids: Iterable[TrackId] | None = None) -> None:
        """Drop the pictures of some vehicles; None: of all."""
        for track_id in list(self._vehicles) if track_ids is None else track_ids:
            self._vehicles.pop(track_id, None)

    def __len__(self) -> int:
        return len(self._vehicles)

    def _drop(self, now_s: float, reported: set[TrackId]) -> None:
        """Whoever is out of sight is dropped, or, with an event, closed: nothing is added any more."""
        for track_id, vehicle in list(self._vehicles.items()):
            if track_id in reported and 0.0 <= now_s - vehicle.seen_s <= GAP_S:
                vehicle.seen_s = now_s
            elif vehicle.has_event:
                vehicle.closed = True
            else:
                del self._vehicles[track_id]


def _take(vehicle: _Vehicle, frame: Frame, track: Track) -> None:
    """Keep this picture of a vehicle if it may be one of the best."""
    width, height = frame.resolution_wh
    size = track.width * width * track.height * height
    least = 0.0 if len(vehicle.pictures) < KEPT else vehicle.pictures[-1][0]
    early = 0.0 <= frame.monotonic_s - vehicle.taken_s < EVERY_S
    if track.width * width < LEAST_WIDTH_PX or size <= least or early:
        return
    vehicle.taken_s = frame.monotonic_s
    picture = _crop(frame, track)
    if picture is not None:
        vehicle.pictures.append((size * _sharpness(picture), picture))
        vehicle.pictures.sort(key=lambda item: -item[0])
        del vehicle.pictures[KEPT:]


def _crop(frame: Frame, track: Track) -> NDArray[np.uint8] | None:
    """A copy of the vehicle's box: the frame itself is not held."""
    width, height = frame.resolution_wh
    x1, y1, x2, y2 = (round(value * side) for value, side in zip(track.xyxy, (width, height) * 2, strict=True))
    crop = frame.image[max(0, y1) : min(height, y2), max(0, x1) : min(width, x2)]
    if crop.size == 0:
        return None
    scale = WIDEST_PX / crop.shape[1]
    if scale >= 1.0:
        return crop.copy()
    size = (WIDEST_PX, max(1, round(crop.shape[0] * scale)))
    return np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8)


def _sharpness(picture: NDArray[np.uint8]) -> float:
    """From 0 (a smear) to 1 (sharp), of the lower half, where plates are."""
    grey = cv2.cvtColor(picture[picture.shape[0] // 2 :], cv2.COLOR_BGR2GRAY)
    return min(1.0, float(cv2.Laplacian(grey, cv2.CV_64F).var()) / SHARP)
