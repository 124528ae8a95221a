"""Where each track of a camera went, thinned as it grows: the paths that events carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from contract.event import MAX_PATH_POINTS, TrackPath
from contract.geometry import Point
from edge.types import Observation, TrackId

FORGET_AFTER_S = 180.0
"""Longer than any rule's clear time and re-link gap, and than a thing stands alone until it is told who left it."""
_MAX_KEPT = 4 * MAX_PATH_POINTS


@dataclass(slots=True)
class _Kept:
    class_name: str
    last_seen_s: float
    points: list[tuple[float, Point]] = field(default_factory=list)
    """`(monotonic_s, ground)` of real detections."""


class TrackHistory:
    """The ground points of every recent track of one camera."""

    def __init__(self) -> None:
        self._tracks: dict[TrackId, _Kept] = {}

    def observe(self, observation: Observation) -> None:
        """Add what was really detected, and forget tracks that are long gone."""
        for track in observation.tracks:
            kept = self._tracks.setdefault(track.track_id, _Kept(track.class_name, track.last_seen_s))
            kept.last_seen_s = observation.monotonic_s
            if track.detected or not kept.points:
                kept.class_name = track.class_name
                kept.points.append((observation.monotonic_s, track.ground))
                if len(kept.points) > _MAX_KEPT:
                    # Every other point; the first and the last stay.
                    kept.points = [*kept.points[:-1:2], kept.points[-1]]
        horizon_s = observation.monotonic_s - FORGET_AFTER_S
        for track_id in [key for key, kept in self._tracks.items() if kept.last_seen_s < horizon_s]:
            del self._tracks[track_id]

    def path(self, track_id: TrackId, started_s: float) -> TrackPath | None:
        """The path of a track, thinned to `MAX_PATH_POINTS`; None when it is not known (any more).

        Args:
            track_id: Whose.
            started_s: Monotonic time that the offsets count from.
        """
        kept = self._tracks.get(track_id)
        if kept is None:
            return None
        points = thin(kept.points, MAX_PATH_POINTS)
        return TrackPath(
            track_id=int(track_id),
            object_class=kept.class_name,
            points=tuple((_normalised(x), _normalised(y)) for _, (x, y) in points),
            offsets_s=tuple(round(moment_s - started_s, 3) for moment_s, _ in points),
        )


def thin(points: Sequence[tuple[float, Point]], limit: int) -> list[tuple[float, Point]]:
    """At most `limit` points, evenly chosen by index; the first and the last stay."""
    if len(points) <= limit:
        return list(points)
    step = (len(points) - 1) / (limit - 1)
    return [points[round(i * step)] for i in range(limit)]


def _normalised(value: float) -> float:
    """A box may reach a little out of the picture."""
    return round(min(1.0, max(0.0, value)), 4)
