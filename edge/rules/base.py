"""What the rules share: watched time, plausible tracks, fixtures, the pace of updates, and how an event is said.

What several rules of a camera work out of an observation is in `edge.behaviour.watch`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from contract.event import EventState
from contract.geometry import Point, distance, isotropic
from contract.rules import RuleFacts, RuleParams
from edge.behaviour.moment import FORGET_S, MAX_STEP_S, Moment, RunningMean
from edge.behaviour.watch import Watch
from edge.scene import Scene
from edge.types import Observation, RuleEvent, Track, TrackId

__all__ = [
    "AT_BORDER",
    "FIXTURE_REACH",
    "MAX_STEP_S",
    "Box",
    "Moment",
    "Pace",
    "RunningMean",
    "TimedRule",
    "box_diagonal",
    "iou",
    "is_at",
    "is_cut_off",
    "shared_area",
]

UPDATE_EVERY_S = 10.0
UPDATE_GROWTH = 1.5
"""Lengths and durations are told again once they have grown by half: an hour brings a handful of updates, not 360."""
AT_BORDER = 0.01
"""A box so near to the picture's left, right or lower edge is cut off there."""
FIXTURE_REACH = 0.25
"""A fixture is what stands within this share of its box's diagonal of the marked ground point."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
ParamsT = TypeVar("ParamsT", bound=RuleParams)


@dataclass(slots=True)
class Pace:
    """Holds updates back: only news, and at most one every `UPDATE_EVERY_S`."""

    told_s: float
    count: int
    length: float

    def take(self, now_s: float, count: int, length: float) -> bool:
        """Tell whether to send an update now; if so, remember what it says.

        Args:
            now_s: Watched seconds.
            count: A number whose every growth is news (people).
            length: A stay or a distance, news once it has grown by half.
        """
        if now_s - self.told_s < UPDATE_EVERY_S or (count <= self.count and length < UPDATE_GROWTH * self.length):
            return False
        self.told_s, self.count, self.length = now_s, count, length
        return True


class TimedRule(ABC, Generic[ParamsT]):
    """A rule of one camera: keeps watched time and leaves the decision to `_decide`.

    Attributes:
        kind: As in the contract.
        rejected: How many tracks or numbers were refused as impossible, by reason.
    """

    kind: str

    def __init__(self, params: ParamsT, scene: Scene, name: str) -> None:
        """Build a rule.

        Args:
            params: What the admin wrote.
            scene: The camera's scene.
            name: Tells the rules of one camera apart; part of every event's key.

        Raises:
            ValueError: A zone or schedule does not exist.
        """
        for zone_id in params.zones:
            scene.zone(zone_id)
        if params.schedule is not None:
            scene.schedule(params.schedule)
        self.rejected: Counter[str] = Counter()
        self._params = params
        self._scene = scene
        self._name = name
        self._classes = params.object_classes
        self._now: Moment | None = None
        self._step_s = 0.0
        self._watch: Watch | None = None
        self._own: dict[frozenset[str], tuple[str, ...]] = {}

    def share(self, watch: Watch) -> None:
        """Take part in what the camera's rules work out once for all; a rule that is told of nobody watches alone."""
        self._watch = watch

    def observe(self, observation: Observation) -> list[RuleEvent]:
        """Take one observation, in order of time.

        Raises:
            ValueError: The observation is another camera's.
        """
        if observation.camera_id != self._scene.camera_id:
            raise ValueError(
                f"rule {self._name} of camera {self._scene.camera_id}: an observation of {observation.camera_id}"
            )
        events: list[RuleEvent] = []
        before = self._now
        gap_s = 0.0 if before is None else observation.monotonic_s - before.monotonic_s
        if not 0.0 <= gap_s <= FORGET_S:
            events = self._end_all()
        watch = self._watching()
        self._now = watch.take(observation)
        self._step_s = watch.step_s
        events += self._decide(observation, self._now)
        return events

    def _watching(self) -> Watch:
        if self._watch is None:
            self.share(Watch(self._scene))
        assert self._watch is not None  # noqa: S101 - `share` keeps it
        return self._watch

    def finish(self, observation: Observation | None) -> list[RuleEvent]:  # noqa: ARG002 - every event ends when its condition last held, which was observed already
        """End every open event: the camera stops looking."""
        return self._end_all()

    @abstractmethod
    def _decide(self, observation: Observation, now: Moment) -> list[RuleEvent]:
        """Turn one observation into events."""

    @abstractmethod
    def _end_all(self) -> list[RuleEvent]:
        """End every open event and forget what was seen."""

    def _in_force(self, now: Moment) -> bool:
        return self._scene.is_active(self._params.schedule, now.utc)

    def _tracks(self, observation: Observation, fixtures: Collection[Point] = ()) -> Sequence[Track]:
        """The tracks of the rule's classes, less impossible boxes and what the operator marked as fixed.

        The observation is the one that `_decide` was given.
        """
        watch = self._watching()
        for track in watch.impossible:
            if track.class_name in self._classes:
                self.rejected["box"] += 1
        tracks = watch.tracks(self._classes)
        if not fixtures:
            return tracks
        return [track for track in tracks if not any(is_at(track, fixture, observation.aspect) for fixture in fixtures)]

    def _own_zones(self, point: Point) -> tuple[str, ...]:
        """Those of the rule's zones that a normalised point lies in, in the rule's order."""
        inside = self._scene.zones_at(point)
        own = self._own.get(inside)
        if own is None:
            own = self._own[inside] = tuple(zone_id for zone_id in self._params.zones if zone_id in inside)
        return own

    def _event(
        self,
        state: EventState,
        key: str,
        *,
        zone: str | None,
        started: Moment,
        observed: Moment,
        confidence: float,
        facts: RuleFacts,
        track_ids: Iterable[TrackId],
    ) -> RuleEvent:
        return RuleEvent(
            kind=self.kind,
            key=f"{self._name}:{key}",
            state=state,
            zone=zone,
            started_s=started.monotonic_s,
            started_utc=started.utc,
            observed_s=observed.monotonic_s,
            observed_utc=max(started.utc, observed.utc),  # a clock set back must not end an event before its start
            confidence=min(1.0, max(0.0, confidence)),
            facts=facts,
            track_ids=tuple(track_ids),
        )


def box_diagonal(track: Track, aspect: float) -> float:
    """Diagonal of a track's box in picture heights."""
    x1, y1, x2, y2 = track.xyxy
    return math.hypot((x2 - x1) * aspect, y2 - y1)


def is_cut_off(box: Box) -> bool:
    """Tell whether a box is cut by the picture's left or right edge: its middle is not where the object stands.

    One cut by the lower edge counts: its foot lags behind, which understates a travel and does not turn it.
    """
    x1, _, x2, _ = box
    return x1 < AT_BORDER or x2 > 1.0 - AT_BORDER


def is_at(track: Track, ground: Point, aspect: float) -> bool:
    """Tell whether a track stands at a marked ground point."""
    apart = distance(isotropic(track.ground, aspect), isotropic(ground, aspect))
    return apart <= FIXTURE_REACH * box_diagonal(track, aspect)


def iou(a: Box, b: Box) -> float:
    """Shared area of two boxes over the area of both together."""
    shared = shared_area(a, b)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared) if shared > 0.0 else 0.0


def shared_area(a: Box, b: Box) -> float:
    """Area that two boxes share."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0.0 and height > 0.0 else 0.0
