"""Where the detector itself saw a vehicle, and which of these places are one vehicle's.

o o o      o o o o      one vehicle that was missed for a while: its places go on where its pace leads to
o o o
     o o o o            two: a track that was handed over, or a vehicle that went on as another
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from contract.geometry import Point
from edge.behaviour.moment import Moment
from edge.behaviour.speed import Tremble, tremble_in_plane
from edge.scene.scene import Scene
from edge.types import Track, TrackId

Box = tuple[float, float, float, float]

GAP_STEPS = 1.6
"""More than so many usual steps between two places: it was missed."""
JUMP_SURE = 3.0
"""Standard deviations by which a place may be off from where the pace led to, ..."""
JUMP_M = 2.0
"""... or metres: nothing is handed over to itself, and less is a motorbike's length."""
AT_BORDER = 0.01
"""A box so near to the picture's edge is cut off there."""
CHANGES = 0.05
"""Share of a pace that may be gained or lost while nobody looks."""


@dataclass(slots=True)
class Spot:
    """One place of a track, by the detector's own box: `edge.behaviour.speed.Place`.

    Never changed; not frozen, which would cost three times as much to make.
    """

    track_id: TrackId
    moment: Moment
    at_s: float
    """Its watched second."""
    ground: Point
    plane: Point
    size: float


def spots_of(track: Track, scene: Scene, aspect: float, now: Moment) -> list[Spot]:
    """Where a track was detected just now, after the places where it was before it was known to be somebody.

    Boxes that the picture cuts are left out, and places above the horizon.
    """
    seen = [(now.ago(now.monotonic_s - early.monotonic_s), early.xyxy) for early in track.before]
    spots = []
    for moment, box in [*seen, (now, track.found or track.xyxy)]:
        x1, y1, x2, y2 = box
        ground = ((x1 + x2) / 2.0, y2)
        plane = scene.to_plane(ground, aspect) if is_whole(box) else None
        if plane is not None:
            size = max((x2 - x1) * aspect, y2 - y1)
            spots.append(Spot(track.track_id, moment, moment.watched_s, ground, plane, size))
    return spots


def is_whole(xyxy: Box) -> bool:
    """Whether neither the picture's sides nor its lower edge cut a box: else its foot is not on the ground."""
    x1, _, x2, y2 = xyxy
    return x1 >= AT_BORDER and x2 <= 1.0 - AT_BORDER and y2 <= 1.0 - AT_BORDER


def one_vehicle(spots: Sequence[Spot], scene: Scene, aspect: float, tremble: Tremble) -> list[Spot]:
    """The longest part of a way, in seconds, that is one vehicle's.

    Args:
        spots: In order of time, at most some dozens, at a pace at which neighbours say something new.
        scene: The camera's, with a homography.
        aspect: Width of the picture divided by its height.
        tremble: How such vehicles' boxes tremble.
    """
    parts = _parts(spots)
    ways = [parts[0]]
    for part in parts[1:]:
        if _goes_on(ways[-1], part, scene, aspect, tremble):
            ways[-1] = ways[-1] + part
        else:
            ways.append(part)
    return max(ways, key=lambda way: way[-1].at_s - way[0].at_s)


def _parts(spots: Sequence[Spot]) -> list[list[Spot]]:
    """Cut where it was missed, or got another track."""
    steps = np.diff([spot.at_s for spot in spots])
    longest_s = GAP_STEPS * float(np.median(steps)) if len(steps) else 0.0
    parts = [[spots[0]]]
    for before, after in pairwise(spots):
        if after.track_id == before.track_id and after.at_s - before.at_s <= longest_s:
            parts[-1].append(after)
        else:
            parts.append([after])
    return parts


def _goes_on(way: Sequence[Spot], part: Sequence[Spot], scene: Scene, aspect: float, tremble: Tremble) -> bool:
    """Whether a part begins where a way leads to; as long as neither has a pace, nobody can tell."""
    times = [np.array([spot.at_s for spot in one]) for one in (way, part)]
    places = [np.array([spot.plane for spot in one]) for one in (way, part)]
    centred = np.concatenate([each - each.mean() for each in times])
    moved = np.concatenate([each - each.mean(axis=0) for each in places])
    square = float(centred @ centred)
    velocity = (centred @ moved) / square if square > 0.0 else np.zeros(2)
    speed = float(np.hypot(*velocity))
    if speed == 0.0:
        return True
    ahead = velocity / speed
    gap_s = float(times[1].mean() - times[0].mean())
    jump = float((places[1].mean(axis=0) - places[0].mean(axis=0)) @ ahead) - speed * gap_s
    if abs(jump) <= JUMP_M:
        return True
    variance = (CHANGES * speed * gap_s) ** 2
    for one, at_s in zip((way, part), times, strict=True):
        place = one[-1]
        spread = tremble_in_plane(place.ground, place.size, scene, aspect, tremble.share)
        if spread is None:
            return True
        box = float(ahead @ spread @ ahead)
        looks = 1.0 + float(at_s[-1] - at_s[0]) / tremble.lasts_s
        variance += box * (tremble.stays + (1.0 - tremble.stays) / looks) + box / square * gap_s**2 / 2.0
    return abs(jump) <= JUMP_SURE * math.sqrt(variance)
